"""Stationary densities and moments against closed forms; false-alarm rate 1e-9 each."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from simulation_models import model, ornstein_uhlenbeck, power_law_well

from numerics.errors import ComputationError, InfiniteMean
from numerics.scheduling import ChunkStore, Processes
from numerics.simulation import moment, stationary_densities, stationary_density
from numerics.simulation.ergodic import ErgodicRun
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.schemes import SCHEMES, kernel_model
from numerics.simulation.streams import stream_key

FALSE_ALARM = 1e-9


def student_density(x: float, kappa: float, s: float) -> float:
    """p ∝ (1 + x²/2)^−(κ+s), normalised by the Beta function."""
    m = kappa + s
    return (1 + x * x / 2) ** -m / math.sqrt(2 * math.pi) * math.gamma(m) / math.gamma(m - 0.5)


@pytest.mark.parametrize("theta", ["0", "1/4", "1/2", "1"])
def test_density_of_the_power_law_well(seed, theta):
    """κ = 5: each θ; another θ changes p(0) by 2.4 % per quarter, the tail by 8 % and more."""
    made = power_law_well(theta, eta="2/5")
    s = 1 - float(Fraction(theta))
    points = (0, 1)
    for point, found in zip(points, stationary_densities(made, points, seed=seed), strict=True):
        assert not found.excludes(student_density(point, 5.0, s), FALSE_ALARM)
        assert found.excludes(1.15 * student_density(point, 5.0, s), FALSE_ALARM)


def test_density_of_a_normal_law(seed):
    found = stationary_density(ornstein_uhlenbeck(), 0, seed=seed)
    assert not found.excludes(1 / math.sqrt(math.pi), FALSE_ALARM)
    assert found.relative_error <= 0.01


def test_moments(seed):
    """Variance η/2 of Ornstein-Uhlenbeck, ησ_g/(2H − (1+2θ)ησ_H) of the power-law well."""
    found = moment(ornstein_uhlenbeck(), 2, seed=seed)
    assert not found.excludes(0.5, FALSE_ALARM)
    assert found.excludes(0.53, FALSE_ALARM)
    well = moment(power_law_well(1, eta="2/5"), 2, seed=seed)
    assert not well.excludes(0.4 / (2 - 3 * 0.2), FALSE_ALARM)
    first = moment(ornstein_uhlenbeck(), 1, absolute=True, seed=seed)
    assert not first.excludes(math.sqrt(1 / math.pi), FALSE_ALARM)


def test_results_do_not_depend_on_workers(seed):
    found = [moment(ornstein_uhlenbeck(), 2, paths=3000, seed=seed, workers=n) for n in (1, 3)]
    assert found[0].estimate == found[1].estimate
    assert found[0].standard_error == found[1].standard_error


@pytest.mark.parametrize("quantity", ["moment", "density"])
def test_results_do_not_depend_on_processes_or_a_store(seed, tmp_path, quantity):
    """Worker processes, a store that fills, a store that holds every chunk: the same bits."""
    store, seen = ChunkStore(tmp_path / "chunks"), []

    def estimate(**where: Any) -> tuple[float, ...]:
        options = {"paths": 2500, "seed": seed, "dt": 0.05, **where}
        made = power_law_well()
        one = (
            moment(made, 2, **options)
            if quantity == "moment"
            else stationary_density(made, 0, **options)
        )
        return one.estimate, one.standard_error, one.bias_bound, one.path_steps

    here = estimate()
    assert estimate(scheduler=Processes(2)) == here
    assert estimate(store=store) == here
    assert estimate(store=store, progress=lambda done, total: seen.append((done, total))) == here
    assert seen
    assert all(done == total for done, total in seen)
    store.close()


def test_odd_step_law_of_a_linear_scheme(seed):
    """Euler's chain of Ornstein-Uhlenbeck is Gaussian with variance (η/2)/(1 − h/2), exactly."""
    run = ErgodicRun(kernel_model(ornstein_uhlenbeck()), SCHEMES["euler"], 0.0)
    states = run.states(stream_key(seed, 77), 0, 40_000, 0.5, 12, 1, 1).ravel()
    variance = 0.5 / (1 - 0.25)
    share = states.var() / variance
    assert abs(share - 1) < normal_quantile(1 - FALSE_ALARM / 2) * math.sqrt(2 / states.size)


