"""Words of names, as tables: what means nothing, what means the same, what many clubs share."""

from __future__ import annotations

from typing import Final


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


def _by_spelling(spellings: dict[str, str]) -> dict[str, str]:
    """Turn "canonical: its other spellings" round; underscores stand for spaces."""
    return {
        spelling.replace("_", " "): canonical
        for canonical, others in spellings.items()
        for spelling in others.split()
    }


# What a club calls itself, not what it is called: without meaning for which club it is.
CLUB_WORDS: Final = _words(
    "fc afc cf sc ac as fk sk if bk ff ik il kf nk ssc us usl ss sv vfb vfl tsv tsg fsv spvgg sg",
    "bsc cd ud sd rcd rc ca cs csm acs cfr fcsb afk mfk ofk hk pfc ofc cp gd sl sad bc cfc kv krc",
    "kaa kvc rsc sco ea aj og osc estac ogc hac es jk jc ks mks gks rks lks zks ts tj sfc ifk ssd",
    "asd the de do da di del la le les of and und e i y club clube football futbol futebol calcio",
    "fussball fodbold fotball team 1 ev",
)

# One word, several spellings: exonyms of towns, short forms, transliterations.
SYNONYMS: Final = _by_spelling(
    {
        "antwerp": "antwerpen",
        "athina": "athens",
        "athletic": "ath athl atletic",
        "atletico": "atl",
        "beograd": "belgrade",
        "bradford": "brad",
        "braunschweig": "brunswick",
        "brest": "brestois",
        "bromwich": "brom",
        "brugge": "bruges brugges",
        "bucuresti": "bucharest",
        "coruna": "corunna",
        "dinamo": "dynamo",
        "espanol": "espanyol",
        "furth": "fuerth",
        "geneve": "geneva",
        "genoa": "genova",
        "gent": "ghent gand",
        "goianiense": "go",
        "goteborg": "gothenburg",
        "iraklio": "heraklion",
        "kobenhavn": "copenhagen kopenhagen",
        "koln": "cologne koeln",
        "krakow": "cracow",
        "kritis": "crete",
        "kyiv": "kiev",
        "laval": "lavallois",
        "liege": "luik",
        "lisboa": "lisbon lisbonne",
        "lyon": "lyonnais lyons",
        "mallorca": "majorca",
        "marseille": "marseilles",
        "middlesbrough": "boro",
        "milan": "milano",
        "mineiro": "mg",
        "moskva": "moscow",
        "munchen": "munich muenchen",
        "napoli": "naples",
        "nimes": "nimois",
        "north": "nth",
        "nottingham": "nottm",
        "nurnberg": "nuremberg nuernberg",
        "paranaense": "pr",
        "pireas": "piraeus",
        "praha": "prague",
        "rennes": "rennais",
        "roma": "rome",
        "rovers": "rvs",
        "saint": "st ste sankt",
        "sevilla": "seville",
        "south": "sth",
        "sporting": "sp",
        "thessaloniki": "saloniki salonica",
        "torino": "turin",
        "tottenham": "spurs",
        "united": "utd",
        "warszawa": "warsaw",
        "wednesday": "weds",
        "wien": "vienna",
        "wolverhampton": "wolves",
        "zurich": "zuerich",
    }
)

# Clubs whose short form no rule leads to; the left side is a normalised name.
SHORT_FORMS: Final = _by_spelling(
    {
        "benfica": "sport_lisboa_benfica",
        "internazionale": "inter inter_milan internazionale_milan",
        "paris saint germain": "psg paris_sg",
        "sporting": "sporting_lisboa sporting_portugal",
    }
)

# Words that many clubs of a country share: they say little about which of them is meant.
GENERIC: Final = _words(
    "united city town rovers wanderers athletic atletico county albion rangers real sporting sport",
    "racing deportivo olympique olympic stade union dinamo lokomotiv spartak inter central park",
    "nacional national north south east west saint new al el old young juventud alianza academica",
    "borussia eintracht fortuna arminia hertha bayer hove argyle orient villa palace hotspur",
    "forest wednesday alexandra stanley dons",
)

_COUNTRIES: Final = _words(
    "argentina australia austria belgium bolivia bosnia brazil bulgaria chile china colombia",
    "croatia cyprus czechia denmark ecuador egypt england estonia finland france germany greece",
    "hungary iceland india ireland israel italy japan mexico netherlands norway paraguay peru",
    "poland portugal qatar romania russia scotland serbia slovakia slovenia spain sweden",
    "switzerland thailand turkey ukraine uruguay usa venezuela wales",
)

# Words of a competition's name that say where it is played -> the country.
PLACES: Final[dict[str, str]] = {country: country for country in _COUNTRIES} | _by_spelling(
    {
        "costa rica": "costa_rica",
        "czechia": "czech_republic",
        "england": "english epl efl",
        "germany": "german",
        "ireland": "republic_of_ireland irish",
        "netherlands": "holland",
        "new zealand": "new_zealand",
        "northern ireland": "northern_ireland nifl",
        "saudi arabia": "saudi_arabia",
        "scotland": "scottish spl",
        "south africa": "south_africa",
        "south korea": "south_korea korea",
        "switzerland": "swiss",
        "turkey": "turkiye",
        "wales": "welsh",
    }
)
