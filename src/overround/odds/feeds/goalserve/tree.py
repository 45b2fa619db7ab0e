"""The provider's bodies as they come: one child or a list of them, attributes with "@" or without.

Two layouts say the same thing: the newer one nests `bookmakers` and `odds`, the older one (XML, and
cricket in JSON) `type`, `bookmaker`, `total`, `handicap` and `odd`. What leaves this file is the
one shape `Group`.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds import markup, reading
from overround.odds.feeds.reading import Node

MAX_BODY_BYTES: Final = 64_000_000
# Longer than any value that is accepted, so what is cut is refused for its length.
MAX_TEXT_LENGTH: Final = 1_000

_MARKETS: Final = ("odds", "type")
_BOOKMAKERS: Final = ("bookmakers", "bookmaker")
_LINED: Final = ("total", "handicap")
_ANSWERS: Final = ("odds", "odd")
# With three decimals where it is there. There is a third, `us`, that is cut off: never used.
_PRICES: Final = ("dp3", "value")


@dataclass(frozen=True, slots=True)
class Answer:
    """One selection: its name and price as they were written, and whether it is stopped itself.

    `line` is its own side's, where it says one.
    """

    name: str
    value: str
    stopped: bool
    line: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The selections of one market, bookmaker and line ("" where the market has none).

    `stopped` says that the market, the bookmaker or the line is, whatever its selections say.
    """

    market_id: str
    market_name: str
    bookmaker_id: str
    bookmaker_name: str
    ts: str
    line: str
    stopped: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """The `scores` object of a body. In XML markets and bookmakers have other numbers, so there
    their names count."""

    node: Node
    is_xml: bool


def read(body: bytes) -> Scores:
    """The one `scores` object of a body.

    Raises ProviderDataError `body_too_large` (64 MB), `not_json`, `unknown_layout`, and as
    `markup.root_of` does.
    """
    if body.removeprefix(BOM_UTF8).lstrip().startswith(b"<"):
        name, root = markup.root_of(body, MAX_BODY_BYTES)
        if name != "scores":
            raise ProviderDataError("the body has no scores", code="unknown_layout")
        return Scores(root, is_xml=True)
    found = reading.json_of(body, MAX_BODY_BYTES)
    scores = children(found, "scores")
    if len(scores) != 1:
        raise ProviderDataError("the body has no scores", code="unknown_layout")
    return Scores(scores[0], is_xml=False)


def children(node: object, *names: str) -> list[Node]:
    """The objects under the first of `names` that is there: a list of them, one alone, or none."""
    if not isinstance(node, dict):
        return []
    members = cast("Node", node)
    found = next((members[name] for name in names if name in members), None)
    several = cast("list[object]", found) if isinstance(found, list) else [found]
    return [cast("Node", child) for child in several if isinstance(child, dict)]


def text(node: Node, name: str) -> str:
    """An attribute as text, trimmed and cut; "" where it is absent or something else."""
    found: object = node.get(name, node.get(f"@{name}"))
    return found.strip()[:MAX_TEXT_LENGTH] if isinstance(found, str) else ""


def is_stopped(node: Node) -> bool:
    """Whether the attribute `stop` says anything but no, which is written in several ways."""
    found: object = node.get("stop", node.get("@stop"))
    if isinstance(found, str):
        return found.strip().casefold() not in ("", "false")
    return found is not None and found is not False


def matches(scores: Node) -> Iterator[tuple[Node, Node]]:
    """Every (category, match)."""
    for category in children(scores, "categories", "category"):
        for found in children(category, "matches", "match"):
            inner = children(found, "match")
            for match in inner or [found]:
                yield category, match


def stamps(match: Node) -> list[str]:
    """The stamps that a match gives all its prices; JSON gives them by bookmaker."""
    return [stamp for odds in children(match, "odds") if (stamp := text(odds, "ts"))]


def groups(match: Node) -> Iterator[Group]:
    """Every group of selections of a match, in the order they come."""
    for market in _markets(match):
        for bookmaker in children(market, *_BOOKMAKERS):
            stopped = is_stopped(market) or is_stopped(bookmaker)
            plain: list[Node] = []
            for child in children(bookmaker, *_ANSWERS):
                # A child with children of its own is a line.
                if any(name in child for name in _ANSWERS):
                    yield _group(market, bookmaker, child, stopped)
                else:
                    plain.append(child)
            for name in _LINED:
                for line in children(bookmaker, name):
                    yield _group(market, bookmaker, line, stopped)
            if plain:
                yield _grouped(market, bookmaker, "", stopped, plain)


def _markets(match: Node) -> Iterator[Node]:
    for found in children(match, "odds"):
        inner = children(found, "type")
        yield from inner or [found]


def _group(market: Node, bookmaker: Node, line: Node, stopped: bool) -> Group:
    answers = children(line, *_ANSWERS)
    return _grouped(market, bookmaker, text(line, "name"), stopped or is_stopped(line), answers)


def _grouped(market: Node, bookmaker: Node, line: str, stopped: bool, answers: list[Node]) -> Group:
    return Group(
        text(market, "id"),
        text(market, "value"),
        text(bookmaker, "id"),
        text(bookmaker, "name"),
        text(bookmaker, "ts"),
        line,
        stopped,
        tuple(_answer(one) for one in answers),
    )


def _answer(found: Node) -> Answer:
    price = next((value for name in _PRICES if (value := text(found, name))), "")
    return Answer(text(found, "name"), price, is_stopped(found), text(found, "handicap"))
