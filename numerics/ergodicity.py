"""Whether a diffusion in d dimensions has a stationary law, and which of its moments are finite.

Itô form `dx = a dt + √v dB`, `a = −∇L + θ∇·D`, `v = ηC = 2D`; `𝓛f = a·∇f + ½ tr(v∇²f)`. For
`V = Q^(k/2)`, `Q = xᵀPx`, P positive definite,

    𝓛V = (k/2) Q^(k/2−2) T,    T = Q (2a·Px + tr(vP)) + (k−2) (Px)·v(Px).

- Finite (the criterion of Foster and Lyapunov, CD2 of Meyn and Tweedie, Adv. Appl. Prob. 25 (1993)
  518–548): if `−T >= c|x|^(4+m)` far out, for some c, k > 0, then 𝓛V is at most `−c'|x|^(k+m)` plus
  a bounded function. If k + m >= 0 there is a stationary law, and `E|x|^(k+m) < ∞`. T may be
  replaced by an upper bound of it, `Q (2a·Px + (1 + (k−2)⁺) tr(vP))`.
- Infinite: let `|a| <= c|x|^(m+1)`, `|v| <= c|x|^(m+2)` far out. If `T >= c|x|^(4+m)` for some
  k < 0, the bounded V decreases in the mean and the process is transient. If it is so for some
  k > 0, |x|^k is a submartingale until the process comes back to a ball, which cannot be dominated,
  for it would be larger at the start than at the end: `E sup|x|^k = ∞` over an excursion. At a
  level ρ the process stays for a time of order ρ^(−m) with a probability that does not depend on ρ
  (scale space by ρ and time by ρ^(−m)), so `E∫|x|^(k+m) dt = ∞` over an excursion: `E|x|^(k+m)` is
  infinite, and with k = −m there is no law. If v, too, is at least `c|x|^(m+2)` times the unit
  matrix, an excursion finds every open set of directions with such a probability, and a polynomial
  f of degree n has `E|f|^q = ∞` for `nq = k + m`.
- If T = (A + Bk) R + lower terms, R >= c|x|^(4+m), B > 0, both meet at `k* = −A/B`. There
  `|x|^k − |x|^(k−1/2)` is a submartingale far out: E|x|^q is finite exactly for `q < k* + m`.

Coordinates whose coefficients depend on none but each other are a diffusion of their own; the
smallest such blocks are judged one by one, so products of different models need not grow alike.

Inequalities between polynomials are decided by `numerics.polynomials`: by exact algebra in one and
two dimensions, and for leading forms that are quadratic, or whose pure powers outweigh the rest, or
these times Q; otherwise by a minimum over directions that is searched for in doubles. Assumed, and
watched along paths: C is positive definite, and drift and noise have no singularities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from flint import fmpq, fmpq_mat, fmpq_mpoly

from numerics.evaluators import as_fmpq
from numerics.multivariate import MultivariateModel, upper_triangle
from numerics.polynomials import (
    NotRational,
    Quotient,
    Ring,
    Support,
    dominates,
    is_positive_definite,
    quotients,
    terms_of,
    without_real_zeros,
)
from numerics.program import Program, combined, single_rational

SMALL = Fraction(1, 10**6)
"""Orders are tried so near to the least that could do."""

MAX_MINORS = 4
"""Beyond this dimension a matrix of polynomials is not shown to be positive definite."""


@dataclass(frozen=True)
class Finding:
    """What is known of an expectation under the stationary law."""

    verdict: Literal["finite", "infinite", "undecided"]
    support: Support | None = None
    """of a verdict: by exact algebra, or by a minimum in doubles"""
    index: Fraction | None = None
    """of an infinite moment: `sup{q : E|x|^q < ∞}` of a block of coordinates, where it is known"""
    reason: str = ""
    """of what is undecided"""


class _Form(NamedTuple):
    """P and Q."""

    rows: tuple[tuple[fmpq, ...], ...]
    squared: fmpq_mpoly


@dataclass(frozen=True)
class Coefficients:
    """Itô drift and ηC of a block of coordinates over one denominator, as polynomials."""

    ring: Ring
    block: tuple[int, ...]
    drift: tuple[fmpq_mpoly, ...]
    noise: tuple[tuple[fmpq_mpoly, ...], ...]
    below: fmpq_mpoly

    @property
    def growth(self) -> int:
        """The least m with `a = O(|x|^(m+1))`, `v = O(|x|^(m+2))` by degrees."""
        degree, base = self.ring.degree, self.ring.degree(self.below)
        drift = max(map(degree, self.drift))
        noise = max(degree(entry) for row in self.noise for entry in row)
        return max(drift - base - 1, noise - base - 2)

    def numerator(self, k: Fraction, form: _Form) -> fmpq_mpoly:
        """T times the denominator."""
        pulled = self._pulled(form)
        places = range(len(self.block))
        spread = sum(
            (pulled[i] * self.noise[i][j] * pulled[j] for i in places for j in places),
            self.ring.constant(0),
        )
        inward, trace = self._inward(form, pulled)
        return form.squared * (inward + trace) + self.ring.constant(k - 2) * spread

    def bound(self, k: Fraction, form: _Form) -> fmpq_mpoly:
        """An upper bound of T/Q, times the denominator."""
        inward, trace = self._inward(form, self._pulled(form))
        return inward + self.ring.constant(1 + max(k - 2, Fraction(0))) * trace

    def _pulled(self, form: _Form) -> list[fmpq_mpoly]:
        """P x."""
        return [
            sum(
                (self.ring.variable(j) * p for j, p in zip(self.block, row, strict=True)),
                self.ring.constant(0),
            )
            for row in form.rows
        ]

    def _inward(self, form: _Form, pulled: Sequence[fmpq_mpoly]) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        """`2a·Px` and `tr(vP)`."""
        zero = self.ring.constant(0)
        trace = sum(
            (
                entry * p
                for row, numbers in zip(self.noise, form.rows, strict=True)
                for entry, p in zip(row, numbers, strict=True)
            ),
            zero,
        )
        inward = sum((2 * a * p for a, p in zip(self.drift, pulled, strict=True)), zero)
        return inward, trace

    def forms(self) -> Iterator[_Form]:
        """Candidates for P: the unit matrix; for a linear drift, two that solve `AᵀP + PA = −R`.

        R is the unit matrix, or such that P is the inverse of the covariance for the noise at 0.
        """
        size = len(self.block)
        unit = [[fmpq(i == j) for j in range(size)] for i in range(size)]
        yield self._form(unit)
        if not self.below.is_constant() or max(map(self.ring.degree, self.drift)) > 1:
            return
        slopes = [[_coefficient(self.ring, a, j) for j in self.block] for a in self.drift]
        ahead = [list(column) for column in zip(*slopes, strict=True)]
        solved = _lyapunov(ahead, unit)
        if solved is not None and is_positive_definite(solved):
            yield self._form(solved)
        noise = [[_coefficient(self.ring, entry, None) for entry in row] for row in self.noise]
        covariance = _lyapunov(slopes, noise)
        if covariance is not None and is_positive_definite(covariance):
            inverse = fmpq_mat(covariance).inv()
            yield self._form([[inverse[i, j] for j in range(size)] for i in range(size)])

    def _form(self, rows: Sequence[Sequence[fmpq]]) -> _Form:
        x = [self.ring.variable(j) for j in self.block]
        squared = sum(
            (x[i] * x[j] * p for i, row in enumerate(rows) for j, p in enumerate(row)),
            self.ring.constant(0),
        )
        return _Form(tuple(tuple(row) for row in rows), squared)

    def radius_power(self, exponent: int) -> fmpq_mpoly | None:
        """`|x|^exponent` times the squared denominator, if that is a polynomial."""
        if exponent < 0 or exponent % 2:
            return None
        return self.ring.squared_radius(self.block) ** (exponent // 2) * self.below * self.below

    def finite(self, order: Fraction) -> Support | None:
        """Whether `E|x|^order < ∞`; order >= 0 also tells that there is a law."""
        found: Support | None = None
        ring = self.ring
        for form in self.forms():
            for m in sorted({self.growth, 0, -2}, reverse=True):
                k = max(order - m, -m + SMALL, SMALL)
                sharp = -self.numerator(k, form) * self.below
                rough = -self.bound(k, form) * self.below
                for polynomial, exponent in ((sharp, 4 + m), (rough, 2 + m)):
                    smaller = self.radius_power(exponent)
                    if smaller is None:
                        continue
                    support = dominates(ring, self.block, polynomial, smaller, [form.squared])
                    if support == "proved":
                        return support
                    found = support or found
        return found

    def outward(self, k: Fraction) -> Support | None:
        """Whether `T >= c|x|^(4+m)` for P = 1, m the growth of the coefficients.

        What holds for k holds for some smaller k: 0 stands for a negative one.
        """
        form = next(self.forms())
        polynomial, exponent = self.numerator(k, form) * self.below, 4 + self.growth
        if not self._below_is_definite():
            return None
        if len(self.block) == 1:
            return "proved" if self._outward_on_a_side(polynomial, exponent) else None
        smaller = self.radius_power(exponent)
        if smaller is None:
            return None
        return dominates(self.ring, self.block, polynomial, smaller, [form.squared])

    def _outward_on_a_side(self, polynomial: fmpq_mpoly, exponent: int) -> bool:
        """In one dimension an end at which it is so suffices, if no zero of C lies before it."""
        (j,) = self.block
        top = exponent + 2 * self.ring.degree(self.below)
        terms = {e: c for e, c in terms_of(polynomial).items() if e[j] == top}
        plain = [c for e, c in terms.items() if sum(e) == top]
        if not len(terms) == len(plain) == 1:
            return False
        return plain[0] > 0 if top % 2 == 0 else without_real_zeros(self.noise[0][0], j)

    def _below_is_definite(self) -> bool:
        if self.below.is_constant():
            return True
        degree, square = self.ring.degree(self.below), self.below * self.below
        radius = self.ring.squared_radius(self.block) ** degree
        return dominates(self.ring, self.block, square, radius) == "proved"

    def elliptic(self) -> bool:
        """Whether v is at least `c|x|^(m+2)` times the unit matrix far out, by its minors."""
        size, m = len(self.block), self.growth
        if size > MAX_MINORS or m % 2 or m < -2 or not self._below_is_definite():
            return False
        radius = self.ring.squared_radius(self.block)
        for n in range(1, size + 1):
            minor = _determinant([[self.noise[i][j] * self.below for j in range(n)]
                                  for i in range(n)])  # fmt: skip
            smaller = radius ** (n * (m + 2) // 2) * self.below ** (2 * n)
            if not minor.is_constant():
                if dominates(self.ring, self.block, minor, smaller, [radius]) != "proved":
                    return False
            elif not (smaller.is_constant() and minor.leading_coefficient() > 0):
                return False
        return True

    def index(self) -> Fraction | None:
        """`k* + m`, where T is one form times a linear function of k, to leading order."""
        form = next(self.forms())
        top = 4 + self.growth + self.ring.degree(self.below)
        zero, one = (_leading(self.ring, self.numerator(Fraction(k), form), top) for k in (0, 1))
        slope = one - zero
        if slope.is_zero() or not self._below_is_definite():
            return None
        smaller = self.radius_power(4 + self.growth)
        rises = None if smaller is None else dominates(
            self.ring, self.block, slope * self.below, smaller, [form.squared]
        )  # fmt: skip
        if rises != "proved":
            return None
        share = zero.leading_coefficient() / slope.leading_coefficient()
        if not (zero - share * slope).is_zero():
            return None
        return Fraction(int(-share.p), int(share.q)) + self.growth


def _coefficient(ring: Ring, polynomial: fmpq_mpoly, variable: int | None) -> fmpq:
    """That of a variable, or the constant term."""
    wanted = tuple(int(i == variable) for i in range(ring.context.nvars()))
    return terms_of(polynomial).get(wanted, fmpq(0))


def _leading(ring: Ring, polynomial: fmpq_mpoly, degree: int) -> fmpq_mpoly:
    """The terms of a total degree in the variables."""
    terms = terms_of(polynomial)
    return ring.context.from_dict({e: c for e, c in terms.items() if sum(e[: ring.size]) == degree})


def _determinant(rows: Sequence[Sequence[fmpq_mpoly]]) -> fmpq_mpoly:
    if len(rows) == 1:
        return rows[0][0]
    total = None
    for column, entry in enumerate(rows[0]):
        rest = [[*row[:column], *row[column + 1 :]] for row in rows[1:]]
        term = entry * _determinant(rest)
        term = -term if column % 2 else term
        total = term if total is None else total + term
    assert total is not None
    return total


def _lyapunov(
    slopes: Sequence[Sequence[fmpq]], noise: Sequence[Sequence[fmpq]]
) -> list[list[fmpq]] | None:
    """The S with `AS + SAᵀ = −R`, or None if there is not one alone."""
    size = len(slopes)
    rows = []
    for i in range(size):
        for j in range(size):
            row = [fmpq(0)] * (size * size)
            for l in range(size):
                row[l * size + j] += slopes[i][l]
                row[i * size + l] += slopes[j][l]
            rows.append(row)
    try:
        found = fmpq_mat(rows).solve(
            fmpq_mat([[-noise[i][j]] for i in range(size) for j in range(size)])
        )
    except ZeroDivisionError:
        return None
    return [[found[i * size + j, 0] for j in range(size)] for i in range(size)]


@dataclass(frozen=True)
class _System:
    """The model's coefficients as rational functions."""

    ring: Ring
    drift: tuple[Quotient, ...]
    noise: tuple[tuple[Quotient, ...], ...]

    def closed(self, start: frozenset[int]) -> frozenset[int]:
        """The smallest set of coordinates with `start` that is a diffusion of its own."""
        found = start
        while True:
            entries = [self.drift[i] for i in found]
            entries += [self.noise[i][j] for i in found for j in found]
            more = found.union(*(self.ring.depends(entry) for entry in entries))
            if more == found:
                return found
            found = more

    def blocks(self, within: frozenset[int]) -> list[frozenset[int]]:
        """The different closed sets of single coordinates."""
        return sorted({self.closed(frozenset({i})) for i in within}, key=sorted)

    def coefficients(self, block: frozenset[int]) -> Coefficients:
        """Those of a closed set."""
        places = tuple(sorted(block))
        drift = [self.drift[i] for i in places]
        noise = [[self.noise[i][j] for j in places] for i in places]
        below = self.ring.constant(1)
        for entry in (*drift, *(entry for row in noise for entry in row)):
            below = divmod(below * entry.below, below.gcd(entry.below))[0]

        def raised(entry: Quotient) -> fmpq_mpoly:
            return entry.above * divmod(below, entry.below)[0]

        return Coefficients(
            self.ring,
            places,
            tuple(raised(entry) for entry in drift),
            tuple(tuple(raised(entry) for entry in row) for row in noise),
            below,
        )


