"""The bettors role, for demonstrations only: players who register, pay in and bet over HTTP.

They know of the product what a browser knows. A few come at once, the others one by one, because
each registration costs the server a password hash. What each does is drawn from the seed, the
player and the number of his request, so a process that takes over from a killed one goes on with
the same players (test: a killed process is followed by one that asks the same again).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from overround.core import money
from overround.core.clock import Clock, WallClock
from overround.core.errors import Conflict, Invalid, OverroundError, Unavailable
from overround.kit import logs, loop
from overround.kit.settings import Settings
from overround.roles import seeding
from overround.roles.attach import Endpoints
from overround.roles.demo import crowd, diary
from overround.roles.demo import run as demo_run
from overround.roles.demo.diary import Ask, Diary
from overround.roles.demo.run import DemoRun
from overround.roles.demo.site import Answer, Site

BETS_PER_S_MAX: Final = 25.0
PLAYERS_MAX: Final = 1_000
# The most players in the middle of something: what is slow slows them down, as it would people.
_AT_ONCE: Final = 16
_JOIN_EVERY_S: Final = 2.0
_JOIN_AT_ONCE: Final = 2
_TELL_EVERY_S: Final = 10.0
# A pace that fell behind by more than this is not made up for.
_BEHIND_S_MAX: Final = 5.0
# With so many slips that wait a player sends no more, and looks after those he has.
WAITING_MAX: Final = 3
# Nobody begins a slip on what starts so soon.
_TOO_LATE: Final = timedelta(seconds=0.5)
# What is under way when the role is stopped may still be answered.
_LAST_WORDS_S: Final = 0.6

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How many players each tenant has at first and at most, and how often they all bet."""

    players_first: int = 10
    players_most: int = 200
    bets_per_s: float = 14.0

    def __post_init__(self) -> None:
        """Raises Invalid `bettors` for a crowd that this role is not made for."""
        if not 1 <= self.players_first <= self.players_most <= PLAYERS_MAX:
            raise Invalid(f"a tenant has 1 to {PLAYERS_MAX} players", code="bettors")
        if not 0 < self.bets_per_s <= BETS_PER_S_MAX:
            raise Invalid(f"at most {BETS_PER_S_MAX} bets a second", code="bettors")


@dataclass(slots=True)
class Player:
    """A player at a site, what he has (None: he has to look), and his last bet."""

    label: str
    site: Site
    currency: str
    cash_minor: int | None = None
    last_bet: str | None = None


async def run(
    settings: Settings,
    endpoints: Endpoints,
    stop: asyncio.Event,
    options: Options = Options(),
) -> None:
    """Bet until `stop` is set; ends within a second of it.

    Whatever the site does is waited out. Raises SettingsError when the state directory holds no
    demonstration.
    """
    demo = demo_run.read(endpoints.state)
    async with AsyncExitStack() as stack:
        book = Diary(endpoints.state / diary.NAME, demo.run)
        stack.callback(book.close)
        sites: list[tuple[Site, str]] = []
        for house in seeding.DEMO_TENANTS:
            rng = random.Random(f"{demo.seed}:{house.subdomain}")  # noqa: S311 (no secret)
            site = Site(house.subdomain, settings.web.base_domain, demo.port, rng)
            stack.push_async_callback(site.close)
            sites.append((site, house.currency))
        await _Crowd(demo, options, book, sites, WallClock()).live(stop)


