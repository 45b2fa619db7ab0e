"""Where a competition is played, read off its name: countries, their adjectives, their leagues."""

from __future__ import annotations

import re
from typing import Final

# Country, folded -> what else names it in a competition's name; underscores stand for spaces.
# A league that only one country has is as good as the country.
_NAMED: Final[dict[str, str]] = {
    "albania": "albanian",
    "algeria": "algerian",
    "andorra": "",
    "angola": "",
    "argentina": "argentinian argentine arg",
    "armenia": "armenian",
    "australia": "australian new_south_wales a_league npl_victoria",
    "austria": "austrian aut",
    "azerbaijan": "",
    "bahrain": "",
    "bangladesh": "",
    "belarus": "belarusian",
    "belgium": "belgian jupiler_league jupiler_pro_league",
    "bolivia": "bolivian",
    "bosnia": "bosnia_and_herzegovina bosnia_&_herzegovina bosnia-herzegovina bosnian",
    "brazil": "brazilian brasil brasileirao brasileiro bra",
    "bulgaria": "bulgarian",
    "cambodia": "",
    "cameroon": "",
    "canada": "canadian",
    "chile": "chilean",
    "china": "chinese chn",
    "colombia": "colombian",
    "costa rica": "costa_rican",
    "croatia": "croatian",
    "cyprus": "cypriot",
    "czechia": "czech_republic czech",
    "denmark": "danish superligaen dnk",
    "dominican republic": "",
    "ecuador": "ecuadorian",
    "egypt": "egyptian",
    "el salvador": "",
    "england": "english epl efl",
    "estonia": "estonian meistriliiga",
    "ethiopia": "",
    "faroe islands": "faroes",
    "finland": "finnish veikkausliiga fin",
    "france": "french ligue_one ligue_two",
    "georgia": "georgian",
    "germany": "german dfb",
    "ghana": "",
    "gibraltar": "",
    "greece": "greek",
    "guatemala": "",
    "honduras": "",
    "hong kong": "",
    "hungary": "hungarian",
    "iceland": "icelandic",
    "india": "indian",
    "indonesia": "indonesian",
    "iran": "iranian",
    "iraq": "",
    "ireland": "republic_of_ireland irish league_of_ireland irl",
    "israel": "israeli",
    "italy": "italian",
    "ivory coast": "",
    "jamaica": "",
    "japan": "japanese j_league j1_league j2_league j3_league jpn",
    "jordan": "",
    "kazakhstan": "",
    "kenya": "",
    "kosovo": "",
    "kuwait": "",
    "latvia": "latvian",
    "lebanon": "",
    "lithuania": "lithuanian",
    "luxembourg": "",
    "malaysia": "malaysian",
    "malta": "maltese",
    "mexico": "mexican ligamx liga_mx mex",
    "moldova": "",
    "montenegro": "",
    "morocco": "",
    "myanmar": "",
    "netherlands": "holland dutch eredivisie eerste_divisie",
    "new zealand": "",
    "nicaragua": "",
    "nigeria": "",
    "north macedonia": "macedonia fyr_macedonia",
    "northern ireland": "nifl",
    "norway": "norwegian eliteserien obos-ligaen nor",
    "oman": "",
    "panama": "",
    "paraguay": "",
    "peru": "peruvian",
    "philippines": "",
    "poland": "polish ekstraklasa pol",
    "portugal": "portuguese",
    "qatar": "",
    "romania": "romanian rou",
    "russia": "russian rus",
    "rwanda": "",
    "san marino": "",
    "saudi arabia": "saudi",
    "scotland": "scottish spl spfl",
    "senegal": "",
    "serbia": "serbian",
    "singapore": "",
    "slovakia": "slovak",
    "slovenia": "slovenian",
    "south africa": "",
    "south korea": "korea korea_republic k_league kleague1 kleague2",
    "spain": "spanish la_liga laliga",
    "sweden": "swedish allsvenskan damallsvenskan superettan swe",
    "switzerland": "swiss swz",
    "tajikistan": "",
    "tanzania": "",
    "thailand": "thai",
    "tunisia": "",
    "turkey": "turkish turkiye",
    "uganda": "",
    "ukraine": "ukrainian",
    "united arab emirates": "uae",
    "uruguay": "uruguayan",
    "usa": "united_states mls nwsl usl us",
    "uzbekistan": "",
    "venezuela": "",
    "vietnam": "",
    "wales": "welsh",
    "zambia": "",
    "zimbabwe": "",
}

# The place as a feed or a competition says it -> the country.
PLACES: Final[dict[str, str]] = {
    spelling.replace("_", " "): country
    for country, others in _NAMED.items()
    for spelling in (country.replace(" ", "_"), *others.split())
}

# Said of competitions that no single country plays: they tell no country.
NOWHERE: Final = frozenset(
    {
        *("africa", "america", "asia", "europe", "eurocups", "fifa", "international", "intl"),
        *("international clubs", "clubs international", "north america", "south america"),
        *("uefa", "world", "worldwide"),
    }
)

# The codes that stand beside a club's name where two countries have one of that name.
CODES: Final[dict[str, str]] = {
    code: country
    for country, codes in {
        "albania": "alb", "algeria": "alg", "argentina": "arg", "armenia": "arm",
        "australia": "aus", "austria": "aut", "azerbaijan": "aze", "belarus": "blr",
        "belgium": "bel", "bolivia": "bol", "bosnia": "bih", "brazil": "bra", "bulgaria": "bul",
        "canada": "can", "chile": "chi", "china": "chn", "colombia": "col", "costa rica": "crc",
        "croatia": "cro", "cyprus": "cyp", "czechia": "cze", "denmark": "den", "ecuador": "ecu",
        "egypt": "egy", "england": "eng", "estonia": "est", "finland": "fin", "france": "fra",
        "georgia": "geo", "germany": "ger", "greece": "gre", "hungary": "hun", "iceland": "isl",
        "ireland": "irl", "israel": "isr", "italy": "ita", "japan": "jpn", "kazakhstan": "kaz",
        "latvia": "lat lva", "lithuania": "ltu", "luxembourg": "lux", "malta": "mlt",
        "mexico": "mex", "moldova": "mda", "montenegro": "mne", "morocco": "mar",
        "netherlands": "ned", "new zealand": "nzl", "north macedonia": "mkd",
        "northern ireland": "nir", "norway": "nor", "paraguay": "par", "peru": "per",
        "poland": "pol", "portugal": "por", "qatar": "qat", "romania": "rou rom", "russia": "rus",
        "saudi arabia": "ksa", "scotland": "sco", "serbia": "srb", "slovakia": "svk",
        "slovenia": "svn", "south africa": "rsa", "south korea": "kor", "spain": "esp",
        "sweden": "swe", "switzerland": "sui", "thailand": "tha", "tunisia": "tun",
        "turkey": "tur", "ukraine": "ukr", "united arab emirates": "uae", "uruguay": "uru",
        "usa": "usa", "uzbekistan": "uzb", "venezuela": "ven", "wales": "wal",
    }.items()
    for code in codes.split()
}  # fmt: skip

# Longer names first: "northern ireland" is not Ireland.
_PLACE: Final = re.compile(r"\b(" + "|".join(sorted(PLACES, key=len, reverse=True)) + r")\b")


def place_in(text: str) -> re.Match[str] | None:
    """The first place that a folded text names; group 1 is a key of `PLACES`."""
    return _PLACE.search(text)
