"""One player's money through everything that can happen to it, against a model in plain Python."""

from __future__ import annotations

from fractions import Fraction
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

from overround.betting import settlement
from overround.betting.settlement import Asked, Ruling
from overround.core import money
from overround.core.principal import Principal
from overround.db import work
from overround.money import ledger
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.people import cashier
from tests.proofs.money_model import PRICES, Model
from tests.stories.world import Pick
from tests.support.machines import Urls, WorldMachine, follow

EVENTS = ("one", "two", "three")
SCORES = [(1, 0), (0, 0), (0, 2)]
EVENT = st.sampled_from(EVENTS)
SIDE = st.sampled_from(sorted(PRICES))
STAKE = st.integers(100, 1_500)


class Player(WorldMachine):
    """The machine; each run is a tenant of its own."""

    model_of: type[Model] = Model
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.model = self.model_of()
        self.rulings: list[tuple[str, str, UUID]] = []
        self.waiting: list[tuple[UUID, int, int]] = []
        self.asked = 0

    @initialize()
    def open(self) -> None:
        Player.runs += 1
        self.name = f"life{Player.runs}"
        self.enter(self.name)
        self._do(self.world.player("ann", self.name))
        self.clerk = self._do(self.world.clerk(self.name))
        self.laid = {
            (event, side): self._do(
                self.world.lay(
                    Pick(f"{event} {self.name}", "1x2", side), int(price * 10_000), self.name
                )
            )
            for event in EVENTS
            for side, price in PRICES.items()
        }
        self.deposit(3_000)

    # -- cash ----------------------------------------------------------------------------------

    @rule(amount=st.integers(1, 2_000))
    def deposit(self, amount: int) -> None:
        self.model.deposit(amount)
        self._do(self.world.deposit("ann", amount, self.name))

    @rule(share=st.integers(1, 12))
    def withdraw(self, share: int) -> None:
        """Some of the cash, all of it, or more than there is."""
        amount = max(1, self.model.cash_minor * share // 10)
        is_asked = self.model.withdraw(amount)
        payment = self._do(self._withdraw(amount))
        assert (payment.refusal_code is None) == is_asked
        if is_asked:
            self.waiting.append((payment.id, amount, self.model.lent_minor))

    async def _withdraw(self, amount: int) -> cashier.Payment:
        self.asked += 1
        who = Principal(self.clerk.tenant_id, self.world.players[self.name, "ann"], "player")
        text, key = money.to_text(amount, "EUR"), f"w{self.asked}"
        async with self.world.app.transaction(who.tenant_id) as conn:
            answer = await cashier.withdraw(conn, who, text, key, bytes(32), self.world.at)
        return answer.payment

    @precondition(lambda self: bool(self.waiting))
    @rule(is_paid=st.booleans())
    def decide(self, is_paid: bool) -> None:
        payment_id, amount, lent_before = self.waiting.pop(0)
        self.model.decide(amount, lent_before, is_paid=is_paid)
        self._do(self._decide(payment_id, is_paid))

    async def _decide(self, payment_id: UUID, is_paid: bool) -> None:
        at = self.world.at
        async with self.world.app.transaction(self.clerk.tenant_id) as conn:
            if is_paid:
                await cashier.approve(conn, self.clerk, payment_id, at)
                await cashier.pay(conn, self.clerk, payment_id, at)
            else:
                await cashier.refuse(conn, self.clerk, payment_id, "because", at)

    # -- bets ----------------------------------------------------------------------------------

    @rule(stake=STAKE, side=SIDE, event=EVENT)
    def single(self, stake: int, side: str, event: str) -> None:
        self._bet(stake, [(event, side)])

    @rule(stake=STAKE, sides=st.lists(SIDE, min_size=2, max_size=3))
    def combo(self, stake: int, sides: list[str]) -> None:
        self._bet(stake, list(zip(EVENTS, sides, strict=False)))

    def _bet(self, stake: int, legs: list[tuple[str, str]]) -> None:
        expected = self.model.place(stake, legs)
        priced = [(self.laid[leg], int(PRICES[leg[1]] * 10_000)) for leg in legs]
        slip = self.world.slip("ann", stake, priced, tenant=self.name)
        for kind in ("accepted", "replayed"):
            (told,) = self._do(self.world.place([slip], self.name))
            assert (told.refusal or "accepted") == expected
            assert told.kind == (
                kind if expected == "accepted" or kind == "replayed" else "refused"
            )

    @rule(event=EVENT, score=st.sampled_from(SCORES))
    def end(self, event: str, score: tuple[int, int]) -> None:
        """A result, or the correction of one."""
        self.model.end(event, score)
        self._do(self._end(event, score))

    async def _end(self, event: str, score: tuple[int, int]) -> None:
        event_id, at = self.world.events[f"{event} {self.name}"].event_id, self.world.at
        said = Happened(event_id, "finished", {"ft": score}, "a person", at, by_person=True)
        async with self.world.worker.transaction(None) as conn:
            new = await catalogue.record_results(conn, [said])
            due = {key: (version, at) for key, version in new.items()}
            if due:
                await work.put(conn, "settle", [self.clerk.tenant_id], due)

    @rule(event=EVENT, kind=st.sampled_from(["hold", "void"]))
    def rule_about(self, event: str, kind: Literal["hold", "void"]) -> None:
        found = self._do(self._rule(event, kind))
        if found.state == "effective":
            self.model.rule(event, kind)
            self.rulings.append((event, kind, found.id))

    async def _rule(self, event: str, kind: Literal["hold", "void"]) -> settlement.StoredRuling:
        event_id = self.world.events[f"{event} {self.name}"].event_id
        async with self.world.app.transaction(self.clerk.tenant_id) as conn:
            self.asked += 1
            asked = Asked(f"r{self.asked}", bytes(32))
            made = await settlement.propose(
                conn, self.clerk, event_id, Ruling(kind), "because", asked, self.world.at
            )
            return made.ruling

    @precondition(lambda self: bool(self.rulings))
    @rule()
    def lift(self) -> None:
        event, kind, ruling_id = self.rulings.pop(0)
        self.model.lift(event, kind)
        self._do(self._lift(ruling_id))

    async def _lift(self, ruling_id: UUID) -> None:
        async with self.world.app.transaction(self.clerk.tenant_id) as conn:
            await settlement.lift(conn, self.clerk, ruling_id, self.world.at)

    @rule()
    def settle(self) -> None:
        assert self._do(self._settle()) == self.model.settle()

    async def _settle(self) -> int:
        # Of this run's tenant alone: what others left due is no concern of its.
        tenant_id = self.clerk.tenant_id
        async with self.world.worker.transaction(tenant_id) as conn:
            return await settlement.settle_due(conn, tenant_id, self.world.at, 20)

    # -- what holds after each step ------------------------------------------------------------

    @invariant()
    def every_account_holds_what_the_model_says(self) -> None:
        if self.entered is None:
            return
        found = self._do(self.world.balance("ann", self.name))
        model = self.model
        assert found.cash_minor == model.cash_minor >= 0
        assert found.held_minor == model.held_minor
        assert found.withdrawing_minor == model.withdrawing_minor
        own = self._do(self._own())
        assert own["bank"].balance_minor == model.bank_minor
        assert own["house"].balance_minor == model.house_minor
        assert own["receivable"].balance_minor == -model.owed_minor

    async def _own(self) -> dict[str, ledger.Account]:
        async with self.world.app.reading(self.clerk.tenant_id) as conn:
            return await ledger.accounts_of(conn, self.clerk.tenant_id, None)


class Merciless(Model):
    """A model that takes a void leg for a lost one."""

    def factor(self, event: str, side: str) -> Fraction | None:
        known = super().factor(event, side)
        return Fraction(0) if known == 1 else known


class MercilessPlayer(Player):
    model_of = Merciless


def test_the_money_of_a_player_follows_its_model(database_urls: Urls) -> None:
    follow(Player, database_urls, 3)


def test_a_model_that_is_wrong_about_a_bet_is_found(database_urls: Urls) -> None:
    MercilessPlayer.urls = database_urls
    machine = MercilessPlayer()
    try:
        machine.open()
        machine.single(stake=500, side="home", event="one")
        machine.rule_about(event="one", kind="void")
        machine.settle()
        with pytest.raises(AssertionError):
            machine.every_account_holds_what_the_model_says()
    finally:
        machine.teardown()
