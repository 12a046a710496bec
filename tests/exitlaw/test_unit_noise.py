"""Simulation in unit-noise coordinates: certified times, orders, refusals.

False-alarm rate of each statistical test: 1e-9 (6.11 standard errors beyond bias bound or bend).
"""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.linalg import expm

from exitlaw import Diffusion
from numerics.errors import ComputationError
from numerics.evaluators import numpy_function
from numerics.lowering import lower, lower_constant, lower_diffusion
from numerics.simulation.orders import CoupledEnds, coupled_ends, fitted_order, strong_order
from numerics.simulation.schemes import SCHEMES, Scheme
from theory.errors import InputError
from theory.lamperti import unit_noise

FALSE_ALARM = 1e-9
WELL = {"loss": "w**2/2", "noise": "1 + w/5 + w**2/2", "eta": "1/2"}


def diffusion(noise: str = WELL["noise"], theta: str = "1/2") -> Diffusion:
    return Diffusion.from_loss(WELL["loss"], noise, eta=WELL["eta"], interpretation=theta)


@pytest.mark.parametrize(
    ("noise", "theta", "start", "ends", "scheme"),
    [
        (WELL["noise"], "0", "0", {"exit": "1"}, "lamperti"),
        (WELL["noise"], "1", "0", {"exit": "1"}, "lamperti-euler-bridge"),
        ("2", "0", "0", {"exit": "1", "exit_below": "-1"}, "lamperti"),
        pytest.param(
            "(w - 1)**2", "1/2", "1/2", {"exit": "3/4", "exit_below": "-1"}, "lamperti",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "(w + 1)**2", "1/2", "0", {"exit": "1", "exit_below": "-1/2"}, "lamperti-multilevel",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_the_certified_time_is_met(seed, noise, theta, start, ends, scheme):
    """Quadratic, constant and square noises, both sides of a zero.

    1.96 standard errors and the bias bound are at most 3 % of the estimate: a time 15 % off is
    missed with probability below 2e-4 at worst.
    """
    made = diffusion(noise, theta)
    found = made.simulate_mean_exit_time(
        start=start, **ends, scheme=scheme, target_error=0.03, seed=seed
    )
    exact = float(made.mean_exit_time(start=start, **ends, digits=8, method="arb"))
    assert found.scheme.startswith("lamperti-")
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(1.15 * exact, FALSE_ALARM)
    assert found.excludes(0.85 * exact, FALSE_ALARM)


@pytest.mark.parametrize("quantity", ["moment", "density"])
def test_stationary_quantities_go_through_the_inverse(seed, quantity):
    """E w² and p(1/2) of a skew power law against certified values; off by 25 % is excluded."""
    from exitlaw.unit_noise import simulated_density, simulated_moment

    made = diffusion(theta="1")
    sampling = {"scheme": "lamperti", "target_error": 0.05, "seed": seed}
    if quantity == "moment":
        found = simulated_moment(made, 2, absolute=False, **sampling)
        exact = float(made.moment(2, digits=8, method="arb"))
    else:
        found = simulated_density(made, sympy.Rational(1, 2), **sampling)
        exact = float(made.stationary_density(at="1/2", digits=8, method="arb"))
    assert found.scheme == "lamperti-taylor"
    assert found.notes == ()
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(1.25 * exact, FALSE_ALARM)
    assert found.excludes(0.75 * exact, FALSE_ALARM)


def ends_in_w(scheme: Scheme, counts: tuple[int, ...], fine: int, paths: int, seed: int):
    """Ends of the scheme in y, taken back to w; and the paths in w on the same noise."""
    made, start = diffusion(), Fraction(1)
    unit = unit_noise(made, sympy.Integer(1))
    moved = coupled_ends(
        lower_diffusion(unit.model), scheme,
        lower_constant(unit.transform.subs(made.variable, 1)), until=1.0, counts=counts, fine=fine,
        paths=paths, seed=seed,
    )  # fmt: skip
    back = numpy_function(lower(unit.inverse, [unit.model.variable]))
    direct = coupled_ends(
        lower_diffusion(made), SCHEMES["milstein"], start, until=1.0, counts=counts, fine=fine,
        paths=paths, seed=seed,
    )  # fmt: skip
    ends = CoupledEnds(moved.steps, back(moved.levels)[0], back(moved.fine)[0], moved.brownian)
    return ends, direct


def test_strong_order_of_euler_in_the_new_coordinate(seed):
    """Order 1 against the fine path *in w* on the same noise; Euler in w has 1/2.

    H0: |slope − 1| <= 0.2, the bend of finite steps; the slope 1/2 is excluded with 0.1 of bend.
    """
    ends, direct = ends_in_w(SCHEMES["euler"], (8, 16, 32, 64), 1024, 10_000, seed)
    assert np.array_equal(ends.brownian, direct.brownian)
    found = strong_order(ends, direct.fine)
    assert not found.excludes(1.0, 0.2, FALSE_ALARM)
    assert found.excludes(0.5, 0.1, FALSE_ALARM)


def test_weak_order_of_platen_in_the_new_coordinate(seed):
    """Order 2 of E w², against 64 steps on the same noise, whose own bias is 1/64 of the least.

    The mean at 64 steps is the exact one, of the linear moment equations, within
    6.11 standard errors.
    """
    ends, _ = ends_in_w(SCHEMES["platen"], (2, 4, 8, 64), 64, 400_000, seed)
    squares = ends.levels**2
    found = fitted_order(ends.steps[:3], squares[:, :3] - squares[:, 3:])
    assert not found.excludes(2.0, 0.3, FALSE_ALARM)
    assert found.excludes(1.0, 0.1, FALSE_ALARM)
    # L = w²/2, C = 1 + 2ρw + σ_H w², ρ = 1/10, σ_H = 1/2, η = 1/2, θ = 1/2, from w = 1.
    eta, theta, rho, sigma = 0.5, 0.5, 0.1, 0.5
    rate, shift = 1 - theta * eta * sigma, theta * eta * rho
    # The state (1, m₁, m₂) obeys a linear equation: its matrix exponential is exact.
    moments = expm(
        [
            [0.0, 0.0, 0.0],
            [shift, -rate, 0.0],
            [eta, 2.0 * shift + 2.0 * eta * rho, -2.0 * rate + eta * sigma],
        ]
    )
    exact = moments[2].sum()
    finest = squares[:, 3]
    error = float(finest.std() / np.sqrt(finest.size))
    assert abs(float(finest.mean()) - exact) < 6.11 * error


@pytest.mark.parametrize("noise", ["1 + w**4", "1 + w", "exp(w)"])
def test_a_noise_without_a_closed_form_is_refused(noise):
    with pytest.raises(InputError, match=r"Lamperti.*take another scheme"):
        diffusion(noise).simulate_mean_exit_time(start=0, exit=1, scheme="lamperti")


def test_an_exit_beyond_a_zero_of_the_noise_is_refused():
    with pytest.raises(InputError, match="cannot reach"):
        diffusion("(w - 1)**2").simulate_mean_exit_time(start=0, exit=2, scheme="lamperti")


def test_an_unknown_scheme_behind_it_is_named():
    with pytest.raises(ComputationError, match="'heun-bridge'"):
        diffusion().simulate_mean_exit_time(start=0, exit=1, scheme="lamperti-heun-bridge")
