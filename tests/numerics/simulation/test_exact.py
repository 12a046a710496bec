"""Exact simulation against laws, moments and certified times; false-alarm rate 1e-9 each."""

import math
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest
from numba import njit
from scipy import integrate, stats
from simulation_models import double_well, exact_exit_above, model, power_law_well

from numerics import testing
from numerics.errors import ComputationError
from numerics.first_passage import mean_exit_time as certified
from numerics.simulation import mean_exit_time
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.exact import exact_kernel, exact_problem, exact_states
from numerics.simulation.exit import exit_problem
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)


def leaving(made, start, exit_above):
    return exact_problem(made, exit_problem(made, start, exit_above=exit_above))


def drawn(name, seed, count, *arguments):
    """Draws of a function of the kernels, all from one stream."""
    module = sys.modules[exact_kernel("exact_exits").__module__]
    function, initial_state = getattr(module, name), module.initial_state

    @njit
    def fill(key, out, arguments):
        s0, s1, s2, s3 = initial_state(key, 0)
        for i in range(out.size):
            out[i], s0, s1, s2, s3 = function(*arguments, s0, s1, s2, s3)

    out = np.empty(count)
    fill(np.array(stream_key(seed, 4), dtype=np.uint64), out, tuple(map(float, arguments)))
    return out


@pytest.mark.parametrize("tilt", [-0.6, 0.0, 0.6])
def test_exit_times_of_a_brownian_motion(seed, tilt):
    """`E[e^(−sT)] = cosh√(2(−t))/cosh√(2(s−t))` for a tilt t; that of t + 0.05 is rejected."""
    times = drawn("exit_time", seed, 300_000, tilt)

    def transform(s, tilt):
        return float(
            (np.cosh(np.emath.sqrt(-2 * tilt)) / np.cosh(np.emath.sqrt(2 * (s - tilt)))).real
        )

    rejected = []
    for s in (0.3, 2.0, 8.0):
        seen = np.exp(-s * times)
        error = Z_LIMIT * seen.std() / math.sqrt(seen.size)
        assert abs(seen.mean() - transform(s, tilt)) < error
        rejected.append(abs(seen.mean() - transform(s, tilt + 0.05)) > error)
    assert any(rejected)


@pytest.mark.parametrize(
    ("a", "s", "u"),
    [(1, 0.3, 0.4), (1.7, 0.9, 0.9), (0.2, 0.1, 1.0), (1, 1.2, 1.5), (1.5, 1.05, 2.5),
     (1, 2.5, 0.4), (0.3, 1.9, 0.2), (1, 0.3, 2.2), (1.8, 0.5, 1.9)],
)  # fmt: skip
def test_places_of_a_path_that_leaves_at_a_given_time(seed, a, s, u):
    """z has the density q(s; a, z) g(u; z), both by images: all four proposals."""
    z = drawn("place", seed, 20_000, a, s, u)
    k = np.arange(-8, 9)

    def density(z):
        killed = np.exp(-((z - a + 4 * k) ** 2) / (2 * s)) - np.exp(
            -((z + a + 4 * k) ** 2) / (2 * s)
        )
        return killed.sum() * ((z + 4 * k) * np.exp(-((z + 4 * k) ** 2) / (2 * u))).sum()

    grid = np.linspace(0.0, 2.0, 4001)
    mass = integrate.cumulative_simpson([density(x) for x in grid], x=grid, initial=0.0)
    assert (
        testing.kolmogorov_smirnov(z, lambda x: np.interp(x, grid, mass / mass[-1])) > FALSE_ALARM
    )
    # A neighbour that forgets the far end, or when the path leaves, is a tenth of z away.
    assert testing.kolmogorov_smirnov(z * 1.1, lambda x: np.interp(x, grid, mass / mass[-1])) < (
        FALSE_ALARM
    )


