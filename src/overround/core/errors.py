"""The error tree. The docstring of a class is its message; `code` is what the wire says.

OverroundError
├── Refusal               an answer to a person: the request was understood and is declined
│   ├── NotFound          no such thing for this principal (another tenant's thing looks the same)
│   ├── Unauthenticated   nobody is logged in
│   ├── Forbidden         logged in, without the scope
│   ├── Invalid           a value is outside its bound
│   ├── Conflict          the state of the thing does not allow it now
│   └── InsufficientFunds the account would fall below its floor
├── ProviderDataError     bytes of a provider that are not what they claim to be
├── SettingsError         the configuration is wrong; the start stops
└── Unavailable           a dependency is down or held; try again later (exit code 3, HTTP 503)
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager


class OverroundError(Exception):
    """Something that the product expects and names."""

    code: str = "error"
    status: int = 500
    # What of a request the error is always about, where that is the same every time.
    field: str | None = None

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        facts: Mapping[str, object] | None = None,
        field: str | None = None,
    ) -> None:
        """`detail` is for people, `code` for programs; `facts` are what the answer adds to them.

        `field` is what of the request it is about, as a path into its body ("stake",
        "legs/0/price") or elsewhere ("header/Idempotency-Key", "query/cursor").
        """
        self.facts = dict(facts or {})
        if field is not None:
            self.field = field
        self.detail = detail or (type(self).__doc__ or type(self).__name__).splitlines()[0]
        if code is not None:
            self.code = code
        super().__init__(self.detail)


class Refusal(OverroundError):
    """The request is declined."""

    code = "refused"
    status = 409


class NotFound(Refusal):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class Unauthenticated(Refusal):
    """Log in first."""

    code = "unauthenticated"
    status = 401


class Forbidden(Refusal):
    """You may not do this."""

    code = "forbidden"
    status = 403


class Invalid(Refusal):
    """A value is outside its bounds."""

    code = "invalid"
    status = 422


class Conflict(Refusal):
    """The state of the thing does not allow it now."""

    code = "conflict"
    status = 409


class InsufficientFunds(Refusal):
    """The balance is smaller than the amount."""

    code = "insufficient_funds"
    status = 409


class ProviderDataError(OverroundError):
    """The provider's data is not what it claims to be."""

    code = "provider_data"
    status = 422


class SettingsError(OverroundError):
    """The configuration is wrong."""

    code = "settings"


class Unavailable(OverroundError):
    """A dependency is down or held by another process."""

    code = "unavailable"
    status = 503


@contextmanager
def at_field(name: str) -> Generator[None]:
    """What is invalid or unknown in the block is so for that field, where it names none itself."""
    try:
        yield
    except (Invalid, NotFound) as error:
        error.field = error.field or name
        raise
