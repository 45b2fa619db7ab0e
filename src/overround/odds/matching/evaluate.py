"""How good the matching is on labelled pairs of fixtures: precision, recall, both by kind of pair.

A pair is decided as it would be in the product: from names, categories, places, competitions and
starts, with what the catalogue has learnt. An answer that is not "the same" counts as "not
matched", a doubtful one too. What is learnt is words and rosters: who plays where, never a label.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from overround.core.errors import Invalid
from overround.odds.catalogue import names
from overround.odds.feeds.football_data.words import DIVISIONS
from overround.odds.matching import evidence, rules
from overround.odds.matching.evidence import NOTHING_KNOWN, Knowledge

PAIRS_MAX: Final = 1_000_000
ALIASES_MAX: Final = 5_000_000
WRONG_SHOWN: Final = 200
# Sport that anybody has written down; the ends of the calendar have no other zone.
_YEARS: Final = range(1800, 2201)

Learning = Literal["all", "half", "none"]
# (sport, place) -> identity of a spelling -> participant.
AliasBook = Mapping[tuple[str, str], Mapping[str, UUID]]

_SIDE_COLUMNS: Final = ("source", "league", "home", "away", "kickoff_utc", "kickoff_raw", "tz")
_COLUMNS: Final = (
    *("pair_id", "label", "kind", "sport"),
    *(f"{side}_{column}" for side in "ab" for column in _SIDE_COLUMNS),
)
_ALIAS_COLUMNS: Final = ("canonical_id", "sport", "country", "alias")


@dataclass(frozen=True, slots=True)
class Named:
    """One side of a pair: a fixture as one source names it."""

    source: str
    sport: str
    competition_name: str
    country: str
    home: str
    away: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """Two fixtures, and whether they are one event."""

    pair_id: str
    same: bool
    kind: str
    ours: Named
    theirs: Named


def read_pairs(rows: Iterable[Mapping[str, str | None]], *, raw: bool = False) -> list[Pair]:
    """Pairs from rows with the columns of `match-pairs.csv`; `raw` reads the sources' own times.

    Raises Invalid `pairs`, with the row, for a missing column, a label or a time that is none.
    """
    pairs: list[Pair] = []
    for line, row in enumerate(rows, start=2):
        if line > PAIRS_MAX:
            raise Invalid(f"more than {PAIRS_MAX} pairs", code="pairs")
        missing = [column for column in _COLUMNS if not isinstance(row.get(column), str)]
        if missing:
            raise Invalid(f"line {line}: no {', '.join(missing)}", code="pairs")
        told = {column: value or "" for column, value in row.items()}
        if told["label"] not in ("0", "1"):
            raise Invalid(f"line {line}: the label is 0 or 1", code="pairs")
        try:
            ours, theirs = (_named(told, side, raw=raw) for side in "ab")
        except (ValueError, OverflowError) as error:
            raise Invalid(f"line {line}: {error}", code="pairs") from error
        same = told["label"] == "1"
        pairs.append(Pair(told["pair_id"], same, told["kind"], ours, theirs))
    return pairs


def _named(row: Mapping[str, str], side: str, *, raw: bool) -> Named:
    league = row[f"{side}_league"]
    # The codes of football-data.co.uk, in which several sources speak; its parser reads them so.
    country, competition = DIVISIONS.get(league, ("", league))
    stated = datetime.fromisoformat(row[f"{side}_kickoff_utc"])
    if stated.tzinfo is None:
        raise ValueError(f"{side}_kickoff_utc has no zone")
    start = _raw_start(row[f"{side}_kickoff_raw"], row[f"{side}_tz"], stated) if raw else stated
    if not all(moment.year in _YEARS for moment in (stated, start)):
        raise ValueError(f"{side}_kickoff is of no year from {_YEARS[0]} to {_YEARS[-1]}")
    return Named(
        row[f"{side}_source"],
        row["sport"],
        competition,
        country,
        row[f"{side}_home"],
        row[f"{side}_away"],
        start,
    )


def _raw_start(text: str, zone: str, stated: datetime) -> datetime:
    """The start as the source writes it, in the zone it is said to mean; without one, in UTC.

    A source that writes no date beside the time has it in the name of its file: it is taken from
    `stated`.
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        place = UTC
    if len(text) <= len("99:99"):
        text = f"{stated.astimezone(place).date().isoformat()} {text}"
    start = datetime.fromisoformat(text)
    return start if start.tzinfo is not None else start.replace(tzinfo=place)


