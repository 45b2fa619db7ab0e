"""What one player's money should be: a model in plain Python that knows no database.

It shares nothing with the product: a grade is read off the score here, a payout is a fraction that
is rounded down once, and what settling moves is the difference of what a bet was and is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

PRICES: Final[Mapping[str, Fraction]] = {
    "home": Fraction(21, 10),
    "draw": Fraction(335, 100),
    "away": Fraction(375, 100),
}
Pick = tuple[str, str]


@dataclass(slots=True)
class ModelBet:
    """A bet of the player's; `worth_minor` is what it was settled at, None while it is open.

    `won_minor` is what of that is a payout and not a stake that was given back.
    """

    stake_minor: int
    legs: Sequence[Pick]
    worth_minor: int | None = None
    won_minor: int = 0


@dataclass(slots=True)
class Model:
    """Where the money is, and what is known. `rulings` are those that hold, by event."""

    cash_minor: int = 0
    held_minor: int = 0
    withdrawing_minor: int = 0
    bank_minor: int = 0
    house_minor: int = 0
    owed_minor: int = 0
    lent_minor: int = 0
    bets: list[ModelBet] = field(default_factory=list[ModelBet])
    scores: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    rulings: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    touched: set[str] = field(default_factory=set[str])

    def deposit(self, amount_minor: int) -> None:
        """Money arrives."""
        self.cash_minor += amount_minor
        self.bank_minor -= amount_minor

    def withdraw(self, amount_minor: int) -> bool:
        """Whether it may be asked for; it waits then."""
        if amount_minor > self.cash_minor:
            return False
        self.cash_minor -= amount_minor
        self.withdrawing_minor += amount_minor
        return True

    def decide(self, amount_minor: int, lent_before_minor: int, *, is_paid: bool) -> None:
        """A withdrawal is paid, or it is cash again, and pays what was lent since it was asked.

        `lent_before_minor` is `lent_minor` of then.
        """
        self.withdrawing_minor -= amount_minor
        if is_paid:
            self.bank_minor += amount_minor
            return
        repaid = min(self.owed_minor, amount_minor, self.lent_minor - lent_before_minor)
        self.cash_minor += amount_minor - repaid
        self.owed_minor -= repaid

    def place(self, stake_minor: int, legs: Sequence[Pick]) -> str:
        """The answer to a slip."""
        if any(event in self.scores for event, _ in legs):
            return "event_started"
        if stake_minor > self.cash_minor:
            return "insufficient_funds"
        self.cash_minor -= stake_minor
        self.held_minor += stake_minor
        self.bets.append(ModelBet(stake_minor, legs))
        return "accepted"

    def end(self, event: str, score: tuple[int, int]) -> None:
        """What happened, or what had happened after all."""
        self.scores[event] = score
        self.touched.add(event)

    def rule(self, event: str, kind: str) -> None:
        """The tenant holds an event back, or voids it."""
        self.rulings.setdefault(event, []).append(kind)
        self.touched.add(event)

    def lift(self, event: str, kind: str) -> None:
        """A ruling was never made."""
        self.rulings[event].remove(kind)
        self.touched.add(event)

    def settle(self) -> int:
        """Every bet of the touched events comes to what is known; how many changed.

        What is won comes in before what is taken back. What the cash does not reach is lent, and
        what was won pays a loan of before.
        """
        comes, goes, won, changed = 0, 0, 0, 0
        for bet in self._concerned():
            worth, won_minor = self._worth(bet)
            if (worth, won_minor) == (bet.worth_minor, bet.won_minor):
                continue
            changed += 1
            won += max(won_minor - bet.won_minor, 0)
            was, bet.worth_minor, bet.won_minor = bet.worth_minor, worth, won_minor
            cash = (worth or 0) - (was or 0)
            self.held_minor += bet.stake_minor * ((worth is None) - (was is None))
            self.house_minor += bet.stake_minor * ((was is None) - (worth is None)) - cash
            comes, goes = comes + max(cash, 0), goes + max(-cash, 0)
        ends = self.cash_minor + comes - goes
        lent = max(-ends, 0)
        repaid = max(min(self.owed_minor, won, ends), 0)
        self.cash_minor = ends + lent - repaid
        self.owed_minor += lent - repaid
        self.lent_minor += lent
        self.touched.clear()
        return changed

    def _concerned(self) -> Iterable[ModelBet]:
        return [bet for bet in self.bets if any(event in self.touched for event, _ in bet.legs)]

    def _worth(self, bet: ModelBet) -> tuple[int | None, int]:
        """What it pays by what is known, None while that does not say; and what of it is won."""
        factors = [self.factor(event, side) for event, side in bet.legs]
        if 0 in factors:
            return 0, 0
        product = Fraction(bet.stake_minor)
        for factor in factors:
            if factor is None:
                return None, 0
            product *= factor
        worth = int(product)
        return worth, 0 if all(factor == 1 for factor in factors) else worth

    def factor(self, event: str, side: str) -> Fraction | None:
        """What a leg multiplies the stake by; None while it is not known."""
        rulings = self.rulings.get(event, [])
        if "hold" in rulings:
            return None
        if "void" in rulings:
            return Fraction(1)
        if event not in self.scores:
            return None
        home, away = self.scores[event]
        answer = "home" if home > away else "away" if home < away else "draw"
        return PRICES[side] if side == answer else Fraction(0)
