"""The protocol's names of markets and ours: `ft_hdp` is the Asian handicap of regular time.

Any other market of the catalogue goes by `market_type:period`, as `both_teams_to_score:ft`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LINE_KEYS: Final = ("handicap", "line")


@dataclass(frozen=True, slots=True)
class Question:
    """A market in our words, and under which key the protocol writes its line ("" for none)."""

    market_type: str
    period: str
    line_key: str = "line"


QUESTIONS: Final[Mapping[str, Question]] = {
    "ft_hdp": Question("asian_handicap", "ft", "handicap"),
    "ft_ou": Question("total", "ft"),
    "ft_1x2": Question("1x2", "ft", ""),
    "ht_hdp": Question("asian_handicap", "ht", "handicap"),
    "ht_ou": Question("total", "ht"),
    "ht_1x2": Question("1x2", "ht", ""),
    "ml": Question("moneyline", "final", ""),
}
_NAMES: Final = {(one.market_type, one.period): name for name, one in QUESTIONS.items()}


def question_of(name: str) -> Question | None:
    """The market of a name, known or not to the catalogue; None for what names none."""
    known = QUESTIONS.get(name)
    if known is not None:
        return known
    market_type, colon, period = name.partition(":")
    return Question(market_type, period) if colon and market_type and period else None


def name_of(market_type: str, period: str) -> str:
    """What the protocol calls a market of ours."""
    return _NAMES.get((market_type, period)) or f"{market_type}:{period}"
