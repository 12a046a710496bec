"""Entries of regions in d dimensions against one-dimensional certified and radial times.

H0 of each comparison: |truth of the run − exact| <= bias bound; false-alarm rate 1e-9 (6.11
standard errors beyond it). With a target error R, 1.96 standard errors and the bias bound are at
most R of the estimate: a neighbour 5R off is missed with probability below 2e-4 at worst. Quick
runs name the neighbour at 15 % (R = 3 %), slow ones the neighbour at 5 % (R = 1 %).
"""

import math
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import sympy
from scipy.integrate import quad
from simulation_models import exact_exit_above, model

from numerics import finite_elements
from numerics.errors import ComputationError
from numerics.lowering import lower_multivariate, lower_region
from numerics.multivariate import MultivariateModel
from numerics.scheduling import ChunkStore, Cluster
from numerics.simulation import region_exit
from numerics.simulation.multivariate import vector_kernel
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9
x, y, z = sympy.symbols("x y z", real=True)
SPACE = (x, y, z)
TEN = sympy.symbols("x0:10", real=True)
HALF, QUARTER = sympy.Rational(1, 2), sympy.Rational(1, 4)


@pytest.fixture(params=[0.03, pytest.param(0.01, marks=pytest.mark.slow)])
def target(request) -> float:
    """The target error R of a run."""
    return request.param


def ball(variables, radius: int = 1):
    """Outside the ball."""
    return lower_region(sympy.Add(*(v**2 for v in variables)) >= radius**2, variables)


def radial_exit_time(d: int, eta: float, theta: float, sigma_H: float) -> float:
    """Mean time from the centre to |x| = 1, for L = |x|²/2, C = (1 + σ_H|x|²)I, θ-drift θ∇D.

    T(r) solves `D T'' + [(d−1)D/r − r + θD'] T' = −1`; with `m = r^(d−1) D^θ exp(−∫ r/D)`, the
    speed density times D, T(0) = ∫₀¹ (1/m(r)) ∫₀^r m(q)/D(q) dq dr. Relative error below 1e-9.
    """

    def diffusion(r: float) -> float:
        return 0.5 * eta * (1.0 + sigma_H * r * r)

    def weight(r: float) -> float:
        bend = math.log1p(sigma_H * r * r) / (eta * sigma_H) if sigma_H else r * r / eta
        return r ** (d - 1) * diffusion(r) ** theta * math.exp(-bend)

    def slope(r: float) -> float:
        mass, _ = quad(lambda q: weight(q) / diffusion(q), 0.0, r, epsabs=0.0, epsrel=1e-11)
        return mass / weight(r)

    return quad(slope, 1e-12, 1.0, epsabs=0.0, epsrel=1e-10)[0]


def radial_model(variables, eta, theta, sigma_H) -> MultivariateModel:
    square = sympy.Add(*(v**2 for v in variables))
    return lower_multivariate(
        variables, variables, 1 + sympy.sympify(sigma_H) * square, eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
    )  # fmt: skip


def assert_near(found, exact: float, target: float) -> None:
    """The estimate includes the exact value and excludes its neighbours at 5 target errors."""
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes((1.0 + 5.0 * target) * exact, FALSE_ALARM)
    assert found.excludes((1.0 - 5.0 * target) * exact, FALSE_ALARM)


@pytest.mark.parametrize("theta", [0, HALF, 1])
def test_a_ball_in_three_dimensions_at_every_interpretation(seed, theta):
    """Isotropic noise 1 + |x|²: the θ-drift θ∇·D moves the time by 7 % from one θ to the next.

    With a target error of 1 % the times of the other two interpretations are excluded.
    """
    found = region_exit.mean_exit_time(
        radial_model(SPACE, 1, theta, 1), (0, 0, 0), ball(SPACE), target_error=0.01, seed=seed
    )
    assert found.scheme == region_exit.DEFAULT_SCHEME
    exact = {other: radial_exit_time(3, 1.0, float(other), 1.0) for other in (0, HALF, 1)}
    assert not found.excludes(exact.pop(theta), FALSE_ALARM)
    assert all(found.excludes(time, FALSE_ALARM) for time in exact.values())


