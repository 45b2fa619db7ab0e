"""The words of free bets. Money is minor units, a price `price_e4`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

State = Literal["proposed", "granted", "used", "expired", "refused", "revoked"]
Kind = Literal["single", "combo", "system"]
# What the office does to a grant: agree to a proposed one or not, take an unused one back.
Step = Literal["agree", "refuse", "revoke"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the office wants to give to a player; None for kinds, sports and the least price of a
    leg is any."""

    user_id: UUID
    amount_minor: int
    currency: str
    expires_at: datetime
    reason: str
    stake_returned: bool = False
    price_min_e4: int | None = None
    kinds: tuple[Kind, ...] | None = None
    sports: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FreeBet:
    """A grant as it stands; `player` is the name of whose it is.

    `granted_by` is None of one that came back from a void bet, `from_bet_id`. Of one that was used
    `back_minor` is what of its stake is back with the tenant.
    """

    id: UUID
    user_id: UUID
    player: str
    amount_minor: int
    currency: str
    stake_returned: bool
    price_min_e4: int | None
    kinds: Sequence[Kind] | None
    sports: Sequence[str] | None
    expires_at: datetime
    state: State
    reason: str
    granted_by: UUID | None
    granted_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    bet_id: UUID | None
    used_at: datetime | None
    back_minor: int
    from_bet_id: UUID | None
    body_sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer to a grant; `replayed` where its key was answered before."""

    free_bet: FreeBet
    replayed: bool


@dataclass(frozen=True, slots=True)
class Used:
    """The free bet that a bet's stake came from."""

    bet_id: UUID
    free_bet_id: UUID
    stake_returned: bool
    back_minor: int
