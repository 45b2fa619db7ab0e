"""Refusals and quotes: each names its field; the bounds of a stake are of what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from overround.betting.bets import REFUSAL_DETAILS, refusal_bounds, refusal_field
from overround.db.logins import Role
from tests.betting.test_freebets import given, promoting
from tests.support.edge import Edge, opened, registration, user_id_of
from tests.support.in_play import USUAL
from tests.web.test_betting_routes import lay, setting

Urls = Mapping[Role, str]
# What a whole house or account is refused for is no field's fault.
OF_NOTHING = {"tenant_suspended", "account_blocked"}
QUOTE, BETS, DEPOSIT = "/api/v1/bets/quote", "/api/v1/bets", "/api/v1/deposits"


def test_every_refusal_of_a_slip_names_its_field() -> None:
    for code in set(REFUSAL_DETAILS) - OF_NOTHING:
        assert refusal_field(code) is not None, code
    assert refusal_field("price_changed", 2) == "legs/1/price"
    assert refusal_field("stake_above_max", 2) == "stake"
    assert all(refusal_field(code) is None for code in OF_NOTHING)


@pytest.mark.parametrize(
    ("answer", "lines", "units", "bounds"),
    [
        ({"stake_max_minor": 1_000}, 1, 1, {"stake_max": "10.00"}),
        ({"stake_max_minor": 1_000}, 3, 3, {"stake_max": "3.33"}),
        ({"stake_min_minor": 100}, 3, 3, {"stake_min": "0.34"}),
        ({"stake_max_minor": 9, "stake_least_minor": 10}, 1, 1, {}),
        ({"stake_max_minor": 10, "stake_least_minor": 10}, 1, 1, {"stake_max": "0.10"}),
        # Nineteen for ten lines are one for each, and ten of those are below the least of fifteen.
        ({"stake_max_minor": 19, "stake_least_minor": 15}, 10, 10, {}),
        ({"stake_max_minor": 19, "stake_least_minor": 15}, 10, 1, {"stake_max": "0.19"}),
        # Each line has a minor unit at least.
        ({"stake_max_minor": 9, "stake_least_minor": 1}, 10, 1, {}),
        ({"stake_max_minor": 0, "stake_least_minor": 0}, 1, 1, {}),
    ],
)
def test_the_bounds_of_a_stake_are_of_what_was_asked_and_can_be_placed(
    answer: dict[str, Any], lines: int, units: int, bounds: dict[str, str]
) -> None:
    assert refusal_bounds({**answer, "currency": "EUR"}, lines, units) == bounds


async def three(edge: Edge, client: httpx2.AsyncClient) -> list[dict[str, str]]:
    """The home sides of three events that are laid here."""
    found: list[dict[str, str]] = []
    for n in ("one", "two", "three"):
        event_id = await lay(edge, "acme", name=n)
        market = (await client.get(f"/api/v1/events/{event_id}/markets")).json()["markets"][0]
        home = market["selections"][0]
        found.append({"selection_id": home["selection_id"], "price": home["price"]})
    return found


def pointers(answer: httpx2.Response) -> list[str]:
    return [one["pointer"] for one in answer.json()["errors"]]


async def of_place_terms(edge: Edge, ann: httpx2.AsyncClient, legs: list[dict[str, str]]) -> None:
    """The first leg whose place terms cannot be is named, of a bet and of a quote."""
    for n, terms in ((0, "1/4"), (1, "1/4 1-3")):
        termed = [{**leg, "place_terms": terms} if k >= n else leg for k, leg in enumerate(legs)]
        for path in (BETS, QUOTE):
            body = {"legs": termed, "stake": "1.00", "each_way": n == 0}
            answer = await ann.post(path, json=body, headers=edge.key())
            assert pointers(answer) == [f"#/legs/{n}/place_terms"], answer.text


async def of_keys_and_digits(edge: Edge, ann: httpx2.AsyncClient) -> None:
    """What is wrong with a key, or with a number that nobody reads."""
    for key, code in (
        ("k" * 65, "idempotency_key_invalid"),
        ("", "idempotency_key_missing"),
    ):
        headers = {"Idempotency-Key": key}
        body = {"amount": "1.00"}
        answer = await ann.post("/api/v1/deposits", json=body, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (400, code)
        assert pointers(answer) == ["header/Idempotency-Key"]
    long = b'{"amount": ' + b"9" * 40 + b"}"
    headers = {**edge.key(), "Content-Type": "application/json"}
    answer = await ann.post("/api/v1/deposits", content=long, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "number_too_long")
    assert pointers(answer) == ["#/amount"]


def test_a_refused_request_names_its_field_and_a_stake_by_its_own_unit(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            async with edge.client() as visitor:
                legs = await three(edge, visitor)
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            await edge.deposit(ann, "100.00")

            async def place(**words: Any) -> httpx2.Response:
                body = {"legs": legs, "stake": "1.00", **words}
                return await ann.post(BETS, json=body, headers=edge.key())

            wrong_price = [legs[0], {**legs[1], "price": "two"}]
            for words, code, field in (
                ({"stake": "1.001"}, "invalid_number", "stake"),
                ({"stake": "0"}, "stake_out_of_range", "stake"),
                ({"stake": "1" * 16}, "invalid_number", "stake"),
                ({"system": "yankee"}, "invalid_size", "system"),
                ({"legs": wrong_price}, "invalid_number", "legs/1/price"),
                ({"sizes": [4]}, "invalid_size", "sizes"),
                ({"stake": "500.00"}, "insufficient_funds", "stake"),
                ({"legs": [legs[0], legs[0]]}, "legs_conflict", "legs"),
                ({"free_bet_id": str(edge.tenants["acme"].id)}, "free_bet_unknown", "free_bet_id"),
            ):
                answer = await place(**words)
                assert (answer.json()["code"], pointers(answer)) == (code, [f"#/{field}"]), words
            await of_place_terms(edge, ann, legs)
            nothing = (await place(stake="0", sizes=[2], stake_mode="unit")).json()
            assert nothing["detail"].startswith("A stake is from 0.01 to "), nothing
            assert (nothing["stake_min"], nothing["stake_max"]) == ("0.01", "33333333333.33")
            gone = [legs[0], {**legs[1], "selection_id": str(edge.tenants["acme"].id)}]
            answer = await place(legs=gone)
            assert pointers(answer) == ["#/legs/1/selection_id"], answer.text

            await of_keys_and_digits(edge, ann)

            # Three doubles, by the line: a refusal and a quote name what one line may stake.
            win = {"scope": "house", "scope_key": "house", "win_max": "30.00",
                   "selection_max": None, "event_max": None}  # fmt: skip
            assert (await boss.put("/api/v1/office/risk/caps", json=win)).status_code == 200
            lines = {"sizes": [2], "stake_mode": "unit", "stake": "20.00"}
            refused = await place(**lines)
            most = refused.json()["stake_max"]
            assert refused.json()["code"] == "stake_above_max"
            quoted = (await ann.post(QUOTE, json={"legs": legs, **lines})).json()
            assert [one["stake_max"] for one in (quoted, quoted["refusals"][0])] == [most, most]
            assert (quoted["stake_min"], quoted["lines"]) == ("0.04", 3)
            assert (await place(**{**lines, "stake": most})).status_code == 201

            # A purse that is too small is named beside the cap that the book meets first.
            said = (await ann.post(QUOTE, json={"legs": legs, "stake": "200.00"})).json()
            codes = [one["code"] for one in said["refusals"]]
            assert codes == ["stake_above_max", "insufficient_funds"]
            assert {one["pointer"] for one in said["refusals"]} == {"#/stake"}

    asyncio.run(story())


def test_whatever_is_refused_says_where(database_urls: Urls) -> None:
    """Elsewhere than on a slip: headers, queries, and the office's bodies."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            nobody = str(edge.tenants["acme"].id)
            async with edge.client() as visitor:
                again = await visitor.post("/api/v1/users", json=registration("ann"))
                assert pointers(again) == ["#/email"]
                wrong = await visitor.post("/api/v1/users", json=registration("x", email="x"))
                assert pointers(wrong) == ["#/email"]
                short = await visitor.post("/api/v1/users", json=registration("x", password="x"))
                assert pointers(short) == ["#/password"]
            key = edge.key()
            assert (await ann.post(DEPOSIT, json={"amount": "1.00"}, headers=key)).is_success
            other = await ann.post(DEPOSIT, json={"amount": "2.00"}, headers=key)
            assert pointers(other) == ["header/Idempotency-Key"]
            slip = {"legs": [{"selection_id": nobody, "price": "2"}], "stake": "1"}
            foreign = {**edge.key(), "X-Player-ID": nobody}
            other = await ann.post(BETS, json=slip, headers=foreign)
            assert (other.json()["code"], pointers(other)) == (
                "another_player", ["header/X-Player-ID"],
            )  # fmt: skip
            empty = await ann.post(BETS, headers=edge.key())
            assert (empty.status_code, pointers(empty)) == (422, ["#"])
            assert empty.json()["detail"] == "This is asked with a body of JSON, and there is none."
            too_much = await ann.post(DEPOSIT, json={"amount": "0"}, headers=edge.key())
            assert too_much.json()["detail"] == "an amount is above zero and at most 10000000000.00"
            for query, pointer in (
                ("cursor=x", "query/cursor"), ("limt=5", "query/limt"), ("limit=0", "query/limit"),
                ("limit=5&Status=open", "query/Status"),
            ):  # fmt: skip
                said = await ann.get(f"{BETS}?{query}")
                assert (said.status_code, pointers(said)) == (422, [pointer]), query
            assert (await ann.get(f"{BETS}?limit=5&status=open")).status_code == 200
            # A page's address may carry what it likes.
            assert (await ann.get("/bets?utm_source=x")).status_code == 200
            await of_the_office(boss, edge, nobody)

    asyncio.run(story())


