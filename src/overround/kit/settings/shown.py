"""The settings as a person may see them: by name, and without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from overround.kit.masking import STARS
from overround.kit.settings.tree import Settings


def described() -> Iterator[tuple[str, str]]:
    """Every setting as (dotted name, description), in the order of the tree."""
    yield from _keys_of(Settings, "")


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, with stars for keys and for passwords in addresses."""
    found: dict[str, Any] = _redacted(settings.model_dump())
    # The path of a webhook is often all that keeps others from posting there.
    if settings.alerts.webhook_url is not None:
        parts = urlsplit(settings.alerts.webhook_url)
        found["alerts"]["webhook_url"] = f"{parts.scheme}://{parts.netloc}/{STARS}"
    return found


def secrets(settings: Settings) -> list[str]:
    """What is in the settings and must not be in any log: keys, passwords of addresses."""
    found: list[str] = []
    _collect(settings.model_dump(), found)
    if settings.alerts.webhook_url is not None:
        found.append(urlsplit(settings.alerts.webhook_url).path)
    return found


def redact_url(url: str) -> str:
    """`url` without its password and without its query, which may hold one too."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return urlunsplit(parts._replace(query=""))
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}", query=""))
    except ValueError:
        return "***"


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {name: _redacted(inner) for name, inner in pairs}
    if isinstance(value, list | tuple):
        return [_redacted(one) for one in cast("list[Any]", value)]
    if isinstance(value, SecretStr):
        return STARS
    if isinstance(value, Path):
        return str(value)
    return redact_url(value) if isinstance(value, str) and "://" in value else value


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, SecretStr):
        found.append(value.get_secret_value())
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            _collect(inner, found)
    elif isinstance(value, list | tuple):
        for one in cast("list[Any]", value):
            _collect(one, found)
    elif isinstance(value, str) and "://" in value:
        with suppress(ValueError):
            found.append(unquote(urlsplit(value).password or ""))
            found.append(urlsplit(value).password or "")


def _keys_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys_of(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""
