"""Which side of a club a name means, and what is left of the name to compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.odds.catalogue import names


@pytest.mark.parametrize(
    ("name", "competition", "key", "text"),
    [
        ("AFC Ajax", "", "", "ajax"),
        ("Jong Ajax", "", "2", "ajax"),
        ("Ajax (W)", "", "w", "ajax"),
        ("Chelsea Women", "", "w", "chelsea"),
        ("Chelsea", "England - Women's Super League", "w", "chelsea"),
        ("Real Madrid U-19", "", "u19", "real madrid"),
        ("Hertha Berlin", "Germany - Bundesliga U19", "u19", "hertha berlin"),
        ("Brazil Sub 20", "", "u20", "brazil"),
        ("Mainz Youth", "", "ux", "mainz"),
        ("Barcelona B", "", "2", "barcelona"),
        ("Porto II", "", "2", "porto"),
        ("Willem II", "", "", "willem ii"),
        ("Bayern Munich III", "", "3", "bayern munchen"),
        ("Arsenal", "England - Reserve League Reserves", "2", "arsenal"),
        ("Wolves (Bookings)", "England - Premier League Bookings", "bookings", "wolverhampton"),
        ("Linfield", "Northern Ireland - Premiership Corners", "corners", "linfield"),
        ("Arsenal (Ann) (eSports)", "", "e", "arsenal ann"),
        ("Chelsea Women U21", "", "w.u21", "chelsea"),
        ("Falkirk F.C.", "", "", "falkirk"),
        ("Inverness C", "", "", "inverness c"),
        ("San Lorenzo (N)", "", "", "san lorenzo"),
    ],
)
def test_the_category_is_parsed_and_the_rest_compared(
    name: str, competition: str, key: str, text: str
) -> None:
    team = names.team(name, competition)
    assert (team.category.key, team.text) == (key, text)
    assert team.identity == (f"{text}#{key}" if key else text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1. FC Köln", "Cologne"),
        ("Nott'm Forest", "Nottm Forest FC"),
        ("St Patrick´s Athletic", "St. Patrick's Athl."),  # noqa: RUF001 (as a book writes it)
        ("N.Y. Giants", "NY Giants"),
        ("Brighton & Hove Albion", "Brighton and Hove Albion FC"),
        ("Málaga CF", "Malaga"),
        ("Ｋｙｏｔｏ　Ｓａｎｇａ", "Kyoto Sanga"),  # noqa: RUF001 (full-width forms)
        ("PSG", "Paris Saint-Germain FC"),
        ("Paris SG", "PSG"),
    ],
)
def test_spellings_of_one_club_are_one_text(one: str, other: str) -> None:
    assert names.team(one).text == names.team(other).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris FC", "Paris SG"),
        ("Manchester United", "Manchester City"),
        ("TSV 1860 München", "FC Bayern München"),
        ("Inter", "AC Milan"),
        ("América MG", "América RN"),
        ("Queens Park", "Queens Park Rangers"),
    ],
)
def test_two_clubs_are_two_texts(one: str, other: str) -> None:
    assert names.team(one).text != names.team(other).text


def test_a_name_of_club_words_only_keeps_them() -> None:
    assert names.team("FC").text == "fc"
    assert names.team("Women").text == "women"


def test_an_unstated_youth_age_agrees_with_a_stated_one_and_with_no_adult() -> None:
    youth, u19, u21, adult = (
        names.team(name).category for name in ("A Youth", "A U19", "A U21", "A")
    )
    assert youth.agrees(u19)
    assert u19.agrees(youth)
    assert not u19.agrees(u21)
    assert not youth.agrees(adult)


@pytest.mark.parametrize(
    ("country", "competition", "expected"),
    [
        ("England", "", "england"),
        ("", "soccer_germany_bundesliga", "germany"),
        ("", "Northern Ireland - Premiership", "northern ireland"),
        ("", "REPUBLIC_OF_IRELAND_PREMIER_DIVISION", "ireland"),
        ("", "Champions League", ""),
        ("Holland", "", "netherlands"),
    ],
)
def test_the_country_of_a_competition(country: str, competition: str, expected: str) -> None:
    assert names.country_of(country, competition) == expected


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("Liverpool (URU)", "liverpool", "uruguay"),
        ("Universidad Catolica (Ecu)", "universidad catolica", "ecuador"),
        ("Nacional (Uruguay)", "nacional", "uruguay"),
        ("Nadal (3)", "nadal", ""),
        ("Nadal [WC]", "nadal", ""),
        ("Botafogo (SP)", "botafogo sp", ""),
        ("(12)", "12", ""),
    ],
)
def test_tags_in_brackets_are_read_and_not_compared(name: str, text: str, place: str) -> None:
    team = names.team(name)
    assert (team.text, team.place) == (text, place)


def test_half_a_match_is_no_match() -> None:
    assert names.team("Arsenal (1st Half)").category.pseudo == "1st half"


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_gives_a_bounded_ascii_name(name: str, competition: str) -> None:
    team = names.team(name, competition)
    assert team.text.isascii()
    assert team.text == " ".join(team.tokens)
    assert names.team(name).text == names.team(name).text
