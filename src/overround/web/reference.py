"""`/docs`: the API's own document, read by people: a page of ours, because it needs no script.

The usual viewers load scripts and styles from elsewhere, which the policy of our pages forbids and
an installation without the internet could not do. This one is made from the same `/openapi.json`
that programs read (test: the reference lists every operation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from overround.kit.routes import Visitor
from overround.web.pages import render

router = APIRouter(include_in_schema=False)

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH_MAX: Final = 6
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter, or one member of a body; `depth` is how far inside."""

    name: str
    place: str
    kind: str
    required: bool
    bounds: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    anchor: str
    method: str
    path: str
    text: str
    asks: tuple[Field, ...]
    sends: tuple[Field, ...]
    answers: tuple[tuple[str, str, tuple[Field, ...]], ...]


@router.get("/docs", name="reference")
async def reference(request: Request, _: Visitor) -> HTMLResponse:
    """Every operation, with what it asks and answers."""
    document: Json = request.app.openapi()
    groups: dict[str, list[Operation]] = {}
    for tag, operation in _operations(document):
        groups.setdefault(tag, []).append(operation)
    info: Json = document["info"]
    return render.page("reference.html", {"info": info, "groups": groups})


def _operations(document: Json) -> Iterator[tuple[str, Operation]]:
    paths: Mapping[str, Json] = document["paths"]
    for path, by_method in paths.items():
        for method in _METHODS:
            found: Json | None = by_method.get(method)
            if found is not None:
                tag = str((found.get("tags") or ["api"])[0])
                yield tag, _operation(document, path, method, found)


def _operation(document: Json, path: str, method: str, found: Json) -> Operation:
    body: Json = found.get("requestBody") or {}
    answers: Mapping[str, Json] = found.get("responses", {})
    return Operation(
        anchor=str(found["operationId"]),
        method=method.upper(),
        path=path,
        text=str(found.get("description") or found.get("summary") or ""),
        asks=tuple(_parameter(document, one) for one in found.get("parameters", ())),
        sends=tuple(_members(document, _schema(body))),
        answers=tuple(
            (status, str(one.get("description", "")), tuple(_members(document, _schema(one))))
            for status, one in answers.items()
            if status != "422"
        ),
    )


def _schema(body: Json) -> Json:
    content: Mapping[str, Json] = body.get("content", {})
    return (content.get("application/json") or {}).get("schema") or {}


def _parameter(document: Json, one: Json) -> Field:
    schema = _resolved(document, one.get("schema") or {})
    return Field(
        str(one["name"]), str(one["in"]), _kind(document, schema), bool(one.get("required")),
        _bounds(schema),
    )  # fmt: skip


def _members(document: Json, schema: Json, depth: int = 0) -> Iterator[Field]:
    """The members of an object, each followed by those inside it."""
    found = _resolved(document, schema)
    if found.get("type") == "array":
        found = _resolved(document, found.get("items") or {})
    required = cast("list[str]", found.get("required") or [])
    properties: Mapping[str, Json] = found.get("properties") or {}
    for name, one in properties.items():
        inner = _resolved(document, one)
        yield Field(name, "body", _kind(document, inner), name in required, _bounds(inner), depth)
        if depth < _DEPTH_MAX:
            yield from _members(document, inner, depth + 1)


def _resolved(document: Json, schema: Json) -> Json:
    """The schema itself, where it is a reference or one that may also be null."""
    for choices in (schema.get("anyOf"), schema.get("allOf")):
        real = [one for one in cast("list[Json]", choices or []) if one.get("type") != "null"]
        if len(real) == 1:
            return _resolved(document, real[0])
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if not name:
        return schema
    components: Mapping[str, Json] = document.get("components", {}).get("schemas", {})
    return components.get(name, {})


def _kind(document: Json, schema: Json) -> str:
    if "const" in schema:
        return f"“{schema['const']}”"
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(document, _resolved(document, schema.get('items') or {}))}"
    return str(schema.get("format") or schema.get("type") or "any")


_BOUNDS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "at most {} characters",
    "minItems": "{} or more",
    "maxItems": "at most {} of them",
    "pattern": "like {}",
    "default": "{} if absent",
}


def _bounds(schema: Json) -> str:
    said = (
        text.format(schema[key]) for key, text in _BOUNDS.items() if schema.get(key) is not None
    )
    return ", ".join(said)
