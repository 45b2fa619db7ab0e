"""Every setting stands in docs/reference/settings.md, in the words of its own description."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from overround.kit.settings import ENV_PREFIX, Settings
from tests.tidy.source import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "settings.md"


def rows(model: type[BaseModel], prefix: str = "") -> list[str]:
    """One table row for each setting of `model`: name, environment variable, default, meaning."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            found += rows(section, f"{path}.")
        else:
            variable = ENV_PREFIX + path.upper().replace(".", "__")
            found.append(f"| `{path}` | `{variable}` | {_default(field)} | {field.description} |")
    return found


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the user's own"
    default: Any = field.default
    return "none" if default is None else f"`{default}`"


def test_every_setting_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    missing = [row for row in rows(Settings) if row not in text]
    assert not missing, "add to docs/reference/settings.md:\n" + "\n".join(missing)


def test_the_document_names_no_setting_that_is_gone() -> None:
    known = {row.split("`")[1] for row in rows(Settings)}
    text = DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", text, re.MULTILINE))
    assert not named - known


def test_an_undocumented_setting_would_be_missed() -> None:
    class Odd(BaseModel):
        depth: int = Field(default=3, description="How deep.")

    class Sample(BaseModel):
        odd: Odd = Field(default_factory=Odd)

    assert rows(Sample) == ["| `odd.depth` | `OVERROUND_ODD__DEPTH` | `3` | How deep. |"]
    assert rows(Sample)[0] not in DOCUMENT.read_text(encoding="utf-8")
