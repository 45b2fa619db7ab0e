"""The settlement desk: previews that come true, two persons above a threshold, what waits."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.betting.settlement import jobs
from overround.core.endings import ResultStatus
from overround.db import work
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.catalogue import Certainty, Happened
from overround.roles.archive import importer
from tests.pages.test_pages import form
from tests.support.edge import AT, Edge, opened
from tests.web.test_betting_routes import STARTS, lay
from tests.web.test_office import bet, sides_of

Urls = Mapping[Role, str]
RULINGS = "/api/v1/office/rulings"
DESK = "/api/v1/office/settlement"
HTML = {"Accept": "text/html"}
_KEYS = itertools.count()


async def settled(edge: Edge) -> int:
    """Everything that is due, settled; how many bets stand otherwise."""
    count = 0
    while (found := await jobs.run_once(edge.worker_db, edge.clock.now())) is not None:
        count += found
    return count


async def told(edge: Edge, event_id: UUID, home: int, away: int) -> None:
    await importer.enter_result(
        edge.worker_db, event_id, status="finished", scores={"ft": (home, away)},
        entered_by="a person", at=edge.clock.now(),
    )  # fmt: skip


async def said(
    edge: Edge,
    event_id: UUID,
    status: ResultStatus,
    provider: str,
    certainty: Certainty = "confirmed",
) -> None:
    """What a feed says; where it has ended, the home side has won."""
    scores = {"ft": (1, 0)} if status == "finished" else {}
    at = edge.clock.now()
    one = Happened(event_id, status, scores, provider, at, certainty=certainty)
    async with edge.worker_db.transaction(None) as conn:
        new = await catalogue.record_results(conn, [one])
        due = {event_id: (new[event_id], at)}
        await work.put(conn, "settle", [edge.tenants["acme"].id], due)


async def ruled(
    client: httpx2.AsyncClient, event_id: UUID, key: str = "", **words: Any
) -> httpx2.Response:
    body = {"event_id": str(event_id), **words}
    headers = {"Idempotency-Key": key or f"ruling-{next(_KEYS)}"}
    return await client.post(RULINGS, json=body, headers=headers)


def test_what_was_previewed_happens_and_what_is_lifted_unhappens(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme", "sakura")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            won = await bet(edge, ann, "10.00", (await sides_of(ann, event_id))["home"])
            lost = await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["away"])
            await told(edge, event_id, 1, 0)
            assert await settled(edge) == 2
            before = (await ann.get("/api/v1/balance")).json()["cash"]

            body = {"event_id": str(event_id), "kind": "void"}
            would = (await boss.post(f"{RULINGS}/preview", json=body)).json()
            assert (would["changes"], would["settles"], would["reopens"]) == (2, 0, 0)
            assert would["credit"] == "20.00"
            names = ("bet_id", "outcome", "payout", "would_outcome", "would_payout")
            assert {tuple(one[name] for name in names) for one in would["first"]} == {
                (won["bet_id"], "won", "21.00", "void", "10.00"),
                (lost["bet_id"], "lost", "0.00", "void", "20.00"),
            }
            shown = await form(boss, f"/office/settlement/{event_id}", kind="void", do="preview")
            moved = shown.text.partition('id="moved"')[2].partition("</ul>")[0]
            assert "ann, 20.00: lost, 0.00 → void, 20.00" in moved
            assert (await ann.get("/api/v1/balance")).json()["cash"] == before

            made = await ruled(boss, event_id, kind="void", reason="the wrong teams")
            assert (made.status_code, made.json()["state"]) == (201, "effective")
            assert await settled(edge) == would["changes"]
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"
            path = f"/api/v1/bets/{lost['bet_id']}"
            assert (await ann.get(path)).json()["outcome"] == "void"

            lifted = await boss.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert lifted.json()["state"] == "lifted"
            assert await settled(edge) == 2
            assert (await ann.get("/api/v1/balance")).json()["cash"] == before
            again = await boss.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert (again.status_code, again.json()["code"]) == (409, "ruling_step")

            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.get(RULINGS)).json()["items"] == []
            stolen = await theirs.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert stolen.status_code == 404

    asyncio.run(story())


def test_above_the_threshold_two_persons_rule(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute("UPDATE tenant SET ruling_alone_max_minor = 1999")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["away"])
            await told(edge, event_id, 1, 0)
            assert await settled(edge) == 1
            made = await ruled(boss, event_id, kind="void", reason="the wrong teams")
            assert (made.json()["state"], made.json()["moved"]) == ("proposed", "20.00")
            assert await settled(edge) == 0
            step = f"{RULINGS}/{made.json()['id']}"
            alone = await boss.post(f"{step}/agree")
            assert (alone.status_code, alone.json()["code"]) == (403, "second_person")
            second = await edge.staff("second", "settlement.manage")
            waiting = (await second.get(f"{RULINGS}?state=proposed")).json()["items"]
            assert [one["id"] for one in waiting] == [made.json()["id"]]
            assert (await second.post(f"{step}/agree")).json()["state"] == "effective"
            assert await settled(edge) == 1
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"
            assert (await boss.post(f"{step}/lift")).json()["code"] == "second_person"
            refused = await ruled(boss, event_id, kind="hold", reason="a protest")
            assert refused.json()["state"] == "proposed"
            gone = await second.post(f"{RULINGS}/{refused.json()['id']}/refuse")
            assert gone.json()["state"] == "refused"
            # Who proposed it may take it back.
            own = await ruled(boss, event_id, kind="hold", reason="a protest")
            gone = await boss.post(f"{RULINGS}/{own.json()['id']}/refuse")
            assert gone.json()["state"] == "refused"

    asyncio.run(story())


def test_the_desk_shows_what_waits_and_for_what(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            names = ("none", "held", "contradicted", "fact", "seen", "settled")
            events = {name: await lay(edge, "acme", name=name) for name in names}
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            for event_id in events.values():
                await bet(edge, ann, "10.00", (await sides_of(ann, event_id))["home"])
            edge.clock.move_to(STARTS + timedelta(hours=3))
            boss = await edge.staff("late", "settlement.manage")
            await told(edge, events["settled"], 1, 0)
            await ruled(boss, events["held"], kind="hold", reason="a protest")
            # Who has won is not known of what was put off.
            await said(edge, events["fact"], "postponed", "one")
            await said(edge, events["seen"], "postponed", "one", certainty="seen")
            await said(edge, events["contradicted"], "finished", "one")
            await said(edge, events["contradicted"], "postponed", "two")
            await settled(edge)
            found = (await boss.get(DESK)).json()
            waits = {one["event_id"]: one["waits_for"] for one in found["items"]}
            assert waits == {
                str(events["none"]): "result",
                str(events["contradicted"]): "contradicted",
                str(events["fact"]): "fact",
                str(events["seen"]): "confirmation",
                str(events["held"]): "held",
            }
            assert {(one["bets"], one["stakes"]) for one in found["items"]} == {(1, "10.00")}
            assert found["alone_max"] == "1000.00"
            held = (await boss.get(f"{DESK}?waits_for=held")).json()["items"]
            assert [one["event_id"] for one in held] == [str(events["held"])]
            assert (await boss.get(f"{DESK}?waits_for=person")).status_code == 422
            page = (await boss.get("/office/settlement?waits_for=held", headers=HTML)).text
            assert str(events["held"]) in page
            assert f'data-key="{events["none"]}"' not in page
            reader = await edge.staff("reader", "settlement.read")
            assert (
                await ruled(reader, events["none"], kind="void", reason="why")
            ).status_code == 403

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"kind": "hold", "reason": "a protest", "market_id": str(UUID(int=1))}, "ruling_scope"),
        ({"kind": "void", "reason": "no"}, "reason"),
        (
            {
                "kind": "void",
                "reason": "a window",
                "placed_from": AT.isoformat(),
                "placed_to": AT.isoformat(),
            },
            "ruling_window",
        ),
        ({"kind": "void", "reason": "a market", "market_id": str(UUID(int=1))}, "not_found"),
        ({"kind": "void", "reason": "a side", "selection_id": str(UUID(int=1))}, "not_found"),
        ({"kind": "nothing", "reason": "why not"}, "validation"),
    ],
)
def test_what_cannot_be_ruled_is_refused_by_name(
    database_urls: Urls, words: dict[str, Any], code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "settlement.manage")
            refused = await ruled(boss, event_id, **words)
            assert refused.status_code in (404, 422)
            assert code in (refused.json()["code"], "validation")

    asyncio.run(story())


def test_a_ruling_sent_twice_rules_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id, other = await lay(edge, "acme"), await lay(edge, "acme", name="other")
            boss = await edge.staff("boss", "settlement.manage")
            bare = await boss.post(RULINGS, json={"event_id": str(event_id), "kind": "void"})
            assert (bare.status_code, bare.json()["code"]) == (400, "idempotency_key_missing")

            words = {"kind": "void", "reason": "the wrong teams"}
            both = await asyncio.gather(*(ruled(boss, event_id, "k1", **words) for _ in range(2)))
            assert [one.status_code for one in both] == [201, 201]
            assert both[0].json() == both[1].json()
            assert sorted("Idempotency-Replayed" in one.headers for one in both) == [False, True]
            for about, reason in ((event_id, "other words"), (other, words["reason"])):
                reused = await ruled(boss, about, "k1", kind="void", reason=reason)
                assert (reused.status_code, reused.json()["code"]) == (
                    422,
                    "idempotency_key_reused",
                )
            assert len((await boss.get(RULINGS)).json()["items"]) == 1
            # Somebody else's key is another one.
            second = await edge.staff("second", "settlement.manage")
            assert (await ruled(second, event_id, "k1", **words)).status_code == 201
            assert len((await boss.get(RULINGS)).json()["items"]) == 2

    asyncio.run(story())


def test_one_key_for_two_events_at_once_rules_about_one(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            events = [await lay(edge, "acme", name=f"event {n}") for n in range(4)]
            boss = await edge.staff("boss", "settlement.manage")
            words = {"kind": "void", "reason": "the wrong teams"}
            answers = await asyncio.gather(*(ruled(boss, one, "k1", **words) for one in events))
            assert sorted(one.status_code for one in answers) == [201, 422, 422, 422]
            assert len((await boss.get(RULINGS)).json()["items"]) == 1

    asyncio.run(story())


def test_a_form_of_a_ruling_sent_twice_rules_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "settlement.manage", "offers.read")
            path = f"/office/settlement/{event_id}"
            page = (await boss.get(path, headers=HTML)).text
            (key,) = re.findall(r'name="form" value="([^"]+)"', page)
            fields = {"form": key, "kind": "hold", "reason": "a protest", "do": "rule"}
            for _ in range(2):
                answer = await form(boss, path, **fields)
                assert answer.status_code == 303, answer.text
            assert len((await boss.get(RULINGS)).json()["items"]) == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("9999-12-31T23:59:59.999999Z", "time_out_of_range"),
        ("9999-12-31T23:59:59-23:59", "time_out_of_range"),
        ("0001-01-01T00:00:00+23:59", "time_out_of_range"),
        ("1999-12-31T23:59:59Z", "time_out_of_range"),
        ("2101-01-01T00:00:00Z", "time_out_of_range"),
        (253402300799, "invalid"),
        ("253402300799", "invalid"),
        ("2026-03-01T12:00:00", "invalid"),
        ("2026-03-01", "invalid"),
    ],
)
def test_a_time_that_no_page_could_show_is_refused_by_name(
    database_urls: Urls, time: object, code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "settlement.manage", "offers.read")
            for name in ("placed_from", "placed_to"):
                said: dict[str, Any] = {"kind": "void", "reason": "a window", name: time}
                refused = await ruled(boss, event_id, **said)
                assert (refused.status_code, refused.json()["code"]) == (422, code), name
                assert refused.json()["errors"][0]["pointer"] == f"#/{name}"

    asyncio.run(story())


@pytest.mark.parametrize("typed", ["9999-12-31T23:59:59", "0001-01-01T00:00", "1999-01-01T00:00"])
def test_a_form_says_which_times_it_takes(database_urls: Urls, typed: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "settlement.manage", "offers.read")
            for name in ("placed_from", "placed_to"):
                fields = {"kind": "void", "do": "preview", name: typed}
                answer = await form(boss, f"/office/settlement/{event_id}", **fields)
                assert answer.status_code == 422, name
                assert "of the years 2000 to 2100, or empty" in answer.text

    asyncio.run(story())


@pytest.mark.parametrize("said", ["2100-12-31T23:59:59.999999Z", "2000-01-01T00:00:00+00:00"])
def test_the_ends_of_what_may_be_said_stand_on_the_desk(database_urls: Urls, said: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for host in ("acme", "sakura"):
                event_id = await lay(edge, host, name=f"of {host}")
                boss = await edge.staff("boss", "settlement.manage", "offers.read", host=host)
                made = await ruled(boss, event_id, kind="void", reason="a window", placed_to=said)
                assert made.status_code == 201, made.text
                for path in ("/office/settlement", f"/office/settlement/{event_id}"):
                    assert (await boss.get(path, headers=HTML)).status_code == 200

    asyncio.run(story())


def test_what_was_only_seen_settles_and_what_is_confirmed_corrects_it(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            placed = await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["home"])
            path = f"/api/v1/bets/{placed['bet_id']}"
            await said(edge, event_id, "finished", "one", certainty="seen")
            assert await settled(edge) == 1
            assert (await ann.get(path)).json()["outcome"] == "won"
            await said(edge, event_id, "cancelled", "one")
            assert await settled(edge) == 1
            assert (await ann.get(path)).json()["outcome"] == "void"

    asyncio.run(story())


def test_a_correction_of_settled_bets_waits_on_the_desk(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute("UPDATE tenant SET ruling_alone_max_minor = 1999")
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["home"])
            edge.clock.move_to(STARTS + timedelta(hours=3))
            boss = await edge.staff("boss", "settlement.manage", "offers.read")
            await told(edge, event_id, 1, 0)
            assert await settled(edge) == 1
            edge.later(minutes=1)
            await told(edge, event_id, 0, 1)
            assert await settled(edge) == 0
            # None of its bets is open, so the event itself waits for nothing.
            assert (await boss.get(DESK)).json()["items"] == []
            page = (await boss.get("/office/settlement", headers=HTML)).text
            asking = page.partition('id="asking"')[2].partition("</ol>")[0]
            assert "Result corrected" in asking
            assert 'value="agree"' in asking
            assert "19.99" in page.partition('id="asking"')[0]
            note = "1 ruling waits for a second person"
            assert note in (await boss.get("/office", headers=HTML)).text
            other = await edge.staff("other", "offers.read")
            assert note not in (await other.get("/office", headers=HTML)).text
            (one,) = (await boss.get(f"{RULINGS}?state=proposed")).json()["items"]
            assert (await boss.post(f"{RULINGS}/{one['id']}/agree")).status_code == 200
            assert await settled(edge) == 1
            page = (await boss.get("/office/settlement", headers=HTML)).text
            assert "Nothing waits for a second person." in page
            assert note not in (await boss.get("/office", headers=HTML)).text
            assert "Result corrected" in page.partition('id="rulings"')[2]

    asyncio.run(story())
