"""The database of a request: what a part's `http.py` opens its transaction on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from overround.db.pools import Database


def _database(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


Db = Annotated[Database, Depends(_database)]
