"""A feed's files, read: everything they say together, and what it is, for whoever takes it."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from overround.core.errors import Invalid, ProviderDataError
from overround.odds import feeds
from overround.odds.board import SourceKind
from overround.odds.feeds import (
    Coverage,
    FeedBatch,
    FeedEvent,
    FeedQuotes,
    FeedResult,
    FeedScore,
    Parsed,
    Payload,
    Provider,
    Rejected,
)
from overround.roles.archive import reports
from overround.roles.archive.reports import FileRead, Outcome
from overround.roles.archive.timeline import Season

# Under whose name refusals are kept of which nobody knows the provider.
NOBODY: Final = "import"


@dataclass(frozen=True, slots=True)
class Files:
    """What the files of some providers say, the refusals by provider, and what they are.

    `kinds` says of each source whether it is a bookmaker or an exchange; `prices` counts those of
    all batches; `coverage` is there where a provider quotes more than has a place with us. `quotes`
    are of events that none of the files name: an earlier one may have. `each` says of every file
    what was read.
    """

    season: Season
    refused: dict[str, tuple[Rejected, ...]]
    kinds: dict[str, SourceKind]
    coverage: tuple[Coverage, ...]
    prices: int
    sha256: str
    described: str
    quotes: tuple[FeedQuotes, ...] = ()
    scores: tuple[FeedScore, ...] = ()
    each: tuple[FileRead, ...] = ()

    @property
    def rejected(self) -> int:
        """How much was refused, by whatever provider."""
        return sum(len(refusals) for refusals in self.refused.values())

    def as_dict(self, outcome: Outcome = reports.NOTHING) -> dict[str, Any]:
        """What was read: the refused by reason, each sport's coverage, a row a file."""
        reasons = Counter(r.reason for refused in self.refused.values() for r in refused)
        return {
            "rejected": self.rejected,
            "reasons": dict(reasons),
            "sports": {one.sport: one.as_dict() for one in self.coverage},
            "files": reports.rows(self.each, outcome),
        }

    def placed(self, batches: Sequence[FeedBatch] = ()) -> Files:
        """The files once it is known what became of `quotes`: those of `batches` have their event,
        every other one is refused as `event_unknown`."""
        named = {batch.event.key for batch in batches}
        refused = dict(self.refused)
        for said in self.quotes:
            if said.key not in named:
                unknown = Rejected("event_unknown", said.provider_event_id)
                refused[said.provider] = (*refused.get(said.provider, ()), unknown)
        season = replace(self.season, batches=(*self.season.batches, *batches))
        prices = self.prices + sum(len(batch.prices) for batch in batches)
        return replace(self, season=season, refused=refused, prices=prices, quotes=())


def read(path: Path, providers: Sequence[Provider] = feeds.PROVIDERS) -> Files:
    """Read a file, folder or zip of some of `providers`; see `gather`.

    Raises ProviderDataError as the reading of a path does.
    """
    return gather(feeds.payloads(path, providers), path.name)


def gather(found: Iterable[tuple[Provider, Payload] | Rejected], described: str) -> Files:
    """Parse payloads and put together what they say.

    Raises Invalid `no_events`, whose facts are those of `Files.as_dict`
    (test: files of no event are told one by one).

    A body that its provider cannot read costs itself only. An event that a second file repeats is
    refused there (test: a match in two files counts once), but where the provider says more of an
    event from file to file, every file counts.
    """
    together = _Together()
    for one in found:
        if isinstance(one, Rejected):
            together.refuse(NOBODY, [one])
            together.each.append(reports.unknown(one))
        else:
            together.take(*one)
    together.place()
    files = together.files(described)
    if not together.events and not together.quotes:
        first = [r for refusals in together.refused.values() for r in refusals][:3]
        why = ", ".join(f"{r.reason} ({r.where})" for r in first)
        why = why or ("nothing of them has a place with us" if files.each else "nothing to read")
        said = f"{described} holds no events of a feed we know: {why}"
        raise Invalid(said, code="no_events", facts=files.as_dict())
    return files


