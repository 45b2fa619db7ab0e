"""Their event is our event: what is matched, what is new, and what waits for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.odds import matching
from overround.odds.catalogue import names
from overround.odds.feeds import FeedEvent
from overround.odds.matching import Candidate

KICK_OFF = datetime(2024, 3, 9, 15, tzinfo=UTC)
ANN, BOB = UUID(int=7), UUID(int=8)


def theirs(
    home: str,
    away: str,
    *,
    late: timedelta = timedelta(0),
    sport: str = "football",
    competition: str = "Premier League",
    country: str = "England",
) -> FeedEvent:
    return FeedEvent(
        "p", "1", sport, "k", competition, country, home, away, KICK_OFF + late
    )  # fmt: skip


def ours(
    home: str,
    away: str,
    number: int = 1,
    *,
    sport: str = "football",
    competition: str = "Premier League",
    country: str = "England",
) -> Candidate:
    return Candidate(
        UUID(int=number), sport, competition, country, home, away, KICK_OFF, ANN, BOB
    )  # fmt: skip


def verdict(event: FeedEvent, *candidates: Candidate) -> tuple[str, str]:
    decision = matching.decide(event, candidates, {})
    return decision.kind, decision.reason


@pytest.mark.parametrize(
    ("spelt", "canonical"),
    [
        ("Bournemouth", "AFC Bournemouth"),
        ("Brighton", "Brighton and Hove Albion"),
        ("Man United", "Manchester United"),
        ("Man City", "Manchester City"),
        ("Nott'm Forest", "Nottingham Forest"),
        ("Newcastle", "Newcastle United"),
        ("Spurs", "Tottenham Hotspur"),
        ("Wolves", "Wolverhampton Wanderers"),
        ("West Ham", "West Ham United"),
        ("Sheffield Weds", "Sheffield Wednesday"),
        ("QPR", "Queens Park Rangers"),
        ("Peterboro", "Peterborough United"),
    ],
)
def test_usual_spellings_match(spelt: str, canonical: str) -> None:
    kind, _ = verdict(theirs(spelt, "Leeds"), ours(canonical, "Leeds United"))
    assert kind == "matched"


@pytest.mark.parametrize(
    ("spelt", "other"),
    [
        ("Sheffield United", "Sheffield Wednesday"),
        ("Manchester United", "Manchester City"),
        ("Bristol City", "Bristol Rovers"),
        ("Everton", "Liverpool"),
        ("Arsenal (W)", "Arsenal"),
        ("Arsenal U21", "Arsenal"),
        ("Arsenal II", "Arsenal"),
    ],
)
def test_another_team_at_the_same_time_is_never_matched(spelt: str, other: str) -> None:
    kind, _ = verdict(theirs(spelt, "Leeds United"), ours(other, "Leeds"))
    assert kind != "matched"


def test_both_teams_have_to_agree() -> None:
    assert verdict(theirs("Arsenal", "Fulham"), ours("Chelsea", "Everton")) == (
        "new",
        "no_candidate",
    )
    # A team plays once at a time: the same name twice is a question, never a second event.
    assert verdict(theirs("Arsenal", "Fulham"), ours("Arsenal", "Everton")) == (
        "ambiguous",
        "weak_names",
    )


def test_two_equal_candidates_are_not_guessed_between() -> None:
    event = theirs("Nacional", "River Plate", country="")
    first = ours("Nacional", "River Plate", 1, country="")
    second = ours("Nacional", "River Plate", 2, country="")
    assert verdict(event, first, second) == ("ambiguous", "two_candidates")
    assert verdict(event, first) == ("matched", "exact")


def test_another_country_is_a_veto() -> None:
    event = theirs("Liverpool", "Nacional", country="Uruguay")
    assert verdict(event, ours("Liverpool", "Nacional")) == ("new", "no_candidate")


def test_a_country_that_a_name_states_is_a_veto() -> None:
    event = theirs("Liverpool (URU)", "Nacional", country="", competition="Copa")
    assert verdict(event, ours("Liverpool", "Nacional"))[0] == "new"
    at_home = ours("Liverpool", "Nacional (URU)", country="Uruguay", competition="Copa")
    assert verdict(event, at_home) == ("matched", "exact")


@pytest.mark.parametrize(
    ("late", "spelt", "kind"),
    [
        (timedelta(minutes=15), ("Brighton", "Wolves"), "matched"),
        (timedelta(hours=1), ("Brighton", "Wolves"), "matched"),
        (timedelta(hours=3), ("Brighton and Hove Albion", "Wolverhampton Wanderers"), "matched"),
        (timedelta(hours=27), ("Brigh", "Wolves"), "new"),
        (timedelta(hours=53), ("Brighton and Hove Albion", "Wolverhampton Wanderers"), "matched"),
        (timedelta(hours=73), ("Brighton and Hove Albion", "Wolverhampton Wanderers"), "new"),
        (timedelta(hours=27), ("Brighton and Hove Albion", "Wolves"), "matched"),
        (timedelta(hours=1), ("Brighton Town", "Wolves"), "new"),
    ],
)
def test_a_start_that_is_off_needs_stronger_names(
    late: timedelta, spelt: tuple[str, str], kind: str
) -> None:
    candidate = ours("Brighton and Hove Albion", "Wolverhampton Wanderers")
    assert verdict(theirs(*spelt, late=late), candidate)[0] == kind


def test_a_double_header_is_two_events() -> None:
    candidate = ours("Boston Red Sox", "New York Yankees", sport="baseball", country="USA")
    late = theirs(
        "Boston Red Sox",
        "New York Yankees",
        late=timedelta(hours=3),
        sport="baseball",
        country="USA",
    )
    assert verdict(late, candidate) == ("new", "no_candidate")
    # It cannot begin before the first one is over.
    assert matching.window("baseball") < timedelta(hours=2, minutes=30)


def test_the_nearer_start_of_two_wins() -> None:
    near, far = ours("Ann Town", "Bob City", 1), ours("Ann Town", "Bob City", 2)
    far = Candidate(
        far.event_id,
        far.sport,
        far.competition_name,
        far.country,
        far.home,
        far.away,
        KICK_OFF + timedelta(hours=2),
    )
    decision = matching.decide(theirs("Ann Town", "Bob City"), [far, near], {})
    assert (decision.kind, decision.event_id) == ("matched", near.event_id)


def test_swapped_sides_are_said_and_the_other_leg_is_not_one() -> None:
    event = theirs("Borussia Dortmund", "Bayern Munich", country="Germany")
    candidate = ours("FC Bayern München", "Borussia Dortmund", country="Germany")
    decision = matching.decide(event, [candidate], {})
    assert (decision.kind, decision.swapped) == ("matched", True)
    later = theirs("Borussia Dortmund", "Bayern Munich", country="Germany", late=timedelta(hours=9))
    assert verdict(later, candidate) == ("new", "no_candidate")


def test_an_alias_is_as_good_as_the_name() -> None:
    event = theirs("The Gunners", "Fulham")
    candidate = ours("Arsenal", "Fulham")
    assert verdict(event, candidate) == ("ambiguous", "weak_names")
    decision = matching.decide(event, [candidate], {"gunners": ANN})
    assert (decision.kind, decision.reason) == ("matched", "alias")
    # The alias of the first team says nothing about the women's.
    women = theirs("The Gunners (W)", "Fulham (W)")
    assert matching.decide(women, [candidate], {"gunners": ANN}).kind == "new"


def test_a_spelling_of_another_team_is_a_veto() -> None:
    event = theirs("Manchester United", "Leeds")
    candidate = ours("Manchester City", "Leeds")
    decision = matching.decide(event, [candidate], {"manchester united": UUID(int=9)})
    assert (decision.kind, decision.reason) == ("new", "no_candidate")


def test_special_events_are_not_events_of_ours() -> None:
    corners = theirs("Arsenal (Corners)", "Fulham (Corners)")
    assert verdict(corners, ours("Arsenal", "Fulham")) == ("unmatched", "special_event")
    assert verdict(theirs("Ann", "ann")) == ("unmatched", "no_name")
    assert verdict(theirs("Ann", "Bob")) == ("new", "no_candidate")


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_a_symmetric_share(a: str, b: str) -> None:
    left, right = names.team(a).text, names.team(b).text
    assert 0 <= matching.likeness(left, right) <= 1
    assert matching.likeness(left, right) == matching.likeness(right, left)
    assert matching.likeness(left, left) == (1.0 if left else 0.0)
