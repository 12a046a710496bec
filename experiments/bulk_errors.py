"""How honest the error estimates of `numerics.bulk` are: against certified values, many models.

    python experiments/bulk_errors.py [COUNT] [SEED] [QUANTITY …] [--list]

For each quantity (all, or those named) and COUNT (1000) random models prints how many true errors
exceed their estimate (must be 0), and the quantiles of estimate/error (the 95 % quantile must be at
most 10^3). The models: power-law double wells (as in benchmarks/bulk.py, κ from 0.4 to 4·10^4),
tilted quartic wells under quadratic noise, rippled parabolas under bounded noise; θ is free. The
constants of `numerics.bulk_kernels` and `numerics.bulk_panels` come from this study.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from numerics import bulk, eigenvalues, first_passage, stationary
from numerics.bulk import BulkResult
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.lowering import Model, lower_diffusion

w = sympy.Symbol("w", real=True)
DIGITS = 19
SMALLEST = 1e-18
"""Errors that certified values of so many digits do not tell."""
Columns = dict[str, np.ndarray]


# --- models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """A model with free parameters, and how they are drawn."""

    name: str
    gradient: sympy.Expr
    noise: sympy.Expr
    names: tuple[str, ...]
    draw: Callable[[np.random.Generator, int], Columns]

    def model(self, values: dict[str, Fraction] | None = None) -> Model:
        """With the parameters free, or at exact values."""
        exact = {sympy.Symbol(n, real=True): sympy.Rational(v) for n, v in (values or {}).items()}
        symbols = [sympy.Symbol(n, real=True) for n in self.names]
        parts = (self.gradient, self.noise, *(sympy.Symbol(n, real=True) for n in ("eta", "theta")))
        gradient, noise, eta, theta = (sympy.sympify(part).xreplace(exact) for part in parts)
        return lower_diffusion(
            variable=w,
            gradient=gradient,
            noise=noise,
            eta=eta,
            theta=theta,
            parameters=[one for one in symbols if one not in exact],
        )


def _common(rng: np.random.Generator, count: int) -> Columns:
    return {"eta": 10 ** rng.uniform(-2, 0, count), "theta": rng.uniform(0, 1, count)}


def _symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, real=True)


FAMILIES = (
    Family(
        "power-law double well",
        w * (w**2 - 1),
        1 + _symbol("a") * (w**2 - 1) ** 2 / 4,
        ("a", "eta", "theta"),
        lambda rng, count: {"a": 10 ** rng.uniform(-2, 1, count), **_common(rng, count)},
    ),
    Family(
        "tilted quartic well",
        w**3 - _symbol("b") * w + _symbol("c"),
        1 + _symbol("d") * w**2,
        ("b", "c", "d", "eta", "theta"),
        lambda rng, count: {
            "b": rng.uniform(0, 2, count),
            "c": rng.uniform(-0.3, 0.3, count),
            "d": 10 ** rng.uniform(-2, 0.5, count),
            **_common(rng, count),
        },
    ),
    Family(
        "rippled parabola",
        w + _symbol("r") * sympy.sin(3 * w),
        1 + _symbol("d") * w**2 / (1 + w**2),
        ("r", "d", "eta", "theta"),
        lambda rng, count: {
            "r": rng.uniform(0, 2, count),
            "d": 10 ** rng.uniform(-1, 1, count),
            **_common(rng, count),
        },
    ),
)

CONTINUUM = Family(
    "parabola under quadratic noise",
    w,
    1 + _symbol("c") * w + _symbol("d") * w**2,
    ("c", "d", "eta", "theta"),
    lambda rng, count: {
        "c": rng.uniform(-0.5, 0.5, count),
        "d": 10 ** rng.uniform(-0.7, 0.5, count),
        **_common(rng, count),
    },
)
"""Spectra alone: a continuum, below which the eigenvalues have a closed form without exits."""


# --- quantities -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantity:
    """A quantity of both kinds (a number, or several of each model), and its random arguments.

    Where balls have fewer numbers than doubles there are no more.
    """

    estimated: Callable[..., BulkResult]
    certified: Callable[..., Enclosure | tuple[Enclosure, ...]]
    draw: Callable[[np.random.Generator, int], Columns]
    fixed: dict[str, Any]
    families: tuple[Family, ...] = FAMILIES


def _passages(*names: str) -> Callable[[np.random.Generator, int], Columns]:
    """A start near −1, ends around it, and a rate."""

    def draw(rng: np.random.Generator, count: int) -> Columns:
        start = rng.uniform(-1.3, -0.7, count)
        drawn = {
            "start": start,
            "exit_above": start + rng.uniform(0.2, 2.5, count),
            "exit_below": start - rng.uniform(0.1, 1.5, count),
            "reflect_below": start - rng.uniform(0.1, 1.5, count),
            "rate": 10 ** rng.uniform(-5, 2, count),
        }
        return {name: drawn[name] for name in ("start", *names)}

    return draw


def _positions(name: str) -> Callable[[np.random.Generator, int], Columns]:
    return lambda rng, count: {name: rng.normal(0, 1, count)}


def _levels(rng: np.random.Generator, count: int) -> Columns:
    return {"probability": 1 / (1 + 10 ** rng.uniform(-4, 4, count))}


def _nothing(rng: np.random.Generator, count: int) -> Columns:
    return {}


def _intervals(*names: str) -> Callable[[np.random.Generator, int], Columns]:
    """Ends on both sides of 0."""

    def draw(rng: np.random.Generator, count: int) -> Columns:
        drawn = {
            "exit_above": rng.uniform(0.1, 2.0, count),
            "exit_below": -rng.uniform(0.1, 2.0, count),
        }
        return {name: drawn[name] for name in names}

    return draw


def _eigenvalues(model: Model, **options: Any) -> BulkResult:
    return bulk.eigenvalues(model, **options).eigenvalues


def _certified_eigenvalues(model: Model, **options: Any) -> tuple[Enclosure, ...]:
    found = eigenvalues.spectrum(model, **options)
    if found.continuum_edge is None and len(found.eigenvalues) < options["count"]:
        raise ComputationError(
            "as many eigenvalues as asked for", "fewer, without a continuum", "leave the model out"
        )
    return found.eigenvalues


def _from_origin(model: Model, **options: Any) -> Enclosure:
    return stationary.normaliser(model, **options)


QUANTITIES: dict[str, Quantity] = {
    "mean-exit-time": Quantity(
        bulk.mean_exit_time, first_passage.mean_exit_time, _passages("exit_above"), {}
    ),
    "mean-exit-time-wall": Quantity(
        bulk.mean_exit_time,
        first_passage.mean_exit_time,
        _passages("exit_above", "reflect_below"),
        {},
    ),
    "mean-exit-time-two": Quantity(
        bulk.mean_exit_time, first_passage.mean_exit_time, _passages("exit_above", "exit_below"), {}
    ),
    "second-moment": Quantity(
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        _passages("exit_above"),
        {"order": 2},
    ),
    "third-moment-wall": Quantity(
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        _passages("exit_above", "reflect_below"),
        {"order": 3},
    ),
    "second-moment-two": Quantity(
        bulk.exit_time_moment,
        first_passage.exit_time_moment,
        _passages("exit_above", "exit_below"),
        {"order": 2},
    ),
    "exit-probability": Quantity(
        bulk.exit_probability,
        first_passage.exit_probability,
        _passages("exit_above", "exit_below"),
        {},
    ),
    "laplace": Quantity(
        bulk.exit_time_laplace,
        first_passage.exit_time_laplace,
        _passages("rate", "exit_above"),
        {},
    ),
    "laplace-two": Quantity(
        bulk.exit_time_laplace,
        first_passage.exit_time_laplace,
        _passages("rate", "exit_above", "exit_below"),
        {},
    ),
    "density": Quantity(bulk.density, stationary.density, _positions("at"), {}),
    "cumulative": Quantity(bulk.cumulative, stationary.cumulative, _positions("at"), {}),
    "upper-tail": Quantity(
        bulk.cumulative, stationary.cumulative, _positions("at"), {"upper": True}
    ),
    "quantile": Quantity(bulk.quantile, stationary.quantile, _levels, {}),
    "normaliser": Quantity(bulk.normaliser, _from_origin, _nothing, {}),
    "mean": Quantity(bulk.moment, stationary.moment, _nothing, {"order": 1}),
    "second-stationary-moment": Quantity(bulk.moment, stationary.moment, _nothing, {"order": 2}),
    "third-absolute-moment": Quantity(
        bulk.moment, stationary.moment, _nothing, {"order": 3, "absolute": True}
    ),
    "spectrum": Quantity(
        _eigenvalues, _certified_eigenvalues, _nothing, {"count": 4}, (*FAMILIES, CONTINUUM)
    ),
    "spectrum-one-exit": Quantity(
        _eigenvalues,
        _certified_eigenvalues,
        _intervals("exit_above"),
        {"count": 3},
        (*FAMILIES, CONTINUUM),
    ),
    "spectrum-two-exits": Quantity(
        _eigenvalues,
        _certified_eigenvalues,
        _intervals("exit_above", "exit_below"),
        {"count": 3},
        (*FAMILIES, CONTINUUM),
    ),
}


@dataclass
class Comparison:
    """What was found about one quantity."""

    errors: list[float]
    estimates: list[float]
    left_over: int = 0
    """Left to balls: no value in doubles, though there is one."""
    without: int = 0
    """No finite value, by both."""
    wrong: int = 0
    """A value in doubles where there is none."""

    @property
    def understated(self) -> int:
        return sum(not t <= e for t, e in zip(self.errors, self.estimates, strict=True))

    def ratios(self) -> np.ndarray:
        """Estimates over errors; a value cannot be nearer than the rounding of its last bit."""
        return np.array(self.estimates) / np.maximum(self.errors, 1e-19)


def compare(quantity: Quantity, count: int, seed: int, listing: bool = False) -> Comparison:
    """Random models of all families, in doubles and certified."""
    result, families = Comparison([], []), quantity.families
    small = count // len(families)
    shares = [count - small * (len(families) - 1), *[small] * (len(families) - 1)]
    for index, (family, share) in enumerate(zip(families, shares, strict=True)):
        if not share:
            continue
        rng = np.random.default_rng((seed, index))
        drawn, arguments = family.draw(rng, share), quantity.draw(rng, share)
        found = quantity.estimated(family.model(), **arguments, **quantity.fixed, parameters=drawn)
        for i in range(share):
            values = {name: Fraction(float(column[i])) for name, column in drawn.items()}
            exact = {name: Fraction(float(column[i])) for name, column in arguments.items()}
            try:
                certified = quantity.certified(
                    family.model(values), **exact, **quantity.fixed, digits=DIGITS, method="arb"
                )
            except InfiniteMean:
                result.without += found.status[i].size
                result.wrong += int(np.sum(found.status[i] == 0))
                continue
            except ComputationError:
                continue
            balls = [certified] if isinstance(certified, Enclosure) else list(certified)
            sets = ", ".join(f"{n} = {c[i]:.6g}" for n, c in {**drawn, **arguments}.items())
            columns = [
                np.ravel(c[i])
                for c in (found.mantissa, found.exponent, found.relative_error, found.status)
            ]
            for j, (mantissa, exponent, estimate, status) in enumerate(zip(*columns, strict=True)):
                if j >= len(balls):
                    result.without += 1
                    result.wrong += status == 0
                    continue
                value = balls[j].middle
                if value == 0 or status != 0:
                    result.left_over += status != 0
                    continue
                double = Fraction(float(mantissa)) * Fraction(2) ** int(exponent)
                true = float(abs(double / value - 1))
                if true < SMALLEST and estimate < SMALLEST:
                    continue  # a probability of 1: nearer than the certified digits tell
                result.errors.append(true)
                result.estimates.append(float(estimate))
                if listing or not true <= estimate:
                    print(f"  {family.name}: {true:.2e}, estimated {estimate:.2e}, {sets}")
    return result


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "--list"]
    numbers = [int(word) for word in words if word.isdigit()]
    count, seed = (*numbers, *(1000, 20)[len(numbers) :])
    names = [word for word in words if not word.isdigit()] or list(QUANTITIES)
    print(f"{'quantity':26s} models without left  understated  nearest  median    95 %   largest")
    for name in names:
        began = time.perf_counter()
        found = compare(QUANTITIES[name], count, seed, "--list" in sys.argv)
        least, middle, high = np.quantile(found.ratios(), [0.0, 0.5, 0.95])
        print(
            f"{name:26s} {len(found.errors):6d} {found.without:7d} {found.left_over:4d} "
            f"{found.understated:12d} {least:8.1f} {middle:7.0f} {high:7.0f}   "
            f"{max(found.errors):.1e}   {time.perf_counter() - began:.0f} s"
            + (f"   {found.wrong} values where there is none" if found.wrong else ""),
            flush=True,
        )


if __name__ == "__main__":
    main()
