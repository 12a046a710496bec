"""Samples as columns of exact numbers, from a CSV file or from Python, and means over them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from theory.errors import InputError

MAX_SAMPLES = 100_000


@dataclass(frozen=True)
class SampleTable:
    """N samples: a name for each column, a row of exact numbers for each sample."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Fraction, ...], ...]

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]]) -> SampleTable:
        """Columns of numbers, or of their text, exact to the digit.

        Raises
        ------
        InputError : no samples, columns of different lengths, an entry that is no number
        """
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise InputError(
                "columns of one length, of one sample at least",
                f"lengths {', '.join(str(len(values)) for values in columns.values()) or 'none'}",
            )
        rows = zip(*columns.values(), strict=True)
        return cls._of(list(columns), [tuple(row) for row in rows], "the data")

    @classmethod
    def from_csv(cls, path: str | Path) -> SampleTable:
        """A CSV file: a line of column names, then a line a sample.

        Raises
        ------
        InputError : a file that cannot be read, or as for `from_columns`
        """
        names, rows = csv_lines(path)
        return cls._of(names, rows, str(path))

    @classmethod
    def _of(cls, columns: Sequence[str], rows: Sequence[Sequence[Any]], where: str) -> SampleTable:
        for name in columns:
            if not name.isidentifier() or name in ("pi", "E") or columns.count(name) > 1:
                raise InputError(
                    "names of columns that differ from each other, as x",
                    f"{name!r} in {where}",
                    "rename the column",
                )
        if len(rows) > MAX_SAMPLES:
            raise InputError(
                f"at most {MAX_SAMPLES} samples", f"{len(rows)} in {where}", "draw fewer of them"
            )
        numbers = tuple(
            tuple(_number(entry, name, where) for entry, name in zip(row, columns, strict=True))
            for row in rows
        )
        return cls(tuple(columns), numbers)

    def mean(self, exponents: Sequence[int]) -> Fraction:
        """The mean over the samples of `Π column^exponent`, exact."""
        products = [1] * len(self.rows)
        scale = len(self.rows)
        for (integers, denominator), exponent in zip(self._integers, exponents, strict=True):
            if exponent:
                products = [p * n**exponent for p, n in zip(products, integers, strict=True)]
                scale *= denominator**exponent
        return Fraction(sum(products), scale)

    @cached_property
    def _integers(self) -> list[tuple[list[int], int]]:
        """Each column over its common denominator: sums of integers are fast."""
        found = []
        for column in zip(*self.rows, strict=True):
            common = math.lcm(*(entry.denominator for entry in column))
            found.append(
                ([entry.numerator * (common // entry.denominator) for entry in column], common)
            )
        return found


def csv_lines(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """The names in the first line of a CSV file, and the texts of the other lines.

    Raises
    ------
    InputError : a file that cannot be read, without a second line, or with lines of another length
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except OSError as error:
        raise InputError(
            "a file of samples that can be read", f"{path}: {error.strerror}", "check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("a CSV file of samples", f"{path}: {error}", "correct it") from error
    if len(lines) < 2:
        raise InputError(
            "a line of column names, then a line for each sample",
            f"{path} with {len(lines)} lines",
            "as x,y and below it 0.5,1.25",
        )
    names, *rows = lines
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise InputError(
                f"{len(names)} numbers on every line of {path}",
                f"{len(row)} on line {number}",
                "correct the file",
            )
    return [name.strip() for name in names], rows


def _number(entry: Any, column: str, where: str) -> Fraction:
    try:
        # A float means the decimal that it prints as.
        text = float.__repr__(entry) if isinstance(entry, float) else entry
        return Fraction(text.strip() if isinstance(text, str) else text)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(
            f"a finite number in column {column} of {where}", repr(entry), "correct the data"
        ) from error
