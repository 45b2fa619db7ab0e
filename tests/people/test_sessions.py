"""Log-ins: tokens, their ends, wrong passwords, and who is let in where."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import timedelta

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from overround.core.errors import Invalid, Unavailable
from overround.db.logins import Role
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits, jobs, passwords, rules
from tests.support.edge import AT, PASSWORD, Edge, opened, registration, user_id_of

Urls = Mapping[Role, str]
ME = "/api/v1/session"


async def log_in(
    client: httpx2.AsyncClient, name: str, password: str = PASSWORD
) -> httpx2.Response:
    """A log-in by password."""
    body = {"email": f"{name}@players.example", "password": password}
    return await client.post(ME, json=body)


def test_a_token_is_256_random_bits_and_only_its_hash_is_stored(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            opened_ = await client.post("/api/v1/users", json=registration("ann"))
            token = opened_.json()["token"]
            assert len(token) == 43
            assert opened_.headers["cache-control"] == "no-store"
            async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                rows = await (await conn.execute("SELECT s.*, s::text FROM session s")).fetchall()
            assert len(rows) == 1
            assert token not in str(rows)
            assert hashlib.sha256(token.encode()).digest() in rows[0]

    asyncio.run(story())


def test_no_password_and_no_hash_is_ever_answered(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            texts = [(await ann.get(path)).text for path in (ME, "/api/v1/sessions")]
            assert all("argon2" not in text and PASSWORD not in text for text in texts)

    asyncio.run(story())


def test_a_log_in_gives_a_new_token_and_ends_the_one_it_came_with(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            new = await log_in(ann, "ann")
            assert new.status_code == 200
            assert (await ann.get(ME)).status_code == 401
            assert (await edge.client(token=new.json()["token"]).get(ME)).status_code == 200

    asyncio.run(story())


def test_a_log_out_ends_the_session_and_twice_is_no_error(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            assert (await ann.delete(ME)).status_code == 204
            assert (await ann.get(ME)).status_code == 401
            assert (await ann.delete(ME)).status_code == 401

    asyncio.run(story())


def test_an_idle_and_an_old_session_end(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, bob = await edge.player("ann"), await edge.player("bob")
            for _ in range(25):
                edge.later(minutes=59)
                answer = await ann.get(ME)
                if edge.clock.now() - AT >= timedelta(hours=24):
                    break
                assert answer.status_code == 200
            # In use all the time, and ended all the same: 24 hours are over.
            assert (await ann.get(ME)).status_code == 401
            # Not used for more than an hour.
            assert (await bob.get(ME)).status_code == 401

    asyncio.run(story())


def test_a_session_is_touched_at_most_once_a_minute(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")

            async def seen() -> timedelta:
                async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                    row = await (await conn.execute("SELECT last_seen_at FROM session")).fetchone()
                assert row is not None
                return row[0] - AT

            edge.later(seconds=59)
            await ann.get(ME)
            assert await seen() == timedelta(0)
            edge.later(seconds=1)
            await ann.get(ME)
            assert await seen() == timedelta(seconds=60)

    asyncio.run(story())


def test_a_person_lists_and_ends_his_own_sessions_only(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, bob = await edge.player("ann"), await edge.player("bob")
            async with edge.client() as other:
                opened_there = (await log_in(other, "ann")).json()
            phone = edge.client(token=opened_there["token"])
            listed = (await ann.get("/api/v1/sessions")).json()["items"]
            assert len(listed) == 2
            for session in listed:
                path = f"/api/v1/sessions/{session['id']}"
                assert (await bob.delete(path)).status_code == 404
            # The phone's first: whoever has ended her own can end no other.
            for session in sorted(listed, key=lambda s: s["id"] != opened_there["session"]["id"]):
                path = f"/api/v1/sessions/{session['id']}"
                assert (await ann.delete(path)).status_code == 204
            assert (await phone.get(ME)).status_code == 401
            assert (await bob.get(ME)).status_code == 200

    asyncio.run(story())


def test_a_session_of_one_tenant_is_nothing_on_another_host(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            token = ann.headers["authorization"].removeprefix("Bearer ")
            assert (await ann.get(ME)).status_code == 200
            assert (await edge.client("sakura", token=token).get(ME)).status_code == 401
            async with edge.client("sakura") as there:
                assert (await log_in(there, "ann")).status_code == 401

    asyncio.run(story())


def test_a_disabled_user_stops_at_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await edge.player("ann"), await edge.staff("boss", "users.manage")
            user_id = await user_id_of(edge, "ann")
            disabled = await boss.post(f"/api/v1/office/users/{user_id}/disable")
            assert disabled.json()["status"] == "disabled"
            assert (await ann.get(ME)).status_code == 401
            async with edge.client() as client:
                answer = await log_in(client, "ann")
                assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")
            enabled = await boss.post(f"/api/v1/office/users/{user_id}/enable")
            assert enabled.json()["status"] == "active"
            # The old session stays ended; a new log-in is let in.
            assert (await ann.get(ME)).status_code == 401
            async with edge.client() as client:
                assert (await log_in(client, "ann")).status_code == 200

    asyncio.run(story())


def test_the_status_alone_ends_every_session(database_urls: Urls) -> None:
    """However a user came to be disabled, by hand in the database too, no session outlives it."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, bob = await edge.player("ann"), await edge.player("bob")
            async with edge.worker_db.transaction(edge.tenants["acme"].id) as conn:
                await conn.execute(
                    "UPDATE users SET status = 'disabled' WHERE display_name = 'ann'"
                )
            assert (await ann.get(ME)).status_code == 401
            assert (await bob.get(ME)).status_code == 200

    asyncio.run(story())


