"""A diffusion with its numbers: the model of `theory`, evaluated and simulated by `numerics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import sympy

import theory.diffusion
from theory.diffusion import Formula, as_expression
from theory.errors import InputError

if TYPE_CHECKING:
    from exitlaw.bulk import BulkDiffusion
    from numerics.bulk import ArrayLike
    from numerics.eigenvalues import Spectrum
    from numerics.enclosure import Enclosure
    from numerics.lowering import Model
    from numerics.program import Program
    from numerics.simulation import Estimate

Method = Literal["both", "arb", "mpmath"]


@dataclass(frozen=True)
class Diffusion(theory.diffusion.Diffusion):
    """dw = -L'(w) dt + sqrt(eta C(w)) o_theta dB, for one real variable w.

    Made by `from_loss(loss, noise, eta=…, interpretation=…)` or `from_drift(drift, noise, …)`.
    Formulas are text of the grammar (parsed, never evaluated), SymPy expressions or numbers;
    `noise` is C, a variance; `interpretation` is "ito", "stratonovich", "anti-ito" or theta in
    [0, 1]. Points may be written the same way. Enclosures are certified: the true value lies
    between `lower` and `upper`; `decimals(n)` prints it rounded outward.

    Example
    -------
    >>> import exitlaw
    >>> well = exitlaw.Diffusion.from_loss("w**2/2", "1", eta="1/2", interpretation="ito")
    >>> well.moment(2, digits=12).decimals(12)[0]
    '0.25'
    """

    def lowered(self) -> Model:
        """The model without computer algebra, as `numerics` takes it.

        Raises
        ------
        InputError : parameters without values.
        """
        from numerics.lowering import lower_diffusion

        if self.free_parameters:
            names = ", ".join(symbol.name for symbol in self.free_parameters)
            raise InputError(
                "a model whose parameters all have values",
                f"{names} without",
                "set them with .subs({'name': value}) or parameters={…}",
            )
        return lower_diffusion(self)

    def mean_exit_time(
        self,
        *,
        start: Formula,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        reflect: Formula | None = None,
        reflect_below: Formula | None = None,
        digits: int = 15,
        method: Method = "both",
    ) -> Enclosure:
        """E[inf{t : w_t >= exit or w_t <= exit_below}] from `start`, in units of t.

        `reflect` (above) and `reflect_below` are reflecting walls in place of an exit.

        Raises
        ------
        InputError, ComputationError : start not inside, mean infinite, digits not reached.
        """
        from numerics import first_passage

        return first_passage.mean_exit_time(
            self.lowered(),
            _point(start),
            **_ends(exit, exit_below, reflect, reflect_below),
            digits=digits,
            method=method,
        )

    def exit_time_moment(
        self,
        order: int,
        *,
        start: Formula,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        reflect: Formula | None = None,
        reflect_below: Formula | None = None,
        digits: int = 15,
        method: Method = "both",
    ) -> Enclosure:
        """The raw moment E[tau**order] of the exit time; ends as in `mean_exit_time`."""
        from numerics import first_passage

        return first_passage.exit_time_moment(
            self.lowered(),
            order,
            _point(start),
            **_ends(exit, exit_below, reflect, reflect_below),
            digits=digits,
            method=method,
        )

    def exit_time_laplace(
        self,
        rate: Formula,
        *,
        start: Formula,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        reflect: Formula | None = None,
        reflect_below: Formula | None = None,
        digits: int = 15,
        method: Method = "both",
    ) -> Enclosure:
        """E[exp(-rate tau)] of the exit time, rate > 0; ends as in `mean_exit_time`."""
        from numerics import first_passage

        return first_passage.exit_time_laplace(
            self.lowered(),
            _point(rate),
            _point(start),
            **_ends(exit, exit_below, reflect, reflect_below),
            digits=digits,
            method=method,
        )

    def exit_probability(
        self,
        *,
        start: Formula,
        exit: Formula,
        exit_below: Formula,
        digits: int = 15,
        method: Method = "both",
    ) -> Enclosure:
        """Probability of leaving (exit_below, exit) through `exit`."""
        from numerics import first_passage

        return first_passage.exit_probability(
            self.lowered(),
            _point(start),
            exit_above=_point(exit),
            exit_below=_point(exit_below),
            digits=digits,
            method=method,
        )

    def stationary_density(
        self, at: Formula, *, digits: int = 15, method: Method = "both"
    ) -> Enclosure:
        """The normalised zero-flux density at a point, in units of 1/w."""
        from numerics import stationary

        return stationary.density(self.lowered(), _point(at), digits=digits, method=method)

    def moment(
        self,
        order: int | Fraction,
        *,
        absolute: bool = False,
        digits: int = 15,
        method: Method = "both",
    ) -> Enclosure:
        """E[w^order], or E[|w|^order], under the stationary law."""
        from numerics import stationary

        return stationary.moment(
            self.lowered(), order, absolute=absolute, digits=digits, method=method
        )

    def cumulative(
        self, at: Formula, *, upper: bool = False, digits: int = 15, method: Method = "both"
    ) -> Enclosure:
        """P(X <= at) under the stationary law, or P(X > at) with `upper`."""
        from numerics import stationary

        return stationary.cumulative(
            self.lowered(), _point(at), upper=upper, digits=digits, method=method
        )

    def quantile(
        self, probability: Formula, *, digits: int = 15, method: Method = "both"
    ) -> Enclosure:
        """The point below which the stationary law has the probability, between 0 and 1."""
        from numerics import stationary

        return stationary.quantile(
            self.lowered(), _point(probability), digits=digits, method=method
        )

    def spectrum(
        self,
        count: int = 6,
        *,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        digits: int = 15,
        method: Method = "both",
    ) -> Spectrum:
        """The lowest eigenvalues of the negative generator, and where the continuum begins.

        Free (the first is 0), or killed at the exits given: each enclosure holds a proven lower and
        upper bound.
        """
        from numerics import eigenvalues

        return eigenvalues.spectrum(
            self.lowered(),
            count,
            exit_above=_end(exit),
            exit_below=_end(exit_below),
            digits=digits,
            method=method,
        )

    def tail_index(self, *, digits: int = 15, method: Method = "both") -> Enclosure:
        """sup of the orders r with E|w|^r finite; infinite for light tails."""
        from numerics import stationary

        return stationary.tail_index(self.lowered(), digits=digits, method=method)

    def kramers_time(
        self, *, start: Formula, exit: Formula, digits: int = 15, method: Method = "both"
    ) -> Enclosure:
        """Kramers' formula that fits the model, at the minimum and saddle between start and exit.

        The enclosure is of the formula: its error against the exact time is another matter, see
        `mean_exit_time`.

        Raises
        ------
        ComputationError : no minimum or no saddle where one is needed.
        """
        from exitlaw.escape_quantities import escape_formula
        from numerics import kramers_points
        from numerics.lowering import lower

        model = self.lowered()
        points = kramers_points.critical_points(model, _point(start), _point(exit))
        inputs = [sympy.Symbol(name, real=True) for name in kramers_points.FORMULA_INPUTS]
        formula = lower(escape_formula(self).expression, inputs)
        return kramers_points.formula_value(model, points, formula, digits=digits, method=method)

    def in_bulk(self, parameters: Mapping[str, ArrayLike]) -> BulkDiffusion:
        """The model at many values of its free parameters, in double precision.

        `parameters` gives each free parameter (η or θ may be among them) a number or an array. Its
        values are estimates with estimated errors; the first of a kind compiles for some seconds.

        Raises
        ------
        InputError : parameters missing, or unknown.
        """
        from exitlaw.bulk import BulkDiffusion
        from numerics.lowering import lower_diffusion

        free = [symbol.name for symbol in self.free_parameters]
        if set(free) != set(parameters):
            raise InputError(
                f"values for the free parameters {', '.join(free) or '(none)'}",
                ", ".join(parameters) or "none",
                "give each of them, and no other",
            )
        model = lower_diffusion(self, parameters=self.free_parameters)
        return BulkDiffusion(self, model, parameters)

    def simulate_mean_exit_time(
        self,
        *,
        start: Formula,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        paths: int | None = None,
        target_error: float | None = None,
        seed: int = 0,
        workers: int = 1,
        **options: Any,
    ) -> Estimate:
        """The mean exit time by Monte Carlo, from drift and noise alone.

        `options` are those of `numerics.simulation.mean_exit_time`: dt, scheme; the scheme may be
        `lamperti` as well (steps in unit-noise coordinates, where they have a closed form).
        """
        from exitlaw.unit_noise import simulated_exit_time

        self.lowered()  # refuses parameters without values
        return simulated_exit_time(
            self,
            as_expression(start),
            exit_above=None if exit is None else as_expression(exit),
            exit_below=None if exit_below is None else as_expression(exit_below),
            paths=paths,
            target_error=target_error,
            seed=seed,
            workers=workers,
            **options,
        )

    def simulate_stationary_density(self, at: Formula, **options: Any) -> Estimate:
        """The stationary density at a point by Monte Carlo, from drift and noise alone.

        `options` are those of `numerics.simulation.stationary_density`: paths or target_error, dt,
        scheme, seed, workers, …
        """
        from exitlaw.unit_noise import simulated_density

        self.lowered()  # refuses parameters without values
        return simulated_density(self, as_expression(at), **options)

    def simulate_moment(
        self, order: int | float, *, absolute: bool = False, **options: Any
    ) -> Estimate:
        """E[w^order], or E[|w|^order], by Monte Carlo; see `simulate_stationary_density`."""
        from exitlaw.unit_noise import simulated_moment

        self.lowered()
        return simulated_moment(self, order, absolute=absolute, **options)


def _ends(
    exit: Formula | None,
    exit_below: Formula | None,
    reflect: Formula | None,
    reflect_below: Formula | None,
) -> dict[str, Program | None]:
    return {
        "exit_above": _end(exit),
        "exit_below": _end(exit_below),
        "reflect_above": _end(reflect),
        "reflect_below": _end(reflect_below),
    }


def _point(value: Formula) -> Program:
    from numerics.lowering import lower_constant

    return lower_constant(as_expression(value))


def _end(value: Formula | None) -> Program | None:
    return None if value is None else _point(value)
