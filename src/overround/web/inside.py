"""A question that the process asks its own application, and the answer that it hears."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Scope, Send


@dataclass(slots=True)
class Heard:
    """One answer of the application, kept until it is known whether it will do."""

    messages: list[Message] = field(default_factory=list[Message])
    error: Exception | None = None

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        self.messages.append(message)

    async def forward(self, send: Send) -> None:
        """Say it to who asked. Raises the error that there is instead of an answer."""
        if self.error is not None:
            raise self.error
        for message in self.messages:
            await send(message)

    @property
    def status(self) -> int:
        """The answer's status; 503 where there is an error and 500 where there is nothing."""
        if self.error is not None:
            return 503
        return int(self.messages[0]["status"]) if self.messages else 500

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The answer's headers by name, of several of one name the last."""
        return {name.lower(): value for name, value in self.messages[0]["headers"]}

    @property
    def cookies(self) -> tuple[str, ...]:
        """The cookies that it sets, of which each has a header of its own."""
        headers = [pair for message in self.messages[:1] for pair in message["headers"]]
        return tuple(text.decode("latin-1") for name, text in headers if name == b"set-cookie")

    @property
    def media_type(self) -> str:
        """What the answer is, as it says itself."""
        return self.headers.get(b"content-type", b"").decode("latin-1")

    @property
    def body(self) -> bytes:
        """The whole of it."""
        return b"".join(message.get("body", b"") for message in self.messages[1:])


def visit(path: str, host: bytes, state: dict[str, Any]) -> Scope:
    """A visitor's GET of `path`, which nobody has sent: it counts against no limit of anybody's."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", host), (b"accept", b"text/html,application/json")],
        "client": None,
        "server": None,
        "state": state,
    }


async def no_body() -> Message:
    """The body of a question that has none."""
    return {"type": "http.request", "body": b"", "more_body": False}
