"""What a client may ask a stream for, and what is written on it."""

from __future__ import annotations

from uuid import UUID

import pytest

from overround.core.errors import Invalid
from overround.storefront import Shown
from overround.web import frames
from overround.web.frames import Mark, Public, Topics

E1 = UUID(int=0xE1)


def test_topics_are_read() -> None:
    public = Public(board=True, events=frozenset({E1}))
    assert frames.topics(f"board,event:{E1}") == Topics(public, frozenset())
    assert frames.topics(f"event:{E1},,board,board,event:{E1}") == Topics(public, frozenset())
    account = frames.topics("account,office")
    assert account.private == {"account", "office"}
    assert account.public == Public(board=False, events=frozenset())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_topic"),
        (",", "no_topic"),
        ("Board", "unknown_topic"),
        (" board", "unknown_topic"),
        ("board:", "unknown_topic"),
        ("account:x", "unknown_topic"),
        ("event", "unknown_topic"),
        (f"event:{E1.hex}", "unknown_topic"),
        (f"event:{E1}\n", "unknown_topic"),
        (f"event:{{{E1}}}", "unknown_topic"),
        (",".join(f"event:{UUID(int=n)}" for n in range(31)), "too_many_topics"),
        ("x" * 1_501, "too_many_topics"),
    ],
)
def test_what_is_no_topic_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        frames.topics(text)
    assert refused.value.code == code


def test_the_largest_question_is_answered() -> None:
    events = ",".join(f"event:{UUID(int=n)}" for n in range(30))
    assert len(frames.topics(f"board,account,office,{events}").public.events) == 30


def test_a_mark_comes_back_as_it_went() -> None:
    frame = frames.offers("offers", Mark("0123abcd", 17), [])
    text = frame.decode().split("\n")[0].removeprefix("id: ")
    assert frames.mark_of(text) == Mark("0123abcd", 17)


@pytest.mark.parametrize(
    "text", [None, "", "17", "0123abcd", "0123abcd.", "0123ABCD.1", "0123abcd.-1", "0123abcd.1" * 9]
)
def test_a_mark_that_we_never_gave_is_none(text: str | None) -> None:
    assert frames.mark_of(text) is None


def test_frames_are_what_a_browser_reads() -> None:
    shown = Shown(UUID(int=1), E1, True, 21_000, "open", 1_700_000_000_000)
    frame = frames.offers("snapshot", Mark("0123abcd", 1), [frames.rows([shown]), ""])
    assert frame.decode() == (
        "id: 0123abcd.1\nevent: snapshot\n"
        'data: {"o":[["00000000-0000-0000-0000-000000000001","2.10","open",1700000000000]]}\n\n'
    )
    assert frames.hint("account") == b'event: hint\ndata: {"topics":["account"]}\n\n'
    assert frames.bye("restart", 700).startswith(b"retry: 700\nevent: bye\n")
    assert frames.HEARTBEAT.startswith(b":")
