"""Players who bet over HTTP and write down what they ask and what they are told, as a process.

A line is on the disk before its request is sent and another one after its answer, so whoever is
killed in between asks again under the same key: `python -m tests.kill.punter CONFIGURATION`. The
client is written out, because the load shares two processors with what it loads.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

_PAUSE_S: Final = (0.02, 0.4)
_ANSWER_S: Final = 8.0
# No answer to what was asked: it is not known what became of it, or it is being done.
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_IN_FLIGHT: Final = "request_in_flight"


@dataclass(frozen=True, slots=True)
class Punters:
    """A process's players (tokens by name), what they bet on, and how many bets they place."""

    diary: str
    host: str
    port: int
    seed: int
    bets: int
    players: dict[str, str]
    # event -> its selections, all at this price.
    events: dict[str, list[str]]
    price: str


@dataclass(slots=True)
class Diary:
    """What was asked by key, and what was answered: (kind, bet or code, SHA-256 of the body)."""

    asked: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    answers: dict[str, tuple[str, str, str]] = field(
        default_factory=dict[str, tuple[str, str, str]]
    )

    @property
    def accepted(self) -> int:
        """How many bets they know of."""
        return sum(kind == "accepted" for kind, _, _ in self.answers.values())


def read(path: Path) -> Diary:
    """The whole lines of a diary; one that was torn is as if it had not been written."""
    found = Diary()
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for line in map(json.loads, lines):
        if "ask" in line:
            found.asked[line["ask"]] = line
        else:
            told = line["kind"], line["what"], line["sha256"]
            # Told twice is told the same, or the key is worth nothing.
            assert found.answers.setdefault(line["answer"], told) == told, line
    return found


class _Writer:
    """The diary of a process, appended to line by line."""

    def __init__(self, path: Path) -> None:
        self.diary = read(path)
        if path.exists():
            content = path.read_bytes()
            os.truncate(path, content.rfind(b"\n") + 1)
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def ask(self, key: str, player: str, body: dict[str, Any]) -> dict[str, Any]:
        line = {"ask": key, "player": player, "body": body}
        os.write(self._fd, json.dumps(line).encode() + b"\n")
        self.diary.asked[key] = line
        return line

    def answer(self, key: str, kind: str, what: str, sha256: str) -> None:
        line = {"answer": key, "kind": kind, "what": what, "sha256": sha256}
        os.write(self._fd, json.dumps(line).encode() + b"\n")
        self.diary.answers[key] = kind, what, sha256


class Line:
    """One keep-alive connection; opened again when it breaks."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, token: str, key: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body. Raises OSError or EOFError when the line breaks, TimeoutError."""
        content = json.dumps(body).encode()
        head = (
            f"POST /api/v1/bets HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(_ANSWER_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(head.encode() + content)
                told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(told.split("content-length:")[1].split("\r\n")[0])
                return int(told.split(" ", 2)[1]), await reader.readexactly(length)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Crowd:
    def __init__(self, punters: Punters) -> None:
        self.all = punters
        self.writer = _Writer(Path(punters.diary))
        self.open = dict(punters.events)
        self.accepted = self.writer.diary.accepted
        # A new life rolls other dice: the old one's are in the diary.
        self.rng = random.Random(f"{punters.seed} {len(self.writer.diary.asked)}")

    async def play(self, player: str) -> None:
        """Ask again what was not answered, then bet until there are enough."""
        line = Line(self.all.host, self.all.port)
        diary = self.writer.diary
        open_asks = [
            ask for key, ask in diary.asked.items()
            if key not in diary.answers and ask["player"] == player
        ]  # fmt: skip
        for ask in open_asks:
            await self._insist(line, player, ask)
        while self.accepted < self.all.bets and self.open:
            event = self.rng.choice(sorted(self.open))
            leg = {"selection_id": self.rng.choice(self.open[event]), "price": self.all.price}
            body = {"stake": f"{self.rng.randint(1, 9)}.00", "legs": [leg]}
            key = f"{player}-{len(diary.asked)}"
            kind, what = await self._insist(line, player, self.writer.ask(key, player, body))
            if what == "event_started":
                self.open.pop(event, None)
            self.accepted += kind == "accepted"
        line.close()

    async def _insist(self, line: Line, player: str, ask: dict[str, Any]) -> tuple[str, str]:
        """Send it until it is answered, and write the answer down."""
        while True:
            try:
                status, content = await line.post(self.all.players[player], ask["ask"], ask["body"])
                told = json.loads(content)
                if status not in _AGAIN and told.get("code") != _IN_FLIGHT:
                    break
            except (OSError, EOFError, ValueError, IndexError):
                pass
            await asyncio.sleep(self.rng.uniform(*_PAUSE_S))
        kind = "accepted" if status in {200, 201} else "refused"
        what = told["bet_id"] if kind == "accepted" else told["code"]
        self.writer.answer(ask["ask"], kind, str(what), hashlib.sha256(content).hexdigest())
        return kind, str(what)


async def crowd(punters: Punters) -> None:
    """All players of a process, until they have placed their bets."""
    playing = _Crowd(punters)
    await asyncio.gather(*(playing.play(name) for name in punters.players))


def write(punters: Punters, path: Path) -> None:
    """The configuration as a file."""
    path.write_text(json.dumps(asdict(punters)), encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Play by the configuration in the file of that name."""
    asyncio.run(crowd(Punters(**json.loads(Path(arguments[0]).read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main(sys.argv[1:])
