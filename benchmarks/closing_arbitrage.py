"""What closing prices give away, market by market and across markets: the report of real seasons.

    python -m benchmarks.closing_arbitrage ../shared/data/football-data/2122 [SEASON...]

Per match the best closing price of each side over the named books; the columns were not quoted at
one instant, so this is arithmetic and no market claim. "Naive" is a sum of 1/price below one,
"guaranteed" what settlement's own payoff leaves in the worst state, and "across" is the linear
program over every best price of the match together. Writes docs/reports/closing-arbitrage.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Final

from overround.core.price import SCALE_E4
from overround.odds import edges, feeds, pricing
from overround.odds.feeds import FeedBatch, FeedMarket, Rejected
from overround.odds.feeds.football_data import EXCHANGES, PROVIDER

REPORT: Final = Path(__file__).parent.parent / "docs" / "reports" / "closing-arbitrage.md"
# Above this many times the median of the other books a price is taken for a slip of the pen.
OUTLIER: Final = 1.6
_ZERO: Final = 1e-9

Quotes = dict[FeedMarket, dict[str, dict[str, int]]]


def closing(season: Path) -> Iterator[FeedBatch]:
    """The closing batches of a season's files."""
    for found in feeds.payloads(season, [PROVIDER]):
        if not isinstance(found, Rejected):
            provider, payload = found
            parsed = provider.parse(payload.name, payload.body)
            yield from (batch for batch in parsed.batches if batch.phase == "closing")


def quotes_of(batch: FeedBatch) -> Quotes:
    """Market -> book -> side -> price_e4, of the fixed-odds books."""
    quotes: Quotes = {}
    for price in batch.prices:
        if price.source not in EXCHANGES:
            book = quotes.setdefault(price.market, {}).setdefault(price.source, {})
            book[price.side] = price.price_e4
    return quotes


def is_suspect(books: Mapping[str, Mapping[str, int]], side: str, price_e4: int) -> bool:
    """Whether a price is far above its neighbours', or a book gives itself away."""
    if any(sum(SCALE_E4 / p for p in row.values()) < 1 for row in books.values() if len(row) > 1):
        return True
    others = sorted(row[side] for row in books.values() if side in row)
    others.remove(price_e4)
    return not others or price_e4 > OUTLIER * median(others)


def across(quotes: Quotes) -> tuple[float, bool] | None:
    """(guaranteed share, whether a price is suspect) of the best prices of a match together."""
    legs: list[pricing.Leg] = []
    suspect = False
    for market, books in quotes.items():
        best = edges.best_prices(market.market_type, books)
        if best is None:
            continue
        for leg in best:
            suspect = suspect or is_suspect(books, leg.side, leg.price_e4)
            price = Fraction(leg.price_e4, SCALE_E4)
            legs.append(
                pricing.Leg(market.market_type, leg.side, price, market.line_q4, market.period)
            )
    if not legs:
        return None
    return pricing.surebet.solve(legs).guaranteed, suspect


def count(season: Path) -> Counter[str]:
    """What there was in a season."""
    counts: Counter[str] = Counter()
    for batch in closing(season):
        quotes = quotes_of(batch)
        together = across(quotes)
        if together is None:
            continue
        counts["matches"] += 1
        alone = False
        for market, books in quotes.items():
            arbitrage = edges.arbitrage(market.market_type, market.line_q4, books)
            if arbitrage is not None:
                counts[f"{market.market_type} naive"] += 1
                counts[f"{market.market_type} guaranteed"] += arbitrage.guaranteed > 0
                alone = alone or arbitrage.guaranteed > 0
        guaranteed, suspect = together
        counts["in one market"] += alone
        counts["across"] += guaranteed > _ZERO
        counts["only across"] += guaranteed > _ZERO and not alone
        counts["only across, clean"] += guaranteed > _ZERO and not alone and not suspect
    return counts


ROWS: Final = (
    ("matches with closing prices of two books", "matches"),
    ("Asian handicap, same line: naive", "asian_handicap naive"),
    ("Asian handicap, same line: guaranteed", "asian_handicap guaranteed"),
    ("1X2: naive, which is guaranteed", "1x2 naive"),
    ("total 2.5: naive, which is guaranteed", "total naive"),
    ("matches with a guaranteed gain inside one market", "in one market"),
    ("matches with a guaranteed gain across markets", "across"),
    ("… of them with none inside a market", "only across"),
    ("… and without a suspect price", "only across, clean"),
)


def report(seasons: Sequence[Path]) -> str:
    """The report as Markdown."""
    counted = [count(season) for season in seasons]
    lines = [
        "# Arbitrage in closing prices",
        "",
        "Made by `python -m benchmarks.closing_arbitrage SEASON...`; do not edit. Best closing",
        "price of each side over the named fixed-odds books of football-data.co.uk. The columns",
        "were not quoted at one instant: exact arithmetic, no market claim.",
        "",
        "| | " + " | ".join(season.name for season in seasons) + " |",
        "|---|" + "---|" * len(seasons),
    ]
    lines += [
        f"| {words} | " + " | ".join(f"{found[key]:,}" for found in counted) + " |"
        for words, key in ROWS
    ]
    lines += [
        "",
        "A sum of 1/price below one promises more than a handicap keeps: on a whole or quarter",
        "line it can push. The linear program sees all best prices of a match at once, so it finds",
        "what no market shows alone, such as the draw and the away win beside the home side at 0.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the report and print it."""
    text = report([Path(name) for name in sys.argv[1:]])
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
