"""Whose pages may read a tenant's API from elsewhere: exact origins, and none unless named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, cast

from overround.core.errors import Invalid

SETTING: Final = "cors_origins"
ORIGINS_MAX: Final = 20

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN: Final = re.compile(rf"https?://{_LABEL}(?:\.{_LABEL}){{0,9}}(?::[0-9]{{1,5}})?")


def checked(origins: Iterable[str]) -> list[str]:
    """Origins as a tenant keeps them. Raises Invalid `cors_origins`.

    Exact ones only: a star would let every page of the world spend its visitors' limits here.
    """
    found = list(dict.fromkeys(origins))
    if len(found) > ORIGINS_MAX or not all(_ORIGIN.fullmatch(one) for one in found):
        raise Invalid(
            f"at most {ORIGINS_MAX} origins, each like https://www.example.com", code=SETTING
        )
    return found


def of(settings: Mapping[str, object]) -> frozenset[str]:
    """The origins in a tenant's settings; what is not one is none."""
    kept = settings.get(SETTING)
    named = cast("list[object]", kept) if isinstance(kept, list) else []
    good = (one for one in named if isinstance(one, str) and _ORIGIN.fullmatch(one))
    return frozenset(list(good)[:ORIGINS_MAX])
