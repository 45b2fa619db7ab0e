"""Logos: a small PNG, WebP or SVG in a data address, and nothing that only says it is one.

A browser runs no script of an SVG that is shown as a picture; but the address of a logo is public,
and whoever opens it by itself gets a document. So an SVG holds shapes, colours and text, and
nothing that runs, refers to somewhere else, or hides a thing from this look
(test: a logo holds nothing that acts).
"""

from __future__ import annotations

import base64
import binascii
import importlib
import re
from typing import Any, Final

LETTERS_MAX: Final = 12_000
ELEMENTS_MAX: Final = 500

_DATA: Final = re.compile(r"data:image/(png|webp|svg\+xml);base64,([A-Za-z0-9+/]+={0,2})")
_OURS: Final = re.compile(r"/static/[a-z0-9/_-]+\.(?:png|svg)")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SVG: Final = "{http://www.w3.org/2000/svg}"
_SHAPES: Final = "path rect circle ellipse line polyline polygon text tspan stop"
_FRAMES: Final = "svg g defs symbol use title desc linearGradient radialGradient clipPath mask"
_ELEMENTS: Final = frozenset((*_SHAPES.split(), *_FRAMES.split()))
_HREFS: Final = frozenset({"href", "{http://www.w3.org/1999/xlink}href"})
_LOCAL: Final = re.compile(r"#[A-Za-z0-9_.-]{1,64}")
# A reference inside a value, to a gradient or a clip of the same picture.
_LOCAL_URL: Final = re.compile(r"""url\(\s*['"]?#[A-Za-z0-9_.-]{1,64}['"]?\s*\)""", re.IGNORECASE)
# What makes a value more than a number, a colour, a path or a name.
_ACTS: Final = re.compile(r"url\s*\(|@|\\|:/|javascript|expression|import|<|>|/\*|&", re.IGNORECASE)


def is_logo(address: str) -> bool:
    """Whether the address is a path of ours, or holds a picture that only shows something."""
    if len(address) > LETTERS_MAX:
        return False
    if _OURS.fullmatch(address):
        return True
    found = _DATA.fullmatch(address)
    if found is None:
        return False
    try:
        content = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return False
    if found[1] == "png":
        return content.startswith(_PNG)
    if found[1] == "webp":
        return content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return is_still_svg(content)


def is_still_svg(content: bytes) -> bool:
    """Whether the bytes are an SVG of shapes alone."""
    if b"<!" in content or b"<?xml-" in content:
        # A DOCTYPE can define entities, and nothing of ours needs a comment or a style sheet.
        return False
    # Without types; and imported here, because whoever knows a tenant would load it, and hardly
    # anybody sets a logo.
    etree: Any = importlib.import_module("lxml.etree")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return False
    elements: list[Any] = list(root.iter())
    if root.tag != f"{_SVG}svg" or len(elements) > ELEMENTS_MAX:
        return False
    return all(_is_still(element) for element in elements)


def _is_still(element: Any) -> bool:
    # A comment's or an instruction's tag is no text.
    tag: object = element.tag
    if not isinstance(tag, str) or not tag.startswith(_SVG):
        return False
    if tag.removeprefix(_SVG) not in _ELEMENTS:
        return False
    return all(_is_still_attribute(str(name), str(value)) for name, value in element.attrib.items())


def _is_still_attribute(name: str, value: str) -> bool:
    if name in _HREFS:
        return _LOCAL.fullmatch(value) is not None
    if name.startswith("{") or name.lower().startswith("on"):
        return False
    return _ACTS.search(_LOCAL_URL.sub("", value)) is None
