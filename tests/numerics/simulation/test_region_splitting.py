"""Rare entries of regions in d dimensions against certified times, finite elements, plain paths.

H0 of each comparison: |truth of the run − exact| <= bias bound; false-alarm rate 1e-9 (6.11
standard errors beyond it). At one step size the bias of the step is not in the bound: 1 % of the
exact time is allowed for it. With standard errors of at most
4 % a time 40 % off (the power is 1 − 10⁻⁴ or more) is excluded.
"""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from simulation_models import exact_exit_above, model

from numerics.errors import ComputationError
from numerics.lowering import lower, lower_multivariate, lower_region
from numerics.scheduling import ChunkStore, Threads
from numerics.simulation import region_exit, region_splitting
from numerics.simulation.excursions import Excursions
from numerics.simulation.exit import Workplace
from numerics.simulation.importance import Importance, committor_table
from numerics.simulation.region_splitting import RegionSplitting
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9
SCORE = 6.11
x, y, z = sympy.symbols("x y z", real=True)
PLANE, SPACE = (x, y), (x, y, z)
LOSS = (x**2 - 1) ** 2 / 4 + y**2 / 2
TENTH = sympy.Rational(1, 10)


def double_well(eta, noise=1, theta=0):
    """Independent coordinates: the quartic double well, and a quadratic one."""
    return lower_multivariate(
        PLANE, [sympy.diff(LOSS, v) for v in PLANE], noise, eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
    )  # fmt: skip


def splitting(made, start, region, variables=PLANE, seed=0, workers=1, **choices):
    problem = region_exit.region_exit(made, start, lower_region(region, variables), **choices)
    return RegionSplitting(problem, seed, Workplace(Threads(workers)), problem.coarse_step())


def assert_near(found, exact, allowed=0.01):
    reach = found.bias + SCORE * found.standard_error + allowed * exact
    assert abs(found.mean - exact) < reach
    assert found.standard_error < 0.04 * exact
    assert reach < 0.4 * exact


@pytest.mark.parametrize("importance", ["committor", "region"])
def test_splitting_agrees_with_the_certified_time(seed, importance):
    made = splitting(double_well(TENTH), (-1, 0), x >= 1, seed=seed, importance=importance)
    exact = exact_exit_above(model("w**3 - w", "1", TENTH), -1, 1)
    assert_near(made.run(1, 0.025, 12_000), exact)


@pytest.mark.parametrize(
    "importance",
    [
        pytest.param(LOSS, id="loss"),
        pytest.param(x - y, id="skewed", marks=pytest.mark.slow),
        pytest.param(-x, id="backwards", marks=pytest.mark.slow),
    ],
)
def test_no_importance_biases(seed, importance):
    """The loss falls behind the saddle, x − y mistakes the way, −x turns its back on it.

    Such functions cost variance, not truth: at most 6 % here, so that half and twice the time are
    excluded.
    """
    eta = sympy.Rational(1, 5)
    chosen = lower(importance, PLANE)
    made = splitting(double_well(eta), (-1, 0), x >= 1, seed=seed, importance=chosen)
    exact = exact_exit_above(model("w**3 - w", "1", eta), -1, 1)
    found = made.run(1, 0.025, 12_000)
    reach = found.bias + SCORE * found.standard_error + 0.01 * exact
    assert abs(found.mean - exact) < reach
    assert reach < 0.5 * exact


@pytest.mark.parametrize("start", ["-3/2", "-1/2"])
def test_from_either_side_of_the_minimum(seed, start):
    """From −1/2 some walkers leave before they have settled: their times count as they are."""
    where = Fraction(start)
    made = splitting(double_well(TENTH), (where, 1), x >= 1, seed=seed)
    exact = exact_exit_above(model("w**3 - w", "1", TENTH), where, 1)
    assert_near(made.run(1, 0.025, 12_000), exact)


def test_a_full_matrix_in_three_dimensions(seed):
    """x moves by itself, correlated with y; Stratonovich; the default importance is the region."""
    noise = [
        [1 + x**2 / 2, sympy.Rational(1, 2), 0],
        [sympy.Rational(1, 2), 1 + y**2, 0],
        [0, 0, 1],
    ]
    made = lower_multivariate(
        SPACE, (x**3 - x, y, 2 * z), noise, eta=TENTH, theta=sympy.Rational(1, 2)
    )
    split = splitting(made, (-1, 0, 0), x >= 1, SPACE, seed=seed)
    assert split.excursions.importance.kind == "region"
    exact = exact_exit_above(model("w**3 - w", "1 + w**2/2", TENTH, "1/2"), -1, 1)
    assert_near(split.run(1, 0.02, 12_000), exact, allowed=0.02)


