"""Doubles in bulk: never further from the truth than their estimates, which are sharp."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import sympy
from mpmath import mp

from exitlaw import Diffusion
from numerics import bulk, first_passage, mpmath_route, stationary
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.lowering import Model, lower_diffusion

w, a, b, c, slope, tilt, eta, theta = sympy.symbols("w a b c slope tilt eta theta", real=True)
FREE = (a, b, c, slope, tilt, eta, theta)
LOSS = a * w**4 / 4 - b * w**2 / 2 + tilt * w
NOISE = 1 + c * w**2 + slope * (w**2 - 1) ** 2 / 4


def lowered(values: dict[sympy.Symbol, Fraction] | None = None) -> Model:
    """The family of tests with parameters free (one compilation for all), or at exact values."""
    exact = {} if values is None else {s: sympy.Rational(v) for s, v in values.items()}
    free = [s for s in FREE if s not in exact]
    parts = [sympy.sympify(e).xreplace(exact) for e in (sympy.diff(LOSS, w), NOISE, eta, theta)]
    return lower_diffusion(
        variable=w, gradient=parts[0], noise=parts[1], eta=parts[2], theta=parts[3], parameters=free
    )


FAMILY = lowered()


def parameters(**given: bulk.ArrayLike) -> dict[str, bulk.ArrayLike]:
    standard: dict[str, bulk.ArrayLike] = dict.fromkeys(map(str, FREE), 0.0)
    standard["eta"] = 2.0
    return {**standard, **given}


def double_wells(count: int, seed: int) -> dict[str, np.ndarray]:
    """Power-law double wells, C affine in L, whose mean exit time is finite.

    p falls like |w|^(-q), q = 4 (s + 2/(eta slope)), and 1/(D p) grows like |w|^(q - 4): -infinity
    is out of reach iff q >= 3 (then the mass is finite too). Others are left out.
    """
    rng = np.random.default_rng(seed)
    drawn = 2 * count
    slope, eta = 10 ** rng.uniform(-2, 1, drawn), 10 ** rng.uniform(-2, 0, drawn)
    theta = rng.uniform(0, 1, drawn)
    kept = np.flatnonzero(4 * (1 - theta + 2 / (eta * slope)) >= 3)[:count]
    assert len(kept) == count
    ones = np.ones(count)
    return {
        "a": ones,
        "b": ones,
        "c": 0 * ones,
        "slope": slope[kept],
        "tilt": 0 * ones,
        "eta": eta[kept],
        "theta": theta[kept],
    }


def relative_errors(
    drawn: dict[str, np.ndarray], exit: float, reference: Callable[..., Enclosure]
) -> tuple[np.ndarray, np.ndarray]:
    """True relative errors by a function that computes 19 digits, and their estimates."""
    found = bulk.mean_exit_time(FAMILY, -1.0, exit_above=exit, parameters=drawn)
    assert np.all(found.status == 0)
    errors = []
    for i in range(len(drawn["eta"])):
        values = {s: Fraction(float(drawn[s.name][i])) for s in FREE}
        exact = reference(lowered(values), -1, exit_above=Fraction(exit), digits=19).middle
        value = Fraction(float(found.mantissa[i])) * Fraction(2) ** int(found.exponent[i])
        errors.append(float(abs(value / exact - 1)))
    return np.array(errors), found.relative_error


certified = partial(first_passage.mean_exit_time, method="arb")


@pytest.mark.parametrize("exit", [0.0, 1.0])
def test_errors_of_double_wells(exit: float):
    errors, estimates = relative_errors(double_wells(6, 1), exit, mpmath_route.mean_exit_time)
    assert np.all(errors <= estimates)
    assert np.all(estimates < 1e-12)


def test_a_reachable_infinity_is_recognised():
    """q = 2.43 < 3: the certified route proves that the mean is infinite."""
    values = {a: 1, b: 1, c: 0, slope: 6, tilt: 0, eta: 1, theta: Fraction(29, 40)}
    exact = {symbol: Fraction(value) for symbol, value in values.items()}
    with pytest.raises(InfiniteMean):
        first_passage.mean_exit_time(lowered(exact), -1, exit_above=1, method="arb")
    drawn = {symbol.name: np.array([float(value)]) for symbol, value in exact.items()}
    found = bulk.mean_exit_time(FAMILY, -1.0, exit_above=1.0, parameters=drawn)
    assert found.status[0] == 3
    assert np.isinf(found.value[0])


@pytest.mark.slow
def test_estimates_are_honest_and_sharp():
    """95 % of 400 estimates within a factor 1000; experiments/bulk_errors.py measures more."""
    errors, estimates = relative_errors(double_wells(400, 2), 1.0, certified)
    assert np.all(errors <= estimates)
    assert np.mean(estimates <= 1000 * errors) >= 0.95


# --- every quantity against its certified values --------------------------------------------------

PASSAGE = {"start": -1.0, "exit_above": 0.75}
COMPARED = {
    "wall": (bulk.mean_exit_time, first_passage.mean_exit_time, PASSAGE | {"reflect_below": -2.0}),
    "wall above": (
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        {"order": 3, "start": 1.0, "exit_below": -0.5, "reflect_above": 1.5},
    ),
    "two exits": (
        bulk.mean_exit_time,
        first_passage.mean_exit_time,
        PASSAGE | {"exit_below": -2.0},
    ),
    "second moment": (
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        {"order": 2} | PASSAGE,
    ),
    "third moment, two exits": (
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        {"order": 3, "exit_below": -1.5} | PASSAGE,
    ),
    "probability": (
        bulk.exit_probability,
        first_passage.exit_probability,
        PASSAGE | {"exit_below": -1.25},
    ),
    "slow killing": (
        bulk.exit_time_laplace,
        first_passage.exit_time_laplace,
        {"rate": 2**-10} | PASSAGE,
    ),
    "fast killing": (
        bulk.exit_time_laplace,
        first_passage.exit_time_laplace,
        {"rate": 8.0} | PASSAGE,
    ),
    "killing, two exits": (
        bulk.exit_time_laplace,
        first_passage.exit_time_laplace,
        {"rate": 0.5, "exit_below": -2.0} | PASSAGE,
    ),
    "density": (bulk.density, stationary.density, {"at": 0.5}),
    "density far out": (bulk.density, stationary.density, {"at": 20.0}),
    "cumulative": (bulk.cumulative, stationary.cumulative, {"at": -1.25}),
    "upper tail": (bulk.cumulative, stationary.cumulative, {"at": 3.0, "upper": True}),
    "quantile": (bulk.quantile, stationary.quantile, {"probability": 2**-8}),
    "mean": (bulk.moment, stationary.moment, {"order": 1}),
    "second stationary moment": (bulk.moment, stationary.moment, {"order": 2}),
    "normaliser": (bulk.normaliser, stationary.normaliser, {}),
}
TILTED = {"a": 1.0, "b": 1.25, "c": 0.5, "slope": 0.0, "tilt": 0.125, "theta": 0.25}


@pytest.mark.parametrize("name", COMPARED)
def test_estimates_cover_certified_values(name: str):
    """Two wells of one family under quadratic noise, one of them steep: never understated."""
    estimated, certified_value, arguments = COMPARED[name]
    etas = np.array([0.5, 0.03125])
    found = estimated(FAMILY, **arguments, parameters=TILTED | {"eta": etas})
    assert np.all(found.status == 0)
    for i, eta_value in enumerate(etas):
        at = TILTED | {"eta": float(eta_value)}
        values = {symbol: Fraction(at[symbol.name]) for symbol in FREE}
        exact = certified_value(
            lowered(values),
            **{key: _exact(value) for key, value in arguments.items()},
            digits=19,
            method="arb",
        ).middle
        value = Fraction(float(found.mantissa[i])) * Fraction(2) ** int(found.exponent[i])
        assert abs(value / exact - 1) <= Fraction(float(found.relative_error[i]))
        # e^u has the absolute error of u: far out, some roundings of a logarithm of −24545.
        assert found.relative_error[i] < max(1e-11, 4e-15 * abs(found.log_value[i]))


def test_a_heavier_well_behind_a_barrier_is_not_missed():
    """From the lighter well nearly everything lies beyond a barrier of 100 units of noise."""
    at = TILTED | {"eta": 2.0**-7}
    found = bulk.cumulative(FAMILY, 1.0, upper=True, parameters=at)
    values = {symbol: Fraction(at[symbol.name]) for symbol in FREE}
    exact = stationary.cumulative(lowered(values), 1, upper=True, digits=19, method="arb").middle
    assert exact < Fraction(1, 10**9)
    value = Fraction(float(found.mantissa[0])) * Fraction(2) ** int(found.exponent[0])
    assert abs(value / exact - 1) <= Fraction(float(found.relative_error[0]))


def _exact(value: float | int | bool) -> Fraction | int | bool:
    return Fraction(value) if isinstance(value, float) else value


def test_infinite_moments_are_not_given_values():
    """p falls like |w|^(−q) and D grows like w²: E τ² is finite, E τ with too much noise is not."""
    heavy = parameters(b=-1.0, c=1.0, eta=1.0)
    assert bulk.exit_time_moment(FAMILY, 2, 0.0, exit_above=1.0, parameters=heavy).status[0] == 0
    escaping = parameters(b=-1.0, slope=4.0, eta=1.0, theta=0.5)
    found = bulk.exit_time_moment(FAMILY, 2, 0.0, exit_above=1.0, parameters=escaping)
    assert found.status[0] == 3
    even, odd = (bulk.moment(FAMILY, order, parameters=heavy) for order in (6, 5))
    assert even.status[0] == odd.status[0] == 3
    assert even.value[0] == np.inf
    assert np.isnan(odd.value[0])


def test_moments_of_an_exponential_time():
    """Behind a high barrier τ is nearly exponential: E τ² = 2 (E τ)², also beyond doubles."""
    wells = parameters(a=1.0, b=1.0, eta=np.array([0.02, 1e-4]))
    first = bulk.mean_exit_time(FAMILY, -1.0, exit_above=1.0, parameters=wells)
    second = bulk.exit_time_moment(FAMILY, 2, -1.0, exit_above=1.0, parameters=wells)
    assert np.all(np.isfinite(second.log_value))
    np.testing.assert_allclose(second.log_value - 2 * first.log_value, np.log(2), rtol=1e-3)


def test_many_parameter_sets_by_threads():
    """Chunks of threads change no value."""
    wells = double_wells(200, 4)
    whole = bulk.exit_time_moment(FAMILY, 2, -1.0, exit_above=0.5, parameters=wells)
    few = {name: column[150:160] for name, column in wells.items()}
    part = bulk.exit_time_moment(FAMILY, 2, -1.0, exit_above=0.5, parameters=few)
    np.testing.assert_array_equal(whole.mantissa[150:160], part.mantissa)


def test_signed_quantile_and_moments_of_a_normal_law():
    normal = parameters(b=-1.0)
    level = np.array([1e-6, 0.158655253931457, 0.841344746068543, 0.975])
    found = bulk.quantile(FAMILY, level, parameters=normal)
    exact = [-4.753424308822899, -1.0, 1.0, 1.959963984540054]
    np.testing.assert_allclose(found.value, exact, rtol=1e-12)
    odd = bulk.moment(FAMILY, 3, parameters=normal)
    assert odd.status[0] == 2 or odd.relative_error[0] > 1e-7


def test_brownian_motion_between_two_exits():
    """E τ = (1 − x²)/2 with D = 1."""
    x = np.linspace(-0.9, 0.9, 7)
    free = parameters(a=np.zeros(7))
    found = bulk.mean_exit_time(FAMILY, x, exit_below=-1.0, exit_above=1.0, parameters=free)
    np.testing.assert_allclose(found.value, (1 - x**2) / 2, rtol=1e-14)
    chance = bulk.exit_probability(FAMILY, x, exit_below=-1.0, exit_above=1.0, parameters=free)
    np.testing.assert_allclose(chance.value, (1 + x) / 2, rtol=1e-14)


@pytest.mark.parametrize("excess", [0.01, 0.1, 1.0, 4.0, 100.0])
def test_student_normaliser(excess: float):
    """∫ (1 + w²)^(−m) = √π Γ(m − 1/2)/Γ(m): θ = 1, m = κ = 1/η, 2m − 1 = excess."""
    student = parameters(b=-1.0, c=1.0, eta=2 / (1 + excess), theta=1.0)
    found = bulk.normaliser(FAMILY, parameters=student)
    with mp.workdps(30):
        # The double η is the model's: m − 1/2 = 0.005 is sensitive to its rounding.
        m = 1 / mp.mpf(2 / (1 + excess))
        exact = mp.log(mp.sqrt(mp.pi) * mp.gamma(m - 0.5) / mp.gamma(m))
        value = mp.log(mp.mpf(found.mantissa[0])) + int(found.exponent[0]) * mp.log(2)
        assert abs(value - exact) <= found.relative_error[0]
    assert found.relative_error[0] < 1e-12


def test_normal_moments():
    normal = parameters(b=-1.0)
    for order, exact in ((2, 1.0), (4, 3.0), (1, np.sqrt(2 / np.pi))):
        found = bulk.absolute_moment(FAMILY, order, parameters=normal)
        assert abs(found.value[0] / exact - 1) <= found.relative_error[0]


def test_downward_exit_mirrors_upward_exit():
    wells = double_wells(20, 3)
    up = bulk.mean_exit_time(FAMILY, -1.0, exit_above=0.5, parameters=wells)
    down = bulk.mean_exit_time(FAMILY, 1.0, exit_below=-0.5, parameters=wells)
    np.testing.assert_allclose(up.value, down.value, rtol=1e-12)


def test_times_beyond_the_range_of_doubles():
    """Langevin's exponent 2ΔL/(ησ) with ΔL = 1/4, up to its O(η)."""
    wells = parameters(a=1.0, b=1.0, eta=1e-4)
    found = bulk.mean_exit_time(FAMILY, -1.0, exit_above=1.0, parameters=wells)
    kramers = np.log(2 * np.pi / np.sqrt(2)) + 0.5 / 1e-4
    assert found.value[0] == np.inf
    assert abs(found.log_value[0] - kramers) < 1e-4


