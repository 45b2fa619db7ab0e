"""The policy that a person configures, `edges` in overround.yaml, in the engine's own words."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from overround.kit.settings import EdgeSourceSettings, EdgesSettings
from overround.odds.edges.model import Policy, Terms


def policy_of(settings: EdgesSettings) -> Policy:
    """What is looked for by these settings; without any it is `Policy()`
    (test: the settings defaults are the engines)."""
    known = settings.sources
    return Policy(
        sharp=frozenset(settings.sharp),
        noise_sharp=settings.noise_sharp,
        noise=settings.noise,
        noises={name: one.noise for name, one in known.items() if one.noise is not None},
        drift=settings.drift,
        reference=settings.reference,
        pushed=frozenset(settings.pushed),
        method=settings.method,
        judges_min=settings.judges_min,
        value_ppm_min=settings.value_ppm_min,
        value_price_e4_max=settings.value_price_e4_max,
        hold_ppm_max=settings.hold_ppm_max,
        middle_cost_ppm_max=settings.middle_cost_ppm_max,
        too_good_ppm=settings.too_good_ppm,
        age_max=timedelta(seconds=settings.age_max_s),
        age_live_max=timedelta(seconds=settings.age_live_max_s),
        skew_max=timedelta(seconds=settings.skew_max_s),
        skew_live_max=timedelta(seconds=settings.skew_live_max_s),
        passed_by_max=settings.passed_by_max,
        terms={name: _terms(one) for name, one in known.items()},
        clones={name: one.clone_of for name, one in known.items() if one.clone_of is not None},
        rules={(name, sport): by for name, one in known.items() for sport, by in one.rules.items()},
    )


def _terms(one: EdgeSourceSettings) -> Terms:
    return Terms(
        commission_bps=one.commission_bps,
        currency=one.currency,
        currency_rate=Fraction(one.currency_rate),
        stake_min=_amount(one.stake_min),
        stake_max=_amount(one.stake_max),
        step=_amount(one.step),
    )


def _amount(given: Decimal | None) -> Fraction | None:
    return None if given is None else Fraction(given)
