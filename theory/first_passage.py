"""Scale and speed densities, exact mean first-passage times, exit probabilities, finiteness.

For the backward generator G f = (-L' + theta D') f' + D f'' = (1/p) (D p f')', p the zero-flux
density:

    scale density  s'(w) = 1/(D p)          speed density  p

One exit at B above the start, -oo inaccessible (int_{-oo} s' dw = oo) and int_{-oo} p < oo:

    tau(x0) = int_{x0}^{B} s'(y) int_{-oo}^{y} p(z) dz dy.

Exits at A < x0 < B: h(x0) = int_A^{x0} s' / int_A^B s' is the probability to leave through B, and

    tau(x0) = (1 - h(x0)) int_A^{x0} S(z) p(z) dz + h(x0) int_{x0}^B (S(B) - S(z)) p(z) dz,
    S(z) = int_A^z s'(y) dy.
"""

from __future__ import annotations

import sympy
from sympy import Expr, Integral, Symbol, oo

from theory import symbols
from theory.diffusion import Diffusion
from theory.stationary import zero_flux_density


def speed_density(model: Diffusion, potential: Expr | None = None) -> Expr:
    """p(w), the zero-flux density, not normalised."""
    return zero_flux_density(model, potential)


def scale_density(model: Diffusion, potential: Expr | None = None) -> Expr:
    """1/(D p)."""
    return 1 / (model.D * speed_density(model, potential))


def generator_in_divergence_form(model: Diffusion, function: Expr, density: Expr) -> Expr:
    """(1/p) d/dw(D p df/dw), equal to the backward generator where p has zero flux."""
    w = model.variable
    return sympy.diff(model.D * density * sympy.diff(function, w), w) / density


def mean_exit_time(
    density: Expr,
    D: Expr,
    variable: Symbol,
    start: Expr = symbols.start,
    exit_above: Expr = symbols.exit_above,
    lower: Expr = -oo,
) -> Expr:
    """tau = int_{x0}^{B} dy/(D(y) p(y)) int_{lower}^{y} p(z) dz, unevaluated.

    density : p(w), any multiple of the zero-flux density
    D : eta C(w)/2
    lower : -oo if inaccessible, or a reflecting end
    """
    y, z = sympy.Dummy("y", real=True), sympy.Dummy("z", real=True)
    mass = Integral(density.subs(variable, z), (z, lower, y))
    return Integral(1 / (D * density).subs(variable, y) * mass, (y, start, exit_above))


def mean_exit_time_gradient(density: Expr, D: Expr, variable: Symbol, lower: Expr = -oo) -> Expr:
    """d tau/dx0 = -(1/(D p)) int_{lower}^{x0} p(z) dz at x0 = `variable`."""
    z = sympy.Dummy("z", real=True)
    return -Integral(density.subs(variable, z), (z, lower, variable)) / (D * density)


def exit_probability(
    density: Expr,
    D: Expr,
    variable: Symbol,
    start: Expr = symbols.start,
    exit_below: Expr = symbols.exit_below,
    exit_above: Expr = symbols.exit_above,
) -> Expr:
    """int_A^{x0} dy/(D p) / int_A^B dy/(D p): to leave (A, B) through B, unevaluated."""
    y = sympy.Dummy("y", real=True)
    scale = 1 / (D * density).subs(variable, y)
    return Integral(scale, (y, exit_below, start)) / Integral(scale, (y, exit_below, exit_above))


def two_sided_exit_time(
    density: Expr,
    D: Expr,
    variable: Symbol,
    start: Expr = symbols.start,
    exit_below: Expr = symbols.exit_below,
    exit_above: Expr = symbols.exit_above,
) -> Expr:
    """Mean time to leave (A, B) from x0, by Green's function, unevaluated.

    (1 - h) int_A^{x0} S(z) p(z) dz + h int_{x0}^B (S(B) - S(z)) p(z) dz, S(z) = int_A^z dy/(D p),
    h = S(x0)/S(B).
    """
    z = sympy.Dummy("z", real=True)

    def scale(upper: Expr) -> Expr:
        y = sympy.Dummy("y", real=True)
        return Integral(1 / (D * density).subs(variable, y), (y, exit_below, upper))

    h = exit_probability(density, D, variable, start, exit_below, exit_above)
    p = density.subs(variable, z)
    below = Integral(scale(z) * p, (z, exit_below, start))
    above = Integral((scale(exit_above) - scale(z)) * p, (z, start, exit_above))
    return (1 - h) * below + h * above


def exit_time_moment(
    order: int,
    density: Expr,
    D: Expr,
    variable: Symbol,
    start: Expr = symbols.start,
    exit_above: Expr = symbols.exit_above,
    lower: Expr = -oo,
) -> Expr:
    """T_n(x0) = E tau**n = n int_{x0}^{B} dy/(D p) int_{lower}^{y} p(z) T_{n-1}(z) dz, T_0 = 1."""
    moment: Expr = sympy.Integer(1)
    for n in range(1, order + 1):
        y, z = sympy.Dummy("y", real=True), sympy.Dummy("z", real=True)
        weight = density.subs(variable, z) * moment.subs(variable, z)
        inner = Integral(weight, (z, lower, y))
        at = start if n == order else variable
        moment = n * Integral(1 / (D * density).subs(variable, y) * inner, (y, at, exit_above))
    return moment


def inaccessibility_integral(
    density: Expr, D: Expr, variable: Symbol, upper: Expr = symbols.start
) -> Expr:
    """int_{-oo}^{x0} dy/(D p), unevaluated: -oo is inaccessible if and only if it diverges."""
    return Integral(1 / (D * density), (variable, -oo, upper))


def speed_mass(density: Expr, variable: Symbol, upper: Expr = symbols.start) -> Expr:
    """int_{-oo}^{x0} p dz, unevaluated: the one-sided time is finite only if it converges."""
    return Integral(density, (variable, -oo, upper))
