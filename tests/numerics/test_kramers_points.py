"""Minimum and saddle are the right ones, isolated; formulas there agree by both routes."""

from fractions import Fraction

import pytest
import sympy

from numerics import kramers_points
from numerics.errors import ComputationError
from numerics.lowering import Model, lower, lower_constant, lower_diffusion
from theory.diffusion import Diffusion

w = sympy.Symbol("w", real=True)
QUARTIC = (w**2 - 1) ** 2 / 4
CUBIC = w**2 / 2 - w**3 / 3


def wells(*critical: object) -> sympy.Expr:
    """The loss with L' = Π(w − c): minima and maxima alternate, the last is a minimum."""
    return sympy.integrate(sympy.expand(sympy.prod([w - sympy.sympify(c) for c in critical])), w)


def model(loss: sympy.Expr, noise: sympy.Expr | int = 1) -> Model:
    return lower_diffusion(
        Diffusion.from_loss(loss, noise, eta="1/10", interpretation="ito", variable=w)
    )


@pytest.mark.parametrize(
    ("loss", "start", "exit", "minimum", "saddle"),
    [
        (QUARTIC, -1, 1, -1, 0),
        (QUARTIC, Fraction(-1, 2), 1, -1, 0),
        (QUARTIC, -5, Fraction(1, 3), -1, 0),
        ((w**2 - 2) ** 2 / 4, -sympy.sqrt(2), 1, -sympy.sqrt(2), 0),
        (CUBIC, 0, 2, 0, 1),
        (CUBIC, Fraction(9, 10), 2, 0, 1),
        # L(7/2) = 4459/960 is above L(1) = 323/120; L(1/2) is above L(3)
        (wells(0, 1, 2, "7/2", 4), 0, 4, 0, Fraction(7, 2)),
        (wells(0, "1/2", 2, 3, 4), 0, 4, 0, Fraction(1, 2)),
        (wells(0, 1, 2, "7/2", 4), 0, 3, 0, 1),
    ],
)
def test_minimum_and_saddle(loss, start, exit, minimum, saddle):
    one = model(loss)
    found = kramers_points.critical_points(one, lower_constant(start), lower_constant(exit))
    for bracket, expected in ((found.minimum, minimum), (found.saddle, saddle)):
        exact = sympy.sympify(expected)
        assert bracket.low < exact < bracket.high
        enclosed = kramers_points.enclosure(one, bracket, 30)
        assert abs(enclosed.middle - Fraction(str(sympy.N(exact, 40)))) < Fraction(1, 10**30)


@pytest.mark.parametrize(
    ("loss", "start", "exit", "words"),
    [
        (w**2 / 2, 0, 2, "a saddle"),
        (QUARTIC, -1, Fraction(-1, 2), "a saddle"),
        (-(w**2) / 2, -1, 1, "a minimum"),
        (QUARTIC, 0, 1, "L' = 0"),
        (QUARTIC, 1, -1, "exit above the start"),
        (wells(0, 1, 2, 3, 4), 0, 4, "equal heights"),
        (w**4 / 4, -1, 1, "both vanish"),
        (sympy.Abs(w) - w**4 / 8, -1, 2, "jump near"),
    ],
)
def test_refusals_name_the_reason(loss, start, exit, words):
    with pytest.raises(ComputationError, match=words):
        kramers_points.critical_points(model(loss), start, exit)


FORMULA_SYMBOLS = [sympy.Symbol(name, real=True) for name in kramers_points.FORMULA_INPUTS]


@pytest.mark.parametrize("name", kramers_points.FORMULA_INPUTS)
@pytest.mark.parametrize("method", ["arb", "mpmath"])
def test_each_input_has_its_exact_value(name, method):
    """L = (w²−1)²/4 from −1 over 0, C = 1 + L: all inputs are known."""
    values = {
        "H_a": 2,
        "H_b": -1,
        "C_a": 1,
        "C_b": sympy.Rational(5, 4),
        "Delta_L": sympy.Rational(1, 4),
        "exponent": 20 * sympy.log(sympy.Rational(5, 4)),
        "eta": sympy.Rational(1, 10),
        "theta": 0,
    }
    one = model(QUARTIC, 1 + QUARTIC)
    points = kramers_points.critical_points(one, -1, 1)
    symbol = next(symbol for symbol in FORMULA_SYMBOLS if symbol.name == name)
    # The formula adds 3, so that a value of 0 has relative digits.
    formula = lower(symbol + 3, FORMULA_SYMBOLS)
    found = kramers_points.formula_value(one, points, formula, digits=25, method=method)
    exact = Fraction(str(sympy.N(values[name] + 3, 40)))
    assert found.lower - Fraction(1, 10**38) <= exact <= found.upper + Fraction(1, 10**38)
    assert found.relative_width() <= 1e-25


def test_zero_of_the_noise_between_is_named():
    one = model(QUARTIC, (w + sympy.Rational(1, 2)) ** 2)
    points = kramers_points.critical_points(one, -1, 1)
    formula = lower(sympy.Symbol("exponent", real=True), FORMULA_SYMBOLS)
    with pytest.raises(ComputationError, match=r"C > 0.*-0\.5"):
        kramers_points.formula_value(one, points, formula)


def test_noise_that_jumps():
    """Between minimum and saddle the exponent is split there; at the saddle there is no C_b."""
    formula = lower(sympy.Symbol("exponent", real=True), FORMULA_SYMBOLS)
    between = model(QUARTIC, sympy.Piecewise((1, w < sympy.Rational(-1, 2)), (2, True)))
    points = kramers_points.critical_points(between, -1, 1)
    # (2/η)[(L(−1/2) − L(−1)) + (L(0) − L(−1/2))/2], η = 1/10
    exact = 20 * (Fraction(9, 64) + (Fraction(1, 4) - Fraction(9, 64)) / 2)
    found = kramers_points.formula_value(between, points, formula)
    assert found.lower <= exact <= found.upper
    at_saddle = model(QUARTIC, sympy.Piecewise((1, w < 0), (2, True)))
    points = kramers_points.critical_points(at_saddle, -1, 1)
    with pytest.raises(ComputationError, match=r"continuous at the minimum.*from 1 to 2"):
        kramers_points.formula_value(at_saddle, points, formula)