def test_only_staff_with_the_scope_disable_and_nobody_himself(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            clerk = await edge.staff("clerk", "payments.decide")
            boss = await edge.staff("boss", "*")
            user_id = await user_id_of(edge, "ann")
            path = f"/api/v1/office/users/{user_id}/disable"
            assert (await edge.client().post(path)).status_code == 401
            for client in (ann, clerk):
                assert (await client.post(path)).json()["code"] == "forbidden"
            own = (await boss.get(ME)).json()["user"]["id"]
            answer = await boss.post(f"/api/v1/office/users/{own}/disable")
            assert answer.json()["code"] == "own_account"
            abroad = await edge.staff("boss", "*", host="sakura")
            assert (await abroad.post(path)).status_code == 404

    asyncio.run(story())


def test_wrong_passwords_wait_longer_each_time_known_or_not(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await edge.player("ann")
            for name in ("ann", "nobody"):
                answers = [await log_in(client, name, "wrong password") for _ in range(4)]
                codes = [(a.status_code, a.json()["code"]) for a in answers]
                assert codes == [(401, "bad_credentials")] * 3 + [(429, "too_many_attempts")]
                assert answers[3].headers["retry-after"] == "2"
            # Not even the right password is heard before the wait is over.
            assert (await log_in(client, "ann")).status_code == 429
            edge.later(seconds=3)
            assert (await log_in(client, "ann", "wrong password")).status_code == 401
            assert (await log_in(client, "ann")).headers["retry-after"] == "4"
            edge.later(seconds=5)
            assert (await log_in(client, "ann")).status_code == 200
            # A good log-in forgets: three are free again.
            assert (await log_in(client, "ann", "wrong password")).status_code == 401
            assert (await log_in(client, "ann")).status_code == 200

    asyncio.run(story())


def test_one_client_that_tries_many_addresses_waits_too(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            answers = [await log_in(client, f"n{i}", "wrong password") for i in range(21)]
            assert [a.status_code for a in answers] == [401] * 20 + [429]

    asyncio.run(story())


def test_wrong_passwords_at_once_are_all_counted(database_urls: Urls) -> None:
    async def story() -> list[int]:
        async with opened(database_urls) as edge, edge.client() as client:
            await edge.player("ann")
            tries = [log_in(client, "ann", "wrong password") for _ in range(12)]
            found = await asyncio.gather(*tries)
            assert {a.status_code for a in found} <= {401, 429}
            refused = sum(a.status_code == 401 for a in found)
            async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                rows = await conn.execute("SELECT failures FROM login_failure")
                counts = [row[0] for row in await rows.fetchall()]
            assert counts == [refused, refused]
            return counts

    asyncio.run(story())


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(1, None), (2, None), (3, 2), (4, 4), (5, 8), (9, 128), (10, 256), (11, 300), (10**6, 300)],
)
def test_a_wait_doubles_up_to_five_minutes(failures: int, wait_s: int | None) -> None:
    until = rules.locked_until(failures, 3, AT)
    assert (until - AT if until else None) == (timedelta(seconds=wait_s) if wait_s else None)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "\ud800" * 8])
