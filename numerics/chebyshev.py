"""Chebyshev panels in mpmath: transforms and exact antiderivatives in coefficient space.

The sums run over integers: the values of a panel share one exponent, as a fixed-point block, so
that all errors are relative to the largest value of the panel. `ChebyshevRule` is the only thing
here that knows how; precision is in bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import mul
from typing import Any

from mpmath import mp
from mpmath.libmp import MPZ

Number = Any
"""An mpmath number (`mpmath.mpf`); mpmath has no static types."""


KEPT = 6


class ChebyshevRule:
    """`count` nodes of the first kind on [-1, 1], ascending, with sums of `bits` bits.

    Nodes of the first kind exclude the ends of a panel: a switch point may be an end, and no value
    is ever taken on it.
    """

    def __init__(self, count: int, bits: int) -> None:
        self.count, self.bits = count + count % 2, bits
        n = self.count
        with mp.workprec(bits + 20):
            cosines = [mp.cospi(mp.mpf(i) / (2 * n)) for i in range(4 * n)]
            self.nodes: list[Number] = [-cosines[2 * k + 1] for k in range(n)]
            table = [MPZ(int(mp.nint(mp.ldexp(c, bits)))) for c in cosines]
        # With x_k = cos(pi (2k + 1) / (2n)) descending, x_(n-1-k) = -x_k halves every sum.
        half = range(n // 2)
        self._rows = [[table[j * (2 * k + 1) % (4 * n)] for k in half] for j in range(n + 1)]
        self._kept: list[tuple[Sequence[Number], tuple[list[Any], int]]] = []
        self._even = [[self._rows[j][k] for j in range(0, n + 1, 2)] for k in half]
        self._odd = [[self._rows[j][k] for j in range(1, n + 1, 2)] for k in half]

    def coefficients(self, values: Sequence[Number]) -> tuple[list[Any], int]:
        """Coefficients `a_j` (a_0 halved already) as integers, and their common exponent.

        Those of the last few lists are kept: their resolution is asked for, then their integrals.
        """
        for known, result in self._kept:
            if known is values:
                return result
        result = self._transformed(values)
        self._kept = [*self._kept[-KEPT + 1 :], (values, result)]
        return result

    def _transformed(self, values: Sequence[Number]) -> tuple[list[Any], int]:
        fixed, exponent = self._fixed(values)
        n = self.count
        descending = fixed[::-1]
        pairs = [(descending[k], descending[n - 1 - k]) for k in range(n // 2)]
        sums, differences = [a + b for a, b in pairs], [a - b for a, b in pairs]
        coefficients = [
            2 * sum(map(mul, self._rows[j], differences if j & 1 else sums)) // n >> self.bits
            for j in range(n)
        ]
        coefficients[0] //= 2
        return coefficients, exponent

    def resolution(self, values: Sequence[Number]) -> float:
        """Size of the last three coefficients relative to the largest, in bits (negative)."""
        coefficients, _ = self.coefficients(values)
        sizes = [int(abs(c)).bit_length() for c in coefficients]
        return float(max(sizes[-3:]) - max(sizes)) if max(sizes) else -float(self.bits)

    def remainder(self, values: Sequence[Number]) -> float:
        """Size of the last three coefficients, in bits (log2)."""
        coefficients, exponent = self.coefficients(values)
        return float(max(int(abs(c)).bit_length() for c in coefficients[-3:]) + exponent)

    def cumulative(self, values: Sequence[Number]) -> tuple[list[Number], Number]:
        """Integrals from -1 to each node, and over [-1, 1]."""
        b, exponent = self._antiderivative(values)
        even, odd = b[0::2], b[1::2]
        upper, lower = [], []
        for row_even, row_odd in zip(self._even, self._odd, strict=True):
            e, o = sum(map(mul, row_even, even)), sum(map(mul, row_odd, odd))
            upper.append(e + o)
            lower.append(e - o)
        scaled = exponent - self.bits
        at_nodes = [mp.mpf((x, scaled)) for x in (*lower, *reversed(upper))]
        return at_nodes, mp.mpf((sum(b), exponent))

    def integral(self, values: Sequence[Number]) -> Number:
        """The integral over [-1, 1]."""
        b, exponent = self._antiderivative(values)
        return mp.mpf((sum(b), exponent))

    def _antiderivative(self, values: Sequence[Number]) -> tuple[list[Any], int]:
        a, exponent = self.coefficients(values)
        a = [2 * a[0], *a[1:], 0, 0]
        b = [MPZ(0)] + [(a[j - 1] - a[j + 1]) // (2 * j) for j in range(1, self.count + 1)]
        b[0] = sum(b[1::2]) - sum(b[2::2])
        return b, exponent

    def power_integral(self, values: Sequence[Number], power: Number) -> Number:
        """`∫ ((1 + x)/2)^power f(x) dx` over [-1, 1], power > -1, from exact integrals of T_j.

        The integrals obey a three-term recurrence (Piessens and Branders, QUADPACK's QAWS).
        """
        coefficients, exponent = self.coefficients(values)
        with mp.extraprec(self.count):
            before, here = 2 / (power + 1), 2 / (power + 1) * power / (power + 2)
            total = before * coefficients[0] + here * coefficients[1]
            for j in range(1, self.count - 1):
                after = (2 * power * here - (power - j + 2) * before) / (power + j + 2)
                before, here = here, after
                total += here * coefficients[j + 1]
        return mp.ldexp(total, exponent)

    def _fixed(self, values: Sequence[Number]) -> tuple[list[Any], int]:
        parts = [v._mpf_ for v in values]
        tops = [exp + bc for _, man, exp, bc in parts if man]
        if not tops:
            return [MPZ(0)] * len(parts), 0
        exponent = max(tops) - self.bits
        fixed = []
        for sign, man, exp, _ in parts:
            shift = exp - exponent
            integer = man << shift if shift >= 0 else man >> -shift
            fixed.append(-integer if sign else integer)
        return fixed, exponent


@lru_cache(maxsize=32)
def chebyshev_rule(count: int, bits: int) -> ChebyshevRule:
    """The rule, kept: its table is a quarter of the work of a short computation."""
    return ChebyshevRule(count, bits)
