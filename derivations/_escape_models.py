"""Exit times of the landscapes that the claims about escape are tried on, by independent routes.

Everything starts from gradient and noise: enclosures of the double integral, and simulations.
Numerics are imported when they are needed: listing claims needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import sympy

from exitlaw.claim import Point
from theory.landscapes import Landscape
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


def simulated_time(
    family: Family, point: Point, context: Context, *, paths: int, step: float
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
        seed=context.seed,
        workers=context.workers,
        parameters={str(symbol): float(point[symbol]) for symbol in free},
    )


def points(*columns: tuple[sympy.Symbol, Sequence[object]]) -> tuple[Point, ...]:
    """Points from columns of equal length, one per symbol."""
    names = [symbol for symbol, _ in columns]
    rows = zip(*(values for _, values in columns), strict=True)
    return tuple(dict(zip(names, map(sympy.sympify, row), strict=True)) for row in rows)
