"""Why somebody of the house decided something: said at once, and readable years later."""

from __future__ import annotations

import unicodedata
from typing import Final

from overround.core.errors import Invalid

LENGTH_MIN: Final = 3
LENGTH_MAX: Final = 300


def reason(text: str) -> str:
    """The text as it is kept. Raises Invalid `reason` for fewer than 3 or more than 300 characters,
    and for those that nobody can read."""
    found = unicodedata.normalize("NFC", text).strip()
    if not LENGTH_MIN <= len(found) <= LENGTH_MAX or not found.isprintable():
        said = f"a reason has {LENGTH_MIN} to {LENGTH_MAX} printable characters"
        raise Invalid(said, code="reason", field="reason")
    return found
