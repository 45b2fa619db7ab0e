"""The figures in the format that Prometheus and everything like it scrapes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, cast

import psutil

from overround.kit.counting.cells import Described
from overround.kit.counting.files import Cells, Told

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


def encoded(
    families: Mapping[str, Described], cells: Cells, told: Sequence[Told], version: str, accept: str
) -> tuple[bytes, str]:
    """The whole answer to a scrape, and its media type: plain text or, where asked, OpenMetrics."""
    from prometheus_client.exposition import choose_encoder

    encode, media_type = choose_encoder(accept)
    return encode(cast("Any", _Collected(families, cells, told, version))), media_type


class _Collected:
    """What the encoder asks for its families."""

    def __init__(
        self,
        families: Mapping[str, Described],
        cells: Cells,
        told: Sequence[Told],
        version: str,
    ) -> None:
        self._families = families
        self._cells = cells
        self._told = told
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Every family that has a cell, and the processes."""
        by_name: dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]] = defaultdict(list)
        for (name, values), slots in sorted(self._cells.items()):
            by_name[name].append((values, slots))
        for name, described in self._families.items():
            if name in by_name:
                yield _metric(described, by_name[name])
        yield from _processes([one for one in self._told if not one.ended], self._version)


def _metric(
    family: Described, cells: Iterable[tuple[tuple[str, ...], tuple[float, ...]]]
) -> Metric:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for values, slots in cells:
            limits = [*map(repr, family.bounds), "+Inf"]
            counts = accumulate(slots[:-1])
            histogram.add_metric(values, list(zip(limits, counts, strict=True)), slots[-1])
        return histogram
    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
    metric = kinds[family.kind](family.name, family.help, labels=family.labels)
    for values, (value,) in cells:
        metric.add_metric(values, value)
    return metric


def _processes(living: Sequence[Told], version: str) -> Iterator[Metric]:
    """What each role's processes of this machine take."""
    from prometheus_client.core import GaugeMetricFamily

    count, memory, cpu, files = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for one in living:
        try:
            process = psutil.Process(one.pid)
            with process.oneshot():
                memory[one.role] += process.memory_info().rss
                times = process.cpu_times()
                cpu[one.role] += times.user + times.system  # type: ignore[assignment]
                files[one.role] += process.num_fds()
        except psutil.Error:
            continue
        count[one.role] += 1
    said = {
        "overround_processes": ("Processes that live.", count),
        "overround_memory_bytes": ("Resident memory of a role's processes.", memory),
        "overround_cpu_seconds": ("Processor time of a role's living processes.", cpu),
        "overround_open_files": ("Descriptors that a role's processes hold open.", files),
    }
    for name, (help_, by_role) in said.items():
        metric = GaugeMetricFamily(name, help_, labels=("role",))
        for role, value in sorted(by_role.items()):
            metric.add_metric((role,), value)
        yield metric
    built = GaugeMetricFamily(
        "overround_build_info", "The version that answers.", labels=("version",)
    )
    built.add_metric((version,), 1)
    yield built
