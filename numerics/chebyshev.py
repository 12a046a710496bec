"""Chebyshev panels in mpmath: transforms and exact antiderivatives in coefficient space.

The sums run over integers: the values of a panel share one exponent, as a fixed-point block, so
that all errors are relative to the largest value of the panel. `ChebyshevRule` is the only thing
here that knows how; precision is in bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import add, mul, sub
from typing import Any

from mpmath import mp
from mpmath.libmp import MPZ

Number = Any
"""An mpmath number (`mpmath.mpf`); mpmath has no static types."""


KEPT = 6


LONGEST_SUM = 16
"""Sums longer than this are always halved."""
SHORTEST_SUM = 4
"""Shorter sums than this are made term by term."""


def halving_count(count: int) -> int:
    """The least even `m 2^k >= count` with `m <= LONGEST_SUM`."""
    step = 2
    while count > LONGEST_SUM * step:
        step *= 2
    return -(-count // step) * step


class CosineSums:
    """`Σ_k f_k cos jθ_k` and `Σ_j a_j cos jθ_k`, `θ_k = π(2k + 1)/(2n)`, over integers.

    Lee's halving: `2 cos θ cos (2j + 1)θ = cos 2jθ + cos (2j + 2)θ` leaves two sums of half the
    length, with one product for each pair of terms. The factors 1/(2 cos θ), of up to n/3, enlarge
    what rounding leaves: `guard` bits more than the sums are to have make up for it.
    """

    def __init__(self, n: int, bits: int) -> None:
        self.guard = n.bit_length() * (n.bit_length() + 1) // 2
        self.scale = bits + self.guard
        self._secants: list[list[Any]] = []
        with mp.workprec(self.scale + 20):
            while n > SHORTEST_SUM and n % 2 == 0:
                angles = [mp.mpf(2 * k + 1) / (2 * n) for k in range(n // 2)]
                self._secants.append([self._integer(1 / (2 * mp.cospi(a))) for a in angles])
                n //= 2
            table = [self._integer(mp.cospi(mp.mpf(i) / (2 * n))) for i in range(4 * n)]
        self._rows = [[table[j * (2 * k + 1) % (4 * n)] for k in range(n)] for j in range(n)]
        self._columns = [list(column) for column in zip(*self._rows, strict=True)]

    def _integer(self, x: Number) -> Any:
        return MPZ(int(mp.nint(mp.ldexp(x, self.scale))))

    def from_values(self, values: Sequence[Any], level: int = 0) -> list[Any]:
        """`Σ_k f_k cos jθ_k` for j = 0 … n − 1."""
        if level == len(self._secants):
            return [sum(map(mul, row, values)) >> self.scale for row in self._rows]
        half = len(values) // 2
        front, back = values[:half], values[: half - 1 : -1]
        even = self.from_values(list(map(add, front, back)), level + 1)
        scaled = map(mul, map(sub, front, back), self._secants[level])
        odd = self.from_values([x >> self.scale for x in scaled], level + 1)
        result = [MPZ(0)] * len(values)
        result[0::2] = even
        result[1::2] = [*map(add, odd, odd[1:]), odd[-1]]
        return result

    def to_values(self, coefficients: Sequence[Any], level: int = 0) -> list[Any]:
        """`Σ_j a_j cos jθ_k` for k = 0 … n − 1."""
        if level == len(self._secants):
            return [sum(map(mul, row, coefficients)) >> self.scale for row in self._columns]
        even = self.to_values(coefficients[0::2], level + 1)
        odd = coefficients[1::2]
        scaled = self.to_values([odd[0], *map(add, odd, odd[1:])], level + 1)
        rest = [x >> self.scale for x in map(mul, scaled, self._secants[level])]
        return [*map(add, even, rest), *reversed(list(map(sub, even, rest)))]


class ChebyshevRule:
    """`count` nodes of the first kind on [-1, 1], ascending, with sums of `bits` bits.

    Nodes of the first kind exclude the ends of a panel: a switch point may be an end, and no value
    is ever taken on it. The count is rounded up to one that halves to a short sum.
    """

    def __init__(self, count: int, bits: int) -> None:
        self.count, self.bits = halving_count(count), bits
        n = self.count
        self._cosines = CosineSums(n, bits)
        with mp.workprec(bits + 20):
            self.nodes: list[Number] = [-mp.cospi(mp.mpf(2 * k + 1) / (2 * n)) for k in range(n)]
        self._kept: list[tuple[Sequence[Number], tuple[list[Any], int]]] = []

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
        sums = self._cosines.from_values(fixed[::-1])
        coefficients = [2 * x // self.count for x in sums]
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
        # T_n is 0 at every node.
        at_nodes = self._cosines.to_values(b[:-1])[::-1]
        return [mp.mpf((x, exponent)) for x in at_nodes], mp.mpf((sum(b), exponent))

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
        exponent = max(tops) - self.bits - self._cosines.guard
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
