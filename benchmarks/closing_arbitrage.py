"""What closing prices give away, market by market and across markets: the report of real seasons.

    python -m benchmarks.closing_arbitrage ../shared/data/football-data/2122 [SEASON...]

Per match the highest closing price of each side: the maxima that the files give over all books, and
those over the named books. They were not quoted at one instant, so this is arithmetic and no market
claim. "Naive" is a sum of 1/price below one, "guaranteed" what settlement's own payoff leaves in
the worst state, and "across" is the linear program over every price of the match together. Writes
docs/reports/closing-arbitrage.md.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Final

from overround.core import grading, line
from overround.core.errors import Invalid
from overround.core.price import SCALE_E4, parse_decimal
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


# Market, its line (or the column of it), and the column of each side's closing maximum.
MAXIMA: Final = (
    ("1x2", None, ("MaxCH", "MaxCD", "MaxCA")),
    ("total", "2.5", ("MaxC>2.5", "MaxC<2.5")),
    ("asian_handicap", "AHCh", ("MaxCAHH", "MaxCAHA")),
)
ONE_PERCENT: Final = 0.01


def maxima(season: Path) -> Iterator[list[tuple[str, int | None, list[int]]]]:
    """Per match the (market, line_q4, price_e4 of each side in board order) of its maxima."""
    for file in sorted(season.glob("*.csv")):
        with file.open(encoding="latin-1", newline="") as opened:
            for row in csv.DictReader(opened):
                found = [market for each in MAXIMA if (market := _market(row, *each)) is not None]
                if found:
                    yield found


def _market(
    row: Mapping[str, str | None], market_type: str, at: str | None, columns: Sequence[str]
) -> tuple[str, int | None, list[int]] | None:
    """A market of a row, None where a price or the line is missing or is none."""
    try:
        line_q4 = None if at is None else line.parse(row.get(at) or at)
        return market_type, line_q4, [parse_decimal(row.get(c) or "") for c in columns]
    except Invalid:
        return None


def count_maxima(season: Path) -> Counter[str]:
    """What the closing maxima of a season give away; mean figures are sums of parts per million."""
    counts: Counter[str] = Counter()
    for markets in maxima(season):
        counts["matches"] += 1
        alone = max(_alone(counts, *market) for market in markets)
        legs = [
            pricing.Leg(market_type, side, Fraction(price_e4, SCALE_E4), line_q4)
            for market_type, line_q4, prices_e4 in markets
            for side, price_e4 in zip(grading.sides(market_type), prices_e4, strict=True)
        ]
        together = pricing.surebet.solve(legs).guaranteed
        for name, above in (("any", _ZERO), ("one percent", ONE_PERCENT)):
            counts[f"alone {name}"] += alone > above
            counts[f"across {name}"] += together > above
        counts["better across"] += together > _ZERO and together > alone + _ZERO
    return counts


def _alone(counts: Counter[str], market_type: str, line_q4: int | None, prices: list[int]) -> float:
    """What a market guarantees by itself; a handicap that seems to is counted by its line."""
    split = edges.guarantee(grading.states(market_type, line_q4), prices)
    assert split is not None
    naive = 1 / sum(SCALE_E4 / price_e4 for price_e4 in prices) - 1
    if market_type == "asian_handicap" and line_q4 is not None and naive > 0:
        kind = ("whole", "quarter", "half", "quarter")[line_q4 % line.QUARTERS]
        counts[f"{kind} naive"] += 1
        counts[f"{kind} guaranteed"] += split.guaranteed > 0
        counts[f"{kind} naive ppm"] += round(1_000_000 * naive)
        counts[f"{kind} guaranteed ppm"] += round(1_000_000 * split.guaranteed)
    return float(split.guaranteed)


MAXIMA_ROWS: Final = (
    ("matches with closing maxima", "matches"),
    ("Asian handicap on half lines: naive", "half naive"),
    ("… guaranteed", "half guaranteed"),
    ("Asian handicap on quarter lines: naive", "quarter naive"),
    ("… guaranteed", "quarter guaranteed"),
    ("Asian handicap on whole lines: naive", "whole naive"),
    ("… guaranteed", "whole guaranteed"),
    ("matches with a guaranteed gain inside one market", "alone any"),
    ("… and across markets", "across any"),
    ("matches with more than 1 % inside one market", "alone one percent"),
    ("… and across markets", "across one percent"),
    ("matches where markets together guarantee more than the best alone", "better across"),
)
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
    highest = [count_maxima(season) for season in seasons]
    named = [count(season) for season in seasons]
    lines = [
        "# Arbitrage in closing prices",
        "",
        "Made by `python -m benchmarks.closing_arbitrage SEASON...`; do not edit. Prices are those",
        "of football-data.co.uk, which were not quoted at one instant and have slips among them:",
        "exact arithmetic that compares detectors, no claim about profit.",
        "",
        "## Closing maxima over all books",
        "",
        *_table(seasons, MAXIMA_ROWS, highest),
        "",
        *(_quarters(season, found) for season, found in zip(seasons, highest, strict=True)),
        "",
        "## Best closing price over the named fixed-odds books",
        "",
        *_table(seasons, ROWS, named),
        "",
        "A sum of 1/price below one promises more than a handicap keeps: on a whole or quarter",
        "line it can push. The linear program sees all best prices of a match at once, so it finds",
        "what no market shows alone, such as the draw and the away win beside the home side at 0.",
        "",
    ]
    return "\n".join(lines)


def _table(
    seasons: Sequence[Path], rows: Sequence[tuple[str, str]], counted: Sequence[Counter[str]]
) -> Iterator[str]:
    yield "| | " + " | ".join(season.name for season in seasons) + " |"
    yield "|---|" + "---|" * len(seasons)
    for words, key in rows:
        yield f"| {words} | " + " | ".join(f"{found[key]:,}" for found in counted) + " |"


def _quarters(season: Path, found: Counter[str]) -> str:
    """What quarter lines seem to give, and what they do."""
    pairs = max(found["quarter naive"], 1)
    claimed, true = (
        found[f"quarter {name} ppm"] / pairs / 10_000 for name in ("naive", "guaranteed")
    )
    return f"- {season.name}, quarter lines: {claimed:.2f} % claimed is {true:.2f} % guaranteed."


def main() -> None:
    """Write the report and print it."""
    if len(sys.argv) < 2:
        sys.exit("say which seasons: python -m benchmarks.closing_arbitrage SEASON...")
    text = report([Path(name) for name in sys.argv[1:]])
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
