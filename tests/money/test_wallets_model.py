"""Any sequence of payments ends where a small model in Python ends, refusals included."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from overround.core import money
from overround.core.errors import Conflict
from overround.core.principal import Principal
from overround.kit.idempotency import KeyReused
from overround.people import cashier
from tests.stories.world import AT
from tests.support.machines import Urls, WorldMachine, follow

Purse = defaultdict[str, int]

Step = Literal["approved", "paid", "refused"]

PLAYERS = ("ann", "bob")
STEPS = {
    ("requested", "approved"),
    ("requested", "refused"),
    ("approved", "paid"),
    ("approved", "refused"),
}
AMOUNTS = st.one_of(st.integers(1, 1_000), st.sampled_from([1, 10**12]))


@dataclass
class Model:
    """What every account should hold, and where each withdrawal stands.

    Player -> purpose -> minor units; the tenant's own under ''.
    """

    purses: defaultdict[str, Purse] = field(default_factory=lambda: defaultdict(lambda: Purse(int)))
    asked: dict[int, tuple[str, int, str]] = field(default_factory=dict[int, tuple[str, int, str]])

    def move(self, player: str, source: str, target: str, amount: int) -> str:
        """Move between two purposes, or say why not, as the ledger must."""
        own = {"cash", "withdrawing"}
        payer, payee = (player if kind in own else "" for kind in (source, target))
        if payer and self.purses[payer][source] < amount:
            return "insufficient_funds"
        self.purses[payer][source] -= amount
        self.purses[payee][target] += amount
        return "done"

    def withdraw(self, number: int, player: str, amount: int) -> str:
        """A request; the same number is the same key and gets the same answer."""
        if number in self.asked:
            (asker, wanted, _) = self.asked[number]
            if (asker, wanted) != (player, amount):
                return "idempotency_key_reused"
            return "insufficient_funds" if self.asked[number][2] == "declined" else "done"
        told = self.move(player, "cash", "withdrawing", amount)
        self.asked[number] = (player, amount, "requested" if told == "done" else "declined")
        return told

    def decide(self, number: int, step: Step, refused_to: str) -> str:
        """A step by staff."""
        player, amount, status = self.asked[number]
        if (status, step) not in STEPS:
            return "payment_step"
        if step == "paid":
            self.move(player, "withdrawing", "bank", amount)
        elif step == "refused":
            self.move(player, "withdrawing", refused_to, amount)
        self.asked[number] = (player, amount, step)
        return "done"


class Wallets(WorldMachine):
    """The machine; each run is a tenant of its own."""

    refused_to = "cash"
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.payments: dict[int, UUID] = {}
        self.keys = itertools.count()

    @initialize()
    def open(self) -> None:
        Wallets.runs += 1
        self.name = f"run{Wallets.runs}"
        self.enter(self.name)
        for player in PLAYERS:
            self._do(self.world.player(player, self.name))
        self.clerk = self._do(self.world.clerk(self.name))

    @rule(player=st.sampled_from(PLAYERS), amount=AMOUNTS)
    def deposit(self, player: str, amount: int) -> None:
        assert self.model.move(player, "bank", "cash", amount) == "done"
        self._do(self.world.deposit(player, amount, self.name))

    @rule(player=st.sampled_from(PLAYERS), amount=AMOUNTS, number=st.integers(0, 9))
    def withdraw(self, player: str, amount: int, number: int) -> None:
        # A number belongs to a player: keys of two players never meet.
        number = number * len(PLAYERS) + PLAYERS.index(player)
        expected = self.model.withdraw(number, player, amount)
        assert self._do(self._withdraw(player, amount, number)) == expected

    async def _withdraw(self, player: str, amount: int, number: int) -> str:
        who = Principal(self.clerk.tenant_id, self.world.players[self.name, player], "player")
        body = hashlib.sha256(str(amount).encode()).digest()
        try:
            async with self.world.app.transaction(who.tenant_id) as conn:
                answer = await cashier.withdraw(
                    conn, who, money.to_text(amount, "EUR"), f"w{number}", body, AT
                )
        except KeyReused as refusal:
            return refusal.code
        self.payments[number] = answer.payment.id
        return answer.payment.refusal_code or "done"

    @precondition(lambda self: bool(self.payments))
    @rule(data=st.data(), step=st.sampled_from(["approved", "paid", "refused"]))
    def decide(self, data: st.DataObject, step: Step) -> None:
        number = data.draw(st.sampled_from(sorted(self.payments)))
        expected = self.model.decide(number, step, self.refused_to)
        assert self._do(self._decide(self.payments[number], step)) == expected

    async def _decide(self, payment_id: UUID, step: Step) -> str:
        try:
            async with self.world.app.transaction(self.clerk.tenant_id) as conn:
                if step == "approved":
                    await cashier.approve(conn, self.clerk, payment_id, AT)
                elif step == "paid":
                    await cashier.pay(conn, self.clerk, payment_id, AT)
                else:
                    await cashier.refuse(conn, self.clerk, payment_id, "because", AT)
        except Conflict as refusal:
            return refusal.code
        return "done"

    @rule(player=st.sampled_from(PLAYERS), amount=AMOUNTS, sign=st.sampled_from([1, -1]))
    def adjust(self, player: str, amount: int, sign: int) -> None:
        source, target = ("adjustment", "cash") if sign > 0 else ("cash", "adjustment")
        expected = self.model.move(player, source, target, amount)
        assert self._do(self._adjust(player, sign * amount)) == expected

    async def _adjust(self, player: str, amount: int) -> str:
        who, text = self.world.players[self.name, player], money.to_text(amount, "EUR")
        async with self.world.app.transaction(self.clerk.tenant_id) as conn:
            answer = await cashier.adjust(
                conn, self.clerk, who, text, "because", f"a{next(self.keys)}", bytes(32), AT
            )
        return answer.payment.refusal_code or "done"

    @invariant()
    def every_account_holds_what_the_model_says(self) -> None:
        if self.entered is None:
            return
        for player in PLAYERS:
            found = self._do(self.world.balance(player, self.name))
            purse = self.model.purses[player]
            assert (found.cash_minor, found.withdrawing_minor) == (
                purse["cash"],
                purse["withdrawing"],
            )
        for kind in ("bank", "adjustment"):
            assert self._do(self.world.own_minor(kind, self.name)) == self.model.purses[""][kind]


class WrongWallets(Wallets):
    """A model that keeps the money of a withdrawal which was refused."""

    refused_to = "bank"


def test_wallets_follow_their_model(database_urls: Urls) -> None:
    follow(Wallets, database_urls, 15)


def test_a_model_that_is_wrong_is_found(database_urls: Urls) -> None:
    with pytest.raises(AssertionError):
        follow(WrongWallets, database_urls, 200)
