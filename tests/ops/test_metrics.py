"""Counting: cheap where it happens, right across processes, bounded whatever comes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import timeit
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from overround.kit import metrics
from overround.kit.counting import cells, files
from overround.kit.counting.cells import OTHER, Registry
from tests.tidy.source import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "metrics.md"
DASHBOARD = ROOT / "docs" / "monitoring" / "overround.json"
# Words of the question and labels, beside the metrics' names.
_WORDS = {"histogram_quantile", "endpoint_class", "rate_interval", "__rate_interval"}
ATTEMPTS = 5


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """The product's own counts, kept in a directory for the length of a test."""
    directory = tmp_path / "metrics"
    metrics.keep_in(directory, "api")
    yield directory
    metrics.HOUSE.begin_anew()
    metrics._KEPT.directory = None


def test_counting_costs_less_than_a_microsecond(registry: Registry) -> None:
    family = registry.counter("bets_total", "Bets.", ("tenant",))
    cell = family.at("acme")
    count = 20_000
    # The best of a few: what is asked is what it costs, not what else the machine does.
    looked_up = min(
        timeit.timeit(lambda: family.at("acme").add(), number=count) for _ in range(ATTEMPTS)
    )
    at_hand = min(timeit.timeit(cell.add, number=count) for _ in range(ATTEMPTS))
    assert looked_up / count < 1e-6
    assert at_hand / count < 1e-6


def test_made_up_labels_are_one_cell(registry: Registry) -> None:
    family = registry.counter(
        "asked_total", "Asked.", ("tenant", "path"), most=(("tenant", 2),), cells_max=4
    )
    for number in range(1_000):
        family.at(f"t{number}", "/").add()
    family.at("t0", "x" * 1_000).add()
    found = {one.values: one.slots[0] for one in registry.counted()}
    assert found[("t0", "/")] == 1
    assert found[(OTHER, "/")] == 998
    assert found[("t0", "x" * 120)] == 1
    assert len(found) == 4
    for number in range(100):
        family.at("t0", f"/{number}").add()
    assert len(registry.counted()) == 5
    assert registry.counted()[-1].values == (OTHER, OTHER)


def test_a_full_block_counts_without_a_place(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "SLOTS", 3)
    family = registry.counter("a_total", "A.", ("n",))
    for number in range(10):
        family.at(str(number)).add()
    assert len(registry.counted()) == 3


def test_a_histogram_counts_by_upper_limit(registry: Registry) -> None:
    family = registry.histogram("taken_seconds", "Taken.", bounds=(0.1, 1.0))
    for size in (0.05, 0.1, 0.5, 3.0):
        family.at().observe(size)
    (found,) = registry.counted()
    assert found.slots[:3] == (2, 1, 1)
    assert found.slots[3] == pytest.approx(3.65)


def test_a_counter_takes_over_a_larger_count_alone(registry: Registry) -> None:
    cell = registry.counter("rows_total", "Rows.").at()
    for total in (5, 3, 7):
        cell.reach(total)
    assert registry.counted()[0].slots == (7.0,)


def test_wrong_labels_and_names_are_refused(registry: Registry) -> None:
    family = registry.counter("a_total", "A.", ("x",))
    with pytest.raises(ValueError, match="has the labels"):
        family.at("1", "2")
    with pytest.raises(ValueError, match="registered twice"):
        registry.gauge("a_total", "A.")


CHILD = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from overround.kit import metrics
    metrics.BETS_SETTLED.at().add(2)          # counted before it is kept, and kept with it
    metrics.keep_in(Path(sys.argv[1]), "settle")
    metrics.BETS_SETTLED.at().add(3)
    metrics.JOB_SECONDS.at("settle").observe(0.2)
    metrics.CIRCUIT_BREAKER.at("worker").set(1)
    print("counted", flush=True)
    sys.stdin.read()
    os._exit(9)
    """
)


def child(directory: Path) -> subprocess.Popen[str]:
    """A process that counts, and lives until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


def scraped(name: str) -> float:
    """What a scrape says of a figure without labels, or of the sum of those with."""
    text = metrics.exposition()[0].decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )


def test_counts_outlive_their_process(kept: Path) -> None:
    """Two processes count and one is killed: its counts stay, its gauges go, its files as well."""
    metrics.BETS_SETTLED.at().add(1)
    jobs = scraped("job_duration_seconds_count")
    process = child(kept)
    assert scraped("bets_settled_total") == 6
    assert scraped("circuit_breaker_state") == 1
    assert scraped("overround_processes") == 2
    process.kill()
    process.communicate()
    assert scraped("bets_settled_total") == 6
    assert scraped("job_duration_seconds_count") == jobs + 1
    assert scraped("circuit_breaker_state") == 0
    assert scraped("overround_processes") == 1
    assert len(list(kept.glob("*.keys"))) == 2
    files.add_up_ended(metrics.HOUSE.families, kept)
    assert len(list(kept.glob("*.keys"))) == 1
    assert scraped("bets_settled_total") == 6
    # Whoever was read before the sum was written is not counted twice.
    files.add_up_ended(metrics.HOUSE.families, kept)
    assert scraped("bets_settled_total") == 6


def test_files_that_are_none_are_left_out(kept: Path) -> None:
    metrics.BETS_SETTLED.at().add(1)
    (kept / "hostile.keys").write_text('["no", "head"]\n')
    (kept / "empty.keys").write_text("")
    (kept / "alone.keys").write_text('{"role": "x", "pid": 1, "started": "1", "machine": "m"}\n')
    (kept / "ended.json").write_text("[1, 2")
    assert scraped("bets_settled_total") == 1


def test_what_another_version_counted_is_left_out(registry: Registry) -> None:
    registry.histogram("a_seconds", "A.", bounds=(1.0, 2.0))
    told = [
        cells.Counted("a_seconds", (), (1.0, 2.0)),
        cells.Counted("gone_total", (), (1.0,)),
        cells.Counted("a_seconds", ("label",), (0.0,) * 4),
    ]
    assert files.merged(registry.families, [], told) == {}


def test_a_forked_child_counts_for_itself(kept: Path) -> None:
    metrics.BETS_SETTLED.at().add(1)
    pid = os.fork()
    if not pid:
        metrics.BETS_SETTLED.at().add(100)
        os._exit(0)
    os.waitpid(pid, 0)
    assert scraped("bets_settled_total") == 1


def test_a_directory_that_cannot_be_written_is_no_reason_to_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    metrics.keep_in(tmp_path / "file", "api")
    assert metrics.kept_directory() is None


def test_every_metric_is_documented() -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (\w+) \|", DOCUMENT.read_text(), re.MULTILINE)
    known = {name: one.kind for name, one in metrics.HOUSE.families.items()}
    assert dict(rows).items() >= known.items()
    assert set(dict(rows)) - set(known) == {
        "overround_build_info",
        "overround_cpu_seconds",
        "overround_memory_bytes",
        "overround_open_files",
        "overround_processes",
    }


def test_the_dashboard_asks_for_metrics_that_are() -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(asked) > 30
    named = {name for expr in asked for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", expr)}
    names = {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in named} - _WORDS
    known = {*metrics.HOUSE.families, "overround_processes", "overround_memory_bytes"}
    assert names - known == {"overround_cpu_seconds"}


def test_the_seeds_names_are_kept() -> None:
    assert {
        "http_requests_total", "http_request_duration_seconds", "db_pool_usage_percent",
        "db_pool_waiting_connections", "db_active_connections", "cache_hits_total",
        "cache_misses_total", "circuit_breaker_state", "tenant_requests_total",
    } <= set(metrics.HOUSE.families)  # fmt: skip
