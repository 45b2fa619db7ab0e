"""The style sheet, the scripts and the pictures, under a name that changes when they do.

The folder's hash is part of the path, so a browser may keep a file for ever and never shows an old
script beside a new page; a module's relative import stays within the same hash by itself.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "/static/"
_FOLDER: Final = Path(__file__).resolve().parents[1] / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def _files() -> dict[str, Path]:
    found = (path for path in sorted(_FOLDER.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(_FOLDER).as_posix(): path for path in found}


@cache
def version() -> str:
    """The hash of all files: it is what their addresses begin with."""
    digest = hashlib.sha256()
    for name, path in _files().items():
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Where a page finds a file: `address("site.css")`."""
    return f"{PREFIX}{version()}/{name}"


class Assets:
    """ASGI middleware for the files. It asks no database, so it answers on any host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Only what is listed is served: a path that leaves the folder is simply no name of it.
        self._files = _files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        asked_version, _, name = scope["path"].removeprefix(PREFIX).partition("/")
        path = self._files.get(name)
        if scope["method"] not in {"GET", "HEAD"} or path is None:
            raise HTTPException(404)
        # An address of another version is answered, for a page that was open over an update.
        keep = _FOR_EVER if asked_version == version() else "no-cache"
        answer = FileResponse(path, headers={"Cache-Control": keep}, media_type=_TYPES[path.suffix])
        await answer(scope, receive, send)
