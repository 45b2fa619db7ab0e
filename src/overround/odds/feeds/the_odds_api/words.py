"""The provider's sports, competitions and bookmakers in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from overround.odds.feeds.provider import SourceKind

# The first word of a sport key -> our sport.
SPORTS: Final[Mapping[str, str]] = {
    "americanfootball": "american_football",
    "aussierules": "aussie_rules",
    "baseball": "baseball",
    "basketball": "basketball",
    "boxing": "boxing",
    "cricket": "cricket",
    "golf": "golf",
    "handball": "handball",
    "icehockey": "ice_hockey",
    "lacrosse": "lacrosse",
    "mma": "mma",
    "politics": "politics",
    "rugbyleague": "rugby_league",
    "rugbyunion": "rugby",
    "soccer": "football",
    "tennis": "tennis",
}

# Sport key -> (country, competition). One that is not here is called by its title.
COMPETITIONS: Final[Mapping[str, tuple[str, str]]] = {
    "baseball_kbo": ("South Korea", "KBO"),
    "baseball_mlb": ("USA", "MLB"),
    "baseball_npb": ("Japan", "NPB"),
    "basketball_nba": ("USA", "NBA"),
    "basketball_wncaab": ("USA", "NCAA Women"),
    "basketball_wnba": ("USA", "WNBA"),
    "icehockey_liiga": ("Finland", "Liiga"),
    "icehockey_sweden_allsvenskan": ("Sweden", "Allsvenskan"),
    "icehockey_sweden_hockey_league": ("Sweden", "SHL"),
    "soccer_argentina_primera_division": ("Argentina", "Primera División"),
    "soccer_australia_aleague": ("Australia", "A-League"),
    "soccer_austria_bundesliga": ("Austria", "Bundesliga"),
    "soccer_belgium_first_div": ("Belgium", "First Division A"),
    "soccer_brazil_campeonato": ("Brazil", "Serie A"),
    "soccer_brazil_serie_b": ("Brazil", "Serie B"),
    "soccer_chile_campeonato": ("Chile", "Primera División"),
    "soccer_china_superleague": ("China", "Super League"),
    "soccer_denmark_superliga": ("Denmark", "Superliga"),
    "soccer_efl_champ": ("England", "Championship"),
    "soccer_england_efl_cup": ("England", "EFL Cup"),
    "soccer_england_league1": ("England", "League One"),
    "soccer_england_league2": ("England", "League Two"),
    "soccer_epl": ("England", "Premier League"),
    "soccer_fa_cup": ("England", "FA Cup"),
    "soccer_finland_veikkausliiga": ("Finland", "Veikkausliiga"),
    "soccer_france_coupe_de_france": ("France", "Coupe de France"),
    "soccer_france_ligue_one": ("France", "Ligue 1"),
    "soccer_france_ligue_two": ("France", "Ligue 2"),
    "soccer_germany_bundesliga": ("Germany", "Bundesliga"),
    "soccer_germany_bundesliga2": ("Germany", "2. Bundesliga"),
    "soccer_germany_bundesliga_women": ("Germany", "Frauen-Bundesliga"),
    "soccer_germany_dfb_pokal": ("Germany", "DFB-Pokal"),
    "soccer_germany_liga3": ("Germany", "3. Liga"),
    "soccer_greece_super_league": ("Greece", "Super League"),
    "soccer_italy_coppa_italia": ("Italy", "Coppa Italia"),
    "soccer_italy_serie_a": ("Italy", "Serie A"),
    "soccer_italy_serie_b": ("Italy", "Serie B"),
    "soccer_japan_j_league": ("Japan", "J1 League"),
    "soccer_korea_kleague1": ("South Korea", "K League 1"),
    "soccer_league_of_ireland": ("Ireland", "Premier Division"),
    "soccer_mexico_ligamx": ("Mexico", "Liga MX"),
    "soccer_netherlands_eredivisie": ("Netherlands", "Eredivisie"),
    "soccer_norway_eliteserien": ("Norway", "Eliteserien"),
    "soccer_poland_ekstraklasa": ("Poland", "Ekstraklasa"),
    "soccer_portugal_primeira_liga": ("Portugal", "Primeira Liga"),
    "soccer_russia_premier_league": ("Russia", "Premier League"),
    "soccer_saudi_arabia_pro_league": ("Saudi Arabia", "Pro League"),
    "soccer_spain_copa_del_rey": ("Spain", "Copa del Rey"),
    "soccer_spain_la_liga": ("Spain", "La Liga"),
    "soccer_spain_segunda_division": ("Spain", "Segunda División"),
    "soccer_spl": ("Scotland", "Premiership"),
    "soccer_sweden_allsvenskan": ("Sweden", "Allsvenskan"),
    "soccer_sweden_superettan": ("Sweden", "Superettan"),
    "soccer_switzerland_superleague": ("Switzerland", "Super League"),
    "soccer_turkey_super_league": ("Turkey", "Süper Lig"),
    "soccer_usa_mls": ("USA", "MLS"),
}

# Football whose matches are over after ninety minutes, always: elsewhere a score may hold extra
# time, and the provider does not say so.
LEAGUES: Final = frozenset(
    key
    for key in COMPETITIONS
    if key.startswith("soccer_")
    and key
    not in {
        "soccer_argentina_primera_division",
        "soccer_australia_aleague",
        "soccer_belgium_first_div",
        "soccer_denmark_superliga",
        "soccer_efl_champ",
        "soccer_england_efl_cup",
        "soccer_england_league1",
        "soccer_england_league2",
        "soccer_fa_cup",
        "soccer_france_coupe_de_france",
        "soccer_france_ligue_two",
        "soccer_germany_dfb_pokal",
        "soccer_italy_coppa_italia",
        "soccer_italy_serie_b",
        "soccer_league_of_ireland",
        "soccer_mexico_ligamx",
        "soccer_netherlands_eredivisie",
        "soccer_spain_copa_del_rey",
        "soccer_spain_segunda_division",
        "soccer_usa_mls",
    }
)

# Keys of bookmakers that other providers call otherwise. A book's regional sites stay apart:
# "unibet_se" and "unibet_nl" quote different prices.
_SOURCES: Final[Mapping[str, str]] = {
    "betfred_uk": "betfred",
    "ladbrokes_uk": "ladbrokes",
    "onexbet": "1xbet",
    "sport888": "888sport",
    "williamhill": "william_hill",
    "williamhill_us": "caesars",
}
_KEYS: Final = {ours: theirs for theirs, ours in _SOURCES.items()}
_KEY: Final = re.compile(r"[a-z0-9_]{1,40}")
_EXCHANGES: Final = frozenset(
    {"betdaq", "betopenly", "kalshi", "matchbook", "novig", "polymarket", "prophetx", "smarkets"}
)


@lru_cache(maxsize=1_024)
def source_of(key: str) -> str | None:
    """The source's key: ours or the provider's; None for what is no key."""
    return _SOURCES.get(key, key) if _KEY.fullmatch(key) else None


def key_of(source: str) -> str:
    """The provider's key of a source of ours: the inverse of `source_of`."""
    return _KEYS.get(source, source)


def source_kind(source: str) -> SourceKind:
    """Whether `source` lays its own prices or shows those of its customers."""
    is_exchange = source in _EXCHANGES or source.startswith("betfair_ex")
    return "exchange" if is_exchange else "bookmaker"


def sport_of(sport_key: str) -> tuple[str, str]:
    """(our sport or "", the provider's word) of a sport key."""
    called = sport_key.partition("_")[0][:40]
    return SPORTS.get(called, ""), called
