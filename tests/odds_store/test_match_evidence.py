"""What besides two names decides a match, in the hub: who plays where, prices, a second id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from overround.db.logins import Role
from overround.odds.feeds import FeedBatch, FeedEvent, FeedPrice, FeedResult
from overround.roles.hub import matches
from tests.odds_store.feed import Feed, prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

STARTS_AT = AT + timedelta(days=1)
LEAGUE = ["Torwood", "Kelham", "Ashby", "Brantley", "Corfield", "Drayholm", "Elmsett", "Foxcombe"]
HOME_WINS = prices("one", "1x2", "1.50", "4.20", "7.00")
AWAY_WINS = prices("two", "1x2", "6.90", "4.25", "1.50")


def fixtures(provider: str, teams: Sequence[str], hour: int = 0) -> list[FeedEvent]:
    """A round of a league, the teams two by two, an hour apart."""
    return [
        FeedEvent(
            provider,
            f"{provider} {home}",
            "football",
            "L1",
            "First League",
            "England",
            home,
            away,
            STARTS_AT + timedelta(hours=hour + n),
        )
        for n, (home, away) in enumerate(zip(teams[::2], teams[1::2], strict=True))
    ]


async def know(world: World, *events: FeedEvent, said: Sequence[FeedPrice] = ()) -> None:
    batches = [FeedBatch(event, AT, tuple(said)) for event in events if said]
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, list(events), AT, batches)


async def asked(world: World) -> list[tuple[str, str]]:
    found = await matches.waiting(world.worker, None, 100)
    return [(one.provider_event_id, one.reason) for one, _ in found]


def test_the_rosters_of_a_season_decide_a_name_that_nothing_else_does(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            ours = fixtures("house", LEAGUE)
            await know(world, *ours)
            renamed = ["Quixotic Nomads", *LEAGUE[1:]]
            [strange, *others] = fixtures("elsewhere", renamed)
            # A provider of which nothing else is known: a team of no such name may be new.
            await know(world, replace(strange, provider="alone"))
            assert (
                world.hub.events.get(("alone", strange.provider_event_id))
                != (world.hub.events[ours[0].key])
            )
            # What it named last week says that its other teams are ours, one by one.
            last_week = [
                replace(one, starts_at=one.starts_at - timedelta(days=7), provider_event_id=f"w{n}")
                for n, one in enumerate(others)
            ]
            await know(world, *[replace(o, provider="house") for o in last_week], *last_week)
            await know(world, strange)
            assert world.hub.events[strange.key] == world.hub.events[ours[0].key]

    asyncio.run(story())


def test_prices_that_agree_only_the_other_way_round_forbid_a_match(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            [ours] = fixtures("house", LEAGUE[:2])
            await know(world, ours)
            await Feed(world, ours).say(AT, HOME_WINS)
            theirs = replace(ours, provider="elsewhere", provider_event_id="e1")
            await know(world, theirs, said=AWAY_WINS)
            assert theirs.key not in world.hub.events
            assert await asked(world) == [("e1", "prices_differ")]
            # The same names without prices, or with prices that agree, are that match.
            for provider, said in (("silent", []), ("agrees", HOME_WINS)):
                other = replace(theirs, provider=provider)
                await know(world, other, said=said)
                assert world.hub.events[other.key] == world.hub.events[ours.key]

    asyncio.run(story())


def test_a_price_in_play_forbids_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            [ours] = fixtures("house", LEAGUE[:2])
            await know(world, ours)
            await Feed(world, ours).say(AT, HOME_WINS)
            theirs = replace(ours, provider="elsewhere", provider_event_id="e1")
            batch = FeedBatch(theirs, STARTS_AT + timedelta(minutes=70), tuple(AWAY_WINS))
            async with world.worker.transaction(None) as conn:
                await world.hub.know(conn, [theirs], AT, [batch])
            assert world.hub.events[theirs.key] == world.hub.events[ours.key]

    asyncio.run(story())


def test_who_is_nobody_else_in_the_competition_is_the_team_that_it_looks_like(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await know(world, *fixtures("house", ["Torwood Wanderers Vale", *LEAGUE[1:]]))
            # Another round, so that its teams are looked up and no event is matched.
            await know(world, *fixtures("elsewhere", ["Torwood", *LEAGUE[1:]], hour=24 * 9))
            assert await asked(world) == []
            assert await world.count("SELECT count(*) FROM participant") == len(LEAGUE)

    asyncio.run(story())


def test_a_second_id_is_no_second_event_when_it_comes_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            [first] = fixtures("house", LEAGUE[:2])
            second = replace(first, provider_event_id="in play")
            for _ in range(2):
                await know(world, first, second)
                assert second.key not in world.hub.events
                assert await asked(world) == []
            # Alone it may be that the provider has changed the id: a person says so.
            await know(world, replace(second, provider_event_id="alone"))
            assert await asked(world) == [("alone", "second_id")]
            assert await world.count("SELECT count(*) FROM event") == 1

    asyncio.run(story())


def test_a_second_id_that_was_listed_beside_the_first_asks_nobody_when_it_comes_alone(
    database_urls: Urls,
) -> None:
    """Its prices come in a letter of their own, without the other id beside them."""

    async def story() -> None:
        async with opened(database_urls) as world:
            [first] = fixtures("house", LEAGUE[:2])
            second = replace(first, provider_event_id="in play")
            await know(world, first, second)
            await know(world, second)
            assert second.key not in world.hub.events
            assert await asked(world) == []

    asyncio.run(story())


def test_what_was_called_off_is_not_named_again_by_what_is_ahead(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            [first] = fixtures("house", LEAGUE[:2])
            again = replace(first, provider_event_id="again")
            await know(world, first)
            called_off = FeedResult("house", first.provider_event_id, "cancelled", {}, AT)
            async with world.worker.transaction(None) as conn:
                await world.hub.results(conn, [called_off], [], AT)
            await know(world, again)
            assert await asked(world) == []
            ours = world.hub.events
            assert ours[again.key].event_id != ours[first.key].event_id

    asyncio.run(story())
