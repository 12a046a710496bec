"""Discrete SGD against exact results; false-alarm rate 1e-9 each."""

import math
from importlib import import_module

import numpy as np
import pytest
import sympy

from numerics.errors import ComputationError
from numerics.lowering import lower, lower_membership
from numerics.program import Program
from numerics.scheduling import ChunkStore, Cluster
from numerics.simulation import sgd
from numerics.simulation.chain_exits import Interval, Region
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9
Z_LIMIT = normal_quantile(1 - FALSE_ALARM / 2)
w, g, h = sympy.symbols("w g h", real=True)
QUADRATIC = lower(g + h * w, (w, g, h))


def stationary_variance(data: np.ndarray, eta: float, batch: int, replacement: bool) -> float:
    """ησ_g/(2H − ηH² − ησ_H) with the covariances of the data and the batch factor."""
    samples = data.shape[0]
    factor = 1 / batch if replacement else (samples - batch) / (batch * (samples - 1))
    (sigma_g, rho), (_, sigma_h) = np.cov(data.T, bias=True) * factor
    assert abs(rho) < 1e-12
    mean_h = data[:, 1].mean()
    return eta * sigma_g / (2 * mean_h - eta * mean_h**2 - eta * sigma_h)


@pytest.mark.parametrize("replacement", [True, False])
def test_stationary_variance_is_the_exact_one(seed, replacement):
    """Four samples with uncorrelated gradients and curvatures, batch 2."""
    data = ((1.0, 0.5), (1.0, 1.5), (-1.0, 0.5), (-1.0, 1.5))
    descent = sgd.Descent(QUADRATIC, data, eta=0.5, batch=2, replacement=replacement)
    run = descent.run(stream_key(seed, 0), 0, 200_000, start=0.0, updates=60)
    exact = stationary_variance(np.array(data), 0.5, 2, replacement)
    squares = run.states**2
    error = squares.std() / math.sqrt(squares.size)
    assert abs(squares.mean() - exact) < Z_LIMIT * error
    assert abs(squares.mean() - 1.1 * exact) > Z_LIMIT * error
    assert np.all(run.counts == 60)


def walk(*steps: int, eta: float = 0.125) -> sgd.Descent:
    """Losses −z·w: every update adds ηz, z drawn from the steps."""
    return sgd.Descent(lower(-g, (w, g)), tuple((float(z),) for z in steps), eta=eta)


def test_exit_of_a_simple_walk(seed):
    """From 0, a walk of steps ±1 leaves (−8, 8) after 64 updates in the mean; 1 % at 1e-9."""
    found = sgd.mean_exit_time(
        walk(1, -1), 0.0, exit_above=1.0, exit_below=-1.0, paths=40_000, seed=seed
    )
    assert not found.excludes(64 * 0.125, FALSE_ALARM)
    assert found.excludes(1.05 * 64 * 0.125, FALSE_ALARM)
    assert found.bias_bound == 0.0


def test_exit_of_a_walk_with_drift(seed):
    """Two steps up to one down, upwards out of 1: 8 levels at a mean of 1/3 each (Wald)."""
    found = sgd.mean_exit_time(walk(1, 1, -1), 0.0, exit_above=1.0, target_error=0.01, seed=seed)
    assert found.relative_error <= 0.01
    assert not found.excludes(24 * 0.125, FALSE_ALARM)
    assert found.excludes(1.05 * 24 * 0.125, FALSE_ALARM)


def test_exit_times_depend_on_the_seed_alone(seed, tmp_path):
    store = ChunkStore(tmp_path / "chunks.sqlite")
    ends = {"exit_above": 1.0, "exit_below": -1.0, "paths": 3000, "seed": seed}
    first = sgd.mean_exit_time(walk(1, -1), 0.0, **ends)
    second = sgd.mean_exit_time(walk(1, -1), 0.0, **ends, workers=2, store=store)
    again = sgd.mean_exit_time(walk(1, -1), 0.0, **ends, store=store)
    store.close()
    assert first.estimate == second.estimate == again.estimate
    assert first.standard_error == second.standard_error == again.standard_error


def test_an_exit_out_of_reach_is_named(monkeypatch):
    monkeypatch.setattr(sgd, "PILOT_UPDATES", 100)
    with pytest.raises(ComputationError, match="a domain that paths leave"):
        sgd.mean_exit_time(walk(1, -1), 0.0, exit_above=1e6)


def test_bad_input_is_named():
    with pytest.raises(ComputationError, match=r"samples of shape \(N, 2\)"):
        sgd.Descent(QUADRATIC, ((0.0,),) * 3, eta=0.1)
    with pytest.raises(ComputationError, match="without replacement"):
        sgd.Descent(QUADRATIC, ((0.0, 0.0),) * 3, eta=0.1, batch=4, replacement=False)
    with pytest.raises(ComputationError, match="a learning rate eta"):
        sgd.Descent(QUADRATIC, ((0.0, 0.0),), eta=0.0)
    with pytest.raises(ComputationError, match="an exit"):
        sgd.mean_exit_time(walk(1, -1), 0.0)
    with pytest.raises(ComputationError, match="strictly inside"):
        sgd.mean_exit_time(walk(1, -1), 2.0, exit_above=1.0)


# --- several dimensions --------------------------------------------------------------------------

a, b, u, v = sympy.symbols("a b u v", real=True)
PLANE = lower([-u, -v], (a, b, u, v))
SIGNS = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))


