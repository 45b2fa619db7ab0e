"""What the settings say is asked of whom: providers, sports and terms, checked at the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from overround.core.errors import Invalid, SettingsError
from overround.db.polls import Answer, Terms
from overround.kit import fetching
from overround.kit.breaker import Tolerance
from overround.kit.fetching import Call, Limits, Origin
from overround.kit.pace import Budget
from overround.kit.settings import FeedsSettings, ProviderSettings, SportSettings
from overround.odds.feeds import (
    PROVIDERS,
    Asks,
    KeyPool,
    Plan,
    Provider,
    Request,
    Subject,
    Window,
)

# A claim outlasts the longest asking there can be; questions about one sport are asked in turn.
_QUESTIONS_MAX: Final = 4
_CLAIM_GRACE_S: Final = 10.0
_QUESTION_CHARS_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class Pair:
    """One sport of one provider, and how often it is asked."""

    sport: str
    plan: Plan
    options: Mapping[str, str]


@dataclass(slots=True)
class Source:
    """One provider that is asked: where, on which terms, about what. `keys` are its state."""

    provider: Provider
    asks: Asks
    base_url: str
    terms: Terms
    pairs: tuple[Pair, ...]
    keys: KeyPool = field(repr=False)

    @property
    def key(self) -> str:
        """The provider's key."""
        return self.provider.key

    def requests(
        self, pair: Pair, at: datetime, kept: Mapping[str, Answer] | None = None
    ) -> tuple[Request, ...]:
        """The questions about a pair at `at`, going on from what is kept of their answers."""
        plain = self.asks.requests(Subject(pair.sport, at, pair.options))
        cursors: dict[str, str] = {}
        for request in plain:
            answer = (kept or {}).get(self.question(pair, request))
            if answer is not None and answer.cursor is not None:
                cursors[request.name] = answer.cursor
        if not cursors:
            return plain
        return self.asks.requests(Subject(pair.sport, at, pair.options, cursors))

    def question(self, pair: Pair, request: Request) -> str:
        """What an answer is remembered under: two sports that ask the same share it.

        With a cursor the address differs each time, so there it is the sport and the name.
        """
        if self.asks.goes_on:
            return f"{pair.sport} {request.name}"[-_QUESTION_CHARS_MAX:]
        return request.target[-_QUESTION_CHARS_MAX:]

    def call(self, request: Request, secret: str | None, kept: Answer | None) -> Call:
        """The request with its key, conditional where the last answer can be used again."""
        signed = request if secret is None else self.asks.signed(request, secret)
        again = kept if kept is not None and kept.body is not None and not request.delta else None
        return Call(
            self.base_url + signed.target,
            signed.headers,
            self.asks.media,
            again.etag if again else None,
            again.last_modified if again else None,
        )


def sources_of(
    feeds: FeedsSettings, at: datetime, providers: Sequence[Provider] = PROVIDERS
) -> list[Source]:
    """What the settings ask of providers. Raises SettingsError naming what cannot be asked."""
    known = {provider.key: provider for provider in providers}
    found: list[Source] = []
    for key, said in sorted(feeds.providers.items()):
        provider = known.get(key)
        asks = provider.asks if provider is not None else None
        if provider is None or asks is None:
            can = ", ".join(sorted(p.key for p in providers if p.asks is not None))
            raise SettingsError(
                f"feeds.providers.{key}: not a provider that is asked; those: {can}"
            )
        source = _source(provider, asks, said, feeds)
        for pair in source.pairs:
            try:
                source.requests(pair, at)
            except Invalid as refused:
                where = f"feeds.providers.{key}.sports.{pair.sport}"
                raise SettingsError(f"{where}: {refused.detail} ({refused.code})") from None
        found.append(source)
    return found


def named_origins(sources: Sequence[Source]) -> frozenset[Origin]:
    """The hosts that the settings name: they may be our own, and nothing else of ours is asked
    (test: every case ends in a named state).

    A provider's own address is not among them: a name that points inwards was not meant.
    """
    return frozenset(
        fetching.origin_of(source.base_url)
        for source in sources
        if source.base_url != source.asks.base_url
    )


def limits_of(feeds: FeedsSettings) -> Limits:
    """The bounds of one fetch."""
    return Limits(feeds.wire_bytes_max, feeds.body_bytes_max, feeds.deadline_s, feeds.connect_s)


def _source(provider: Provider, asks: Asks, said: ProviderSettings, feeds: FeedsSettings) -> Source:
    base_url = (said.base_url or asks.base_url).rstrip("/")
    if not base_url:
        raise SettingsError(f"feeds.providers.{provider.key}.base_url: has to be said")
    if asks.needs_key and not said.keys:
        raise SettingsError(f"feeds.providers.{provider.key}.keys: it is asked with a key")
    longest_s = _QUESTIONS_MAX * (feeds.deadline_s + feeds.parse_s) + _CLAIM_GRACE_S
    tolerance = Tolerance(
        feeds.breaker_failures, feeds.breaker_s, feeds.breaker_s_max, trial_s=longest_s
    )
    budget = Budget(said.per_minute, said.burst)
    return Source(
        provider,
        asks,
        base_url,
        Terms(said.concurrency, budget, tolerance, longest_s),
        tuple(_pair(sport, how, feeds) for sport, how in sorted(said.sports.items())),
        KeyPool.of(tuple(key.get_secret_value() for key in said.keys)),
    )


def _pair(sport: str, how: SportSettings, feeds: FeedsSettings) -> Pair:
    windows = tuple(Window(one.within_s, one.every_s) for one in how.windows)
    return Pair(sport, Plan(how.every_s, windows, feeds.back_off_s_max), how.options)
