"""Stationary averages where wells are rarely left, and densities where paths rarely come."""

import pytest
from simulation_models import model, ornstein_uhlenbeck

from numerics import stationary
from numerics.errors import ComputationError
from numerics.simulation import moment, stationary_density
from numerics.simulation.ergodic import Powers
from numerics.simulation.relaxation import forgetting_time
from numerics.simulation.schemes import kernel_model

FALSE_ALARM = 1e-9

TILTED = "w**3 - w - 1/10"
"""A double well whose right side is deeper; at 0 begin as many paths to one as to the other."""


def test_the_forgetting_time_of_an_exponential_decay():
    """E_x X_t = x e^(−t), and E_x X_t² = (1 − e^(−2t))/2 from 0; implicit steps err to the late."""
    from math import log

    kernel = kernel_model(ornstein_uhlenbeck())
    second = forgetting_time(kernel, 0.0, Powers(2.0, False), 1e-3)
    assert abs(second - 0.5 * log(1e3)) < 0.3
    # The mean is 0: a thousandth of the root mean square √(1/2) stands for it.
    first = forgetting_time(kernel, 3.0, Powers(1.0, False), 1e-3)
    assert 0.98 < first / log(3.0 / (1e-6 * 0.5**0.5)) < 1.2


def test_only_modes_that_the_average_has_count():
    """From the saddle of a symmetric double well w² settles long before w could."""
    kernel = kernel_model(model("w**3 - w", "1", "1/40"))
    assert forgetting_time(kernel, 0.0, Powers(2.0, False), 1e-3) < 20.0
    with pytest.raises(ComputationError, match="paths forget their start"):
        forgetting_time(kernel, 0.5, Powers(1.0, False), 1e-3)


def test_wells_are_in_equilibrium(seed):
    """H0: |E estimate − moment| <= bias bound, rejected at 1e-9.

    Paths of a few times the well's own relaxation said 0.535 ± 0.005 at η = 1/20 for 1.0297, as
    many as 113000 of them; against such a value the power is 1 up to rounding.
    """
    made = model(TILTED, "1", "1/12")
    exact = float(stationary.moment(made, 1, digits=8, method="arb"))
    found = moment(made, 1, paths=300, seed=seed)
    assert not found.excludes(exact, FALSE_ALARM), (found, exact)
    assert found.relative_error < 0.05


@pytest.mark.parametrize("eta", ["1/40", "1/200", "1/1000"])
def test_wells_that_no_path_leaves_are_refused(eta):
    with pytest.raises(
        ComputationError, match=r"paths forget their start|paths that forget their start"
    ):
        moment(model(TILTED, "1", eta), 1, paths=100)


@pytest.mark.parametrize("at", [6, 50])
def test_a_density_that_no_path_comes_near_is_refused(at):
    """At 6 it was −5·10⁻²⁶ ± 5·10⁻²⁶ for 1.3·10⁻¹⁶, and at 50 "0 ± 0"."""
    with pytest.raises(ComputationError, match="states of the density that paths come near"):
        stationary_density(ornstein_uhlenbeck(), at, paths=1000)


@pytest.mark.parametrize(
    ("gradient", "noise"), [("3*abs(w - 1)/(w - 1)", "1"), ("w", "1 + abs(w - 1)")]
)
def test_a_density_at_a_kink_is_refused(gradient, noise):
    """L = 3|w − 1| has p(1) = 3; smoothed it was 2.56, with a bias bound of 0.14."""
    made = model(gradient, noise, "1")
    with pytest.raises(ComputationError, match="away from kinks"):
        stationary_density(made, 1, paths=1000)


def test_a_mean_of_zero_has_no_relative_error():
    with pytest.raises(ComputationError, match="an estimate away from zero"):
        moment(ornstein_uhlenbeck(), 1, target_error=0.5)
