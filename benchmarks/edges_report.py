"""docs/reports/edges.md: what the edge engine claims, and what of it is true."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, Final

from benchmarks import closing_arbitrage, edges_noise
from benchmarks.edges_board import POLICY, PPM
from benchmarks.edges_truth import Judged
from overround.odds import edges
from overround.odds.edges import Policy

REPORT: Final = Path(__file__).parent.parent / "docs" / "reports" / "edges.md"
LEARNT: Final = (1, 2)
HELD_OUT: Final = (7, 11, 13, 17)
MINUTES: Final = 60.0
CLAIMS: Final = (0.02, 0.03, 0.04, 0.06, 0.10)
CONFIDENCES: Final = (0.5, 0.9, 0.97, 0.99, 1.0)
Row = dict[str, Any]
Simulate = Callable[[int, float, Policy], Row]
Replay = Callable[[Path, Policy, int], Row]


def error(nets: Sequence[float]) -> float:
    """The standard error of a mean."""
    return pstdev(nets) / math.sqrt(len(nets)) if nets else math.nan


def value(judged: Sequence[Judged]) -> Row:
    """Claims of value beside their truth: before the start, in play, suspect; by the size of the
    claim, and by how sure it was."""
    before = [one for one in judged if not one.suspect and not one.live]
    return {
        "before_start": _claims(before),
        "in_play": _claims([one for one in judged if not one.suspect and one.live]),
        "suspect": _claims([one for one in judged if one.suspect]),
        "by_claim": {
            f"{100 * low:.0f} to {100 * high:.0f} %": _claims(
                [one for one in before if low <= one.claimed < high]
            )
            for low, high in pairwise(CLAIMS)
        },
        "by_confidence": {
            f"{low} to {high}": _claims([one for one in before if low <= one.sure <= high])
            for low, high in pairwise(CONFIDENCES)
        },
    }


def _claims(judged: Sequence[Judged]) -> Row:
    if not judged:
        return {"edges": 0}
    return {
        "edges": len(judged),
        "claimed_ppm": fmean(one.claimed for one in judged) * PPM,
        "true_ppm": fmean(one.true for one in judged) * PPM,
        "error_ppm": error([one.true for one in judged]) * PPM,
        "sure": fmean(one.sure for one in judged),
        "positive": fmean(one.true > 0 for one in judged),
    }


def pooled(rows: Iterable[Row]) -> Row:
    """Rows of claims as one."""
    some = [row for row in rows if row["edges"]]
    count = sum(row["edges"] for row in some)
    if not count:
        return {"edges": 0}
    mean = {
        name: sum(row["edges"] * row[name] for row in some) / count
        for name in ("claimed_ppm", "true_ppm", "sure", "positive")
    }
    spread = math.sqrt(sum((row["edges"] * row["error_ppm"]) ** 2 for row in some)) / count
    return {"edges": count, **mean, "error_ppm": spread}


def written(data: Path, simulate: Simulate, replay: Replay) -> str:
    """Measure everything, write the report and return it."""
    samples = [one for seed in LEARNT for one in edges_noise.simulated(seed, MINUTES)]
    taught = edges_noise.learnt(samples)
    assumed = [simulate(seed, MINUTES, POLICY) for seed in HELD_OUT]
    learnt = [simulate(seed, MINUTES, taught) for seed in HELD_OUT]
    seasons = data / "football-data"
    by_season = edges_noise.learnt(edges_noise.season(seasons / "2122"))
    past = {
        "football-data 2022/23": replay(seasons / "2223", POLICY, 2),
        "NHL and WNBA, 2023 to 2026": replay(
            data / "the-odds-api" / "nhl-wnba-snapshots-2023-2026.csv.gz", POLICY, 2
        ),
    }
    next_season = replay(seasons / "2223", by_season, 1)
    text = "\n".join(
        [
            *_head(),
            *_values(assumed, learnt, past["football-data 2022/23"], next_season),
            *_noises(taught, by_season),
            *_arbitrages(assumed),
            *_replays(past),
            *_counts(data),
            *_costs(assumed),
            "",
        ]
    )
    REPORT.write_text(text, encoding="utf-8")
    return text


def _head() -> Iterator[str]:
    yield from (
        "# Edges: claimed and true",
        "",
        "Made by `python -m benchmarks.edges report`; do not edit. Simulated markets are those of",
        f"seeds {', '.join(map(str, HELD_OUT))}, {MINUTES:.0f} simulated minutes each.",
        f"Noise and drift were learnt on seeds {LEARNT[0]} and {LEARNT[1]} and on the season",
        '2021/22, from prices alone. What is "true" of a simulated price is its worth by the',
        "chances the match is played with at that minute.",
        "",
    )


def _values(assumed: list[Row], learnt: list[Row], season: Row, next_season: Row) -> Iterator[str]:
    yield "## Prices of value that nothing speaks against"
    yield ""
    yield "| market | policy | edges | claimed | true | truly above zero |"
    yield "|---|---|---|---|---|---|"
    for name, runs in (("default", assumed), ("learnt", learnt)):
        for run in runs:
            yield _line(f"simulated, seed {run['seed']}", name, run["value"]["before_start"])
        yield _line("**all four**", name, pooled(run["value"]["before_start"] for run in runs))
        yield _line("… in play", name, pooled(run["value"]["in_play"] for run in runs))
        yield _line("… suspect", name, pooled(run["value"]["suspect"] for run in runs))
    for name, run in (("default", season), ("learnt", next_season)):
        found = run["value_against_close"]["before_start"]
        yield _line("football-data 2022/23, against the close", name, found)
    yield ""
    yield "True is ± one standard error. The close is Pinnacle's last price without its overround;"
    yield "prices that were only found at the close are left out. It knows the news since, so one"
    yield "in three of the prices that were good when they were seen is below it."
    yield ""
    yield from _bands("by_claim", "claim", assumed, season)
    yield from _bands("by_confidence", "confidence", assumed, season)


def _bands(key: str, words: str, assumed: list[Row], season: Row) -> Iterator[str]:
    yield f"| {words} | market | edges | claimed | true | mean confidence | truly above zero |"
    yield "|---|---|---|---|---|---|---|"
    for band in assumed[0]["value"][key]:
        both = (
            ("simulated", pooled(run["value"][key][band] for run in assumed)),
            ("2022/23", season["value_against_close"][key][band]),
        )
        for market, row in both:
            if row["edges"]:
                yield (
                    f"| {band} | {market} | {row['edges']:,} | {_percent(row['claimed_ppm'])} | "
                    f"{_percent(row['true_ppm'])} ± {row['error_ppm'] / 10_000:.2f} | "
                    f"{row['sure']:.2f} | {100 * row['positive']:.0f} % |"
                )
    yield ""


def _line(market: str, policy: str, row: Row) -> str:
    if not row["edges"]:
        return f"| {market} | {policy} | 0 | | | |"
    return (
        f"| {market} | {policy} | {row['edges']:,} | {_percent(row['claimed_ppm'])} | "
        f"{_percent(row['true_ppm'])} ± {row['error_ppm'] / 10_000:.2f} | "
        f"{100 * row['positive']:.0f} % |"
    )


def _noises(taught: Policy, by_season: Policy) -> Iterator[str]:
    yield "## Noise that was learnt"
    yield ""
    yield "Standard deviations of log-odds; the defaults are"
    yield f"{POLICY.noise_sharp} for sharp sources, {POLICY.noise} for all others and a drift of"
    yield f"{POLICY.drift}. The drift that was learnt on the simulator is {taught.drift}."
    yield ""
    yield "| source | noise | learnt on |"
    yield "|---|---|---|"
    for where, policy in (("simulator", taught), ("2021/22", by_season)):
        for source, noise in sorted(policy.noises.items(), key=lambda pair: (pair[1], pair[0])):
            yield f"| {source} | {noise:.3f} | {where} |"
    yield ""


def _arbitrages(assumed: list[Row]) -> Iterator[str]:
    total: Counter[str] = Counter()
    for run in assumed:
        total.update({k: v for k, v in run["arbitrages"].items() if not k.startswith("mean")})
    means = [run["arbitrages"]["mean_guaranteed_ppm"] for run in assumed]
    whole = [run["arbitrages"]["mean_guaranteed_whole_ppm"] for run in assumed]
    yield "## Arbitrages that were verified, simulated"
    yield ""
    yield "| | |"
    yield "|---|---|"
    rows = (
        ("sure ones", "verified_sure"),
        ("… that gain in every score at their shares", "payoff_true"),
        ("… that leave something in whole units of a total of 1,000", "placeable_in_whole_units"),
        ("… of those, that gain in every score so", "payoff_true_in_whole_units"),
        ("free rolls", "verified_free_rolls"),
        ("… that lose in no score", "not_losing"),
        ("between markets", "cross"),
        ("paid out by the result of the match", "settled"),
        ("… that lost", "lost"),
    )
    for words, key in rows:
        yield f"| {words} | {total[key]:,} |"
    yield f"| mean guaranteed at shares, by seed | {', '.join(map(_percent, means))} |"
    yield f"| … in whole units | {', '.join(map(_percent, whole))} |"
    yield ""


def _replays(past: Mapping[str, Row]) -> Iterator[str]:
    yield "## Past prices, replayed twice"
    yield ""
    for name, run in past.items():
        same = "identical" if run["identical"] else "DIFFERENT"
        yield f"- {name}: {run['prices']:,} prices, {run['log_entries']:,} entries in the log of"
        yield f"  opportunities, {same} twice, SHA-256 `{run['log_sha256'][:16]}…`;"
        yield f"  found {_words(run['edges'])}; verified {_words(run['verified'])};"
        yield f"  reasons {_words(run['reasons'])}."
    yield ""
    yield "Settled on the results, net of commission:"
    yield ""
    yield "| season | kind | edges | lost | mean claimed | mean paid |"
    yield "|---|---|---|---|---|---|"
    for name, run in past.items():
        for kind, row in run["settled"].items():
            paid = f"{_percent(row['mean_net_ppm'])} ± {row['net_error_ppm'] / 10_000:.2f}"
            claimed = _percent(row["mean_claimed_ppm"])
            yield f"| {name} | {kind} | {row['edges']:,} | {row['lost']:,} | {claimed} | {paid} |"
    yield ""
    yield "An arbitrage that lost would be a false one; a price of value loses as often as its side"
    yield "does, so its witness is the mean. Files without results settle nothing."
    yield ""


def _counts(data: Path) -> Iterator[str]:
    """The season 2021/22 counted from the files by the feed, beside the list that came with it."""
    with (data / "arbitrage-2021-22.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    listed = Counter((row["market"], row["flag"]) for row in rows)
    ours: Counter[tuple[str, str]] = Counter()
    for batch in closing_arbitrage.closing(data / "football-data" / "2122"):
        for market, books in closing_arbitrage.quotes_of(batch).items():
            found = edges.arbitrage(market.market_type, market.line_q4, books)
            if found is not None:
                flag = "suspect" if found.suspect else "clean"
                ours[market.market_type, flag] += 1
    yield "## The arbitrages of 2021/22, counted exactly"
    yield ""
    yield "| market | listed: all, clean | by our feed: all, clean |"
    yield "|---|---|---|"
    for theirs, mine in (("1X2", "1x2"), ("OU2.5", "total"), ("AH", "asian_handicap")):
        pairs = ((listed, theirs), (ours, mine))
        counted = [
            f"{book[name, 'clean'] + book[name, 'suspect']}, {book[name, 'clean']}"
            for book, name in pairs
        ]
        yield f"| {theirs} | {counted[0]} | {counted[1]} |"
    yield ""


def _costs(assumed: list[Row]) -> Iterator[str]:
    middle = max(run["look_ms_p50"] for run in assumed)
    high = max(run["look_ms_p99"] for run in assumed)
    yield "## What a look costs"
    yield ""
    yield f"The events of one tick of the simulated market: {middle} ms of the processor in the"
    yield f"middle, {high} ms at the 99th percentile; the worst of the seeds, on a loaded machine."


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def _percent(ppm: float | None) -> str:
    return "none" if ppm is None else f"{ppm / 10_000:.2f} %"
