"""Double precision in bulk: exit times and stationary integrals over arrays of parameters.

One compiled loop per model (`numerics.bulk_kernels` with the model's formulas), cached on disk; the
parameters, η and θ among them where the model leaves them free, are run-time arguments. Each value
comes with an estimate of its relative error, calibrated against certified values.
Anything near a decision belongs to the certified functions of `numerics.first_passage`.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import load_source, scalar_source
from numerics.lowering import Model
from numerics.program import combined

Values = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
ArrayLike = float | Values
"""A number, or one per parameter set."""

MOST_MOMENTS = 8
"""The highest moment of an exit time."""

STATUS = (
    "good",
    "C is not positive, or a formula not finite, on the interval that is used",
    "no convergence (a kink or singularity)",
    "infinite",
    "at or above the edge of a continuum, or not told from it",
)
ABOVE_THE_EDGE = 4


@dataclass(frozen=True)
class BulkResult:
    """Positive values `mantissa · 2^exponent`, and estimates of their relative errors.

    `status` indexes `STATUS`; where it is not 0 the value is nan (inf for status 3).
    """

    mantissa: Values
    exponent: Integers
    relative_error: Values
    status: Integers

    @property
    def value(self) -> Values:
        """The values themselves; inf beyond the range of doubles."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.mantissa, np.clip(self.exponent, -4000, 4000).astype(np.int32))

    @property
    def log_value(self) -> Values:
        """Natural logarithms: finite even where `value` overflows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(self.mantissa) + self.exponent * np.log(2.0)


def mean_exit_time(
    model: Model,
    start: ArrayLike,
    *,
    exit_above: ArrayLike | None = None,
    exit_below: ArrayLike | None = None,
    reflect_above: ArrayLike | None = None,
    reflect_below: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E[τ] of the first exit for each parameter set; an end not given must be inaccessible.

    Parameters
    ----------
    model : its free parameters (`model.parameters`) are the keys of `parameters`
    start, exit_above, exit_below : in units of the state; scalars or one per parameter set
    reflect_above, reflect_below : a reflecting end in place of an exit on that side
    parameters : scalars or arrays of one length

    Raises
    ------
    ComputationError : no exit, a missing parameter, lengths that differ.
    """
    ends = _Ends(exit_below, exit_above, reflect_below, reflect_above)
    table, (x, *points) = columns(model, parameters, start, *ends.given())
    passage = ends.passage(x, points)
    if passage.below is None and np.all(np.isinf(passage.wall)):
        out = _Output(len(table))
        _kernel(model).one_sided_times(x, passage.exit, table, *out.arrays)
        return out.result()
    return _exit_moment(model, table, 1, passage)


