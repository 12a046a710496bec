"""`--sweep NAME=FROM:TO:COUNT[:log]`: a quantity over a grid of exact values, as CSV and plot."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sympy

from exitlaw import quantities
from exitlaw.request import positive_integer
from numerics.errors import ComputationError
from theory.errors import InputError
from theory.expressions import parse_constant

MAX_COUNT = 10_000
DIGITS_OF_LOG_GRID = 12
"""A logarithmic grid is rounded to this many digits; the rounded values are the ones used."""

PLOTS = (".png", ".svg", ".pdf")

_SMALLEST, _LARGEST = 1e-300, 1e300
"""Beyond these a double would be drawn as 0, or not at all."""

_ANOTHER_PATH = "choose another path"


@dataclass(frozen=True)
class Sweep:
    """A name and the texts of the exact values it takes."""

    name: str
    values: tuple[str, ...]
    logarithmic: bool


def parse(text: str) -> Sweep:
    """The grid that `NAME=FROM:TO:COUNT[:log]` describes.

    Raises
    ------
    InputError : another form, ends that are not constants, or a logarithmic grid with ends <= 0.
    """
    name, sign, grid = text.partition("=")
    name, parts = name.strip().lstrip("-").replace("-", "_"), grid.split(":")
    wellformed = name and sign and len(parts) in (3, 4) and (len(parts) == 3 or parts[3] == "log")
    if not wellformed:
        raise InputError(
            "NAME=FROM:TO:COUNT[:log] after --sweep", repr(text), "as eta=0.01:1:9:log"
        )
    count = positive_integer(parts[2], "COUNT of --sweep")
    if not 2 <= count <= MAX_COUNT:
        raise InputError(f"a COUNT from 2 to {MAX_COUNT} in --sweep", parts[2], "choose another")
    low, high = parse_constant(parts[0]), parse_constant(parts[1])
    logarithmic = len(parts) == 4
    if logarithmic and not (low.is_positive and high.is_positive):
        raise InputError("positive ends of a logarithmic sweep", text, "leave out :log")
    return Sweep(name, tuple(_grid(low, high, count, logarithmic)), logarithmic)


def _grid(low: sympy.Expr, high: sympy.Expr, count: int, logarithmic: bool) -> list[str]:
    steps = [sympy.Rational(i, count - 1) for i in range(count)]
    if not logarithmic:
        return [str(low + (high - low) * step) for step in steps]
    inner = [str(sympy.N(low * (high / low) ** step, DIGITS_OF_LOG_GRID)) for step in steps[1:-1]]
    return [str(low), *inner, str(high)]


def _at(options: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    """The same options at one value of the sweep."""
    option = options.get(name, [])
    if name not in ("set", "model", "sweep", "output", "json", "method", "digits") and (
        option is None or isinstance(option, str)
    ) and name in options:  # fmt: skip
        return {**options, name: value}
    others = [text for text in options["set"] if text.partition("=")[0].strip() != name]
    return {**options, "set": [*others, f"{name}={value}"]}


Failure = InputError | ComputationError


def rows(
    quantity: str, options: Mapping[str, Any], sweep: Sweep
) -> tuple[list[dict[str, Any]], Failure | None]:
    """The documents of `evaluate` along the sweep, and what ended it before its last point."""

    def at(value: str) -> dict[str, Any]:
        return _at(options, sweep.name, value)

    if options.get("method") == "double" and not options.get("variables"):
        return quantities.in_doubles(quantity, options, sweep.name, sweep.values, at), None
    documents: list[dict[str, Any]] = []
    for value in sweep.values:
        try:
            documents.append(quantities.evaluate(quantity, at(value)))
        except (InputError, ComputationError) as error:
            where = f"{error.received} (at {sweep.name} = {value})"
            return documents, type(error)(error.expected, where, error.advice)
    return documents, None


def csv_text(sweep: Sweep, documents: list[dict[str, Any]]) -> str:
    """The sweep as CSV: the value, then the enclosure; lists are spread over numbered columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    keys = ["digits", "digits_kind"]
    if "relative_error" in documents[0]:
        keys += ["relative_error", "method"]
    if isinstance(documents[0]["value"], list):
        count = max(len(document["value"]) for document in documents)
        heads = [f"{key}_{n}" for n in range(count) for key in ("value", "lower", "upper")]
        keys = ["continuum_edge", *keys]
        writer.writerow([sweep.name, *heads, *keys])
        for value, one in zip(sweep.values, documents, strict=True):
            cells = [
                one[key][n] if n < len(one[key]) else ""
                for n in range(count)
                for key in ("value", "lower", "upper")
            ]
            writer.writerow([value, *cells, *(one[key] for key in keys)])
    else:
        keys = ["value", "lower", "upper", *keys]
        writer.writerow([sweep.name, *keys])
        for value, one in zip(sweep.values, documents, strict=True):
            writer.writerow([value, *(one[key] for key in keys)])
    return buffer.getvalue()


