"""Logs: one JSON object a line on stderr, with the ids of the work at hand.

    log = logs.get(__name__)
    log.info("feed.read", provider="goalserve", prices=812)

    logs.bind(correlation_id=..., request_id=..., tenant=..., user_id=..., method=..., path=...)
    logs.security("login.refused", reason="wrong_password")
    logs.business("bet.placed", bet_id=str(bet_id), stake_minor=1000)
    logs.performance("query.slow", taken_ms=812.4)

An event is a dotted name in lower case (test: every event has a dotted name). Those of the last
three carry `kind`, so that whoever collects logs can send each where it is wanted.

Text that came from outside is cleaned of terminal escapes and line breaks before it is written,
so that a hostile name can neither forge a line nor repaint the terminal of the person who reads
it; and what is secret is starred, by its name, by its shape, or because it was hidden
(tests/servers/test_logs.py, tests/ops/test_masking.py).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from overround.core.clock import WallClock
from overround.kit.masking import Masks

TEXT_CHARS_MAX: Final = 4_000
# So much of a longer text is its beginning; the rest its end, where a traceback says what failed.
_HEAD_CHARS: Final = 1_000
EVENTS: Final = "overround.events"

EventKind = Literal["security", "business", "performance"]

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_CLOCK: Final = WallClock()

# The loggers whose levels were set by name.
_NAMED: Final = set[str]()

# What this process must not show; `hide` adds to it.
MASKS: Final = Masks()


def clean(text: str) -> str:
    """`text` on one line: escape sequences removed, control characters blanked, length bounded.

    Of a longer text the beginning and the end are kept, so that an exception says its type and its
    message (test: a long exception says what it is).
    """
    return _CONTROL.sub(" ", _ANSI.sub("", _cut(text)))


def _cut(text: str) -> str:
    """`text` in at most `TEXT_CHARS_MAX` characters, with a word about what is missing."""
    if len(text) <= TEXT_CHARS_MAX:
        return text
    said = f" [of {len(text)} characters some are left out] "
    return text[:_HEAD_CHARS] + said + text[len(said) + _HEAD_CHARS - TEXT_CHARS_MAX :]


def shown(text: str) -> str:
    """`text` as it may be written: clean, and without secrets.

    Masked both before and after: a control character must not tear a secret into harmless halves.
    """
    if len(text) <= TEXT_CHARS_MAX and text.isprintable():
        return MASKS.text(text)
    return MASKS.text(clean(MASKS.text(text)))


def hide(*secrets: str | None) -> None:
    """Never write these, wherever they turn up: in an address, an error, a table."""
    MASKS.hide(*secrets)


def configure(
    level: str = "info",
    stream: TextIO | None = None,
    levels: Mapping[str, str] | None = None,
) -> None:
    """Send this process's logs, those of libraries included, to `stream` as JSON lines.

    By default that is stderr; a command whose stderr is for a person gives a file. `levels` are
    those of single loggers and of all below them: {"overround.http": "warning"}.
    """
    named = {name: _number_of(word) for name, word in (levels or {}).items()}
    least = min((_number_of(level), *named.values()))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _clean_values,
        _count,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_number_of(level))
    # They would write a line for every request that is sent, with its address, which may hold a key
    # (test: no key is written anywhere).
    for library in ("httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # The access log is ours; what uvicorn says besides goes the way of everything.
    for library in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(library).handlers[:] = []
        logging.getLogger(library).propagate = True
    # What an earlier call named goes with the root again.
    for name in _NAMED:
        logging.getLogger(name).setLevel(logging.NOTSET)
    _NAMED.clear()
    _NAMED.update(named)
    for name, number in named.items():
        logging.getLogger(name).setLevel(number)


def get(name: str) -> FilteringBoundLogger:
    """The logger of one module; `log.info("what.happened", key=value)`."""
    return cast("FilteringBoundLogger", structlog.stdlib.get_logger(name))


def bind(**words: str) -> None:
    """Add words (correlation_id, request_id, tenant) to every line of the task at hand."""
    structlog.contextvars.bind_contextvars(**words)


def unbind_all() -> None:
    """Forget the bound words: the task begins other work."""
    structlog.contextvars.clear_contextvars()


def security(event: str, **fields: object) -> None:
    """Something that whoever guards the house wants to know: a refused log-in, a revoked key."""
    get(f"{EVENTS}.security").info(event, kind="security", **fields)


def business(event: str, **fields: object) -> None:
    """Something that whoever runs the house wants to know: a bet, a payout, a suspension."""
    get(f"{EVENTS}.business").info(event, kind="business", **fields)


def performance(event: str, *, taken_ms: float, **fields: object) -> None:
    """Something that took longer than it should."""
    get(f"{EVENTS}.performance").info(
        event, kind="performance", taken_ms=round(taken_ms, 2), **fields
    )


def line(name: str, event: str, fields: Mapping[str, Any]) -> None:
    """One line of level info of the logger `name`, the short way: for what is written at every
    request. `fields` are plain values; texts among them are cleaned and masked as everywhere.
    """
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(logging.INFO):
        return
    said: dict[str, Any] = {
        key: shown(value) if isinstance(value, str) else value for key, value in fields.items()
    }
    said["event"] = event
    said["level"] = "info"
    said["timestamp"] = _CLOCK.now().isoformat().replace("+00:00", "Z")
    _hook("info")
    _write_all(msgspec.json.encode(said, enc_hook=str).decode() + "\n")


def is_on(name: str) -> bool:
    """Whether lines of level info of the logger `name` are written."""
    return logging.getLogger(name).isEnabledFor(logging.INFO)


def ready(lines: str, count: int) -> None:
    """So many lines of level info that are JSON already, and hold nothing that came from outside
    unchecked (`kit.lines`)."""
    for _ in range(count):
        _hook("info")
    _write_all(lines)


def _write_all(written: str) -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            _write(cast("logging.StreamHandler[TextIO]", handler), written)


def count_by(counter: Callable[[str], None]) -> None:
    """Have every line counted: `counter` gets its level."""
    global _hook  # noqa: PLW0603 (one process has one counter)
    _hook = counter


def _write(handler: logging.StreamHandler[TextIO], written: str) -> None:
    """Under the handler's lock, so that no two lines run into one another."""
    handler.acquire()
    try:
        handler.stream.write(written)
        handler.flush()
    except (OSError, ValueError):
        # As logging itself does: nobody fails because a line cannot be written.
        return
    finally:
        handler.release()


def _uncounted(_level: str) -> None:
    return


_hook: Callable[[str], None] = _uncounted

# What structlog hands itself along; it is taken away before a line is written.
_INNER: Final = ("_record", "_from_structlog")


def _number_of(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _count(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    _hook(str(event.get("level", "")))
    return event


def _clean_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    inner = {name: event.pop(name) for name in _INNER if name in event}
    return {**MASKS.value(dict(event), shown), **inner}
