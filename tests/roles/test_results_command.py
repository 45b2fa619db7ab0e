from __future__ import annotations

import pytest
from typer.testing import CliRunner

from overround.cli.main import app

EVENT = "019cae6b-6600-7bea-b4c6-bb2d36777e73"


@pytest.mark.parametrize(
    "words",
    [
        ("--score", "final"),
        ("--score", "final="),
        ("--score", "final=1000-0"),
        ("--score", "=1-0"),
        ("--ft", "1-0", "--score", "ft=2-0"),
        ("--ft", "-1-0"),
        ("--status", "over"),
    ],
)
def test_a_result_that_is_not_written_as_one_is_a_usage_error(words: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(app, ["results", "enter", EVENT, *words])
    assert ran.exit_code == 2, ran.output
