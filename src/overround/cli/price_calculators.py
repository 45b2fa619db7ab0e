"""The calculators of `odds.pricing`: margins, fair prices, surebets, stakes, closing value, cash-out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

CALCULATORS: Final[Mapping[str, Any]] = {}