def test_a_ball_in_ten_dimensions(seed, target):
    found = region_exit.mean_exit_time(
        radial_model(TEN, HALF, 0, 0), (0,) * 10, ball(TEN), target_error=target, seed=seed
    )
    assert_near(found, radial_exit_time(10, 0.5, 0.0, 0.0), target)


@pytest.mark.parametrize("scheme", ["milstein-shift", "platen"])
def test_other_schemes(seed, target, scheme):
    """Independent coordinates with noises of their own (they commute), anti-Itô, one exit."""
    made = lower_multivariate(
        SPACE, SPACE, [1 + x**2 / 2, 1 + y**2, 2], eta=sympy.Integer(1), theta=sympy.Integer(1)
    )
    found = region_exit.mean_exit_time(
        made, (0, 0, 0), lower_region(x >= HALF, SPACE), target_error=target, scheme=scheme,
        seed=seed,
    )  # fmt: skip
    assert found.scheme == f"{scheme.partition('-')[0]}-shift"
    exact = exact_exit_above(model("w", "1 + w**2/2", "1", "1"), 0, Fraction(1, 2))
    assert_near(found, exact, target)


def test_platen_where_noise_does_not_commute(seed, target):
    """Isotropic noise 1 + |x|² in the plane: its columns do not commute."""
    found = region_exit.mean_exit_time(
        radial_model((x, y), 1, HALF, 1), (0, 0), ball((x, y)), target_error=target,
        scheme="platen-shift", seed=seed,
    )  # fmt: skip
    assert_near(found, radial_exit_time(2, 1.0, 0.5, 1.0), target)


SQUARE = lower_region(sympy.Or(x**2 >= 1, y**2 >= 1), (x, y))
TURNING = lower_multivariate(
    (x, y), (x - 2 * y, 2 * x + y), [1 + x**2, 1 + y**2 / 2], eta=sympy.Integer(1), theta=HALF
)


@pytest.mark.parametrize("scheme", ["euler", "milstein", "platen"])
@pytest.mark.parametrize(
    ("dt", "paths"), [(0.1, 400_000), pytest.param(0.025, 2_000_000, marks=pytest.mark.slow)]
)
def test_the_bias_bound_covers_corners(seed, scheme, dt, paths):
    """A drift that turns in a square, against finite elements (error 3e-6, of a mean of 0.6125).

    With 1,000,000 paths the fine levels of h = 0.1, 0.05, 0.0125 were 0.0266, 0.0148, 0.0042 off
    by Platen's steps, an order of 0.85 or so: more than a third of the levels' difference, 0.0198,
    0.0117, 0.0033. Extrapolated, 0.0068, 0.0031, 0.0009 are left.
    """
    exact = finite_elements.mean_exit_time(TURNING, (0, 0), SQUARE, tolerance=1e-4)
    assert exact.error < 1e-5
    found = region_exit.mean_exit_time(
        TURNING, (0, 0), SQUARE, scheme=scheme, dt=dt, paths=paths, seed=seed, workers=2
    )
    assert not found.excludes(exact.value, FALSE_ALARM)


def test_the_radial_reference_is_right():
    """Brownian motion with D = η/2: the time from the centre is 1/(2dD) as η → ∞."""
    assert radial_exit_time(3, 1e6, 0.0, 0.0) == pytest.approx(1e-6 / 3.0, rel=1e-5)


def test_ten_dimensions_of_which_one_decides(seed, target):
    """Independent coordinates with noises of their own, one exit: certified in one dimension."""
    made = lower_multivariate(
        TEN, TEN,
        [1 + TEN[0] ** 2 / 2, *(1 + i * TEN[i] ** 2 / 10 for i in range(1, 10))],
        eta=sympy.Integer(1), theta=HALF,
    )  # fmt: skip
    found = region_exit.mean_exit_time(
        made, (0,) * 10, lower_region(TEN[0] >= HALF, TEN), target_error=target, seed=seed
    )
    one = model("w", "1 + w**2/2", "1", "1/2")
    assert_near(found, exact_exit_above(one, 0, Fraction(1, 2)), target)


