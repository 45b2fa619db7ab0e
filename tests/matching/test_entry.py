"""Who a spelling means: a team that is there, a new one, or a question. Pure."""

from __future__ import annotations

from uuid import UUID

import pytest

from overround.odds import catalogue
from overround.odds.catalogue import Spelling
from overround.odds.matching.entry import Teams, again

INTER, UNITED, CITY, WOMEN = (UUID(int=n) for n in range(1, 5))


def spelling(name: str, country: str, participant: UUID, *, scope: str = "") -> Spelling:
    team = catalogue.team(name)
    return Spelling(country, team.category.key, team.text, scope, participant)


def teams(*spellings: Spelling) -> Teams:
    found = Teams(set(), {})
    found.add(spellings)
    return found


def find(known: Teams, name: str, country: str, *scopes: str) -> UUID | None:
    return known.find(catalogue.team(name), country, (*scopes, "")).participant_id


def test_another_spelling_is_the_team_that_is_there() -> None:
    known = teams(
        spelling("Manchester United", "england", UNITED),
        spelling("Manchester City", "england", CITY),
    )
    assert find(known, "Man United", "england") == UNITED
    assert find(known, "Man City", "england") == CITY


@pytest.mark.parametrize(
    ("name", "country"),
    [("Inter Milan (W)", "italy"), ("Inter Milan U21", "italy"), ("Inter", "finland")],
)
def test_another_category_or_country_is_another_team(name: str, country: str) -> None:
    known = teams(spelling("Inter Milan", "italy", INTER))
    found = known.find(catalogue.team(name), country, ("",))
    assert (found.participant_id, found.maybe) == (None, None)


def test_what_may_be_one_of_ours_is_a_question() -> None:
    known = teams(spelling("Zenit St Petersburg", "russia", CITY))
    found = known.find(catalogue.team("Zenit"), "russia", ("",))
    assert found.participant_id is None
    assert found.maybe is not None
    assert found.maybe.participant_id == CITY


def test_a_provider_does_not_name_one_team_two_ways() -> None:
    known = teams(spelling("Rotherham United", "england", UNITED))
    known.call(catalogue.team("Rotherham United"), "england", UNITED)
    assert find(known, "Rotherham", "england") is None
    # What it called so before is the same again.
    known.call(catalogue.team("The Millers"), "england", CITY)
    assert find(known, "The Millers", "england") == CITY


def test_the_narrowest_scope_says_who_is_meant() -> None:
    known = teams(
        spelling("Botafogo", "brazil", UNITED),
        spelling("Botafogo", "brazil", CITY, scope="competition:x"),
    )
    assert find(known, "Botafogo", "brazil") == UNITED
    assert find(known, "Botafogo", "brazil", "competition:x") == CITY


def test_a_name_of_two_countries_is_nobodys_where_none_is_said() -> None:
    known = teams(spelling("Liverpool", "england", UNITED), spelling("Liverpool", "uruguay", CITY))
    assert find(known, "Liverpool", "england") == UNITED
    assert find(known, "Liverpool", "") is None
    assert find(teams(spelling("Liverpool", "england", UNITED)), "Liverpool", "") == UNITED


def test_series_are_doubted_within_hours_only() -> None:
    assert again("baseball") < again("basketball") < again("football")
