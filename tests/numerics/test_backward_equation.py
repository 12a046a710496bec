"""Exit times from the backward equation: closed forms, quadrature, wrong neighbours."""

from __future__ import annotations

from fractions import Fraction

import pytest
from certified_models import model
from mpmath import mp

from numerics import backward_equation, first_passage
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError

THIRD = Fraction(1, 3)


def holds(enclosure: Enclosure, value: object) -> bool:
    """Whether the enclosure holds a number of mpmath, known to 45 digits."""
    exact = Fraction(str(mp.nstr(value, 50)))
    slack = abs(exact) / 10**44
    return enclosure.lower - slack <= exact <= enclosure.upper + slack


def test_brownian_motion() -> None:
    """D = 1 on (0, 1): τ = x(1 − x)/2 and P = x, polynomials that the trial finds exactly."""
    ends = {"exit_below": 0, "exit_above": 1, "digits": 60}
    time = backward_equation.mean_exit_time([0], [1], THIRD, **ends)
    assert time.lower <= THIRD * (1 - THIRD) / 2 <= time.upper
    chance = backward_equation.exit_probability([0], [1], THIRD, **ends)
    assert chance.lower <= THIRD <= chance.upper
    assert min(time.certain_digits(), chance.certain_digits()) >= 60


def test_constant_drift() -> None:
    """b = 2, D = 1/2 on (−1, 1) from 0: P = 1/(1 + e^(−4)), τ = (2P − 1)/2."""
    ends = {"exit_below": -1, "exit_above": 1, "digits": 30}
    time = backward_equation.mean_exit_time([2], [Fraction(1, 2)], 0, **ends)
    chance = backward_equation.exit_probability([2], [Fraction(1, 2)], 0, **ends)
    with mp.workdps(50):
        exact = 1 / (1 + mp.exp(-4))
        assert holds(chance, exact)
        assert holds(time, exact - mp.mpf(1) / 2)
    assert min(time.certain_digits(), chance.certain_digits()) >= 30


@pytest.mark.parametrize("digits", [15, 40])
def test_a_noise_that_depends_on_the_state(digits: int) -> None:
    """f'' = −1/(1 + x²) on (−1, 1): f(0) = π/4 − log(2)/2."""
    value = backward_equation.mean_exit_time(
        [0], [1, 0, 1], 0, exit_below=-1, exit_above=1, digits=digits
    )
    with mp.workdps(50):
        assert holds(value, mp.pi / 4 - mp.log(2) / 2)
    assert value.certain_digits() >= digits


NEIGHBOURS = {
    "true": ([0, 1, 0, -1], [Fraction(1, 2), 0, THIRD], True),
    "twice the noise": ([0, 1, 0, -1], [1, 0, 2 * THIRD], False),
    "a drift of the other sign": ([0, -1, 0, 1], [Fraction(1, 2), 0, THIRD], False),
    "the drift of another interpretation": (
        [0, 1 + 2 * THIRD, 0, -1],
        [Fraction(1, 2), 0, THIRD],
        False,
    ),
    "one coefficient off by 10^-12": (
        [0, 1 + Fraction(1, 10**12), 0, -1],
        [Fraction(1, 2), 0, THIRD],
        False,
    ),
}


@pytest.mark.parametrize("name", sorted(NEIGHBOURS))
def test_quadrature_agrees_and_wrong_coefficients_are_refuted(name: str) -> None:
    """Ito, L = (w² − 1)²/4 and D = ηC/2 = 1/2 + w²/3, against the integrals of scale and speed."""
    drift, diffusion, right = NEIGHBOURS[name]
    well = model("(w**2-1)**2/4", "1 + 2*w**2/3", 1)
    ends = {"exit_below": -1, "exit_above": Fraction(3, 2), "digits": 20}
    time = backward_equation.mean_exit_time(drift, diffusion, THIRD, **ends)
    chance = backward_equation.exit_probability(drift, diffusion, THIRD, **ends)
    exact_time = first_passage.mean_exit_time(well, THIRD, method="arb", **ends)
    exact_chance = first_passage.exit_probability(well, THIRD, method="arb", **ends)
    assert time.overlaps(exact_time) == right
    # Twice the noise changes the chance too: the drift stays.
    assert chance.overlaps(exact_chance) == right


def test_a_zero_of_the_noise_is_refused() -> None:
    for diffusion in ([0, 1], [1, 0, -1], [-1]):
        with pytest.raises(ComputationError, match="zero of the noise"):
            backward_equation.mean_exit_time(
                [0], diffusion, Fraction(1, 2), exit_below=-1, exit_above=2
            )


def test_digits_out_of_reach_are_refused() -> None:
    """Over a barrier of 500 units of noise no polynomial of degree 130 solves the equation."""
    with pytest.raises(ComputationError, match="digits with a trial polynomial"):
        backward_equation.mean_exit_time([0, -1000], [1], 0, exit_below=-1, exit_above=1, digits=15)