async def of_the_office(boss: httpx2.AsyncClient, edge: Edge, nobody: str) -> None:
    """The same of what the house says."""
    in_play = {"sport": "curling", "offered": True, **USUAL}
    named = setting("selection", nobody)
    free = {"player_id": nobody, "amount": "5.00", "reason": "welcome"}
    free["expires_at"] = (edge.clock.now() + timedelta(days=1)).isoformat()
    ruling = {"event_id": nobody, "kind": "void", "reason": "a"}
    for method, path, body, code, field in (
        ("PUT", "in-play", in_play, "not_found", "sport"),
        ("PUT", "offer-settings", {**named, "price": "1.005"}, "price_out_of_range", "price"),
        ("PUT", "offer-settings", {**named, "price": "2000"}, "price_out_of_range", "price"),
        ("PUT", "offer-settings", {**named, "price": "2.00005"}, "invalid_number", "price"),
        ("PUT", "offer-settings", {**named, "price": "two"}, "invalid_number", "price"),
        ("PUT", "offer-settings", {**named, "margin_bps": 5}, "setting_misplaced", "margin_bps"),
        ("PUT", "offer-settings", {**named, "scope": "event", "price": "2"}, "setting_misplaced",
         "price"),
        ("PUT", "offer-settings", named, "not_found", "scope_key"),
        ("POST", "free-bets", free, "not_found", "player_id"),
        ("POST", "rulings", ruling, "reason", "reason"),
    ):  # fmt: skip
        answer = await boss.request(method, f"/api/v1/office/{path}", json=body, headers=edge.key())
        assert (answer.json()["code"], pointers(answer)) == (code, [f"#/{field}"]), (path, body)


