"""How each book writes its board: markup, odds format, lines, clocks and names of its own.

`sbo`: a table, Malay odds, an unsigned line "0.5-1" beside the side that gives it, dates without
a year by a clock eight hours ahead. `ibc`: boxes, Hong Kong odds (Malay after each new login), the
home side's signed line "-0/0.5", stamps in milliseconds. `cmd`: a list, Indonesian odds in
attributes, and a second edition of its markup in which everything has another name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from html import escape
from itertools import groupby
from typing import Final

from overround.core import odds_format, price
from tests.replicas.market import Market, Match, Question, Side

_EIGHT_HOURS: Final = timedelta(hours=8)
_MINUS_SIGN: Final = "\u2212"


@dataclass(slots=True)
class Book:
    """One book as it stands: its faults, its sessions, what it showed when it froze."""

    name: str
    edition: int = 1
    is_frozen: bool = False
    is_closed: bool = False
    is_down: bool = False
    is_empty: bool = False
    written: str = "malay"
    sessions: set[str] = field(default_factory=set[str])
    frozen: dict[str, str] = field(default_factory=dict[str, str])


def board(market: Market, book: Book, now_s: float) -> str:
    """The board's markup now."""
    return _WRITERS[book.name](_Quotes(market, book, now_s))


@dataclass(frozen=True, slots=True)
class _Quotes:
    market: Market
    book: Book
    now_s: float

    def of(self, match: Match, question: Question, side: Side, written: str) -> str:
        """The price in the book's format."""
        found = self.market.price_e4(self.book.name, match, question, side, self.now_s)
        return text(found, written)

    def competitions(self) -> list[tuple[str, list[Match]]]:
        """Matches by competition, in the order of the board."""
        if self.book.is_empty:
            return []
        by = groupby(self.market.matches, lambda match: match.competition)
        return [(name, list(matches)) for name, matches in by]

    def stopped(self, match: Match) -> str:
        """The class of a price that may not be taken."""
        return " off" if self.book.name in match.suspended else ""


def text(price_e4: int, written: str) -> str:
    """A price as books write it: a minus sign as it is typeset, three decimals."""
    value = odds_format.to_value(price.to_fraction(price_e4), written)
    thousandths = round(value * 1_000)
    digits = f"{abs(thousandths) // 1_000}.{abs(thousandths) % 1_000:03d}"
    return (_MINUS_SIGN if thousandths < 0 else "") + digits


# The formats that a book may have written its prices in.
FORMATS: Final = {"sbo": ("malay",), "ibc": ("hongkong", "malay"), "cmd": ("indonesian",)}


def _pair(line_q4: int, separator: str) -> str:
    """A line as Asian books write it: 0.75 is "0.5-1"; the sign is the caller's."""
    quarters = abs(line_q4)
    halves = (quarters,) if quarters % 2 == 0 else (quarters - 1, quarters + 1)
    return separator.join(f"{half / 4:g}" for half in halves)


_SBO_CELLS: Final[tuple[tuple[str, Question, Side], ...]] = (
    ("hh", "hdp", "first"), ("ha", "hdp", "second"),
    ("ov", "ou", "first"), ("un", "ou", "second"),
)  # fmt: skip


def _sbo(quotes: _Quotes) -> str:
    rows: list[str] = []
    for competition, matches in quotes.competitions():
        rows.append(
            f'<tbody class="lg"><tr><td colspan="8">{escape(competition)}</td></tr></tbody>'
        )
        for match in matches:
            off = quotes.stopped(match)
            given = _pair(match.hdp_q4, "-")
            home_gives, away_gives = (given, "") if match.hdp_q4 <= 0 else ("", given)
            at = (match.starts_at + _EIGHT_HOURS).strftime("%m/%d %H:%M")
            cells = "".join(
                f'<td class="o {name}{off}">{quotes.of(match, question, side, "malay")}</td>'
                for name, question, side in _SBO_CELLS
            )
            rows.append(
                f'<tbody class="ev" id="e{match.id}"><tr class="ln"><td class="tm">{at}</td>'
                f'<td><span class="h">{escape(match.home)}</span>'
                f'<span class="a">{escape(match.away)}</span></td>'
                f'<td><i class="gh">{home_gives}</i><i class="ga">{away_gives}</i></td>'
                f'<td class="gl">{_pair(match.total_q4, "-")}</td>{cells}</tr></tbody>'
            )
    return f"<table>{''.join(rows)}</table>"


