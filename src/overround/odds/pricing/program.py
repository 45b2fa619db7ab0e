"""The surebet as a linear program: the stakes whose worst state is the best possible.

    maximise G   over stakes s_j and fees f
    so that      sum_j s_j m_j(w) - sum_g f_g(w) - sum_j s_j  >=  G        in every state w
                 f_g(w)  >=  c_g * (net of the legs of exchange market g in w),   f_g(w) >= 0
                 least  <=  sum_j s_j  <=  most,   and each stake within its bounds

An exchange charges the net of a market, so the fee of several legs on it is one variable a state;
it is as low as it may be because G gains by it. Stakes in steps make it an integer program. Solved
by HiGHS, which is imported where it solves: it takes long to load and most processes never ask it.
Stakes are in a common currency, in units near one (`surebet` sees to that). Source: a surebet is a
game against the result, and the best mixed strategy of a game is a linear program: G. B. Dantzig,
"A proof of the equivalence of the programming problem and the game problem" (1951).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.core.errors import Invalid
from overround.odds.pricing.model import Floats, Mask

if TYPE_CHECKING:
    import highspy

_INFINITY: Final = float("inf")
# A dual above this holds its state down; the solver is exact to about 1e-9.
_TIGHT: Final = 1e-8
# Stakes in steps are searched until the worst state is within a millionth of the largest step of
# the best there is, or for so many nodes (half a second): steps of odd sizes that have to make up a
# sum may need them. It is a count and no time, so that the answer is the same everywhere.
_GAP: Final = 1e-6
_NODES_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Fee:
    """The share `rate` of what the legs `legs` (a mask [n]) win together in a state."""

    legs: Mask
    rate: Any


@dataclass(frozen=True, slots=True)
class Problem:
    """What n legs return per unit in K states, [K, n] (stake included), and the fees on nets."""

    returns: NDArray[Any]
    fees: tuple[Fee, ...] = ()

    def nets(self, stakes: NDArray[Any]) -> NDArray[Any]:
        """The net of each state [K] for stakes [n], floats or Fractions alike."""
        won = stakes * (self.returns - 1)
        total = won.sum(axis=1)
        for fee in self.fees:
            together = won[:, fee.legs].sum(axis=1)
            total = total - fee.rate * np.where(together > 0, together, 0)
        return total


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the stakes: each leg's [n], and their sum's.

    `step` [n] is zero where a stake is divisible; else the stake is a multiple of it. A leg with an
    `optional` minimum is either not bet at all or with at least `lower`.
    """

    lower: Floats
    upper: Floats
    least: float
    most: float
    step: Floats
    optional: Mask

    @classmethod
    def shares(cls, legs: int) -> Limits:
        """Stakes that sum to one and are not limited otherwise."""
        return cls(
            np.zeros(legs), np.ones(legs), 1.0, 1.0, np.zeros(legs), np.zeros(legs, dtype=np.bool_)
        )


def best_stakes(problem: Problem, limits: Limits) -> Floats:
    """Stakes [n] with the highest worst state.

    Where that leaves a choice, the second-worst state is raised too, and so on; stakes in steps
    stop at the worst, or near it where a search of 500 nodes does not end.
    Raises Invalid `infeasible` where no stakes meet the limits, and `stake_out_of_range` where
    nothing limits the profit.
    """
    states, legs = problem.returns.shape
    floors = np.full(states, np.nan)
    stakes = np.zeros(legs)
    for _ in range(legs):
        stakes, value, tight, idle = _solve(problem, limits, floors)
        # Stakes in steps have no duals, and as many binding conditions as stakes leave no choice.
        if limits.step.any() or limits.optional.any():
            break
        newly = tight & np.isnan(floors)
        floors[newly] = value - _TIGHT * 1e-3
        if not newly.any() or int((~np.isnan(floors)).sum()) + idle >= legs:
            break
        if not np.isnan(floors).any():
            break
    return stakes


