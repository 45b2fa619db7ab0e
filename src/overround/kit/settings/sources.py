"""Reading and merging what is set: flags, environment, file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource
from pydantic_settings import SettingsError as SourceError

from overround.core.errors import SettingsError
from overround.kit.settings.shown import described
from overround.kit.settings.tree import ENV_PLAIN, ENV_PREFIX, Settings

CONFIG_NAME: Final = "overround.yaml"
CONFIG_BYTES_MAX: Final = 1_000_000

# These name things outside the product's own configuration: the sample data, and the state
# directory that a whole test run shares.
ENV_EXEMPT: Final = frozenset({"OVERROUND_DATA", "OVERROUND_TEST_STATE"})


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The merged settings of this process.

    `config` defaults to `overround.yaml` in the working directory, where it may be absent; a file
    that was asked for by name must exist. `flags` is nested like the file. Raises SettingsError
    naming the key.
    """
    _refuse_unknown_environment()
    _, from_file = _file(config)

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *args: Any, **kwargs: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            above = super().settings_customise_sources(settings_cls, *args, **kwargs)
            return (*above, InitSettingsSource(settings_cls, from_file))

    try:
        return Located(**dict(flags or {}))
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None
    except SourceError as error:
        raise SettingsError(str(error).splitlines()[0]) from None


def origins(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Where each setting's value comes from, by its dotted name: "flag", the variable's name, the
    file, or "default". A setting that several sources fill (providers) names them all.

    What `load` refuses is refused there. Raises SettingsError where the file cannot be read.
    """
    path, from_file = _file(config)
    above: list[tuple[str, set[str]]] = [("flag", set(_dotted(flags or {})))]
    above += [(variable, _named_by(variable)) for variable in sorted(os.environ)]
    above += [
        (variable, {".".join(keys)})
        for variable, keys in ENV_PLAIN.items()
        if os.environ.get(variable)
    ]
    above.append((str(path), set(_dotted(from_file))))
    found: dict[str, str] = {}
    for name, _ in described():
        below = f"{name}."
        whole = [origin for origin, names in above if name in names]
        parts = [o for o, names in above if any(one.startswith(below) for one in names)]
        # Mappings of several sources are merged; of all else the first source's stands.
        found[name] = (
            ", ".join(dict.fromkeys([*whole, *parts] if parts else whole[:1])) or "default"
        )
    return found


def _named_by(variable: str) -> set[str]:
    """The settings that an environment variable of ours sets: one, or a section's as JSON."""
    value = os.environ[variable]
    if not variable.upper().startswith(ENV_PREFIX) or not value:
        return set()
    name = variable[len(ENV_PREFIX) :].lower().replace("__", ".")
    try:
        content = json.loads(value)
    except ValueError:
        return {name}
    if not isinstance(content, dict):
        return {name}
    return {name, *(f"{name}.{one}" for one in _dotted(cast("dict[str, Any]", content)))}


def _dotted(nested: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every path of a nested mapping, the inner nodes too."""
    for key, value in nested.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(cast("Mapping[str, Any]", value), f"{prefix}{key}.")


def _file(config: Path | None) -> tuple[Path, dict[str, Any]]:
    """The settings' file and what it says; nothing where there is none and none was asked for."""
    path = config or Path(CONFIG_NAME)
    return path, _read_file(path) if config is not None or path.exists() else {}


def _refuse_unknown_environment() -> None:
    dotted = {name for name, _ in described()}
    sections = {name.partition(".")[0] for name in dotted}
    for name in sorted(os.environ):
        # pydantic-settings reads names in any case, so a small letter is no way around this.
        if not name.upper().startswith(ENV_PREFIX) or name.upper() in ENV_EXEMPT:
            continue
        key = name[len(ENV_PREFIX) :].lower().replace("__", ".")
        # Below this one the names are a person's own; a wrong one is refused with its value.
        if key.startswith(("feeds.providers.", "edges.sources.")):
            continue
        if key not in dotted and key not in sections:
            raise SettingsError(f"unknown setting in the environment: {name}")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            raise SettingsError(f"{path}: larger than {CONFIG_BYTES_MAX} bytes")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: expected a mapping of sections")
    mapping = cast("dict[Any, Any]", content)
    for key in mapping:
        if not isinstance(key, str) or key not in Settings.model_fields:
            raise SettingsError(f"{path}: unknown setting: {key}")
    return cast("dict[str, Any]", mapping)


def _describe(error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        lines.append(f"unknown setting: {name}" if unknown else f"{name}: {problem['msg']}")
    return "; ".join(lines)
