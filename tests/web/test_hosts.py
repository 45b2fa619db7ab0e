"""Which tenant a host names, as a table."""

from __future__ import annotations

import pytest

from overround.web import hosts


@pytest.mark.parametrize(
    ("host", "base", "subdomain"),
    [
        ("acme.bet.example", "bet.example", "acme"),
        ("acme.bet.example:8000", "bet.example", "acme"),
        ("a.bet.example", "bet.example", "a"),
        ("a-1.bet.example:65535", "bet.example", "a-1"),
        ("acme.localhost:8000", "localhost", "acme"),
        ("x" * 63 + ".bet.example", "bet.example", "x" * 63),
    ],
)
def test_exactly_one_label_before_the_base_domain(host: str, base: str, subdomain: str) -> None:
    assert hosts.subdomain_of(host, base) == subdomain


@pytest.mark.parametrize(
    "host",
    [
        "",
        "bet.example",
        ".bet.example",
        "x.y.bet.example",
        "acme..bet.example",
        "ACME.bet.example",
        "acme.Bet.example",
        "-acme.bet.example",
        "acme-.bet.example",
        "a'--.bet.example",
        "acme.bet.example.",
        "acme.bet.example.evil.example",
        "acme.evil.example",
        "acme.xbet.example",
        "acme_1.bet.example",
        "x" * 64 + ".bet.example",
        "acme.bet.example:",
        "acme.bet.example:0x50",
        "acme.bet.example:65536",
        "acme.bet.example:8000:1",
        "acme.bet.example:٨",
        "acme.bet.example:-1",
        " acme.bet.example",
        "acme.bet.example\n",
        "acmé.bet.example",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]:8000",
        "user@acme.bet.example",
        "acme.bet.example/",
    ],
)
def test_anything_else_is_no_tenant(host: str) -> None:
    assert hosts.subdomain_of(host, "bet.example") is None
