"""The ledger recomputed: a model of sixty lines that knows nothing of the schema's functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from overround.money.ledger.model import RawEntry, Violation


def recompute(
    entries: Iterable[RawEntry],
    balances_minor: Mapping[UUID, int],
    player_accounts: frozenset[UUID],
) -> list[Violation]:
    """Replay `entries` (ordered by account, then version) and compare with the stored balances.

    `balances_minor` is what the product says each account holds. Returns every disagreement:
    a transfer that does not sum to zero or has not two entries, a version gap, a wrong running
    balance, a balance below zero in history, a stored balance that its entries do not make, an
    entry of no account.
    """
    found: list[Violation] = []
    sums: defaultdict[tuple[UUID, str, int], int] = defaultdict(int)
    sides: defaultdict[tuple[UUID, str, int], int] = defaultdict(int)
    balance: defaultdict[UUID, int] = defaultdict(int)
    version: defaultdict[UUID, int] = defaultdict(int)
    for entry in entries:
        transfer = (entry.reference, entry.code, entry.transfer_version)
        sums[transfer] += entry.amount_minor
        sides[transfer] += 1
        account = entry.account_id
        balance[account] += entry.amount_minor
        if account not in player_accounts:
            continue
        version[account] += 1
        if entry.version != version[account]:
            found.append(
                Violation(
                    "versions have no gap", str(account), f"{entry.version} at {version[account]}"
                )
            )
            version[account] = entry.version or 0
        if entry.balance_after_minor != balance[account]:
            found.append(
                Violation(
                    "the running balance is right",
                    f"{account} v{entry.version}",
                    f"{entry.balance_after_minor} instead of {balance[account]}",
                )
            )
        if balance[account] < 0:
            found.append(
                Violation("never below zero", f"{account} v{entry.version}", str(balance[account]))
            )
    for (reference, code, of_version), total in sums.items():
        two = sides[reference, code, of_version]
        if total != 0 or two != 2:
            found.append(
                Violation(
                    "two entries that sum to zero",
                    f"{reference} {code} v{of_version}",
                    f"{two}: {total}",
                )
            )
    for account, stored in balances_minor.items():
        if stored != balance[account]:
            found.append(
                Violation(
                    "balance = entries", str(account), f"{stored} instead of {balance[account]}"
                )
            )
    found += [
        Violation("an entry has its account", str(account), "no such account")
        for account in balance
        if account not in balances_minor
    ]
    return found
