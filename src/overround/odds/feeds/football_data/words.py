"""The provider's abbreviations in our words: divisions, books, and which of the books is what."""

from __future__ import annotations

from typing import Final

from overround.odds.feeds.provider import SourceKind

# Division code -> (country, competition). A code that is not here is its own name.
DIVISIONS: Final[dict[str, tuple[str, str]]] = {
    "B1": ("Belgium", "First Division A"),
    "D1": ("Germany", "Bundesliga"),
    "D2": ("Germany", "2. Bundesliga"),
    "E0": ("England", "Premier League"),
    "E1": ("England", "Championship"),
    "E2": ("England", "League One"),
    "E3": ("England", "League Two"),
    "EC": ("England", "National League"),
    "F1": ("France", "Ligue 1"),
    "F2": ("France", "Ligue 2"),
    "G1": ("Greece", "Super League"),
    "I1": ("Italy", "Serie A"),
    "I2": ("Italy", "Serie B"),
    "N1": ("Netherlands", "Eredivisie"),
    "P1": ("Portugal", "Primeira Liga"),
    "SC0": ("Scotland", "Premiership"),
    "SC1": ("Scotland", "Championship"),
    "SC2": ("Scotland", "League One"),
    "SC3": ("Scotland", "League Two"),
    "SP1": ("Spain", "La Liga"),
    "SP2": ("Spain", "Segunda División"),
    "T1": ("Turkey", "Süper Lig"),
}

# Column prefix -> source. Several prefixes may be one source (Pinnacle is PS in 1X2 and P beside
# it, VC is the former name of BetVictor); `header` keeps them apart where one market has both: the
# prefix that stands later here is then its own name.
SOURCES: Final[dict[str, str]] = {
    "1XB": "1xbet",
    "B365": "bet365",
    "BF": "betfair",
    "BFD": "betfred",
    "BFE": "betfair_exchange",
    "BMGM": "betmgm",
    "BS": "blue_square",
    "BV": "betvictor",
    "BW": "bwin",
    "CL": "coral",
    "GB": "gamebookers",
    "IW": "interwetten",
    "LB": "ladbrokes",
    "PS": "pinnacle",
    "P": "pinnacle",
    "SB": "sportingbet",
    "SJ": "stan_james",
    "SO": "sporting_odds",
    "SY": "stanleybet",
    "VC": "betvictor",
    "WH": "william_hill",
}

# Maxima and averages over other books are figures, not somebody's price.
AGGREGATES: Final = frozenset({"Max", "Avg", "BbMx", "BbAv"})

EXCHANGES: Final = frozenset({"betfair_exchange"})


def source_kind(source: str) -> SourceKind:
    """Whether `source` lays its own prices or shows those of its customers."""
    return "exchange" if source in EXCHANGES else "bookmaker"
