"""Any sequence of movements ends where a small model in Python ends, refusals included."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from overround.core import ids
from overround.core.errors import Conflict, InsufficientFunds
from overround.db.logins import Role
from overround.money import wallets
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]
Purse = defaultdict[str, int]

PLAYERS = st.sampled_from(["ann", "bob"])
AMOUNTS = st.one_of(st.integers(1, 1_000), st.sampled_from([1, 10**12]))


@dataclass
class Model:
    """What every account should hold: player -> purpose -> minor units; the tenant's under ''."""

    purses: defaultdict[str, Purse] = field(default_factory=lambda: defaultdict(lambda: Purse(int)))
    done: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def move(
        self, code: str, number: int, player: str, source: str, target: str, amount: int
    ) -> str:
        """Move between two purposes, or say why not, as the ledger must."""
        own = {"cash", "withdrawing"}
        payer, payee = (player if kind in own else "" for kind in (source, target))
        if (code, number) in self.done:
            return "already_posted"
        if payer and self.purses[payer][source] < amount:
            return "insufficient_funds"
        self.purses[payer][source] -= amount
        self.purses[payee][target] += amount
        self.done.add((code, number))
        return ""


Move = tuple[Callable[..., Awaitable[None]], str, str]

MOVES: Mapping[str, Move] = {
    "deposit": (wallets.deposit, "bank", "cash"),
    "withdrawal_reserve": (wallets.reserve_withdrawal, "cash", "withdrawing"),
    "withdrawal_pay": (wallets.pay_withdrawal, "withdrawing", "bank"),
    "withdrawal_refuse": (wallets.refuse_withdrawal, "withdrawing", "cash"),
}


class Wallets(RuleBasedStateMachine):
    """The machine; `urls` is set by the test, and each run is a tenant of its own."""

    urls: Urls
    moves: Mapping[str, Move] = MOVES
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Model()
        self.entered: AbstractAsyncContextManager[World] | None = None
        self.world: World

    def _do(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @initialize()
    def open(self) -> None:
        Wallets.runs += 1
        self.name = f"run{Wallets.runs}"
        self.entered = opened(self.urls, connections=2)
        self.world = self._do(self.entered.__aenter__())
        self._do(self.world.tenant(self.name))
        for player in ("ann", "bob"):
            self._do(self.world.player(player, self.name))

    @rule(
        code=st.sampled_from(sorted(MOVES)),
        player=PLAYERS,
        amount=AMOUNTS,
        number=st.integers(0, 9),
    )
    def move(self, code: str, player: str, amount: int, number: int) -> None:
        verb, source, target = self.moves[code]
        expected = self.model.move(code, number, player, source, target, amount)
        assert self._do(self._post(verb, player, amount, f"{code}{number}")) == expected

    @rule(
        player=PLAYERS,
        amount=AMOUNTS,
        sign=st.sampled_from([1, -1]),
        number=st.integers(0, 9),
    )
    def adjust(self, player: str, amount: int, sign: int, number: int) -> None:
        source, target = ("adjustment", "cash") if sign > 0 else ("cash", "adjustment")
        expected = self.model.move("adjustment", number, player, source, target, amount)
        got = self._do(self._post(wallets.adjust, player, sign * amount, f"adjustment{number}"))
        assert got == expected

    async def _post(
        self, verb: Callable[..., Awaitable[None]], player: str, amount: int, reference: str
    ) -> str:
        tenant_id = self.world.tenants[self.name].id
        user_id = self.world.players[self.name, player]
        try:
            async with self.world.app.transaction(tenant_id) as conn:
                await verb(conn, tenant_id, user_id, amount, ids.derived(AT, reference), AT)
        except (InsufficientFunds, Conflict) as refusal:
            return refusal.code
        return ""

    @invariant()
    def every_account_holds_what_the_model_says(self) -> None:
        if self.entered is None:
            return
        for player in ("ann", "bob"):
            found = self._do(self.world.balance(player, self.name))
            purse = self.model.purses[player]
            assert (found.cash_minor, found.withdrawing_minor) == (
                purse["cash"],
                purse["withdrawing"],
            )
        for kind in ("bank", "adjustment"):
            assert self._do(self.world.own_minor(kind, self.name)) == self.model.purses[""][kind]

    def teardown(self) -> None:
        if self.entered is not None:
            assert self._do(self.world.violations()) == []
            self._do(self.entered.__aexit__(None, None, None))
        self.loop.close()


def follow(machine: type[Wallets], urls: Urls, examples: int) -> None:
    """Run the machine; without shrinking, since each example is a tenant in a database."""
    machine.urls = urls
    run_state_machine_as_test(  # pyright: ignore[reportUnknownMemberType]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.generate],
            database=None,
            derandomize=True,
        ),
    )


class WrongWallets(Wallets):
    """A model that pays withdrawals out of the cash."""

    moves: Mapping[str, Move] = {
        **MOVES,
        "withdrawal_pay": (wallets.pay_withdrawal, "cash", "bank"),
    }


def test_wallets_follow_their_model(database_urls: Urls) -> None:
    follow(Wallets, database_urls, 15)


def test_a_model_that_is_wrong_is_found(database_urls: Urls) -> None:
    with pytest.raises(AssertionError):
        follow(WrongWallets, database_urls, 15)
