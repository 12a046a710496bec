"""First-passage formulas: they solve the backward equation with its boundary conditions."""

import sympy
from sympy import Function, Integer, Rational, oo

from theory import symbols as s
from theory.diffusion import Diffusion
from theory.first_passage import (
    exit_probability,
    exit_time_moment,
    generator_in_divergence_form,
    inaccessibility_integral,
    mean_exit_time,
    mean_exit_time_gradient,
    scale_density,
    speed_density,
    speed_mass,
    two_sided_exit_time,
)
from theory.fokker_planck import backward_generator
from theory.normal_form import is_zero
from theory.stationary import zero_flux_density

w = s.w
L, C = Function("L")(w), Function("C", positive=True)(w)
MODEL = Diffusion(sympy.diff(L, w), C, s.eta, s.theta, w, L)
DENSITY = zero_flux_density(MODEL)


def test_scale_and_speed_put_the_generator_in_divergence_form() -> None:
    f = Function("f")(w)
    ours = generator_in_divergence_form(MODEL, f, DENSITY)
    assert is_zero(backward_generator(MODEL, f) - ours) is True
    assert is_zero(scale_density(MODEL) * MODEL.D * speed_density(MODEL) - 1) is True


def test_the_exact_time_solves_the_backward_equation() -> None:
    tau = mean_exit_time(DENSITY, MODEL.D, w, start=w)
    assert is_zero(sympy.diff(tau, w) - mean_exit_time_gradient(DENSITY, MODEL.D, w)) is True
    flux = MODEL.D * DENSITY * mean_exit_time_gradient(DENSITY, MODEL.D, w)
    assert is_zero(sympy.diff(flux, w) / DENSITY + 1) is True
    assert tau.subs(w, s.exit_above).doit(deep=False) == 0


def test_a_wrong_factor_does_not() -> None:
    flux = MODEL.D * DENSITY * mean_exit_time_gradient(DENSITY, MODEL.D, w) * 2
    assert is_zero(sympy.diff(flux, w) / DENSITY + 1) is not True


def test_two_sided_time_of_brownian_motion() -> None:
    D, one = Rational(1, 2), Integer(1)
    tau = two_sided_exit_time(one, D, w, w, Integer(-1), Integer(1)).doit()
    assert sympy.expand(tau - (1 - w**2)) == 0
    h = exit_probability(one, D, w, w, Integer(-1), Integer(1)).doit()
    assert sympy.expand(h - (1 + w) / 2) == 0


def test_two_sided_time_with_drift_solves_the_backward_equation() -> None:
    density, D = sympy.exp(-2 * w), Rational(1, 2)
    model = Diffusion.from_drift(-1, 1, eta=1, interpretation=0)
    tau = two_sided_exit_time(density, D, w, w, Integer(0), Integer(2)).doit()
    assert sympy.simplify(backward_generator(model, tau) + 1) == 0
    assert sympy.simplify(tau.subs(w, 0)) == 0
    assert sympy.simplify(tau.subs(w, 2)) == 0


def test_reflected_exit_time_and_its_second_moment() -> None:
    """Brownian motion reflected at 0, exit at 1: E tau = 1 - w**2, E tau**2 by the hierarchy."""
    one, D, zero = Integer(1), Rational(1, 2), Integer(0)
    model = Diffusion.from_drift(0, 1, eta=1, interpretation=0)
    first = mean_exit_time(one, D, w, w, one, lower=zero).doit()
    assert sympy.expand(first - (1 - w**2)) == 0
    second = exit_time_moment(2, one, D, w, w, one, lower=zero).doit()
    assert sympy.expand(backward_generator(model, second) + 2 * first) == 0
    assert second.subs(w, 1) == 0


def test_conditions_of_finiteness_are_integrals_to_be_judged() -> None:
    density = sympy.exp(-(w**2))
    assert speed_mass(density, w, Integer(0)).doit() == sympy.sqrt(sympy.pi) / 2
    assert inaccessibility_integral(density, Rational(1, 2), w, Integer(0)).doit() == oo
