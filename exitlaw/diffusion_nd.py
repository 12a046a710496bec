"""A diffusion in several variables with its numbers: by finite elements in the plane, by paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Symbol

import theory.diffusion
from theory.diffusion import Formula, NoiseMatrix, Parameters, as_expression
from theory.errors import InputError
from theory.expressions import parse_condition

if TYPE_CHECKING:
    from numerics.finite_elements import MeshEstimate
    from numerics.multivariate import MultivariateModel
    from numerics.program import Program
    from numerics.simulation import Estimate

Variables = str | Sequence[str | Symbol]
"""Names of the variables, as "x,y", ["x", "y"] or symbols."""


@dataclass(frozen=True)
class DiffusionND(theory.diffusion.DiffusionND):
    """dx = -grad L(x) dt + sqrt(eta C(x)) o_theta dB, for x in d dimensions.

    Made by `from_loss(loss, noise, variables="x,y", eta=…, interpretation=…)` or by
    `from_drift(drift, noise, …)`; the drift need not be a gradient. `noise` is C, a variance: one
    formula (times the unit matrix), d of them (the diagonal) or d rows of d. theta means the
    current J = -[p grad L + s p div D + D grad p], D = eta C / 2, s = 1 - theta. Formulas, points
    and regions are text of the grammar (parsed, never evaluated), SymPy expressions or numbers.

    All numbers are estimates: `mean_exit_time` and `exit_probability` by finite elements in two
    dimensions, with an error estimated from meshes; `simulate_…` by paths in any number, with a
    statistical interval and a bound on the bias, from drift and noise alone.

    Example
    -------
    >>> import exitlaw
    >>> disc = exitlaw.DiffusionND.from_drift(
    ...     [0, 0], 1, variables="x,y", eta=2, interpretation="ito"
    ... )
    >>> round(disc.mean_exit_time(start=(0, 0), exit_region="x**2+y**2 >= 1").value, 3)
    0.25
    """

    @classmethod
    def from_loss(
        cls,
        loss: Formula,
        noise: NoiseMatrix,
        *,
        variables: Variables,
        eta: Formula,
        interpretation: Formula,
        parameters: Parameters | None = None,
    ) -> DiffusionND:
        """The model with loss L and noise C.

        Parameters
        ----------
        variables : their names, or symbols
        parameters : values of other names

        Raises
        ------
        InputError : text outside the grammar, names, shapes or numbers that have no meaning.
        """
        made = super().from_loss(
            loss, noise, variables=symbols_of(variables), eta=eta, interpretation=interpretation,
            parameters=parameters,
        )  # fmt: skip
        assert isinstance(made, DiffusionND)
        return made

    @classmethod
    def from_drift(
        cls,
        drift: Sequence[Formula],
        noise: NoiseMatrix,
        *,
        variables: Variables,
        eta: Formula,
        interpretation: Formula,
        parameters: Parameters | None = None,
    ) -> DiffusionND:
        """The model with drift -grad L (any vector field) and noise C; see `from_loss`."""
        made = super().from_drift(
            drift, noise, variables=symbols_of(variables), eta=eta, interpretation=interpretation,
            parameters=parameters,
        )  # fmt: skip
        assert isinstance(made, DiffusionND)
        return made

    def lowered(self) -> MultivariateModel:
        """The model without computer algebra, as `numerics` takes it.

        Raises
        ------
        InputError : parameters without values.
        """
        from numerics.lowering import lower_multivariate

        if self.free_parameters:
            raise InputError(
                "a model whose parameters all have values",
                f"{', '.join(symbol.name for symbol in self.free_parameters)} without",
                "set them with .subs({'name': value}) or parameters={…}",
            )
        return lower_multivariate(
            self.variables, self.gradient, self.noise.tolist(), eta=self.eta, theta=self.theta
        )

    def mean_exit_time(
        self, *, start: Sequence[Formula], exit_region: Any, tolerance: float = 1e-3
    ) -> MeshEstimate:
        """E[inf{t : x_t in exit_region}] from `start`, in two dimensions, by finite elements.

        Parameters
        ----------
        start : two coordinates, outside the region
        exit_region : a condition, as "x >= 1 or y >= 2"
        tolerance : relative error aimed at

        Returns
        -------
        MeshEstimate : value and estimated absolute error, in units of time

        Raises
        ------
        InputError, ComputationError : another dimension, a start inside, no mesh that reaches it.
        """
        from numerics import finite_elements

        return finite_elements.mean_exit_time(
            self.lowered(), self._points(start), self._region(exit_region), tolerance=tolerance
        )

    def exit_probability(
        self,
        *,
        start: Sequence[Formula],
        exit_region: Any,
        against: Any,
        tolerance: float = 1e-3,
    ) -> MeshEstimate:
        """Probability of entering `exit_region` before `against`, in two dimensions.

        Arguments, result and errors as for `mean_exit_time`; the tolerance is absolute.
        """
        from numerics import finite_elements

        return finite_elements.committor(
            self.lowered(),
            self._points(start),
            self._region(against),
            self._region(exit_region),
            tolerance=tolerance,
        )

    def simulate_mean_exit_time(
        self,
        *,
        start: Sequence[Formula],
        exit_region: Any,
        importance: Formula | None = None,
        **options: Any,
    ) -> Estimate:
        """The mean time to enter `exit_region` by Monte Carlo; rare entries are split.

        Parameters
        ----------
        importance : what splitting goes by: "region", "committor" (in the plane) or a formula that
            rises up to the region's edge; chosen by itself where not given. None biases the result
        options : those of `numerics.simulation.region_exit.mean_exit_time`: paths or target_error,
            dt, scheme (euler-shift, milstein-shift, platen-shift), seed, workers, scheduler, store

        Returns
        -------
        Estimate : with standard error and bias bound, in units of time

        Raises
        ------
        InputError, ComputationError : bad input, explosion, a region that is not entered.
        """
        from numerics.simulation import region_exit

        named = importance in ("region", "committor") or importance is None
        return region_exit.mean_exit_time(
            self.lowered(),
            self._points(start),
            self._region(exit_region),
            importance=importance if named else self._function(importance),  # type: ignore[arg-type]
            **options,
        )

    def simulate_moment(
        self,
        observable: Formula,
        order: int | float = 1,
        *,
        absolute: bool = False,
        start: Sequence[Formula] | None = None,
        **options: Any,
    ) -> Estimate:
        """E[f(x)^order], or E[|f(x)|^order], under the stationary law by Monte Carlo.

        Parameters
        ----------
        observable : f, a formula in the variables
        order : an integer unless `absolute`
        start : where paths begin (default: 0)
        options : those of `numerics.simulation.vector_ergodic.moment`: paths or target_error, dt,
            scheme (euler, milstein, platen), seed, workers, scheduler, store

        Raises
        ------
        InputError, ComputationError : bad input, explosion, no relaxation seen, no stationary law,
            or an infinite E|f|^(2 order). What is not proved is said in the result's `notes`.
        """
        from numerics.simulation import vector_ergodic

        return vector_ergodic.moment(
            self.lowered(),
            self._function(observable),
            order,
            absolute=absolute,
            start=None if start is None else self._points(start),
            **options,
        )

    def simulate_stationary_density(
        self, at: Sequence[Formula], *, start: Sequence[Formula] | None = None, **options: Any
    ) -> Estimate:
        """The normalised stationary density at a point by Monte Carlo, per unit of volume.

        Parameters
        ----------
        at : d coordinates
        start, options : as for `simulate_moment`

        Raises
        ------
        InputError, ComputationError : bad input, explosion, no relaxation seen, no stationary law.
        """
        from numerics.simulation import vector_ergodic

        return vector_ergodic.stationary_density(
            self.lowered(),
            self._points(at),
            start=None if start is None else self._points(start),
            **options,
        )

    def _known(self) -> dict[str, Symbol]:
        return {variable.name: variable for variable in self.variables}

    def _points(self, coordinates: Sequence[Formula]) -> list[Program]:
        from numerics.lowering import lower_constant

        if isinstance(coordinates, str):
            raise InputError(
                f"{self.dimension} coordinates", repr(coordinates), 'as (0, "1/2"), one by one'
            )
        return [lower_constant(as_expression(coordinate)) for coordinate in coordinates]

    def _function(self, formula: Formula) -> Program:
        from numerics.lowering import lower

        expression = as_expression(formula, self._known())
        _refuse_unknown(expression, "a formula", self.variables)
        return lower(expression, self.variables)

    def _region(self, condition: Any) -> Program:
        from numerics.lowering import lower_region

        return lower_region(condition_in(condition, self.variables), self.variables)


def condition_in(condition: Any, variables: Sequence[Symbol]) -> sympy.Basic:
    """A condition on the variables, from text or SymPy.

    Raises
    ------
    InputError : text that is no condition, another name in it
    """
    known = {variable.name: variable for variable in variables}
    given = parse_condition(condition, known) if isinstance(condition, str) else condition
    _refuse_unknown(sympy.sympify(given), "a region", variables)
    return given


def _refuse_unknown(formula: sympy.Basic, what: str, variables: Sequence[Symbol]) -> None:
    unknown = sorted(str(s) for s in formula.free_symbols - set(variables))
    if unknown:
        raise InputError(
            f"{what} in {', '.join(variable.name for variable in variables)}",
            f"{formula}, where {', '.join(unknown)} has no value",
            "use the variables of the model",
        )


def symbols_of(variables: Variables) -> list[Symbol]:
    """The symbols of named variables.

    Raises
    ------
    InputError : a part that is no name
    """
    parts = variables.split(",") if isinstance(variables, str) else variables
    symbols = []
    for part in parts:
        if isinstance(part, Symbol):
            symbols.append(part)
            continue
        name = part.strip() if isinstance(part, str) else ""
        if not name.isidentifier() or name in ("pi", "E"):
            raise InputError("names of variables", repr(part), 'as variables="x,y"')
        symbols.append(Symbol(name, real=True))
    return symbols
