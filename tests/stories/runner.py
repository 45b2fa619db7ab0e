"""Runs a story: a table of what is done and what must come of it, on the real services.

A line is `verb words => expected  # remark`. Amounts are written as the current tenant's currency
writes them, a selection as `E1.home`, `E1.over2.5`, `E1.away-0.25` (the handicap of the side that
is named), `E1.yes`, `E1.home_dnb`, `E1.home_ht`, `E1.home_ml` (moneyline, everything included) or
`E1.1:0`. A refusal is named like a class:
`InsufficientFunds`. Every story ends with the ledger's and the bets' invariants.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from overround.betting.bets import my_bet
from overround.betting.settlement import Asked, Ruling, lift, propose
from overround.core import line, money, price
from overround.core.errors import Refusal
from overround.core.principal import Principal
from overround.money import revenue
from overround.odds.catalogue import ResultStatus
from overround.people import cashier, tenants, users
from tests.stories.world import Pick, World

_SELECTION = re.compile(
    r"(?P<event>\w+)\.(?:(?P<total>over|under)(?P<goals>[0-9.]+)"
    r"|(?P<handicap>home|away)(?P<start>[+-]?[0-9.]+)"
    r"|(?P<score>\d+:\d+)"
    r"|(?P<side>home|draw|away|yes|no|odd|even|1X|X2|12)(?:_(?P<kind>dnb|ht|ml))?)"
)
_SIDES = {
    "yes": "both_teams_to_score",
    "no": "both_teams_to_score",
    "odd": "odd_even",
    "even": "odd_even",
    "1X": "double_chance",
    "X2": "double_chance",
    "12": "double_chance",
}
_STATUSES: dict[str, ResultStatus] = {
    word: word
    for word in (
        "finished",
        "abandoned",
        "retired",
        "walkover",
        "postponed",
        "cancelled",
        "awarded",
    )
}


class StoryError(AssertionError):
    """A line of a story did not come true."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: where it stands, what is done, what must come of it (None: nothing is said)."""

    place: str
    verb: str
    words: tuple[str, ...]
    expected: str | None

    def __str__(self) -> str:
        wanted = "" if self.expected is None else f" => {self.expected}"
        return f"{self.verb} {' '.join(self.words)}{wanted}"


def parse(text: str, name: str) -> list[Line]:
    """The lines of a story. Raises StoryError for one without a verb."""
    lines: list[Line] = []
    for number, written in enumerate(text.splitlines(), start=1):
        said, arrow, wanted = written.split("#")[0].partition("=>")
        words = said.split()
        if not words and not arrow:
            continue
        place = f"{name}:{number}"
        expected = " ".join(wanted.split()) if arrow else None
        if not words or expected == "":
            raise StoryError(f"{place}: half a line: {written.strip()}")
        lines.append(Line(place, words[0], tuple(words[1:]), expected))
    return lines


async def tell(world: World, text: str, name: str) -> None:
    """Tell the story of a text. Raises StoryError at the first line that does not come true."""
    teller = _Teller(world)
    for told in parse(text, name):
        verb: Callable[..., Awaitable[str | None]] | None = getattr(teller, f"do_{told.verb}", None)
        if verb is None:
            raise StoryError(f"{told.place}: unknown verb {told.verb!r}")
        try:
            got = await verb(*told.words)
        except Refusal as refusal:
            got = _as_class(refusal.code)
            if told.expected is None:
                raise StoryError(f"{told.place}: refused, {got}: {told}") from refusal
        except (TypeError, KeyError, ValueError) as error:
            raise StoryError(f"{told.place}: {told}: {error!r}") from error
        expected = "open" if told.expected is None and told.verb == "place" else told.expected
        if expected is not None and got != expected:
            raise StoryError(f"{told.place}: expected {expected}, got {got}: {told}")
    if broken := await world.violations():
        raise StoryError(f"{name}: the books are broken at the end: {broken}")


