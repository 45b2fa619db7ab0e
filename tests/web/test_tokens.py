"""Which token a request carries, as a table."""

from __future__ import annotations

import pytest

from overround.people.sessions import cookie_name
from overround.web.tokens import Credential, credential

GOOD = "A" * 43
OTHER = "B" * 43
NONE = Credential(None, by_cookie=False)
PLANTED = Credential(None, by_cookie=True)


@pytest.mark.parametrize(
    ("authorization", "cookies", "expected"),
    [
        ([], [], NONE),
        ([f"Bearer {GOOD}"], [], Credential(GOOD, by_cookie=False)),
        ([f"bearer {GOOD}"], [f"session={OTHER}"], Credential(GOOD, by_cookie=False)),
        ([], [f"session={GOOD}"], Credential(GOOD, by_cookie=True)),
        ([], [f"a=b; session={GOOD}; c=d"], Credential(GOOD, by_cookie=True)),
        ([], [f"sessions={GOOD}"], NONE),
        # Two of anything: one of them was planted.
        ([f"Bearer {GOOD}", f"Bearer {OTHER}"], [], NONE),
        ([], [f"session={GOOD}; session={OTHER}"], PLANTED),
        ([], [f"session={GOOD}", f"session={OTHER}"], PLANTED),
        # Not the shape of a token.
        (["Bearer "], [], NONE),
        (["Basic QQ=="], [f"session={GOOD}"], NONE),
        ([f"Bearer {GOOD}A"], [], NONE),
        ([f"Bearer  {GOOD}"], [], NONE),
        ([], ["session="], PLANTED),
        ([], [f"session={GOOD[:-1]}'"], PLANTED),
        ([], [";;;=;session"], PLANTED),
    ],
)
def test_one_token_of_the_right_shape(
    authorization: list[str], cookies: list[str], expected: Credential
) -> None:
    assert credential(authorization, cookies, "session") == expected


def test_without_a_cookie_name_no_cookie_counts() -> None:
    assert credential([], [f"session={GOOD}"], None) == NONE


@pytest.mark.parametrize(
    ("scheme", "server", "name"),
    [
        ("https", "10.0.0.7", "__Host-session"),
        ("https", "127.0.0.1", "__Host-session"),
        ("http", "127.0.0.1", "session"),
        ("http", "127.8.9.1", "session"),
        ("http", "::1", "session"),
        ("http", "10.0.0.7", None),
        ("http", "localhost.evil.example", None),
        ("http", "", None),
    ],
)
def test_a_plain_cookie_is_for_loopback_only(scheme: str, server: str, name: str | None) -> None:
    assert cookie_name(scheme, server) == name
