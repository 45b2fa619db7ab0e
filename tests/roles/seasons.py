"""Seasons written by hand in the layouts of football-data.co.uk, and a replay of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from overround.db import Database
from overround.db.logins import Role
from overround.odds.feeds import football_data
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.roles.archive import files as reading
from overround.roles.archive import replay
from overround.roles.archive.replay import Options, Progress
from tests.support.edge import add_tenant

TOWNS: Final = ("Ann Town", "Bob City", "Cat Rovers", "Dan Athletic", "Eve United", "Fay Orient")
# A team plays in one division: in another the same names on the same day would be the same match.
LOWER_TOWNS: Final = (
    "Gil Villa",
    "Hal Wanderers",
    "Ian Albion",
    "Jo County",
    "Kim Vale",
    "Lea End",
)
MATCHES: Final = 12
OPTIONS: Final = Options(seed=7, bets=300, players=20)

_WHOLE: Final = (
    "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,"
    "B365H,B365D,B365A,PSH,PSD,PSA,B365>2.5,B365<2.5,P>2.5,P<2.5,"
    "AHh,B365AHH,B365AHA,PAHH,PAHA,"
    "B365CH,B365CD,B365CA,PSCH,PSCD,PSCA,B365C>2.5,B365C<2.5,PC>2.5,PC<2.5,"
    "AHCh,B365CAHH,B365CAHA,PCAHH,PCAHA"
)
_OLD: Final = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,B365H,B365D,B365A,BWH,BWD,BWA"
_EXTRA: Final = (
    "Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA,B365CH,B365CD,B365CA"
)


def _noise(*words: object) -> int:
    """A number from 0 to 99 that belongs to the words."""
    return hashlib.sha256(repr(words).encode()).digest()[0] * 100 // 256


def _price(centre: int, *words: object) -> str:
    """A price near `centre` hundredths."""
    hundredths = centre + _noise(*words) // 5 - 10
    return f"{hundredths // 100}.{hundredths % 100:02}"


def _odds(match: int, phase: str) -> list[str]:
    cells = [
        _price(centre, match, phase, book, centre)
        for book in ("B365", "PS")
        for centre in (230, 335, 300)
    ]
    cells += [
        _price(190, match, phase, book, side) for book in ("B365", "P") for side in ("o", "u")
    ]
    cells.append(("-0.25", "0", "-0.5", "-0.75")[_noise(match, phase) % 4])
    return cells + [
        _price(190, match, phase, book, side) for book in ("B365", "P") for side in ("h", "a")
    ]


def _pairs(match: int, division: str = "E0") -> tuple[str, str, date, int, int]:
    towns = TOWNS if division == "E0" else LOWER_TOWNS
    home, away = towns[match % 6], towns[(match + 1 + match // 6) % 6]
    day = date(2021, 8, 14) + timedelta(days=7 * (match // 3))
    return home, away, day, _noise("h", match) % 4, _noise("a", match) % 3


def _winner(home: int, away: int) -> str:
    return "H" if home > away else "A" if away > home else "D"


def whole(folder: Path, division: str = "E0") -> Path:
    """A season with opening and closing prices; its first match closes with an arbitrage."""
    rows = [_WHOLE]
    for match in range(MATCHES):
        home, away, day, goals, against = _pairs(match, division)
        half = [str(min(goals, 1)), str(0), "H" if goals else "D"]
        closing = _odds(match, "closing")
        if match == 0:
            closing[0:6] = ["2.70", "3.30", "2.60", "2.30", "3.35", "3.30"]
        cells = [division, f"{day:%d/%m/%Y}", "15:00", home, away, str(goals), str(against)]
        cells += [_winner(goals, against), *half, *_odds(match, "opening"), *closing]
        rows.append(",".join(cells))
    return _written(folder, f"{division}.csv", rows)


def old(folder: Path) -> Path:
    """A season as it was written until 2018/19: no times, no closing prices."""
    rows = [_OLD]
    for match in range(MATCHES):
        home, away, day, goals, against = _pairs(match)
        cells = ["E0", f"{day:%d/%m/%Y}", home, away, str(goals), str(against)]
        cells += [_winner(goals, against), str(min(goals, 1)), "0", "H" if goals else "D"]
        rows.append(",".join(cells + _odds(match, "old")[:6]))
    return _written(folder, "E0.csv", rows)


def extra(folder: Path) -> Path:
    """Another league: one file for all seasons, closing prices alone, one match not played yet."""
    rows = [_EXTRA]
    for match in range(MATCHES):
        home, away, day, goals, against = _pairs(match)
        played = match < MATCHES - 1
        cells = ["Finland", "Veikkausliiga", "2021", f"{day:%d/%m/%Y}", "16:30", home, away]
        cells += [str(goals), str(against), _winner(goals, against)] if played else ["", "", ""]
        rows.append(",".join(cells + _odds(match, "extra")[:6]))
    return _written(folder, "FIN.csv", rows)


def _written(folder: Path, name: str, rows: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@asynccontextmanager
async def pools(urls: Mapping[Role, str]) -> AsyncGenerator[tuple[Database, Database]]:
    """The worker's pool and the app's."""
    worker = await Database.open(urls["worker"], purpose="worker", size_min=1, size_max=3)
    app = await Database.open(urls["app"], purpose="app", size_min=1, size_max=2)
    try:
        yield worker, app
    finally:
        await app.close()
        await worker.close()


async def tenant_of(worker: Database, name: str) -> Tenant:
    """The tenant, made when it is missing; the same name has the same id in every database."""
    async with worker.reading(None) as conn:
        for tenant in await tenants.everyone(conn):
            if tenant.subdomain == name:
                return tenant
    zone = ("JPY", "Asia/Tokyo") if name == "sakura" else ("EUR", "Europe/Vienna")
    return await add_tenant(worker, name, *zone)


async def replayed(
    urls: Mapping[Role, str],
    path: Path,
    name: str = "acme",
    options: Options = OPTIONS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Replay the path; the report without what differs from run to run."""
    files = reading.read(path, [football_data.PROVIDER])
    async with pools(urls) as (worker, app):
        tenant = await tenant_of(worker, name)
        report = await replay.replay(worker, app, tenant, files, options, progress)
    return {key: value for key, value in report.items() if key != "seconds"}


__all__ = [
    "MATCHES",
    "OPTIONS",
    "extra",
    "old",
    "pools",
    "replayed",
    "tenant_of",
    "whole",
]