class _Crowd:
    """Everybody, and who is doing nothing at the moment."""

    def __init__(
        self,
        demo: DemoRun,
        options: Options,
        book: Diary,
        sites: Sequence[tuple[Site, str]],
        clock: Clock,
    ) -> None:
        self._demo = demo
        self._options = options
        self._diary = book
        self._clock = clock
        self._sites = sites
        self._idle: list[Player] = []
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def live(self, stop: asyncio.Event) -> None:
        """Join, bet and tell, until stopped; then a moment for what is under way."""
        for site, currency in self._sites:
            self._start(self._join(site, currency, stop))
        self._start(self._tell(stop))
        await self._pace(stop)
        under_way = list(self._tasks)
        if under_way:
            await asyncio.wait(under_way, timeout=_LAST_WORDS_S)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._told("bettors.stopped")

    async def _pace(self, stop: asyncio.Event) -> None:
        """Give a turn to somebody idle, so many times a second."""
        clock, step_s = asyncio.get_running_loop(), 1 / self._options.bets_per_s
        rng = random.Random(f"{self._demo.seed}:turns")  # noqa: S311 (a simulation, no secret)
        due_s = clock.time()
        while not stop.is_set():
            if self._idle and self._busy < _AT_ONCE:
                due_s = max(due_s + step_s, clock.time() - _BEHIND_S_MAX)
                self._start(self._turn(self._idle.pop(rng.randrange(len(self._idle)))))
            await loop.wait(stop, max(due_s - clock.time(), 1 / BETS_PER_S_MAX))

    async def _turn(self, player: Player) -> None:
        async def play() -> None:
            if (asked := self._diary.facts.asked.get(player.label)) is not None:
                await self._answer(player, asked)
            await self._hear(player)
            await self._play(player)

        self._busy += 1
        try:
            await self._safely(player.site, play)
        finally:
            self._busy -= 1
            self._idle.append(player)

    async def _safely(self, site: Site, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether `work` was done. An error is counted and waited out; it ends nobody's evening."""
        try:
            await work()
        except Unavailable:
            await asyncio.sleep(crowd.pause_s(site.rng, 3))
        except Exception as error:  # noqa: BLE001 (the next turn is the handler)
            site.troubles[type(error).__name__] += 1
            expected = isinstance(error, OverroundError)
            _log.error("bettors.failed", reason=str(error)[:200], exc_info=not expected)
            await asyncio.sleep(crowd.pause_s(site.rng, 4))
        else:
            return True
        return False

    async def _play(self, player: Player) -> None:
        n = self._diary.facts.members[player.label].next_n
        rng = random.Random(f"{self._demo.seed}:{player.label}:{n}")  # noqa: S311 (no secret)
        if crowd.wants_look(rng) or player.cash_minor is None:
            await self._look(player)
        if len(self._waiting(player)) >= WAITING_MAX:
            return
        cash_minor = player.cash_minor or 0
        if cash_minor < crowd.LOW_MINOR:
            amount = money.to_text(crowd.deposit_minor(rng), player.currency)
            asked = self._diary.asks(player.label, "deposits", {"amount": amount})
            await self._answer(player, asked)
        body = await self._slip(rng, player)
        if body is not None:
            await self._answer(player, self._diary.asks(player.label, "bets", body))

    async def _slip(self, rng: random.Random, player: Player) -> dict[str, Any] | None:
        board = await player.site.board(asyncio.get_running_loop().time())
        late = self._clock.now() + _TOO_LATE
        coming = [event for event in board if event.starts_at > late]
        plan = crowd.plan(rng, len(coming), player.cash_minor or 0)
        if plan is None:
            return None
        events = [coming[place] for place in plan.places]
        if crowd.opens_event(rng):
            events = [await player.site.open(event) for event in events]
        return crowd.slip(rng, plan, events, player.currency)

    async def _look(self, player: Player) -> None:
        """Read the balance and the last bet, as people do; a last bet that is gone is told."""
        balance = await self._read(player, "/balance")
        player.cash_minor = money.parse(balance["cash"], player.currency)
        # What waited may have been placed after it.
        bets = await self._read(player, f"/bets?limit={1 + WAITING_MAX}")
        newest = [bet["id"] for bet in bets["items"]]
        if player.last_bet is not None and player.last_bet not in newest:
            player.site.troubles["bet_missing"] += 1
            _log.error("bettors.bet_missing", player=player.label, bet=player.last_bet)

    async def _read(self, player: Player, path: str) -> dict[str, Any]:
        answer = await self._as(player, lambda token: player.site.ask("GET", path, token=token))
        if not answer.is_success:
            raise Conflict(f"{player.label} may not read {path}: {answer.code}")
        return answer.body

    async def _answer(self, player: Player, ask: Ask) -> None:
        """Send what was written down, until it is answered, and write down the answer."""
        key = f"{self._demo.key_prefix}{ask.player}:{ask.n}"
        answer = await self._as(
            player,
            lambda token: player.site.insist(f"/{ask.route}", ask.body, key=key, token=token),
        )
        if answer.status == 202:
            self._diary.waits(ask, answer.body["status_url"].removeprefix("/api/v1"))
            return
        if not answer.is_success:
            self._diary.answered(ask, answer.code)
            return
        if ask.route == "deposits":
            self._diary.answered(ask, "paid")
            _move(player, money.parse(answer.body["amount"], player.currency))
        else:
            player.last_bet = answer.body["bet_id"]
            self._diary.answered(ask, "accepted", player.last_bet)
            _move(player, -money.parse(answer.body["stake"], player.currency))

    def _waiting(self, player: Player) -> Mapping[int, str]:
        return self._diary.facts.waiting.get(player.label, {})

    async def _hear(self, player: Player) -> None:
        """What became of the player's slips that wait: whoever looks at them, he has gone on
        meanwhile (test: players whose slips wait go on with other things)."""
        for n, path in tuple(self._waiting(player).items()):
            found = await self._read(player, path)
            if found["status"] in ("waiting", "offered"):
                continue
            if found["bet_id"] is None:
                refusal = found["refusal"] or {"code": found["status"]}
                self._diary.became(player.label, n, refusal["code"])
            else:
                self._diary.became(player.label, n, "accepted", found["bet_id"])
                _move(player, -money.parse(found["stake"], player.currency))

    async def _as(self, player: Player, work: Callable[[str], Awaitable[Answer]]) -> Answer:
        """The answer to the player, who logs in again when his session is over."""
        while True:
            answer = await work(self._diary.facts.members[player.label].token)
            if answer.status != 401:
                return answer
            credentials = self._credentials(player.label)
            found = await player.site.insist("/session", credentials)
            if not found.is_success:
                raise Conflict(f"{player.label} may not log in: {found.code}")
            self._diary.joined(player.label, found.body["token"])

    async def _join(self, site: Site, currency: str, stop: asyncio.Event) -> None:
        """Let the players of a site come: those who were here before, a few at once, the others."""
        numbers = iter(range(self._options.players_most))

        async def some() -> None:
            for number in numbers:
                label = f"{site.subdomain}-{number}"
                known = label in self._diary.facts.members
                while not await self._safely(site, lambda name=label: self._register(site, name)):
                    if stop.is_set():
                        return
                self._idle.append(Player(label, site, currency, None if known else 0))
                if not known and number >= self._options.players_first:
                    await loop.wait(stop, _JOIN_EVERY_S * _JOIN_AT_ONCE)
                if stop.is_set():
                    return

        await asyncio.gather(*(some() for _ in range(_JOIN_AT_ONCE)))

    async def _register(self, site: Site, label: str) -> None:
        if label in self._diary.facts.members:
            return
        credentials = self._credentials(label)
        name = {"display_name": f"Player {label.rpartition('-')[2]}"}
        answer = await site.insist("/users", {**credentials, **name})
        if answer.code == "email_taken":
            # It is his: the answer was lost.
            answer = await site.insist("/session", credentials)
        if not answer.is_success:
            raise Conflict(f"{label} may not join: {answer.code}")
        self._diary.joined(label, answer.body["token"])

    def _credentials(self, label: str) -> Mapping[str, str]:
        email = f"{label}.{self._demo.run}@demo.example"
        return {"email": email, "password": self._diary.facts.password}

    async def _tell(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await loop.wait(stop, _TELL_EVERY_S)
            self._told("bettors.going_on")

    def _told(self, event: str) -> None:
        facts = self._diary.facts
        _log.info(
            event,
            players=len(facts.members),
            unanswered=len(facts.asked),
            waiting=sum(map(len, facts.waiting.values())),
            outcomes=dict(facts.outcomes),
            replays=sum(site.replays for site, _ in self._sites),
            troubles={site.subdomain: dict(site.troubles) for site, _ in self._sites},
        )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _move(player: Player, by_minor: int) -> None:
    if player.cash_minor is not None:
        player.cash_minor += by_minor
