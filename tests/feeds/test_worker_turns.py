"""One connection's turns and what the hub hears of a site, without a socket: numbers, snapshots,
silence, and several workers of one site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from overround.odds.feeds import FeedBatch
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import Refused, Session, Sites
from overround.odds.feeds.worker.sites import TAKEN_MAX
from tests.feeds.test_worker_messages import (
    AT,
    COMMIT,
    PING,
    REGISTER,
    quoted,
    read,
    united,
    update,
)

SECOND = timedelta(seconds=1)
Wire = dict[str, Any]


class Talk:
    """One connection and what the hub hears of it."""

    def __init__(self, *, numbered: bool = True, worker_id: str = "w", sites: Sites | None = None):
        self.sites = sites or Sites()
        worker = self.sites.join(worker_id, "sbo", AT)
        self.session = Session(worker, self.sites, 0 if numbered else None)
        self.seq = 0

    def say(self, said: Wire, at: datetime = AT) -> str:
        """The code of the refusal; "" for none."""
        if said["type"] in {"odds:update", "snapshot:begin", "snapshot:commit"}:
            self.seq += 1
            said = {"seq": self.seq} | said
        refused = self.session.take(read(said, at), at)
        return refused.code if refused else ""

    def whole(self, *matches: Wire, at: datetime = AT) -> None:
        assert not self.say({"type": "snapshot:begin"}, at)
        assert not self.say(update(*matches), at)
        assert not self.say(COMMIT | {"seq": self.seq + 1, "count": len(matches)}, at)

    def heard(self, at: datetime = AT) -> dict[str, list[str]]:
        """What the board hears now: home side -> prices."""
        return {one.event.home: quoted(one.prices) for one in self.batches(at)}

    def batches(self, at: datetime = AT) -> list[FeedBatch]:
        return self.sites.drain(at)


def named(home: str, over: str = "1.95") -> Wire:
    odds = {"ft_ou": {"over": over, "line": "2.5"}}
    return united(home_team=home, odds=odds, starts_at=AT.isoformat())


OPEN = ["total ft 2.5 over 1.95"]
SHUT = ["total ft 2.5 over 1.95 suspended"]


def test_messages_come_in_their_turn() -> None:
    talk = Talk()
    assert talk.say(REGISTER) == "out_of_turn"
    assert talk.say(COMMIT) == "out_of_turn"
    assert talk.say(PING | {"worker_id": "x"}) == "foreign_worker"
    assert talk.say(PING | {"site": "ibc"}) == "foreign_site"
    assert talk.say(update(named("Ann"), site="ibc")) == "foreign_site"
    assert talk.say(PING) == ""
    talk = Talk()
    assert talk.say(update(named("Ann"))) == "snapshot_first"
    talk.whole(named("Ann"))
    assert talk.say(update(named("Ann")) | {"seq": 1}) == "seq_repeated"
    assert talk.heard() == {"Ann": OPEN}
    plain = Talk(numbered=False)
    assert plain.say({"type": "snapshot:begin"}) == "out_of_turn"
    assert plain.say(update(named("Ann"))) == ""
    assert plain.heard() == {"Ann": OPEN}


def test_a_gap_and_a_wrong_count_shut_what_stood() -> None:
    def standing() -> Talk:
        talk = Talk()
        talk.whole(named("Ann"))
        assert talk.heard() == {"Ann": OPEN}
        return talk

    talk = standing()
    assert talk.say(update(named("Ann")) | {"seq": 9}) == "seq_gap"
    assert talk.heard() == {"Ann": SHUT}
    talk = standing()
    refused = talk.session.take(read(update(named("Ann"))), AT)
    assert refused is not None
    assert (refused.code, refused.snapshot_needed) == ("seq_missing", True)
    assert talk.heard() == {"Ann": SHUT}
    talk = standing()
    talk.say({"type": "snapshot:begin"})
    talk.say(update(named("Ann")))
    assert talk.say(COMMIT | {"count": 2, "seq": talk.seq + 1}) == "count_wrong"
    assert talk.heard() == {"Ann": SHUT}


def test_a_snapshot_that_begins_makes_good_what_was_lost() -> None:
    talk = Talk()
    talk.whole(named("Ann"))
    talk.seq += 5
    talk.whole(named("Ann", "1.99"))
    assert talk.heard() == {"Ann": ["total ft 2.5 over 1.99"]}


def test_silence_shuts_and_a_ping_is_none_the_better() -> None:
    talk = Talk()
    talk.whole(named("Ann"))
    assert talk.heard() == {"Ann": OPEN}
    for second in range(14):
        talk.say(PING, AT + second * SECOND)
        assert talk.heard(AT + second * SECOND) == {}
    # One match moves: that says nothing of the others.
    assert talk.say(update(named("Bob")), AT + 14 * SECOND) == ""
    assert talk.heard(AT + 15 * SECOND) == {"Ann": SHUT, "Bob": SHUT}
    talk.whole(named("Ann"), named("Bob"), at=AT + 20 * SECOND)
    assert talk.heard(AT + 20 * SECOND) == {"Ann": OPEN, "Bob": OPEN}


def test_a_slow_snapshot_is_as_old_as_its_beginning() -> None:
    talk = Talk()
    talk.say({"type": "snapshot:begin"})
    talk.say(update(named("Ann")))
    talk.say(COMMIT | {"count": 1, "seq": talk.seq + 1}, AT + 15 * SECOND)
    assert talk.heard(AT + 15 * SECOND) == {"Ann": SHUT}


def test_a_message_that_was_long_on_its_way_is_refused() -> None:
    """A worker that was stopped for ten seconds says what was true before."""
    skew = timedelta(hours=3)

    def stamped(said: Wire, sent_at: datetime) -> Wire:
        return said | {"timestamp": (sent_at + skew).isoformat()}

    talk = Talk()
    assert talk.say(stamped(PING, AT)) == ""
    talk.whole(named("Ann"))
    talk.heard()
    late = stamped(update(named("Ann", "9.00")), AT + SECOND)
    assert talk.say(late, AT + 2 * SECOND) == ""
    assert talk.say(late | {"seq": talk.seq + 1}, AT + 11 * SECOND) == "stale"
    assert talk.heard(AT + 11 * SECOND) == {"Ann": ["total ft 2.5 over 9.00 suspended"]}


def test_of_two_workers_of_a_site_the_live_one_counts() -> None:
    sites = Sites()
    first, second = Talk(sites=sites), Talk(sites=sites, worker_id="v")
    first.whole(named("Ann", "1.95"))
    second.whole(named("Ann", "1.90"), at=AT + SECOND)
    assert first.heard(AT + SECOND) == {"Ann": ["total ft 2.5 over 1.90"]}
    sites.stop(second.session.worker, protocol.GONE, AT + SECOND)
    assert first.heard(AT + 2 * SECOND) == {"Ann": OPEN}
    sites.stop(first.session.worker, protocol.GONE, AT + 2 * SECOND)
    (shut,) = first.heard(AT + 2 * SECOND).values()
    assert shut[0].endswith("suspended")
    # Whoever does not come back takes his prices with him.
    assert first.heard(AT + timedelta(minutes=11)) == {"Ann": []}
    assert not sites.workers


def test_of_two_workers_the_word_that_was_said_again_counts() -> None:
    """However shortly ago the board heard the other's."""
    sites = Sites()
    first, second = Talk(sites=sites), Talk(sites=sites, worker_id="v")
    first.whole(named("Ann", "1.95"))
    second.whole(named("Ann", "1.90"), at=AT + SECOND)
    assert first.heard(AT + SECOND) == {"Ann": ["total ft 2.5 over 1.90"]}
    first.whole(named("Ann", "1.95"), at=AT + 2 * SECOND)
    assert first.heard(AT + 2 * SECOND) == {"Ann": OPEN}


