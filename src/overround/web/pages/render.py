"""From a template and values to an answer, under a policy that lets no foreign code run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from overround.betting import cashouts
from overround.core.clock import millis
from overround.web.pages import assets, words

# No inline script or style and nothing from elsewhere: whatever a name or a theme smuggled into a
# page, it would not run (test: every page comes with the policy).
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_environment: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    # A name that is misspelt in a template is an error and not an empty place.
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
cast("dict[str, object]", _environment.globals).update(
    static=assets.address,
    words=words,
    millis=millis,
    reasons=cashouts.REFUSALS,
    written=cashouts.written,
)


def html(template: str, values: Mapping[str, object]) -> str:
    """The text of a template."""
    return _environment.get_template(template).render(values)


def page(
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page as an answer; private, because it may name who is logged in."""
    more = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return HTMLResponse(html(template, values), status, {**more, **(headers or {})})
