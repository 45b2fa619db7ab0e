"""A tenant's looks: an allow-list of fields, and colours that stay readable whatever it chooses.

Nothing of a theme reaches a page unless it has exactly the form that is asked for here: a colour is
`#rrggbb`, a font is one of ours by its name, a logo is a small picture (`pictures`), a name is
printable. So no theme can carry a rule of CSS or a tag (test: a theme cannot carry css or html).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from overround.core.errors import Invalid
from overround.people.tenants import pictures

FIELDS: Final = (
    "name",
    "logo",
    "brand",
    "accent",
    "font",
    "heading_font",
    "layout",
    "contact",
    "features",
)
NAME_LENGTH_MAX: Final = 40
LOGO_LENGTH_MAX: Final = pictures.LETTERS_MAX
DEFAULT_BRAND: Final = "#14532d"

# What WCAG 2.2 asks of text (success criterion 1.4.3, level AA).
CONTRAST_MIN: Final = 4.5
# The darkest surface of the light scheme and the lightest of the dark one, as site.css has them
# (test: the themes are measured on the surfaces of the style sheet).
LIGHT_SURFACE: Final = "#e9eef2"
DARK_SURFACE: Final = "#2a333f"

# Fonts that every machine has one of; a theme names the key and the stack is ours.
FONTS: Final[Mapping[str, str]] = {
    "system": 'system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif',
    "humanist": 'Seravek,"Gill Sans Nova",Ubuntu,Calibri,sans-serif',
    "geometric": 'Avenir,Montserrat,Corbel,"URW Gothic",sans-serif',
    "serif": 'Charter,"Bitstream Charter",Cambria,serif',
    "mono": 'ui-monospace,"Cascadia Code",Menlo,Consolas,monospace',
}
# What a layout changes of the style sheet's measures; nothing is below WCAG's 24 pixels to touch.
LAYOUTS: Final[Mapping[str, str]] = {
    "comfortable": "",
    "compact": "--touch:2.25rem;--body:.875rem;",
}
FEATURES: Final = ("live", "combos", "systems", "cash_out", "casino")
CONTACTS: Final[Mapping[str, re.Pattern[str]]] = {
    "email": re.compile(r"[A-Za-z0-9.+_-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}"),
    "phone": re.compile(r"\+?[0-9][0-9 ()-]{3,28}[0-9]"),
    "url": re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]{0,99}(?:/[A-Za-z0-9/_.~-]{0,200})?"),
}

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
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
    font: str = "system"
    heading_font: str = "system"
    layout: str = "comfortable"
    contact: Mapping[str, str] = field(default_factory=dict[str, str])
    features: Mapping[str, bool] = field(default_factory=dict[str, bool])

    def css(self, of: Literal[":root", ".preview"] = ":root") -> str:
        """The theme as custom properties; every value is of this module's own making."""
        fonts = "" if self.font == "system" else f"--font:{FONTS[self.font]};"
        if self.heading_font != self.font:
            fonts += f"--font-heading:{FONTS[self.heading_font]};"
        return (
            f"{of}{{{fonts}{LAYOUTS[self.layout]}"
            f"--brand:{self.brand};--on-brand:{self.on_brand};"
            f"--accent:light-dark({self.accent_light},{self.accent_dark})}}\n"
        )

    def version(self) -> str:
        """Changes when the style sheet does: for caches."""
        return hashlib.sha256(self.css().encode()).hexdigest()[:12]


def document(theme: Theme, subdomain: str) -> bytes:
    """The theme as the public is told it: JSON in ASCII, so that no text of it is anything else."""
    told = {
        "tenant": subdomain,
        "name": theme.name,
        "logo": theme.logo,
        "colours": {
            "brand": theme.brand,
            "on_brand": theme.on_brand,
            "accent_light": theme.accent_light,
            "accent_dark": theme.accent_dark,
        },
        "fonts": {"body": theme.font, "heading": theme.heading_font},
        "layout": theme.layout,
        "contact": dict(theme.contact),
        "features": dict(theme.features),
        "stylesheet": f"/theme.css?v={theme.version()}",
    }
    return json.dumps(told, ensure_ascii=True).encode()


def checked(asked: Mapping[str, object]) -> dict[str, object]:
    """The fields of a theme as they are stored.

    Raises Invalid `theme_field` for an unknown one, and `theme_name`, `theme_logo`,
    `theme_colour`, `theme_font`, `theme_layout`, `theme_contact`, `theme_features`: the code is the
    first fault's, and `errors` point at every one.
    """
    found = list(_faults(asked))
    if found:
        errors = [{"pointer": f"#/{place}", "detail": detail} for place, _, detail in found]
        _, code, detail = found[0]
        raise Invalid(detail, code=code, facts={"errors": errors})
    return dict(asked)


