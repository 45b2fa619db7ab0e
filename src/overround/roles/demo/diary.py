"""The diary of the demonstration's players: what each asked and what it was answered.

One JSON line a fact, appended before a request is sent and after it is answered. So whoever was
killed between the two asks again under the same key, with the same body, and a test can compare
what the players were told with what the books say (tests/kill/test_demo.py). Past `BYTES_MAX`, what
was answered is only counted.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from overround.core.errors import SettingsError
from overround.kit import processes

NAME: Final = "demo-bettors.jsonl"
BYTES_MAX: Final = 20_000_000
_PASSWORD_BYTES: Final = 18

Route = Literal["bets", "deposits"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that moves money: the `n`-th of the player called `player`."""

    player: str
    n: int
    route: Route
    body: Mapping[str, Any]


@dataclass(slots=True)
class Member:
    """A registered player: the session's token, and the number of the next request."""

    token: str
    next_n: int = 0


@dataclass(slots=True)
class Facts:
    """What the lines add up to.

    `asked` are the requests without an answer, at most one a player; `waiting` has by player the
    slips that were told to wait, `n` -> where they are looked at; `bets` says for each bet that was
    accepted which request it was, `player:n`; `outcomes` counts the answers.
    """

    run: str
    password: str = field(repr=False)
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    asked: dict[str, Ask] = field(default_factory=dict[str, Ask])
    waiting: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    bets: dict[str, str] = field(default_factory=dict[str, str])
    outcomes: Counter[str] = field(default_factory=Counter[str])

    def take(self, line: Mapping[str, Any]) -> None:
        """Add one line."""
        if "token" in line:
            self.members[line["player"]] = Member(line["token"], line["next"])
        elif "ask" in line:
            ask = Ask(line["ask"], line["n"], line["route"], line["body"])
            self.asked[ask.player] = ask
            self.members[ask.player].next_n = ask.n + 1
        elif "waits" in line:
            self.asked.pop(line["waits"], None)
            self.waiting.setdefault(line["waits"], {})[line["n"]] = line["at"]
        elif "answer" in line:
            del self.asked[line["answer"]]
            self._came_to(line["answer"], line)
        elif "became" in line:
            slips = self.waiting[line["became"]]
            del slips[line["n"]]
            if not slips:
                del self.waiting[line["became"]]
            self._came_to(line["became"], line)
        else:
            self.outcomes.update(line["outcomes"])

    def _came_to(self, player: str, line: Mapping[str, Any]) -> None:
        self.outcomes[line["outcome"]] += 1
        if "bet" in line:
            self.bets[line["bet"]] = f"{player}:{line['n']}"

    def summary(self) -> list[Mapping[str, Any]]:
        """The fewest lines that add up to this, without the bets."""
        head = {"run": self.run, "password": self.password, "outcomes": self.outcomes}
        members = [
            {"player": name, "token": member.token, "next": member.next_n}
            for name, member in self.members.items()
        ]
        waiting = [
            {"waits": player, "n": n, "at": path}
            for player, slips in self.waiting.items()
            for n, path in slips.items()
        ]
        asked = [
            {"ask": ask.player, "n": ask.n, "route": ask.route, "body": ask.body}
            for ask in self.asked.values()
        ]
        return [head, *members, *waiting, *asked]


def read(path: Path) -> Facts | None:
    """What the file says; None when there is none. Raises SettingsError for another file.

    A line that was not ended is not one yet, and `Diary` cuts it off
    (test: a torn line is as if it had not been written).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
        found = Facts(lines[0]["run"], lines[0]["password"])
        for line in lines:
            found.take(line)
    except (ValueError, LookupError, TypeError):
        raise SettingsError(f"{path} is no diary of the demonstration's players") from None
    return found


class Diary:
    """The file, open for appending, and what it adds up to."""

    def __init__(self, path: Path, run: str) -> None:
        """The diary of this run: the one on the disk, or a new one when that is of another run.

        Raises SettingsError for a file that is no diary.
        """
        self._path = path
        found = read(path)
        if found is None or found.run != run:
            self.facts = Facts(run, secrets.token_urlsafe(_PASSWORD_BYTES))
            self._begin()
            return
        self.facts = found
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)
        self._open()

    def close(self) -> None:
        """Write nothing more."""
        os.close(self._fd)

    def joined(self, player: str, token: str) -> None:
        """A player is registered, or has logged in again."""
        member = self.facts.members.get(player)
        self._write({"player": player, "token": token, "next": member.next_n if member else 0})

    def asks(self, player: str, route: Route, body: Mapping[str, Any]) -> Ask:
        """The player's next request, written down before it is sent."""
        n = self.facts.members[player].next_n
        self._write({"ask": player, "n": n, "route": route, "body": body})
        return self.facts.asked[player]

    def answered(self, ask: Ask, outcome: str, bet_id: str | None = None) -> None:
        """What became of it: "accepted", "paid", or the code of a refusal."""
        self._ended({"answer": ask.player, "n": ask.n, "outcome": outcome}, bet_id)

    def waits(self, ask: Ask, path: str) -> None:
        """It was told to wait; `path` is where it is looked at."""
        self._write({"waits": ask.player, "n": ask.n, "at": path})

    def became(self, player: str, n: int, outcome: str, bet_id: str | None = None) -> None:
        """What became of a slip of the player's that waited, as `answered` says it."""
        self._ended({"became": player, "n": n, "outcome": outcome}, bet_id)

    def _ended(self, line: Mapping[str, Any], bet_id: str | None) -> None:
        self._write({**line, "bet": bet_id} if bet_id else line)
        if self._bytes > BYTES_MAX:
            self.facts.bets.clear()
            self.close()
            self._begin()

    def _write(self, line: Mapping[str, Any]) -> None:
        # One write a line, and no buffer of ours: a kill loses nothing that was written down.
        self._bytes += os.write(self._fd, _encoded(line))
        self.facts.take(line)

    def _begin(self) -> None:
        lines = b"".join(_encoded(line) for line in self.facts.summary())
        processes.write_atomically(self._path, lines.decode())
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._bytes = os.fstat(self._fd).st_size


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
