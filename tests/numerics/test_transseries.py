"""Formulas at an infinite end as `e^S (a + e^(−ρ) b)`: exact, the limits and rates expected."""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import pytest
import sympy
from certified_models import w
from flint import arb, ctx, fmpq, fmpq_poly
from hypothesis import given
from hypothesis import strategies as st

from numerics.evaluators import as_fmpq, compiled, evaluate_arb, rational_constants
from numerics.exponential_identities import (
    as_quotient,
    vanishes_identically,
    without_cancellation,
)
from numerics.local import End
from numerics.lowering import lower
from numerics.program import Program
from numerics.rational import rational_functions
from numerics.spans import RESTS, spans
from numerics.transseries import Form, forms, growth

FORMULAS = {
    "softplus": sympy.log(1 + sympy.exp(w)),
    "logistic": sympy.exp(w) / (1 + sympy.exp(w)),
    "bernoulli-variance": sympy.exp(w) / (1 + sympy.exp(w)) ** 2,
    "one-minus-tanh-squared": 1 - sympy.tanh(w) ** 2,
    "log-cosh": sympy.log(sympy.cosh(2 * w / 3)),
    "welsch": 1 - sympy.exp(-(w**2)),
    "root": sympy.sqrt(1 + sympy.exp(w)) * w,
    "odd-root": (w**2 + sympy.exp(-w)) ** sympy.Rational(-3, 7),
    "several": sympy.log(1 + sympy.exp(w + sympy.Rational(1, 3)))
    + sympy.log(1 + sympy.exp(sympy.Rational(1, 7) - 2 * w)) / 5,
    "rational-inside": sympy.exp(-(w**3) / (1 + w)) * (1 + w**2) + sympy.exp(w) / w,
    "squared-softplus": sympy.log(1 + sympy.exp(-w)) ** 2 / (1 + w**2),
    "cancels-twice": sympy.exp(sympy.exp(-w)) - 1 - sympy.exp(-w) + sympy.exp(w**2 - w**2),
    "hyperbolic": sympy.sinh(w) / (2 + sympy.cosh(2 * w)) + sympy.tanh(w**2),
    "one-by-an-identity": sympy.exp(w) / (1 + sympy.exp(w))
    + sympy.exp(-w) / (1 + sympy.exp(-w))
    - sympy.exp(2 * w) / (1 + sympy.exp(w)) ** 2
    - sympy.exp(-2 * w) / (1 + sympy.exp(-w)) ** 2,
    "with-sine": sympy.sin(w) + sympy.exp(-(w**2)) * w,
}


def exact_rest(kind: str, k: int) -> Any:
    """ε_k or λ_k from its definition, in far more digits than cancel."""

    def call(z: arb) -> arb:
        with ctx.workprec(40_000):
            if kind == "exp_rest":
                total = z.exp() - sum((z**j / factorial(j) for j in range(k)), arb(0))
            else:
                total = (1 + z).log() - sum(
                    ((-1) ** (j + 1) * z**j / j for j in range(1, k)), arb(0)
                )
            return total / z**k

    return call


def evaluate(program: Program, x: arb) -> arb:
    """A program that may hold ε_k and λ_k."""
    operations = {
        f"{kind}{k}_": exact_rest(kind, k)
        for kind in ("exp_rest", "log_rest")
        for k in range(1, RESTS + 1)
    }
    names = ("exp", "log", "sqrt", "sin", "cos", "tanh")
    operations |= {f"{n}_": lambda y, n=n: getattr(y, n)() for n in names}
    operations |= {
        "whole_power": lambda y, n: y**n,
        "rational_power": lambda y, p, q: y ** (arb(p) / q),
    }
    constants = [arb(as_fmpq(f)) for f in rational_constants(program)]
    return compiled(program, operations)(constants, x)[0]


def value_of(form: Form, x: arb) -> arb:
    polynomial = lambda p: sum((arb(p[k]) * x**k for k in range(p.degree() + 1)), arb(0))  # noqa: E731
    bracket = evaluate(form.limit, x)
    if form.rest is not None:
        bracket += (-polynomial(form.gap)).exp() * evaluate(form.rest, x)
    return polynomial(form.rate).exp() * bracket


