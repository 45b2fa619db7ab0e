"""What a person reads of a form that was refused, and of one that was saved: labels and units."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from html import unescape

import pytest

from overround.db.logins import Role
from overround.web.pages import fields, forms, words
from overround.web.pages.fields import Field
from tests.betting.test_cashout_routes import HTML, form
from tests.betting.test_waiting import send
from tests.pages.test_form_answers import coming, field
from tests.support.edge import opened, user_id_of

Urls = Mapping[Role, str]
HOUSE = {"scope": "house", "key": "house"}
TERMS = {"enabled": "on", "margin": "4", "quote_s": "10", "delay_s": "5", "stale_s": "60"}
IN_PLAY = {"sport": "football", "delay": "5", "stale": "15", "step": "lay"}
GIVEN = {"form": "free-bet-1", "player": "ann@players.example", "amount": "5", "days": "7",
         "single": "on", "reason": "Welcome"}  # fmt: skip
DECIDED = {"player": "ann", "factor": "1", "delay": "1", "note": ""}
PRICED = {"scope": "sport", "key": "football", "margin": "", "multiplier": "1", "enabled": "on"}
SECONDS = "1 to 86400 seconds"
PRICE = "above 1 and at most 100000"
AMOUNT = "an amount is a plain decimal number"

# A form that is right but for one field, and what its reader is told of that: the label that stands
# above the field, and what it takes in the unit that stands beside it.
REFUSED: tuple[tuple[str, dict[str, str], str, str, str], ...] = (
    ("/office/in-play", IN_PLAY, "delay", "31", "A bet waits: 1 to 30 seconds."),
    ("/office/in-play", IN_PLAY, "delay", "soon", "A bet waits: 1 to 30 seconds."),
    ("/office/in-play", IN_PLAY, "stale", "1", "No feed has spoken for: 2 to 120 seconds."),
    ("/office/cash-out", TERMS, "margin", "51", "Off the value: 0 to 50 %"),
    ("/office/cash-out", TERMS, "margin", "", "Off the value: 0 to 50 %"),
    ("/office/cash-out", TERMS, "quote_s", "1", "A quote lasts: 2 to 120 seconds"),
    ("/office/cash-out", TERMS, "delay_s", "1.5", "a price has moved within: 0 to 120 seconds"),
    ("/office/cash-out", TERMS, "stale_s", "9", "of an event for: 10 to 604800 seconds (a week)"),
    ("/office/approvals/waits", HOUSE, "delay", "61", "Delay: 0 to 60 seconds"),
    ("/office/approvals/waits", HOUSE, "approve_win", "x", f"Ask above a win of: {AMOUNT}."),
    ("/office/risk/caps", HOUSE, "win_max", "-1", f"One bet may win: {AMOUNT}."),
    ("/office/risk/caps", HOUSE, "event_max", "x", f"One event: {AMOUNT}."),
    ("/office/risk/policy", {}, "ramp_share_bps", "101", "Open before: 0 to 100 %."),
    ("/office/risk/policy", {}, "ramp_s", "2592001", "Opens over the last: 0 to 2592000 seconds"),
    ("/office/risk/policy", {}, "suspend_at_bps", "0", "of its cap: 0.01 to 100 %."),
    ("/office/risk/policy", {}, "velocity_max", "1.5", "a whole number from 1 to 1000000."),
    ("/office/risk/policy", {}, "move_max_bps", "1001", "more than: 0.01 to 1000 %."),
    ("/office/risk/policy", {}, "hold_s", "0", f"The last two suspend for: {SECONDS}"),
    ("/office/risk/policy", {}, "repeat_s", "0", f"Such bets are counted for: {SECONDS}"),
    ("/office/risk/policy", {}, "legs_max", "21", "Legs, at most: a whole number from 1 to 20."),
    ("/office/risk/policy", {"legs_min": "3"}, "legs_max", "2", "a least is not above its most."),
    ("/office/risk/policy", {}, "leg_price_max", "9999999", f"Price of a leg, to: {PRICE}"),
    ("/office/risk/players", DECIDED, "factor", "11", "Factor: 0.01 to 10."),
    ("/office/risk/players", DECIDED, "delay", "11", "Delay factor: 0 to 10."),
    ("/office/risk/players", DECIDED, "note", "n" * 301, "Note: 300 characters at most."),
    ("/office/promotions", GIVEN, "player", "zoe@players.example", "Nobody here has this e-mail"),
    ("/office/promotions", GIVEN, "amount", "0", "Amount: above 0"),
    ("/office/promotions", GIVEN, "days", "366", "Good for: 1 to 365 days"),
    ("/office/promotions", GIVEN, "price_min", "1", f"Price of a leg, from: {PRICE}"),
    ("/office/promotions", GIVEN, "reason", "r" * 301, "Reason: 3 to 300 characters."),
    ("/office/events", PRICED, "margin", "50.01", "Margin: 0 to 50 %"),
    ("/office/events", PRICED, "multiplier", "0.4999", "Factor: 0.5 to 1.5"),
    ("/office/events", PRICED, "multiplier", "0", "Factor: 0.5 to 1.5"),
)  # fmt: skip
# Words of the API and of its validation, which nobody reads on a page.
FOREIGN = re.compile(r"[a-z]+_[a-z_0-9]+|\bbps\b|should|kinds:", re.IGNORECASE)


def blamed(page: str, name: str) -> str:
    """What stands beside the field that is marked: its label, or that of its group."""
    marked = re.search(rf'<[^>]* name="{name}"[^>]* aria-invalid="true"[^>]*>', page)
    assert marked is not None, name
    before = page[: marked.start()]
    begins = max(before.rfind("<label"), before.rfind("<legend"))
    return text_of(before[begins:])


def text_of(html: str) -> str:
    """What is read of it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def notes(page: str) -> list[str]:
    """What the page says is wrong."""
    return [
        text_of(one) for one in re.findall(r'<p [^>]*role="alert"[^>]*>(.*?)</p>', page, re.DOTALL)
    ]