@lru_cache(maxsize=64)
def _system(model: MultivariateModel) -> _System:
    eta, theta = single_rational(model.eta), single_rational(model.theta)
    if eta is None or theta is None:
        raise NotRational
    d = model.dimension
    parts = [model.gradient, model.noise, model.noise_divergence]
    ring, found = quotients(combined(model.variables, parts))
    entries = d * (d + 1) // 2
    gradient, upper, divergence = found[:d], found[d : d + entries], found[d + entries :]
    half = as_fmpq(theta * eta / 2)
    drift = []
    for g, e in zip(gradient, divergence, strict=True):
        drift.append(g.scaled(fmpq(-1)) if theta == 0 else g.scaled(fmpq(-1)).plus(e.scaled(half)))
    noise: list[list[Quotient]] = [[upper[0]] * d for _ in range(d)]
    for (i, j), entry in zip(upper_triangle(d), upper, strict=True):
        noise[i][j] = noise[j][i] = entry.scaled(as_fmpq(eta))
    return _System(ring, tuple(drift), tuple(tuple(row) for row in noise))


_UNREADABLE = "drift and noise are no rational functions with rational coefficients"
_UNDECIDED = "no power of a quadratic form decides it"


def stationary_law(model: MultivariateModel) -> Finding:
    """Whether there is a stationary law: `finite` if there is, `infinite` if there is none."""
    try:
        system = _system(model)
    except NotRational:
        return Finding("undecided", reason=_UNREADABLE)
    blocks = [system.coefficients(b) for b in system.blocks(frozenset(range(model.dimension)))]
    for block in blocks:
        support = block.outward(Fraction(max(-block.growth, 0)))
        if support is not None:
            return Finding("infinite", support)
    return _joined([block.finite(Fraction(0)) for block in _largest(blocks)])


