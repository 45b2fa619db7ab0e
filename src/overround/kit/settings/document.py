"""docs/reference/settings.md, written from the settings themselves: nobody forgets a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from overround.kit.settings.shown import described
from overround.kit.settings.tree import ENV_PREFIX, Settings

Schema = Mapping[str, Any]

HEAD: Final = """\
<!-- Written by `overround config document > docs/reference/settings.md`. Do not edit it: change the
     descriptions in src/overround/kit/settings, then run that line. -->

# Settings

What a person may configure. A value comes from the first of these that names it:

1. a command-line flag (`--state`, `--port`, …);
2. an `OVERROUND_*` environment variable; a section and its key are joined by two underscores;
3. `DATABASE_URL` and `REDIS_URL`, as hosting platforms set them;
4. `overround.yaml` in the working directory, or the file named by `--config`;
5. the default.

A key that does not exist stops the start and is named in the message, in the file and in the
environment alike. `overround config check` prints what is in force and where each value comes from,
with secrets left out. Names end in their unit: `_s` is seconds, `_ms` milliseconds.

```yaml
# overround.yaml
database:
  pool_web: 40
log:
  level: debug
```

Two names of the environment are no settings: `OVERROUND_DATA` is the folder of sample data that
tests and benchmarks read, and `OVERROUND_TEST_STATE` the state directory that a whole test run
shares. `<name>` stands for a name of your own."""

SEEDS_HEAD: Final = """\
## Names from elsewhere

What the systems that Overround replaces called their settings ([all their names](seeds.md))."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A setting of one of the five seeds: what does the same here, and what is to be said."""

    seed: str
    name: str
    ours: Sequence[str]
    says: str = ""


