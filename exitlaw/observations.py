"""Observed values from a file: the columns of a CSV or Parquet file as doubles."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from exitlaw.sample_table import csv_lines
from theory.errors import InputError

SERIES = "path"
"""Column that tells the series of a row, if there is one and no other is named."""


def read_columns(path: str) -> dict[str, Sequence[object]]:
    """Columns by name: of a CSV file the texts, of a .parquet file the values.

    Raises
    ------
    InputError : a file that cannot be read, or with columns of one name
    """
    if Path(path).suffix == ".parquet":
        return _parquet(path)
    names, rows = csv_lines(path)
    if len(set(names)) < len(names):
        raise InputError(
            "names of columns that differ", f"{', '.join(names)} in {path}", "rename them"
        )
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _parquet(path: str) -> dict[str, Sequence[object]]:
    try:
        table = import_module("pyarrow.parquet").read_table(path)
    except ImportError as error:
        raise InputError(
            "PyArrow, which reads Parquet",
            "an installation without it",
            "pip install 'exitlaw[trajectories]', or give a CSV file",
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            "a Parquet file that can be read", f"{path}: {error}", "check the path"
        ) from error
    return {name: table.column(name).to_numpy() for name in table.column_names}


def numbers(columns: dict[str, Sequence[object]], name: str, path: str) -> np.ndarray:
    """One column as finite doubles.

    Raises
    ------
    InputError : no such column, an entry that is no finite number
    """
    if name not in columns:
        close = difflib.get_close_matches(name, columns, n=3, cutoff=0.5) or list(columns)
        raise InputError(
            f"a column {name} in {path}", f"{', '.join(columns)}", f"nearest: {', '.join(close)}"
        )
    try:
        values = np.asarray(columns[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"numbers in column {name} of {path}", str(error), "correct the file"
        ) from error
    if not np.all(np.isfinite(values)):
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(
            f"finite numbers in column {name} of {path}",
            f"{values[row]} in row {row + 1}",
            "leave out the rows after a path has become infinite",
        )
    return values


def observed_series(
    path: str, column: str | None, series: str | None, variable: str
) -> list[np.ndarray]:
    """The values of one column, in the order of the file, one array for each series.

    Parameters
    ----------
    column : its name; if None, that of the state `variable`, or the only column
    series : column whose equal entries make a series; if None, `path` where there is one
    """
    columns = read_columns(path)
    group = series or (SERIES if SERIES in columns else None)
    if column is None:
        others = [name for name in columns if name != group]
        if variable not in columns and len(others) != 1:
            raise InputError(
                "--column NAME", f"columns {', '.join(columns)} in {path}", f"one of {others}"
            )
        column = variable if variable in columns else others[0]
    values = numbers(columns, column, path)
    if group is None:
        return [values]
    if group not in columns:
        numbers(columns, group, path)  # the message that names the nearest ones
    _, place = np.unique(np.asarray(columns[group]), return_inverse=True)
    # A stable sort keeps the order of observation within each series.
    order = np.argsort(place, kind="stable")
    ends = np.flatnonzero(np.diff(place[order])) + 1
    return np.split(values[order], ends)
