"""Exit times by steps in unit-noise (Lamperti) coordinates: `--scheme lamperti[-STEP-WATCH]`.

`theory.lamperti` gives the coordinate, its inverse and its drift in closed form; the numerics step
the model of unit noise, in which Milstein's scheme is Euler's and the bridge knows the exact
distance of an exit. A time needs no way back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sympy

from numerics.lowering import lower_constant, lower_diffusion
from theory.diffusion import Diffusion
from theory.lamperti import UnitNoise, unit_noise

if TYPE_CHECKING:
    from numerics.simulation import Estimate

LAMPERTI = "lamperti"


def asks_for(scheme: str | None) -> bool:
    """Whether a scheme's name asks for these coordinates."""
    return scheme is not None and scheme.partition("-")[0] == LAMPERTI


def simulated_exit_time(
    diffusion: Diffusion,
    start: sympy.Expr,
    *,
    exit_above: sympy.Expr | None = None,
    exit_below: sympy.Expr | None = None,
    scheme: str | None = None,
    **sampling: Any,
) -> Estimate:
    """Mean exit time by paths, in the given coordinate or in that of unit noise.

    Parameters
    ----------
    start, exit_above, exit_below : constants
    scheme : `lamperti`, or `lamperti-` and a scheme of the numerics; or such a scheme alone
    sampling : other arguments of `numerics.simulation.mean_exit_time`

    Raises
    ------
    InputError, ComputationError : no closed form of the coordinate, or what the simulator refuses
    """
    from numerics import simulation

    points = {"exit_above": exit_above, "exit_below": exit_below}
    if not asks_for(scheme):
        return simulation.mean_exit_time(
            lower_diffusion(diffusion),
            lower_constant(start),
            **{name: _lowered(point) for name, point in points.items()},
            scheme=scheme,
            **sampling,
        )
    unit = unit_noise(diffusion, start)
    found = simulation.mean_exit_time(
        lower_diffusion(unit.model),
        lower_constant(_moved(unit, diffusion, start)),
        **{
            name: _lowered(None if point is None else _moved(unit, diffusion, point))
            for name, point in points.items()
        },
        scheme=(scheme or "").partition("-")[2] or None,
        **sampling,
    )
    return replace(found, scheme=f"{LAMPERTI}-{found.scheme}")


def _lowered(point: sympy.Expr | None) -> Any:
    return None if point is None else lower_constant(point)


def _moved(unit: UnitNoise, diffusion: Diffusion, point: sympy.Expr) -> sympy.Expr:
    """y of a point.

    Raises
    ------
    InputError : a point beyond a zero of the noise
    """
    from theory.errors import InputError

    moved = unit.transform.subs(diffusion.variable, point)
    if not moved.is_real:
        raise InputError(
            "exits on the start's side of the zero of C", str(point), "the process cannot reach it"
        )
    return moved
