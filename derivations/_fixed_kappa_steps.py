"""Steps of the limit of exact over Kramers time at fixed kappa, for the symmetric quartic well.

With L - L(a) = Delta_L h(x), h = (1 - x^2)^2, w = sqrt(8 Delta_L/H_a) x, phi = C/sigma_g is
1 + q^2 h with q^2 = u - 1 = 2 Delta_L/(kappa eta sigma_g), and p is proportional to phi^(-m).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy
from sympy import Function, Integer, Integral, Rational, Symbol, oo, pi, sqrt

from exitlaw.analysis import Linearity, Multiple, OddIntegral
from exitlaw.asymptotics import Composition, ContinuousImage
from exitlaw.claim import Bound, Equality, LimitStatement
from exitlaw.derivation import (
    ChangeOfVariables,
    Definition,
    LemmaUse,
    LimitCheck,
    Step,
)
from exitlaw.domination import DominatedConvergence, PowerBound, ProductBound, SplitIntegral
from theory import kramers, pearson
from theory.symbols import Delta_L, H_a, eta, kappa, m, sigma_g

HALF = Rational(1, 2)
n = Symbol("n", positive=True)
"""The exponent kappa + s - 1/2 of the escape time; m = n + 1/2."""
index = n + HALF
q = Symbol("q", positive=True)
x, y, z, t, v = sympy.symbols("x y z t v", real=True)
tau, double, well, barrier = Function("tau"), Function("T"), Function("M"), Function("R")


def noise(at: sympy.Expr) -> sympy.Expr:
    """phi = C/sigma_g on the quartic."""
    return 1 + q**2 * (1 - at**2) ** 2


def steps(statement: LimitStatement) -> Iterator[Step]:
    """From the exact double integral to its limit over Kramers' time."""
    yield from _product_steps()
    yield from _mass_steps()
    yield from _resistance_steps()
    yield from _conclusion(statement)


def _product_steps() -> Iterator[Step]:
    """The double integral is mass of half the line times resistance, by symmetry."""
    mass = Integral(noise(z) ** (-index), (z, -oo, Integer(0)))
    resistance = Integral(noise(y) ** (index - 1), (y, -1, 1))
    inner = y * Integral(noise(y * v) ** (-index), (v, Integer(0), Integer(1)))
    scale = noise(y) ** (index - 1)
    time = Integral(scale * (well(q) + inner), (y, -1, 1))
    yield Step(
        "mass of half the line", Equality(well(q), mass), "names M", Definition(well(q), mass)
    )
    yield Step(
        "resistance",
        Equality(barrier(q), resistance),
        "names R",
        Definition(barrier(q), resistance),
    )
    yield Step(
        "the double integral",
        Equality(double(q), time),
        "escape/exact-time between the minima, in units of the width: 1/(D p) ~ phi^(m - 1), the "
        "mass up to y split at the saddle, z = y v beyond it",
        Definition(double(q), time),
    )
    limits = (y, Integer(-1), Integer(1))
    odd = Equality(Integral(scale * inner, limits), Integer(0))
    yield Step(
        "what lies beyond the saddle cancels",
        odd,
        "phi is even, the mass between saddle and y is odd in y",
        OddIntegral(scale * inner, y, Integer(1)),
    )
    yield Step(
        "mass times resistance",
        Equality(double(q), well(q) * barrier(q)),
        "linearity",
        Linearity(
            scale * (well(q) + inner), limits, ((well(q), scale), (Integer(1), scale * inner))
        ),
    )