@pytest.mark.parametrize("outward", [-1, 1])
@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_forms_are_exact(name: str, outward: int) -> None:
    program, end = lower(FORMULAS[name], [w]), End(outward)
    found = forms(program, end)
    if name == "cancels-twice" and outward < 0:
        assert found is None  # the exponential of an exponential
        return
    assert found is not None
    [form] = found
    assert form.rest is None or growth(form.gap, end) > 0
    with ctx.workprec(20_000):
        for size in (9, 40):
            x = arb(outward * size) + arb(1) / 3
            left, right = evaluate_arb(program, x)[0], value_of(form, x)
            assert abs(left / right - 1) < arb(2) ** -9_000


def test_limits_and_rates() -> None:
    x = fmpq_poly([0, 1])
    for name, outward, rate, limit in (
        ("softplus", 1, fmpq_poly([]), x),
        ("softplus", -1, x, fmpq_poly([1])),
        ("one-minus-tanh-squared", 1, -2 * x, fmpq_poly([4])),
        ("bernoulli-variance", -1, x, fmpq_poly([1])),
        ("several", -1, fmpq_poly([]), fmpq_poly([fmpq(1, 35), fmpq(-2, 5)])),
    ):
        found = forms(lower(FORMULAS[name], [w]), End(outward))
        assert found is not None
        assert found[0].rate == rate
        assert rational_functions(found[0].limit) == ((limit, fmpq_poly([1])),)


def test_what_has_no_form_is_refused() -> None:
    end = End(1)
    for formula in (
        sympy.exp(sympy.exp(w)),
        sympy.sin(sympy.exp(w)),
        sympy.exp(sympy.sqrt(2) * w),
        sympy.exp(sympy.Abs(w)),
        w**2,
    ):
        assert forms(lower(formula, [w]), end) is None
    assert forms(lower(sympy.exp(w), [w]), End(-1, Fraction(0))) is None


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.sampled_from([-1, 1]),
    st.floats(0.005, 0.06),
    st.floats(0.05, 1.0),
)
def test_bounds_of_the_rest_hold_every_value(
    name: str, outward: int, top: float, share: float
) -> None:
    found = forms(lower(FORMULAS[name], [w]), End(outward))
    if found is None or found[0].rest is None:
        return
    [span] = spans(found[0].rest, End(outward), top)
    t = share * top
    with ctx.workprec(20_000):
        factor = evaluate(found[0].rest, arb(outward) / arb(t)) / arb(t) ** arb(str(span.order))
        assert not factor < arb(span.low)
        assert not factor > arb(span.high)


def test_cancellations_are_written_away() -> None:
    """σ(1 − σ) = E/(1 + E)²: positive and accurate where 1 − σ has no digit left."""
    s = sympy.exp(3 * w / 7) / (1 + sympy.exp(3 * w / 7))
    variance = lower(1 + 2 * s * (1 - s), [w])
    for formula in (s * (1 - s), 1 + 2 * s * (1 - s), 1 - sympy.tanh(w) ** 2):
        program = lower(formula, [w])
        written = without_cancellation(program)
        assert written is not None
        with ctx.workprec(4000):
            for x in (-500, -2, 0, 1, 300):
                exact = evaluate_arb(program, arb(x))[0]
                assert exact.overlaps(evaluate_arb(written, arb(x))[0])
        with ctx.workprec(64):
            assert evaluate_arb(written, arb(300))[0] > 0
            assert evaluate_arb(written, arb(300))[0].rel_accuracy_bits() > 40
    assert as_quotient(variance) is not None
    for formula in (
        1 - sympy.exp(-(w**2)) / 2,
        sympy.exp(w) - w,
        w**2,
        sympy.log(1 + sympy.exp(w)),
    ):
        assert without_cancellation(lower(formula, [w])) is None


def test_identities() -> None:
    s = sympy.exp(w) / (1 + sympy.exp(w))
    for formula, zero in (
        (s + 1 / (1 + sympy.exp(w)) - 1, True),
        (sympy.cosh(w) ** 2 - sympy.sinh(w) ** 2 - 1, True),
        (sympy.tanh(w / 3) * sympy.cosh(w / 3) - sympy.sinh(w / 3), True),
        (sympy.exp(w**2 + w / 2) / sympy.exp(w**2) - sympy.exp(w / 2), True),
        (s + 1 / (1 + sympy.exp(w)) - 1 - sympy.exp(-50 * w), False),
        (sympy.exp(w) - 1 - w - w**2 / 2, False),
    ):
        assert vanishes_identically(lower(formula, [w])) == zero