def test_a_password_has_8_to_128_characters(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_password(password)
    assert refused.value.code == "password"


def test_a_long_password_is_not_cut(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            long = "é" * 127
            body = registration("ann", password=long + "a")
            assert (await client.post("/api/v1/users", json=body)).status_code == 201
            assert (await log_in(client, "ann", long + "b")).status_code == 401
            assert (await log_in(client, "ann", long + "a")).status_code == 200
            short = await client.post("/api/v1/users", json=registration("bob", password="1234567"))
            assert (short.status_code, short.json()["code"]) == (422, "password")

    asyncio.run(story())


def test_a_hash_is_argon2id_of_todays_cost_and_a_cheaper_one_is_renewed() -> None:
    salt = bytes(range(16))
    stored = passwords.hash_password(PASSWORD, salt)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    right = passwords.check(stored, PASSWORD, salt)
    assert (right.right, right.stronger_hash) == (True, None)
    assert not passwords.check(stored, PASSWORD + "x", salt).right
    assert not passwords.check(None, "", salt).right
    assert not passwords.check("$argon2id$nonsense", PASSWORD, salt).right
    cheap = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    renewed = passwords.check(cheap, PASSWORD, salt)
    assert renewed == passwords.Checked(right=True, stronger_hash=stored)
    assert passwords.check(cheap, "wrong password", salt).stronger_hash is None


def test_an_unknown_address_costs_a_hash() -> None:
    stored = passwords.hash_password(PASSWORD, bytes(16))

    def taken_s(hashed: str | None) -> float:
        started_s = time.thread_time()
        passwords.check(hashed, "wrong password", bytes(16))
        return time.thread_time() - started_s

    # Turn about, and the least of each: what the machine does besides only adds.
    pairs = [(taken_s(stored), taken_s(None)) for _ in range(7)]
    known, unknown = (min(taken) for taken in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2
    # It costs what a hash of today costs, and is nobody's password.
    assert passwords.hash_password("", bytes(16)) == passwords._NOBODY


def test_a_flood_of_log_ins_is_refused_and_a_cancelled_call_still_counts() -> None:
    async def story() -> None:
        import threading

        gate = threading.Event()
        threads = BoundedThreads(1, 1, "test")
        first = asyncio.create_task(threads.run(gate.wait))
        second = asyncio.create_task(threads.run(gate.wait))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await threads.run(gate.wait)
        gate.set()
        assert await first
        threads.close()

    asyncio.run(story())


def test_old_sessions_and_failures_are_purged_and_live_ones_stay(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await edge.player("old")
            await log_in(client, "old", "wrong password")
            edge.later(days=62)
            ann = await edge.player("ann")

            async def purge() -> int:
                return await jobs.run_once(edge.worker_db, SessionLimits(), edge.clock.now())

            # One session and the two counts of the failure: its address and its client.
            assert (await purge(), await purge()) == (3, 0)
            assert (await ann.get(ME)).status_code == 200

    asyncio.run(story())


def cookie_of(answer: httpx2.Response) -> str:
    """The whole Set-Cookie line."""
    return answer.headers["set-cookie"]


def test_a_browser_gets_a_cookie_that_only_this_host_sees(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            secure = await _register(edge, "https://acme.bet.example", "10.0.0.7", "ann")
            assert cookie_of(secure).startswith("__Host-session=")
            for word in ("Secure", "HttpOnly", "Path=/", "SameSite=lax", "Max-Age=86400"):
                assert word in cookie_of(secure)
            assert "domain" not in cookie_of(secure).lower()
            plain = await _register(edge, "http://acme.bet.example", "127.0.0.1", "bob")
            assert cookie_of(plain).startswith("session=")
            assert "Secure" not in cookie_of(plain)
            # http across a network: no cookie at all rather than one that anybody can read.
            bare = await _register(edge, "http://acme.bet.example", "10.0.0.7", "cyd")
            assert "set-cookie" not in bare.headers

    asyncio.run(story())


def test_a_cookie_logs_in_and_writes_only_from_our_own_page(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            answer = await _register(edge, "https://acme.bet.example", "10.0.0.7", "ann")
            cookie = {"Cookie": cookie_of(answer).partition(";")[0]}
            app = _serving(edge, "10.0.0.7")
            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="https://acme.bet.example"
            ) as browser:
                assert (await browser.get(ME, headers=cookie)).status_code == 200
                bare = await browser.delete(ME, headers=cookie)
                assert bare.json()["code"] == "foreign_origin"
                own = {**cookie, "Origin": "https://acme.bet.example"}
                gone = await browser.delete(ME, headers=own)
                assert gone.status_code == 204
                assert 'session=""' in cookie_of(gone)
                assert (await browser.get(ME, headers=cookie)).status_code == 401

    asyncio.run(story())


def _serving(edge: Edge, address: str) -> ASGIApp:
    """The application as a server that listens on `address` would call it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await edge.app({**scope, "server": (address, 8000)}, receive, send)

    return serve


async def _register(edge: Edge, base: str, address: str, name: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(_serving(edge, address))
    async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
        return await client.post("/api/v1/users", json=registration(name))
