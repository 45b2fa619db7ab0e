"""Which amounts the cashier takes, and what an earlier answer was."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from overround.core import money
from overround.core.errors import Invalid, at_field
from overround.people.cashier.model import Payment

# Ten billion in a currency of two decimals: no honest payment is larger, and sums stay far from
# the end of a bigint.
AMOUNT_MINOR_MAX: Final = 10**12


def amount_minor(text: str, currency: str) -> int:
    """A payment's amount, above zero. Raises Invalid `invalid_number` or `amount_out_of_range`."""
    with at_field("amount"):
        minor = money.parse(text, currency)
    if not 0 < minor <= AMOUNT_MINOR_MAX:
        said = f"an amount is above zero and at most {money.to_text(AMOUNT_MINOR_MAX, currency)}"
        raise Invalid(said, code="amount_out_of_range", field="amount")
    return minor


def signed_amount_minor(text: str, currency: str) -> int:
    """An adjustment's amount: as `amount_minor`, or below zero with a leading minus."""
    if text.startswith("-"):
        return -amount_minor(text[1:], currency)
    return amount_minor(text, currency)


def as_answered(payment: Payment) -> Payment:
    """The payment as its request was answered, whatever staff have decided since.

    A retry with the same key must get the same answer (test: a replay after the decision).
    """
    if payment.kind == "withdrawal" and payment.refusal_code is None:
        return replace(payment, status="requested", reason="", decided_at=None)
    return payment
