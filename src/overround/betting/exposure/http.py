"""The players whom the close says most about, for a person to decide."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from overround.betting.exposure import service
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now, Output

router = APIRouter(prefix="/api/v1/office", tags=["risk"])

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]


class SharpnessOut(Output):
    """A player's mean closing-line value over his bets with a close, in millionths of the stake,
    with its standard error and the factor that it suggests (10000 is one)."""

    player_id: UUID
    player: str
    bets: int
    mean_ppm: int
    error_ppm: int
    suggested_e4: int


class SharpestOut(Output):
    """The sharpest first."""

    items: list[SharpnessOut]


@router.get("/risk/sharpness")
async def sharpness(caller: Reads, db: Db, now: Now) -> SharpestOut:
    """Who took better prices than the close, over ninety days; nothing follows by itself."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.sharpest(conn, caller.tenant_id, now)
    return SharpestOut(
        items=[
            SharpnessOut(
                player_id=one.user_id,
                player=one.name,
                bets=one.bets,
                mean_ppm=one.mean_ppm,
                error_ppm=one.error_ppm,
                suggested_e4=one.suggested_e4,
            )
            for one in found
        ]
    )