def _as_class(code: str) -> str:
    return "".join(word.title() for word in code.split("_"))


def selection(text: str) -> Pick:
    """The selection that a story's word means. Raises StoryError."""
    match = _SELECTION.fullmatch(text)
    if match is None:
        raise StoryError(f"no selection is written {text!r}")
    event = match["event"]
    if match["total"]:
        return Pick(event, "total", match["total"], line_q4=line.parse(match["goals"]))
    if match["handicap"]:
        start = line.parse(match["start"])
        home = start if match["handicap"] == "home" else -start
        return Pick(event, "asian_handicap", match["handicap"], line_q4=home)
    if match["score"]:
        return Pick(event, "correct_score", match["score"])
    if match["kind"] == "ml":
        return Pick(event, "moneyline", match["side"], "final")
    market_type = "draw_no_bet" if match["kind"] == "dnb" else _SIDES.get(match["side"], "1x2")
    return Pick(event, market_type, match["side"], "ht" if match["kind"] == "ht" else "ft")


@dataclass(slots=True)
class _Teller:
    """The verbs. Each returns what came of it, as a story writes it."""

    world: World
    tenant: str = ""
    bets: dict[str, UUID] = field(default_factory=dict[str, UUID])
    owners: dict[str, str] = field(default_factory=dict[str, str])
    payments: dict[str, UUID] = field(default_factory=dict[str, UUID])
    rulings: dict[str, UUID] = field(default_factory=dict[str, UUID])

    def _minor(self, text: str) -> int:
        currency = self.world.tenants[self.tenant].currency
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        return sign * money.parse(digits, currency)

    def _text(self, minor: int) -> str:
        return money.to_text(minor, self.world.tenants[self.tenant].currency)

    def _who(self, name: str) -> Principal:
        owner = self.world.tenants[self.tenant]
        return Principal(owner.id, self.world.players[self.tenant, name], "player")

    # -- who -----------------------------------------------------------------------------------

    async def do_tenant(
        self, name: str, currency: str = "EUR", zone: str = "Europe/Vienna", *terms: str
    ) -> None:
        """`tenant acme EUR Europe/Vienna payout_rounding=half_even`; again: go to it."""
        if name not in self.world.tenants:
            said = (term.split("=") for term in terms)
            numbers = {key: int(value) if value.isdigit() else value for key, value in said}
            await self.world.tenant(
                name, currency, zone, settings={"demo_deposits": True}, **numbers
            )
        self.tenant = name

    async def do_disable(self, name: str) -> None:
        caller = self.world.system(self.world.tenants[self.tenant].id)
        who = self.world.players[self.tenant, name]
        async with self.world.worker.transaction(caller.tenant_id) as conn:
            await users.set_status(conn, caller, who, "disabled", self.world.at)

    async def do_status(self, status: tenants.TenantStatus) -> None:
        caller = self.world.system(self.world.tenants[self.tenant].id)
        async with self.world.worker.transaction(caller.tenant_id) as conn:
            await tenants.set_status(conn, caller, status, self.world.at)

    async def do_at(self, time: str) -> None:
        at = datetime.fromisoformat(time)
        if at.tzinfo is None or at < self.world.at:
            raise StoryError(f"the clock does not run back to {time}")
        self.world.at = at

    # -- money ---------------------------------------------------------------------------------

    async def do_deposit(self, name: str, amount: str) -> None:
        await self.world.deposit(name, self._minor(amount), self.tenant)

    async def do_withdraw(self, payment: str, name: str, amount: str) -> str:
        who = self._who(name)
        async with self.world.app.transaction(who.tenant_id) as conn:
            answer = await cashier.withdraw(
                conn, who, amount, payment, f"{amount:>32}".encode(), self.world.at
            )
        self.payments[payment] = answer.payment.id
        return _as_class(answer.payment.refusal_code or "") or answer.payment.status

    async def do_approve(self, payment: str) -> str:
        caller = self.world.system(self.world.tenants[self.tenant].id)
        async with self.world.app.transaction(caller.tenant_id) as conn:
            return (
                await cashier.approve(conn, caller, self.payments[payment], self.world.at)
            ).status

    async def do_pay(self, payment: str) -> str:
        caller = self.world.system(self.world.tenants[self.tenant].id)
        async with self.world.app.transaction(caller.tenant_id) as conn:
            return (await cashier.pay(conn, caller, self.payments[payment], self.world.at)).status

    async def do_refuse(self, payment: str, *why: str) -> str:
        caller = self.world.system(self.world.tenants[self.tenant].id)
        async with self.world.app.transaction(caller.tenant_id) as conn:
            decided = await cashier.refuse(
                conn, caller, self.payments[payment], " ".join(why), self.world.at
            )
        return decided.status

    async def do_adjust(self, name: str, amount: str, *why: str) -> str:
        caller = await self.world.clerk(self.tenant)
        who = self.world.players[self.tenant, name]
        key = f"adjust {name} {amount}".replace(" ", "-")
        body = key.encode().ljust(32)[:32]
        async with self.world.app.transaction(caller.tenant_id) as conn:
            answer = await cashier.adjust(
                conn, caller, who, amount, " ".join(why), key, body, self.world.at
            )
        return _as_class(answer.payment.refusal_code or "") or answer.payment.status

    async def do_cash(self, name: str) -> str:
        return self._text((await self.world.balance(name, self.tenant)).cash_minor)

    async def do_held(self, name: str) -> str:
        return self._text((await self.world.balance(name, self.tenant)).held_minor)

    async def do_owed(self, name: str) -> str:
        return self._text((await self.world.balance(name, self.tenant)).owed_minor)

    async def do_withdrawing(self, name: str) -> str:
        return self._text((await self.world.balance(name, self.tenant)).withdrawing_minor)

    async def do_own(self, kind: str) -> str:
        """What the tenant's own account of that kind holds."""
        return self._text(await self.world.own_minor(kind, self.tenant))

    async def do_ggr(self, name: str) -> str:
        return self._text(await self.world.ggr_minor(name))

    async def do_close(self) -> str:
        """How many revenue days changed."""
        return str(await self.world.close_days(self.tenant))

    async def do_revenue(self, day: str) -> str:
        """`revenue 2026-03-02 => handle payout ggr fee` of the tenant's local day."""
        tenant_id, when = self.world.tenants[self.tenant].id, date.fromisoformat(day)
        async with self.world.app.reading(tenant_id) as conn:
            found = await revenue.days(conn, tenant_id, when, when)
        if not found:
            return "nothing"
        (of,) = found
        figures = (of.handle_minor, of.payout_minor, of.ggr_minor, of.fee_minor)
        return " ".join(self._text(minor) for minor in figures)

    async def do_total(self) -> str:
        """The sum of everything in the tenant's ledger."""
        query = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM entry"
        return self._text(await self.world.count(query, tenant=self.tenant))

    # -- the book ------------------------------------------------------------------------------

    async def do_event(self, name: str, starts_at: str) -> None:
        await self.world.event(name, datetime.fromisoformat(starts_at))

    async def do_price(self, word: str, laid: str) -> None:
        await self.world.lay(selection(word), price.parse_decimal(laid), self.tenant)

    async def do_suspend(self, word: str, laid: str) -> None:
        await self.world.lay(selection(word), price.parse_decimal(laid), self.tenant, "suspended")

    async def do_shut(self, word: str, laid: str) -> None:
        await self.world.lay(selection(word), price.parse_decimal(laid), self.tenant, "closed")

    async def do_place(self, key: str, name: str, stake: str, *words: str) -> str:
        """`place B1 ann 10.00 E1.home@2.10 policy=any tolerance=100 sizes=2,3 bankers=1`."""
        legs = [word.split("@") for word in words if "@" in word]
        terms = dict(word.split("=") for word in words if "@" not in word)
        slip = self.world.slip(
            name,
            self._minor(stake),
            [
                (await self.world.selection(selection(word)), price.parse_decimal(seen))
                for word, seen in legs
            ],
            tenant=self.tenant,
            key=key,
            odds_policy=terms.get("policy", "higher"),  # pyright: ignore[reportArgumentType]
            tolerance_bps=int(terms.get("tolerance", "0")),
            sizes=tuple(map(int, terms["sizes"].split(","))) if "sizes" in terms else None,
            bankers=int(terms.get("bankers", "0")),
        )
        (decision,) = await self.world.place([slip], self.tenant)
        if decision.kind == "accepted":
            self.bets[key] = slip.bet_id
            self.owners[key] = name
        return _as_class(decision.refusal or "") or decision.answer["status"]

    async def do_bet(self, key: str) -> str:
        """`bet B1 => open` or `bet B1 => won 21.00`."""
        bet = await self._bet(key)
        if bet.payout_minor is None:
            return bet.status
        return f"{bet.outcome} {self._text(bet.payout_minor)}"

    async def do_taken(self, key: str) -> str:
        """The prices that were taken."""
        return " ".join(price.to_text(leg.price_e4) for leg in (await self._bet(key)).legs)

    async def do_grades(self, key: str) -> str:
        """What each leg came to; `?` is not known yet."""
        return " ".join(leg.grade or "?" for leg in (await self._bet(key)).legs)

    async def do_returns(self, key: str) -> str:
        """What the bet would pay if every leg won."""
        return self._text((await self._bet(key)).potential_payout_minor)

    async def _bet(self, key: str):
        who = self._who(self.owners[key])
        async with self.world.app.reading(who.tenant_id) as conn:
            return await my_bet(conn, who.tenant_id, who.actor_id, self.bets[key])

    async def do_result(self, name: str, said: str, *more: str) -> str:
        """`result E1 2-0 ht=1-0`, `result T1 finished sets=2-0` or `result E1 abandoned ft=1-0`;
        how many results were new."""
        scores = {period: _score(goals) for period, goals in (word.split("=") for word in more)}
        if said in _STATUSES:
            return str(await self.world.result(name, scores, _STATUSES[said]))
        return str(await self.world.result(name, {"ft": _score(said)} | scores))

    async def do_sport(self, name: str, sport: str) -> None:
        """`sport T1 tennis`; what is not named so is football."""
        await self.world.event(name, sport=sport)

    async def do_hold(self, key: str, event: str, *why: str) -> str:
        """`hold R1 E1 a protest`: nothing of the event is known to the house."""
        return await self._rule(key, event, Ruling("hold"), why)

    async def do_void(self, key: str, about: str, *why: str) -> str:
        """`void R1 E1 why`, or of one selection: `void R1 E1.home why`."""
        event, dot, _ = about.partition(".")
        chosen = await self.world.selection(selection(about)) if dot else None
        return await self._rule(key, event, Ruling("void", selection_id=chosen), why)

    async def do_lift(self, key: str) -> str:
        """The ruling holds no more."""
        caller = await self.world.clerk(self.tenant)
        async with self.world.app.transaction(caller.tenant_id) as conn:
            return (await lift(conn, caller, self.rulings[key], self.world.at)).state

    async def _rule(self, key: str, event: str, ruling: Ruling, why: Sequence[str]) -> str:
        caller = await self.world.clerk(self.tenant)
        event_id = await self.world.event(event)
        async with self.world.app.transaction(caller.tenant_id) as conn:
            asked = Asked(key, bytes(32))
            made = await propose(
                conn, caller, event_id, ruling, " ".join(why), asked, self.world.at
            )
        self.rulings[key] = made.ruling.id
        return made.ruling.state

    async def do_settle(self) -> str:
        return str(await self.world.settle())


def _score(text: str) -> tuple[int, int]:
    home, away = text.split("-")
    return int(home), int(away)
