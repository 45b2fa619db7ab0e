"""Our sports, competitions, sources and markets by the names of The Odds API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from overround.odds.feeds import the_odds_api
from overround.odds.feeds.the_odds_api import FEATURED, REGIONS
from overround.trading.screen import Competition

GROUPS: Final[Mapping[str, str]] = {
    "football": "Soccer",
    "american_football": "American Football",
    "aussie_rules": "Aussie Rules",
    "ice_hockey": "Ice Hockey",
    "mma": "Mixed Martial Arts",
    "rugby": "Rugby Union",
    "rugby_league": "Rugby League",
}
# Asked for by clients of the original, and kept by nobody here: no answer, and no mistake.
EMPTY_MARKETS: Final = frozenset({"h2h_lay", "outrights_lay"})
# Who wins of many: the sides are the runners, by name.
OUTRIGHTS: Final = "outrights"
FEATURED_KEYS: Final = (*FEATURED, OUTRIGHTS, *sorted(EMPTY_MARKETS))

# Where a bookmaker is listed. One that is not here, such as a source of ours alone, is listed in
# every region: a program that asks for any of them sees it.
_LISTED: Final[Mapping[str, str]] = {
    "us": "betmgm betonlineag betrivers betus bovada draftkings fanatics fanduel lowvig mybookieag "
    "williamhill_us",
    "us2": "ballybet betanysports betparx espnbet fliff hardrockbet rebet",
    "uk": "betfair_ex_uk betfair_sb_uk betfred_uk betvictor betway boylesports casumo coral "
    "grosvenor ladbrokes_uk leovegas livescorebet matchbook paddypower skybet smarkets sport888 "
    "unibet_uk virginbet williamhill",
    "eu": "betclic_fr betfair_ex_eu betonlineag betsson coolbet everygame gtbets livescorebet_eu "
    "marathonbet matchbook mybookieag nordicbet onexbet parionssport_fr pinnacle sport888 "
    "suprabets tipico_de unibet unibet_fr unibet_it unibet_nl unibet_se williamhill winamax_de "
    "winamax_fr",
    "au": "bet365_au betfair_ex_au betr_au betright boombet dabble_au ladbrokes_au neds playup "
    "pointsbetau sportsbet tab tabtouch unibet_au",
}
_BY_KEY: Final[Mapping[str, frozenset[str]]] = {
    key: frozenset(region for region, keys in _LISTED.items() if key in keys.split())
    for keys in _LISTED.values()
    for key in keys.split()
}
_TITLES: Final[Mapping[str, str]] = {
    "betmgm": "BetMGM",
    "betonlineag": "BetOnline.ag",
    "betrivers": "BetRivers",
    "draftkings": "DraftKings",
    "fanduel": "FanDuel",
    "lowvig": "LowVig.ag",
    "onexbet": "1xBet",
    "paddypower": "Paddy Power",
    "sport888": "888sport",
    "williamhill": "William Hill",
    "williamhill_us": "Caesars",
}
_SPORT_WORDS: Final = {ours: theirs for theirs, ours in the_odds_api.SPORTS.items()}
_COMPETITION_KEYS: Final = {
    (key.partition("_")[0], *named): key for key, named in the_odds_api.COMPETITIONS.items()
}
_BASES: Final = (
    "h2h", "h2h_3_way", "spreads", "alternate_spreads", "totals", "alternate_totals",
    "team_totals", "alternate_team_totals", "btts", "draw_no_bet", "double_chance", "odd_even",
)  # fmt: skip
_PARTS: Final = (
    "q1", "q2", "q3", "q4", "h1", "h2", "p1", "p2", "p3", "1st_1_innings", "1st_3_innings",
    "1st_5_innings", "1st_7_innings", "corners",
)  # fmt: skip
# What the original has and we have no place for: players' statistics and the like.
_OTHER_KEY: Final = re.compile(r"(?:player|batter|pitcher|alternate_player)_[a-z0-9_]{1,60}")
MARKET_KEYS: Final = frozenset(
    [*_BASES, *(f"{b}_{part}" for b in _BASES for part in _PARTS), OUTRIGHTS, *EMPTY_MARKETS]
)
_SLUG: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Question:
    """Our markets that answer one of theirs: types by the team they are about, and a period.

    `one_line` says that a bookmaker shows one line, its main one.
    """

    key: str
    types: tuple[tuple[str, str], ...]
    period: str
    one_line: bool


def sport_key(competition: Competition) -> str:
    """The key of a competition: the one it came by, the original's, or one in its manner."""
    if competition.key is not None and re.fullmatch(r"[a-z0-9_]{1,80}", competition.key):
        return competition.key
    sport = _SPORT_WORDS.get(competition.sport, competition.sport.replace("_", ""))
    known = _COMPETITION_KEYS.get((sport, competition.country, competition.name))
    if known is not None:
        return known
    parts = (sport, _slug(competition.country), _slug(competition.name))
    return "_".join(part for part in parts if part)[:80]


def by_key(competitions: Iterable[Competition]) -> dict[str, list[Competition]]:
    """Competitions by their key; two of one key are one to whoever asks."""
    found: dict[str, list[Competition]] = {}
    for competition in competitions:
        found.setdefault(sport_key(competition), []).append(competition)
    return found


def group(sport: str) -> str:
    """The original's word for a sport."""
    return GROUPS.get(sport, sport.replace("_", " ").title())


def title(bookmaker: str) -> str:
    """A bookmaker's name."""
    return _TITLES.get(bookmaker, bookmaker.replace("_", " ").title())


def their_key(source: str) -> str:
    """The original's key of a source of ours."""
    return the_odds_api.key_of(source)


def is_listed(bookmaker: str, regions: Iterable[str]) -> bool:
    """Whether a bookmaker is listed in one of the regions."""
    return not _BY_KEY.get(bookmaker, frozenset(REGIONS)).isdisjoint(regions)


def is_known(bookmaker: str) -> bool:
    """Whether the original has this bookmaker."""
    return bookmaker in _BY_KEY


def is_market(key: str) -> bool:
    """Whether the original has this market."""
    return key in MARKET_KEYS or _OTHER_KEY.fullmatch(key) is not None


@lru_cache(maxsize=4_096)
def question(sport: str, key: str) -> Question | None:
    """What of ours answers a market key in a sport; None where nothing does."""
    if key not in MARKET_KEYS or key in EMPTY_MARKETS:
        return None
    if key == OUTRIGHTS:
        return Question(key, (("winner", ""),), "final", False)
    asked = the_odds_api.question(sport, key, False)
    if asked is None:
        return None
    types = ((asked.market_type, ""),)
    if asked.market_type == "team_total":
        types = (("home_total", "home"), ("away_total", "away"))
    one_line = key.startswith(("spreads", "totals", "team_totals"))
    return Question(key, types, asked.period, one_line)


def market_types(sport: str, keys: Iterable[str]) -> list[str]:
    """Our market types that answer some keys."""
    found = (question(sport, key) for key in keys)
    return sorted({name for one in found if one is not None for name, _ in one.types})


def answer(side: str, home: str, away: str) -> str:
    """The name of one of our sides, in which teams stand by their own names."""
    named = {
        "home": home,
        "away": away,
        "1X": f"{home} or Draw",
        "X2": f"Draw or {away}",
        "12": f"{home} or {away}",
    }
    return named.get(side, side.capitalize())


def _slug(text: str) -> str:
    return _SLUG.sub("_", text.lower()).strip("_")