def read_aliases(rows: Iterable[Mapping[str, str | None]]) -> AliasBook:
    """Spellings by sport and country; one that two participants share there is left out.

    Raises Invalid `aliases`, with the row, for a missing column.
    """
    ids: dict[str, UUID] = {}
    book: defaultdict[tuple[str, str], dict[str, UUID]] = defaultdict(dict)
    shared: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for line, row in enumerate(rows, start=2):
        missing = [column for column in _ALIAS_COLUMNS if not isinstance(row.get(column), str)]
        if missing or line > ALIASES_MAX:
            raise Invalid(f"line {line}: no {', '.join(missing) or 'more'}", code="aliases")
        told = {column: value or "" for column, value in row.items()}
        participant = ids.setdefault(told["canonical_id"], UUID(int=len(ids) + 1))
        # A women's club is told by its row where its name does not tell it.
        league = "women" if told.get("gender") == "women" else ""
        identity = names.team(told["alias"], league).identity
        scope = told["sport"], names.country_of(told["country"], "")
        if book[scope].setdefault(identity, participant) != participant:
            shared[scope].add(identity)
    for scope, identities in shared.items():
        for identity in identities:
            del book[scope][identity]
    return book


def evaluate(
    pairs: Sequence[Pair], aliases: AliasBook | None = None, learning: Learning = "all"
) -> dict[str, Any]:
    """Precision and recall in all and by kind, what was proof, and the pairs that came out wrong.

    `learning` "half" learns words and rosters from every second pair (by a hash of its id) and
    judges the others; "none" judges each pair by itself. Raises Invalid `pairs` if there are none.
    """
    judged = [pair for pair in pairs if learning != "half" or _held_out(pair)]
    if not judged:
        raise Invalid("there are no pairs", code="pairs")
    taught = {"all": pairs, "half": [p for p in pairs if not _held_out(p)], "none": []}[learning]
    knowledge = _learn(taught)
    total, by_kind, reasons = (
        Counter[str](),
        defaultdict[str, Counter[str]](Counter),
        Counter[str](),
    )
    wrong: list[dict[str, Any]] = []
    for pair in judged:
        same, confidence, reason = _verdict(pair, aliases or {}, knowledge)
        outcome = ("found" if same else "missed") if pair.same else ("false" if same else "apart")
        total[outcome] += 1
        by_kind[pair.kind][outcome] += 1
        if same:
            reasons[reason] += 1
        if outcome in ("missed", "false"):
            wrong.append(_told(pair, outcome, reason, confidence))
    return {
        "pairs": len(judged),
        **_figures(total),
        "learnt": {
            "from": learning,
            "words": len(knowledge.words.learnt),
            "rosters": len(knowledge.rosters),
        },
        "aliases": sum(map(len, (aliases or {}).values())),
        "proof": dict(reasons.most_common()),
        "by_kind": {kind: _figures(by_kind[kind]) for kind in sorted(by_kind)},
        "wrong": wrong[:WRONG_SHOWN],
    }


def _held_out(pair: Pair) -> bool:
    return zlib.crc32(pair.pair_id.encode()) % 2 == 1


def _learn(pairs: Sequence[Pair]) -> Knowledge:
    named: defaultdict[str, list[Named]] = defaultdict(list)
    for pair in pairs:
        for side in (pair.ours, pair.theirs):
            named[side.source].append(side)
    return evidence.learn(named) if named else NOTHING_KNOWN


def _verdict(pair: Pair, aliases: AliasBook, knowledge: Knowledge) -> tuple[bool, float, str]:
    ours, theirs = (rules.read(side, side.source) for side in (pair.ours, pair.theirs))
    known = aliases.get((ours.sport, ours.place or theirs.place), {})
    if known:
        home_id, away_id = known.get(ours.home.identity), known.get(ours.away.identity)
        ours = replace(ours, home_id=home_id, away_id=away_id)
    return rules.same_event(ours, theirs, known, knowledge)


def _figures(counts: Counter[str]) -> dict[str, Any]:
    found, false, missed = counts["found"], counts["false"], counts["missed"]
    return {
        "precision": round(found / (found + false), 4) if found + false else None,
        "recall": round(found / (found + missed), 4) if found + missed else None,
        **{name: counts[name] for name in ("found", "missed", "false", "apart")},
    }


def _told(pair: Pair, outcome: str, reason: str, confidence: float) -> dict[str, Any]:
    return {
        "pair_id": pair.pair_id,
        "kind": pair.kind,
        "outcome": outcome,
        "reason": reason,
        "confidence": round(confidence, 2),
        "ours": _line(pair.ours),
        "theirs": _line(pair.theirs),
    }


def _line(side: Named) -> str:
    start = side.starts_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return f"{start} {side.home} v {side.away} ({side.competition_name}; {side.source})"
