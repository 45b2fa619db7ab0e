"""Settings of what is looked for on the board, and of what is not believed (docs/edges.md)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from overround.kit.settings.bounds import Name, Section

# Sources whose prices move first and are asked least for: others follow them.
SHARP: Final = (
    *("BFE", "P", "PS", "betfair", "betfair_ex_au", "betfair_ex_eu", "betfair_ex_uk"),
    *("matchbook", "pinnacle", "ps3838", "quillmarket", "redlantern", "smarkets"),
)

Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
Noise = Annotated[float, Field(ge=0.005, le=5)]
AgeSeconds = Annotated[float, Field(ge=0.1, le=86_400)]
Amount = Annotated[Decimal, Field(gt=0, le=10**12, allow_inf_nan=False)]


class EdgeSourceSettings(Section):
    """One source: how far it is believed, and what it takes and allows."""

    noise: Noise | None = Field(
        default=None,
        description="How far off its prices are, a standard deviation in log-odds; default: that "
        "of its kind.",
    )
    clone_of: Name | None = Field(
        default=None,
        description="The source that it copies, or any name that such sources share: they are one.",
    )
    commission_bps: Annotated[int, Field(ge=0, le=9_999)] = Field(
        default=0,
        description="What it keeps of a profit, in hundredths of a percent. An exchange that is "
        "not named here is not bet at.",
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="What its stakes are in; default: what the trader counts in."
    )
    currency_rate: Annotated[Decimal, Field(gt=0, le=10**9, allow_inf_nan=False)] = Field(
        default=Decimal(1), description="What one unit of that is worth in the trader's own."
    )
    stake_min: Amount | None = Field(default=None, description="Its smallest stake.")
    stake_max: Amount | None = Field(default=None, description="Its largest stake.")
    step: Amount | None = Field(
        default=None, description="What a stake is a multiple of; default: a hundredth."
    )
    rules: Annotated[dict[Name, Name], Field(max_length=100)] = Field(
        default={},
        description="By sport a name for the rules it settles by, where houses differ (overtime, "
        "retirement): legs by different ones are no hedge.",
    )


class EdgesSettings(Section):
    """What is looked for on the board, and what is not believed."""

    method: Literal["multiplicative", "additive", "power", "odds_ratio", "shin", "probit"] = Field(
        default="probit", description="How the overround is taken out of a price."
    )
    reference: Literal["consensus", "sharp"] = Field(
        default="consensus",
        description="Who says what is fair: all sources, each by its noise, or the sharp ones "
        "alone where they quote.",
    )
    sharp: Annotated[tuple[Name, ...], Field(max_length=200)] = Field(
        default=SHARP, description="Sources that move first and are asked least for."
    )
    noise_sharp: Noise = Field(
        default=0.015,
        description="How far off a sharp source's prices are, a standard deviation in log-odds.",
    )
    noise: Noise = Field(default=0.05, description="The same of all other sources.")
    drift: Annotated[float, Field(ge=0, le=5)] = Field(
        default=0.07,
        description="How far what is fair walks while all others speak once, in log-odds.",
    )
    pushed: Annotated[tuple[Name, ...], Field(max_length=200)] = Field(
        default=("simulator",),
        description="Providers that say what changes and nothing else: each word of theirs says "
        "that the rest stands.",
    )
    judges_min: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Independent sources beside its own that have to judge a price."
    )
    value_ppm_min: Ppm = Field(
        default=20_000, description="What a price of value is expected to pay at least."
    )
    value_price_e4_max: Annotated[int, Field(ge=10_001, le=1_000_000_000)] = Field(
        default=100_000, description="Highest price, in ten-thousandths, that is judged at all."
    )
    hold_ppm_max: Ppm = Field(default=5_000, description="What a low hold costs at most.")
    middle_cost_ppm_max: Ppm = Field(default=25_000, description="What a middle costs at most.")
    too_good_ppm: Ppm = Field(default=100_000, description="Above this an edge is a mistake.")
    age_max_s: AgeSeconds = Field(
        default=300.0, description="Seconds for which a price is believed before the start."
    )
    age_live_max_s: AgeSeconds = Field(default=30.0, description="The same in play.")
    skew_max_s: AgeSeconds = Field(
        default=300.0, description="Seconds by which the prices of two legs may be apart."
    )
    skew_live_max_s: AgeSeconds = Field(default=10.0, description="The same in play.")
    passed_by_max: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=6, description="Others that may have moved since the price did."
    )
    sources: Annotated[dict[Name, EdgeSourceSettings], Field(max_length=500)] = Field(
        default={}, description="What is known of single sources."
    )

    @field_validator("sources")
    @classmethod
    def _no_copy_of_a_copy(
        cls, given: dict[str, EdgeSourceSettings]
    ) -> dict[str, EdgeSourceSettings]:
        """A chain of copies would be several groups to whoever follows one link."""
        for name, one in given.items():
            if one.clone_of is not None and (
                one.clone_of == name
                or (one.clone_of in given and given[one.clone_of].clone_of is not None)
            ):
                raise ValueError(f"{name}: clone_of names a source that is no copy itself")
        return given
