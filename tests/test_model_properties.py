"""The theory's formulas against certified numbers, over randomly drawn models of the whole domain.

The formulas come from `theory` and are evaluated in ball arithmetic; the numbers come from drift
and noise alone. Hypothesis draws the models and shrinks what fails to the simplest of its kind.
"""

from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import strategies
import sympy
from flint import acb, arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import COVERAGE, PowerLawModel, counted, double_wells, points_of, power_law_models

from numerics import first_passage, stationary
from numerics.enclosure import Enclosure
from numerics.evaluators import evaluate_acb, evaluate_arb
from numerics.lowering import lower, lower_diffusion
from numerics.program import Program
from theory import pearson, symbols
from theory import stationary as laws
from theory.diffusion import Diffusion

DIGITS = 20


def _rational(value: Fraction) -> sympy.Expr:
    return sympy.Integer(value.numerator) / value.denominator


def _law(model: PowerLawModel) -> pearson.PearsonIV:
    """The law's parameters as SymPy has them, for algebra."""
    sigma_g, rho, sigma_H = map(_rational, (model.sigma_g, model.rho, model.sigma_H))
    Delta = sympy.sqrt(sigma_g * sigma_H - rho**2)
    return pearson.power_law_parameters(
        _rational(model.kappa), _rational(model.theta), rho, sigma_H, Delta
    )


@cache
def _program(quantity: str, order: int = 0) -> Program:
    """A Pearson IV formula in its parameters and x, as balls evaluate it."""
    law = pearson.PearsonIV()
    formulas = {
        "density": lambda: pearson.density(symbols.x, law),
        "moment": lambda: pearson.raw_moment(law, order),
        "tail index": lambda: pearson.tail_index(law),
    }
    inputs = [symbols.m, symbols.nu, symbols.alpha, symbols.location, symbols.x]
    return lower(formulas[quantity](), inputs)


def _formula(model: PowerLawModel, program: Program, at: Fraction = Fraction(0)) -> Enclosure:
    """The formula at a model, in ball arithmetic; complex Gamma functions are real in the end."""
    kappa, theta, rho, sigma_H, Delta = sympy.symbols("kappa theta rho sigma_H Delta", real=True)
    law = pearson.power_law_parameters(kappa, theta, rho, sigma_H, Delta)
    parameters = lower(
        [law.m, law.nu, law.alpha, law.location], [kappa, theta, rho, sigma_H, Delta]
    )
    with ctx.workprec(400):
        exact = [_ball(one) for one in (model.kappa, model.theta, model.rho, model.sigma_H)]
        width = _ball(model.sigma_g * model.sigma_H - model.rho**2).sqrt()
        values = evaluate_arb(parameters, *exact, width)
        (value,) = evaluate_acb(program, *map(acb, values), acb(_ball(at)))
        return Enclosure.from_arb(value.real)