def plane_walk(*, eta: float = 0.125, **options) -> sgd.Descent:
    """Losses −ua − vb on all pairs of signs: two independent walks of steps ±η."""
    return sgd.Descent(PLANE, SIGNS, eta=eta, **options)


def strip(condition) -> Program:
    return lower_membership(condition, (a, b))


def test_each_coordinate_moves_along_its_own_gradient(seed):
    """Regressions of two data sets side by side, batches of all data: gradient descent itself."""
    gradient = lower([h * (a - g), u * (b - v)], (a, b, g, h, u, v))
    data = ((1.0, 0.5, 2.0, 3.0), (2.0, 1.0, 1.0, -1.0), (0.0, 0.25, 0.5, 1.0))
    descent = sgd.Descent(gradient, data, eta=0.25, batch=3, replacement=False)
    run = descent.run(stream_key(seed, 0), 0, 5, start=(0.5, -0.5), updates=7)
    x, y = 0.5, -0.5
    for _ in range(7):
        x -= 0.25 * sum(row[1] * (x - row[0]) for row in data) / 3
        y -= 0.25 * sum(row[2] * (y - row[3]) for row in data) / 3
    assert run.states == pytest.approx(np.array([(x, y)] * 5), abs=1e-12)
    assert not run.left.any()


def test_paths_do_not_depend_on_their_neighbours(seed):
    exits = Region(strip((a >= 1) | (b <= -1)))
    key = stream_key(seed, 0)
    whole = plane_walk().run(key, 0, 50, start=(0, 0), exits=exits, updates=10**6)
    parts = [plane_walk().run(key, n, 10, start=(0, 0), exits=exits, updates=10**6)
             for n in range(0, 50, 10)]  # fmt: skip
    assert np.array_equal(whole.states, np.concatenate([part.states for part in parts]))
    assert np.array_equal(whole.counts, np.concatenate([part.counts for part in parts]))
    assert whole.left.all()


def test_plane_exit_times_depend_on_the_seed_alone(seed, tmp_path, monkeypatch):
    """Threads, chunks and a store that another run has filled change no bit."""
    region = strip((a >= 1) | (a <= -1) | (b >= 1))
    asked = {"exit_region": region, "paths": 3000, "seed": seed}
    first = sgd.mean_exit_time(plane_walk(), (0, 0), **asked)
    store = ChunkStore(tmp_path / "chunks.sqlite")
    others = [sgd.mean_exit_time(plane_walk(), (0, 0), **asked, workers=2, store=store)]
    monkeypatch.setattr(sgd, "CHUNK", 257)
    others.append(sgd.mean_exit_time(plane_walk(), (0, 0), **asked, workers=2))
    monkeypatch.setattr(sgd, "CHUNK", 1024)
    monkeypatch.setattr(sgd.Descent, "run", None)
    others.append(sgd.mean_exit_time(plane_walk(), (0, 0), **asked, store=store))
    store.close()
    for other in others:
        assert (other.estimate, other.standard_error) == (first.estimate, first.standard_error)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_gives_the_same_bits_in_the_plane(seed):
    """Two worker processes of a Dask cluster."""
    distributed = import_module("distributed")
    asked = {"exit_region": strip((a >= 1) | (b <= -1)), "paths": 5000, "seed": seed}
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        scheduler = Cluster(cluster.scheduler_address)
        found = sgd.mean_exit_time(plane_walk(), (0, 0), **asked, scheduler=scheduler)
    here = sgd.mean_exit_time(plane_walk(), (0, 0), **asked)
    assert (found.estimate, found.standard_error) == (here.estimate, here.standard_error)


def test_a_target_is_reached_in_the_plane(seed):
    """64 updates out of a strip; 5 % off is excluded."""
    found = sgd.mean_exit_time(
        plane_walk(), (0, 0), exit_region=strip((a >= 1) | (a <= -1)), target_error=0.01, seed=seed
    )
    assert found.relative_error <= 0.01
    assert not found.excludes(64 * 0.125, FALSE_ALARM)
    assert found.excludes(1.05 * 64 * 0.125, FALSE_ALARM)


def test_overflow_is_no_exit():
    """Each update squares the state: w goes to minus infinity, where there is no end."""
    descent = sgd.Descent(lower(g * w**2, (w, g)), ((1.0,),), eta=1.0)
    with pytest.raises(ComputationError, match="paths that stay finite numbers"):
        descent.run(stream_key(0, 0), 0, 3, start=-3.0, exits=Interval(above=1.0), updates=100)
    left = descent.run(stream_key(0, 0), 0, 3, start=-3.0, exits=Interval(below=-4.0), updates=100)
    assert left.left.all()


def test_bad_input_in_the_plane_is_named():
    with pytest.raises(ComputationError, match="a start of 2 coordinates"):
        sgd.mean_exit_time(plane_walk(), 0.0, exit_region=strip(a >= 1))
    with pytest.raises(ComputationError, match="an end of 2 coordinates"):
        sgd.mean_exit_time(plane_walk(), (0, 0), exit_above=1.0)
    with pytest.raises(ComputationError, match="an exit region of 2 coordinates; received one of"):
        sgd.mean_exit_time(plane_walk(), (0, 0), exit_region=lower_membership(w >= 1, (w,)))
    with pytest.raises(ComputationError, match="or an exit region"):
        sgd.mean_exit_time(plane_walk(), (0, 0))
    with pytest.raises(ComputationError, match="give the exit region alone"):
        sgd.mean_exit_time(
            walk(1, -1), 0.0, exit_above=1.0, exit_region=lower_membership(w >= 1, (w,))
        )
