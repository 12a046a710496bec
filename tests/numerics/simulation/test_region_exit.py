"""Entries of regions in the plane against one-dimensional certified times; false alarms 1e-9."""

import pytest
import sympy
from simulation_models import exact_exit_above, model

from numerics.errors import ComputationError
from numerics.lowering import lower_multivariate, lower_region
from numerics.simulation import region_exit

x, y = sympy.symbols("x y", real=True)
QUARTER = sympy.Rational(1, 4)


@pytest.mark.parametrize("theta", ["0", "1"])
def test_separable_noise_that_depends_on_the_state(seed, theta):
    """L = (x² − 1)²/4 + y²/2, C = diag(1 + x²/2, 1): x alone decides the entry of x >= 1."""
    made = lower_multivariate(
        (x, y), (x**3 - x, y), [1 + x**2 / 2, 1], eta=sympy.Rational(1, 2),
        theta=sympy.Rational(theta),
    )  # fmt: skip
    found = region_exit.mean_exit_time(
        made, (-1, 0), lower_region(x >= 1, (x, y)), target_error=0.06, seed=seed
    )
    exact = exact_exit_above(model("w**3 - w", "1 + w**2/2", "1/2", theta), -1, 1)
    assert not found.excludes(exact, 1e-9)
    assert found.excludes(1.3 * exact, 1e-9)


def test_a_rotated_full_matrix(seed):
    """A well along the diagonal with noise C = 1 along it, 1/2 across: C is full, τ is 1-D."""
    u, v = (x + y) / sympy.sqrt(2), (y - x) / sympy.sqrt(2)
    loss = (u**2 - 1) ** 2 / 4 + v**2 / 2
    made = lower_multivariate(
        (x, y), (sympy.diff(loss, x), sympy.diff(loss, y)),
        [[3 * QUARTER, QUARTER], [QUARTER, 3 * QUARTER]],
        eta=sympy.Rational(1, 2), theta=sympy.Integer(0),
    )  # fmt: skip
    start = (-sympy.sqrt(2) / 2).evalf()
    found = region_exit.mean_exit_time(
        made, (float(start), float(start)), lower_region(u >= 1, (x, y)), target_error=0.06,
        seed=seed,
    )  # fmt: skip
    exact = exact_exit_above(model("w**3 - w", "1", "1/2"), -1, 1)
    assert not found.excludes(exact, 1e-9)


def test_bad_input_is_named():
    made = lower_multivariate(
        (x, y), (x, y), sympy.Integer(1), eta=sympy.Integer(1), theta=sympy.Integer(0)
    )
    with pytest.raises(ComputationError, match="outside the exit region"):
        region_exit.mean_exit_time(made, (2, 0), lower_region(x >= 1, (x, y)))
