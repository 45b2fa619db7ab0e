"""What the tidy tests keep between them."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.tidy import source


@pytest.fixture(scope="package", autouse=True)
def forgotten() -> Generator[None]:
    """The trees of all files are millions of objects, which no other test need carry along."""
    yield
    source.package.cache_clear()
    source.suite.cache_clear()