def _mass_steps() -> Iterator[Step]:
    """q M -> int (1 + 4 t^2)^(-m) dt, from both sides of the minimum."""
    density = noise(z) ** (-index)
    whole = SplitIntegral(density, (z, -oo, Integer(0)), Integer(-1))
    yield Step(
        "split at the minimum",
        whole.establishes()[0],
        "the mass converges, m > 1/2",
        whole,  # type: ignore[arg-type]
    )
    limit = (1 + 4 * t**2) ** (-index)
    left = (1 + t**2 * (2 - t / q) ** 2) ** (-index)
    rho = q / (q + t)
    base = 1 + t**2 * rho**2 * (1 + rho) ** 2
    right = rho**2 * base ** (-index)
    plain, spare = (1 + t**2) ** (-index), (1 + 4 * t**2) ** (1 - index)
    half = {t: (-oo, Integer(0))}
    power = PowerBound(1 + t**2 * (2 - t / q) ** 2, -index, 1 + t**2, None, half)
    yield Step("majorant left of the minimum", Bound(left, plain), "2 - t/q > 1 for t < 0", power)
    between = PowerBound(base, 1 - index, Integer(1), 1 + 4 * t**2, {t: (Integer(0), oo)})
    (spread,) = between.establishes()
    yield Step(
        "a power of the denominator",
        spread,  # type: ignore[arg-type]
        "the denominator lies between 1 and 1 + 4 t^2 for rho = q/(q + t) < 1",
        between,
    )
    product = ProductBound(rho**2 / base, 1 / (1 + t**2), spread, {t: (Integer(0), oo)})  # type: ignore[arg-type]
    majorant = (1 + spare) / (1 + t**2)
    yield Step(
        "majorant right of the minimum",
        Bound(right, majorant),
        "rho^2 (1 + t^2) is below the denominator",
        product,
    )
    rows: tuple[tuple[str, Any, Any, Any, Any, Any], ...] = (
        ("left", left, plain, (-oo, Integer(0)), -1 + t / q, (-oo, Integer(-1))),
        ("right", right, majorant, (Integer(0), oo), -1 + t / (q + t), (Integer(-1), Integer(0))),
    )
    limits = []
    for name, integrand, bound, ends, image, old in rows:
        moved = integrand / q
        change = ChangeOfVariables(density, z, old, image, t, ends, moved)
        yield Step(f"the {name} side", change.establishes()[0], f"z = {image}", change)  # type: ignore[arg-type]
        constant = Linearity(moved, (t, *ends), ((1 / q, integrand),))
        yield Step(
            f"the {name} side, 1/q taken out",
            constant.establishes()[0],
            "a constant",
            constant,  # type: ignore[arg-type]
        )
        pointwise = LimitStatement(integrand, limit, q, oo)
        yield Step(
            f"the integrand on the {name}",
            pointwise,
            "at every t",
            LimitCheck(integrand, limit, q, oo, given={t: ends}),
        )
        dominated = DominatedConvergence(pointwise, Bound(integrand, bound), (t, *ends))
        (result,) = dominated.establishes()
        yield Step(f"limit on the {name}", result, "dominated convergence", dominated)  # type: ignore[arg-type]
        limits.append(result)
    A, B = sympy.symbols("A B", positive=True)
    both = limits[0].rhs + limits[1].rhs
    yield Step(
        "limit of the mass",
        LimitStatement(q * well(q), both, q, oo),
        "the sum of the two sides",
        ContinuousImage(
            ((A, limits[0]), (B, limits[1])),
            A + B,
            LimitStatement(limits[0].lhs + limits[1].lhs, both, q, oo),
        ),
    )
    yield from _student_steps(limit, both)


def _student_steps(limit: sympy.Expr, both: sympy.Expr) -> Iterator[Step]:
    """The two halves together are half the mass of the standard Student law."""
    joined = SplitIntegral(limit, (t, -oo, oo), Integer(0))
    (line,) = joined.establishes()
    yield Step("both halves", line, "joined at t = 0", joined)  # type: ignore[arg-type]
    yield Step(
        "the halves from the whole",
        Equality(both, line.lhs),  # type: ignore[union-attr]
        "read from right to left",
        Multiple(line, Integer(-1), Equality(both, line.lhs)),  # type: ignore[arg-type]
    )
    student = (1 + v**2) ** (-index)
    change = ChangeOfVariables(limit, t, (-oo, oo), v / 2, v, (-oo, oo), student / 2)
    yield Step("in units of the law", change.establishes()[0], "t = v/2", change)  # type: ignore[arg-type]
    half = Linearity(student / 2, (v, -oo, oo), ((HALF, student),))
    yield Step("1/2 taken out", half.establishes()[0], "a constant", half)  # type: ignore[arg-type]
    yield _student_lemma(student, index)


def _student_lemma(student: sympy.Expr, order: sympy.Expr) -> Step:
    mass = Equality(
        Integral(student, (v, -oo, oo)), 1 / pearson.student_normaliser(order, Integer(1))
    )
    return Step(
        f"Student's mass, index {order}",
        mass,
        "a Beta integral",
        LemmaUse("lemma/student-integral", mass, {m: order}),
    )