MODELS = {
    "double-well": (double_well(1), -1, 1, None),
    "sine-noise": (model("w + w**3/4 - sin(3*w)/2", "2 + sin(w)", "1/2", "1/3"), 0, 1, None),
    "two-exits": (power_law_well(0, "1/4"), 0, 1, -1),
    "below": (double_well("1/2"), 1, None, -1),
    "square-root": (model("w - 1/2", "w", "1/4", 1), "1/2", "3/2", None),
    "huber": (model("piecewise(-1, w < -1, w, w < 1, 1)", "1", "1"), 0, 2, None),
}


@pytest.mark.parametrize("name", MODELS)
def test_mean_exit_times_are_certified_ones(seed, name):
    """No bias but rounding; times that are 5 % off are rejected with a probability of 0.999."""
    made, begin, above, below = MODELS[name]
    start = Fraction(begin)
    above, below = (None if x is None else Fraction(x) for x in (above, below))
    exact = float(
        certified(made, start, exit_above=above, exit_below=below, digits=8, method="arb")
    )
    found = mean_exit_time(
        made, start, exit_above=above, exit_below=below, scheme="exact", target_error=0.01,
        seed=seed,
    )  # fmt: skip
    assert found.scheme == "exact"
    assert found.bias_kind == "estimated"
    assert found.bias_bound < 1e-9 * exact
    assert not found.excludes(exact, FALSE_ALARM)
    # 1 % at 1.96 standard errors: 5 % are 9.8 of them.
    assert found.standard_error <= 0.0052 * exact


@pytest.mark.parametrize(("eta", "theta"), [("1/30", 0), ("1/50", 1)])
def test_rare_exits_by_milestones(seed, eta, theta):
    """Mean times of 10⁷ and 10¹⁰, within 5 % at 1.96 standard errors."""
    made = double_well(theta, eta=eta)
    exact = exact_exit_above(made, -1, 1)
    found = mean_exit_time(
        made, -1, exit_above=1, scheme="exact", target_error=0.05, seed=seed, workers=2
    )
    assert found.scheme == "exact+milestones"
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.relative_error <= 0.05


@pytest.mark.parametrize(
    ("gradient", "eta", "start", "exit"),
    [("w**3 - w + 1/20", "1/20", "0", "3/2"), ("w - w**2", "1/20", "3/2", "2"),
     ("w**3 - w", "1/9", "9999/10000", "1"), ("w + w**2", "1/20", "-3/2", "-2")],
    ids=["deeper-well-behind", "beyond-a-saddle", "next-to-the-exit", "mirrored"],
)  # fmt: skip
def test_milestones_see_the_few_paths_that_fall_back(seed, gradient, eta, start, exit):
    """Most paths leave at once, and those that fall into the well behind make the mean."""
    made, begin, end = model(gradient, "1", eta), Fraction(start), Fraction(exit)
    above, below = (end, None) if end > begin else (None, end)
    exact = float(
        certified(made, begin, exit_above=above, exit_below=below, digits=8, method="arb")
    )
    found = mean_exit_time(
        made, begin, exit_above=above, exit_below=below, scheme="exact", target_error=0.08,
        seed=seed,
    )  # fmt: skip
    assert found.scheme == "exact+milestones"
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.relative_error <= 0.08


def second_moment(theta: float, rho: float, start: float, time: float) -> tuple[float, float]:
    """E[x], E[x²] of H = σ_g = 1, σ_H = 1/2, η = 1/5 from their linear equations."""
    from scipy.linalg import expm

    eta, sigma_H = 0.2, 0.5
    pull, noise, push = 1 - theta * eta * sigma_H, eta * sigma_H, theta * eta * rho
    generator = np.array(
        [
            [0.0, 0.0, 0.0],
            [push, -pull, 0.0],
            [eta, 2 * push + 2 * eta * rho, noise - 2 * pull],
        ]
    )
    moments = expm(generator * time) @ np.array([1.0, start, start**2])
    return float(moments[1]), float(moments[2])


