"""Words that can be checked: links that lead somewhere, and tests that a comment promises."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.tidy.source import PACKAGE, ROOT, Finding, expect_none, suite

_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
_PROMISE = re.compile(r"\(tests?: ([^)]+)\)")
_TEST_FILE = re.compile(r"\btests/[\w/]+\.(?:py|txt)\b")
_DECISION = re.compile(r"\bdecision (\d{4})\b")


def dead_links(path: Path, text: str) -> list[Finding]:
    """Links of a document to files that do not exist."""
    return [
        Finding(str(path), text.count("\n", 0, match.start()) + 1, f"{match[1]} does not exist")
        for match in _LINK.finditer(text)
        if "://" not in match[1] and not (path.parent / match[1]).exists()
    ]


def empty_promises(path: str, text: str, known: str) -> list[Finding]:
    """Tests that a text names, `(test: settling while placing)`, and that do not exist.

    By fewer than three words of a name nobody finds it.
    """
    findings: list[Finding] = []
    for match in _PROMISE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        findings += [
            Finding(path, line, f"no test is called {name.strip()!r}")
            for name in re.split(r"[;,]", match[1])
            if not _is_known(_plain(name), known)
        ]
    for match in _TEST_FILE.finditer(text):
        if not (ROOT / match[0]).exists():
            line = text.count("\n", 0, match.start()) + 1
            findings.append(Finding(path, line, f"{match[0]} does not exist"))
    return findings


def _is_known(name: str, known: str) -> bool:
    is_long = name.count(" ") >= 2
    return is_long and re.search(rf"\b{re.escape(name)}\b", known) is not None


def _plain(text: str) -> str:
    """A name as words: comment signs, line breaks and underscores are spaces."""
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())


def missing_headings(text: str) -> list[str]:
    """What a decision does not say: why, what, what follows, what would change it."""
    said = ("**Context.**", "**Decision.**", "**Consequence.**", "**We would change it**")
    return [heading for heading in said if heading not in text]


@cache
def _test_names() -> str:
    names = [_plain(name) for file in suite() for name in re.findall(r"def test_(\w+)", file.text)]
    stories = [_plain(file.stem) for file in (ROOT / "tests").rglob("*.txt")]
    return "\n".join(names + stories)


def _documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def _code() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql")])


def _support() -> list[Path]:
    return sorted(
        [*(ROOT / "tests" / "support").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    )


def test_every_link_leads_somewhere() -> None:
    found = [f for path in _documents() for f in dead_links(path, path.read_text("utf-8"))]
    expect_none(found)


def test_every_promised_test_exists() -> None:
    found = [
        f
        for path in (*_code(), *_documents(), *_support())
        for f in empty_promises(str(path.relative_to(ROOT)), path.read_text("utf-8"), _test_names())
    ]
    expect_none(found)


def test_every_named_decision_exists() -> None:
    numbers = {path.name[:4] for path in _decisions()}
    named = {n for path in _code() for n in _DECISION.findall(path.read_text("utf-8"))}
    assert not named - numbers


def test_the_index_names_every_decision_as_it_is_called() -> None:
    titles = [path.read_text("utf-8").splitlines()[0].removeprefix("# ") for path in _decisions()]
    lines = [
        f"- [{title[:4]}]({path.name}){title[4:]}"
        for path, title in zip(_decisions(), titles, strict=True)
    ]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8").splitlines()
    assert [line for line in index if line.startswith("- ")] == lines


def test_every_decision_says_why_and_until_when() -> None:
    for path in _decisions():
        assert not missing_headings(path.read_text("utf-8")), path.name


def test_a_decision_without_its_reason_is_found() -> None:
    assert missing_headings("# 0001 X\n\n**Decision.** So.\n") == [
        "**Context.**",
        "**Consequence.**",
        "**We would change it**",
    ]


def test_a_dead_link_is_found() -> None:
    readme = ROOT / "README.md"
    assert dead_links(readme, "see [it](docs/nowhere.md)")
    assert not dead_links(readme, "see [it](LICENSE) and [that](https://example.org/x)")


def test_an_empty_promise_is_found() -> None:
    known = _plain("settling_while_placing_never_deadlocks")
    assert not empty_promises("a.py", "# (test: settling while placing)", known)
    assert not empty_promises("a.py", "# (test: settling\n# while placing)", known)
    assert empty_promises("a.py", "# (test: settling twice)", known)
    assert empty_promises("a.py", "# (test: settling while)", known)
    assert empty_promises("a.py", "# (test: settling while pla)", known)
    assert empty_promises("a.py", "see tests/nowhere/test_nothing.py", known)
