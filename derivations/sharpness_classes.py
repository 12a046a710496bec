"""How the sharpness ratio grows with r under every scaling law: classes and a degree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Piecewise, Rational, Symbol, log, oo

from derivations._flat_and_sharp import (
    HALF,
    SCALING,
    A,
    a,
    b,
    c,
    exact_log_ratio,
    log_R,
    named_ratio,
    r,
    rise,
    tail,
)
from exitlaw.asymptotics import CaseSplit, Composition, ContinuousImage, PowerLimit
from exitlaw.claim import (
    ClaimBody,
    Domain,
    LimitStatement,
    Mutant,
    Point,
    Range,
    claim,
)
from exitlaw.derivation import Derivation, LemmaUse, LimitCheck, Step
from exitlaw.evidence import EnclosureComparison
from theory import sharpness
from theory.symbols import kappa, theta

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure


ORDERED = {tail: (Integer(0), oo), rise: (Integer(0), tail)}
"""0 < alpha < gamma."""
REVERSED = {rise: (Integer(0), oo), tail: (Integer(0), rise)}
"""0 < gamma < alpha."""


def class_log_ratio(up: sympy.Expr = rise) -> sympy.Expr:
    """log R of the power law with a - c = alpha (or `up`) and b - 1 = gamma."""
    return sympy.powsimp(
        sharpness.power_law_log_ratio(r, A, kappa, up, 1 + tail, Integer(0), theta)
    )


def _grows(exponent: sympy.Expr, coefficient: sympy.Expr, given, *, rises: bool = True) -> Step:
    check = PowerLimit(coefficient, r, exponent, given, rises)
    (limit,) = check.establishes()
    return Step(f"{coefficient} r^({exponent})", limit, "sign of the exponent", check)  # type: ignore[arg-type]


def _logarithm_loses(power: sympy.Expr, steps: list[Step]) -> LimitStatement:
    """log X/X -> 0 for X = r^power, whose growth `steps` have just shown."""
    X = Symbol("X", positive=True)
    slow = LimitStatement(log(X) / X, Integer(0), X, oo)
    steps.append(Step("log X/X", slow, "exact series", LimitCheck(slow.lhs, Integer(0), X, oo)))
    composed = Composition(slow, LimitStatement(r**power, oo, r, oo))
    steps.append(Step(f"log r against r^{power}", composed.result, "composition", composed))
    return composed.result


def _class_body(
    leading: sympy.Expr,
    condition: sympy.Basic,
    steps: tuple[Step, ...],
    points: tuple[Point, ...],
    remainder: sympy.Expr,
    mutants: tuple[Mutant, ...],
) -> ClaimBody:
    return ClaimBody(
        statement=LimitStatement(log_R(r), leading, r, oo, remainder),
        domain=Domain(ranges={r: Range(2, 10**9, "log"), theta: Range(0, 1)},
                      constraints=(condition,)),
        hypotheses=(SCALING, "alpha = a - c, gamma = b - 1; A and kappa fixed, r -> oo"),
        derivation=Derivation(steps),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_class_exact,
                points=points,
                digits=8,
            ),
        ),
        mutants=mutants,
        generate=False,
    )  # fmt: skip


def _class_exact(point: Point, digits: int) -> Enclosure:
    scaled = {**point, a: point[rise], b: 1 + point[tail], c: Integer(0)}
    return exact_log_ratio(scaled, digits)


def _class_point(value: int, size: int, index: int, up: str, down: str, reading: int) -> Point:
    return {r: Integer(value), A: Integer(size), kappa: Integer(index),
            rise: Rational(up), tail: Rational(down), theta: Integer(reading)}  # fmt: skip


def _constants() -> sympy.Expr:
    return sharpness.log_time(A, kappa, theta)


@claim(
    "sharpness/class-barrier",
    title="0 < a - c < b - 1: log R ~ A r^(a - c), as for Langevin",
)
def class_barrier() -> ClaimBody:
    leading = A * r**rise
    shift = HALF - theta
    z, K, V, P, Q = sympy.symbols("z K V P Q", positive=True)
    steps: list[Step] = [named_ratio(r, class_log_ratio())]
    steps.append(_grows(rise, Integer(1), ORDERED))
    lost = _logarithm_loses(rise, steps)
    steps.append(_grows(rise - tail, A / kappa, ORDERED, rises=False))
    small = LimitStatement(A / kappa * r ** (rise - tail), Integer(0), r, oo)
    unit = LimitStatement(log(1 + z) / z, Integer(1), z, Integer(0))
    steps.append(Step("log(1 + z)/z", unit, "exact series",
                      LimitCheck(unit.lhs, Integer(1), z, Integer(0))))  # fmt: skip
    composed = Composition(unit, small)
    steps.append(Step("log u' is A'/kappa'", composed.result, "composition", composed))
    steps.append(_grows(-tail, 1 / kappa, ORDERED, rises=False))
    steps.append(_grows(-rise, 1 / A, ORDERED, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    barrier = LimitStatement(r**-rise / A, Integer(0), r, oo)
    Z = Symbol("Z", positive=True)
    whole = P / (rise * A) + Q + shift * Q * Z * V - V * log(1 + shift * K) - V * _constants()
    ratio_limit = LimitStatement(class_log_ratio(), leading, r, oo)
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "every other term is small against A'",
            ContinuousImage(
                ((P, lost), (Q, composed.result), (Z, small), (K, index), (V, barrier)),
                whole,
                ratio_limit,
            ),
        )
    )
    remainder = (
        leading / (2 * kappa * r**tail) + (4 * log(r) + kappa * log(1 + A / kappa) + 2) / leading
    )
    points = (
        _class_point(64, 8, 6, "1/2", "1", 0), _class_point(81, 10, 5, "1/2", "3/4", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(rise, 0), sympy.Lt(rise, tail)), tuple(steps), points,
        remainder,
        (
            Mutant("the tail exponent", kappa * log(1 + A / kappa) * r**tail),
            Mutant("linear in r", A * r),
            Mutant("twice the barrier", 2 * leading),
        ),
    )  # fmt: skip


@claim(
    "sharpness/class-balanced",
    title="a - c = b - 1 > 0: log R ~ kappa log(u) r^(b - 1)",
)
def class_balanced() -> ClaimBody:
    leading = kappa * log(1 + A / kappa) * r**tail
    shift = HALF - theta
    u = log(1 + A / kappa)
    given = {tail: (Integer(0), oo)}
    K, P = sympy.symbols("K P", positive=True)
    steps: list[Step] = [named_ratio(r, class_log_ratio(tail)), _grows(tail, Integer(1), given)]
    lost = _logarithm_loses(tail, steps)
    steps.append(_grows(-tail, 1 / kappa, given, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    whole = P / (tail * kappa * u) + 1 + shift * K - (log(1 + shift * K) + _constants()) * K / u
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "u' = u, and every other term is small against kappa'",
            ContinuousImage(
                ((P, lost), (K, index)),
                whole,
                LimitStatement(class_log_ratio(tail), leading, r, oo),
            ),
        )
    )
    remainder = (4 * log(r) + kappa * u + 2) / leading
    points = (
        _class_point(16, 8, 4, "1", "1", 0), _class_point(16, 12, 3, "3/4", "3/4", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(tail, 0), sympy.Equality(rise, tail)),  # type: ignore[arg-type]
        tuple(steps), points,
        remainder,
        (
            Mutant("Langevin's exponent", A * r**tail),
            Mutant("linear in r", leading * r ** (1 - tail) / 2),
            Mutant("twice", 2 * leading),
        ),
    )  # fmt: skip


@claim(
    "sharpness/class-tail",
    title="0 < b - 1 < a - c: log R ~ kappa (a - c - b + 1) r^(b - 1) log r",
)
def class_tail() -> ClaimBody:
    leading = kappa * (rise - tail) * r**tail * log(r)
    shift = HALF - theta
    K, V, W, Q = sympy.symbols("K V W Q", positive=True)
    steps: list[Step] = [named_ratio(r, class_log_ratio())]
    steps.append(_grows(-tail, 1 / kappa, REVERSED, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    slow = LimitStatement(1 / log(r), Integer(0), r, oo)
    steps.append(Step("1/log r", slow, "log r -> oo", LimitCheck(slow.lhs, Integer(0), r, oo)))
    growing = PowerLimit(A / kappa, r, rise - tail, REVERSED)
    (large,) = growing.establishes()
    steps.append(Step("A'/kappa'", large, "sign of the exponent", growing))  # type: ignore[arg-type]
    z = Symbol("z", positive=True)
    unit = LimitStatement(log(1 + z) - log(z), Integer(0), z, oo)
    steps.append(Step("log(1 + z) - log z", unit, "exact series",
                      LimitCheck(unit.lhs, Integer(0), z, oo)))  # fmt: skip
    composed = Composition(unit, large)  # type: ignore[arg-type]
    steps.append(Step("log u' is log(A'/kappa')", composed.result, "composition", composed))
    gap = rise - tail
    log_u = gap + (log(A / kappa) + W) * Q
    whole = (
        K / gap + log_u * (1 + shift * K) / gap
        - (log(1 + shift * K) + _constants()) * K * Q / gap
    )  # fmt: skip
    del V
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "log u' = (alpha - gamma) log r + log(A/kappa) + o(1)",
            ContinuousImage(
                ((K, index), (Q, slow), (W, composed.result)),
                whole,
                LimitStatement(class_log_ratio(), leading, r, oo),
            ),
        )
    )
    remainder = (abs(log(A / kappa)) + 1) / (gap * log(r)) + (
        4 * log(r) + kappa * log(1 + A / kappa) + 2
    ) / leading
    points = (
        _class_point(64, 8, 8, "3/2", "1/2", 0), _class_point(64, 6, 5, "2", "1/2", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(tail, 0), sympy.Gt(rise, tail)), tuple(steps), points,
        remainder,
        (
            Mutant("Langevin's exponent", A * r**rise),
            Mutant("no logarithm", kappa * r**tail / 10),
            Mutant("the whole a - c", kappa * rise * r**tail * log(r) * 2),
        ),
    )  # fmt: skip


@claim(
    "sharpness/classes",
    title="Power law for r to infinity: the three exponential classes of all scaling laws",
    depends=("sharpness/class-barrier", "sharpness/class-balanced", "sharpness/class-tail"),
)
def classes() -> ClaimBody:
    conditions = (sympy.Lt(rise, tail), sympy.Gt(rise, tail), sympy.true)
    leadings = (
        A * r**rise,
        kappa * (rise - tail) * r**tail * log(r),
        kappa * log(1 + A / kappa) * r**tail,
    )
    names = ("barrier", "tail", "balanced")
    limits = [LimitStatement(log_R(r), leading, r, oo) for leading in leadings]
    statement = LimitStatement(
        log_R(r), Piecewise(*zip(leadings, conditions, strict=True)), r, oo, HALF
    )
    given = (ORDERED, REVERSED, {tail: (Integer(0), oo)})
    steps = [
        Step(f"the class {name}", limit, "its own claim",
             LemmaUse(f"sharpness/class-{name}", limit,
                      {rise: tail} if name == "balanced" else {}, given=where))
        for name, limit, where in zip(names, limits, given, strict=True)
    ]  # fmt: skip
    steps.append(
        Step("all classes", statement, "case by case",
             CaseSplit(tuple(zip(conditions, limits, strict=True)), statement))
    )  # fmt: skip
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={r: Range(2, 10**9, "log"), theta: Range(0, 1)},
            constraints=(sympy.Gt(rise, 0), sympy.Gt(tail, 0)),
        ),
        hypotheses=(
            SCALING,
            "alpha = a - c > 0 and gamma = b - 1 > 0; otherwise R is a power of r: log R = O(log r)"
            " (alpha < 0: no barrier left; gamma < 0 and s < 1/2: no law once kappa' <= 1/2 - s)",
            "remainder 1/2 at the points compared",
        ),
        derivation=Derivation(tuple(steps)),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_class_exact,
                points=(
                    _class_point(81, 10, 5, "1/2", "3/4", 1),
                    _class_point(16, 12, 3, "3/4", "3/4", 1),
                    _class_point(64, 8, 8, "3/2", "1/2", 0),
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("barrier everywhere", leadings[0]),
            Mutant("tail everywhere", 2 * leadings[1]),
            Mutant("balanced everywhere", leadings[2]),
        ),
        generate=False,
    )


@claim(
    "sharpness/polynomial-degree",
    title="b = 1, a - c = 2, theta = 1/4: R is a power of r, of degree 2 kappa + 3/2",
)
def polynomial_degree() -> ClaimBody:
    scaling = (Integer(2), Integer(1), Integer(0))
    reading = Rational(1, 4)
    leading = sharpness.leading_log_ratio(r, A, kappa, *scaling, reading)
    log_ratio = sharpness.power_law_log_ratio(r, A, kappa, *scaling, reading)
    remainder = 2 * (kappa * (abs(log(A / kappa)) + log(1 + A / kappa)) + 3) / leading
    statement = LimitStatement(log_R(r), leading, r, oo, remainder)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={r: Range(2, 10**12, "log"), A: Range(1, 20), kappa: Range(1, 20)}),
        hypotheses=(SCALING, "a = 2, b = 1, c = 0: kappa' = kappa, u' grows as r^2; theta = 1/4"),
        derivation=Derivation(
            (
                named_ratio(r, log_ratio),
                Step("the degree", LimitStatement(log_R(r), leading, r, oo),
                     "log u'/log r -> 2", LimitCheck(log_ratio, leading, r, oo)),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=exact_log_ratio,
                points=(
                    {r: Integer(10**4), A: Integer(4), kappa: Integer(3), theta: reading,
                     a: Integer(2), b: Integer(1), c: Integer(0)},
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("linear", log(r) / 20),
            Mutant("twice the degree", 3 * leading),
            Mutant("exponential", A * r**2),
        ),
        generate=False,
    )  # fmt: skip


if __name__ == "__main__":
    from exitlaw.script import run

    run("sharpness_classes")
