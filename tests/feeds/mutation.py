"""Bytes that may hurt, made of samples: cut, doubled, flipped, nested, and with hostile values."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any, cast

# Values that broke readers before, here or elsewhere.
HOSTILE: tuple[Any, ...] = (
    "", " ", "0", "-0", "1", "-1", "9" * 400, "1" * 5_000, "NaN", "Infinity", "1e999", "1e-999",
    "\u2212110", "+", "-", ".", "1/0", "0/0", "1/3", "\x00", "\ud800", "\u202e", "\u0660", "\u00bd",
    "2026-04-16T19:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "-1:00",
    "253402300799", "-62135596801", "31.02.2026", "24:60", "a" * 3_000, "A @ B", "A v A", "Draw",
    "Over", "home", "&lol;", "<a>", "]]>", "%s", "{}", "\r\n", ",,,,", '"', None, True, 1.5, -3, 0,
    1e308, [], {}, [[]], {"a": {}}, 10**400, -(10**400),
)  # fmt: skip
_BRACKETS = (b"[", b"{", b'{"a":', b'["', b"<a>", b"<a b='", b'"', b",", b"\xff", b"\x00", b"&a;")
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(rb'"[^"]{0,200}"|[A-Za-z][A-Za-z0-9_]{0,40}')


def mutated(rng: random.Random, body: bytes, size_max: int = 400_000) -> bytes:
    """One to four things done to a sample, at most `size_max` bytes of what comes out."""
    for _ in range(rng.randint(1, 4)):
        body = rng.choice(_WAYS)(rng, body)[:size_max]
    return body


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _dropped(rng: random.Random, body: bytes) -> bytes:
    at, length = rng.randrange(len(body) + 1), rng.choice((1, 2, 8, 64, 1_000))
    return body[:at] + body[at + length :]


def _doubled(rng: random.Random, body: bytes) -> bytes:
    """A piece again, once or so often that it is most of the body."""
    at, length = rng.randrange(len(body) + 1), rng.choice((1, 8, 100, 3_000))
    return body[:at] + body[at : at + length] * rng.choice((2, 3, 200)) + body[at + length :]


def _flipped(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.choice((1, 1, 3, 30))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _nested(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(_BRACKETS) * rng.choice((1, 50, 20_000)) + body[at:]


def _replaced(rng: random.Random, body: bytes) -> bytes:
    """A number or a word gives way to a hostile value."""
    found = list(rng.choice((_NUMBER, _WORD)).finditer(body, 0, 60_000))
    if not found:
        return body
    where = rng.choice(found)
    value = rng.choice(HOSTILE)
    text = value if isinstance(value, str) and rng.random() < 0.7 else json.dumps(value)
    return body[: where.start()] + text.encode("utf-8", "surrogatepass") + body[where.end() :]


def _crossed(rng: random.Random, body: bytes) -> bytes:
    """Two words of the body change places."""
    found = list(_WORD.finditer(body, 0, 60_000))
    if len(found) < 2:
        return body
    one, other = sorted(rng.sample(found, 2), key=lambda match: match.start())
    return b"".join(
        (
            body[: one.start()], other[0], body[one.end() : other.start()], one[0],
            body[other.end() :],
        )
    )  # fmt: skip


def _in_tree(rng: random.Random, body: bytes) -> bytes:
    """In JSON a node gives way to a hostile value, or to another node of the tree."""
    try:
        tree: Any = json.loads(body)
    except (ValueError, RecursionError):
        return _replaced(rng, body)
    found = _places(tree)
    if not found:
        return body
    node, key = rng.choice(found)
    if rng.random() < 0.6:
        node[key] = rng.choice(HOSTILE)
    else:
        other, other_key = rng.choice(found)
        # A copy, for a tree that holds itself has no end.
        node[key] = json.loads(json.dumps(other[other_key]))
    return json.dumps(tree).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        keys: list[Any] = []
        if isinstance(node, dict):
            keys = list(cast("dict[Any, Any]", node))
        elif isinstance(node, list):
            keys = list(range(len(cast("list[Any]", node))))
        found += ((node, key) for key in keys)
        waiting += (node[key] for key in keys)
    return found


_WAYS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _cut, _dropped, _doubled, _flipped, _nested, _replaced, _crossed, _in_tree, _in_tree, _replaced,
)  # fmt: skip
