"""A site as data: where on its page the events, lines and prices stand, how they are written.

A site's `selectors.yaml` is read by `site_of`; an operator's YAML laid over it changes what he
names and nothing else, so that a site that was rebuilt needs an edit and no release
(test: a changed site needs a yaml edit). The file is an input: unknown keys, selectors beyond a
bound and words we do not know are refused by name.

A place on the page is written `css`, `css -> css` (a cell, and the element in it that holds the
text), either with ` @attribute` behind it, or `before css`: the last such element that stands
before the event. `@attribute` alone is the element's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from overround.core import grading, odds_format
from overround.core.errors import Invalid, SettingsError
from overround.odds.feeds.browser import script

YAML_BYTES_MAX: Final = 64_000
_PLACE: Final = re.compile(
    r"(?P<before>before )?(?P<css>[^@]*?)(?: ?-> ?(?P<inner>[^@]*?))?(?: ?@(?P<attribute>[\w-]+))?"
)
# What a pattern for a start may find; `iso` is a time that says its zone, or seconds since 1970.
TIME_PARTS: Final = frozenset({"iso", "day", "month", "year", "hour", "minute"})

Selector = Annotated[str, Field(min_length=1, max_length=400)]
Word = Annotated[str, Field(min_length=1, max_length=60)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PagePlaces(_Data):
    """What says how the page is: places that are looked for on the whole of it.

    `board` is there while prices are shown, `empty` when there are none to show, `logged_out` when
    the session has ended, `closed` for maintenance. The text of `clock` moves while the page
    lives. `odds_format` is where the page says how prices are written.
    """

    board: Selector
    empty: Selector | None = None
    logged_out: Selector | None = None
    closed: Selector | None = None
    clock: Selector | None = None
    odds_format: Selector | None = None


class LoginPlaces(_Data):
    """The form of a site that wants a name and a password, step by step."""

    open: Selector | None = None
    user: Selector
    password: Selector
    submit: Selector


class EventPlaces(_Data):
    """One event: `each` is an element an event, everything else stands in it."""

    each: Selector
    home: Selector
    away: Selector
    starts: Selector
    id: Selector | None = None
    competition: Selector | None = None


class MarketPlaces(_Data):
    """One question: `each` is an element that holds one or more lines of it.

    Every other place finds a list in there, and the lists of one element are equally long: the
    third line belongs to the third prices. `line` is the home side's (a total's own); `away_line`
    the away side's, where both are shown. `gives` is for books that write an unsigned line beside
    the side that gives it. With `titles` only elements are meant whose `title` is one of them.
    """

    market: Word
    period: Word = "ft"
    each: Selector
    title: Selector | None = None
    titles: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    line: Selector | None = None
    away_line: Selector | None = None
    gives: dict[Literal["home", "away"], Selector] | None = None
    prices: Annotated[dict[Word, Selector], Field(min_length=2, max_length=3)]
    required: bool = False

    @model_validator(mode="after")
    def _is_a_market(self) -> MarketPlaces:
        try:
            row = grading.market(self.market)
        except Invalid as refused:
            raise ValueError(f"{self.market}: {refused.detail}") from None
        if set(self.prices) != set(row.sides):
            raise ValueError(f"{self.market}: its sides are {', '.join(row.sides)}")
        if row.needs_line != bool(self.line or self.gives):
            raise ValueError(f"{self.market}: say where its line stands, if it has one")
        if self.gives is not None and (set(self.gives) != {"home", "away"} or not row.is_handicap):
            raise ValueError(f"{self.market}: both sides of a handicap may give")
        if bool(self.title) != bool(self.titles):
            raise ValueError(f"{self.market}: titles stand at a title: both or neither")
        return self


class StartForm(_Data):
    """How a start is written: a pattern with the named parts of `TIME_PARTS`.

    `zone` is the clock the page shows; `months` are names in order, where months are words. A date
    without a year is the nearest one.
    """

    pattern: Annotated[str, Field(max_length=300)] = r"(?P<iso>.+)"
    zone: Word = "UTC"
    months: Annotated[list[Word], Field(min_length=12, max_length=12)] | None = None

    @field_validator("pattern")
    @classmethod
    def _finds_a_time(cls, value: str) -> str:
        try:
            named = set(re.compile(value).groupindex)
        except re.error as error:
            raise ValueError(f"not a pattern: {error}") from None
        if named - TIME_PARTS or not ({"iso"} <= named or {"day", "month"} <= named):
            raise ValueError("a start is `iso`, or at least `day` and `month`")
        return value

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone") from None
        return value


class Site(_Data):
    """Everything about one site. Times are seconds; odds formats are those of `core.odds_format`.

    `odds_words` maps what the page says to a format; without it the page always writes
    `odds_format`. `freeze_s` without a sign of life makes the page frozen.
    """

    site: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    sport: Word = "football"
    url: Annotated[str, Field(max_length=500)] | None = None
    odds_format: Word = "decimal"
    odds_words: dict[Word, Word] | None = None
    page: PagePlaces
    login: LoginPlaces | None = None
    event: EventPlaces
    starts: StartForm = Field(default_factory=StartForm)
    stopped: Selector | None = None
    markets: Annotated[list[MarketPlaces], Field(min_length=1, max_length=40)]
    hosts: Annotated[list[Word], Field(max_length=40)] = Field(default_factory=list)
    pass_s: Seconds = 2.0
    freeze_s: Seconds = 8.0

    @model_validator(mode="after")
    def _says_its_prices(self) -> Site:
        for name in (self.odds_format, *(self.odds_words or {}).values()):
            if name not in odds_format.FORMATS:
                raise ValueError(f"{name}: not an odds format")
        if bool(self.odds_words) != bool(self.page.odds_format):
            raise ValueError("page.odds_format says a word of odds_words: both or neither")
        return self


def site_of(text: str, over: str = "") -> Site:
    """The site that `text` describes, with an operator's YAML laid over it.

    Mappings are merged key by key; anything else, a list of markets too, is replaced as a whole.
    Raises SettingsError naming the key that is wrong.
    """
    merged = _merged(_mapping(text), _mapping(over)) if over else _mapping(text)
    try:
        return Site.model_validate(merged)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("selectors: " + "; ".join(lines[:5])) from None


def places(site: Site) -> dict[str, Any]:
    """What the page's script is told: every place taken apart, and nothing it does not need."""
    event = site.event
    named = {"id": event.id, "competition": event.competition, "home": event.home}
    return {
        "page": {name: _place(css) for name, css in site.page if css},
        "limits": script.LIMITS,
        "each": event.each,
        "fields": {
            name: _place(css)
            for name, css in {**named, "away": event.away, "starts": event.starts}.items()
            if css
        },
        "stopped": site.stopped,
        "markets": [
            {
                "each": market.each,
                "title": _place(market.title) if market.title else None,
                "titles": market.titles,
                "lists": {name: _place(css) for name, css in lists_of(market).items()},
            }
            for market in site.markets
        ],
    }


def lists_of(market: MarketPlaces) -> dict[str, str]:
    """The lists that are read in an element of the market, by name, each with its place."""
    gives = {f"gives_{side}": css for side, css in (market.gives or {}).items()}
    lines = {"line": market.line, "away_line": market.away_line, **gives}
    return {name: css for name, css in lines.items() if css} | dict(market.prices)


def _place(written: str) -> dict[str, Any]:
    found = _PLACE.fullmatch(written.strip())
    if found is None:
        raise SettingsError(f"selectors: {written!r} is not a place")
    parts = found.groupdict()
    place = {name: (parts[name] or "").strip() for name in ("css", "inner", "attribute")}
    return {**place, "before": bool(parts["before"])}


def _mapping(text: str) -> dict[str, Any]:
    if len(text.encode()) > YAML_BYTES_MAX:
        raise SettingsError(f"selectors: larger than {YAML_BYTES_MAX} bytes")
    try:
        found: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"selectors: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise SettingsError("selectors: expected a mapping")
    return cast("dict[str, Any]", found)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("dict[str, Any]", before), cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged
