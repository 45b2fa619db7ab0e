"""A tenant's looks: an allow-list of fields, and colours that stay readable whatever it chooses.

Nothing of a theme reaches a page unless it has exactly the form that is asked for here: a colour is
`#rrggbb`, a logo is a small picture inside a data address or a path of ours, a name is printable.
So no theme can carry a rule of CSS or a tag (test: a theme cannot carry css or html).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from overround.core.errors import Invalid

FIELDS: Final = ("name", "logo", "brand", "accent")
NAME_LENGTH_MAX: Final = 40
LOGO_LENGTH_MAX: Final = 12_000
DEFAULT_BRAND: Final = "#14532d"

# What WCAG 2.2 asks of text (success criterion 1.4.3, level AA).
CONTRAST_MIN: Final = 4.5
# The darkest surface of the light scheme and the lightest of the dark one, as site.css has them
# (test: the themes are measured on the surfaces of the style sheet).
LIGHT_SURFACE: Final = "#e9eef2"
DARK_SURFACE: Final = "#2a333f"

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_LOGO: Final = re.compile(
    r"data:image/(?:png|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}|/static/[a-z0-9/_-]+\.(?:png|svg)"
)
_STEPS: Final = 20

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """How a tenant's site looks. `on_brand` is text on the brand colour; the accents are the
    tenant's colour as text, moved towards black or white until it can be read on our surfaces."""

    name: str
    logo: str | None
    brand: str
    on_brand: str
    accent_light: str
    accent_dark: str

    def css(self) -> str:
        """The theme as custom properties; every value is a colour of this module's own making."""
        return (
            f":root{{--brand:{self.brand};--on-brand:{self.on_brand};"
            f"--accent:light-dark({self.accent_light},{self.accent_dark})}}\n"
        )

    def version(self) -> str:
        """Changes when the style sheet does: for caches."""
        return hashlib.sha256(self.css().encode()).hexdigest()[:12]


def checked(asked: Mapping[str, object]) -> dict[str, str]:
    """The fields of a theme as they are stored.

    Raises Invalid `theme_field` for an unknown one, and `theme_name`, `theme_logo`, `theme_colour`.
    """
    unknown = set(asked) - set(FIELDS)
    if unknown:
        raise Invalid(f"a theme has {', '.join(FIELDS)} and nothing else", code="theme_field")
    found: dict[str, str] = {}
    for field, value in asked.items():
        if not _is_good(field, value):
            code = "theme_colour" if field in {"brand", "accent"} else f"theme_{field}"
            raise Invalid(_REFUSALS[code], code=code)
        found[field] = str(value)
    return found


def of(settings: Mapping[str, object], tenant_name: str) -> Theme:
    """The theme in a tenant's settings; a field that is absent or not good is the default's."""
    kept = settings.get("theme")
    said = cast("dict[str, object]", kept) if isinstance(kept, dict) else {}
    good = {field: str(said[field]) for field in FIELDS if _is_good(field, said.get(field))}
    brand = good.get("brand", DEFAULT_BRAND)
    accent = good.get("accent", brand)
    return Theme(
        name=good.get("name", tenant_name),
        logo=good.get("logo"),
        brand=brand,
        on_brand=max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, brand)),
        accent_light=readable(accent, LIGHT_SURFACE, towards="#000000"),
        accent_dark=readable(accent, DARK_SURFACE, towards="#ffffff"),
    )


_REFUSALS: Final = {
    "theme_name": f"a theme's name has 1 to {NAME_LENGTH_MAX} printable characters",
    "theme_logo": "a logo is a PNG, WebP or SVG in a base64 data address of at most 12,000 letters",
    "theme_colour": "a colour is written #rrggbb, in lower case",
}


def _is_good(field: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    if field == "name":
        return 1 <= len(value.strip()) <= NAME_LENGTH_MAX and value.isprintable()
    if field == "logo":
        return len(value) <= LOGO_LENGTH_MAX and _LOGO.fullmatch(value) is not None
    return _COLOUR.fullmatch(value) is not None


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, surface: str, *, towards: str) -> str:
    """The colour, mixed with as little of `towards` as makes it text that can be read there."""
    mixed = colour
    for step in range(_STEPS + 1):
        mixed = _mixed(_rgb(colour), _rgb(towards), step)
        if contrast(mixed, surface) >= CONTRAST_MIN:
            break
    return mixed


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mixed(one: Rgb, other: Rgb, step: int) -> str:
    parts = ((a * (_STEPS - step) + b * step) // _STEPS for a, b in zip(one, other, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _luminance(rgb: Rgb) -> float:
    linear = [
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in rgb
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