def problems(asked: Mapping[str, object]) -> dict[str, str]:
    """What is wrong with each field of a theme, by the field's own name (`brand`, `email`)."""
    return {place.rpartition("/")[2]: detail for place, _, detail in _faults(asked)}


def _faults(asked: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Where something is wrong, its code and what would be right; the unknown fields first."""
    if set(asked) - set(FIELDS):
        yield "", "theme_field", f"a theme has {', '.join(FIELDS)} and nothing else"
    for name in FIELDS:
        if name not in asked or _is_good(name, asked[name]):
            continue
        code = _CODES.get(name, f"theme_{name}")
        wrong = _wrong_ways(asked[name]) if name == "contact" else []
        for way in wrong:
            yield f"contact/{way}", code, _WAYS[way]
        if not wrong:
            yield name, code, _REFUSALS[code]


def _wrong_ways(contact: object) -> list[str]:
    """Which of the known ways of a contact are wrong."""
    said = cast("dict[object, object]", contact) if isinstance(contact, dict) else {}
    return [way for way in CONTACTS if way in said and not _is_contact({way: said[way]})]


def chosen(settings: Mapping[str, object]) -> dict[str, object]:
    """The fields of the theme in a tenant's settings; one that is not good was not chosen."""
    kept = settings.get("theme")
    said = cast("dict[str, object]", kept) if isinstance(kept, dict) else {}
    return {name: said[name] for name in FIELDS if _is_good(name, said.get(name))}


def of(settings: Mapping[str, object], tenant_name: str) -> Theme:
    """The theme in a tenant's settings; a field that is absent or not good is the default's."""
    kept_good = chosen(settings)
    good = {name: value for name, value in kept_good.items() if isinstance(value, str)}
    brand = good.get("brand", DEFAULT_BRAND)
    accent = good.get("accent", brand)
    font = good.get("font", "system")
    return Theme(
        name=good.get("name", tenant_name),
        logo=good.get("logo"),
        brand=brand,
        on_brand=max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, brand)),
        accent_light=readable(accent, LIGHT_SURFACE, towards="#000000"),
        accent_dark=readable(accent, DARK_SURFACE, towards="#ffffff"),
        font=font,
        heading_font=good.get("heading_font", font),
        layout=good.get("layout", "comfortable"),
        contact=cast("dict[str, str]", kept_good.get("contact", {})),
        features=cast("dict[str, bool]", kept_good.get("features", {})),
    )


_CODES: Final = {"brand": "theme_colour", "accent": "theme_colour", "heading_font": "theme_font"}
_REFUSALS: Final = {
    "theme_name": f"a theme's name has 1 to {NAME_LENGTH_MAX} printable characters",
    "theme_logo": "a logo is a PNG, WebP or SVG in a base64 data address of at most 12,000 letters;"
    " an SVG holds shapes and text and nothing that acts",
    "theme_colour": "a colour is written #rrggbb, in lower case",
    "theme_font": f"a font is one of {', '.join(FONTS)}",
    "theme_layout": f"a layout is one of {', '.join(LAYOUTS)}",
    "theme_contact": f"a contact has {', '.join(CONTACTS)}, each in its plain form",
    "theme_features": f"features are {', '.join(FEATURES)}, each true or false",
}
_WAYS: Final = {
    "email": "an e-mail address is written like help@acme.example",
    "phone": "a phone number has 5 to 31 digits, spaces, brackets and hyphens, perhaps after a +",
    "url": "an address begins with https:// and has no query",
}


def _is_good(name: str, value: object) -> bool:
    if name == "contact":
        return _is_contact(value)
    if name == "features":
        return _is_features(value)
    if not isinstance(value, str):
        return False
    if name == "name":
        return 1 <= len(value.strip()) <= NAME_LENGTH_MAX and value.isprintable()
    if name == "logo":
        return pictures.is_logo(value)
    if name in {"font", "heading_font"}:
        return value in FONTS
    if name == "layout":
        return value in LAYOUTS
    return _COLOUR.fullmatch(value) is not None


def _is_contact(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    said = cast("dict[object, object]", value)
    return all(
        isinstance(way, str)
        and isinstance(where, str)
        and way in CONTACTS
        and CONTACTS[way].fullmatch(where) is not None
        for way, where in said.items()
    )


def _is_features(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    said = cast("dict[object, object]", value)
    return all(name in FEATURES and isinstance(is_on, bool) for name, is_on in said.items())


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
