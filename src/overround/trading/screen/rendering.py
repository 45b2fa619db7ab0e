"""Pages of prices as text, by the column: what `/odds` and `/best` answer, event by event.

A page holds tens of thousands of prices, and a dictionary for each costs more than all else about
it. What repeats (a source, a price, a time) is written once and looked up; that it is what the
document says is a test (test: every answer is what the document says).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final, TypeVar

import numpy as np

from overround.core import line, price
from overround.trading.screen import rules, shapes
from overround.trading.screen.model import STATES, Best, Ints, Listed, Page, Side

# A side and what is written of it.
Written = tuple[Side, str]
Of = TypeVar("Of")
# Without a zone, which costs time and is always the same.
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001


def odds(events: Sequence[Listed], page: Page) -> Iterator[str]:
    """Each event with markets, markets with selections, those with the price of each source."""
    cells = _cells(page)
    written: list[list[Written]] = [[] for _ in events]
    for n, first, after in _runs(page):
        own = page.sides[n]
        prices = ",".join(cells[first:after])
        text = (
            f'{{"selection_id":"{own.selection_id}","side":{_word(own.side)},"prices":[{prices}]}}'
        )
        written[own.event].append((own, text))
    return (_event(one, _markets(sides)) for one, sides in zip(events, written, strict=True))


def best(events: Sequence[Listed], page: Page) -> Iterator[str]:
    """Each event with markets, markets with the best price of each selection and what they leave.

    A market of which nothing is open is there, without selections.
    """
    found: list[list[tuple[Side, Best | None]]] = [[] for _ in events]
    prices: list[int] = np.where(page.is_open == 1, page.price_e4, 0).tolist()
    tellers: list[int] = page.teller.tolist()
    for n, first, after in _runs(page):
        highest = max(prices[first:after])
        names = {
            page.tellers[tellers[at]].key for at in range(first, after) if prices[at] == highest
        }
        own = page.sides[n]
        found[own.event].append((own, Best(highest, tuple(sorted(names))) if highest else None))
    return (_event(one, _best_markets(sides)) for one, sides in zip(events, found, strict=True))


def _cells(page: Page) -> list[str]:
    """Each cell as JSON."""
    heads = [
        f'{{"source":{_text(one.key)},"source_kind":{_text(one.kind)},"price":"'
        for one in page.tellers
    ]
    tails = [f'","state":"{state}","observed_at":"' for state in STATES]
    return [
        f'{head}{amount}{tail}{observed}","changed_at":"{changed}"}}'
        for head, amount, tail, observed, changed in zip(
            _looked_up(page.teller, heads.__getitem__),
            _looked_up(page.price_e4, price.to_text),
            _looked_up(page.is_open, tails.__getitem__),
            _looked_up(page.observed_us, _stamp),
            _looked_up(page.changed_us, _stamp),
            strict=True,
        )
    ]


def _looked_up(values: Ints, say: Callable[[int], str]) -> list[str]:
    """What `say` makes of each value; it is asked once for each that is different."""
    different, at = np.unique(values, return_inverse=True)
    said = [say(value) for value in different.tolist()]
    places: list[int] = at.tolist()
    return [said[place] for place in places]


def _runs(page: Page) -> Iterator[tuple[int, int, int]]:
    """(side, first, after) of each side that is quoted: where its cells stand."""
    first = np.flatnonzero(np.diff(page.side, prepend=-1))
    after = np.append(first[1:], len(page.side))[: len(first)]
    sides: list[int] = page.side[first].tolist()
    firsts: list[int] = first.tolist()
    afters: list[int] = after.tolist()
    return zip(sides, firsts, afters, strict=True)


def _markets(sides: Sequence[Written]) -> str:
    """The markets of an event; the answers of each in the order of the board."""
    return ",".join(
        f'{_market(own)},"selections":[{",".join(text for _, text in ordered)}]}}'
        for own, ordered in _by_market(sides)
    )


def _best_markets(sides: Sequence[tuple[Side, Best | None]]) -> str:
    answer: list[str] = []
    for own, ordered in _by_market(sides):
        by_side = {side.side: one for side, one in ordered if one is not None}
        ppm = rules.overround_ppm(own.market_type, by_side)
        left = "null" if ppm is None else f'"{rules.ppm_text(ppm)}"'
        chosen = ",".join(_best(side, one) for side, one in ordered if one is not None)
        answer.append(f'{_market(own)},"overround":{left},"selections":[{chosen}]}}')
    return ",".join(answer)


def _by_market(
    sides: Sequence[tuple[Side, Of]],
) -> Iterator[tuple[Side, list[tuple[Side, Of]]]]:
    for _, group in groupby(sides, key=_question):
        ordered = sorted(group, key=lambda pair: rules.place_of(pair[0]))
        yield ordered[0][0], ordered


def _question(pair: tuple[Side, object]) -> tuple[str, str, int | None]:
    own, _ = pair
    return own.market_type, own.period, own.line_q4


def _market(own: Side) -> str:
    """A market as JSON that is still open."""
    said = "null" if own.line_q4 is None else f'"{line.to_text(own.line_q4)}"'
    return f'{{"market":{_word(own.market_type)},"period":{_word(own.period)},"line":{said}'


def _best(own: Side, one: Best) -> str:
    return (
        f'{{"selection_id":"{own.selection_id}","side":{_word(own.side)},'
        f'"price":"{price.to_text(one.price_e4)}","sources":{_text(one.sources)}}}'
    )


def _event(one: Listed, markets: str) -> str:
    head = _text(shapes.event(one))
    return f'{head[:-1]},"markets":[{markets}]}}'


def _stamp(us: int) -> str:
    """As `shapes.stamp` says the time (test: a page says times as all others do)."""
    return f"{(_EPOCH + timedelta(microseconds=us)).isoformat()}Z"


@lru_cache(maxsize=4_096)
def _word(text: str) -> str:
    """A word that comes again and again, as JSON."""
    return _text(text)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
