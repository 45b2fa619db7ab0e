"""What bodies are made of, apart from HTTP: so that a pure file may say what an answer holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """A request body: nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Output(BaseModel):
    """An answer's body, apart from the inside: no new field is shown by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True)
