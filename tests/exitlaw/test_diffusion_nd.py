"""Models in several variables from Python: finite elements and paths against exact values."""

import pytest
import sympy

from exitlaw import DiffusionND, InputError
from numerics.errors import ComputationError

FALSE_ALARM = 1e-9
BOWL = DiffusionND.from_loss(
    "x**2/2 + k*y**2", ["1", 1], variables="x,y", eta="1/2", interpretation="ito",
    parameters={"k": 1},
)  # fmt: skip
DISC = DiffusionND.from_drift([0, 0], 1, variables=["x", "y"], eta=2, interpretation="ito")


def test_brownian_motion_leaves_the_unit_disc():
    """D = 1: the time from the centre is 1/(2d) = 1/4, and half of the edge has half a chance."""
    found = DISC.mean_exit_time(start=(0, 0), exit_region="x**2+y**2 >= 1")
    assert abs(found.value - 0.25) <= found.error <= 1e-3
    edge = "x**2+y**2 >= 1"
    chance = DISC.exit_probability(
        start=(0, 0), exit_region=f"{edge} and x >= 0", against=f"{edge} and x <= 0"
    )
    assert abs(chance.value - 0.5) <= chance.error + 1e-9


def test_simulations_contain_exact_values(seed):
    """H0: |truth − exact| ≤ bias bound, false alarm 1e-9; twice the value is excluded."""
    x, y = sympy.symbols("x y", real=True)
    time = DISC.simulate_mean_exit_time(
        start=(0, 0), exit_region=x**2 + y**2 >= 1, target_error=0.1, seed=seed
    )
    moment = BOWL.simulate_moment("x*y", 2, target_error=0.1, seed=seed)
    density = BOWL.simulate_stationary_density(("1/2", 0), target_error=0.1, seed=seed)
    # Variances η/2 and η/4: E x²y² = η²/8, p(x, 0) = √2/(πη) exp(−x²/η).
    for found, exact in ((time, 0.25), (moment, 0.03125), (density, 0.5460694491888174)):
        assert not found.excludes(exact, FALSE_ALARM)
        assert found.excludes(2 * exact, FALSE_ALARM)


def test_importance_and_scheme_reach_the_simulator():
    question = {"start": (0, 0), "exit_region": "x >= 1", "paths": 100}
    found = BOWL.simulate_mean_exit_time(**question, scheme="platen-shift", importance="x - y/2")
    assert found.scheme == "platen-shift"
    with pytest.raises(ComputationError, match="euler-shift, milstein-shift, platen-shift"):
        BOWL.simulate_mean_exit_time(**question, scheme="heun")
    with pytest.raises(InputError, match="q has no value"):
        BOWL.simulate_mean_exit_time(**question, importance="q")


def test_parameters_are_set_or_named():
    free = DiffusionND.from_loss("k*(x**2+y**2)", 1, variables="x,y", eta=1, interpretation="ito")
    with pytest.raises(InputError, match="k without"):
        free.simulate_moment("x", 2, paths=10)
    same = free.subs({"k": "1/2"})
    assert isinstance(same, DiffusionND)
    assert same.lowered().dimension == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: BOWL.mean_exit_time(start=(0, 0), exit_region="z >= 1"), "z has no value"),
        (lambda: BOWL.mean_exit_time(start="0,0", exit_region="x >= 1"), "2 coordinates"),
        (lambda: BOWL.mean_exit_time(start=(0, 0), exit_region="x + 1"), "condition"),
        (lambda: BOWL.simulate_moment("x + z", 2), "z has no value"),
        (
            lambda: DiffusionND.from_loss("x", 1, variables="x,2", eta=1, interpretation="ito"),
            "names of variables",
        ),
        (
            lambda: DiffusionND.from_drift("[1]", 1, variables="x,y", eta=1, interpretation=0),
            "2 components",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