def saved(page: str) -> list[str]:
    """What the page says was saved."""
    return [
        text_of(one) for one in re.findall(r'<p class="note good"[^>]*>(.*?)</p>', page, re.DOTALL)
    ]


def test_a_refused_form_names_the_field_as_its_label_does(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await coming(edge)
            boss = await edge.staff("boss", "*")
            await edge.player("ann")
            for path, right, name, wrong, said in REFUSED:
                answer = await form(boss, path, **{**right, name: wrong})
                about = (path, name, wrong)
                assert answer.status_code == 422, about
                (note,) = notes(answer.text)
                assert said in note, (about, note)
                assert FOREIGN.search(note) is None, (about, note)
                label = note.removeprefix("! ").partition(":")[0]
                assert blamed(answer.text, name).startswith(label), (about, note)

    asyncio.run(story())


def test_a_choice_that_is_missing_is_said_by_its_group(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await coming(edge)
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            await edge.deposit(ann, "1000.00")
            none = {key: value for key, value in GIVEN.items() if key != "single"}
            answer = await form(boss, "/office/promotions", **none)
            assert notes(answer.text) == ["! Kinds of bet: at least one of them."]
            ruled = {"kind": "void", "about": "market:x", "do": "preview"}
            answer = await form(boss, f"/office/settlement/{event_id}", **ruled)
            assert notes(answer.text) == ["! Which bets: one of the list."]
            assert 'name="about" aria-invalid="true"' in answer.text

            assert (
                await form(boss, "/office/approvals/waits", **HOUSE, approve_win="1")
            ).is_redirect
            slip_id = (await send(edge, ann, "100.00")).json()["slip_id"]
            verdict = {"verdict": "offer", "reason": "so much", "price_0": "0.5"}
            answer = await form(boss, f"/office/approvals/{slip_id}", **verdict)
            (note,) = notes(answer.text)
            assert note.startswith("! Price instead: ")
            assert blamed(answer.text, "price_0") == "Price instead"

    asyncio.run(story())


def test_an_empty_field_says_what_it_takes_and_what_it_took(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await coming(edge)
            boss = await edge.staff("boss", "*")
            await edge.player("ann")
            me = str(await user_id_of(edge, "ann"))

            async def after(path: str, **typed: str) -> str:
                answer = await form(boss, path, **typed)
                assert answer.status_code == 303, answer.text
                return (await boss.get(answer.headers["location"], headers=HTML)).text

            page = (await boss.get("/office/in-play", headers=HTML)).text
            assert "1 to 30 seconds, empty is 5." in page
            assert re.search(r'name="stale"[^>]* placeholder="15"', page)
            page = await after("/office/in-play", **{**IN_PLAY, "delay": "", "stale": ""})
            taken = "Saved. A bet waits 5 seconds, a feed may be silent for 15."
            assert saved(page) == [taken]
            page = await after("/office/in-play", **{**IN_PLAY, "step": "stop"})
            assert saved(page) == ["Saved. It is laid until the start."]

            page = await after("/office/risk/policy")
            assert saved(page) == ["Saved. This holds for the next bet."]
            for name, usual in (("ramp_share_bps", "100"), ("ramp_s", "0"), ("hold_s", "60")):
                assert re.search(rf'name="{name}"[^>]* placeholder="{usual}"', page), name
                assert field(page, name) == [usual]
            assert re.search(r'name="legs_max"[^>]* placeholder="not watched"', page)

            page = await after("/office/risk/players", player="ann", factor="", delay="", note="")
            assert saved(page) == ["Saved. ann: factor 1, delay factor 1."]
            assert re.search(r'name="factor"[^>]* placeholder="1"', page)
            assert saved((await boss.get(f"/office/risk?saved={me}x", headers=HTML)).text) == []

            page = await after("/office/risk/caps", **HOUSE, win_max="50")
            assert saved(page) == ["Saved. These caps hold for the next bet."]
            page = await after("/office/approvals/waits", **HOUSE, approve_win="50", delay="")
            assert saved(page) == ["Saved. A win above 50.00 EUR asks a person; the delay is none."]
            football = {"scope": "sport", "key": "football"}
            page = await after("/office/approvals/waits", **football, approve_win="", delay="2,5")
            said = "Saved. Asked is what the wider scope says; the delay is 2.5 seconds."
            assert saved(page) == [said]
            page = await after("/office/cash-out", **TERMS)
            assert saved(page) == ["Saved. It holds for every quote from now on."]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("code", "pointer", "detail", "said"),
    [
        ("invalid", "#/delay_ms", "Input should be less than 9", "Delay: 0 to 60 seconds."),
        ("delay_out_of_range", "#/delay_ms", "at most a minute", "Delay: 0 to 60 seconds."),
        ("not_now", "#/delay_ms", "not now.", "Delay: not now."),
        ("invalid", "#/legs/0/win", "a plain number", "Win: a plain number."),
        ("invalid", "#/prices/3", "no", "Prices: no."),
        ("invalid", "#/scope_key", "a pattern", "A value is outside its bounds."),
        ("invalid", "#", "a pattern", "A value is outside its bounds."),
    ],
)
def test_a_problem_is_told_by_the_fields_of_its_form(
    code: str, pointer: str, detail: str, said: str
) -> None:
    known = (
        Field("delay", "Delay", "0 to 60 seconds", ("delay_ms",)),
        Field("win", "Win"),
        Field("prices", "Prices"),
    )
    problem = {
        "code": code, "detail": "A value is outside its bounds.",
        "errors": [{"pointer": pointer, "detail": detail}],
    }  # fmt: skip
    told = fields.told(problem, known)
    assert (told["code"], told["detail"]) == (code, said)
    names = {"Delay": "delay", "Win": "win", "Prices": "prices"}
    expected = {names[label]} if (label := said.partition(":")[0]) in names else set[str]()
    assert forms.faults(told) == expected


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(None, 3, ""), (2_500, 3, "2.5"), (5_000, 3, "5"), (5, 2, "0.05"), (-5, 2, "-0.05"),
     (650, 2, "6.5"), (120, 0, "120"), (0, 2, "0")],
)  # fmt: skip
def test_a_number_is_written_as_its_field_takes_it(
    value: int | None, decimals: int, text: str
) -> None:
    assert forms.written(value, decimals) == text
    if value is not None and value >= 0:
        assert forms.number({"n": text}, "n", decimals) == value


def test_what_a_program_says_is_a_sentence() -> None:
    assert words.sentence("no such sport") == "No such sport."
    assert words.sentence("Say which player is meant.") == "Say which player is meant."
    assert words.sentence("which one?") == "Which one?"
