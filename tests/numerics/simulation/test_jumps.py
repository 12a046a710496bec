"""Noises that jump are refused; kinks and steep slopes are none."""

import pytest
import sympy
from simulation_models import model

from numerics.errors import ComputationError
from numerics.lowering import lower_multivariate
from numerics.simulation import mean_exit_time, moment
from numerics.simulation.multivariate import vector_kernel
from numerics.simulation.schemes import kernel_model
from theory.expressions import parse_expression

PLANE = [sympy.Symbol(name, real=True) for name in "xy"]


def plane(noise, theta):
    x, y = PLANE
    diagonal = [[parse_expression(noise, {"x": x, "y": y}), 0], [0, 1]]
    return lower_multivariate(PLANE, [x, y], diagonal, eta=sympy.Integer(1), theta=theta)


JUMPS = [
    "piecewise(1, w < 0.2, 2)",
    "piecewise(2, w >= -3000, 2 - (w + 3000)/10**5, w > -4000, 5)",
    "2 + piecewise(-1, w*abs(w - 1) < 1/7, 1)",
]


@pytest.mark.parametrize("noise", JUMPS)
@pytest.mark.parametrize("theta", ["0", "1/2", "1"])
def test_a_jump_is_refused(noise, theta):
    """At θ = 1 the paths of the first model left (−1, 1) after 1.10 ± 0.01; certified: 0.8888."""
    made = model("w", noise, "1", theta)
    with pytest.raises(ComputationError, match="a noise C without jumps"):
        mean_exit_time(made, 0, exit_above=1, exit_below=-1, paths=1000)
    with pytest.raises(ComputationError, match="a noise C without jumps"):
        moment(made, 1, paths=1000)


def test_the_place_is_named():
    with pytest.raises(ComputationError, match=r"a jump at 0\.2"):
        kernel_model(model("w", JUMPS[0], "1"))


@pytest.mark.parametrize(
    "noise",
    ["1 + abs(w)", "1 + sqrt(abs(w - 1/5))", "piecewise(1 + w**2, w < 1/3, 10/9)",
     "1 + tanh(10**6*(w - 1/5))/2 + abs(w)"],
)  # fmt: skip
def test_a_kink_is_no_jump(noise):
    kernel_model(model("w", noise, "1", 1))


def test_single_paths_may_see_one_in_itos_reading():
    kernel_model(model("w", JUMPS[0], "1"), single_paths=True)
    with pytest.raises(ComputationError, match="without jumps"):
        kernel_model(model("w", JUMPS[0], "1", 1), single_paths=True)


@pytest.mark.parametrize("noise", ["piecewise(1, x + y < 1/5, 2)", "piecewise(1, x**2 < 2, 3)"])
def test_a_jump_in_the_plane_is_refused(noise):
    for theta in (0, 1):
        with pytest.raises(ComputationError, match="without jumps"):
            vector_kernel(plane(noise, theta))
    vector_kernel(plane(noise, 0), single_paths=True)
    vector_kernel(plane("1 + abs(x + y)", 1))