@dataclass(slots=True)
class _Together:
    """The files as they are put together."""

    events: dict[tuple[str, str], FeedEvent] = field(
        default_factory=dict[tuple[str, str], FeedEvent]
    )
    batches: list[FeedBatch] = field(default_factory=list[FeedBatch])
    quotes: list[FeedQuotes] = field(default_factory=list[FeedQuotes])
    scores: list[FeedScore] = field(default_factory=list[FeedScore])
    results: list[FeedResult] = field(default_factory=list[FeedResult])
    refused: dict[str, list[Rejected]] = field(default_factory=dict[str, list[Rejected]])
    coverage: dict[str, Coverage] = field(default_factory=dict[str, Coverage])
    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])
    digest: list[bytes] = field(default_factory=list[bytes])
    each: list[FileRead] = field(default_factory=list[FileRead])

    def refuse(self, provider: str, rejected: Iterable[Rejected]) -> None:
        self.refused.setdefault(provider, []).extend(rejected)

    def take(self, provider: Provider, payload: Payload) -> None:
        self.providers[provider.key] = provider
        self.digest.append(payload.name.encode() + b"\0" + hashlib.sha256(payload.body).digest())
        began_s = time.perf_counter()
        try:
            parsed = provider.parse(payload.name, payload.body)
        except ProviderDataError as error:
            refused = Rejected(error.code, payload.name, str(error))
            self.refuse(provider.key, [refused])
            self.each.append(replace(reports.unknown(refused), provider=provider.key))
            return
        seconds = time.perf_counter() - began_s
        rejected = list(parsed.rejected)
        new = {event.key: event for event in parsed.events}
        if not provider.repeats:
            for key in new.keys() & self.events.keys():
                rejected.append(Rejected("duplicate_row", payload.name, key[1]))
                del new[key]
        self.refuse(provider.key, rejected)
        self.each.append(reports.read(payload.name, provider.key, parsed, rejected, seconds))
        self.quotes += parsed.quotes
        self.scores += parsed.scores
        self._add(new, parsed)

    def _add(self, new: dict[tuple[str, str], FeedEvent], parsed: Parsed) -> None:
        self.events |= new
        self.batches += [batch for batch in parsed.batches if batch.event.key in new]
        self.results += [result for result in parsed.results if result.key in new]
        for counts in parsed.coverage:
            if counts.sport in self.coverage:
                self.coverage[counts.sport].add(counts)
            else:
                self.coverage[counts.sport] = counts

    def place(self) -> None:
        """Give the prices that came without their event to the event of another file."""
        waiting = [said for said in self.quotes if said.key not in self.events]
        self.batches += [
            said.of(self.events[said.key]) for said in self.quotes if said.key in self.events
        ]
        self.quotes = waiting

    def files(self, described: str) -> Files:
        season = Season(
            tuple(sorted(self.events.values(), key=lambda e: (e.starts_at, e.provider_event_id))),
            tuple(self.batches),
            tuple(self.results),
        )
        return Files(
            season,
            {provider: tuple(rejected) for provider, rejected in self.refused.items()},
            self._kinds(),
            tuple(self.coverage[sport] for sport in sorted(self.coverage)),
            sum(len(batch.prices) for batch in self.batches),
            hashlib.sha256(b"".join(self.digest)).hexdigest(),
            described,
            tuple(self.quotes),
            tuple(self.scores),
            tuple(self.each),
        )

    def _kinds(self) -> dict[str, SourceKind]:
        said = [(batch.event.provider, batch.prices) for batch in self.batches]
        said += [(quotes.provider, quotes.prices) for quotes in self.quotes]
        return {
            price.source: self.providers[provider].source_kind(price.source)
            for provider, prices in said
            for price in prices
        }