@pytest.mark.parametrize("theta", ["0", "1/4", "1/2", "1"])
@pytest.mark.parametrize("rho", ["0", "1/2"])
def test_moments_at_finite_times(seed, theta, rho):
    """Both moments at 0.3 and 1 from x = 1; E[x] at times 1.1 as long is rejected."""
    made = model("w", f"1 + 2*({rho})*w + w**2/2", "1/5", theta)
    states = exact_states(made, 1, np.array([0.3, 1.0]), paths=60_000, seed=seed)
    t, r = float(Fraction(theta)), float(Fraction(rho))
    for column, time in ((0, 0.3), (1, 1.0)):
        for power, exact in zip((1, 2), second_moment(t, r, 1.0, time), strict=True):
            seen = states[:, column] ** power
            assert abs(seen.mean() - exact) < Z_LIMIT * seen.std() / math.sqrt(seen.size)
    last = states[:, 1]
    late = second_moment(t, r, 1.0, 1.1)[0]
    assert abs(last.mean() - late) > Z_LIMIT * last.std() / math.sqrt(last.size)


def test_stationary_law_is_student(seed):
    """ρ = 0: t with 2m − 1 degrees of freedom, scale √(σ_g/(σ_H(2m − 1))); heavy at m = 2.5."""
    made = power_law_well("1/2", "1")
    states = exact_states(made, 0, np.array([20.0]), paths=20_000, seed=seed)[:, 0]
    degrees = 2 * (2.0 + 0.5) - 1
    law = stats.t(degrees, scale=math.sqrt(2.0 / degrees))
    assert testing.kolmogorov_smirnov(states, law.cdf) > FALSE_ALARM
    wrong = stats.t(degrees + 1, scale=math.sqrt(2.0 / (degrees + 1)))
    assert testing.kolmogorov_smirnov(states, wrong.cdf) < FALSE_ALARM


def test_paths_are_the_same_in_any_company(seed):
    made = double_well()
    times = np.array([0.25, 0.5])
    many = exact_states(made, -1, times, paths=300, seed=seed)
    np.testing.assert_array_equal(many[:20], exact_states(made, -1, times, paths=20, seed=seed))
    problem, key = leaving(made, -1, 1), stream_key(seed, 1)
    whole, sides, _ = problem.sample(key, 0, 50)
    part, _, _ = problem.sample(key, 30, 20)
    np.testing.assert_array_equal(whole[30:], part)
    assert np.all(sides == 1)


def test_results_do_not_depend_on_workers(seed):
    made = double_well(0, eta="1/25")
    one, two = (
        mean_exit_time(
            made, -1, exit_above=1, scheme="exact", paths=3000, seed=seed, workers=workers
        )
        for workers in (1, 2)
    )
    assert (one.estimate, one.standard_error) == (two.estimate, two.standard_error)
    problem, key = leaving(made, -1, 0), stream_key(seed, 1)
    sent = pickle.loads(pickle.dumps(leaving(made, -1, 0)))
    assert repr(sent) == repr(problem)
    np.testing.assert_array_equal(sent.sample(key, 0, 9)[0], problem.sample(key, 0, 9)[0])


def test_bad_input_is_named():
    made = double_well()
    with pytest.raises(ComputationError, match="no time step"):
        mean_exit_time(made, -1, exit_above=1, scheme="exact", dt=0.1)
    with pytest.raises(ComputationError, match="at least one exit"):
        mean_exit_time(made, -1, scheme="exact")
    with pytest.raises(ComputationError, match="continuous drift"):
        mean_exit_time(model("piecewise(-1, w < 0, 1)", "1", "1"), -1, exit_above=1, scheme="exact")
    with pytest.raises(ComputationError, match=r"at most 1e.10 cells"):
        mean_exit_time(double_well(0, "1/40"), -1, exit_above=1, exit_below=-4, scheme="exact")
    with pytest.raises(ComputationError, match="between two exits"):
        mean_exit_time(
            double_well(0, "1/9"), Fraction(39, 40), exit_above=1, exit_below=-4, scheme="exact"
        )
    with pytest.raises(ComputationError, match="mass is infinite"):
        mean_exit_time(model("-w", "1", "1"), 0, exit_above=1, scheme="exact")
    with pytest.raises(ComputationError, match="near infinity"):
        exact_states(model("0", "w", "1"), 1, np.array([100.0]), paths=20)
    with pytest.raises(ComputationError, match="times that increase"):
        exact_states(made, 0, np.array([1.0, 0.5]), paths=2)