def _ball(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator


def _agree(certified: Enclosure, formula: Enclosure) -> None:
    """Both are narrow, and they overlap."""
    assert formula.relative_width() < 10.0**-DIGITS or formula.is_zero
    assert certified.overlaps(formula), (str(certified), str(formula))


@given(st.data())
@settings(max_examples=60)
@counted
def test_density_is_pearson_iv(data: Any):
    model = data.draw(power_law_models())
    at = data.draw(points_of(model))
    found = stationary.density(lower_diffusion(model.diffusion()), at, digits=DIGITS, method="arb")
    _agree(found, _formula(model, _program("density"), at))


@given(power_law_models())
@settings(max_examples=40)
@counted
def test_tail_index_is_2m_minus_1(model: PowerLawModel):
    found = stationary.tail_index(lower_diffusion(model.diffusion()), digits=DIGITS)
    _agree(found, _formula(model, _program("tail index")))
    assert found.lower <= 2 * model.m - 1 <= found.upper
    assert found.relative_width() <= 10.0**-DIGITS


@given(st.data())
@settings(max_examples=40)
@counted
def test_raw_moments_where_they_exist(data: Any):
    # Orders are drawn below the tail index, so that nothing has to be rejected.
    model = data.draw(power_law_models(kappa=(Fraction(7, 5), Fraction(1000))))
    limit = 2 * model.m - 1
    order = data.draw(st.integers(1, 4).filter(lambda r: r < limit) if limit < 5
                      else st.integers(1, 4))  # fmt: skip
    lowered = lower_diffusion(model.diffusion())
    found = stationary.moment(lowered, order, digits=DIGITS, method="arb")
    # The mean is (θρ/σ_H)/(κ − θ): zero for Ito whatever ρ is.
    if (model.rho == 0 and order % 2) or (order == 1 and model.theta == 0):
        assert found.lower <= 0 <= found.upper
    else:
        _agree(found, _formula(model, _program("moment", order)))


@given(power_law_models(correlated=False))
@settings(max_examples=20)
@counted
def test_quantile_inverts_the_distribution_function(model: PowerLawModel):
    lowered = lower_diffusion(model.diffusion())
    at = stationary.quantile(lowered, Fraction(3, 4), digits=DIGITS, method="arb")
    below = stationary.cumulative(lowered, at.lower, digits=DIGITS, method="arb")
    above = stationary.cumulative(lowered, at.upper, digits=DIGITS, method="arb")
    assert below.lower <= Fraction(3, 4) <= above.upper


@given(st.data())
@settings(max_examples=25)
@counted
def test_passage_times_add_up(data: Any):
    """Strong Markov property: from x to B is from x to y, then from y to B."""
    model = data.draw(power_law_models(kappa=(Fraction(3, 5), Fraction(50))))
    lowered = lower_diffusion(model.diffusion())
    x, y, B = -model.scale, model.scale / 3, 2 * model.scale

    def time(start: Fraction, end: Fraction) -> arb:
        return first_passage.mean_exit_time(
            lowered, start, exit_above=end, digits=DIGITS, method="arb"
        ).arb

    with ctx.workprec(200):
        assert (time(x, y) + time(y, B)).overlaps(time(x, B))


@given(double_wells())
@settings(max_examples=25)
@counted
def test_two_sided_time_obeys_the_interpretation(model: Diffusion):
    """θ enters only through the Ito drift: a drift and θ, and its Ito form, have one exit time."""
    ito = Diffusion.from_drift(
        model.ito_drift,
        model.noise,
        eta=model.eta,
        interpretation=0,
        variable=model.variable,
    )
    times = [
        first_passage.mean_exit_time(
            lower_diffusion(one),
            Fraction(-1, 2),
            exit_below=-1,
            exit_above=Fraction(3, 2),
            digits=DIGITS,
            method="arb",
        )
        for one in (model, ito)
    ]
    assert times[0].overlaps(times[1])
    assert max(time.relative_width() for time in times) <= 10.0**-DIGITS


@given(double_wells(), st.integers(1, 9))
@settings(max_examples=25)
@counted
def test_exit_probabilities_of_both_ends_sum_to_one(model: Diffusion, tenth: int):
    lowered = lower_diffusion(model)
    mirrored = lower_diffusion(
        Diffusion.from_drift(
            -model.drift.subs(strategies.w, -strategies.w),
            model.noise.subs(strategies.w, -strategies.w),
            eta=model.eta,
            interpretation=model.theta,
            variable=strategies.w,
        )
    )
    start = Fraction(tenth, 5) - 1
    up = first_passage.exit_probability(
        lowered, start, exit_below=-1, exit_above=1, digits=DIGITS, method="arb"
    )
    down = first_passage.exit_probability(
        mirrored, -start, exit_below=-1, exit_above=1, digits=DIGITS, method="arb"
    )
    with ctx.workprec(200):
        assert (up.arb + down.arb).overlaps(arb(1))


def test_zero_flux_density_is_the_theory_of_power_laws():
    """The strategy's model is the theory's: C^(-κ-s)exp(…) has the model's logarithmic slope."""
    model = PowerLawModel(*(Fraction(n, 7) for n in (9, 8, 6, 2, 3, 5)))
    law = _law(model)
    x = strategies.w
    slope = sympy.diff(sympy.log(pearson.unnormalised_density(x, law)), x)
    difference = slope - laws.log_density_gradient(model.diffusion())
    assert sympy.simplify(difference) == 0


def test_rejected_draws_stay_below_a_tenth():
    """Stands last: it looks at what the properties above drew and refused."""
    if not COVERAGE.attempts:
        pytest.skip("no property ran before this one")
    rates = {test: COVERAGE.rejection_rate(test) for test in COVERAGE.attempts}
    assert max(rates.values()) < 0.1, rates