def test_a_full_matrix_that_depends_on_the_state(seed, target):
    """C = (1 + x²)·M, M full, anti-Itô: x moves by itself, correlated with the others.

    (∇·C)_x = 2x M_xx; a drift that dropped the off-diagonal terms of ∇·C would not be seen here,
    and is by the test of the divergence below.
    """
    M = [[1, HALF, QUARTER], [HALF, 1, HALF], [QUARTER, HALF, 2]]
    made = lower_multivariate(
        SPACE, SPACE, [[(1 + x**2) * entry for entry in row] for row in M],
        eta=sympy.Integer(1), theta=sympy.Integer(1),
    )  # fmt: skip
    found = region_exit.mean_exit_time(
        made, (0, 0, 0), lower_region(x >= HALF, SPACE), target_error=target, seed=seed
    )
    exact = exact_exit_above(model("w", "1 + w**2", "1", "1"), 0, Fraction(1, 2))
    assert_near(found, exact, target)


def test_a_rotated_full_matrix(seed, target):
    """A well along n = (1, 2, 2)/3, noise 1 along it and 1/2 across: C is full, τ is 1-D."""
    n = sympy.Matrix([1, 2, 2]) / 3
    along = (sympy.Matrix(SPACE).T * n)[0]
    loss = (along**2 - 1) ** 2 / 4 + (x**2 + y**2 + z**2 - along**2) / 2
    made = lower_multivariate(
        SPACE, [sympy.diff(loss, v) for v in SPACE], (n * n.T + sympy.eye(3)) / 2,
        eta=sympy.Integer(1), theta=sympy.Integer(0),
    )  # fmt: skip
    found = region_exit.mean_exit_time(
        made, [Fraction(-k, 3) for k in (1, 2, 2)],
        lower_region(along >= 0, SPACE), target_error=target, seed=seed,
    )  # fmt: skip
    assert_near(found, exact_exit_above(model("w**3 - w", "1", "1"), -1, 0), target)


def test_either_of_two_regions(seed, target):
    """A union: x <= −1 or x >= 1, the certified two-sided time."""
    from numerics.first_passage import mean_exit_time as certified

    found = region_exit.mean_exit_time(
        radial_model(SPACE, 1, 0, 0), (0, 0, 0),
        lower_region(sympy.Or(x >= 1, x <= -1), SPACE), target_error=target, seed=seed,
    )  # fmt: skip
    exact = certified(model("w", "1", "1"), 0, exit_above=1, exit_below=-1, digits=8, method="arb")
    assert_near(found, float(exact), target)


def test_drift_and_factor_of_the_kernel_are_those_of_the_formulas():
    """a = −∇L + θ∇·D and GGᵀ = C at random states, from SymPy's own derivatives: to rounding."""
    C = sympy.Matrix([[2 + x**2, x * y / 4, 0], [x * y / 4, 1 + y**2, z / 5], [0, z / 5, 1 + z**2]])
    force = (x**3 - y, y * z, sympy.sin(z))
    eta, theta = sympy.Rational(1, 3), sympy.Rational(3, 4)
    kernel = vector_kernel(lower_multivariate(SPACE, force, C, eta=eta, theta=theta))
    template = """
@njit
def collected(x, p):
    UNPACK
    return coefficients(x[0], x[1], x[2], te, CONSTANTS)
"""
    names = ", ".join(f"k{i}" for i in range(len(kernel.constants)))
    collected = kernel.function(template.replace("CONSTANTS", names), "collected")
    divergence = [sum(sympy.diff(C[i, j], v) for j, v in enumerate(SPACE)) for i in range(3)]
    drift = [-g + theta * eta / 2 * e for g, e in zip(force, divergence, strict=True)]
    assert kernel.factor == ((0, 0), (1, 0), (1, 1), (2, 1), (2, 2))
    for point in np.random.default_rng(1).uniform(-1, 1, (5, 3)):
        values = dict(zip(SPACE, point, strict=True))
        *found, indefinite = collected(point, kernel.arguments())
        assert found[:3] == pytest.approx([float(a.subs(values)) for a in drift], rel=1e-12)
        G = np.zeros((3, 3))
        for (i, j), entry in zip(kernel.factor, found[3:], strict=True):
            G[i, j] = entry
        expected = np.array(C.subs(values).tolist(), dtype=float)
        np.testing.assert_allclose(G @ G.T, expected, rtol=1e-12, atol=1e-14)
        assert not indefinite


