"""Wallets: an owner's accounts by purpose.

A player has `cash` (free to use), `held` (stakes of open bets) and `withdrawing` (asked to be paid
out). The tenant has `house` (the book), `bank` (money outside), `adjustment`, `capital`,
`liquidity`, `revenue` and `fee`. Invariants: what is in `held` is the stakes of the player's open
bets; what is in `withdrawing` is his requested payments; what he *owes* is what was lent to him
less what he has repaid, which `check` recomputes. Accounts are opened with the player
(people.users) and the tenant (people.tenants); their money moves for payments, bets and days alone.
"""

from overround.money.wallets.model import Balance, StatementLine, StatementPage
from overround.money.wallets.service import balance, statement
from overround.money.wallets.store import check

__all__ = ["Balance", "StatementLine", "StatementPage", "balance", "check", "statement"]
