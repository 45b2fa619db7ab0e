"""docs/reference/settings.md is written from the settings: no setting is without its row."""

from __future__ import annotations

import re

from overround.kit import settings
from tests.tidy.source import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "settings.md"
LINE = ".venv/bin/overround config document > docs/reference/settings.md"


def rows(text: str) -> dict[str, str]:
    """The settings that a document has a row for, with what is said of each."""
    found = re.findall(r"^\| `([a-z0-9_.<>]+)` \|.*\| (.*) \|$", text, re.MULTILINE)
    return dict(found)


def test_the_settings_document_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == settings.document(), f"run: {LINE}"


def test_every_setting_has_its_row_with_its_meaning_and_its_bounds() -> None:
    text = settings.document()
    assert {name for name, _ in settings.described()} <= set(rows(text))
    assert all(rows(text).values())
    assert "any to any" not in text


def test_rows_are_found() -> None:
    sample = "| `a.b_s` | `OVERROUND_A__B_S` | `1` | 1 to 2 | Seconds. |\n| not | a row |\n"
    assert rows(sample) == {"a.b_s": "Seconds."}
