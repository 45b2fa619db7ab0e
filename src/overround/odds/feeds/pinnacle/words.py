"""The provider's numbers in our words: sports, and the periods of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SPORTS: Final[Mapping[str, str]] = {
    "3": "baseball",
    "4": "basketball",
    "6": "boxing",
    "8": "cricket",
    "10": "darts",
    "12": "esports",
    "15": "american_football",
    "18": "handball",
    "19": "ice_hockey",
    "22": "mma",
    "26": "rugby_league",
    "27": "rugby",
    "28": "snooker",
    "29": "football",
    "32": "table_tennis",
    "33": "tennis",
    "34": "volleyball",
    "39": "aussie_rules",
}

_HALVES: Final = {"0": "ft", "1": "ht", "2": "2h"}
# The second half of these is settled with overtime, which ours is not: it is left out.
_QUARTERS: Final = {"0": "final", "1": "ht", "3": "q1", "4": "q2", "5": "q3", "6": "q4"}
_WHOLE: Final = {"0": "final"}
_PERIODS: Final[Mapping[str, Mapping[str, str]]] = {
    "football": _HALVES,
    "handball": _HALVES,
    "basketball": _QUARTERS,
    "american_football": _QUARTERS,
    "ice_hockey": {"0": "final", "1": "p1", "2": "p2", "3": "p3", "6": "ft"},
    "baseball": {"0": "final", "1": "i1_5", "3": "i1"},
    "tennis": {"0": "final", "1": "s1", "2": "s2", "3": "s3", "4": "s4", "5": "s5"},
}
# Whether these are counted in sets or games is said beside the event and not beside its prices.
UNITS_UNKNOWN: Final = frozenset({"tennis", "table_tennis", "volleyball", "esports"})


def period_of(sport: str, number: str) -> str | None:
    """Our period for the provider's number; None where it has none of ours."""
    return _PERIODS.get(sport, _WHOLE).get(number)