def moment(model: MultivariateModel, observable: Program, power: Fraction) -> Finding:
    """Whether `E|f|^power` is finite under the stationary law, if there is one.

    Parameters
    ----------
    observable : program of f, with the d variables as inputs
    power : positive
    """
    try:
        system = _system(model)
    except NotRational:
        return Finding("undecided", reason=_UNREADABLE)
    used = frozenset(i for i, name in enumerate(model.variables) if observable.uses(name))
    blocks = [system.coefficients(b) for b in system.blocks(used)]
    degree = _exact_degree(model, observable)
    for block in blocks:
        if degree is not None and degree > 0 and used <= set(block.block):
            found = _infinite(block, degree * power)
            if found is not None:
                return found
    bound = growth(observable)
    if bound is None:
        return Finding("undecided", reason="the growth of the observable is not known")
    return _joined([block.finite(bound * power) for block in _largest(blocks)])


def _infinite(block: Coefficients, order: Fraction) -> Finding | None:
    """Whether `E|x|^order`, and so that of all polynomials of such growth, is infinite."""
    if not block.elliptic():
        return None
    index = block.index()
    if index is not None and order >= index > block.growth:
        return Finding("infinite", "proved", index)
    k = order - block.growth
    support = block.outward(k) if k > 0 else None
    return None if support is None else Finding("infinite", support)


