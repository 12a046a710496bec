"""A formula with exponentials towards an infinite end: `e^S (a + e^(−ρ) b)`, exactly.

S and ρ are polynomials in the state x with rational coefficients, ρ → ∞; the limit a holds no
exponential of a polynomial; b may hold decaying ones. Nothing is truncated: b is the formula that
makes the equation exact, to be bounded beyond a cut (`numerics.spans`), or taken apart in its turn
where a vanishes identically (1 − tanh²). So `log(1 + e^x)` becomes `x + e^(−x) λ₁(e^(−x))`, with

    ε_k(z) = Σ_j z^j/(j + k)!,        λ_k(z) = (log(1 + z) − Σ_{j<k} (−1)^(j+1) z^j/j)/z^k,

analytic at z = 0, which appear as operations `exp_rest` and `log_rest` with k appended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from flint import arb_series, ctx, fmpq_poly

from numerics.discs import LOW_PRECISION
from numerics.evaluators import as_fmpq
from numerics.exponential_identities import vanishes_identically
from numerics.local import End, NotLocal, expand
from numerics.program import Builder, Instruction, Program
from numerics.rational import emit_polynomial, rational_functions
from numerics.spans import RESTS, leading

MOST_CANCELLATIONS = 12
"""How often in turn a limit may cancel before the formula is given up."""

MOST_INSTRUCTIONS = 40000
"""Larger formulas are given up."""

NOTHING = fmpq_poly([])


@dataclass(frozen=True)
class Form:
    """`e^rate (limit + e^(−gap) rest)`; without `rest` (None) the bracket is the limit itself."""

    rate: fmpq_poly
    limit: Program
    gap: fmpq_poly
    rest: Program | None

    @property
    def vanishes(self) -> bool:
        """Whether the function is 0 identically."""
        return _vanishes(self.limit)


@dataclass(frozen=True)
class _Mode:
    """The same with instructions of one builder."""

    rate: fmpq_poly
    limit: int
    gap: fmpq_poly = field(default_factory=fmpq_poly)
    rest: int | None = None


def growth(rate: fmpq_poly, end: End) -> int:
    """+1 where the polynomial tends to ∞ at the end, −1 where to −∞, 0 for the zero polynomial."""
    degree = rate.degree()
    if degree < 1:
        return 0
    positive = rate[degree] > 0
    if end.outward < 0 and degree % 2:
        positive = not positive
    return 1 if positive else -1


@lru_cache(maxsize=512)
def forms(program: Program, end: End) -> tuple[Form, ...] | None:
    """The outputs at an infinite end, or None where there is no such form (or no exponential)."""
    if end.point is not None or len(program.inputs) != 1 or not program.is_smooth:
        return None
    if not any(i.op in ("exp", "sinh", "cosh", "tanh", "pow") for i in program.instructions):
        return None
    expansion = _Transseries(program, end)
    try:
        found = expansion.forms()
    except NotLocal:
        return None
    # exp(1/x): no exponential of a polynomial, so that the limit is the formula itself.
    gained = any(form.rest is not None or form.rate.degree() > 0 for form in found)
    return found if gained else None


def _vanishes(program: Program) -> bool:
    functions = rational_functions(program)
    return functions is not None and functions[0][0].degree() < 0


def canonical(program: Program) -> Program:
    """A rational function written as a reduced quotient; other programs as they are."""
    functions = rational_functions(program)
    if functions is None:
        return program
    builder = Builder(program.inputs)
    x = builder.input(program.inputs[0])
    outputs = []
    for above, below in functions:
        numerator = emit_polynomial(builder, above, x)
        if below.degree() > 0:
            numerator = builder.emit("div", numerator, emit_polynomial(builder, below, x))
        outputs.append(numerator)
    return builder.program(outputs)


_OF_RATES = ("sub", "neg", "mul", "div", "power", "sqrt", "log", "add")
"""Operations that keep constants in the rates, where they cancel exactly."""


class _Transseries:
    """Modes of the instructions of one builder, made as they are asked for."""

    def __init__(self, program: Program, end: End) -> None:
        self.end = end
        self.builder = Builder(program.inputs)
        self.x = self.builder.input(program.inputs[0])
        self.modes: dict[int, _Mode] = {}
        self.cancelled = 0
        whole = Program(
            program.inputs, program.instructions, tuple(range(len(program.instructions)))
        )
        self.order = self.builder.include(whole, {program.inputs[0]: self.x})
        self.outputs = [self.order[o] for o in program.outputs]

    def forms(self) -> tuple[Form, ...]:
        for index in self.order:
            # In this order no recursion is deep; what is of no use to the outputs may fail.
            try:
                self.mode(index)
            except NotLocal:
                continue
        return tuple(self._form(self.mode(index)) for index in self.outputs)

    def _form(self, mode: _Mode) -> Form:
        mode = self._levelled(mode)
        rest = None if mode.rest is None else self.builder.program([mode.rest])
        return Form(mode.rate, canonical(self._program(mode.limit)), mode.gap, rest)

    # --- instructions, with what folds by itself -------------------------------------------------

    def _program(self, index: int) -> Program:
        return self.builder.program([index])

    def _constant(self, value: int) -> int:
        return self.builder.constant(value)

    def _emit(self, op: str, *args: int, value: Fraction | int | None = None) -> int:
        if len(self.builder.instructions) > MOST_INSTRUCTIONS:
            raise NotLocal("a formula too large")
        return self.builder.emit(op, *args, value=value)

    def _is(self, index: int, value: int) -> bool:
        return self.builder.rational(index) == value

    def _add(self, a: int, b: int) -> int:
        if self._is(a, 0):
            return b
        return a if self._is(b, 0) else self._emit("add", a, b)

    def _subtract(self, a: int, b: int) -> int:
        if a == b:
            return self._constant(0)
        return a if self._is(b, 0) else self._emit("sub", a, b)

    def _multiply(self, a: int, b: int) -> int:
        if self._is(a, 0) or self._is(b, 0):
            return self._constant(0)
        if self._is(a, 1):
            return b
        return a if self._is(b, 1) else self._emit("mul", a, b)

    def _divide(self, a: int, b: int) -> int:
        if a == b:
            return self._constant(1)
        return a if self._is(b, 1) else self._emit("div", a, b)

    def _negate(self, a: int) -> int:
        return self._emit("neg", a)

    def _power(self, a: int, value: Fraction | int) -> int:
        return a if value == 1 or self._is(a, 1) else self._emit("power", a, value=value)

    def _exponential(self, rate: fmpq_poly) -> int:
        """e^rate."""
        if rate.degree() < 0:
            return self._constant(1)
        return self._emit("exp", emit_polynomial(self.builder, rate, self.x))

    def _is_zero(self, index: int) -> bool:
        if self.builder.rational(index) is not None:
            return self._is(index, 0)
        return _vanishes(self._program(index))

    # --- modes -----------------------------------------------------------------------------------

    def _plain(self, index: int) -> _Mode:
        return _Mode(NOTHING, index)

    def _small(self, mode: _Mode) -> int | None:
        """`e^(−gap) rest`."""
        if mode.rest is None:
            return None
        return self._multiply(self._exponential(-mode.gap), mode.rest)

    def _bracket(self, mode: _Mode) -> int:
        """`limit + e^(−gap) rest`."""
        small = self._small(mode)
        return mode.limit if small is None else self._add(mode.limit, small)

    def _made(self, rate: fmpq_poly, limit: int, rests: list[tuple[fmpq_poly, int]]) -> _Mode:
        """A mode from all that is small; where the limit vanishes the slowest of that leads."""
        rests = [(gap, rest) for gap, rest in rests if not self._is(rest, 0)]
        if not rests:
            return _Mode(rate, self._constant(0) if self._is_zero(limit) else limit)
        gap = rests[0][0]
        for other, _ in rests[1:]:
            if growth(other - gap, self.end) < 0:
                gap = other
        total = self._constant(0)
        for own, rest in rests:
            total = self._add(total, self._multiply(self._exponential(gap - own), rest))
        if not self._is_zero(limit):
            return _Mode(rate, limit, gap, total)
        if vanishes_identically(self._program(total)):
            return self._plain(self._constant(0))
        if self.cancelled >= MOST_CANCELLATIONS:
            raise NotLocal("a limit that cancels again and again")
        self.cancelled += 1
        try:
            inner = self.mode(total)
        finally:
            self.cancelled -= 1
        return _Mode(rate - gap + inner.rate, inner.limit, inner.gap, inner.rest)

    def _levelled(self, mode: _Mode) -> _Mode:
        """The constant of the rate moved into the limit."""
        constant = mode.rate[0]
        if constant == 0:
            return mode
        factor = self._emit(
            "exp", self.builder.constant(Fraction(int(constant.p), int(constant.q)))
        )
        rest = None if mode.rest is None else self._multiply(factor, mode.rest)
        rate = mode.rate - fmpq_poly([constant])
        return _Mode(rate, self._multiply(factor, mode.limit), mode.gap, rest)

    def _is_nothing(self, mode: _Mode) -> bool:
        return mode.rest is None and self._is(mode.limit, 0)

    def mode(self, index: int) -> _Mode:
        """The mode of an instruction."""
        found = self.modes.get(index)
        if found is None:
            found = self.modes[index] = self._mode(self.builder.instructions[index], index)
        return found

    def _mode(self, instruction: Instruction, index: int) -> _Mode:
        op = instruction.op
        if op in ("input", "const") or not instruction.args:
            return self._plain(index)
        args = [self.mode(a) for a in instruction.args]
        if op not in _OF_RATES:
            args = [self._levelled(a) for a in args]
        if op == "add":
            return self._sum(*args)
        if op == "sub":
            return self._sum(args[0], self._negative(args[1]))
        if op == "neg":
            return self._negative(args[0])
        if op == "mul":
            return self._product(*args)
        if op == "div":
            return self._quotient(*args)
        if op == "power":
            return self._raised(args[0], instruction.value or 0)
        if op == "sqrt":
            return self._raised(args[0], Fraction(1, 2))
        if op == "pow":
            return self._exp(self._product(args[1], self._log(args[0])))
        if op in ("exp", "log", "sinh", "cosh", "tanh"):
            return getattr(self, f"_{op}")(args[0])
        for kind in ("exp_rest", "log_rest"):
            if op.startswith(kind):
                return self._analytic(kind, int(op.removeprefix(kind)), args[0], index)
        if all(a.rest is None and a.rate.degree() < 0 for a in args):
            return self._plain(self._emit(op, *(a.limit for a in args)))
        raise NotLocal(f"{op} of an exponential")

    def _sum(self, one: _Mode, other: _Mode) -> _Mode:
        if self._is_nothing(one):
            return other
        if self._is_nothing(other):
            return one
        ahead = growth(one.rate - other.rate, self.end)
        if ahead == 0 and one.rate != other.rate:
            one, other = self._levelled(one), self._levelled(other)
        if ahead == 0:
            rests = [(m.gap, m.rest) for m in (one, other) if m.rest is not None]
            return self._made(one.rate, self._add(one.limit, other.limit), rests)
        first, second = (one, other) if ahead > 0 else (other, one)
        rests = [(first.rate - second.rate, self._bracket(second))]
        if first.rest is not None:
            rests.append((first.gap, first.rest))
        return self._made(first.rate, first.limit, rests)

    def _negative(self, mode: _Mode) -> _Mode:
        rest = None if mode.rest is None else self._negate(mode.rest)
        return _Mode(mode.rate, self._negate(mode.limit), mode.gap, rest)

    def _product(self, one: _Mode, other: _Mode) -> _Mode:
        if self._is_nothing(one) or self._is_nothing(other):
            return self._plain(self._constant(0))
        rests: list[tuple[fmpq_poly, int]] = []
        for a, b in ((one, other), (other, one)):
            if b.rest is not None:
                rests.append((b.gap, self._multiply(a.limit, b.rest)))
        if one.rest is not None and other.rest is not None:
            rests.append((one.gap + other.gap, self._multiply(one.rest, other.rest)))
        return self._made(one.rate + other.rate, self._multiply(one.limit, other.limit), rests)

    def _quotient(self, above: _Mode, below: _Mode) -> _Mode:
        """`(a + α)/(b + β) = a/b + (αb − aβ)/(b(b + β))`."""
        if self._is_nothing(below):
            raise NotLocal("division by zero")
        if self._is_nothing(above):
            return above
        scale = self._multiply(below.limit, self._bracket(below))
        rests: list[tuple[fmpq_poly, int]] = []
        if above.rest is not None:
            rests.append((above.gap, self._divide(above.rest, self._bracket(below))))
        if below.rest is not None:
            lost = self._multiply(above.limit, below.rest)
            rests.append((below.gap, self._negate(self._divide(lost, scale))))
        limit = self._divide(above.limit, below.limit)
        return self._made(above.rate - below.rate, limit, rests)

    def _raised(self, mode: _Mode, value: Fraction | int) -> _Mode:
        if self._is_nothing(mode):
            return mode
        if value in (2, 3):
            square = self._product(mode, mode)
            return square if value == 2 else self._product(square, mode)
        if value == -1:
            return self._quotient(self._plain(self._constant(1)), mode)
        rate = mode.rate * as_fmpq(value)
        limit = self._power(mode.limit, value)
        if mode.rest is None:
            return _Mode(rate, limit)
        # (1 + z)^r = e^y, y = r z λ₁(z)
        ratio = self._divide(mode.rest, mode.limit)
        z = self._multiply(self._exponential(-mode.gap), ratio)
        y = self._multiply(self.builder.constant(value), self._emit("log_rest1", z))
        y = self._multiply(y, ratio)
        whole = self._multiply(self._exponential(-mode.gap), y)
        rest = self._multiply(y, self._emit("exp_rest1", whole))
        return self._made(rate, limit, [(mode.gap, self._multiply(limit, rest))])

    def _exp(self, mode: _Mode) -> _Mode:
        if self._is_nothing(mode):
            return self._plain(self._constant(1))
        grows = growth(mode.rate, self.end)
        if grows > 0:
            raise NotLocal("the exponential of an exponential")
        if grows < 0:
            small = self._bracket(mode)
            whole = self._multiply(self._exponential(mode.rate), small)
            rest = self._multiply(small, self._emit("exp_rest1", whole))
            return self._made(NOTHING, self._constant(1), [(-mode.rate, rest)])
        rate, limit = self._exponential_of_limit(mode.limit)
        small = self._small(mode)
        if small is None or mode.rest is None:
            return _Mode(rate, limit)
        rest = self._multiply(self._multiply(limit, mode.rest), self._emit("exp_rest1", small))
        return self._made(rate, limit, [(mode.gap, rest)])

    def _exponential_of_limit(self, limit: int) -> tuple[fmpq_poly, int]:
        """The polynomial part of a limit, and the exponential of the rest, which tends to 1."""
        program = self._program(limit)
        functions = rational_functions(program)
        if functions is None:
            _require_bounded(program, self.end)
            return NOTHING, self._emit("exp", limit)
        above, below = functions[0]
        whole, above = divmod(above, below)
        if above.degree() < 0:
            return whole, self._constant(1)
        argument = emit_polynomial(self.builder, above, self.x)
        argument = self._divide(argument, emit_polynomial(self.builder, below, self.x))
        return whole, self._emit("exp", argument)

    def _log(self, mode: _Mode) -> _Mode:
        if self._is_nothing(mode):
            raise NotLocal("the logarithm of zero")
        limit = self._constant(0) if self._is(mode.limit, 1) else self._emit("log", mode.limit)
        if mode.rate.degree() >= 0:
            limit = self._add(emit_polynomial(self.builder, mode.rate, self.x), limit)
        if mode.rest is None:
            return _Mode(NOTHING, limit)
        ratio = self._divide(mode.rest, mode.limit)
        z = self._multiply(self._exponential(-mode.gap), ratio)
        return self._made(
            NOTHING, limit, [(mode.gap, self._multiply(ratio, self._emit("log_rest1", z)))]
        )

    def _scaled(self, mode: _Mode, factor: int) -> _Mode:
        return self._product(self._plain(self._constant(factor)), mode)

    def _sinh(self, mode: _Mode) -> _Mode:
        return self._half_sum(self._exp(mode), self._negative(self._exp(self._negative(mode))))

    def _cosh(self, mode: _Mode) -> _Mode:
        return self._half_sum(self._exp(mode), self._exp(self._negative(mode)))

    def _half_sum(self, one: _Mode, other: _Mode) -> _Mode:
        return self._quotient(self._sum(one, other), self._plain(self._constant(2)))

    def _tanh(self, mode: _Mode) -> _Mode:
        """`±(1 − z)/(1 + z)` with z = e^(∓2y) the one that does not grow."""
        z, sign = self._exp(self._scaled(mode, -2)), 1
        if growth(z.rate, self.end) > 0:
            z, sign = self._exp(self._scaled(mode, 2)), -1
        one = self._plain(self._constant(1))
        value = self._quotient(self._sum(one, self._negative(z)), self._sum(one, z))
        return value if sign > 0 else self._negative(value)

    def _analytic(self, kind: str, k: int, mode: _Mode, index: int) -> _Mode:
        """`ε_k(z) = 1/k! + z ε_(k+1)(z)`, `λ_k(z) = −(−1)^k/k + z λ_(k+1)(z)` for z → 0."""
        if k >= RESTS or growth(mode.rate, self.end) >= 0:
            raise NotLocal("a limit that cancels again and again")
        whole = self._multiply(self._exponential(mode.rate), self._bracket(mode))
        rest = self._multiply(self._bracket(mode), self._emit(f"{kind}{k + 1}", whole))
        return self._made(NOTHING, self.builder.constant(leading(kind, k)), [(-mode.rate, rest)])


def _require_bounded(program: Program, end: End) -> None:
    saved = ctx.cap
    ctx.cap = 8
    try:
        with ctx.workprec(LOW_PRECISION):
            value = expand(program, end, arb_series([0, 1]))[0]
    finally:
        ctx.cap = saved
    if value.factor is not None and value.order < 0:
        raise NotLocal("the exponential of an unbounded limit that is not rational")


__all__ = ["Form", "canonical", "forms", "growth"]
