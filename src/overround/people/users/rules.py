"""What a user may be called: one spelling of each address, printable names, known scopes."""

from __future__ import annotations

import re
import unicodedata

from overround.core.errors import Invalid
from overround.people.users.model import SCOPES

# ASCII only: Python and PostgreSQL then agree on what lower case is, and two addresses that look
# alike in different scripts cannot be two users.
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9][a-z0-9.-]{0,188}")
_DISPLAY_NAME_LENGTH_MAX = 60


def email(text: str) -> str:
    """The address as it is stored: lower case. Raises Invalid `email`."""
    lowered = text.lower()
    if not _EMAIL.fullmatch(lowered):
        said = "this is not an e-mail address that we can write to"
        raise Invalid(said, code="email", field="email")
    return lowered


def display_name(text: str) -> str:
    """The name as it is shown: NFC, no outer space. Raises Invalid `display_name`."""
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= _DISPLAY_NAME_LENGTH_MAX or not name.isprintable():
        said = "a name has 1 to 60 printable characters"
        raise Invalid(said, code="display_name", field="display_name")
    return name


def scopes(asked: frozenset[str]) -> list[str]:
    """The scopes in order. Raises Invalid `scopes` for one that no route asks for."""
    unknown = asked - SCOPES
    if unknown or not asked:
        said = f"the scopes are one or more of {', '.join(sorted(SCOPES))}"
        raise Invalid(said, code="scopes", field="scopes")
    return sorted(asked)
