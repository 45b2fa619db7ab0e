"""What must not stand in a log, a report or a question to a model: passwords, tokens, keys.

Three nets, each for what the others miss: a value under a name that says it is secret; text that
has the shape of a secret; and secrets that this process was given and knows by heart
(`Masks.hide`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, cast

STARS: Final = "***"
# A shorter one is a word that stands in other text, too.
HIDDEN_CHARS_MIN: Final = 6
DEPTH_MAX: Final = 8

# Names are compared by their words: `new_password`, `X-Api-Key`, `apiKey` and `API_KEYS` are
# caught, `monkey` and `token_count` are not.
_SECRET_WORDS: Final = frozenset(
    {
        "authorization", "cookie", "cookies", "credential", "credentials", "dsn", "passphrase",
        "passwd", "password", "passwords", "pwd", "secret", "secrets", "token", "tokens", "totp",
        "otp", "pin", "cvv",
    }
)  # fmt: skip
_SECRET_PAIRS: Final = frozenset(
    {("api", "key"), ("api", "keys"), ("private", "key"), ("access", "key"), ("signing", "key")}
)
# What follows one of these words measures the secret and is none.
_HARMLESS_LAST: Final = frozenset(
    {"count", "id", "name", "kind", "at", "s", "max", "min", "left", "length", "expires", "used"}
)
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

_NAMES: Final = (
    r"(?:api[_-]?key|apikey|access[_-]?key|auth|authorization|token|access_token|refresh_token|"
    r"id_token|secret|client_secret|password|passwd|pwd|sig|signature)"
)
_VALUE: Final = r"(?:(?:bearer|basic)\s+)?[^\s\"'&;,}]+"
_SHAPES: Final = re.compile(
    "|".join(
        (
            # The password of an address: scheme://user:password@host.
            r"(?P<url>[a-z][a-z0-9+.-]*://[^\s/@:]*:)[^\s/]+(?=@)",
            r"(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
            # name=value of a query or of a connection string, and "name": "value" of JSON.
            rf"(?P<pair>\b(?:{_NAMES}[\"']?\s*[=:]\s*[\"']?|key=)(?!\*\*\*)){_VALUE}",
            # Keys with a beginning that says what they are, and JSON web tokens.
            r"\b(?:ov[wp]_|sk-|sk_live_|sk_test_|ghp_|xox[bp]-)[A-Za-z0-9_-]{8,}",
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*",
        )
    ),
    re.IGNORECASE,
)

# No shape is without one of these, and most text is.
_HINT: Final = re.compile(r"[=:]|\b(?:bearer|basic|ov[wp]_|sk[-_]|ghp_|xox|eyJ)", re.IGNORECASE)


class Masks:
    """Masks text and values; knows the secrets that it was told of."""

    def __init__(self) -> None:
        self._hidden: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, *secrets: str | None) -> None:
        """Never show these; shorter ones than `HIDDEN_CHARS_MIN` are left to the other nets."""
        self._hidden |= {one for one in secrets if one and len(one) >= HIDDEN_CHARS_MIN}
        longest_first = sorted(self._hidden, key=len, reverse=True)
        self._pattern = (
            re.compile("|".join(map(re.escape, longest_first))) if self._hidden else None
        )

    def text(self, text: str) -> str:
        """`text` with stars in the place of every secret in it."""
        if self._pattern is not None:
            text = self._pattern.sub(STARS, text)
        return _SHAPES.sub(_starred, text) if _HINT.search(text) else text

    def value(self, value: Any, say: Callable[[str], str] | None = None) -> Any:
        """`value` with stars below every secret name and in every text; too deep is too much.

        `say` is how a text is written, by default as `text` does.
        """
        return _valued(value, say or self.text, DEPTH_MAX)


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is to be kept from eyes."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_LAST:
        return False
    if any(word in _SECRET_WORDS for word in words):
        return True
    joined = "".join(words)
    return any(pair in _SECRET_PAIRS for pair in pairwise(words)) or (
        joined in {"apikey", "apikeys"}
    )


def _valued(value: Any, say: Callable[[str], str], depth_left: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict | list | tuple | set | frozenset):
        if not depth_left:
            return STARS
        if isinstance(value, dict):
            pairs = cast("dict[Any, Any]", value).items()
            return {
                say(str(name)): STARS
                if is_secret_name(str(name)) and inner is not None
                else _valued(inner, say, depth_left - 1)
                for name, inner in pairs
            }
        return [_valued(one, say, depth_left - 1) for one in cast("list[Any]", value)]
    # Whatever else it is, whoever renders it would write it as text.
    return say(str(value))


def _starred(found: re.Match[str]) -> str:
    kept = found["url"] or found["scheme"] or found["pair"] or ""
    return f"{kept}{STARS}"
