"""Simulations by steps in unit-noise (Lamperti) coordinates: `--scheme lamperti[-SCHEME]`.

`theory.lamperti` gives the coordinate y, its inverse and its drift in closed form; the numerics
step the model of unit noise, in which Milstein's scheme is Euler's and the bridge knows the exact
distance of an exit. A time needs no way back, a state goes through the inverse, and a density at w
is that of y times `dy/dw = 1/√(ηC(w))`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sympy

from numerics.lowering import lower, lower_constant, lower_diffusion
from theory.errors import InputError
from theory.lamperti import UnitNoise, noise_amplitude, unit_noise

if TYPE_CHECKING:
    from exitlaw.diffusion import Diffusion
    from numerics.program import Program
    from numerics.simulation import Estimate
    from numerics.simulation.coordinate import Coordinate

LAMPERTI = "lamperti"


def asks_for(scheme: str | None) -> bool:
    """Whether a scheme's name asks for these coordinates."""
    return scheme is not None and scheme.partition("-")[0] == LAMPERTI


def scheme_within(scheme: str | None) -> str | None:
    """The scheme behind `lamperti-`; None for the default."""
    return (scheme or "").partition("-")[2] or None


@dataclass(frozen=True)
class UnitCoordinate:
    """A diffusion in unit-noise coordinates.

    Raises
    ------
    InputError : no closed form, or a start where C = 0
    """

    diffusion: Diffusion
    start: sympy.Expr

    def unit(self) -> UnitNoise:
        """Transform, inverse and model."""
        return unit_noise(self.diffusion, self.start)

    def point(self, state: sympy.Expr) -> Program:
        """y of a state.

        Raises
        ------
        InputError : a state beyond a zero of the noise
        """
        moved = self.unit().transform.subs(self.diffusion.variable, state)
        if not moved.is_real:
            raise InputError(
                "states on the start's side of the zero of C",
                str(state),
                "the process cannot reach it",
            )
        return lower_constant(moved)

    def coordinate(self) -> Coordinate:
        """The same for the numerics."""
        from numerics.simulation.coordinate import Coordinate

        unit = self.unit()
        return Coordinate(
            LAMPERTI, lower_diffusion(unit.model), lower(unit.inverse, [unit.model.variable])
        )


def _renamed(found: Estimate) -> Estimate:
    return replace(found, scheme=f"{LAMPERTI}-{found.scheme}")


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

    model, point, moved = diffusion.lowered(), lower_constant, asks_for(scheme)
    if moved:
        unit = UnitCoordinate(diffusion, start)
        model, point, scheme = unit.coordinate().model, unit.point, scheme_within(scheme)
    found = simulation.mean_exit_time(
        model,
        point(start),
        exit_above=None if exit_above is None else point(exit_above),
        exit_below=None if exit_below is None else point(exit_below),
        scheme=scheme,
        **sampling,
    )
    return _renamed(found) if moved else found


def simulated_moment(
    diffusion: Diffusion,
    order: int | float,
    *,
    absolute: bool,
    scheme: str | None = None,
    **sampling: Any,
) -> Estimate:
    """Stationary moment by paths; see `simulated_exit_time`. Paths start at w = 0."""
    from numerics import simulation

    model = diffusion.lowered()
    if not asks_for(scheme):
        return simulation.moment(model, order, absolute=absolute, scheme=scheme, **sampling)
    unit = UnitCoordinate(diffusion, sympy.Integer(0))
    return _renamed(
        simulation.moment(
            model,
            order,
            absolute=absolute,
            start=unit.point(unit.start),
            scheme=scheme_within(scheme),
            coordinate=unit.coordinate(),
            **sampling,
        )
    )


def simulated_density(
    diffusion: Diffusion, at: sympy.Expr, *, scheme: str | None = None, **sampling: Any
) -> Estimate:
    """Stationary density at a state by paths; see `simulated_exit_time`. Paths start at w = 0."""
    from numerics import simulation

    if not asks_for(scheme):
        return simulation.stationary_density(
            diffusion.lowered(), lower_constant(at), scheme=scheme, **sampling
        )
    from numerics.simulation.ergodic import law_notes

    # More is known of the given coordinate: its tails are powers where those of y are exponentials.
    notes = law_notes(diffusion.lowered())
    unit = UnitCoordinate(diffusion, sympy.Integer(0))
    found = simulation.stationary_density(
        unit.coordinate().model,
        unit.point(at),
        start=unit.point(unit.start),
        scheme=scheme_within(scheme),
        **sampling,
    )
    share = float(1 / noise_amplitude(diffusion).subs(diffusion.variable, at))  # dy/dw
    return _renamed(
        replace(
            found,
            estimate=found.estimate * share,
            standard_error=found.standard_error * share,
            bias_bound=found.bias_bound * share,
            notes=notes,
        )
    )
