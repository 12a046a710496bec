"""Noises that jump, and densities at kinks: what no estimate of this package is right for.

Where C jumps, the drift of Itô's form, `a = −L' + θD'`, holds θ times a point mass, which no path
sees that steps from coefficients at points: the paths would be those of θ = 0 there. For θ = 0 they
are the right ones, with an error that falls like √h only, more slowly than bias bounds allow for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function
from numerics.program import Program

_RELATIVE = 1e-6
"""A jump is larger than this: between neighbouring doubles √|w| changes by 10⁻⁸ at its zero."""

_LINES = 64

_ALONG = np.concatenate([-np.geomspace(1e9, 1e-9, 400), [0.0], np.geomspace(1e-9, 1e9, 400)])


_AROUND = np.linspace(-4.0, 4.0, 129)[None]


def refuse_jumps(
    noise: Program, theta: float, *, parameters: Sequence[float] = (), single_paths: bool = False
) -> None:
    """Raise where a noise jumps; `single_paths` at θ = 0 may.

    Parameters
    ----------
    noise : program of the state and then of parameters, one output or more; on the line all of it
        is searched, in several dimensions lines in random directions

    Raises
    ------
    ComputationError : a jump, with its place
    """
    if noise.is_smooth or (single_paths and theta == 0.0):
        return
    d = len(noise.inputs) - len(parameters)
    generator = np.random.default_rng(7)
    for _ in range(_LINES if d > 1 else 1):
        direction = generator.standard_normal(d) if d > 1 else np.ones(1)
        origin = generator.standard_normal(d) if d > 1 else np.zeros(1)
        found = _first_jump(noise, parameters, origin, direction)
        if found is not None:
            place = ", ".join(f"{x:.6g}" for x in found)
            raise ComputationError(
                "a noise C without jumps",
                f"a jump at {place}",
                "join the two values by a steep slope, or ask for the certified value "
                "(exitlaw evaluate)",
            )


def _first_jump(
    noise: Program, parameters: Sequence[float], origin: np.ndarray, direction: np.ndarray
) -> np.ndarray | None:
    """A state on a line at which an output jumps."""
    switch_function, function = numpy_function(noise.switch_program()), numpy_function(noise)

    def state(t: np.ndarray) -> np.ndarray:
        return origin[:, None] + direction[:, None] * t

    def below(t: np.ndarray, index: int) -> np.ndarray:
        value = switch_function(*state(t), *parameters)[index]
        return np.broadcast_to(value, t.shape) < 0.0

    with np.errstate(all="ignore"):
        for index in range(len(noise.switches)):
            signs = below(_ALONG, index)
            for i in np.flatnonzero(signs[1:] != signs[:-1]):
                ends = np.array([_ALONG[i], _ALONG[i + 1]])
                while ends[0] < (middle := 0.5 * ends[0] + 0.5 * ends[1]) < ends[1]:
                    same = below(np.array([middle]), index)[0] == signs[i]
                    ends[0 if same else 1] = middle
                for value in function(*state(ends), *parameters):
                    left, right = np.broadcast_to(value, ends.shape)
                    if abs(right - left) > _RELATIVE * max(abs(left), abs(right)):
                        return state(ends[1:])[:, 0]
    return None


def refuse_kinks(
    program: Program, constants: Sequence[float], point: np.ndarray, reach: np.ndarray
) -> None:
    """Raise where a density is asked for so close to a kink that smoothing would round it off.

    Parameters
    ----------
    program : of d states, then of constants
    point, reach : d states, and the standard deviations of what smooths the density there

    Raises
    ------
    ComputationError : drift or noise switch between branches within four of these
    """
    if program.is_smooth:
        return
    d = len(point)
    around = np.random.default_rng(7).uniform(-4.0, 4.0, (d, 512)) if d > 1 else _AROUND
    states = point[:, None] + reach[:, None] * around
    with np.errstate(all="ignore"):
        for switch in numpy_function(program.switch_program())(*states, *constants):
            signs = np.broadcast_to(switch, states.shape[1:]) < 0.0
            if signs.any() and not signs.all():
                raise ComputationError(
                    "a state of the density away from kinks of drift and noise (abs, piecewise)",
                    f"one within {4.0 * float(np.max(reach)):.3g} of "
                    f"({', '.join(f'{x:g}' for x in point)})",
                    "move the state, or ask for the certified value (exitlaw evaluate)",
                )
