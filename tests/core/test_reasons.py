"""What a reason is, for every decision that asks for one."""

from __future__ import annotations

import pytest

from overround.core import reasons
from overround.core.errors import Invalid


@pytest.mark.parametrize("text", ["", "ab", "  a  ", "x" * 301, "a\nbc", "abc\x1b[0m", "abc\x00"])
def test_a_reason_can_be_read_later(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        reasons.reason(text)
    assert (refused.value.code, refused.value.field) == ("reason", "reason")


def test_a_reason_is_kept_in_one_spelling() -> None:
    assert reasons.reason(" Cafe\u0301 ") == "Caf\u00e9"