def observed_orders(name: str, seed: int) -> tuple[float, float]:
    """Slope of log |weak error| over log h, and its standard error."""
    made = model("w", "1 + w**2/2", "2/5", 0)
    # E[w²] at T = 2 from w = 1: m' = −2m + η(1 + m/2).
    rate, source = 2 - 0.2, 0.4
    exact = source / rate + (1 - source / rate) * math.exp(-2 * rate)
    run = ErgodicRun(kernel_model(made), SCHEMES[name], 1.0)
    steps = np.array([0.5, 0.25, 0.125])
    errors, noise = [], []
    for i, h in enumerate(steps):
        squares = (
            run.states(stream_key(seed, 78, i), 0, 2_000_000, float(h), 0, round(1 / h), 1).ravel()
            ** 2
        )
        errors.append(abs(squares.mean() - exact))
        noise.append(squares.std() / math.sqrt(squares.size))
    x, y = np.log(steps), np.log(errors)
    weights = np.array(errors) / np.array(noise)
    fit, covariance = np.polyfit(x, y, 1, w=weights, cov="unscaled")
    return float(fit[0]), float(math.sqrt(covariance[0, 0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["euler", "milstein", "platen", "taylor"])
def test_observed_weak_order(seed, name):
    """Fitted slope within 0.45 of the order, beyond 6.1 errors of the neighbouring order."""
    slope, error = observed_orders(name, seed)
    order = SCHEMES[name].weak_order
    assert abs(slope - order) < 0.45 + 6.1 * error
    assert abs(slope - (3 - order)) > 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: moment(m, 0), "positive order"),
        (lambda m: moment(m, 1.5), "integer unless absolute"),
        (lambda m: stationary_densities(m, []), "at least one state"),
        (lambda m: moment(m, 2, scheme="heun"), "a scheme among euler, milstein, platen, taylor"),
        (lambda m: moment(m, 2, paths=-1), "paths: an integer >= 2"),
        (lambda m: moment(m, 2, parameters={"a": 1.0}), "a value for a"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ComputationError, match=message):
        call(ornstein_uhlenbeck())


def test_a_start_without_noise_is_named():
    with pytest.raises(ComputationError, match="positive at the start"):
        moment(model("w", "w**2", "1"), 2)


NO_LAW = {
    "free": (model("0*w", "1", "1"), "does not fall at infinity"),
    "repelled": (model("-w", "1", "1"), "grows without bound"),
    "noise": (model("w", "1 + w**2", "5", 1), r"falls only like \|x\|\^\(-0.4\)"),
}


@pytest.mark.parametrize("name", NO_LAW)
@pytest.mark.parametrize("quantity", [moment, stationary_density])
def test_a_law_that_does_not_exist_is_named(name, quantity):
    """Brownian motion; a repelling origin; C^(−1/5), which has no finite mass."""
    made, message = NO_LAW[name]
    with pytest.raises(InfiniteMean, match=message):
        quantity(made, 1)


def test_averages_that_keep_growing_are_named(monkeypatch):
    """Brownian motion in a washboard: no tail index is known; the second moment keeps growing."""
    from numerics.simulation import ergodic

    monkeypatch.setattr(ergodic, "MAX_DOUBLINGS", 3)
    monkeypatch.setattr(ergodic.ErgodicRun, "forgetting_time", lambda *_: 0.0)  # the grid sees it
    with pytest.raises(ComputationError, match="still drift after a time"):
        moment(model("sin(w)", "1", "4"), 2)


def test_what_is_not_proved_is_said(seed):
    """A waving noise of C's own degree: no tail index is known, and so neither law nor variance."""
    waves = model("w", "1 + w**2*(2 + cos(w))/100", "1")
    found = moment(waves, 2, paths=100, seed=seed)
    assert [note.partition(" that ")[2][:7] for note in found.notes] == ["there i", "E|w|^4 "]
    (note,) = stationary_density(waves, 0, paths=100, seed=seed).notes
    assert "a stationary law" in note
    assert moment(ornstein_uhlenbeck(), 2, paths=100, seed=seed).notes == ()


@pytest.mark.parametrize(
    ("order", "absolute", "message"),
    [
        (2, False, "finite moment of order 4, for the error of that of order 2"),
        (1.5, True, "finite moment of order 3, for the error"),
        (4, False, r"tail index 3: the moment is infinite or undefined"),
    ],
)
def test_a_tail_too_heavy_for_a_standard_error_is_named(order, absolute, message):
    """L' = w, C = 1 + w², η = 1, Itô: p ∝ (1 + w²)^−2, with finite moments below order 3."""
    with pytest.raises(ComputationError, match=message):
        moment(model("w", "1 + w**2", "1"), order, absolute=absolute)
