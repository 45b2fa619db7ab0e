"""What the fields of a form are called by who reads it, and what each takes in the form's own unit.

A form asks the API, whose refusals speak of `delay_ms` and of 30000: what a person reads of them
speaks of the label that stands above the field, and of 30 seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Refusals of these codes, and of a value out of its range, know a field's bounds in the API's unit.
_OF_VALUES: Final = frozenset({"invalid", "number", "invalid_number"})
_OUT_OF_RANGE: Final = "_out_of_range"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: its name there, its label, and what it takes in the form's unit, "" for
    what the API says of it already; `api` are its names in the API where those are others."""

    name: str
    label: str
    takes: str = ""
    api: tuple[str, ...] = ()


def by_name(fields: Sequence[Field]) -> dict[str, Field]:
    """The fields as a template asks for them."""
    return {field.name: field for field in fields}


def told(problem: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """The problem as the form's reader is told it: each error is at the field's own name and says
    its label, in `detail` too. An error of no field that is here leaves only the problem's detail
    (test: a refused form names the field as its label does)."""
    known = {name: field for field in fields for name in (field.name, *field.api)}
    found: dict[str, str] = {}
    for error in problem.get("errors", ()):
        field = _at(str(error["pointer"]), known)
        if field is not None and field.name not in found:
            said = _said(field, str(problem.get("code", "")), str(error["detail"]))
            found[field.name] = f"{field.label}: {said.removesuffix('.')}."
    errors = [{"pointer": f"#/{name}", "detail": said} for name, said in found.items()]
    detail = " ".join(found.values()) or problem.get("detail", "This was not taken.")
    return {**problem, "detail": detail, "errors": errors}


def _at(pointer: str, known: Mapping[str, Field]) -> Field | None:
    """The field of "#/prices/0" and of "#/legs/0/price": the last part that is one."""
    parts = pointer.removeprefix("#/").split("/")
    return next((known[part] for part in reversed(parts) if part in known), None)


def _said(field: Field, code: str, detail: str) -> str:
    is_of_value = code in _OF_VALUES or code.endswith(_OUT_OF_RANGE)
    return field.takes if field.takes and is_of_value else detail
