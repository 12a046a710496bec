"""Eigenvalues in doubles: against closed forms, each other and balls; what has no value."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from numerics import bulk, eigenvalues
from numerics.errors import ComputationError
from numerics.lowering import Model, lower_diffusion

w, a, b, c, slope, tilt, eta, theta = sympy.symbols("w a b c slope tilt eta theta", real=True)
FREE = (a, b, c, slope, tilt, eta, theta)
LOSS = a * w**4 / 4 - b * w**2 / 2 + tilt * w
NOISE = 1 + c * w**2 + slope * (w**2 - 1) ** 2 / 4


def lowered(values: dict[str, Fraction] | None = None) -> Model:
    """The family of tests with parameters free (one compilation for all), or at exact values."""
    exact = {sympy.Symbol(n, real=True): sympy.Rational(v) for n, v in (values or {}).items()}
    free = [s for s in FREE if s not in exact]
    parts = [sympy.sympify(e).xreplace(exact) for e in (sympy.diff(LOSS, w), NOISE, eta, theta)]
    return lower_diffusion(
        variable=w, gradient=parts[0], noise=parts[1], eta=parts[2], theta=parts[3], parameters=free
    )


FAMILY = lowered()
WELL = {"a": 1.0, "b": 1.0}


def spectra(count: int, ends: dict[str, Any] | None = None, **given: Any) -> bulk.BulkSpectrum:
    standard: dict[str, Any] = dict.fromkeys(map(str, FREE), 0.0) | {"eta": 2.0}
    return bulk.eigenvalues(FAMILY, count, **(ends or {}), parameters=standard | given)


def exact_value(found: bulk.BulkResult, row: int, n: int) -> Fraction:
    return Fraction(float(found.mantissa[row, n])) * Fraction(2) ** int(found.exponent[row, n])


def assert_near(found: bulk.BulkResult, exact: np.ndarray, largest: float = 2e-14) -> None:
    """Within the estimates and the rounding of the reference, and estimates that say something."""
    assert np.all(found.status == 0)
    assert np.all(np.abs(found.value - exact) <= (found.relative_error + 5e-16) * exact)
    assert np.all(found.relative_error <= largest)


# --- closed forms ---------------------------------------------------------------------------------


def test_ornstein_uhlenbeck():
    """λ_n = n h for every η, λ_0 = 0 exactly, no continuum."""
    h = np.array([0.5, 1.0, 3.0])
    found = spectra(8, b=-h, eta=np.array([0.01, 2.0, 0.3]))
    assert_near(found.eigenvalues, np.arange(8) * h[:, None])
    assert np.all(found.eigenvalues.relative_error[:, 0] == 0)
    assert np.all(np.isinf(found.continuum_edge.value))


def test_sixty_four_eigenvalues():
    assert_near(spectra(64, b=-1.0).eigenvalues, np.arange(64.0)[None])


def test_quadratic_well_has_finitely_many_eigenvalues():
    """λ_n = n(H − θησ_H) − n(n−1)ησ_H/2 for n < m − 1/2, with H = 3, ησ_H = 1."""
    thetas = np.array([0.0, 0.5, 1.0, 0.25])
    found = spectra(9, b=-3.0, c=1.0, eta=1.0, theta=thetas)
    bound = 3 + (1 - thetas) - 0.5
    n = np.arange(9)
    below = n < bound[:, None]
    assert np.array_equal(found.eigenvalues.status, np.where(below, 0, bulk.ABOVE_THE_EDGE))
    exact = n * (3 - thetas[:, None]) - n * (n - 1) / 2
    values, estimates = found.eigenvalues.value, found.eigenvalues.relative_error
    assert np.all(np.isnan(values[~below]))
    assert np.all(np.abs(values - exact)[below] <= (estimates * exact)[below])
    assert np.all(estimates[below] < 1e-13)
    edge = found.continuum_edge
    assert np.all(np.abs(edge.value / (bound**2 / 2) - 1) <= edge.relative_error)


def test_an_eigenvalue_next_to_the_continuum():
    """λ_5 = 10.25 under 11.03, behind 150 nats of tail; λ_5 = 8.5 a part 5·10⁻⁴ below 8.5043."""
    h = np.array([0.475, 0.65])
    found = spectra(6, b=-3.0, c=1.0, eta=h)
    n = np.arange(6)
    assert_near(found.eigenvalues, 3 * n - n * (n - 1) * h[:, None] / 2, 1e-13)


@pytest.mark.parametrize(
    ("below", "above", "roots"),
    [
        ("exit_below", "exit_above", (1, 2, 3, 4)),
        ("reflect_below", "reflect_above", (0, 1, 2, 3)),
        ("reflect_below", "exit_above", (0.5, 1.5, 2.5, 3.5)),
        ("exit_below", "reflect_above", (0.5, 1.5, 2.5, 3.5)),
    ],
)
def test_brownian_motion_in_an_interval(below: str, above: str, roots: tuple[float, ...]):
    """(nπ/ℓ)² for D = 1."""
    low, length = np.array([0.0, -1.0, 100.0]), np.array([1.0, 3.0, 0.25])
    found = spectra(4, {below: low, above: low + length})
    exact = (np.array(roots) * np.pi / length[:, None]) ** 2
    assert_near(found.eigenvalues, exact, 1e-12)  # an interval 400 times shorter than it is far


# --- against each other ---------------------------------------------------------------------------


def assert_same(one: bulk.BulkResult, other: bulk.BulkResult) -> None:
    """Equal within the estimates, also beyond the range of doubles."""
    assert np.all((one.status == 0) & (other.status == 0))
    ratio = np.ldexp(one.mantissa / other.mantissa, (one.exponent - other.exponent).astype(int))
    assert np.all(np.abs(ratio - 1) <= one.relative_error + other.relative_error)


def columns(found: bulk.BulkResult, chosen: slice) -> bulk.BulkResult:
    return bulk.BulkResult(
        found.mantissa[:, chosen],
        found.exponent[:, chosen],
        found.relative_error[:, chosen],
        found.status[:, chosen],
    )


def test_eigenfunctions_of_symmetric_wells_are_odd_or_even():
    """Odd ones are those killed at 0, even ones reflected; λ_1 falls to 10^(−2172)."""
    given = {**WELL, "eta": np.array([0.3, 0.1, 1e-2, 1e-4])}
    whole = spectra(6, None, **given).eigenvalues
    assert whole.log_value[-1, 1] < -4998
    assert np.all(whole.relative_error < 1e-10)
    odd = spectra(3, {"exit_below": 0.0}, **given).eigenvalues
    assert_same(columns(whole, slice(1, None, 2)), odd)
    even = spectra(3, {"reflect_below": 0.0}, **given).eigenvalues
    assert_same(columns(whole, slice(2, None, 2)), columns(even, slice(1, None)))


def test_walls_are_the_exits_of_the_dual_process():
    """f = u'/S solves the equation of −L' and 1 − θ, and vanishes at walls."""
    rng = np.random.default_rng(4)
    drawn = {
        "a": rng.uniform(0, 2, 6),
        "b": rng.uniform(-1, 3, 6),
        "c": rng.uniform(0, 2, 6),
        "tilt": rng.uniform(-0.5, 0.5, 6),
        "eta": 10 ** rng.uniform(-2, 0, 6),
        "theta": rng.uniform(0, 1, 6),
    }
    dual = {n: -v if n in ("a", "b", "tilt") else v for n, v in drawn.items()}
    dual["theta"] = 1 - drawn["theta"]
    walls = spectra(5, {"reflect_below": -1.5, "reflect_above": 1.25}, **drawn).eigenvalues
    exits = spectra(4, {"exit_below": -1.5, "exit_above": 1.25}, **dual).eigenvalues
    assert np.all(walls.mantissa[:, 0] == 0)
    assert_same(columns(walls, slice(1, None)), exits)
    mixed = spectra(4, {"reflect_below": -1.5, "exit_above": 1.25}, **drawn).eigenvalues
    turned = spectra(4, {"exit_below": -1.5, "reflect_above": 1.25}, **dual).eigenvalues
    assert_same(mixed, turned)


def test_eigenvalues_that_nearly_coincide():
    """Both wells and the barrier have one near 2 h: told apart only by less than the estimates."""
    found = spectra(6, None, **WELL, eta=1e-3).eigenvalues
    triple = found.value[0, 3:]
    assert np.all(found.status == 0)
    assert np.all(np.abs(triple / triple[1] - 1) < 1e-11)
    assert np.all((found.relative_error[0, 3:] > 1e-13) & (found.relative_error[0, 3:] < 1e-10))


# --- against balls --------------------------------------------------------------------------------


def drawn_models(count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "a": rng.uniform(0.5, 2, count),
        "b": rng.uniform(-1, 2, count),
        "c": rng.choice([0.0, 1.0], count) * 10 ** rng.uniform(-2, 0.5, count),
        "slope": np.zeros(count),
        "tilt": rng.uniform(-0.3, 0.3, count),
        "eta": 10 ** rng.uniform(-1.7, 0, count),
        "theta": rng.uniform(0, 1, count),
    }


def ratios_to_balls(
    drawn: dict[str, np.ndarray], count: int, ends: dict[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """True relative errors and their estimates, of eigenvalues that are not 0."""
    found = spectra(count, ends, **drawn).eigenvalues
    assert np.all(found.status == 0)
    errors, estimates = [], []
    for i in range(len(drawn["eta"])):
        model = lowered({n: Fraction(float(v[i])) for n, v in drawn.items()})
        exact = {n: Fraction(v) for n, v in ends.items()}
        balls = eigenvalues.spectrum(model, count, **exact, digits=17, method="arb").eigenvalues  # type: ignore[arg-type]
        for n, ball in enumerate(balls):
            if ball.middle != 0:
                errors.append(float(abs(exact_value(found, i, n) / ball.middle - 1)))
                estimates.append(float(found.relative_error[i, n]))
    return np.array(errors), np.array(estimates)


ENDS = [{}, {"exit_above": 0.75}, {"exit_below": -0.5}, {"exit_below": -1.5, "exit_above": 1.25}]


@pytest.mark.parametrize("ends", ENDS[:2])
def test_errors_are_below_their_estimates(ends: dict[str, float]):
    errors, estimates = ratios_to_balls(drawn_models(1, 5), 3, ends)
    assert np.all(errors <= estimates)
    assert np.all(estimates < 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ENDS)
def test_estimates_are_honest_and_sharp(ends: dict[str, float]):
    """experiments/bulk_errors.py measures more."""
    errors, estimates = ratios_to_balls(drawn_models(15, 6), 4, ends)
    assert np.all(errors <= estimates)
    assert np.mean(estimates <= 1000 * np.maximum(errors, 1e-17)) >= 0.95


# --- what has no value ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "ends", "status"),
    [
        ({"b": 1.0}, {}, 3),
        ({}, {"exit_above": 1.0}, 3),
        ({"a": -1.0}, {"exit_above": 1.0}, 3),
        ({"c": 1.0, "theta": 0.75}, {}, 3),
        ({"b": -1.0, "c": -0.5}, {}, 1),
        ({"b": -1.0, "c": -4.0}, {"exit_below": -1.0, "exit_above": 1.0}, 1),
        ({"slope": 1.0, "theta": 0.25}, {}, 2),
    ],
    ids=["no-law", "no-mass", "escapes", "heavy", "negative", "negative-inside", "undecided"],
)
def test_no_spectrum(given: dict[str, float], ends: dict[str, float], status: int):
    """Infinite mass, infinity within reach, C < 0, and an end too near to a decision."""
    found = spectra(3, ends, **given)
    assert np.all(found.eigenvalues.status == status)
    assert np.all(np.isnan(found.eigenvalues.value))


def test_only_the_law_below_the_continuum():
    """L = 0, C = 1 + w², ησ_H = 2: a continuum from (m − 1/2)²; at m = 1/2 + 10⁻⁵ from 10⁻¹⁰."""
    found = spectra(3, c=1.0, theta=np.array([0.0, 0.49999]))
    assert found.eigenvalues.status.tolist() == [[0, 4, 4]] * 2
    assert np.all(np.abs(found.continuum_edge.value / [0.25, 1e-10] - 1) < 1e-4)


def test_bad_input():
    for count in (0, 65, True, 2.0):
        with pytest.raises(ComputationError, match="from 1 to 64 eigenvalues"):
            spectra(count)  # type: ignore[arg-type]
    with pytest.raises(ComputationError, match="one end on each side"):
        spectra(2, {"exit_above": 1.0, "reflect_above": 2.0})
    with pytest.raises(ComputationError, match="below the upper one"):
        spectra(2, {"exit_above": 1.0, "exit_below": 1.0})
    with pytest.raises(ComputationError, match="values for the parameters"):
        bulk.eigenvalues(FAMILY, 2, parameters={"a": 1.0})


# --- other ends -----------------------------------------------------------------------------------


def one(gradient: sympy.Expr, noise: sympy.Expr, rate: sympy.Expr) -> bulk.BulkSpectrum:
    model = lower_diffusion(
        variable=w, gradient=gradient, noise=noise, eta=rate, theta=sympy.Integer(0)
    )
    return bulk.eigenvalues(model, 6)


@pytest.mark.slow
@pytest.mark.parametrize("gradient", [sympy.tanh(w), sympy.exp(w) - 1])
def test_exponential_tails(gradient: sympy.Expr):
    """L = log cosh w and Morse's e^w − w: n − n²η/2 for n < 1/η, a continuum from 1/(2η)."""
    found = one(gradient, sympy.Integer(1), sympy.Rational(1, 5))
    values = found.eigenvalues
    assert np.all(values.status[0, :5] == 0)
    assert values.status[0, 5] != 0
    n = np.arange(5)
    exact = n - n**2 / 10
    assert np.all(np.abs(values.value[0, :5] - exact) <= values.relative_error[0, :5] * exact)
    assert np.all(values.relative_error[0, :4] < 1e-13)
    edge = found.continuum_edge
    assert abs(edge.value[0] - 2.5) <= edge.relative_error[0] * 2.5


@pytest.mark.slow
def test_ends_without_a_limit_are_left_to_balls():
    """Waves whose potential has no limit, and a zero of C."""
    waves = one(sympy.tanh(w) * (1 + sympy.sin(w) / 2), sympy.Integer(1), sympy.Rational(1, 2))
    assert waves.eigenvalues.status.tolist() == [[0, 2, 2, 2, 2, 2]]
    assert waves.continuum_edge.status[0] == 2
    zero = one(w, (w - 1) ** 2, sympy.Rational(1, 2))
    assert np.all(zero.eigenvalues.status > 0)
