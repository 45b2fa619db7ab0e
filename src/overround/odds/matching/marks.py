"""What a name can be found by without comparing it with every other: the marks of its words.

Of two names that are alike at all (`likeness`) one is asked by a mark that the other has, unless
the other is made of nothing but short and common words (test: names that are alike share a mark).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from overround.odds.catalogue.spellings import GENERIC
from overround.odds.matching.likeness import skeleton

_BEGINNING: Final = 3
_END: Final = 4
_INITIALS: Final = (2, 3, 4)


@lru_cache(maxsize=65_536)
def marks_of(text: str) -> tuple[str, ...]:
    """What one of our names is found by: how each word begins, ends and sounds, and initials."""
    words = text.split()
    found = {mark for word in words for mark in _marks_of_word(word)}
    letters = "".join(word[0] for word in words)
    for size in _INITIALS:
        found |= {f"={letters[i : i + size]}" for i in range(len(letters) - size + 1)}
    if len(words) > 1:
        found.add("".join(words)[:_BEGINNING])
    return tuple(sorted(found))


@lru_cache(maxsize=65_536)
def asked_by(text: str) -> tuple[str, ...]:
    """What theirs is looked up by: the marks of the words that distinguish it, if it has any."""
    words = text.split()
    found = {mark for word in _telling(words) for mark in _marks_of_word(word)}
    letters = "".join(word[0] for word in words)
    for size in _INITIALS:
        found |= {f"={letters[i : i + size]}" for i in range(len(letters) - size + 1)}
    return tuple(sorted(found))


@lru_cache(maxsize=65_536)
def beginnings(text: str) -> tuple[str, ...]:
    """How the words begin that distinguish a name: enough to find most, at the least cost."""
    return tuple(sorted({word[:_BEGINNING] for word in _telling(text.split())}))


def _telling(words: list[str]) -> list[str]:
    return [word for word in words if word not in GENERIC and len(word) > 2] or words


def _marks_of_word(word: str) -> list[str]:
    marks = [word[:_BEGINNING]]
    if len(word) in _INITIALS:
        marks.append(f"={word}")
    if len(word) > _END:
        marks += [f"-{word[-_END:]}", f"~{skeleton(word)[:_BEGINNING]}"]
    return marks
