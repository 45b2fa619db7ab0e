"""What a person configures about edges, and what the engine makes of it."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from overround.core.errors import SettingsError
from overround.kit import settings
from overround.kit.settings import EdgesSettings
from overround.odds import edges
from overround.odds.edges import Policy, Terms

SOURCES = """
edges:
  method: shin
  sharp: [pinnacle]
  age_max_s: 60
  sources:
    smarkets: {commission_bps: 200, currency: GBP, currency_rate: 1.16, step: 0.01}
    mirror: {clone_of: bet365, noise: 0.2}
    bet365: {stake_min: 1, stake_max: "250.50", rules: {tennis: one_set}}
"""


def configured(text: str, folder: Path) -> Policy:
    path = folder / "overround.yaml"
    path.write_text(text, encoding="utf-8")
    return edges.policy_of(settings.load(path).edges)


def test_the_settings_defaults_are_the_engines() -> None:
    assert edges.policy_of(EdgesSettings()) == Policy()


def test_what_is_configured_is_the_policy(tmp_path: Path) -> None:
    found = configured(SOURCES, tmp_path)
    assert (found.method, found.sharp) == ("shin", frozenset({"pinnacle"}))
    assert found.age_max == timedelta(minutes=1)
    assert found.terms["smarkets"] == Terms(
        200, "GBP", Fraction("1.16"), None, None, Fraction("0.01")
    )
    assert found.terms["bet365"].stake_max == Fraction("250.5")
    assert (found.clones, found.rules) == ({"mirror": "bet365"}, {("bet365", "tennis"): "one_set"})
    assert [found.noise_of(name) for name in ("mirror", "pinnacle", "bet365")] == [0.2, 0.015, 0.05]


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("method: guess", "edges.method"),
        ("reference: both", "edges.reference"),
        ("noise: 0", "edges.noise"),
        ("drift: -1", "edges.drift"),
        ("judges_min: 0", "edges.judges_min"),
        ("value_ppm_min: 1000001", "edges.value_ppm_min"),
        ("age_max_s: 0", "edges.age_max_s"),
        ("sharp: ['a b']", "edges.sharp.0"),
        ("weight: 4", "unknown setting: edges.weight"),
        ("sources: {one: {commission_bps: 10000}}", "edges.sources.one.commission_bps"),
        ("sources: {one: {currency: euro}}", "edges.sources.one.currency"),
        ("sources: {one: {currency_rate: .nan}}", "edges.sources.one.currency_rate"),
        ("sources: {one: {stake_max: 0}}", "edges.sources.one.stake_max"),
        ("sources: {one: {clone_of: one}}", "no copy itself"),
        ("sources: {one: {clone_of: two}, two: {clone_of: three}}", "no copy itself"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(written: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=named):
        configured(f"edges:\n  {written}\n", tmp_path)
