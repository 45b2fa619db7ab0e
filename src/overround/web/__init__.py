"""The edge: from bytes on a socket to a `Principal` and a handler, and back.

A request passes, from the outside in: `ids` (request and correlation id on every answer, one log
line, the last resort for errors) · `gate` (which tenant's host, whose token, no foreign origin) ·
`bodies` (size, type and strictness of JSON) · the routes that `app` mounts. Whatever refuses, the
answer is a problem of RFC 9457 (`problems`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overround.web.app import Services, api, assembled, create_app


def __getattr__(name: str) -> object:
    """The application is loaded when somebody asks for it: the hub's port uses the inner parts of
    the edge and none of its pages, and is to be there within a moment of a crash."""
    if name in __all__:
        return getattr(importlib.import_module("overround.web.app"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


__all__ = ["Services", "api", "assembled", "create_app"]
