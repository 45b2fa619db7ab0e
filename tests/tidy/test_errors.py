"""The docstring of an error is its message, its code is what the wire says: both are its own."""

from __future__ import annotations

import importlib
from collections import Counter

from overround.core.errors import OverroundError
from tests.tidy.source import package


def mute(classes: set[type[OverroundError]]) -> list[str]:
    """The error classes whose docstring is missing or is no sentence."""
    return [
        cls.__qualname__
        for cls in sorted(classes, key=lambda cls: cls.__qualname__)
        if not (cls.__doc__ or "").splitlines()[:1]
        or not (cls.__doc__ or "").rstrip().endswith(".")
    ]


def shared_codes(classes: set[type[OverroundError]]) -> list[str]:
    """The codes that two classes declare: the wire could not tell them apart."""
    declared = Counter(str(vars(cls)["code"]) for cls in classes if "code" in vars(cls))
    return sorted(code for code, times in declared.items() if times > 1)


def _tree(root: type[OverroundError]) -> set[type[OverroundError]]:
    below = {cls for child in root.__subclasses__() for cls in _tree(child)}
    return {root} | {cls for cls in below if cls.__module__.startswith("overround.")}


def _errors() -> set[type[OverroundError]]:
    for file in package():
        importlib.import_module(".".join(file.path.with_suffix("").parts[1:]))
    return _tree(OverroundError)


def test_every_error_says_what_happened() -> None:
    assert not mute(_errors())


def test_every_code_means_one_error() -> None:
    assert not shared_codes(_errors())


def test_a_mute_error_and_a_shared_code_are_found() -> None:
    class Mute(OverroundError):
        code = "twice"

    class Shouts(OverroundError):
        """no sentence"""

        code = "twice"

    assert mute({Mute, Shouts}) == [Mute.__qualname__, Shouts.__qualname__]
    assert shared_codes({Mute, Shouts}) == ["twice"]
