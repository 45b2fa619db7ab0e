"""Logs: one JSON object a line on stderr, with the correlation id of the work at hand.

Text that came from outside is cleaned of terminal escapes and line breaks before it is written,
so that a hostile name can neither forge a line nor repaint the terminal of the person who reads
it (tests/servers/test_logs.py).
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

TEXT_CHARS_MAX: Final = 4_000

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def clean(text: str) -> str:
    """`text` on one line: escape sequences removed, control characters blanked, length bounded."""
    return _CONTROL.sub(" ", _ANSI.sub("", text[:TEXT_CHARS_MAX]))


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send this process's logs, those of libraries included, to `stream` as JSON lines.

    By default that is stderr; a command whose stderr is for a person gives a file.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _clean_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_number_of(level)),
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


def get(name: str) -> FilteringBoundLogger:
    """The logger of one module; `log.info("what_happened", key=value)`."""
    return cast("FilteringBoundLogger", structlog.stdlib.get_logger(name))


def bind(**words: str) -> None:
    """Add words (correlation_id, request_id, tenant) to every line of the task at hand."""
    structlog.contextvars.bind_contextvars(**words)


def unbind_all() -> None:
    """Forget the bound words: the task begins other work."""
    structlog.contextvars.clear_contextvars()


def _number_of(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _clean_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {clean(str(key)): _cleaned(value) for key, value in event.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {clean(str(key)): _cleaned(inner) for key, inner in pairs}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in cast("list[Any]", value)]
    return value
