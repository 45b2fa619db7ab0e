"""One request to a provider that misbehaves: every case ends in a state with a name."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from overround.kit.fetching import Call, Fetched, Fetcher, Limits, is_public, origin_of
from tests.support import misbehaving
from tests.support.misbehaving import MEGABYTE, Manner, Server

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GOOD = b'{"overround_feed": 1}'
LIMITS = Limits(wire_bytes_max=5 * MEGABYTE, body_bytes_max=20 * MEGABYTE, deadline_s=10)
HASTY = replace(LIMITS, deadline_s=0.5)


def fetched(
    manner: Manner,
    change: Callable[[Server], object] = lambda server: None,
    etag: str | None = None,
    limits: Limits = LIMITS,
) -> Fetched:
    """What becomes of one request that is answered like this."""

    async def story() -> Fetched:
        async with misbehaving.misbehaving(lambda: NOW) as server:
            server.serves["/odds"] = manner
            change(server)
            fetcher = Fetcher(limits, frozenset({origin_of(server.url)}))
            try:
                asked = Call(f"{server.url}/odds", media=("application/json",), etag=etag)
                return await fetcher.fetch(asked)
            finally:
                await fetcher.close()

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("manner", "state"),
    [
        (misbehaving.body(GOOD), "ok"),
        (misbehaving.body(GOOD, "application/json; charset=utf-8"), "ok"),
        (misbehaving.gzipped(GOOD), "ok"),
        (misbehaving.silence, "timed_out"),
        (misbehaving.dribble, "timed_out"),
        (misbehaving.status(429), "rate_limited"),
        (misbehaving.status(429, retry_after="30"), "rate_limited"),
        (misbehaving.status(500), "server_error"),
        (misbehaving.status(503, b"<html>"), "server_error"),
        (misbehaving.status(401), "key_refused"),
        (misbehaving.status(404), "refused"),
        (misbehaving.status(204, b""), "refused"),
        (misbehaving.gzipped(GOOD * 100, keep=0.5), "encoding_broken"),
        (misbehaving.body(b"not packed", content_encoding="gzip"), "encoding_broken"),
        (misbehaving.body(GOOD, content_encoding="br"), "encoding_broken"),
        (misbehaving.body(b"<html>log in</html>", "text/html"), "wrong_type"),
        (misbehaving.large, "too_large"),
        (misbehaving.stream_without_end, "too_large"),
        (misbehaving.gzip_bomb(200 * MEGABYTE), "inflated_too_large"),
        (misbehaving.hang_up, "cut_short"),
        (misbehaving.redirect("http://10.0.0.1/odds"), "redirect_refused"),
        (misbehaving.redirect("http://127.0.0.1:1/odds"), "redirect_refused"),
        (misbehaving.redirect("http://localhost:6379/"), "redirect_refused"),
        (misbehaving.redirect("http://169.254.169.254/latest/meta-data/"), "redirect_refused"),
        (misbehaving.redirect("http://[::ffff:127.0.0.1]:1/"), "redirect_refused"),
        (misbehaving.redirect("file:///etc/passwd"), "redirect_refused"),
        (misbehaving.redirect("http://ann:secret@127.0.0.1/"), "redirect_refused"),
        (misbehaving.redirect("/odds"), "redirect_refused"),
    ],
)
def test_every_case_ends_in_a_named_state(manner: Manner, state: str) -> None:
    ending = fetched(manner, limits=HASTY if state == "timed_out" else LIMITS)
    assert (ending.state, ending.detail) == (state, ending.detail)


def test_a_bomb_takes_no_memory() -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fetched(misbehaving.gzip_bomb(400 * MEGABYTE)).state == "inflated_too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000


def test_a_redirect_within_the_same_host_is_followed() -> None:
    def elsewhere(server: Server) -> None:
        server.serves["/moved"] = misbehaving.body(GOOD)

    ending = fetched(misbehaving.redirect("/moved"), elsewhere)
    assert (ending.state, ending.body) == ("ok", GOOD)


def test_nobody_redirects_to_what_another_names() -> None:
    async def story() -> None:
        async with (
            misbehaving.misbehaving(lambda: NOW) as liar,
            misbehaving.misbehaving(lambda: NOW) as ours,
        ):
            ours.serves["/odds"] = misbehaving.body(GOOD)
            liar.serves["/odds"] = misbehaving.redirect(f"{ours.url}/odds")
            fetcher = Fetcher(LIMITS, frozenset({origin_of(liar.url), origin_of(ours.url)}))
            try:
                sent_on = await fetcher.fetch(Call(f"{liar.url}/odds"))
                asked = await fetcher.fetch(Call(f"{ours.url}/odds"))
            finally:
                await fetcher.close()
            assert (sent_on.state, asked.state) == ("redirect_refused", "ok")
            assert len(ours.asked) == 1

    asyncio.run(story())


def test_a_body_is_inflated() -> None:
    assert fetched(misbehaving.gzipped(GOOD * 1_000)).body == GOOD * 1_000


def test_what_has_not_changed_is_not_sent() -> None:
    ending = fetched(misbehaving.validated(GOOD), etag='"1"')
    assert (ending.state, ending.status, ending.body) == ("not_changed", 304, b"")


def test_an_address_of_our_own_network_is_not_asked() -> None:
    """Without the settings naming it."""

    async def story() -> None:
        async with misbehaving.misbehaving(lambda: NOW) as server:
            fetcher = Fetcher(LIMITS)
            try:
                found = await fetcher.fetch(Call(f"{server.url}/odds"))
                named = await fetcher.fetch(Call(f"http://localhost:{server.port}/odds"))
            finally:
                await fetcher.close()
            assert (found.state, named.state) == ("address_refused", "address_refused")
            assert server.asked == []

    asyncio.run(story())


def test_nobody_there_is_unreachable() -> None:
    async def story() -> None:
        fetcher = Fetcher(LIMITS, frozenset({("127.0.0.1", 9)}))
        try:
            assert (await fetcher.fetch(Call("http://127.0.0.1:9/"))).state == "unreachable"
            assert (await fetcher.fetch(Call("http://nowhere.invalid/"))).state == "unreachable"
            assert (await fetcher.fetch(Call("gopher://x/"))).state == "address_refused"
        finally:
            await fetcher.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::", False),
        ("64:ff9b::1.1.1.1", True),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b:1::1", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("fec0::1", False),
        ("192.0.0.8", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_key_is_not_shown() -> None:
    call = Call("https://ann.example/?key=secret", (("authorization", "secret"),))
    assert "secret" not in repr(call)
