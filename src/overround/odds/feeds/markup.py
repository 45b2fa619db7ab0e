"""XML as the tree that JSON is: attributes as "@name", children as lists under their names.

No entity is resolved, nothing is fetched, a document type is refused and so is what is deeper or
larger than any feed (test: a document that would grow or reach out is refused).
"""

from __future__ import annotations

import importlib
import re
from codecs import BOM_UTF8
from io import BytesIO
from typing import Any, Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds.reading import Node

MAX_DEPTH: Final = 24
MAX_ELEMENTS: Final = 1_000_000
# The library has no types, so what comes of it is any.
_etree: Final[Any] = importlib.import_module("lxml.etree")
_DOCTYPE: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def root_of(body: bytes, bytes_max: int) -> tuple[str, Node]:
    """The name of the root element, and the tree below it.

    Raises ProviderDataError `body_too_large`, `not_xml`, `too_deep` (24), `too_many_elements`.
    """
    if len(body) > bytes_max:
        raise ProviderDataError("the body is too large", code="body_too_large")
    plain = body.removeprefix(BOM_UTF8).lstrip()
    # In another encoding a document type would not be seen by its bytes.
    if _DOCTYPE.search(plain) or b"\0" in plain[:4]:
        raise ProviderDataError("the body has a document type", code="not_xml")
    try:
        return _read(plain)
    except (_etree.XMLSyntaxError, ValueError, LookupError):
        raise ProviderDataError("the body is not XML", code="not_xml") from None


def _read(body: bytes) -> tuple[str, Node]:
    path: list[Node] = []
    root: tuple[str, Node] | None = None
    count = 0
    for event, element in _walk(body):
        if event == "end":
            path.pop()
            element.clear()
            continue
        count += 1
        if count > MAX_ELEMENTS or len(path) == MAX_DEPTH:
            code = "too_deep" if len(path) == MAX_DEPTH else "too_many_elements"
            raise ProviderDataError("the body is larger than a feed is", code=code)
        name = str(element.tag)
        node: Node = {f"@{key}": value for key, value in element.attrib.items()}
        if path:
            path[-1].setdefault(name, []).append(node)
        else:
            root = name, node
        path.append(node)
    if root is None:
        raise ProviderDataError("the body is not XML", code="not_xml")
    return root


def _walk(body: bytes) -> Any:
    """The starts and ends of elements."""
    return _etree.iterparse(
        BytesIO(body),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
