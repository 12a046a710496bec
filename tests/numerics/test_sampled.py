"""The diffusion of SGD on samples, without computer algebra, against covariances by NumPy."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from numerics.evaluators import numpy_function
from numerics.lowering import lower, lower_constant
from numerics.multivariate import upper_triangle
from numerics.sampled import sampled_model, sampled_scalar_model

a, b, c, x, y = sympy.symbols("a b c x y", real=True)
STATE = (a, b, c)
ROWS = [(Fraction(n, 7), Fraction((-1) ** n * n**2, 11)) for n in range(1, 9)]
LOSS = sympy.exp(a * x) * y + sympy.sin(b - x) * c * y + sympy.log(1 + (c + y) ** 2)
FACTOR = Fraction(2, 5)
AT = np.array([0.3, -0.7, 0.2])


def pieces():
    slopes = [sympy.diff(LOSS, v) for v in STATE]
    upper = [sympy.diff(slopes[i], STATE[j]) for i, j in upper_triangle(3)]
    return lower(slopes, (*STATE, x, y)), lower(upper, (*STATE, x, y))


def gradients(at: np.ndarray) -> np.ndarray:
    """∇ℓ of every sample, by the symbolic derivative in doubles."""
    function = sympy.lambdify((*STATE, x, y), [sympy.diff(LOSS, v) for v in STATE], "numpy")
    return np.array([function(*at, float(u), float(v)) for u, v in ROWS])


def covariance(at: np.ndarray) -> np.ndarray:
    return float(FACTOR) * np.cov(gradients(at).T, bias=True)


@pytest.fixture(scope="module")
def model():
    constant = lower_constant(sympy.Integer(1))
    return sampled_model(*pieces(), ROWS, FACTOR, eta=constant, theta=constant)


def test_the_gradient_is_the_mean(model):
    found = np.array(numpy_function(model.gradient)(*AT))
    assert found == pytest.approx(gradients(AT).mean(axis=0), rel=1e-12)
    assert model.variables == ("a", "b", "c")


def test_the_noise_is_the_covariance(model):
    found = numpy_function(model.noise)(*AT)
    exact = covariance(AT)
    for value, (i, j) in zip(found, upper_triangle(3), strict=True):
        assert value == pytest.approx(exact[i, j], rel=1e-11)


def test_the_divergence_is_that_of_the_noise(model):
    """Central differences of step 1e-4, whose error is below 1e-6 of the value here."""
    h = 1e-4
    moved = [
        (covariance(AT + h * unit) - covariance(AT - h * unit)) / (2 * h) for unit in np.eye(3)
    ]
    exact = np.array([sum(moved[j][i, j] for j in range(3)) for i in range(3)])
    found = np.array(numpy_function(model.noise_divergence)(*AT))
    assert found == pytest.approx(exact, rel=1e-6)
    diagonal = np.array([moved[i][i, i] for i in range(3)])
    assert np.abs(exact - diagonal).min() > 1e-3


SCALAR = sympy.exp(a * x) * y + sympy.sin(a - x) * y**2 + a**4 / 3
SHARED = 4 * a**3 / 3


@pytest.fixture(scope="module")
def scalar():
    one, inputs = lower_constant(sympy.Integer(1)), (a, x, y)
    own = sympy.diff(SCALAR, a) - SHARED
    return sampled_scalar_model(
        lower(SCALAR, inputs),
        lower([SHARED, sympy.diff(SHARED, a)], (a,)),
        lower([sympy.diff(own, a, k) for k in range(3)], inputs),
        ROWS,
        FACTOR,
        eta=one,
        theta=one,
    )


def symbolic() -> tuple[sympy.Expr, sympy.Expr]:
    """L and C as formulas: the mean, and the mean square less the squared mean."""
    losses = [SCALAR.subs({x: sympy.Rational(u), y: sympy.Rational(v)}) for u, v in ROWS]
    slopes = [sympy.diff(one, a) for one in losses]
    count, factor = len(ROWS), sympy.Rational(FACTOR.numerator, FACTOR.denominator)
    middle = sympy.Add(*slopes) / count
    square = sympy.Add(*(one**2 for one in slopes)) / count
    return sympy.Add(*losses) / count, factor * (square - middle**2)


def test_one_state_has_the_moments_of_the_formulas(scalar):
    """What all samples share has no part in C; all derivatives are those of the formulas."""
    loss, noise = symbolic()
    expected = {
        "loss": loss,
        "gradient": sympy.diff(loss, a),
        "gradient_slope": sympy.diff(loss, a, 2),
        "noise": noise,
        "noise_slope": sympy.diff(noise, a),
        "noise_curvature": sympy.diff(noise, a, 2),
    }
    for at in (sympy.Rational(-3, 2), sympy.Rational(1, 7), sympy.Rational(2)):
        for name, formula in expected.items():
            [found] = numpy_function(getattr(scalar, name))(float(at))
            exact = float(formula.subs(a, at).evalf(30))
            assert found == pytest.approx(exact, rel=1e-11, abs=1e-11), name
