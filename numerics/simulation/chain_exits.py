"""Where a chain in discrete time ends: at the ends of an interval, or in a region of ℝᵈ.

Each kind gives kernels the source of `outcome(x0, …, edges)`: INSIDE, LEFT, NOT_FINITE (no exit,
and no number to go on with) or UNDEFINED (the region's formulas have no value there); `edges` holds
its numbers, so that exits that differ in numbers alone share one compiled kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function, scalar_source
from numerics.program import Program
from numerics.simulation.schemes import with_constants_as_inputs

INSIDE, LEFT, NOT_FINITE, UNDEFINED = range(4)

_DECORATOR = '@njit(forceinline=True, error_model="numpy")\n'


class Exits(Protocol):
    """What ends a path."""

    @property
    def dimension(self) -> int:
        """Coordinates of a state."""
        ...

    @property
    def source(self) -> str:
        """Source text of `outcome`."""
        ...

    @property
    def edges(self) -> tuple[float, ...]:
        """The numbers that `outcome` is given."""
        ...

    def refuse_start(self, start: tuple[float, ...]) -> None:
        """Raise where paths from there have left before they begin."""
        ...


@dataclass(frozen=True)
class Interval:
    """Paths of one coordinate that have left at or beyond a finite end."""

    below: float = -math.inf
    above: float = math.inf

    dimension = 1

    @property
    def source(self) -> str:
        """An infinite state has left only where there is an end on its side."""
        return f"""{_DECORATOR}def outcome(x0, edges):
    if x0 > edges[0] and x0 < edges[1]:
        return {INSIDE}
    left = (x0 >= edges[1] and edges[1] < np.inf) or (x0 <= edges[0] and edges[0] > -np.inf)
    return {LEFT} if left else {NOT_FINITE}
"""

    @property
    def edges(self) -> tuple[float, ...]:
        """Both ends."""
        return (self.below, self.above)

    def refuse_start(self, start: tuple[float, ...]) -> None:
        """Raises ComputationError : a start that is not between the ends."""
        if not self.below < start[0] < self.above:
            raise ComputationError(
                "a start strictly inside the exits",
                f"{start[0]} in ({self.below}, {self.above})",
                "move it inside",
            )


@dataclass(frozen=True)
class Region:
    """Paths that have left where `function`, a program of the d coordinates, is negative.

    `numerics.lowering.lower_membership` makes one from a condition, with the edge in or out as its
    comparisons say. Where something that is compared is NaN the region is undefined.
    """

    function: Program

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.function.inputs)

    @cached_property
    def _parts(self) -> tuple[Program, tuple[float, ...]]:
        """The function and all that it compares, their constants as inputs; the constants."""
        function = self.function
        compared = tuple(i for i in function.switches if i not in function.outputs)
        return with_constants_as_inputs(
            Program(function.inputs, function.instructions, (*function.outputs, *compared))
        )

    @property
    def source(self) -> str:
        """Membership, once the state and what is compared are seen to be numbers."""
        program, constants = self._parts
        states = [f"x{i}" for i in range(self.dimension)]
        passed = ", ".join([*states, *(f"edges[{i}]" for i in range(len(constants)))])
        values = [f"v{i}" for i in range(len(program.outputs))]
        finite = " + ".join(f"({x} - {x})" for x in states)
        undefined = " or ".join(f"{v} != {v}" for v in values)
        return (
            f"{_DECORATOR}{scalar_source(program, 'region')}\n\n"
            f"{_DECORATOR}def outcome({', '.join(states)}, edges):\n"
            f"    {', '.join(values)} = region({passed})\n"
            f"    undefined = {undefined}\n"
            f"    if v0 < 0.0 and not undefined:\n"
            f"        return {LEFT}\n"
            f"    if {finite} != 0.0:\n"
            f"        return {NOT_FINITE}\n"
            f"    return {UNDEFINED} if undefined else {INSIDE}\n"
        )

    @property
    def edges(self) -> tuple[float, ...]:
        """The constants of the function; one more, that the array is never empty."""
        return (*self._parts[1], 0.0)

    def refuse_start(self, start: tuple[float, ...]) -> None:
        """Raises ComputationError : a start in the region, or where it is undefined."""
        program, constants = self._parts
        with np.errstate(all="ignore"):
            values = [float(v) for v in numpy_function(program)(*start, *constants)]
        at = f"start ({', '.join(f'{x:g}' for x in start)})"
        if any(math.isnan(value) for value in values):
            raise ComputationError(
                "an exit region whose formulas have a value at the start", at, "correct the region"
            )
        if values[0] < 0.0:
            raise ComputationError("a start outside the exit region", at, "move it")


@dataclass(frozen=True)
class Nowhere:
    """No exit: paths go on as long as they are numbers."""

    dimension: int

    edges = (0.0,)

    @property
    def source(self) -> str:
        """Whether all coordinates are finite."""
        states = [f"x{i}" for i in range(self.dimension)]
        finite = " + ".join(f"({x} - {x})" for x in states)
        return (
            f"{_DECORATOR}def outcome({', '.join(states)}, edges):\n"
            f"    return {INSIDE} if {finite} == 0.0 else {NOT_FINITE}\n"
        )

    def refuse_start(self, start: tuple[float, ...]) -> None:
        """Any start will do."""


def refuse_outcomes(ends: np.ndarray, advice: str) -> None:
    """Raise where paths became infinite or NaN, or came where the region has no value.

    Raises
    ------
    ComputationError : how many, and `advice` for paths that are not finite
    """
    broken = int(np.count_nonzero(ends == NOT_FINITE))
    if broken:
        raise ComputationError(
            "paths that stay finite numbers",
            f"{broken} of {ends.size} became infinite or NaN",
            f"give {advice}",
        )
    undefined = int(np.count_nonzero(ends == UNDEFINED))
    if undefined:
        raise ComputationError(
            "an exit region whose formulas have a value wherever paths come",
            f"{undefined} of {ends.size} paths that came where they have none",
            "correct the region",
        )
