"""Idempotency keys: the client names a request, so that sending it again is not doing it again.

A key belongs to who sent it and stands for one route and one body. The same key with another body
is refused, because answering it with the first answer would hide a mistake.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from pydantic import BaseModel

from overround.core.errors import Refusal

KEY_FIELD: Final = "header/Idempotency-Key"
_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class KeyMissing(Refusal):
    """A request that moves money carries an Idempotency-Key."""

    code = "idempotency_key_missing"
    status = 400
    field = KEY_FIELD


class KeyInvalid(Refusal):
    """An Idempotency-Key has 1 to 64 letters, digits or any of . _ : - and nothing else."""

    code = "idempotency_key_invalid"
    status = 400
    field = KEY_FIELD


class KeyReused(Refusal):
    """This Idempotency-Key was used before, for another request."""

    code = "idempotency_key_reused"
    status = 422
    field = KEY_FIELD


def checked_key(text: str | None) -> str:
    """The key as it is. Raises KeyMissing when it is absent, KeyInvalid when it is not one."""
    if not text:
        raise KeyMissing
    if not _KEY.fullmatch(text):
        raise KeyInvalid
    return text


def request_sha256(route: str, body: BaseModel) -> bytes:
    """What a key stands for: the route and the validated body, whatever its spelling was."""
    return hashlib.sha256(route.encode() + b"\n" + body.model_dump_json().encode()).digest()
