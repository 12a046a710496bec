"""Exit times of the landscapes that the claims about escape are tried on, by independent routes.

Everything starts from gradient and noise: enclosures of the double integral, and simulations.
Numerics are imported when they are needed: listing claims needs none of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sympy

from exitlaw.claim import Point, Statement
from exitlaw.evidence import Finding, MonteCarloTest, remembered
from theory.landscapes import Landscape, quartic
from theory.symbols import Delta_L, H_a, H_b, eta, sigma_g, sigma_H, theta, x

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

Family = Callable[..., Landscape]

PARAMETERS = (H_a, H_b, Delta_L, sigma_g, sigma_H)


def landscape_at(family: Family, point: Point) -> Landscape:
    """The member of the family at a point that gives curvatures, barrier and noise."""
    return family(x, *(point[symbol] for symbol in PARAMETERS))


def exit_time(
    landscape: Landscape,
    rate: sympy.Expr,
    interpretation: sympy.Expr,
    digits: int,
    exit_at: sympy.Expr | None = None,
) -> Enclosure:
    """Enclosure of the mean time from the minimum to `exit_at` (default: the far point)."""
    from numerics import first_passage
    from numerics.lowering import lower_constant, lower_diffusion

    model = lower_diffusion(
        variable=landscape.variable,
        gradient=landscape.gradient,
        noise=landscape.noise,
        eta=rate,
        theta=interpretation,
    )
    return first_passage.mean_exit_time(
        model,
        lower_constant(landscape.minimum),
        exit_above=lower_constant(landscape.far if exit_at is None else exit_at),
        digits=digits,
        method="arb",
    )


def family_time(family: Family, point: Point, digits: int) -> Enclosure:
    """Exact time to the far side of the member of the family at the point."""
    return exit_time(landscape_at(family, point), point[eta], point[theta], digits)


def _quartic_integral(point: Point, digits: int, *, well: bool) -> Enclosure:
    """Mass of (-oo, b] or resistance of [a, B], symmetric quartic well, relative to the saddle.

    With `C = c_0 phi`, `phi = 1 + k h`, `h = (1 - x^2)^2`, the exponent is
    `Psi/eta = n log(1 + k h)/k`, or `n h` for constant noise (n, k read off gradient and noise).
    """
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    made = landscape_at(quartic, point)
    bottom = made.noise.subs(x, -1)
    k = sympy.nsimplify(made.noise.subs(x, 0) / bottom - 1)
    # 2 L'/(eta C) = n h'/(1 + k h) in the scaled coordinate, h = 1 - (L - L(a))/Delta_L turned up
    n = sympy.integrate(made.gradient, (x, -1, 0)) * 2 / (point[eta] * bottom)
    with ctx.workprec(4 * digits + 128):
        steep, ratio, floor, interpretation = (
            as_ball(fraction(v), fraction(v)) for v in (n, k, bottom, point[theta])
        )

        def relative(t: acb) -> acb:
            """exp(-(Psi - Psi_b)/eta)."""
            height = (1 - t * t) ** 2
            if ratio == 0:
                return (steep * (1 - height)).exp()
            return ((1 + ratio * height) / (1 + ratio)) ** acb(-steep / ratio)

        def integrand(t: acb, analytic: bool) -> acb:
            noise = floor * (1 + ratio * (1 - t * t) ** 2)
            if well:
                return noise ** acb(interpretation - 1) * relative(t)
            return noise ** acb(-interpretation) / relative(t)

        if not well:
            value = acb.integral(integrand, -1, 0) + acb.integral(integrand, 0, 1)
            return Enclosure.from_arb(2 * value.real)
        cut = arb(40)
        ends = (-cut, -10, -3, -1, 0)
        value = sum(
            (acb.integral(integrand, acb(p), acb(q)) for p, q in itertools.pairwise(ends)), acb(0)
        )
        # beyond the cut the integrand falls faster than |x|^(-2) from its value there
        edge = integrand(acb(-cut), False).real
        return Enclosure.from_arb(value.real + arb(0, (edge * cut).upper()))


def quartic_well_mass(point: Point, digits: int) -> Enclosure:
    """`int_{-oo}^b C^(-s) exp(-(Psi - Psi(b))/eta) dx` of the symmetric quartic well."""
    return _quartic_integral(point, digits, well=True)


def twice_quartic_resistance(point: Point, digits: int) -> Enclosure:
    """`2 int_a^B C^(s - 1) exp((Psi - Psi(b))/eta) dx` of the symmetric quartic well."""
    return _quartic_integral(point, digits, well=False)


def simulated_time(
    family: Family,
    point: Point,
    context: Context,
    *,
    paths: int,
    step: float,
    scheme: str | None = None,
    stream: int = 0,
) -> Estimate:
    """Simulated mean time to the far side; `step` in units of the relaxation time 1/H_a.

    One compiled kernel serves the whole family: its parameters are run-time arguments.
    """
    from numerics import simulation
    from numerics.lowering import lower_constant, lower_diffusion

    free = (*PARAMETERS, eta, theta)
    general = family(x, *PARAMETERS)
    model = lower_diffusion(
        variable=x,
        gradient=general.gradient,
        noise=general.noise,
        eta=eta,
        theta=theta,
        parameters=free,
    )
    here = landscape_at(family, point)
    return simulation.mean_exit_time(
        model,
        lower_constant(here.minimum),
        exit_above=lower_constant(here.far),
        paths=paths,
        dt=step / float(point[H_a]),
        scheme=scheme,
        seed=context.seed + 7919 * stream,
        workers=context.workers,
        parameters={str(symbol): float(point[symbol]) for symbol in free},
    )


@dataclass(frozen=True)
class FirstPoints:
    """A Monte Carlo test whose quick profile stops after the first `quick` points."""

    test: MonteCarloTest
    quick: int

    @property
    def kind(self) -> str:
        return self.test.kind

    @property
    def route(self) -> str:
        return self.test.route

    def judge(self, statement: Statement, context: Context) -> Finding:
        if context.profile == "full":
            return self.test.judge(statement, context)
        key = ("first points", id(self))
        short = remembered(
            context, key, lambda: replace(self.test, points=self.test.points[: self.quick])
        )
        return short.judge(statement, context)


def quotient(numerator: Estimate, denominator: Estimate) -> Estimate:
    """The quotient of two independent estimates; errors to first order, biases added."""
    value = numerator.estimate / denominator.estimate
    parts = [
        (one.standard_error / one.estimate, one.bias_bound / one.estimate)
        for one in (numerator, denominator)
    ]
    bias = sum(part[1] for part in parts) / (1 - parts[1][1])
    return replace(
        numerator,
        estimate=value,
        standard_error=value * math.hypot(parts[0][0], parts[1][0]),
        bias_bound=value * bias,
        paths=min(numerator.paths, denominator.paths),
        path_steps=numerator.path_steps + denominator.path_steps,
        seconds=numerator.seconds + denominator.seconds,
    )


def log_quotient(measured: Estimate, unit: sympy.Expr, spread: sympy.Expr) -> Estimate:
    """log(measured/unit)/spread; errors to first order."""
    scale = 1 / (measured.estimate * float(spread))
    return replace(
        measured,
        estimate=math.log(measured.estimate / float(unit)) / float(spread),
        standard_error=measured.standard_error * scale,
        bias_bound=measured.bias_bound * scale * 1.05,
    )


def with_remainder(estimate: Estimate, remainder: sympy.Expr, point: Point) -> Estimate:
    """The estimate with its bias bound enlarged by a relative remainder of the formula."""
    from exitlaw.evaluation import enclose

    allowed = float(enclose(remainder, point, 6)) * estimate.estimate
    return replace(estimate, bias_bound=estimate.bias_bound + allowed)


def points(*columns: tuple[sympy.Symbol, Sequence[object]]) -> tuple[Point, ...]:
    """Points from columns of equal length, one per symbol."""
    names = [symbol for symbol, _ in columns]
    rows = zip(*(values for _, values in columns), strict=True)
    return tuple(dict(zip(names, map(sympy.sympify, row), strict=True)) for row in rows)