@pytest.mark.slow
def test_a_curved_way_against_finite_elements(seed):
    """A valley along y = x², a full noise, a region with a corner: τ = 4.6·10⁵ by finite elements.

    The mesh's own error (1 %) is allowed beside that of the step.
    """
    from numerics.finite_elements import mean_exit_time

    loss = LOSS - y**2 / 2 + (y - x**2) ** 2 / 2
    quarter = sympy.Rational(1, 4)
    made = lower_multivariate(
        PLANE, [sympy.diff(loss, v) for v in PLANE], [[1 + y**2 / 4, quarter], [quarter, 1]],
        eta=sympy.Rational(1, 20), theta=sympy.Rational(1, 2),
    )  # fmt: skip
    region = sympy.And(x >= sympy.Rational(1, 2), y >= 0)
    meshed = mean_exit_time(made, (-1, 1), lower_region(region, PLANE), tolerance=0.02)
    assert 4e5 < meshed.value < 5e5
    found = splitting(made, (-1, 1), region, seed=seed, workers=2).run(1, 0.0125, 8000)
    reach = found.bias + SCORE * found.standard_error + 0.03 * meshed.value + meshed.error
    assert abs(found.mean - meshed.value) < reach
    assert reach < 0.6 * meshed.value


def test_the_table_is_the_committor_of_the_line(seed):
    """Independent coordinates: ln P(x = 1 before the core's edge) of the line, to the grid.

    On y = 0 the core ends at one standard deviation in x; the integral of e^{2L/η} gives the rest.
    The other coordinate may leave the core's ellipse, which costs a little of the probability.
    """
    eta = 0.1
    problem = region_exit.region_exit(double_well(TENTH), (-1, 0), lower_region(x >= 1, PLANE))
    spread = np.diag([0.025, 0.05])
    made = committor_table(problem.kernel, (-2.0, 1.1, -1.5, 1.5), np.array([-1.0, 0.0]), spread)
    grid = np.linspace(-2.0, 1.1, made.table.shape[0])
    weight = np.exp(2.0 / eta * (grid**2 - 1) ** 2 / 4)
    edge = -1.0 + 0.025**0.5
    total = np.sum(weight[(grid >= edge) & (grid <= 1.0)])
    for at in (-0.6, -0.3, 0.0, 0.3):
        exact = np.log(np.sum(weight[(grid >= edge) & (grid <= at)]) / total)
        i = round((at + 2.0) / 3.1 * (len(grid) - 1))
        assert made.table[i, len(grid) // 2] == pytest.approx(exact, abs=0.4)
    assert np.all(np.diff(made.table[:, len(grid) // 2]) >= 0.0) or made.table.max() == 0.0


def test_results_do_not_depend_on_workers_or_stores(seed, tmp_path):
    """One thread, two, and a store of finished chunks: the same bits."""
    made, region = double_well(TENTH), lower_region(x >= 1, PLANE)
    store = ChunkStore(tmp_path / "chunks")
    found = []
    for workers, kept in ((1, None), (2, None), (2, store), (1, store)):
        problem = region_exit.region_exit(made, (-1, 0), region)
        split = RegionSplitting(problem, seed, Workplace(Threads(workers), kept), 0.05)
        result = split.run(1, 0.05, 2000)
        found.append((result.mean, result.standard_error, result.bias, result.steps))
    assert len(set(found)) == 1
    store.close()


def test_results_do_not_depend_on_chunks(seed, monkeypatch):
    """Replicas 3, 7 and 16 at a time, a lane of which is in other company each time."""
    split = splitting(double_well(TENTH), (-1, 0), x >= 1, seed=seed)
    found = []
    for size in (3, 7, 16):
        monkeypatch.setattr(region_splitting, "REPLICAS_PER_CHUNK", size)
        result = split.run(1, 0.05, 128 * 40)
        found.append((result.mean, result.standard_error, result.bias))
    assert len(set(found)) == 1


def excursions(eta):
    """From x <= −1 beyond x > −0.7, by the region; T = 6.4, at which a step of 1/20 has run 128."""
    problem = region_exit.region_exit(double_well(eta), (-1, 0), lower_region(x >= 1, PLANE))
    return Excursions(problem, Importance("region"), -2.0, -1.7, 6.4, 16)


def test_a_walker_is_the_same_in_any_company(seed):
    """A hundred and fifty walkers at once, more than there are lanes, and in calls of ten.

    Those that leave before the end (three in ten; none with probability 1e-20) do so when plain
    paths on the same streams do.
    """
    made = excursions("1/5")
    key = stream_key(seed, 7)
    many = made.walk(key, 0, 150, 0.05)
    assert many.entered.any()
    few = [made.walk(key, first, 10, 0.05) for first in range(0, 150, 10)]
    for column in ("ends", "entered", "points", "when", "inside"):
        joined = np.concatenate([getattr(part, column) for part in few])
        np.testing.assert_array_equal(joined, getattr(many, column))
    owners = [part.owner + 10 * n for n, part in enumerate(few)]
    np.testing.assert_array_equal(np.concatenate(owners), many.owner)
    times, sides, _ = made.problem.sample(key, 0, 150, 0.05)
    left = many.entered
    np.testing.assert_allclose(many.ends[left] * 0.05, times[left], rtol=1e-12)
    assert np.all(sides[left] == 1)
    assert np.all(times[~left] > many.ends[~left] * 0.05)


def test_little_room_changes_nothing(seed):
    """Arrays for four excursions and four records, to begin with."""
    made = excursions(TENTH)
    key = stream_key(seed, 8)
    walks, again = (made.walk(key, 0, 40, 0.05, room) for room in (2**16, 4))
    np.testing.assert_array_equal(walks.points, again.points)
    assert len(walks.points) > 16
    offsets = np.array([0, 7, 7, len(walks.points)])
    roomy, crowded = (made.split(key, 5, offsets, walks, 0.05, room) for room in (2**16, 4))
    np.testing.assert_array_equal(roomy, crowded)
    alone = made.split(key, 5, offsets[:2], walks, 0.05)
    np.testing.assert_array_equal(alone[0], roomy[0])
    np.testing.assert_array_equal(roomy[1], np.zeros(4))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("eta", "region"), [("1/20", x >= 1), ("1/25", x >= 0)], ids=["1e5", "6e5"]
)
def test_mean_exit_time_turns_to_splitting_by_itself(seed, eta, region):
    """Levels h and h/4, the whole budget: 1.96 standard errors and the bias bound below 10 %."""
    eta = sympy.Rational(eta)
    found = region_exit.mean_exit_time(
        double_well(eta), (-1, 0), lower_region(region, PLANE), target_error=0.1, seed=seed,
        workers=2,
    )  # fmt: skip
    assert found.scheme == "euler-shift+splitting"
    assert found.relative_error <= 0.1
    exact = exact_exit_above(model("w**3 - w", "1", eta), -1, 1 if region == (x >= 1) else 0)
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(2 * exact, FALSE_ALARM)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"importance": "height"}, "an importance"),
        ({"importance": lower(sympy.sqrt(x), PLANE)}, "an importance that has a value"),
        ({"importance": lower(sympy.Integer(1) + 0 * x, PLANE)}, "tells the states"),
    ],
    ids=["name", "no value", "constant"],
)
def test_bad_input_is_named(changes, words):
    given = {"region": x >= 1, "importance": None, **changes}
    with pytest.raises(ComputationError, match=words):
        splitting(double_well(TENTH), (-1, 0), given["region"], importance=given["importance"]).run(
            1, 0.05, 128
        )


def test_what_is_too_rare_is_named():
    """A barrier of 250 units of noise: less than one excursion of 10⁶⁰."""
    made = lower_multivariate(PLANE, PLANE, 1, eta=TENTH, theta=sympy.Integer(0))
    with pytest.raises(ComputationError, match="a domain that paths leave"):
        splitting(made, (0, 0), x >= 5, importance="region").run(1, 0.02, 128)


def test_a_committor_needs_the_plane():
    made = lower_multivariate(SPACE, SPACE, 1, eta=TENTH, theta=sympy.Integer(0))
    with pytest.raises(ComputationError, match="two dimensions"):
        splitting(made, (0, 0, 0), x >= 2, SPACE, importance="committor")
