"""What a new tenant may be called and set to: a column of refusals, in order of precedence."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from overround.core import money
from overround.core.errors import Invalid
from overround.people.tenants.model import NewTenant, Tenant

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Hosts of the platform itself, and names that a visitor would take for them.
RESERVED = frozenset({"admin", "api", "hub", "mail", "static", "status", "www"})

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}")
_NAME_LENGTH_MAX = 100
_FEE_BPS_MAX = 10_000
_MARGIN_BPS_MAX = 5_000
_MINOR_MAX = 10**15


def _default_stake_min(currency: str) -> int:
    decimals = money.currency(currency).decimals
    return 10 ** (decimals - 1) if decimals else 10


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def tenant(asked: NewTenant, tenant_id: UUID, at: datetime) -> Tenant:
    """The tenant that `asked` becomes, with its own book.

    Raises Invalid with the code of the first field that is out of bounds: `subdomain`, `name`,
    `contact_email`, `unknown_currency`, `time_zone`, `limits`, `fee_bps`, `margin_bps`.
    """
    name = unicodedata.normalize("NFC", asked.name).strip()
    if not SUBDOMAIN.fullmatch(asked.subdomain) or asked.subdomain in RESERVED:
        raise Invalid("the subdomain is one free label of a-z, 0-9 and -", code="subdomain")
    if not 1 <= len(name) <= _NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid("the name has 1 to 100 printable characters", code="name")
    if not _EMAIL.fullmatch(asked.contact_email):
        raise Invalid("the contact is one e-mail address", code="contact_email")
    money.currency(asked.currency)
    if not _is_zone(asked.time_zone):
        raise Invalid("the time zone is a name of the IANA database", code="time_zone")
    unit = 10 ** money.currency(asked.currency).decimals
    stake_min = asked.stake_min_minor
    stake_min = _default_stake_min(asked.currency) if stake_min is None else stake_min
    payout_max = asked.payout_max_minor
    payout_max = 100_000 * unit if payout_max is None else payout_max
    if not 0 < stake_min <= payout_max <= _MINOR_MAX:
        raise Invalid("the least stake is above 0 and below the largest payout", code="limits")
    if not 0 <= asked.fee_bps <= _FEE_BPS_MAX:
        raise Invalid("the fee is 0 to 10,000 basis points", code="fee_bps")
    if not 0 <= asked.margin_bps <= _MARGIN_BPS_MAX:
        raise Invalid("the margin is 0 to 5,000 basis points", code="margin_bps")
    return Tenant(
        id=tenant_id,
        subdomain=asked.subdomain,
        name=name,
        contact_email=asked.contact_email,
        currency=asked.currency,
        time_zone=asked.time_zone,
        status="active",
        payout_rounding=asked.payout_rounding,
        stake_min_minor=stake_min,
        payout_max_minor=payout_max,
        fee_bps=asked.fee_bps,
        margin_bps=asked.margin_bps,
        book_id=tenant_id,
        settings=dict(asked.settings),
        created_at=at,
    )