def ordinates(rows: Sequence[Sequence[str]]) -> tuple[list[list[float]], bool]:
    """The curves through the values of each point; their logarithms where doubles do not hold them.

    Returns
    -------
    curves : one for each place of the longest row, nan where a row is shorter
    logarithms : whether they are log₁₀ of the values, all of which are positive then
    """
    from mpmath import mp

    values = [[mp.mpf(text) for text in row] for row in rows]
    every = [value for row in values for value in row]
    positive = all(value > 0 and mp.isfinite(value) for value in every)
    logarithms = positive and any(not _SMALLEST < value < _LARGEST for value in every)
    shown = [[float(mp.log10(v) if logarithms else v) for v in row] for row in values]
    count = max(map(len, shown))
    curves = [[row[n] if n < len(row) else float("nan") for row in shown] for n in range(count)]
    return curves, logarithms


def plot(path: str, quantity: str, sweep: Sweep, documents: list[dict[str, Any]]) -> None:
    """Draw the swept quantity over the parameter; logarithmic ordinate where it spans decades."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    xs = [float(parse_constant(value)) for value in sweep.values]
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
    spectra = isinstance(documents[0]["value"], list)
    rows = [one["value"] if spectra else [one["value"]] for one in documents]
    series, logarithms = ordinates(rows)
    for n, ys in enumerate(series):
        axes.plot(xs, ys, "o-", markersize=3, linewidth=1, label=f"λ{n}" if spectra else None)
    finite = [abs(y) for ys in series for y in ys if y not in (0, float("inf"))]
    positive = all(y > 0 for ys in series for y in ys)
    if not logarithms and positive and finite and max(finite) > 100 * min(finite):
        axes.set_yscale("log")
    if sweep.logarithmic:
        axes.set_xscale("log")
    axes.set_xlabel(sweep.name)
    axes.set_ylabel(f"log₁₀ {quantity}" if logarithms else quantity)
    axes.grid(alpha=0.3)
    if spectra:
        axes.legend()
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise InputError(
            "a file that can be written", f"{path}: {error.strerror}", _ANOTHER_PATH
        ) from error
    finally:
        pyplot.close(figure)


def check_outputs(paths: list[str]) -> None:
    """Refuse, before anything is computed, types and places of files that are not made."""
    for path in paths:
        if Path(path).suffix.lower() not in (".csv", *PLOTS):
            raise InputError(
                f"-o FILE ending in .csv, {', '.join(PLOTS)}",
                repr(path),
                "choose one of these endings",
            )
        folder = Path(path).parent
        if Path(path).is_dir() or not os.access(folder, os.W_OK):
            reason = "a folder" if Path(path).is_dir() else f"no folder {folder} to write in"
            raise InputError("a file that can be written", f"{path}: {reason}", _ANOTHER_PATH)


def run(quantity: str, options: Mapping[str, Any]) -> None:
    """Compute a sweep and write it: to its files, or as CSV (or JSON) to standard output.

    Raises
    ------
    InputError, ComputationError : a point without a value. The points before it have been written,
        but for JSON, which is whole or not there.
    """
    sweep, paths = parse(options["sweep"]), list(options["output"])
    check_outputs(paths)
    documents, failure = rows(quantity, options, sweep)
    if failure is not None:
        if not documents or (options["json"] and not paths):
            raise failure
        sweep = replace(sweep, values=sweep.values[: len(documents)])
    for path in paths:
        if Path(path).suffix.lower() == ".csv":
            write_text(path, csv_text(sweep, documents))
        else:
            plot(path, quantity, sweep, documents)
    if options["json"] and failure is None:
        described = {"name": sweep.name, "values": list(sweep.values)}
        whole = {"quantity": quantity, "sweep": described, "rows": documents}
        print(json.dumps(whole, ensure_ascii=False, indent=2))
    elif not paths:
        print(csv_text(sweep, documents), end="")
    if failure is not None:
        written = (
            f"{failure.received}; what was computed before, {len(documents)} of its points, is "
        )
        raise type(failure)(failure.expected, f"{written}written", failure.advice) from failure


def write_text(path: str, text: str) -> None:
    """Write a file, or say why it could not be written."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            "a file that can be written", f"{path}: {error.strerror}", _ANOTHER_PATH
        ) from error