def test_a_free_bet_is_quoted_and_is_for_sports_that_there_are(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            ann = await edge.player("ann")
            free = await given(edge, boss, "ann")
            first = (await ann.get("/api/v1/board")).json()["items"][0]["markets"][0]
            home = first["selections"][0]
            leg = {"selection_id": home["selection_id"], "price": home["price"]}

            async def quote(**words: Any) -> Any:
                body = {"legs": [leg], "free_bet_id": free["id"], **words}
                answer = await ann.post(QUOTE, json=body)
                assert answer.status_code == 200, answer.text
                return answer.json()

            said = await quote()
            assert (said["is_taken"], said["stake"], said["stake_max"], said["stake_min"]) == (
                True, "10.00", "10.00", "10.00",
            )  # fmt: skip
            other = await quote(stake="9.00")
            (refusal,) = other["refusals"]
            assert (refusal["code"], refusal["stake"]) == ("free_bet_stake", "10.00")
            unknown = await quote(free_bet_id=leg["selection_id"])
            assert [one["code"] for one in unknown["refusals"]] == ["free_bet_unknown"]
            lower = {"legs": [leg], "stake": "10.00", "free_bet_id": free["id"]}
            lower["accept_lower_stake"] = True
            for path in (QUOTE, BETS):
                answer = await ann.post(path, json=lower, headers=edge.key())
                assert (answer.status_code, answer.json()["code"]) == (422, "free_bet_stake")
            # What the quote promised is what the bet is; then there is no free bet any more.
            body = {"legs": [leg], "stake": "10.00", "free_bet_id": free["id"]}
            waits = await ann.post(
                BETS, json=body, headers={**edge.key(), "Prefer": "respond-async"}
            )
            assert waits.json()["free_bet_id"] == free["id"]
            placed = await ann.post(BETS, json=body, headers=edge.key())
            assert placed.json()["potential_payout"] == said["potential_payout"]
            assert [one["code"] for one in (await quote())["refusals"]] == ["free_bet_used"]

            grant = {
                "player_id": str(await user_id_of(edge, "ann")), "amount": "5.00",
                "reason": "Sorry", "expires_at": (edge.clock.now() + timedelta(days=1)).isoformat(),
            }  # fmt: skip
            path = "/api/v1/office/free-bets"
            for wrong, code, field in (
                ({"sports": ["football", "quidditch"]}, "unknown_sport", "sports"),
                ({"amount": "1.001"}, "invalid_number", "amount"),
                ({"price_min": "x"}, "invalid_number", "price_min"),
                ({"reason": "no"}, "reason", "reason"),
            ):
                answer = await boss.post(path, json={**grant, **wrong}, headers=edge.key())
                assert (answer.json()["code"], pointers(answer)) == (code, [f"#/{field}"])
            answer = await boss.post(
                path, json={**grant, "sports": ["quidditch"]}, headers=edge.key()
            )
            assert "quidditch" in answer.json()["detail"]

    asyncio.run(story())