def _largest(blocks: Sequence[Coefficients]) -> list[Coefficients]:
    """Those within no other."""
    return [b for b in blocks if not any(set(b.block) < set(other.block) for other in blocks)]


def _joined(supports: Sequence[Support | None]) -> Finding:
    if None in supports:
        return Finding("undecided", reason=_UNDECIDED)
    return Finding("finite", "numerical" if "numerical" in supports else "proved")


def _exact_degree(model: MultivariateModel, observable: Program) -> int | None:
    """The degree of a polynomial whose leading form is free of bounded symbols."""
    try:
        ring, (f,) = quotients(combined(model.variables, [observable]))
    except NotRational:
        return None
    if not f.below.is_constant() or f.above.is_zero():
        return None
    degree = ring.degree(f.above)
    leading = [e for e in terms_of(f.above) if sum(e[: ring.size]) == degree]
    return None if any(any(e[ring.size :]) for e in leading) else degree


def growth(program: Program) -> Fraction | None:
    """An n with `|f| <= c(1 + |x|)^n` by the rules of sums, products and powers, or None."""
    known: list[Fraction | None] = []
    for op, args, value in program.instructions:
        known.append(_growth(program, op, args, [known[a] for a in args], value))
    return known[program.outputs[0]]


def _growth(
    program: Program,
    op: str,
    args: Sequence[int],
    degrees: Sequence[Fraction | None],
    value: Fraction | int | None,
) -> Fraction | None:
    if op in ("const", "pi", "sin", "cos", "tanh", "atan", "erf", "erfc", "sign"):
        return Fraction(0)
    if op == "input":
        return Fraction(1)
    known = [degree for degree in degrees[1 if op == "select" else 0 :] if degree is not None]
    if not known or len(known) < len(args) - (op == "select"):
        return None
    if op in ("add", "sub", "select"):
        return max(known)
    if op == "mul":
        return sum(known, Fraction(0))
    if op in ("neg", "abs", "asinh"):
        return known[0]
    if op == "sqrt":
        return known[0] / 2
    if op == "power" and value is not None and value > 0:
        return known[0] * value
    if op == "div" and program.instructions[args[1]].op == "const":
        return known[0]
    return None