# The letters are those of docs/reference/seeds.md.
ELSEWHERE: Final = (
    Elsewhere("A, E", "DATABASE_URL", ["database.url"], "the same name is read"),
    Elsewhere("A, E", "REDIS_URL", ["redis.url"], "the same name is read"),
    Elsewhere("A", "DB_POOL_MAX", ["database.pool_web", "database.pool_worker"]),
    Elsewhere("E", "DB_WEB_POOL_MAX", ["database.pool_web"]),
    Elsewhere("E", "DB_WORKER_POOL_MAX", ["database.pool_worker"]),
    Elsewhere("A, E", "DB_POOL_MIN", ["database.pool_min"]),
    Elsewhere("E", "DB_CONN_TIMEOUT", ["database.acquire_s"]),
    Elsewhere("E", "DB_STATEMENT_TIMEOUT", ["database.statement_s"]),
    Elsewhere("E", "DB_IDLE_IN_TRANSACTION_TIMEOUT", ["database.idle_in_transaction_s"]),
    Elsewhere(
        "E",
        "DB_PREPARE_THRESHOLD=0",
        ["database.prepare_threshold"],
        "left unset: 0 would mean the opposite ([0014](../decisions/0014-prepared-statements.md))",
    ),
    Elsewhere("E", "PROCESS_TYPE", [], "`overround run api`, `hub`, `settle`, `jobs`"),
    Elsewhere("E", "ENVIRONMENT", [], "none: logs are JSON lines everywhere"),
    Elsewhere("E", "APP_VERSION", [], "none: the version is the package's"),
    Elsewhere("E", "max_tokens, refill_rate, window_seconds", [], "limits of each tenant"),
    Elsewhere("B", "config.yaml", [], "`overround.yaml`"),
    Elsewhere("B", "DB_PATH", ["state", "database.url"], "the embedded server's files are in it"),
    Elsewhere("B", "LOG_DIR", ["state"], "logs are in `logs/` below it"),
    Elsewhere("B", "LOG_LEVEL", ["log.level"]),
    Elsewhere("B", "log rotation (5 MB)", ["log.file_bytes_max", "log.files_max"]),
    Elsewhere("B", "API_PORT", ["web.port"]),
    Elsewhere("B", "provider cache (5 minutes)", ["feeds.cache_s"]),
    Elsewhere("B", "intervals by sport and provider", ["feeds.providers"]),
    Elsewhere("D", "SITE", [], "`overround scrape SITE`"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as the document tells it."""

    name: str
    default: str
    may_be: str
    meaning: str

    def text(self) -> str:
        """The row of its table."""
        variable = ENV_PREFIX + self.name.upper().replace(".", "__")
        shown = [self.name, variable, self.default, self.may_be, self.meaning]
        cells = [cell.replace("|", "\\|") for cell in shown]
        return f"| `{cells[0]}` | `{cells[1]}` | {cells[2]} | {cells[3]} | {cells[4]} |"


def document() -> str:
    """The whole document."""
    schema = Settings.model_json_schema(mode="serialization")
    parts = [HEAD]
    alone: list[Row] = []
    sections: list[str] = []
    for name, field in cast("dict[str, Schema]", schema["properties"]).items():
        section = _referred(schema, field)
        if section is None:
            alone.append(_row(name, field))
        else:
            rows = list(_rows(schema, f"{name}.", section))
            sections.append(f"## `{name}`\n\n{section['description']}\n\n{_table(rows)}")
    parts += [_table(alone), *sections, f"{SEEDS_HEAD}\n\n{_elsewhere()}"]
    return "\n\n".join(parts) + "\n"


def _rows(schema: Schema, prefix: str, section: Schema) -> Iterator[Row]:
    for name, field in cast("dict[str, Schema]", section["properties"]).items():
        yield _row(f"{prefix}{name}", field)
        for value in cast("dict[str, Schema]", field.get("patternProperties", {})).values():
            inner = _referred(schema, value)
            if inner is not None:
                yield from _rows(schema, f"{prefix}{name}.<name>.", inner)


def _row(name: str, field: Schema) -> Row:
    return Row(name, _default(field), _bounds(field), field.get("description", ""))


def _referred(schema: Schema, field: Schema) -> Schema | None:
    """The section that a field is, if it is one."""
    reference: str | None = field.get("$ref")
    return None if reference is None else schema["$defs"][reference.rpartition("/")[2]]


def _default(field: Schema) -> str:
    if "default" not in field:
        return "the user's own" if field.get("format") == "path" else "needed"
    default = field["default"]
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def _bounds(field: Schema) -> str:
    """What a value may be, in words."""
    choices = [one for one in field.get("anyOf", (field,)) if one.get("type") != "null"]
    return " or ".join(_bound(one) for one in choices)


def _bound(field: Schema) -> str:
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    match field.get("type"):
        case "boolean":
            return "`true`, `false`"
        case "integer" | "number":
            # A bound behind a validator of ours is left as it was written: `ge`, `le`.
            least = field.get("minimum", field.get("ge", field.get("exclusiveMinimum")))
            above = "above " if "exclusiveMinimum" in field else ""
            return f"{above}{_number(least)} to {_number(field.get('maximum', field.get('le')))}"
        case "object":
            return f"names, {field['maxProperties']} at most"
        case "array":
            return f"a list, {field['maxItems']} at most"
        case _:
            pass
    if field.get("format") == "path":
        return "a directory"
    if "http" in field.get("pattern", ""):
        return "`http://` or `https://` address"
    if "maxLength" in field:
        return f"{field.get('minLength', 0)} to {field['maxLength']} characters"
    return "text"


def _number(value: float | None) -> str:
    return "any" if value is None else f"{value:,}"


def _table(rows: Sequence[Row]) -> str:
    head = "| setting | environment | default | may be | meaning |\n|---|---|---|---|---|"
    return "\n".join([head, *(row.text() for row in rows)])


def _elsewhere() -> str:
    known = {name for name, _ in described()}
    lines = ["| from | name | ours |", "|---|---|---|"]
    for one in ELSEWHERE:
        assert known.issuperset(one.ours), one
        ours = ", ".join(f"`{name}`" for name in one.ours)
        lines.append(f"| {one.seed} | `{one.name}` | {'; '.join(filter(None, (ours, one.says)))} |")
    return "\n".join(lines)