def _solve(problem: Problem, limits: Limits, floors: Floats) -> tuple[Floats, float, Mask, int]:
    """One program: stakes, its value, which states hold it down, and how many stakes stay unused.

    `floors` [K] are nets that a state must keep; the worst of the others (NaN) is maximised.
    """
    import highspy

    model = _model(problem, limits, floors)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", _GAP)
    solver.setOptionValue("mip_max_nodes", _NODES_MAX)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    states, legs = problem.returns.shape
    if status == highspy.HighsModelStatus.kUnbounded:
        raise Invalid("without a limit the profit has none", code="stake_out_of_range")
    found = solver.getSolution()
    if status == highspy.HighsModelStatus.kInfeasible or not found.value_valid:
        raise Invalid("no stakes meet the limits", code="infeasible")
    columns: Floats = np.array(found.col_value, dtype=np.float64)
    scale = np.where(limits.step > 0, limits.step, 1.0)
    stakes = columns[:legs] * scale
    if not found.dual_valid:
        return stakes, float(columns[legs]), np.zeros(len(floors), dtype=np.bool_), 0
    duals: Floats = np.array(found.row_dual, dtype=np.float64)
    tight = np.asarray(np.abs(duals[:states]) > _TIGHT, dtype=np.bool_)
    idle = int((np.abs(np.array(found.col_dual)[:legs]) > _TIGHT).sum())
    return stakes, float(columns[legs]), tight, idle


def _model(problem: Problem, limits: Limits, floors: Floats) -> highspy.HighsLp:
    """Columns: stakes (in steps where they have one), G, fees. Rows: states, fees, the sum."""
    import highspy

    states, legs = problem.returns.shape
    scale = np.where(limits.step > 0, limits.step, 1.0)
    nets = (problem.returns - 1.0) * scale
    charged = [(fee, *_fee_states(problem, fee)) for fee in problem.fees]
    fee_count = sum(len(rows) for _, rows, _ in charged)
    width = legs + 1 + fee_count
    matrix = np.zeros((states + fee_count + 1, width))
    matrix[:states, :legs] = nets
    matrix[:states, legs] = np.where(np.isnan(floors), -1.0, 0.0)
    at = 0
    for fee, rows, fee_of_state in charged:
        matrix[np.arange(states), legs + 1 + at + fee_of_state] = -1.0
        for place, state in enumerate(rows):
            row = states + at + place
            matrix[row, :legs] = np.where(fee.legs, -fee.rate * nets[state], 0.0)
            matrix[row, legs + 1 + at + place] = 1.0
        at += len(rows)
    matrix[-1, :legs] = scale
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = width, len(matrix)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.eye(width)[legs]
    free, none = np.array([-_INFINITY]), np.zeros(fee_count)
    unlimited = np.full(1 + fee_count, _INFINITY)
    upper = np.minimum(limits.upper, limits.most)
    model.col_lower_ = np.concatenate([_in_steps(limits.lower, limits.step, np.ceil), free, none])
    model.col_upper_ = np.concatenate([_in_steps(upper, limits.step, np.floor), unlimited])
    kept = np.where(np.isnan(floors), 0.0, floors)
    model.row_lower_ = np.concatenate([kept, none, [limits.least]])
    model.row_upper_ = np.concatenate([np.full(len(matrix) - 1, _INFINITY), [limits.most]])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.arange(len(matrix) + 1) * width
    model.a_matrix_.index_ = np.tile(np.arange(width, dtype=np.int64), len(matrix))
    model.a_matrix_.value_ = matrix.ravel()
    if limits.step.any() or limits.optional.any():
        model.integrality_ = [
            *_kinds(limits),
            *[highspy.HighsVarType.kContinuous] * (1 + fee_count),
        ]
    return model


def _kinds(limits: Limits) -> list[highspy.HighsVarType]:
    """By whether a stake is in steps, and whether it may be zero below its minimum."""
    from highspy import HighsVarType

    kinds = {
        (False, False): HighsVarType.kContinuous,
        (False, True): HighsVarType.kSemiContinuous,
        (True, False): HighsVarType.kInteger,
        (True, True): HighsVarType.kSemiInteger,
    }
    both = zip(limits.step.tolist(), limits.optional.tolist(), strict=True)
    return [kinds[step > 0, optional] for step, optional in both]


def _in_steps(bound: Floats, step: Floats, rounded: np.ufunc) -> Floats:
    """A bound in units of the step where there is one; a float's last digit costs no whole step."""
    scaled = bound / np.where(step > 0, step, 1.0)
    units = np.where(np.isfinite(scaled), scaled, 0.0)
    near = np.round(units)
    whole = np.where(np.abs(units - near) < 1e-9 * np.maximum(1.0, near), near, rounded(units))
    return np.where((step > 0) & np.isfinite(scaled), whole, scaled)


def _fee_states(problem: Problem, fee: Fee) -> tuple[list[int], NDArray[np.int64]]:
    """One state for each distinct way the legs of a fee end, and which of them each state is."""
    _, first, of_state = np.unique(
        problem.returns[:, fee.legs].astype(np.float64), axis=0,
        return_index=True, return_inverse=True,
    )  # fmt: skip
    return first.tolist(), of_state.reshape(-1)