def test_status_says_what_is_wrong():
    runaway = parameters(b=1.0)
    assert bulk.mean_exit_time(FAMILY, 0.0, exit_above=1.0, parameters=runaway).status[0] == 3
    escaping = parameters(b=-1.0, slope=4.0, eta=1.0, theta=0.5)
    assert bulk.mean_exit_time(FAMILY, 0.0, exit_above=1.0, parameters=escaping).status[0] == 3
    negative = parameters(b=-1.0, c=-1.0)
    assert bulk.mean_exit_time(FAMILY, 0.0, exit_above=2.0, parameters=negative).status[0] == 1


def test_bad_input_is_refused():
    with pytest.raises(ComputationError, match="values for the parameters"):
        bulk.mean_exit_time(FAMILY, 0.0, exit_above=1.0, parameters={"eta": 1.0})
    with pytest.raises(ComputationError, match="one length"):
        bulk.mean_exit_time(
            FAMILY, np.zeros(3), exit_above=1.0, parameters=parameters(eta=np.ones(2))
        )
    with pytest.raises(ComputationError, match="inside the ends"):
        bulk.mean_exit_time(FAMILY, 2.0, exit_above=1.0, parameters=parameters())
    with pytest.raises(ComputationError, match="integer order"):
        bulk.absolute_moment(FAMILY, 0.5, parameters=parameters(b=-1.0))
    with pytest.raises(ComputationError, match="one end on each side"):
        bulk.mean_exit_time(FAMILY, 0.0, exit_above=1.0, reflect_above=2.0, parameters=parameters())
    with pytest.raises(ComputationError, match="positive rate"):
        bulk.exit_time_laplace(FAMILY, -1.0, 0.0, exit_above=1.0, parameters=parameters())
    with pytest.raises(ComputationError, match="moment order"):
        bulk.exit_time_moment(FAMILY, 9, 0.0, exit_above=1.0, parameters=parameters())