def exit_time_moment(
    model: Model,
    order: int,
    start: ArrayLike,
    *,
    exit_above: ArrayLike | None = None,
    exit_below: ArrayLike | None = None,
    reflect_above: ArrayLike | None = None,
    reflect_below: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E[τ^order] of the first exit, order 1 to 8, for each parameter set; see `mean_exit_time`."""
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= MOST_MOMENTS:
        raise ComputationError(
            f"a moment order from 1 to {MOST_MOMENTS}",
            str(order),
            "use the certified exit_time_moment for higher orders",
        )
    ends = _Ends(exit_below, exit_above, reflect_below, reflect_above)
    table, (x, *points) = columns(model, parameters, start, *ends.given())
    return _exit_moment(model, table, order, ends.passage(x, points))


def exit_probability(
    model: Model,
    start: ArrayLike,
    *,
    exit_above: ArrayLike,
    exit_below: ArrayLike,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """The probability of leaving through `exit_above` first, for each parameter set."""
    ends = _Ends(exit_below, exit_above)
    table, (x, *points) = columns(model, parameters, start, *ends.given())
    passage = ends.passage(x, points)
    out, shares = _Output(len(table)), np.empty((len(table), 3))
    _over(
        _panels(model).two_sided_moments,
        x,
        passage.below,
        passage.exit,
        1,
        table,
        *out.arrays,
        shares,
    )
    mantissa, exponent, error = shares.T.copy()
    finite = np.where(out.status == 0, exponent, 0.0)
    return BulkResult(mantissa, finite.astype(np.int64), error, out.status)


def exit_time_laplace(
    model: Model,
    rate: ArrayLike,
    start: ArrayLike,
    *,
    exit_above: ArrayLike | None = None,
    exit_below: ArrayLike | None = None,
    reflect_above: ArrayLike | None = None,
    reflect_below: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E[e^(−rate·τ)] of the first exit, rate > 0, for each parameter set; see `mean_exit_time`."""
    ends = _Ends(exit_below, exit_above, reflect_below, reflect_above)
    table, (x, rates, *points) = columns(model, parameters, start, rate, *ends.given())
    _require(bool(np.all(rates > 0)), "a positive rate")
    passage = ends.passage(x, points)
    out, kernel = _Output(len(table)), _panels(model)
    if passage.below is not None:
        _over(kernel.two_sided_laplaces, x, passage.below, passage.exit, rates, table, *out.arrays)
    else:
        _over(kernel.one_sided_laplaces, x, passage.exit, passage.wall, rates, table, *out.arrays)
    return out.result()


def density(
    model: Model, at: ArrayLike, *, parameters: Mapping[str, ArrayLike] | None = None
) -> BulkResult:
    """The stationary density at a point, on the whole line, for each parameter set."""
    table, (x,) = columns(model, parameters, at)
    out = _Output(len(table))
    _over(_panels(model).densities, x, table, *out.arrays)
    return out.law()


def cumulative(
    model: Model,
    at: ArrayLike,
    *,
    upper: bool = False,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """P(X <= at), or P(X > at) with `upper`, of the stationary law, for each parameter set."""
    table, (x,) = columns(model, parameters, at)
    out = _Output(len(table))
    _over(_panels(model).cumulatives, x, upper, table, *out.arrays)
    return out.law()


def quantile(
    model: Model, probability: ArrayLike, *, parameters: Mapping[str, ArrayLike] | None = None
) -> BulkResult:
    """The x with P(X <= x) = probability, 0 < probability < 1, for each parameter set.

    Near 0 the relative error that is estimated is large.
    """
    table, (level,) = columns(model, parameters, probability)
    _require(bool(np.all((level > 0) & (level < 1))), "a probability strictly between 0 and 1")
    out = _Output(len(table))
    _over(_panels(model).quantiles, level, table, *out.arrays)
    return out.law()


def normaliser(
    model: Model, *, reference: ArrayLike = 0.0, parameters: Mapping[str, ArrayLike] | None = None
) -> BulkResult:
    """∫ C^(−s) exp(−∫_reference^w 2L'/(ηC)) dw over the whole line, for each parameter set."""
    table, (origin,) = columns(model, parameters, reference)
    out = _Output(len(table))
    _over(_panels(model).total_masses, origin, table, *out.arrays)
    return out.result()


def moment(
    model: Model,
    order: float,
    *,
    absolute: bool = False,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E[w^order] of the stationary law, or E|w|^order with `absolute`, for each parameter set.

    `order` is an integer from 0 on, or with `absolute` at least 4. An odd moment near 0 has a large
    relative error, which is estimated too; one whose tails are too heavy is nan (status 3).
    """
    whole = float(order).is_integer()
    if not (order >= 0 and (whole or (absolute and order >= 4))):
        raise ComputationError(
            "an integer order from 0 on, or for an absolute moment one of at least 4",
            str(order),
            "use the certified moment for other orders",
        )
    table, _ = columns(model, parameters)
    out = _Output(len(table))
    signed = not absolute and int(order) % 2 == 1
    _over(_panels(model).moments, float(order), signed, table, *out.arrays)
    found = out.result()
    if signed:  # both tails may be too heavy: such a moment is not infinite, it does not exist
        return replace(found, mantissa=np.where(found.status == 3, np.nan, found.mantissa))
    return found


def absolute_moment(
    model: Model,
    order: float,
    *,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E|w|^order of the stationary law; `order` an integer from 0 on, or at least 4."""
    return moment(model, order, absolute=True, parameters=parameters)


@dataclass(frozen=True)
class BulkSpectrum:
    """Eigenvalues of −𝓛 in columns, ascending, and where the continuum begins (inf: there is none).

    The edge is no lower than it is given by its relative error; status 2 where it was not told.
    """

    eigenvalues: BulkResult
    continuum_edge: BulkResult


MOST_EIGENVALUES = 64


def eigenvalues(
    model: Model,
    count: int,
    *,
    exit_above: ArrayLike | None = None,
    exit_below: ArrayLike | None = None,
    reflect_above: ArrayLike | None = None,
    reflect_below: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkSpectrum:
    """The `count` lowest eigenvalues λ of −𝓛 for each parameter set, 1 to 64.

    `−𝓛u = (L' − θD')u' − Du'' = λu`, D = ηC/2, with u = 0 at an exit, u' = 0 at a reflecting end,
    and natural ends at infinity where none is given. Without an exit λ_0 = 0, exactly.

    Parameters
    ----------
    model : its free parameters (`model.parameters`) are the keys of `parameters`
    exit_above, exit_below, reflect_above, reflect_below : in units of the state; scalars or one
        per parameter set, at most one on each side
    parameters : scalars or arrays of one length

    Returns
    -------
    Eigenvalues in units of 1/time, of shape (parameter sets, count), with the edge of the
    continuum. Status 4: at or above the edge, or too near to it; 3: an open end with infinite mass,
    or within reach, where an exit or a wall is needed; 2 also where the end's potential has no
    limit that is told in doubles.

    Raises
    ------
    ComputationError : two ends on a side, a missing parameter, lengths that differ, another count.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_EIGENVALUES:
        raise ComputationError(
            f"from 1 to {MOST_EIGENVALUES} eigenvalues",
            str(count),
            "use the certified spectrum for more",
        )
    sides = ((exit_below, reflect_below), (exit_above, reflect_above))
    _one_end_a_side(sides)
    given = [end for side in sides for end in side if end is not None]
    table, points = columns(model, parameters, *given)
    rest, ends, kinds = iter(points), [], []
    for (exit, wall), outward in zip(sides, (-1.0, 1.0), strict=True):
        closed = exit is not None or wall is not None
        ends.append(next(rest) if closed else np.full(len(table), outward * np.inf))
        kinds.append(1 if exit is not None else 2 if wall is not None else 0)
    _require(bool(np.all(ends[0] < ends[1])), "a lower end below the upper one")
    shape = (len(table), count)
    values, errors = np.empty(shape), np.empty(shape)
    scales, status = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    edges = _Output(len(table))
    spectra = _module(model, "bulk_spectra").spectra
    found = (values, scales, errors, status, edges.values, edges.errors, edges.status)
    _over(spectra, *ends, *kinds, table, *found)
    edge = BulkResult(edges.values, edges.scales, edges.errors, edges.status)
    return BulkSpectrum(BulkResult(values, scales, errors, status), edge)


# --- ends -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Passage:
    """Start and ends: one exit and a wall opposite (inf: an open end), or two exits."""

    start: Values
    exit: Values
    wall: Values
    below: Values | None = None


@dataclass(frozen=True)
class _Ends:
    """The ends as given."""

    exit_below: ArrayLike | None
    exit_above: ArrayLike | None
    reflect_below: ArrayLike | None = None
    reflect_above: ArrayLike | None = None

    def given(self) -> list[ArrayLike]:
        """Those that are given, in the order of the fields."""
        ends = (self.exit_below, self.exit_above, self.reflect_below, self.reflect_above)
        return [end for end in ends if end is not None]

    def passage(self, start: Values, points: list[Values]) -> _Passage:
        """The ends as columns of one length with the starts, checked."""
        pairs = (
            (self.exit_above, self.reflect_above),
            (self.exit_below, self.reflect_below),
        )
        _one_end_a_side(pairs)
        columns = iter(points)
        names = ("exit_below", "exit_above", "reflect_below", "reflect_above")
        ends = {name: next(columns) for name in names if getattr(self, name) is not None}
        for name, end in ends.items():
            inside = start > end if name.endswith("below") else start < end
            _require(bool(np.all(inside)), "a start strictly inside the ends (exit or wall)")
        below, above = ends.get("exit_below"), ends.get("exit_above")
        if below is not None and above is not None:
            return _Passage(start, above, np.full_like(start, np.inf), below)
        exit = above if above is not None else below
        if exit is None:
            raise ComputationError("an exit", "none", "give exit_above, exit_below or both")
        wall = ends.get("reflect_below" if above is not None else "reflect_above")
        return _Passage(start, exit, np.full_like(start, np.inf) if wall is None else wall)


def _one_end_a_side(pairs: Iterable[tuple[ArrayLike | None, ArrayLike | None]]) -> None:
    if any(exit is not None and wall is not None for exit, wall in pairs):
        raise ComputationError(
            "one end on each side",
            "both an exit and a reflecting point on one side",
            "leave one of them out",
        )


def _exit_moment(model: Model, table: Values, order: int, passage: _Passage) -> BulkResult:
    out, kernel = _Output(len(table)), _panels(model)
    x = passage.start
    if passage.below is not None:
        unused = np.empty((len(table), 3))
        _over(
            kernel.two_sided_moments,
            x,
            passage.below,
            passage.exit,
            order,
            table,
            *out.arrays,
            unused,
        )
    else:
        _over(kernel.one_sided_moments, x, passage.exit, passage.wall, order, table, *out.arrays)
    return out.result()


# --- arrays ---------------------------------------------------------------------------------------

_CHUNK = 64
"""Parameter sets that one thread takes at a time."""


def _over(loop: Callable[..., None], *arguments: Any) -> None:
    """A compiled loop over all parameter sets, by threads: arrays are cut, numbers are not."""
    count = max(len(a) for a in arguments if isinstance(a, np.ndarray))

    def chunk(begin: int) -> None:
        rows = slice(begin, begin + _CHUNK)
        loop(*(a[rows] if isinstance(a, np.ndarray) else a for a in arguments))

    chunk(0)  # compiles, once
    if count > _CHUNK:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(chunk, range(_CHUNK, count, _CHUNK)))


class _Output:
    """What the kernels fill in."""

    def __init__(self, count: int) -> None:
        self.values, self.errors = np.empty(count), np.empty(count)
        self.scales = np.zeros(count, dtype=np.int64)
        self.status = np.zeros(count, dtype=np.int64)

    @property
    def arrays(self) -> tuple[Values, Integers, Values, Integers]:
        return self.values, self.scales, self.errors, self.status

    def result(self) -> BulkResult:
        """Of a time or an integral: one that diverges is infinite."""
        found = self.law()
        values = np.where(found.status == 3, np.inf, found.mantissa)
        return BulkResult(values, self.scales, self.errors, found.status)

    def law(self) -> BulkResult:
        """Of a law: one that cannot be normalised has no values."""
        lost = (self.status == 0) & ~np.isfinite(self.values * self.errors)
        status = np.where(lost, 2, self.status)
        values = np.where(status == 0, self.values, np.nan)
        return BulkResult(values, self.scales, self.errors, status)


def columns(
    model: Model, parameters: Mapping[str, ArrayLike] | None, *columns: ArrayLike
) -> tuple[Values, list[Values]]:
    """Parameter sets as rows in the model's order, and further columns of the same length."""
    given = dict(parameters or {})
    missing = [name for name in model.parameters if name not in given]
    unknown = [name for name in given if name not in model.parameters]
    if missing or unknown:
        raise ComputationError(
            f"values for the parameters {', '.join(model.parameters) or '(none)'}",
            f"{', '.join(given) or 'none'}",
            "give each free parameter of the model, and no other",
        )
    arrays = [given[name] for name in model.parameters]
    lengths = {np.size(a) for a in (*arrays, *columns) if np.ndim(a)}
    if len(lengths) > 1:
        raise ComputationError(
            "parameters, starts and exits of one length",
            f"lengths {sorted(lengths)}",
            "repeat scalars, not arrays",
        )
    count = lengths.pop() if lengths else 1
    table = np.empty((count, len(arrays)))
    for i, a in enumerate(arrays):
        table[:, i] = a
    return table, [_column(c, count) for c in columns]


def _column(value: ArrayLike, count: int) -> Values:
    return np.array(np.broadcast_to(np.asarray(value, dtype=float), (count,)))


def _require(condition: bool, expected: str) -> None:
    if not condition:
        raise ComputationError(
            f"{expected}, for every parameter set", "another order", "check start and exits"
        )


# --- compilation ----------------------------------------------------------------------------------

_BEGIN, _END = "# --- model -", "# --- kernel -"


@lru_cache(maxsize=64)
def _kernel(model: Model) -> ModuleType:
    """The one-pass loops compiled for a model: a copy of the template with its formulas."""
    from numerics import bulk_kernels

    template = inspect.getsource(bulk_kernels)
    before, rest = template.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    source = f"{before}{_BEGIN}\n\n{_formulas(model)}\n\n{_END}{after}"
    return load_source(source, "bulk")


def _panels(model: Model) -> ModuleType:
    return _module(model, "bulk_panels")


@lru_cache(maxsize=128)
def _module(model: Model, name: str) -> ModuleType:
    """Loops over panels compiled for a model: a copy of the template that imports the model's."""
    source = inspect.getsource(import_module(f"numerics.{name}"))
    parts = {"bulk_kernels": _kernel(model)}
    if name == "bulk_spectra":
        parts |= {"bulk_panels": _panels(model), "bulk_spectrum": _spectrum()}
    for part, module in parts.items():
        source = source.replace(f"from numerics.{part} import", f"from {module.__name__} import")
    return load_source(source, name)


@lru_cache(maxsize=1)
def _spectrum() -> ModuleType:
    """The part of spectra that no model changes, compiled once.

    A copy named by all it imports: Numba's cache does not see a change of another file.
    """
    from numerics import bulk_kernels, bulk_panels, bulk_spectrum

    beside = "".join(inspect.getsource(one) for one in (bulk_kernels, bulk_panels))
    digest = hashlib.sha256(beside.encode()).hexdigest()
    return load_source(f"{inspect.getsource(bulk_spectrum)}\n# {digest}\n", "bulk_spectrum")


def _formulas(model: Model) -> str:
    decorator = '@njit(cache=True, error_model="numpy", inline="always")\n'
    both = combined(model.inputs, (model.gradient, model.noise))
    rates = combined(model.parameters, (model.eta, model.theta))
    unpacked = [f"k[{i}]" for i in range(len(model.parameters))]
    state, constants = ", ".join(["w", *unpacked]), ", ".join(unpacked)
    switches = len(both.switches)
    between = "False"
    if switches:
        one, other = (f"_switches({state.replace('w', name, 1)})" for name in "vw")
        products = [f"{one}[{i}] * {other}[{i}] < 0.0" for i in range(switches)]
        between = " or ".join(products) if switches > 1 else f"{one} * {other} < 0.0"
    return "\n\n".join(
        [
            f"SWITCHES = {switches}",
            *([decorator + scalar_source(both.switch_program(), "_switches")] if switches else []),
            f"{decorator}def switches_between(v, w, k):\n    return {between}",
            decorator + scalar_source(both, "_both"),
            decorator + scalar_source(model.noise_slope, "_noise_slope"),
            decorator + scalar_source(rates, "_rates"),
            f"{decorator}def gradient_and_noise(w, k):\n    return _both({state})",
            f"{decorator}def noise_slope(w, k):\n    return _noise_slope({state})",
            f"{decorator}def eta_and_theta(k):\n    return _rates({constants})",
        ]
    )
