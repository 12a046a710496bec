"""Exact over Kramers in doubles: against certified values, and left to balls where unsure."""

from fractions import Fraction

import numpy as np
import pytest

import exitlaw
from exitlaw.escape_quantities import escape_formula
from numerics import first_passage, kramers_points
from numerics.lowering import lower

NOISES = {
    "langevin": "1",
    "power-law": "1+a*(w**2-1)**2/4",
    "multiplicative": "1+a*w**2",
}


def well(noise: str) -> exitlaw.Diffusion:
    return exitlaw.Diffusion.from_loss(
        "(w**2-1)**2/4", noise, eta="h", interpretation="stratonovich"
    )


@pytest.mark.parametrize(
    "name",
    [
        "power-law",
        pytest.param("langevin", marks=pytest.mark.slow),
        pytest.param("multiplicative", marks=pytest.mark.slow),
    ],
)
def test_ratio_against_certified_values(name: str):
    """Two η and a; the formula is the one that `kramers-time` names."""
    model = well(NOISES[name])
    drawn = {"a": np.array([0.25, 1.5]), "h": np.array([0.125, 0.0625])}
    given = {key: column for key, column in drawn.items() if key in map(str, model.free_parameters)}
    found = model.in_bulk(given).kramers_ratio(start=-0.75, exit=1.25)
    assert np.all(found.status == 0)
    for i in range(2):
        one = model.subs({key: Fraction(float(column[i])) for key, column in given.items()})
        assert escape_formula(one).name == name
        lowered = one.lowered()
        ends = Fraction(-3, 4), Fraction(5, 4)
        formula = lower(escape_formula(one).expression, kramers_points.FORMULA_INPUTS)
        points = kramers_points.critical_points(lowered, *ends)
        by_formula = kramers_points.formula_value(
            lowered, points, formula, digits=19, method="arb"
        ).middle
        exact = first_passage.mean_exit_time(
            lowered, ends[0], exit_above=ends[1], digits=19, method="arb"
        ).middle
        assert abs(Fraction(float(found.value[i])) / (exact / by_formula) - 1) <= Fraction(
            float(found.relative_error[i])
        )
        assert found.relative_error[i] < 1e-12


@pytest.mark.slow
def test_what_is_not_told_for_certain_is_left_to_balls():
    """No saddle before the exit; two saddles of equal height; a formula that overflows."""
    double = well("1").in_bulk({"h": 0.125})
    assert double.kramers_ratio(start=-1.0, exit=-0.5).status[0] == 2
    triple = exitlaw.Diffusion.from_loss("-cos(w)+w**4/10**6", "1", eta="h", interpretation="ito")
    ends = {"start": -6.5, "exit": 6.0}
    assert triple.in_bulk({"h": 0.5}).kramers_ratio(**ends).status[0] == 2
    assert well("1").in_bulk({"h": 1e-4}).kramers_ratio(start=-1.0, exit=1.0).status[0] == 2