def test_paths_do_not_depend_on_how_they_are_grouped(tmp_path: Path):
    """Single paths, chunks, threads and a store of finished chunks: the same bits."""
    made, region = radial_model(SPACE, 1, 1, 1), ball(SPACE)
    problem = region_exit.region_exit(made, (0, 0, 0), region)
    key = stream_key(7, 1)
    together, _, steps = problem.sample(key, 0, 300, 0.01)
    apart = [problem.sample(key, first, 100, 0.01) for first in (0, 100, 200)]
    assert np.array_equal(together, np.concatenate([part[0] for part in apart]))
    assert steps == sum(part[2] for part in apart)
    runs = []
    store = ChunkStore(tmp_path / "chunks")
    for workers, kept in ((1, None), (2, None), (1, store), (2, store)):
        found = region_exit.mean_exit_time(
            made, (0, 0, 0), region, paths=3000, seed=7, workers=workers, store=kept
        )
        runs.append((found.estimate, found.standard_error, found.bias_bound, found.path_steps))
    assert len(set(runs)) == 1
    store.close()


def test_a_horizon_ends_paths(seed):
    problem = region_exit.region_exit(radial_model(SPACE, 1, 0, 0), (0, 0, 0), ball(SPACE, 100))
    times, sides, steps = problem.sample(stream_key(seed, 1), 0, 100, 0.01, 1.0)
    assert not sides.any()
    assert times == pytest.approx(np.ones(100))
    assert steps == 100 * 100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": (2, 0, 0)}, "outside the exit region"),
        ({"start": (0, 0)}, "3 coordinates"),
        ({"noise": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]}, "positive definite at the start"),
        ({"noise": [[1, 0, 0], [0, 0, 0], [0, 0, 1]]}, "C22 = 0, no noise of y"),
        ({"noise": [1 - 4 * x**2, 1, 1]}, "positive definite wherever paths come"),
        ({"noise": [1, 1]}, "a noise of one expression, 3, or 3 rows of 3"),
        ({"noise": [[1, x, 0], [y, 1, 0], [0, 0, 1]]}, "symmetric"),
        ({"gradient": (x, y)}, "3 components"),
        ({"eta": 0}, "η"),
        ({"theta": 2}, "interpretation"),
        ({"gradient": (-(x**3), -(y**3), -(z**3)), "region": z >= 10**9}, "finite"),
        ({"region": x >= 100}, "a domain that paths leave"),
        ({"region": sympy.log(x + HALF) >= HALF}, "have a value wherever paths come"),
    ],
)
def test_bad_input_is_named(changes, words):
    given = {
        "gradient": SPACE, "noise": 1, "eta": 1, "theta": 0, "start": (0, 0, 0), "region": x >= 1,
        **changes,
    }  # fmt: skip
    with pytest.raises(ComputationError, match=words):
        region_exit.mean_exit_time(
            lower_multivariate(
                SPACE, given["gradient"], given["noise"], eta=sympy.sympify(given["eta"]),
                theta=sympy.sympify(given["theta"]),
            ),
            given["start"], lower_region(given["region"], SPACE), target_error=0.1,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("rare", [False, True])
def test_a_cluster_gives_the_same_bits(seed, rare):
    """Two worker processes of a Dask cluster; plain paths, and splitting by the committor.

    The barrier is 16 units of noise or one: no pilot path leaves in time, or all do.
    """
    distributed = import_module("distributed")
    eta = Fraction(1, 32) if rare else Fraction(1, 2)
    made = lower_multivariate(
        (x, y), (x**3 - x, y), [[1 + y**2 / 4, QUARTER], [QUARTER, 1]],
        eta=sympy.Rational(eta.numerator, eta.denominator), theta=HALF,
    )  # fmt: skip
    region = lower_region((x >= HALF) & (y >= -1), (x, y))
    asked = {"target_error": 0.5, "seed": seed}
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        scheduler = Cluster(cluster.scheduler_address)
        found = region_exit.mean_exit_time(made, (-1, 0), region, **asked, scheduler=scheduler)
    here = region_exit.mean_exit_time(made, (-1, 0), region, **asked)
    assert found.scheme == ("euler-shift+splitting" if rare else "euler-shift")
    assert (found.estimate, found.standard_error) == (here.estimate, here.standard_error)
    assert (found.bias_bound, found.paths) == (here.bias_bound, here.paths)
