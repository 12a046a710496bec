"""Covariance of minibatch gradients: against enumeration of all minibatches."""

from fractions import Fraction
from itertools import combinations, product

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational, Symbol

from theory.diffusion import as_expression
from theory.errors import InputError
from theory.expressions import parse_expression
from theory.gradient_noise import (
    affine_covariance_matrix,
    gaussian_moment,
    gradient_covariance,
    gradient_covariance_matrix,
    linear_regression_noise,
    minibatch_factor,
    quadratic_noise,
)

w = Symbol("w", real=True)
x, y = sympy.symbols("x y", real=True)


def _enumerated_variance(gradients: list[sympy.Expr], batch: int, replacement: bool) -> sympy.Expr:
    """Variance of the minibatch mean over all equally likely minibatches."""
    choose = product(gradients, repeat=batch) if replacement else combinations(gradients, batch)
    means = [sympy.Add(*chosen) / batch for chosen in choose]
    mean = sympy.Add(*means) / len(means)
    return sympy.expand(sympy.Add(*((value - mean) ** 2 for value in means)) / len(means))


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_minibatch_covariance_equals_enumeration(batch: int, replacement: bool) -> None:
    losses = ["(w-1)**2/2", "(w+1)**2", "w**4/4", "3*w**2/2 - w"]
    gradients = [as_expression(sympy.diff(parse_expression(loss), w)) for loss in losses]
    C = gradient_covariance(losses, w, batch=batch, replacement=replacement)
    assert sympy.expand(C - _enumerated_variance(gradients, batch, replacement)) == 0


def test_the_whole_data_set_has_no_noise() -> None:
    assert gradient_covariance(["w", "2*w", "5*w"], w, batch=3, replacement=False) == 0
    assert minibatch_factor(1, 1, replacement=False) == 0


def test_quadratic_losses_give_quadratic_noise() -> None:
    g, h = [Integer(-1), Integer(2), Rational(1, 2)], [Integer(1), Integer(3), Integer(2)]
    noise = quadratic_noise(g, h, batch=2)
    losses = [gi * x + hi * x**2 / 2 for gi, hi in zip(g, h, strict=True)]
    assert sympy.expand(noise.covariance(x) - gradient_covariance(losses, x, batch=2)) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.fractions(-5, 5), st.fractions(-5, 5)), min_size=1, max_size=6))
def test_data_obey_cauchy_schwarz(samples: list[tuple[Fraction, Fraction]]) -> None:
    noise = quadratic_noise(
        [as_expression(g) for g, _ in samples], [as_expression(h) for _, h in samples]
    )
    assert noise.discriminant >= 0


def test_linear_regression_moments() -> None:
    sigma_x, sigma_e, u = sympy.symbols("sigma_x sigma_epsilon u", positive=True)
    noise = linear_regression_noise(sigma_x, sigma_e, batch=4)
    expected = (sigma_x**2 * sigma_e**2 + 2 * sigma_x**4 * u**2) / 4
    assert sympy.expand(noise.covariance(u) - expected) == 0


def test_gaussian_moments_by_their_integral() -> None:
    z = Symbol("z", real=True)
    weight = sympy.exp(-(z**2) / 8) / sympy.sqrt(8 * sympy.pi)
    for order in range(6):
        integral = sympy.integrate(z**order * weight, (z, -sympy.oo, sympy.oo))
        assert gaussian_moment(Integer(2), order) == integral


def test_covariance_matrix_in_d_dimensions() -> None:
    losses = [x**2 + x * y, (x - y) ** 2 / 2 + y, 3 * y**2 - x]
    C = gradient_covariance_matrix(losses, [x, y])
    assert C == C.T
    assert C[0, 0] == gradient_covariance(losses, x)
    gradients = [[0, 0], [0, 1], [-1, 0]]
    hessians = [[[2, 1], [1, 0]], [[1, -1], [-1, 1]], [[0, 0], [0, 6]]]
    affine = affine_covariance_matrix(
        [[Integer(v) for v in row] for row in gradients],
        [[[Integer(v) for v in row] for row in h] for h in hessians],
        [x, y],
    )
    assert (C - affine).expand() == sympy.zeros(2, 2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"batch": 0}, "batch size"),
        ({"batch": Rational(1, 2)}, "batch size"),
        ({"batch": 2, "replacement": False}, "number N of samples"),
        ({"batch": 3, "samples": 2, "replacement": False}, "at most N"),
    ],
)
def test_refuses_impossible_minibatches(arguments: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        minibatch_factor(**arguments)  # type: ignore[arg-type]