def _ibc(quotes: _Quotes) -> str:
    boxes: list[str] = []
    for competition, matches in quotes.competitions():
        inner: list[str] = []
        for match in matches:
            off = quotes.stopped(match)
            sign = "-" if match.hdp_q4 < 0 else ""
            lines: tuple[tuple[str, Question, str], ...] = (
                ("AH", "hdp", sign + _pair(match.hdp_q4, "/")),
                ("OU", "ou", _pair(match.total_q4, "/")),
            )
            bets = "".join(
                f'<div class="bet{off}" data-bet="{name}"><b>{line}</b>'
                f"<s>{quotes.of(match, question, 'first', quotes.book.written)}</s>"
                f"<s>{quotes.of(match, question, 'second', quotes.book.written)}</s></div>"
                for name, question, line in lines
            )
            stamp = int(match.starts_at.astimezone(UTC).timestamp() * 1_000)
            inner.append(
                f'<article data-match="{match.id}" data-ko="{stamp}"><h4>{escape(match.home)}</h4>'
                f"<h4>{escape(match.away)}</h4>{bets}</article>"
            )
        boxes.append(f"<section><h3>{escape(competition)}</h3>{''.join(inner)}</section>")
    word = {"malay": "MY", "hongkong": "HK"}[quotes.book.written]
    return f'<p>Odds: <em class="fmt">{word}</em></p>{"".join(boxes)}'


# The second edition is the first with every name changed, as a new release of a site is.
_CMD_NAMES: Final = {
    1: {"li": "mt", "t1": "t1", "t2": "t2", "row": "bt", "px": "data-o", "ln": "data-l"},
    2: {"li": "fx-7a", "t1": "nm-h", "t2": "nm-a", "row": "mk-9c", "px": "data-px", "ln": "data-v"},
}


def _cmd(quotes: _Quotes) -> str:
    name = _CMD_NAMES[quotes.book.edition]
    items: list[str] = []
    for competition, matches in quotes.competitions():
        for match in matches:
            off = quotes.stopped(match)
            lines: tuple[tuple[Question, int], ...] = (
                ("hdp", match.hdp_q4), ("ou", match.total_q4)
            )  # fmt: skip
            bets = "".join(
                f'<div class="{name["row"]} {question}" {name["ln"]}="{line / 4:g}">'
                + "".join(
                    f'<a class="p{off}" {name["px"]}='
                    f'"{quotes.of(match, question, side, "indonesian")}"></a>'
                    for side in _BOTH
                )
                + "</div>"
                for question, line in lines
            )
            items.append(
                f'<li class="{name["li"]}" data-c="{escape(competition)}"'
                f' data-t="{match.starts_at.isoformat()}">'
                f'<b class="{name["t1"]}">{escape(match.home)}</b> v '
                f'<b class="{name["t2"]}">{escape(match.away)}</b>{bets}</li>'
            )
    return f"<ul>{''.join(items)}</ul>" if items else '<p class="none">No events</p>'


_BOTH: Final[tuple[Side, Side]] = ("first", "second")
_WRITERS: Final[dict[str, Callable[[_Quotes], str]]] = {"sbo": _sbo, "ibc": _ibc, "cmd": _cmd}

# What is around the board. The page asks for its board five times a second and puts it in place;
# pictures, a font and a tracker are there to be left alone.
PAGE: Final = """<!doctype html><html><head><meta charset="utf-8"><title>BOOK</title>
<style>@font-face{font-family:F;src:url(/static/font.woff2)}body{font-family:F,sans-serif}
.off{text-decoration:line-through}</style></head><body>
<header>BOOK <span id="clock"></span><img src="/static/logo.png" alt="">
<img src="http://tracker.example/pixel.gif" alt=""></header>
<main id="board"></main><form id="login" hidden action="/BOOK/login" method="post">
<input name="user"><input name="password" type="password"><button>Log in</button></form>
<p id="closed" hidden>Closed for maintenance</p>
<script>
const board = document.getElementById("board"), clock = document.getElementById("clock");
let shown = "";
const only = (id) => {
  for (const name of ["board", "login", "closed"])
    document.getElementById(name).hidden = name !== id;
};
const turn = async () => {
  try {
    const answer = await fetch("/BOOK/board");
    if (answer.status === 401) { only("login"); }
    else if (answer.status === 503) { only("closed"); }
    else if (answer.ok) {
      const said = await answer.json();
      only("board");
      if (said.board !== shown) { board.innerHTML = shown = said.board; }
      if (said.clock !== clock.textContent) clock.textContent = said.clock;
    }
  } catch (error) { /* the next turn tries again */ }
  setTimeout(turn, 200);
};
turn();
</script></body></html>"""
