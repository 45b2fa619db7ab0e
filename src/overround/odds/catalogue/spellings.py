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
    "fussball fodbold fotball boldklub team 1 ev scr spg wsc gfk pfk nd ec se cr aa ssa sss vv hsc",
    # The same, written out.
    "sportverein sportklub sportclub sportvereinigung fussballclub verein leibesubungen fotboll",
    "idrottsforening idrottsklubb futbolnyy klub syndesmos filathlon omilos societa sportiva",
    "associacao asociacion association clube desportivo desportiva esporte esportivo esportiva",
    "professional vereniging voetbal",
)

# One word, several spellings: exonyms of towns, short forms, transliterations.
SYNONYMS: Final = _by_spelling(
    {
        "antwerp": "antwerpen",
        "athina": "athens athen athinon athinai",
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
        "new york": "ny",
        "nicosia": "lefkosia",
        "north": "nth",
        "nottingham": "nottm",
        "nurnberg": "nuremberg nuernberg",
        "paranaense": "pr",
        "pireas": "piraeus",
        "plzen": "pilsen",
        "porto": "oporto",
        "praha": "prague",
        "rennes": "rennais",
        "republic": "rep",
        "roma": "rome",
        "rovers": "rvs",
        "saint": "st ste sankt sint",
        "sevilla": "seville",
        "south": "sth",
        "thessaloniki": "saloniki salonica",
        "togliatti": "tolyatti",
        "torino": "turin",
        "tottenham": "spurs",
        "united": "utd",
        "victoria": "viktoria",
        "warszawa": "warsaw",
        "wednesday": "weds",
        "wien": "vienna",
        "wolverhampton": "wolves",
        "zurich": "zuerich",
    }
)

# Clubs and nations whose other name no rule leads to: nicknames, initials, sponsors, new names.
# Both sides are normalised names, or with club words where only these tell them apart.
SHORT_FORMS: Final = _by_spelling(
    {
        "aalborg": "aab aab_aalborg",
        "aarhus": "agf agf_aarhus aarhus_agf aarhus_gf",
        "adana demirspor": "ad_demirspor",
        "basaksehir": "istanbul_basaksehir buyuksehyr istanbul_buyuksehir_belediyesi istanbul_bb",
        "benfica": "sport_lisboa_benfica",
        "bosnia herzegovina": "bosnia bosnia-herzegovina",
        "cape verde": "cabo_verde",
        "crvena zvezda": "red_star_beograd red_star_belgrade crvena_zvezda_beograd",
        "czechia": "czech_republic",
        "dunajska streda": "dac dac_1904 dac_1904_dunajska_streda",
        "fcsb": "steaua steaua_bucuresti fcsb_bucuresti",
        "ferencvaros": "ftc",
        "gimcheon sangmu": "sangju_sangmu",
        "grasshopper": "gc grasshoppers gc_zurich grasshopper_zurich grasshoppers_zurich",
        "guadalajara": "chivas chivas_guadalajara guadalajara_chivas",
        "guimaraes": "vitoria_sc vitoria_guimaraes",
        "hearts": "heart_midlothian",
        "internazionale": "inter inter_milan internazionale_milan",
        "ivory coast": "cote_d_ivoire cote_divoire",
        "larisa": "ael ael_larisa ael_larissa ae_larisa ae_larissa larissa",
        "los angeles": "lafc los_angeles_fc la_fc",
        "los angeles galaxy": "la_galaxy",
        "new york city": "nycfc",
        "new york red bulls": "new_york_rb",
        "north korea": "korea_dpr dpr_korea",
        "odense": "ob ob_odense",
        "ofi": "ofi_kritis ofi_crete ofi_iraklio ofi_heraklion",
        "paris saint germain": "psg paris_sg",
        "pumas unam": "pumas unam unam_pumas universidad_nacional",
        "shandong taishan": "shandong_luneng shandong_luneng_taishan",
        "shanghai port": "shanghai_sipg",
        "smederevo": "semendrija semendrija_1924 smederevo_1924",
        "south korea": "korea_republic republic_of_korea korea",
        "sporting": "sporting_cp sporting_lisboa sporting_portugal",
        "sporting kansas city": "sporting_kc",
        "tigres": "uanl uanl_tigres tigres_uanl",
        "ulsan": "ulsan_hyundai ulsan_hd",
        "union saint gilloise": "union_sg royale_union_sg usg",
        "usa": "united_states",
        "wattens": "wsg_tirol wsg_wattens wsg_swarovski_tirol",
    }
)

# Words that many clubs of a country share: they say little about which of them is meant.
GENERIC: Final = _words(
    "united city town rovers wanderers athletic atletico county albion rangers real sporting sport",
    "racing deportivo olympique olympic stade union dinamo lokomotiv spartak inter central park",
    "nacional national north south east west saint new al el old young juventud alianza academica",
    "borussia eintracht fortuna arminia bayer hove argyle orient villa palace hotspur",
    "forest wednesday alexandra stanley dons red bull bulls flyeralarm puntigamer medipol vavacars",
    "atakas yilport hyundai songshan longmen evergrande olimpia universidad independiente sports",
    "maccabi hapoel gimnasia",
)

# What many competitions call themselves; what stays tells them apart.
COMPETITION_NOISE: Final = _words(
    "soccer football season league liga ligue lega division divisie divisjon the of de da",
    "campeonato regular post split games playoff playoffs play off offs stage round",
)

# What is left of a competition's name -> what another source says for it.
COMPETITION_SYNONYMS: Final = {"mls": "major", "pokal": "cup", "coupe": "cup", "copa": "cup"}

# Words that number a competition's tier. England's third tier is called the first league in every
# source alike, so the number only has to agree with itself.
TIERS: Final[dict[str, int]] = {
    word: tier
    for tier, words in enumerate(
        (
            "1 1st i one first primera primeira prva",
            "2 2nd ii two second segunda druga zweite",
            "3 3rd iii three third tercera terceira",
            "4 4th iv four fourth",
        ),
        start=1,
    )
    for word in words.split()
}
