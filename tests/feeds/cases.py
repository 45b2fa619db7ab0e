"""The samples of more providers, and what each of them says."""

from __future__ import annotations

from pathlib import Path

from overround.odds.feeds import (
    Provider,
    asian_xml,
    betfair,
    betsson,
    ggbet,
    goalserve,
    multi_book,
    oddsportal,
    pinnacle,
    tennis_data,
)
from tests.feeds.conformance import Case

FEEDS = Path(__file__).parents[2] / "src/overround/odds/feeds"


def case(
    provider: Provider,
    name: str,
    events: tuple[str, ...] = (),
    prices: tuple[str, ...] = (),
    *,
    results: tuple[str, ...] = (),
    unmapped: dict[str, int] | None = None,
    refused: tuple[str, ...] = (),
) -> Case:
    """A case of a provider's own sample."""
    body = (FEEDS / provider.key / "samples" / name).read_bytes()
    return Case(provider, name, body, events, prices, results, unmapped or {}, refused)


_PINNACLE = (
    case(
        pinnacle.PROVIDER,
        "fixtures.json",
        (
            "football Ann Town - Bob City 2026-04-18 11:30",
            "football Ann Town (Corners) - Bob City (Corners) 2026-04-18 11:30",
            "football Ann Town (Bookings) - Bob City (Bookings) 2026-04-18 11:30",
            "football Cat Rovers - Dan Athletic 2026-04-18 11:30",
        ),
        refused=("same_participants", "start_invalid"),
    ),
    case(
        pinnacle.PROVIDER,
        "odds.json",
        prices=(
            "101: pinnacle 1x2 ft - draw 3.35",
            "101: pinnacle asian_handicap ft -0.25 home 1.952",
            "101: pinnacle asian_handicap ft -0.25 away 1.961",
            "101: pinnacle away_total ft 1 over 1.90",
            "101: pinnacle 1x2 ht - home 2.80 stopped",
            # At 1-0 what counts from now on at -0.5 is -1.5 of the match.
            "201: pinnacle asian_handicap ft -1.5 home 2.29",
            "201: pinnacle asian_handicap ft -0.5 home 1.277",
        ),
        unmapped={"8": 2},
    ),
    case(
        pinnacle.PROVIDER,
        "matchups.json",
        (
            "football Ann Town - Bob City 2026-06-04 23:30",
            "football Ann Town (Corners) - Bob City (Corners) 2026-06-04 23:30",
        ),
        refused=("not_a_match",),
    ),
    case(
        pinnacle.PROVIDER,
        "markets.json",
        prices=(
            "301: pinnacle 1x2 ft - home 1.909",
            "301: pinnacle asian_handicap ft -0.75 home 2.05",
            "301: pinnacle asian_handicap ft -0.75 away 1.8333",
            "301: pinnacle total ft 2.5 over 1.99",
            "301: pinnacle home_total ft 1.5 over 2.10 stopped",
        ),
        unmapped={"moneyline": 1},
    ),
)
_BETFAIR = (
    case(
        betfair.PROVIDER,
        "stream.jsonl",
        ("football Ann Town - Bob City 2026-04-18 11:30",),
        (
            "Ann Town: betfair_exchange 1x2 ft - home 2.22",
            "Ann Town: betfair_exchange 1x2 ft - home 2.20",
            "Ann Town: betfair_exchange 1x2 ft - away 3.40 stopped",
            "Ann Town: betfair_exchange 1x2 ft - home 2.20 stopped",
            "Ann Town: betfair_exchange total ft 2.5 over 1.95",
            "Ann Town: betfair_exchange asian_handicap ft -0.5 home 2.18",
            "Ann Town: betfair_exchange asian_handicap ft -0.5 away 1.80",
        ),
        unmapped={"lay": 2, "ltp": 1, "WIN": 1},
    ),
    case(
        betfair.PROVIDER,
        "catalogue.json",
        (
            "football Ann Town - Bob City 2026-04-18 11:30",
            "basketball Dan Dukes - Cat Kings 2026-04-18 23:00",
        ),
        refused=("not_a_match",),
    ),
)
_XML = (
    case(
        goalserve.PROVIDER,
        "odds.xml",
        ("football Ann Town - Bob City 2019-02-26 19:45",),
        (
            "Ann Town: pinnacle 1x2 ft - home 3.751",
            "Ann Town: betfair_exchange 1x2 ft - draw 3.50",
            "Ann Town: unibet total ft 2.25 over 1.61",
            "Ann Town: bwin asian_handicap ft -0.25 away 1.34",
            "Ann Town: bwin asian_handicap ft 0.25 away 1.79",
            "Ann Town: coral handicap_1x2 ft -1 draw 6.00",
            "Ann Town: coral handicap_1x2 ft -1 away 1.25",
            "Ann Town: coral half_time_full_time ft - draw/away 5.70",
        ),
        unmapped={"xml99": 1},
    ),
    case(
        goalserve.PROVIDER,
        "livescores.xml",
        (
            "football Ann Town - Bob City 2019-02-12 20:00",
            "football Cat Rovers - Dan Athletic 2019-02-12 20:00",
            "football Eve United - Fay Orient 2019-02-12 20:00",
            "football Gus Albion - Hal Wanderers 2019-02-12 20:00",
            "football Ida Town - Jon City 2019-02-12 20:00",
            "football Kim Rovers - Leo Athletic 2019-02-12 20:00",
            "football Meg United - Ned Orient 2019-02-12 20:00",
        ),
        results=(
            "finished [('ft', (2, 1)), ('ht', (0, 0))]",
            "finished [('et', (1, 0)), ('ft', (2, 2)), ('ht', (0, 1))]",
            "finished [('et', (0, 0)), ('ft', (1, 1)), ('ht', (0, 1)), ('pen', (4, 3))]",
            "postponed []",
            "walkover []",
        ),
        refused=("result_inconsistent",),
    ),
    case(
        asian_xml.PROVIDER,
        "188bet.xml",
        ("football Ann Town (W) - Bob City (W) 2012-05-01 15:00",),
        (
            "Ann Town (W): 188bet asian_handicap ft -3.75 home 1.71",
            "Ann Town (W): 188bet asian_handicap ft -3.75 away 2.14",
            "Ann Town (W): 188bet 1x2 ht - draw 3.80",
        ),
        unmapped={"odd_even/win_win": 1},
    ),
    case(
        asian_xml.PROVIDER,
        "vivaro.xml",
        ("football Ann Town W - Bob City W 2012-05-01 15:00",),
        (
            "Ann Town W: vivaro handicap_1x2 ft 1 away 7.20",
            "Ann Town W: vivaro handicap_1x2 ft 1 draw 4.50",
            "Ann Town W: vivaro away_total ft 1.5 under 1.32",
            "Ann Town W: vivaro total corners 9.5 over 1.90",
            "Ann Town W: vivaro both_teams_to_score ft - yes 1.65",
        ),
        unmapped={"same_participants": 1},
        refused=("price_not_above_one", "same_participants"),
    ),
)
_COLLECTED = (
    case(
        tennis_data.PROVIDER,
        "atp.csv",
        (
            "tennis Bob B. - Cat C. 2018-03-04 12:00",
            "tennis Ann A. - Bob B. 2018-03-03 12:00",
            "tennis Cat C. - Dan D. 2018-03-03 12:00",
            "tennis Cat C. - Eve E. 2018-03-02 12:00",
        ),
        (
            "Bob B.: bet365 moneyline final - home 3.25",
            "Bob B.: bet365 moneyline final - away 1.36",
            "Bob B.: pinnacle moneyline final - away 1.38",
            "Ann A.: bet365 moneyline final - away 1.80",
        ),
        results=(
            (
                "finished [('advanced', (0, 1)), ('final', (11, 13)), ('s1', (6, 1)),"
                " ('s2', (1, 6)), ('s3', (4, 6)), ('sets', (1, 2))]"
            ),
            (
                "retired [('advanced', (0, 1)), ('final', (5, 8)), ('s1', (4, 6)), ('s2', (1, 2)),"
                " ('sets', (0, 1))]"
            ),
            "walkover [('advanced', (1, 0))]",
        ),
        unmapped={"incomplete": 1},
        refused=("incomplete_market", "price_not_above_one", "result_inconsistent"),
    ),
    case(
        ggbet.PROVIDER,
        "matches.json",
        ("football Ann Town - Bob City 2022-02-25 20:00",),
        (
            "Ann Town: ggbet 1x2 ft - draw 3.08",
            "Ann Town: ggbet home_total ft 0.5 over 1.34",
            "Ann Town: ggbet total ht 1 under 1.80",
            "Ann Town: ggbet asian_handicap ft 1 home 1.13",
            "Ann Town: ggbet asian_handicap ft 1 away 5.07",
        ),
        unmapped={"asian_handicap": 1},
        refused=("line_invalid",),
    ),
    case(
        oddsportal.PROVIDER,
        "1x2.json",
        (
            "football Ann Town - Bob City 2025-02-21 20:00",
            "football Ann Town - Bob City 2026-07-20 13:30",
        ),
        (
            "Ann Town: betclic_fr 1x2 ft - home 3.55",
            "Ann Town: betfair_exchange 1x2 ht - away 2.46",
            "Ann Town: bwin_fr total ft 2.5 over 1.55",
            "Ann Town: bets_io 1x2 ft - home 1.45",
        ),
        results=("finished [('ft', (0, 4)), ('ht', (0, 3))]",),
        refused=("price_invalid",),
    ),
    case(
        oddsportal.PROVIDER,
        "metadata.json",
        ("tennis Ann A. - Bob B. 2024-01-26 03:45",),
        results=("finished [('sets', (1, 3))]",),
    ),
    case(
        betsson.PROVIDER,
        "table.json",
        ("basketball Ann Kings - Bob Dukes 2025-12-28 20:35",),
        (
            "Ann Kings: betsson moneyline final - home 1.50",
            "Ann Kings: betsson moneyline final - away 2.60 stopped",
        ),
        unmapped={"PLYPROPPOINTS": 1},
    ),
    case(
        betsson.PROVIDER,
        "page.json",
        prices=("f-Ann: betsson moneyline final - home 1.55",),
    ),
    case(
        multi_book.PROVIDER,
        "games.json",
        ("basketball Ann Kings - Bob Dukes 2022-02-16 00:30",),
        (
            "Ann Kings: bet365 total final 122.5 over 1.76",
            "Ann Kings: bet365 total final 122.5 under 2.00",
        ),
        unmapped={"HA": 2, "1X2": 2},
        refused=("start_invalid",),
    ),
)
MORE_CASES = (*_PINNACLE, *_BETFAIR, *_XML, *_COLLECTED)
