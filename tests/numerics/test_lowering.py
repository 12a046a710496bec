"""A formula has the same value by every evaluator, and the analytic one never lies."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
from certified_models import model, w
from flint import acb, arb, arb_series, ctx
from mpmath import mp

from numerics.errors import ComputationError
from numerics.evaluators import (
    evaluate_acb,
    evaluate_arb,
    evaluate_mpmath,
    evaluate_series,
    numba_functions,
    numpy_function,
)
from numerics.lowering import lower, lower_constant, lower_diffusion

FORMULAS = {
    "polynomial": (w**2 - 1) ** 2 / 4,
    "rational": 1 / (1 + w**2) - w / (2 + w),
    "roots": sympy.sqrt(1 + w**2) ** 3 + (1 + w**2) ** sympy.Rational(-1, 3),
    "exponentials": sympy.exp(-(w**2)) * sympy.log(2 + w),
    "circular": sympy.sin(w) * sympy.cos(w) + sympy.tan(w / 3) + sympy.atan(w),
    "hyperbolic": sympy.sinh(w) + sympy.cosh(w) * sympy.tanh(w) + sympy.asinh(w),
    "branches": sympy.Abs(w - 1) + sympy.Piecewise((w, w < 0), (w**2, True)),
    "logic": sympy.Piecewise((1, (w > 0) & (w < 1)), (2, (w > 3) | (w < -5)), (3, True)) + w,
    "constants": sympy.pi * sympy.E**w + sympy.EulerGamma,
    "powers": (2 + w) ** w,
    "special": sympy.gamma(2 + w) + sympy.erf(w) + sympy.beta(w + 1, 2) + sympy.loggamma(3 + w),
    "extrema": sympy.Max(w, 1 - w) + sympy.Min(w, w**2),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("x", [Fraction(3, 10), Fraction(7, 10)])
def test_every_evaluator_agrees(name: str, x: Fraction) -> None:
    formula = FORMULAS[name]
    program = pickle.loads(pickle.dumps(lower(formula, [w])))
    reference = sympy.N(formula.subs(w, sympy.Rational(x.numerator, x.denominator)), 40)
    with ctx.workprec(120):
        point = arb(x.numerator) / x.denominator
        ball = evaluate_arb(program, point)[0]
        assert ball.rad() < 1e-30
        assert abs(ball - arb(str(reference))) < 1e-30
        complex_ball = evaluate_acb(program, acb(point), analytic=True)[0]
        assert complex_ball.real.overlaps(ball)
    with mp.workdps(40):
        value = evaluate_mpmath(program, mp.mpf(x.numerator) / x.denominator)[0]
        assert abs(value - mp.mpf(str(reference))) < mp.mpf(10) ** -35
    assert numpy_function(program)(np.array([float(x)]))[0] == pytest.approx(
        float(reference), rel=1e-13
    )


@pytest.mark.parametrize("name", ["polynomial", "roots", "hyperbolic", "branches", "circular"])
def test_series_are_taylor_coefficients(name: str) -> None:
    formula = FORMULAS[name]
    x = sympy.Rational(3, 10)
    with ctx.workprec(120):
        saved, ctx.cap = ctx.cap, 5
        try:
            series = evaluate_series(lower(formula, [w]), arb_series([arb(3) / 10, 1]))[0]
        finally:
            ctx.cap = saved
        for k in range(5):
            exact = sympy.N(sympy.diff(formula, w, k).subs(w, x).doit() / sympy.factorial(k), 30)
            assert abs(series[k] - arb(str(exact))) < 1e-25


def test_compiled_functions_take_parameters_at_run_time() -> None:
    a = sympy.Symbol("a", real=True)
    program = lower(a * w**5 + sympy.Abs(w) / a, [w, a])
    compiled = numba_functions({"f": program})["f"]
    for value in (0.5, 3.0):
        assert compiled(-1.5, value) == pytest.approx(value * (-1.5) ** 5 + 1.5 / value, rel=1e-15)


CUTS = {
    "sqrt": (sympy.sqrt(w), acb(arb(-1), arb(0, 0.5))),
    "log": (sympy.log(w), acb(arb(-1), arb(0, 0.5))),
    "root": (w ** sympy.Rational(1, 3), acb(arb(-1), arb(0, 0.5))),
    "atan": (sympy.atan(w), acb(arb(0, 0.1), arb(2, 0.1))),
    "asinh": (sympy.asinh(w), acb(arb(0, 0.1), arb(2, 0.1))),
    "pole": (1 / w, acb(arb(0, 0.1), arb(0, 0.1))),
    "tan": (sympy.tan(w), acb(arb(1.57, 0.1), arb(0, 0.1))),
    "abs": (sympy.Abs(w), acb(arb(0, 0.1), arb(0, 0.1))),
    "piecewise": (sympy.Piecewise((w, w < 0), (w**2, True)), acb(arb(0, 0.1), arb(0, 0.1))),
}


@pytest.mark.parametrize("name", CUTS)
def test_analytic_evaluation_refuses_singular_boxes(name: str) -> None:
    formula, box = CUTS[name]
    assert not evaluate_acb(lower(formula, [w]), box, analytic=True)[0].is_finite()


def test_complex_constants_inside_real_formulas() -> None:
    """|Γ(1 + i)|², as the Pearson IV normaliser needs it, is π/sinh π."""
    program = lower_constant(sympy.Abs(sympy.gamma(1 + sympy.I, evaluate=False)) ** 2)
    with ctx.workprec(120):
        assert abs(evaluate_arb(program)[0] - arb.pi() / arb.pi().sinh()) < 1e-30


def test_specialised_programs_have_no_switches() -> None:
    program = lower(FORMULAS["branches"], [w])
    signs = [-1 if evaluate_arb(program.switch_program(), arb(-2))[i] < 0 else 1 for i in range(2)]
    smooth = program.specialised(lambda position: signs[position])
    assert smooth.is_smooth
    for x in (-2, -1):
        assert evaluate_arb(smooth, arb(x))[0].overlaps(evaluate_arb(program, arb(x))[0])


def test_free_symbols_are_named() -> None:
    with pytest.raises(ComputationError, match="free symbol sigma"):
        lower(w * sympy.Symbol("sigma"), [w])
    with pytest.raises(ComputationError, match="depends on w"):
        lower_constant(w)


def test_undefined_functions_are_refused() -> None:
    with pytest.raises(ComputationError, match="undefined function"):
        lower(sympy.Function("f")(w), [w])


def test_models_travel_and_keep_parameters() -> None:
    a = sympy.Symbol("a", real=True)
    lowered = lower_diffusion(
        variable=w, loss=a * w**2 / 2, noise=1, eta=a, theta=0, parameters=[a]
    )
    again = pickle.loads(pickle.dumps(lowered))
    assert again == lowered
    assert hash(again.gradient) == hash(lowered.gradient)
    with pytest.raises(ComputationError, match="free parameters a"):
        again.require_values()
    assert model("w**2/2", 1, 1).formulas["gradient"] == "w"