def _resistance_steps() -> Iterator[Step]:
    """R/u^(m - 1) -> int (1 - x^2)^(2m - 2) dx."""
    height = (1 - y**2) ** 2
    base = noise(y) / (1 + q**2)
    inside = {y: (Integer(-1), Integer(1))}
    ends = (y, Integer(-1), Integer(1))
    power = PowerBound(base, index - 1, height, Integer(1), inside)
    (bound,) = power.establishes()
    yield Step(
        "majorant of the resistance",
        bound,  # type: ignore[arg-type]
        "h <= phi/u <= 1, and m - 1 > -1/2",
        power,
    )
    pointwise = LimitStatement(base ** (index - 1), height ** (index - 1), q, oo)
    yield Step(
        "phi/u",
        pointwise,
        "phi/u tends to h inside",
        LimitCheck(pointwise.lhs, pointwise.rhs, q, oo, given=inside),
    )
    dominated = DominatedConvergence(pointwise, bound, ends)  # type: ignore[arg-type]
    (result,) = dominated.establishes()
    assert isinstance(result, LimitStatement)
    yield Step("limit of the resistance", result, "dominated convergence", dominated)  # type: ignore[arg-type]
    scale = (1 + q**2) ** (1 - index)
    constant = Linearity(base ** (index - 1), ends, ((scale, noise(y) ** (index - 1)),))
    yield Step(
        "u^(m - 1) taken out",
        Equality(result.lhs, scale * barrier(q)),
        "a constant",
        constant,
    )
    bent = (1 + v**2) ** (-(2 * index - HALF))
    change = ChangeOfVariables(
        height ** (index - 1), y, (Integer(-1), Integer(1)), v / sqrt(1 + v**2), v, (-oo, oo), bent
    )
    yield Step(
        "the path",
        change.establishes()[0],
        "x = v/sqrt(1 + v^2): 1 - x^2 = 1/(1 + v^2)",
        change,  # type: ignore[arg-type]
    )
    yield _student_lemma(bent, 2 * index - HALF)


def _conclusion(statement: LimitStatement) -> Iterator[Step]:
    mass = sqrt(pi) * sympy.gamma(n) / (2 * sympy.gamma(index))
    path = kramers.quartic_path(index)
    root = LimitStatement(q / sqrt(1 + q**2), Integer(1), q, oo)
    yield Step("q/sqrt(u)", root, "exact series", LimitCheck(root.lhs, Integer(1), q, oo))
    A, B, Y = sympy.symbols("A B Y", positive=True)
    scaled = (1 + q**2) ** (1 - index) * barrier(q)
    parts = (
        (A, LimitStatement(q * well(q), mass, q, oo)),
        (B, LimitStatement(scaled, path, q, oo)),
        (Y, root),
    )
    whole = LimitStatement(q**2 * double(q) / (1 + q**2) ** n, mass * path, q, oo)
    yield Step(
        "the double integral over u^n",
        whole,
        "q^2 T/u^n = (q M)(R/u^(m - 1)) q/sqrt(u)",
        ContinuousImage(
            parts,
            A * B * Y,
            LimitStatement(q * well(q) * scaled * root.lhs, mass * path, q, oo),
        ),
    )
    steep = sqrt(2 * Delta_L / (kappa * eta * sigma_g))
    inner = LimitStatement(steep, oo, Delta_L, oo)
    yield Step("the barrier", inner, "q = sqrt(u - 1)", LimitCheck(steep, oo, Delta_L, oo))
    composed = Composition(whole, inner)
    yield Step("a deep barrier", composed.result, "composition", composed)
    exact = 2 / (eta * sigma_g) * 8 * Delta_L / H_a * double(steep)
    yield Step(
        "the exact time",
        Equality(tau(Delta_L), exact),
        "the double integral with D p ~ eta sigma_g phi^(1 - m)/2 and dw = sqrt(8 Delta_L/H_a) dx",
        Definition(tau(Delta_L), exact),
    )
    X = Symbol("X", positive=True)
    constant = 2 * sqrt(2) * n / pi
    yield Step(
        "exact over Kramers time",
        statement,
        "tau_K = 2 pi kappa u^n/(n sqrt(H_a |H_b|)) with H_b = -H_a/2",
        ContinuousImage(
            ((X, composed.result),),
            constant * X,
            LimitStatement(constant * composed.result.lhs, statement.rhs, Delta_L, oo),
        ),
    )
