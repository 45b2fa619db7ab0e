"""What besides names says that two fixtures are one: competitions, rosters, prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from overround.odds import matching
from overround.odds.feeds import FeedEvent
from overround.odds.matching import Candidate, evidence
from overround.odds.matching.likeness import learn_words, likeness, rivals

KICK_OFF = datetime(2024, 3, 9, 15, tzinfo=UTC)
LEAGUE = ["Leeds United", "Derby County", "Hull City", "Bury", "Sheffield United", "Luton Town"]


@pytest.mark.parametrize(
    ("theirs", "ours", "agree"),
    [
        ("Germany. 2nd Bundesliga. Season 2021/2022", "2. Bundesliga", True),
        ("soccer_germany_bundesliga2", "Germany - Bundesliga", None),
        ("USA Major League Soccer", "FOOTBALL : USA - MLS", True),
        ("soccer_england_league1", "League One", True),
        ("England - League 2", "England - League 1", False),
        ("Portugal - Primeira Liga", "Primeira Liga", True),
        ("England - Premier League", "England - Championship", None),
        ("Serie A", "Serie B", None),
    ],
)
def test_names_of_competitions(theirs: str, ours: str, agree: bool | None) -> None:
    assert evidence.competitions_agree(theirs, ours) is agree
    assert evidence.competitions_agree(ours, theirs) is agree


def theirs(home: str, away: str, minute: int = 0, competition: str = "Liga 1") -> FeedEvent:
    start = KICK_OFF + timedelta(minutes=minute)
    return FeedEvent("p", "1", "football", "k", competition, "Peru", home, away, start)


def ours(home: str, away: str, competition: str = "Liga 1") -> Candidate:
    return Candidate(UUID(int=1), "football", competition, "Peru", home, away, KICK_OFF)


def season(named_by_ours: list[str], named_by_theirs: list[str]) -> matching.Knowledge:
    """Both sides' seasons of one competition: everybody once against the first."""
    return matching.learn(
        {
            evidence.OURS: [ours(named_by_ours[0], name) for name in named_by_ours[1:]],
            "p": [theirs(named_by_theirs[0], name) for name in named_by_theirs[1:]],
        }
    )


def verdict(home: str, away: str, knowledge: matching.Knowledge) -> tuple[str, str]:
    decision = matching.decide(theirs(home, away), [ours("Leeds United", "Bury")], {}, knowledge)
    return decision.kind, decision.reason


def test_a_name_that_is_nobody_else_in_the_season_is_the_one_that_is_left() -> None:
    nickname = [name if name != "Bury" else "The Shakers" for name in LEAGUE]
    known = season(LEAGUE, nickname)
    assert verdict("Leeds United", "The Shakers", known) == ("matched", "roster")
    # Without the rosters it is a question.
    assert verdict("Leeds United", "The Shakers", matching.learn({})) == ("ambiguous", "weak_names")


def test_a_name_that_is_somebody_else_in_the_season_is_a_question() -> None:
    known = season(LEAGUE, LEAGUE)
    assert verdict("Leeds United", "Hull City", known) == ("ambiguous", "weak_names")
    # Theirs has a Bury of its own, so the Shakers are another team.
    assert verdict("Leeds United", "The Shakers", season(LEAGUE, [*LEAGUE, "The Shakers"])) == (
        "ambiguous",
        "weak_names",
    )


def test_rosters_of_two_competitions_say_nothing() -> None:
    other = ["Ayr", "Alloa", "Montrose", "Arbroath", "Dumbarton", "Stranraer", "The Shakers"]
    assert verdict("Leeds United", "The Shakers", season(LEAGUE, other)) == (
        "ambiguous",
        "weak_names",
    )
    few = season(LEAGUE[:4], LEAGUE[:4])
    assert verdict("Leeds United", "The Shakers", few) == ("ambiguous", "weak_names")


def test_two_clubs_of_a_town_are_rivals() -> None:
    assert rivals("manchester united", "manchester city")
    assert not rivals("airdrie united", "airdrieonians")
    assert not rivals("leeds united", "leeds")


def test_words_that_many_clubs_have_say_little_once_they_were_counted() -> None:
    many = {f"oakwood {letter}{second}xyz" for letter in "abcdefghijklmn" for second in "aeioubcdf"}
    many |= {f"{letter}{second}town" for letter in "bcdfghjklmnpqrst" for second in "aeiouy"}
    words = learn_words([many])
    assert words.weight("oakwood") < 0.2 < words.weight("daxyz")
    assert likeness("oakwood abc", "oakwood xyz", words) < likeness("oakwood abc", "oakwood xyz")
    # Too few names teach nothing.
    assert learn_words([{"oakwood a", "oakwood b"}]).learnt == {}
    # A spelling more by another namer makes a word no more common.
    assert learn_words([many, many]).learnt == words.learnt


def test_price_vectors() -> None:
    assert evidence.price_gap((0.5, 0.3, 0.2), (0.4, 0.3, 0.3)) == pytest.approx(0.1)
    assert evidence.price_gap((0.5, 0.5), (0.4, 0.3, 0.3)) == 1.0
    assert not evidence.prices_forbid((0.5, 0.5), (0.4, 0.3, 0.3), False)
    # Nearly even markets look the same both ways round and forbid nothing.
    assert not evidence.prices_forbid((0.36, 0.28, 0.36), (0.35, 0.28, 0.37), False)
