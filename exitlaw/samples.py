"""From data to dynamics: SGD on per-sample losses, and the diffusion that stands for it.

Sample z has the loss `ℓ(w; z)`, a formula in the state w, of one variable or d, and the columns of
the data. A step of SGD with batches of B samples moves w by −η times the mean gradient of its
batch; the diffusion with the same mean and covariance of a step, and the clock `t = η·updates`, is

    dw = −∇L(w) dt + √(ηC(w)) dB   (Itô),   L = mean ℓ,   C_ij = Cov(∂_i ℓ, ∂_j ℓ) × batch factor,

with covariances over the N samples (1/N) and the batch factor 1/B with replacement and
(N−B)/(B(N−1)) without (`theory.gradient_noise`). Numbers of the data are exact: decimals are read
as the rationals that they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sympy
from sympy.polys.polyerrors import BasePolynomialError

from exitlaw.diffusion import Diffusion
from exitlaw.diffusion_nd import DiffusionND, Variables, condition_in, symbols_of
from exitlaw.sample_table import SampleTable
from theory.diffusion import Formula, as_expression
from theory.errors import InputError
from theory.expressions import nearest_names, substitute
from theory.gradient_noise import minibatch_factor

if TYPE_CHECKING:
    from numerics.lowering import Model
    from numerics.multivariate import MultivariateModel
    from numerics.program import Program
    from numerics.simulation import Estimate
    from numerics.simulation.sgd import Descent

MAX_SUMMED = 200
"""Samples whose losses are summed as they stand, where they are no polynomials in w."""


@dataclass(frozen=True)
class _Losses:
    """The losses of N samples: one formula, and a row of numbers for each sample."""

    loss: sympy.Expr
    variables: tuple[sympy.Symbol, ...]
    table: SampleTable

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.table.columns

    @property
    def rows(self) -> tuple[tuple[Fraction, ...], ...]:
        """The samples."""
        return self.table.rows

    @classmethod
    def _of(cls, loss: Formula, variables: Sequence[sympy.Symbol], table: SampleTable) -> Self:
        names = [variable.name for variable in variables]
        for name in table.columns:
            if name in names:
                raise InputError(
                    f"names of columns that differ from each other and from {', '.join(names)}",
                    repr(name),
                    "rename the column, or the state",
                )
        known = {v.name: v for v in variables}
        known |= {name: sympy.Symbol(name, real=True) for name in table.columns}
        formula = as_expression(loss, known)
        used = {symbol.name: symbol for symbol in formula.free_symbols}  # type: ignore[attr-defined]
        unknown = sorted(used.keys() - known.keys())
        if unknown:
            raise InputError(
                f"a loss of one sample in {', '.join(known)}",
                f"{formula} with {', '.join(unknown)}",
                "name the state and the columns of the data as they are called, or give the name a "
                f"value; {nearest_names(unknown[0], known)}",
            )
        idle = [name for name in names if name not in used]
        if idle:
            raise InputError(
                f"a loss of one sample that depends on {', '.join(names)}",
                f"{formula} without {', '.join(idle)}",
                "leave the variable out, or correct the loss",
            )
        # A symbol of the same name with other assumptions would differentiate to 0.
        real = formula.xreplace({symbol: known[name] for name, symbol in used.items()})
        return cls(as_expression(real), tuple(variables), table)  # type: ignore[arg-type]

    @property
    def _inputs(self) -> list[sympy.Symbol]:
        return [*self.variables, *(sympy.Symbol(name, real=True) for name in self.columns)]

    def _mean_and_covariance(
        self, batch: int, replacement: bool
    ) -> tuple[sympy.Expr, sympy.ImmutableMatrix]:
        """L and the d × d matrix C, both exact."""
        factor = minibatch_factor(batch, len(self.rows), replacement=replacement)
        polynomial = self._polynomial
        return self._summed(factor) if polynomial is None else self._by_moments(polynomial, factor)

    @property
    def is_polynomial(self) -> bool:
        """Whether the loss is a polynomial in the state and the columns."""
        return self._polynomial is not None

    @cached_property
    def _polynomial(self) -> sympy.Poly | None:
        """The loss as a polynomial in the state and the columns; None if it is none."""
        try:
            return sympy.Poly(self.loss, *self._inputs)
        except BasePolynomialError:
            return None

    def _by_moments(
        self, polynomial: sympy.Poly, factor: sympy.Expr
    ) -> tuple[sympy.Expr, sympy.ImmutableMatrix]:
        """By the means of products of columns: `Cov(z^e, z^f) = E z^(e+f) − E z^e E z^f`."""
        d = len(self.variables)
        terms = [
            (powers[:d], powers[d:], coefficient) for powers, coefficient in polynomial.terms()
        ]
        means: dict[tuple[int, ...], Fraction] = {}

        def mean(exponents: tuple[int, ...]) -> Fraction:
            if exponents not in means:
                means[exponents] = self.table.mean(exponents)
            return means[exponents]

        def in_state(parts: Mapping[tuple[int, ...], list[sympy.Expr]]) -> sympy.Expr:
            monomials = (
                sympy.Mul(
                    sympy.Add(*values),
                    *(w**k for w, k in zip(self.variables, powers, strict=True)),
                )
                for powers, values in parts.items()
            )
            return sympy.expand(sympy.Add(*monomials))

        losses: dict[tuple[int, ...], list[sympy.Expr]] = {}
        for powers, exponents, coefficient in terms:
            losses.setdefault(powers, []).append(coefficient * as_expression(mean(exponents)))

        def entry(i: int, j: int) -> sympy.Expr:
            parts: dict[tuple[int, ...], list[sympy.Expr]] = {}
            for first, e, one in terms:
                for second, f, other in terms:
                    if not (first[i] and second[j]):
                        continue
                    both = tuple(a + b for a, b in zip(e, f, strict=True))
                    covariance = mean(both) - mean(e) * mean(f)
                    powers = tuple(
                        a + b - (k == i) - (k == j)
                        for k, (a, b) in enumerate(zip(first, second, strict=True))
                    )
                    scale = one * other * first[i] * second[j] * factor
                    parts.setdefault(powers, []).append(scale * as_expression(covariance))
            return in_state(parts)

        return in_state(losses), _symmetric(d, entry)

    def _summed(self, factor: sympy.Expr) -> tuple[sympy.Expr, sympy.ImmutableMatrix]:
        """By the sum over the samples, one by one."""
        self._refuse_many()
        count, fields = len(self.rows), self._inputs[len(self.variables) :]
        slopes = [as_expression(sympy.diff(self.loss, w)) for w in self.variables]
        # What all samples share (a penalty) has no covariance: bounds of C would not know it.
        own = [slope.as_independent(*fields, as_Add=True)[1] for slope in slopes]
        losses, gradients = [], []
        for row in self.rows:
            values = {f: as_expression(v) for f, v in zip(fields, row, strict=True)}
            losses.append(substitute(self.loss, values))
            gradients.append([substitute(slope, values) for slope in own])
        means = [sympy.Add(*one) / count for one in zip(*gradients, strict=True)]

        # Not ⟨(g − ḡ)(g − ḡ)ᵀ⟩: that formula would grow as the square of the samples.
        def entry(i: int, j: int) -> sympy.Expr:
            products = (gradient[i] * gradient[j] for gradient in gradients)
            return factor * (sympy.Add(*products) / count - means[i] * means[j])

        return sympy.Add(*losses) / count, _symmetric(len(means), entry)

    def _refuse_many(self) -> None:
        if len(self.rows) > MAX_SUMMED:
            raise InputError(
                "a loss that is a polynomial in the state and the columns, or at most "
                f"{MAX_SUMMED} samples",
                f"{self.loss} of {len(self.rows)} samples",
                "draw fewer samples; SGD itself is simulated for any loss (sgd-exit-time)",
            )

    def descent(self, *, eta: Formula, batch: int = 1, replacement: bool = True) -> Descent:
        """SGD itself, as the simulator takes it."""
        from numerics.lowering import lower
        from numerics.simulation.sgd import Descent

        return Descent(
            lower([sympy.diff(self.loss, w) for w in self.variables], self._inputs),
            tuple(tuple(float(entry) for entry in row) for row in self.rows),
            float(as_expression(eta)),
            batch,
            replacement,
        )


def _symmetric(size: int, entry: Any) -> sympy.ImmutableMatrix:
    upper = {(i, j): entry(i, j) for i in range(size) for j in range(i, size)}
    return sympy.ImmutableMatrix(
        [[upper[min(i, j), max(i, j)] for j in range(size)] for i in range(size)]
    )


@dataclass(frozen=True)
class SampleLosses(_Losses):
    """The losses of N samples with one state variable (several: `SampleLossesND`).

    Made by `from_csv(loss, path)` or `from_columns(loss, {"x": […], "y": […]})`.

    Example
    -------
    >>> import exitlaw
    >>> data = {"x": ["1", "-1", "2"], "y": ["0.5", "0.5", "-1"]}
    >>> losses = exitlaw.SampleLosses.from_columns("(y-x*w)**2/2", data)
    >>> losses.diffusion(eta="1/10", interpretation="ito").noise
    2*w**2 + 8*w/3 + 19/18
    """

    @classmethod
    def from_columns(
        cls, loss: Formula, columns: Mapping[str, Sequence[Any]], *, variable: str = "w"
    ) -> SampleLosses:
        """Losses of samples given by columns of numbers (or of their text, exact to the digit).

        Raises
        ------
        InputError : no samples, columns of different lengths, an entry that is no number, a name
            in the formula that is neither the variable nor a column
        """
        return cls._of(loss, symbols_of([variable]), SampleTable.from_columns(columns))

    @classmethod
    def from_csv(cls, loss: Formula, path: str | Path, *, variable: str = "w") -> SampleLosses:
        """Losses of the samples in a CSV file: a line of column names, then a line a sample.

        Raises
        ------
        InputError : a file that cannot be read, or as for `from_columns`
        """
        return cls._of(loss, symbols_of([variable]), SampleTable.from_csv(path))

    @property
    def variable(self) -> sympy.Symbol:
        """w."""
        return self.variables[0]

    def mean_loss_and_noise(
        self, *, batch: int = 1, replacement: bool = True
    ) -> tuple[sympy.Expr, sympy.Expr]:
        """L(w) = mean ℓ and C(w) = Var(∂ℓ/∂w) × batch factor, both exact.

        Raises
        ------
        InputError : an impossible batch; too many samples of a loss that is no polynomial
        """
        mean, covariance = self._mean_and_covariance(batch, replacement)
        return mean, as_expression(covariance[0, 0])  # type: ignore[arg-type]

    def diffusion(
        self,
        *,
        eta: Formula,
        interpretation: Formula,
        batch: int = 1,
        replacement: bool = True,
    ) -> Diffusion:
        """The diffusion with the mean and covariance of a step; SGD realises Itô's reading.

        Parameters
        ----------
        eta : learning rate; time is η·updates
        interpretation : "ito", "stratonovich", "anti-ito" or theta
        batch, replacement : samples in a batch, and whether one may be drawn twice
        """
        loss, noise = self.mean_loss_and_noise(batch=batch, replacement=replacement)
        # η and the interpretation are read on a model of their own; the formulas are exact as made.
        read = Diffusion.from_loss(
            self.variable, 1, eta=eta, interpretation=interpretation, variable=self.variable
        )
        return SampledDiffusion(
            gradient=as_expression(sympy.diff(loss, self.variable)),
            noise=noise,
            eta=read.eta,
            theta=read.theta,
            variable=self.variable,
            loss=loss,
            losses=self,
            factor=minibatch_factor(batch, len(self.rows), replacement=replacement),
        )

    def lowered(self, factor: sympy.Expr, *, eta: sympy.Expr, theta: sympy.Expr) -> Model:
        """The diffusion as `numerics` takes it, from the samples one by one.

        Raises
        ------
        InputError : too many samples
        """
        from numerics.lowering import lower, lower_constant
        from numerics.sampled import sampled_scalar_model

        self._refuse_many()
        w, fields = self.variable, self._inputs[1:]
        slope = as_expression(sympy.diff(self.loss, w))
        shared, own = slope.as_independent(*fields, as_Add=True)
        return sampled_scalar_model(
            lower(self.loss, self._inputs),
            lower([shared, sympy.diff(shared, w)], [w]),
            lower([own, sympy.diff(own, w), sympy.diff(own, w, 2)], self._inputs),
            self.rows,
            Fraction(int(factor.p), int(factor.q)),  # type: ignore[attr-defined]
            eta=lower_constant(eta),
            theta=lower_constant(theta),
            text=(("noise", f"the variance of d/d{w} {self.loss} over {len(self.rows)} samples"),),
        )

    def simulate_mean_exit_time(
        self,
        *,
        eta: Formula,
        start: Formula,
        exit: Formula | None = None,
        exit_below: Formula | None = None,
        batch: int = 1,
        replacement: bool = True,
        **options: Any,
    ) -> Estimate:
        """η times the mean number of updates until SGD is at or beyond an exit.

        No diffusion is put in: what differs from `diffusion(…).mean_exit_time(…)` beyond the
        interval is the error of the diffusion approximation. `options` are those of
        `numerics.simulation.sgd.mean_exit_time`: paths or target_error, seed, workers, …

        Raises
        ------
        InputError, ComputationError : bad input, an exit that paths do not make
        """
        from numerics.simulation import sgd

        return sgd.mean_exit_time(
            self.descent(eta=eta, batch=batch, replacement=replacement),
            float(as_expression(start)),
            exit_above=None if exit is None else float(as_expression(exit)),
            exit_below=None if exit_below is None else float(as_expression(exit_below)),
            **options,
        )


@dataclass(frozen=True)
class SampledDiffusion(Diffusion):
    """A `Diffusion` that knows the samples it was made from."""

    losses: SampleLosses = field(kw_only=True, repr=False)
    factor: sympy.Expr = field(kw_only=True)
    """variance of a batch's gradient over that of one sample's"""

    def lowered(self) -> Model:
        """From the samples where the loss is no polynomial: the formula of the sum is long."""
        if self.losses.is_polynomial:
            return super().lowered()
        return self.losses.lowered(self.factor, eta=self.eta, theta=self.theta)


@dataclass(frozen=True)
class SampleLossesND(_Losses):
    """The losses of N samples with d state variables, such as slope and intercept.

    Made by `from_csv(loss, path, variables="a,b")` or `from_columns(loss, {"x": […], "y": […]},
    variables="a,b")`.

    Example
    -------
    >>> import exitlaw
    >>> data = {"x": ["1", "-1", "2"], "y": ["0.5", "0.5", "-1"]}
    >>> losses = exitlaw.SampleLossesND.from_columns("(y-a*x-b)**2/2", data, variables="a,b")
    >>> losses.diffusion(eta="1/10", interpretation="ito").gradient
    (2*a + 2*b/3 + 2/3, 2*a/3 + b)
    """

    @classmethod
    def from_columns(
        cls, loss: Formula, columns: Mapping[str, Sequence[Any]], *, variables: Variables
    ) -> SampleLossesND:
        """Losses of samples given by columns of numbers (or of their text, exact to the digit).

        Parameters
        ----------
        variables : names of the d state variables, as "a,b"; the loss depends on each

        Raises
        ------
        InputError : no samples, columns of different lengths, an entry that is no number, a name
            in the formula that is neither a variable nor a column, a variable that is not in it
        """
        return cls._of(loss, _distinct(variables), SampleTable.from_columns(columns))

    @classmethod
    def from_csv(cls, loss: Formula, path: str | Path, *, variables: Variables) -> SampleLossesND:
        """Losses of the samples in a CSV file: a line of column names, then a line a sample.

        Raises
        ------
        InputError : a file that cannot be read, or as for `from_columns`
        """
        return cls._of(loss, _distinct(variables), SampleTable.from_csv(path))

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.variables)

    def mean_loss_and_noise(
        self, *, batch: int = 1, replacement: bool = True
    ) -> tuple[sympy.Expr, sympy.ImmutableMatrix]:
        """L(w) = mean ℓ and the d × d matrix C_ij(w) = Cov(∂_i ℓ, ∂_j ℓ) × batch factor, exact.

        Raises
        ------
        InputError : an impossible batch; too many samples of a loss that is no polynomial
        """
        return self._mean_and_covariance(batch, replacement)

    def diffusion(
        self,
        *,
        eta: Formula,
        interpretation: Formula,
        batch: int = 1,
        replacement: bool = True,
    ) -> DiffusionND:
        """The diffusion with the mean and covariance of a step; SGD realises Itô's reading.

        Parameters
        ----------
        eta : learning rate; time is η·updates
        interpretation : "ito", "stratonovich", "anti-ito" or theta, as `DiffusionND` reads it
        batch, replacement : samples in a batch, and whether one may be drawn twice

        Raises
        ------
        InputError : as for `mean_loss_and_noise`; a C that is singular at every state, from too few
            samples or collinear ones, which no quantity of a diffusion takes
        """
        # η and the interpretation are read on a model of their own; the formulas are exact as made.
        read = DiffusionND.from_loss(
            sympy.Add(*self.variables), 1, variables=self.variables, eta=eta,
            interpretation=interpretation,
        )  # fmt: skip
        loss, noise = self.mean_loss_and_noise(batch=batch, replacement=replacement)
        made = SampledDiffusionND(
            variables=self.variables,
            gradient=tuple(as_expression(sympy.diff(loss, w)) for w in self.variables),
            noise=noise,
            eta=read.eta,
            theta=read.theta,
            loss=loss,
            losses=self,
            factor=minibatch_factor(batch, len(self.rows), replacement=replacement),
        )
        rank = _rank(made.lowered().noise, self.dimension)
        if rank is not None and rank < self.dimension:
            raise InputError(
                f"gradients of the samples that spread in all {self.dimension} directions (C "
                "positive definite)",
                f"a C of rank {rank} at every state tried, of {len(self.rows)} samples in batches "
                f"of {batch}",
                "give more samples, not collinear, or fewer variables (or a smaller batch, if it "
                "is all the data); SGD itself may be simulated as it is (sgd-exit-time)",
            )
        return made

    def lowered(
        self, factor: sympy.Expr, *, eta: sympy.Expr, theta: sympy.Expr
    ) -> MultivariateModel:
        """The diffusion as `numerics` takes it, from the samples one by one.

        Raises
        ------
        InputError : too many samples
        """
        from numerics.lowering import lower, lower_constant
        from numerics.sampled import sampled_model

        self._refuse_many()
        slopes = [sympy.diff(self.loss, w) for w in self.variables]
        upper = [sympy.diff(slope, w) for i, slope in enumerate(slopes) for w in self.variables[i:]]
        return sampled_model(
            lower(slopes, self._inputs),
            lower(upper, self._inputs),
            self.rows,
            Fraction(int(factor.p), int(factor.q)),  # type: ignore[attr-defined]
            eta=lower_constant(eta),
            theta=lower_constant(theta),
        )

    def simulate_mean_exit_time(
        self,
        *,
        eta: Formula,
        start: Sequence[Formula],
        exit_region: Any,
        batch: int = 1,
        replacement: bool = True,
        **options: Any,
    ) -> Estimate:
        """η times the mean number of updates until SGD is in the exit region.

        No diffusion is put in: what differs from `diffusion(…).mean_exit_time(…)` beyond the
        interval is the error of the diffusion approximation.

        Parameters
        ----------
        start : d coordinates, outside the region
        exit_region : a condition, as "a >= 1 or b > 2"; an edge belongs to it with >= and <=
        options : those of `numerics.simulation.sgd.mean_exit_time`: paths or target_error, seed,
            workers, scheduler, store

        Raises
        ------
        InputError, ComputationError : bad input, an exit that paths do not make
        """
        from numerics.lowering import lower_membership
        from numerics.simulation import sgd

        if isinstance(start, str):
            raise InputError(
                f"{self.dimension} coordinates", repr(start), 'as (0, "1/2"), one by one'
            )
        return sgd.mean_exit_time(
            self.descent(eta=eta, batch=batch, replacement=replacement),
            [float(as_expression(coordinate)) for coordinate in start],
            exit_region=lower_membership(condition_in(exit_region, self.variables), self.variables),
            **options,
        )


@dataclass(frozen=True)
class SampledDiffusionND(DiffusionND):
    """A `DiffusionND` that knows the samples it was made from."""

    losses: SampleLossesND = field(kw_only=True, repr=False)
    factor: sympy.Expr = field(kw_only=True)
    """covariance of a batch's gradient over that of one sample's"""

    def lowered(self) -> MultivariateModel:
        """From the samples where the loss is no polynomial: the formula of the sum is long."""
        if self.losses.is_polynomial:
            return super().lowered()
        return self.losses.lowered(self.factor, eta=self.eta, theta=self.theta)


def _distinct(variables: Variables) -> list[sympy.Symbol]:
    symbols = symbols_of(variables)
    if len({symbol.name for symbol in symbols}) < len(symbols):
        raise InputError("different names of variables", repr(variables), "rename one")
    return symbols


_DIGITS, _SINGULAR = 60, 30
"""Digits with which C is evaluated, and those within which its eigenvalues vanish."""


def _rank(noise: Program, dimension: int) -> int | None:
    """The largest rank of C among a few states in general position; None if it has no value.

    `noise` has the upper triangle of C by rows.
    """
    import mpmath

    from numerics.evaluators import evaluate_mpmath
    from numerics.multivariate import upper_triangle

    found = None
    for scale in (1, 10, 0.125):
        with mpmath.workdps(_DIGITS):
            state = [
                mpmath.mpf(scale) * (-1) ** i * (i + 2) / (2 * i + 3) for i in range(dimension)
            ]
            values = [mpmath.mpmathify(v) for v in evaluate_mpmath(noise, *state)]
            if not all(isinstance(v, mpmath.mpf) and mpmath.isfinite(v) for v in values):
                continue
            matrix = mpmath.matrix(dimension, dimension)
            for (i, j), value in zip(upper_triangle(dimension), values, strict=True):
                matrix[i, j] = matrix[j, i] = value
            sizes = [abs(size) for size in mpmath.eigsy(matrix, eigvals_only=True)]
            limit = max(sizes) * mpmath.mpf(10) ** -_SINGULAR
            found = max(found or 0, sum(size > limit for size in sizes))
        if found == dimension:
            break
    return found
