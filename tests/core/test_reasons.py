"""What a reason is, for every decision that asks for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg
import pytest

from overround.core import reasons
from overround.core.errors import Invalid
from overround.db.logins import Role

# How long the reason of a table's rows may be.
_BOUNDS = """
SELECT c.conrelid::regclass::text, pg_get_constraintdef(c.oid)
FROM pg_constraint c
WHERE c.contype = 'c' AND pg_get_constraintdef(c.oid) ~ 'length\\(reason\\) <='"""
_DECIDED = {"payment", "free_bet", "slip", "ruling"}


@pytest.mark.parametrize("text", ["", "ab", "  a  ", "x" * 301, "a\nbc", "abc\x1b[0m", "abc\x00"])
def test_a_reason_can_be_read_later(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        reasons.reason(text)
    assert (refused.value.code, refused.value.field) == ("reason", "reason")


def test_a_reason_is_kept_in_one_spelling() -> None:
    assert reasons.reason(" Cafe\u0301 ") == "Caf\u00e9"


def test_a_reason_is_as_long_as_the_schema_takes_it(database_urls: Mapping[Role, str]) -> None:
    with psycopg.connect(database_urls["owner"]) as conn:
        found = dict(conn.execute(_BOUNDS).fetchall())
    told = {one: re.findall(r"length\(reason\) <= (\d+)", found[one]) for one in _DECIDED}
    assert told == {one: [str(reasons.LENGTH_MAX)] for one in _DECIDED}
