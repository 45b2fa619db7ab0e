"""No float comes near money: a name that ends in a money unit meets integers and fractions only.

Probabilities and fair prices are floats by nature. They turn into a price, and a price into them,
in `odds/pricing` and `odds/edges` alone; minor units never do, anywhere.
"""

from __future__ import annotations

import ast

from tests.tidy.source import Finding, Source, expect_none, package, source

MONEY = ("_minor",)
PRICE = ("_e4", "_q4", "_bps", "_ppm")
# Price maths may divide a price; it may never touch an amount.
PRICE_MATHS = {("odds", "pricing"), ("odds", "edges")}


def floats_near_money(file: Source) -> list[Finding]:
    """Where a float literal, `float()`, `/` or a `float` annotation meets a money name."""
    units = MONEY if file.part in PRICE_MATHS else MONEY + PRICE
    findings: list[Finding] = []
    for node in file.nodes:
        what = _meets(node, units)
        if what:
            line = getattr(node, "lineno", 1)
            findings.append(Finding(str(file.path), line, what))
    return findings


def _meets(node: ast.AST, units: tuple[str, ...]) -> str | None:
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        if isinstance(node.op, ast.Div) and any(_is_unit(side, units) for side in sides):
            return "divide with // and say which way it rounds, or use Fraction"
        if any(_is_unit(s, units) for s in sides) and any(_is_float(s) for s in sides):
            return "a float literal meets an integer unit"
    if isinstance(node, ast.AugAssign) and (isinstance(node.op, ast.Div) or _is_float(node.value)):
        return "a float is added to an integer unit" if _is_unit(node.target, units) else None
    if isinstance(node, ast.Compare):
        sides = (node.left, *node.comparators)
        if any(_is_unit(s, units) for s in sides) and any(_is_float(s) for s in sides):
            return "compare with an integer"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
        inner = (inner for arg in node.args for inner in ast.walk(arg))
        return "a unit never becomes a float" if any(_is_unit(n, units) for n in inner) else None
    if isinstance(node, ast.AnnAssign) and _is_unit(node.target, units):
        return _float_annotation(node.annotation)
    if isinstance(node, ast.arg) and node.annotation and node.arg.endswith(units):
        return _float_annotation(node.annotation)
    return None


def _float_annotation(node: ast.expr) -> str | None:
    named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return "an integer unit is an int" if "float" in named else None


def _is_unit(node: ast.AST, units: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Name):
        return node.id.endswith(units)
    if isinstance(node, ast.Attribute):
        return node.attr.endswith(units)
    if isinstance(node, ast.Subscript):
        return _is_unit(node.value, units)
    return False


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def test_no_float_comes_near_money() -> None:
    expect_none([f for file in package() for f in floats_near_money(file)])


def _found(line: str, path: str = "src/overround/betting/bets/rules.py") -> bool:
    return bool(floats_near_money(source(path, line)))


def test_floats_near_money_are_found() -> None:
    assert _found("x = stake_minor / 2")
    assert _found("x = bet.stake_minor * 0.95")
    assert _found("stake_minor += 0.5")
    assert _found("ok = bet.price_e4 > 1.5")
    assert _found("x = float(stake_minor * 2)")
    assert _found("def f(stake_minor: float) -> None: ...")
    assert _found("class A:\n    price_e4: float | None")
    assert _found("x = amounts_minor[0] / 3")


def test_integers_and_fractions_pass() -> None:
    assert not _found("x = stake_minor * price_e4 // 10_000")
    assert not _found("x = Fraction(price_e4, 10_000) * stake_minor")
    assert not _found("def f(stake_minor: int) -> float: ...")


def test_price_maths_may_divide_prices_but_never_amounts() -> None:
    pricing = "src/overround/odds/pricing/implied.py"
    assert not _found("p = 10_000 / price_e4", pricing)
    assert _found("p = stake_minor / price_e4", pricing)
    assert _found("p = 10_000 / price_e4", "src/overround/betting/offers/rules.py")
