"""Tables of a model in unit-noise coordinates against closed forms and independent quadrature."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from simulation_models import double_well, model, ornstein_uhlenbeck, power_law_well

from numerics.errors import ComputationError
from numerics.simulation.schemes import kernel_model
from numerics.simulation.unit_noise import unit_noise_coefficients, unit_noise_table


def table_of(made, origin, lower, upper):
    return unit_noise_table(unit_noise_coefficients(made, kernel_model(made)), origin, lower, upper)


def values(table, name, y):
    panels = [table.panel_of(one) for one in y]
    low, high = table.edges[panels], table.edges[np.array(panels) + 1]
    t = (2 * y - low - high) / (high - low)
    return np.sum(getattr(table, name)[panels] * t[:, None] ** np.arange(14), axis=1)


@pytest.mark.parametrize("theta", [0, "1/3", 1])
def test_the_power_law_well_in_closed_form(theta):
    """y = asinh(w√(σ_H/σ_g))/k, α = −c tanh(ky), φ = (α² + α')/2 to 12 digits; both ends."""
    made = power_law_well(theta)
    table = table_of(made, 0.0, -math.inf, 3.0)
    assert table.open_below
    assert not table.open_above
    k = math.sqrt(0.05)
    c = k * (20 + 0.5 - float(Fraction(theta)))
    y = np.linspace(max(table.edges[0], -9.0), table.edges[-1], 1001)[1:-1]
    np.testing.assert_allclose(
        table.states(y), math.sqrt(2.0) * np.sinh(k * y), rtol=1e-12, atol=1e-13
    )
    assert table.edges[-1] == pytest.approx(math.asinh(3 / math.sqrt(2)) / k, rel=1e-13)
    assert table.coordinate(1.0) == pytest.approx(math.asinh(1 / math.sqrt(2)) / k, rel=1e-13)
    potential = -c / k * np.log(np.cosh(k * y))
    np.testing.assert_allclose(values(table, "potential", y), potential, atol=1e-11)
    form = 0.5 * (c**2 * np.tanh(k * y) ** 2 - c * k / np.cosh(k * y) ** 2)
    np.testing.assert_allclose(values(table, "rate", y), form, atol=1e-11 * c**2)
    wrong = 0.5 * (c**2 * np.tanh(k * y) ** 2 + c * k / np.cosh(k * y) ** 2)
    assert np.abs(values(table, "rate", y) - wrong).max() > 0.5 * c * k


def test_a_noise_without_a_closed_transform():
    """y, A and φ of C = 2 + sin w by quadrature of the formulas and by differences."""
    made = model("w + cos(3*w)", "2 + sin(w)", "1/2", "1/2")
    table = table_of(made, 0.2, -1.5, 1.5)
    eta, theta = 0.5, 0.5

    def alpha(w):
        noise, slope = 2 + math.sin(w), math.cos(w)
        sigma = math.sqrt(eta * noise)
        # -L'/σ + (θ − 1/2)σ', the other form of the drift.
        return -(w + math.cos(3 * w)) / sigma + (theta - 0.5) * eta * slope / (2 * sigma)

    for w in (-1.4, -0.3, 0.2, 0.9, 1.5):
        y = quad(lambda x: 1 / math.sqrt(eta * (2 + math.sin(x))), 0.2, w, epsabs=1e-13)[0]
        height = quad(
            lambda x: alpha(x) / math.sqrt(eta * (2 + math.sin(x))), 0.2, w, epsabs=1e-13
        )[0]
        assert table.coordinate(w) == pytest.approx(y, abs=1e-12)
        at = np.array([min(max(y, table.edges[0]), table.edges[-1])])
        assert values(table, "potential", at)[0] == pytest.approx(height, abs=1e-11)
        if abs(w) < 1.45:
            h = 1e-5
            rise = (alpha(w + h) - alpha(w - h)) / (2 * h) * math.sqrt(eta * (2 + math.sin(w)))
            assert values(table, "rate", at)[0] == pytest.approx(
                0.5 * (alpha(w) ** 2 + rise), abs=1e-8
            )


@pytest.mark.parametrize("made", [double_well(), power_law_well(1), ornstein_uhlenbeck()])
def test_bounds_hold_in_every_cell(made):
    """least <= φ <= least + span within `radius` of every point, and the radius is not idle."""
    table = table_of(made, -1.0, -math.inf, 1.0)
    rng = np.random.default_rng(1)
    inside = np.flatnonzero(table.radius > 0)
    for i in inside:
        y = rng.uniform(table.edges[i], table.edges[i + 1], 200)
        cell = y + table.radius[i] * rng.uniform(-1, 1, 200)
        cell = cell[(cell > table.edges[0]) & (cell < table.edges[-1])]
        found = values(table, "rate", cell)
        # A panel's polynomial is rounded at 1e-13 of its bounds.
        slack = 1e-12 * (1 + np.abs(found))
        assert np.all(found >= table.least[i] - slack)
        assert np.all(found <= table.least[i] + table.span[i] + slack)
    assert np.all(table.span[inside] * table.radius[inside] ** 2 <= 0.5)
    assert len(inside) >= len(table.radius) - 2


def test_panels_end_at_kinks_of_the_drift():
    """Huber's loss: φ jumps at ±1, and no polynomial of a panel sees both sides."""
    made = model("piecewise(-1, w < -1, w, w < 1, 1)", "1", "1")
    table = table_of(made, 0.0, -5.0, 5.0)
    # Nearer than 1e-7 a panel may see both sides, for a time of 1e-14.
    y = np.array([-1.0 - 1e-5, -1.0 + 1e-5, 0.3, 1.0 - 1e-5, 1.0 + 1e-5])
    np.testing.assert_allclose(
        values(table, "rate", y), [0.5, 0.0, 0.5 * (0.09 - 1), 0.0, 0.5], atol=2e-5
    )


@pytest.mark.parametrize("end", [1.0001, 1.001, 1.02])
def test_a_kink_next_to_the_end_of_a_panel_is_seen(end):
    """Wherever panels happen to end: A is that of both sides to 11 digits."""
    made = model("piecewise(w, w < 1, 1)", "1", "1")
    table = table_of(made, 0.0, -1.0, end)
    exact = -0.5 - (end - 1.0)
    assert table.potential_at_edges()[-1] == pytest.approx(exact, abs=1e-11)
    y = np.linspace(1.0 + max(0.01 * (end - 1.0), 1e-5), end, 50)[:-1]
    np.testing.assert_allclose(values(table, "rate", y), 0.5, atol=1e-9)


def test_huber_potential():
    made = model("piecewise(-1, w < -1, w, w < 1, 1)", "1", "1")
    table = table_of(made, 0.0, -5.0, 5.0)
    np.testing.assert_allclose(
        values(table, "potential", np.array([-3.0, 0.5, 3.0])), [-2.5, -0.125, -2.5], atol=1e-11
    )


@pytest.mark.parametrize("origin", [-1.0, 0.0])
def test_a_jump_of_the_drift_is_refused(origin):
    made = model("piecewise(-1, w < 0, 1)", "1", "1")
    with pytest.raises(ComputationError, match="continuous drift"):
        table_of(made, origin, -2.0, 2.0)


def test_a_model_that_needs_too_many_panels_is_refused(monkeypatch):
    from numerics.simulation import unit_noise

    monkeypatch.setattr(unit_noise, "MOST_PANELS", 5)
    with pytest.raises(ComputationError, match="5 polynomials"):
        table_of(double_well(), -1.0, -3.0, 1.0)


def test_a_jump_of_the_drift_is_one_in_any_units():
    """A slope of 10⁻⁷ that changes its sign, in a domain of 10⁷."""
    made = model("piecewise(-10**(-7), w < 0, 10**(-7))", "1", "1")
    with pytest.raises(ComputationError, match="a jump, or a kink"):  # mean time 48 % low
        table_of(made, -1e6, -2e7, 1e7)


@pytest.mark.parametrize("noise", ["2 - w**2", "w + sqrt(2)"])
def test_a_table_ends_at_a_zero_of_the_noise_that_is_no_double(noise):
    """Where the digits of C are gone, a density that falls like d³ or d⁹ leaves no path."""
    table = table_of(model("w", noise, "1/4"), 0.0, -math.inf, 1.0)
    assert table.open_below
    first, second = table.states(table.edges[:2])
    assert -math.sqrt(2) < first < second
    assert np.isfinite(table.potential).all()
    assert 2 * (table.potential_at_edges().max() - table.potential_at_edges()[0]) > 60
