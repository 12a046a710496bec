"""A diffusion at many parameter values at once, in double precision with estimated errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

import theory.diffusion
from numerics import bulk
from numerics.bulk import ArrayLike, BulkResult, BulkSpectrum
from numerics.lowering import Model


@dataclass(frozen=True)
class BulkDiffusion:
    """A model whose free parameters take arrays of values; made by `Diffusion.in_bulk`.

    Points and rates are numbers or arrays of the same length. Each result has `value`, `log_value`
    (which does not overflow), `relative_error` (an estimate, no bound) and `status`: where it is
    not 0, doubles have no value, and the certified functions of `Diffusion` decide.

    Example
    -------
    >>> import numpy, exitlaw
    >>> well = exitlaw.Diffusion.from_loss("w**2/2", "1", eta="h", interpretation="ito")
    >>> well.in_bulk({"h": numpy.array([0.5, 1.0])}).moment(2).value.round(9).tolist()
    [0.25, 0.5]
    """

    diffusion: theory.diffusion.Diffusion
    model: Model
    parameters: Mapping[str, ArrayLike]

    def mean_exit_time(
        self,
        *,
        start: ArrayLike,
        exit: ArrayLike | None = None,
        exit_below: ArrayLike | None = None,
        reflect: ArrayLike | None = None,
        reflect_below: ArrayLike | None = None,
    ) -> BulkResult:
        """The mean first time at `exit` or `exit_below`; `reflect` is a wall in place of an exit.

        Raises
        ------
        ComputationError : start not inside, no exit, lengths that differ.
        """
        return self.exit_time_moment(
            1,
            start=start,
            exit=exit,
            exit_below=exit_below,
            reflect=reflect,
            reflect_below=reflect_below,
        )

    def exit_time_moment(
        self,
        order: int,
        *,
        start: ArrayLike,
        exit: ArrayLike | None = None,
        exit_below: ArrayLike | None = None,
        reflect: ArrayLike | None = None,
        reflect_below: ArrayLike | None = None,
    ) -> BulkResult:
        """The moment of the exit time, order 1 to 8; ends as in `mean_exit_time`."""
        ends = {
            "exit_above": exit,
            "exit_below": exit_below,
            "reflect_above": reflect,
            "reflect_below": reflect_below,
            "parameters": self.parameters,
        }
        if order == 1:
            return bulk.mean_exit_time(self.model, start, **ends)
        return bulk.exit_time_moment(self.model, order, start, **ends)

    def exit_time_laplace(
        self,
        rate: ArrayLike,
        *,
        start: ArrayLike,
        exit: ArrayLike | None = None,
        exit_below: ArrayLike | None = None,
        reflect: ArrayLike | None = None,
        reflect_below: ArrayLike | None = None,
    ) -> BulkResult:
        """E e^(−rate·τ) of the exit time τ, rate > 0; ends as in `mean_exit_time`."""
        return bulk.exit_time_laplace(
            self.model,
            rate,
            start,
            exit_above=exit,
            exit_below=exit_below,
            reflect_above=reflect,
            reflect_below=reflect_below,
            parameters=self.parameters,
        )

    def exit_probability(
        self, *, start: ArrayLike, exit: ArrayLike, exit_below: ArrayLike
    ) -> BulkResult:
        """Probability of leaving (exit_below, exit) through `exit`."""
        return bulk.exit_probability(
            self.model,
            start,
            exit_above=exit,
            exit_below=exit_below,
            parameters=self.parameters,
        )

    def spectrum(
        self,
        count: int,
        *,
        exit: ArrayLike | None = None,
        exit_below: ArrayLike | None = None,
        reflect: ArrayLike | None = None,
        reflect_below: ArrayLike | None = None,
    ) -> BulkSpectrum:
        """The `count` lowest eigenvalues of −𝓛 in columns, and the edge of the continuum.

        Killed at exits, reflected at walls, natural at infinity; see `numerics.bulk.eigenvalues`.
        """
        return bulk.eigenvalues(
            self.model,
            count,
            exit_above=exit,
            exit_below=exit_below,
            reflect_above=reflect,
            reflect_below=reflect_below,
            parameters=self.parameters,
        )

    def stationary_density(self, at: ArrayLike) -> BulkResult:
        """The normalised zero-flux density, of a law on the whole line, in units of 1/w."""
        return bulk.density(self.model, at, parameters=self.parameters)

    def cumulative(self, at: ArrayLike, *, upper: bool = False) -> BulkResult:
        """P(X <= at) of the stationary law, or P(X > at) with `upper`."""
        return bulk.cumulative(self.model, at, upper=upper, parameters=self.parameters)

    def quantile(self, probability: ArrayLike) -> BulkResult:
        """The point below which the stationary law has the probability."""
        return bulk.quantile(self.model, probability, parameters=self.parameters)

    def moment(self, order: float, *, absolute: bool = False) -> BulkResult:
        """E[w^order], or E[|w|^order], under the stationary law."""
        return bulk.moment(self.model, order, absolute=absolute, parameters=self.parameters)

    def kramers_ratio(self, *, start: ArrayLike, exit: ArrayLike) -> BulkResult:
        """The exact mean exit time over Kramers' formula, for the passage up to `exit`.

        The formula is Langevin's for constant noise, the power law's where C rises affinely with L
        (and the law exists), else the multiplicative one. Status 2 where minimum and saddle are not
        told for certain.
        """
        from numerics import bulk_kramers
        from numerics.kramers_points import FORMULA_INPUTS
        from numerics.lowering import lower
        from theory import kramers

        one = self.diffusion
        H_a, H_b, C_a, C_b, rise, exponent, eta, theta = (
            sympy.Symbol(name, real=True) for name in FORMULA_INPUTS
        )
        names = [*FORMULA_INPUTS, *(n for n in self.model.parameters if n not in FORMULA_INPUTS)]
        slope = kramers.noise_per_loss(one.noise, one.gradient, one.variable)
        valid = sympy.Integer(1)
        if slope == 0:
            formula = kramers.langevin_time(H_a, H_b, rise, eta, C_a)
        elif slope is not None:
            kappa = 2 / (eta * slope)
            formula = kramers.power_law_time(H_a, H_b, rise, eta, C_a, kappa, theta)
            # No law below, no power law for a C that falls with L.
            excess = kappa + sympy.Rational(1, 2) - theta
            valid = sympy.Piecewise((1, (slope > 0) & (excess > 0)), (sympy.Integer(0), True))
        else:
            formula = kramers.multiplicative_time(H_a, H_b, C_a, C_b, exponent, theta)
        return bulk_kramers.kramers_ratio(
            self.model,
            start,
            exit,
            lower(formula, names),
            valid=lower(valid, names),
            parameters=self.parameters,
        )