@pytest.mark.slow
def test_a_kink_that_moves_with_a_parameter():
    """It may lie where no coefficient of a panel tells it: panels end at it."""
    free = Diffusion.from_loss(
        "abs(w-a)+w**2/4", "1+abs(w)", eta="13/100", interpretation="anti-ito", parameters=["a"]
    )
    places = ["9/10", "1/2", "-3/10", "123/1000", "0"]
    many = free.in_bulk({"a": np.array([float(Fraction(a)) for a in places])})
    found = {
        "moment": many.moment(2),
        "mean": many.mean_exit_time(start=-1.0, exit=1.5),
        "two": many.mean_exit_time(start=0.0, exit=1.5, exit_below=-2.0),
        "cumulative": many.cumulative(0.25),
    }
    for i, a in enumerate(places):
        one = free.subs({"a": a})
        exact = {
            "moment": one.moment(2, method="arb"),
            "mean": one.mean_exit_time(start=-1, exit="3/2", method="arb"),
            "two": one.mean_exit_time(start=0, exit="3/2", exit_below=-2, method="arb"),
            "cumulative": one.cumulative("1/4", method="arb"),
        }
        for name, value in exact.items():
            bulk = found[name]
            error = abs(bulk.value[i] / float(value) - 1)
            assert bulk.status[i] == 0
            assert error <= bulk.relative_error[i] + 3e-16, (name, a)
            assert bulk.relative_error[i] < 1e-11, (name, a)
