"""Who plays in the simulation: clubs of towns that do not exist, and teams that sit at a screen."""

from __future__ import annotations

from typing import Final

COUNTRY: Final = "Simulated"
TEAMS: Final = 20

_TOWNS: Final = (
    "Averwick", "Barlowmere", "Beckhollow", "Brindlemoor", "Calverstoke", "Carrowfen",
    "Cobblehaven", "Copperholt", "Dapplecombe", "Dunnagate", "Eastmarl", "Elderquay",
    "Fallowbrook", "Farthingsea", "Fennimore", "Gallowmead", "Garrowby", "Glimmerford",
    "Grindlewick", "Hallowmarsh", "Harrowquay", "Hazelstrand", "Hollinport", "Inglemere",
    "Ivystead", "Jaspergate", "Kestrelham", "Kingsferrow", "Lanternby", "Larkmouth", "Lindenholt",
    "Lowmarrow", "Maplecross", "Marrowdale", "Mistlebay", "Moorlathe", "Netherquill",
    "Nightingford", "Oakenmere", "Ottersands", "Pebblemarch", "Pennywharf", "Quarrelstone",
    "Quillhaven", "Ravenstoke", "Rookwater", "Rowanlea", "Saltmarrow", "Sheldrakeby", "Silverfen",
    "Starlingham", "Tallowmere", "Thistlequay", "Tidewick", "Umberleigh", "Vellumport",
    "Wagtailton", "Westmarl", "Willowgarth", "Yarrowcliff",
)  # fmt: skip
_CLUBS: Final = (
    "United", "Rovers", "Athletic", "Town", "City", "Albion", "Wanderers", "Rangers", "Harriers",
    "Victoria", "Orient", "Celtic", "County", "Olympic", "Park", "Corinthians", "Swifts",
    "Borough", "Argyle", "Thistle",
)  # fmt: skip
_COURTS: Final = (
    "Foxes", "Lanterns", "Comets", "Herons", "Millers", "Beacons", "Stags", "Anchors", "Sparks",
    "Falcons", "Tides", "Badgers", "Pilots", "Smiths", "Arrows", "Owls", "Ferrymen", "Wolves",
    "Embers", "Masons",
)  # fmt: skip
_BEASTS: Final = (
    "Otters", "Kingfishers", "Lynxes", "Geckos", "Pangolins", "Manatees", "Ocelots", "Jackdaws",
    "Marmots", "Narwhals", "Quokkas", "Tapirs", "Wombats", "Condors", "Mantises", "Ibexes",
    "Salamanders", "Dingoes", "Puffins", "Caracals",
)  # fmt: skip

# Key -> (name, colour of the teams' names). The key is the provider's code for a competition.
COMPETITIONS: Final[dict[str, str]] = {
    "northern": "Northern Counties League",
    "islands": "Island Premier Division",
    "southern": "Southern Counties League",
    "lakeland": "Lakeland Basketball League",
    "harbour": "Harbour Club Tennis Tour",
    "e-night": "Fives Night League 2x4",
    "e-arena": "Fives Arena 2x4",
    "e-hoops": "Quick Hoops Arena 4x5",
    "tens-gold": "Tie-break Tens Gold",
    "tens-blue": "Tie-break Tens Blue",
}
_SCREENS: Final[dict[str, str]] = {
    "e-night": "Midnight",
    "e-arena": "Pixel",
    "e-hoops": "Neon",
    "tens-gold": "Golden",
    "tens-blue": "Azure",
}


def teams(competition: str) -> tuple[str, ...]:
    """The twenty names of a competition; no two of them are alike, in it or anywhere else."""
    if competition in _SCREENS:
        return tuple(f"{_SCREENS[competition]} {beast}" for beast in _BEASTS)
    if competition == "lakeland":
        return tuple(f"{t} {c}" for t, c in zip(_TOWNS[::3], _COURTS, strict=True))
    if competition == "harbour":
        return tuple(f"{town} Tennis Club" for town in _TOWNS[1::3])
    block = ("northern", "islands", "southern").index(competition) * TEAMS
    towns = _TOWNS[block : block + TEAMS]
    return tuple(f"{town} {club}" for town, club in zip(towns, _CLUBS, strict=True))
