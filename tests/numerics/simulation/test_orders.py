"""Observed orders of convergence, and false schemes whose slopes betray them.

H0 of each test: |slope − order| <= 0.2, the bend that steps of finite size may give (measured: at
most 0.18 at the steps taken here); rejected beyond 6.11 standard errors of the slope, a false alarm
of 1e-9. Each test also excludes the next orders (half a unit away for strong orders and exits, one
for weak ones), with 0.1 for their bend, at the same rate: a scheme of another order cannot pass.
Measured standard errors of the slopes: 0.005 strong, 0.05 weak, 0.02 exits.
"""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from simulation_models import exact_exit_above, model, ornstein_uhlenbeck, power_law_well

from numerics.errors import ComputationError
from numerics.simulation.exit import exit_problem
from numerics.simulation.orders import (
    CoupledEnds,
    Order,
    coupled_ends,
    exit_order,
    fitted_order,
    strong_order,
    weak_order,
)
from numerics.simulation.schemes import SCHEMES, Scheme

FALSE_ALARM = 1e-9
BEND = 0.2
BEND_OF_OTHERS = 0.1

MILSTEIN = SCHEMES["milstein"]
CORRECTION = "0.25 * eta * h * c1"
EULER_IN_DISGUISE = Scheme("milstein", 1.0, 1.0, MILSTEIN.source.replace(CORRECTION, "0.0"))
WRONG_SIGN = Scheme("milstein", 1.0, 1.0, MILSTEIN.source.replace(CORRECTION, f"-{CORRECTION}"))
PLATEN = SCHEMES["platen"]
MEAN_DRIFT = "0.5 * h, a + drift(te, g, c1)"
ONE_SIDED_DRIFT = Scheme("platen", 2.0, 1.0, PLATEN.source.replace(MEAN_DRIFT, "h, a"))
TAYLOR = SCHEMES["taylor"]
STRETCH = "fma(0.25 * h, stretch, 1.0)"
UNSTRETCHED = Scheme("taylor", 2.0, 1.0, TAYLOR.source.replace(STRETCH, "1.0"))


def assert_order(found: Order, order: float, gap: float = 0.5) -> None:
    assert not found.excludes(order, BEND, FALSE_ALARM), found
    for other in (order - gap, order + gap):
        assert found.excludes(other, BEND_OF_OTHERS, FALSE_ALARM), found


def test_the_false_schemes_are_false():
    for false, true in (
        (EULER_IN_DISGUISE, MILSTEIN),
        (WRONG_SIGN, MILSTEIN),
        (ONE_SIDED_DRIFT, PLATEN),
        (UNSTRETCHED, TAYLOR),
    ):
        assert false.source != true.source


@pytest.mark.parametrize(
    ("scheme", "order"),
    [
        (SCHEMES["euler"], 0.5),
        (MILSTEIN, 1.0),
        (PLATEN, 1.0),
        (TAYLOR, 1.0),
        (EULER_IN_DISGUISE, 0.5),
        (WRONG_SIGN, 0.5),
    ],
    ids=["euler", "milstein", "platen", "taylor", "milstein uncorrected", "milstein wrong sign"],
)
def test_strong_order_against_a_fine_path(seed, scheme, order):
    """The power-law well at η = 1; the fine path is Milstein's at 1/16 of the smallest step."""
    ends = coupled_ends(
        power_law_well("1/2", eta="1"), scheme, 1, until=1.0, counts=(8, 16, 32, 64), fine=1024,
        paths=10_000, seed=seed,
    )  # fmt: skip
    assert_order(strong_order(ends), order)


@cache
def explicit_ends(scheme: Scheme, seed: int) -> tuple[CoupledEnds, np.ndarray]:
    """Paths of a model with an explicit solution, and the exact ends on the same noise.

    L' = −√(1 + w²)/4, C = 1 + w², η = 1/4, Stratonovich: y = asinh w has dy = dt/4 + dB/2, so
    w_t = sinh(asinh w_0 + t/4 + B_t/2).
    """
    made = model("-sqrt(1 + w**2)/4", "1 + w**2", "1/4", "1/2")
    ends = coupled_ends(
        made, scheme, Fraction(1, 2), until=1.0, counts=(4, 8, 16), fine=16, paths=400_000,
        seed=seed,
    )  # fmt: skip
    return ends, np.sinh(np.arcsinh(0.5) + 0.25 + 0.5 * ends.brownian)


@pytest.mark.parametrize(
    ("scheme", "order"),
    [
        (SCHEMES["euler"], 1.0),
        (MILSTEIN, 1.0),
        (PLATEN, 2.0),
        (TAYLOR, 2.0),
        (ONE_SIDED_DRIFT, 1.0),
        (UNSTRETCHED, 1.0),
    ],
    ids=["euler", "milstein", "platen", "taylor", "one-sided drift", "unstretched noise"],
)
def test_weak_order_against_an_explicit_solution(seed, scheme, order):
    assert_order(weak_order(*explicit_ends(scheme, seed)), order, gap=1.0)


def test_strong_order_against_an_explicit_solution(seed):
    """The fine path above is no judge of itself: here the exact ends are the reference."""
    assert_order(strong_order(*explicit_ends(SCHEMES["euler"], seed)), 0.5)
    assert_order(strong_order(*explicit_ends(MILSTEIN, seed)), 1.0)


@pytest.mark.parametrize(
    ("scheme", "order", "steps"),
    [
        ("euler-grid", 0.5, (0.04, 0.02, 0.01)),
        ("euler-shift", 1.0, (0.2, 0.1, 0.05)),
        ("euler-bridge", 1.0, (0.2, 0.1, 0.05)),
    ],
)
def test_order_of_the_bias_of_exit_times(seed, scheme, order, steps):
    """Ornstein–Uhlenbeck, exit above 1 from 0, against the certified time."""
    made = ornstein_uhlenbeck()
    problem = exit_problem(made, 0, exit_above=1, scheme=scheme)
    found = exit_order(problem, exact_exit_above(made, 0, 1), steps, paths=1_000_000, seed=seed)
    assert_order(found, order)


def test_the_fit_knows_its_own_error(seed):
    """Samples of known means: the slope is exact, its standard error that of 4000 repetitions."""
    random = np.random.default_rng(seed)
    steps = (0.4, 0.2, 0.1)
    means = 3.0 * np.array(steps) ** 1.5
    slopes = []
    for _ in range(400):
        shared = random.normal(size=(200, 1))
        noise = 0.3 * means * (shared + random.normal(size=(200, 3)))
        fit = fitted_order(steps, means + noise)
        slopes.append((fit.slope, fit.standard_error))
    slope, error = np.array(slopes).T
    spread = slope.std()
    # 400 repetitions: the mean slope to spread/20, the spread itself to 3.5 %; 6.11 of each.
    assert abs(slope.mean() - 1.5) < 6.11 * spread / 20 + 1e-3
    assert abs(spread / error.mean() - 1.0) < 6.11 * 0.036


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"counts": (3,)}, "divide"),
        ({"until": 0.0}, "end of the paths"),
        ({"paths": 1}, "paths"),
    ],
)
def test_bad_input_is_named(changes, words):
    given = {"until": 1.0, "counts": (2, 4), "fine": 8, "paths": 4, **changes}
    with pytest.raises(ComputationError, match=words):
        coupled_ends(power_law_well(), SCHEMES["euler"], 0, **given)