def test_a_worker_that_dies_again_and_again_leaves_little_behind() -> None:
    sites = Sites()
    for n in range(100):
        talk = Talk(sites=sites, worker_id=f"worker-{n}")
        talk.whole(named("Ann"))
        sites.stop(talk.session.worker, protocol.GONE, AT + n * SECOND)
    assert len(sites.workers) == 32
    assert "worker-99" in sites.workers


def test_what_stands_is_refreshed_by_its_own_worker_alone() -> None:
    """A price that is said again is seen again; the price beside it, of another worker, is not."""
    sites = Sites()
    first, second = Talk(sites=sites), Talk(sites=sites, worker_id="v")
    under = united(home_team="Ann", odds={"ft_ou": {"under": "1.85", "line": "2.5"}})
    under |= {"starts_at": AT.isoformat()}
    first.whole(named("Ann"))
    second.whole(under)
    first.heard()
    for seconds in (2, 4, 6):
        second.whole(under, at=AT + seconds * SECOND)
    (batch,) = first.batches(AT + 6 * SECOND)
    seen = {one.side: one.seen_at for one in batch.prices}
    assert seen == {"over": AT, "under": AT + 6 * SECOND}


def test_a_match_keeps_the_start_it_was_named_with() -> None:
    talk = Talk(numbered=False)
    talk.say(update(united(time="15")))
    (first,) = talk.batches()
    talk.say(update(united(time="46", odds={})), AT + timedelta(minutes=20))
    (later,) = talk.batches(AT + timedelta(minutes=20))
    assert later.event == first.event


def test_a_worker_feeds_so_much_and_no_more() -> None:
    talk = Talk()
    talk.say({"type": "snapshot:begin"})
    for start in range(0, 5_000, 500):
        names = [named(f"Team {n}") for n in range(start, start + 500)]
        assert talk.say(update(*names)) == ""
    assert talk.say(update(named("One too many"))) == "too_many_events"
    assert talk.heard() == {}


def test_a_refusal_says_where() -> None:
    talk = Talk(numbered=False)
    refused = talk.session.take(read(update(named("Ann", "0.5"), {})), AT)
    assert isinstance(refused, Refused)
    said = protocol.refused(refused, AT)
    assert (said["code"], said["count"]) == ("matches_rejected", 2)
    assert [one["reason"] for one in said["rejected"]] == ["price_not_above_one", "home_missing"]


def test_a_flood_is_taken_bit_by_bit_and_ends_where_it_stands() -> None:
    talk = Talk()
    names = [f"Team {n}" for n in range(2 * TAKEN_MAX + 1)]
    talk.say({"type": "snapshot:begin"})
    for start in range(0, len(names), 250):
        assert talk.say(update(*map(named, names[start : start + 250]))) == ""
    assert talk.say(COMMIT | {"seq": talk.seq + 1, "count": len(names)}) == ""
    assert list(talk.heard()) == names[:TAKEN_MAX]
    # One that waits is heard once, as it stands by then; one that was taken comes after the rest.
    talk.say(update(named(names[-1], "1.80"), named(names[0], "1.70")))
    assert talk.sites.has_news
    assert list(talk.heard()) == names[TAKEN_MAX : 2 * TAKEN_MAX]
    assert talk.heard() == {
        names[-1]: ["total ft 2.5 over 1.80"],
        names[0]: ["total ft 2.5 over 1.70"],
    }
    assert not talk.sites.has_news
