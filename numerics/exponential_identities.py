"""Formulas in x and exponentials of polynomials as exact quotients: do they vanish, or cancel?

Over Q(x) the functions `e, e^x, e^(x²), …` are algebraically independent, roots of them included:
with one variable for each, a formula built by + − × ÷ is a quotient of polynomials, and vanishes
only where its numerator does. So σ(w) + σ(−w) − 1 is seen to be 0, σ(w) = e^w/(1 + e^w).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpq_poly

from numerics.evaluators import as_fmpq
from numerics.program import Builder, Instruction, Program
from numerics.rational import emit_polynomial, rational_functions

LARGEST = 400
"""Terms of a numerator or denominator beyond which the formula is given up."""


HIGHEST = 200
"""Powers of an exponential beyond which the formula is given up."""

_EXPONENTIALS = ("exp", "sinh", "cosh", "tanh")


class _Unknown(Exception):
    """No quotient of polynomials in x and exponentials, or too large a one."""


@dataclass(frozen=True)
class _Quotient:
    above: Any
    below: Any

    def checked(self) -> _Quotient:
        if max(len(self.above), len(self.below)) > LARGEST:
            raise _Unknown
        return self

    def __add__(self, other: _Quotient) -> _Quotient:
        if self.below == other.below:
            return _Quotient(self.above + other.above, self.below).checked()
        above = self.above * other.below + other.above * self.below
        return _Quotient(above, self.below * other.below).checked()

    def __mul__(self, other: _Quotient) -> _Quotient:
        return _Quotient(self.above * other.above, self.below * other.below).checked()

    def inverse(self) -> _Quotient:
        if self.above == 0:
            raise _Unknown
        return _Quotient(self.below, self.above)


@lru_cache(maxsize=1024)
def vanishes_identically(program: Program) -> bool:
    """Whether the first output is 0 for every x; False also where that is not known."""
    try:
        return bool(_quotient(program)[0].above == 0)
    except _Unknown:
        return False


@lru_cache(maxsize=256)
def without_cancellation(program: Program) -> Program | None:
    """A C that is a quotient of sums of positive terms, written so: `σ(1 − σ)` as `E/(1 + E)²`.

    Factors keep the powers of sums apart. None where there is no such form, or it has no
    exponentials, or no sum in it cancels as it stands.
    """
    return None if _adds_positive_terms(program) else _written(program, True)


@lru_cache(maxsize=256)
def as_quotient(program: Program) -> Program | None:
    """A quotient of polynomials in x and exponentials in lowest terms, factored, or None."""
    return _written(program, False)


def _adds_positive_terms(program: Program) -> bool:
    """Whether every sum on the way, exponents apart, is one of terms that are never negative."""
    positive: list[bool] = []
    sound: list[bool] = []
    for op, args, value in program.instructions:
        inputs_sound = all(sound[a] for a in args)
        inputs_positive = all(positive[a] for a in args)
        if op == "const":
            positive.append(value is not None and value >= 0)
        elif op == "power":
            positive.append(inputs_positive or (isinstance(value, int) and value % 2 == 0))
        else:
            positive.append(
                op in ("exp", "cosh") or (op in ("add", "mul", "div") and inputs_positive)
            )
        sound.append(
            op in ("const", "input", *_EXPONENTIALS)
            or (op in ("mul", "div", "power") and inputs_sound)
            or (op == "add" and inputs_sound and inputs_positive)
        )
    return all(sound[o] for o in program.outputs)


def _written(program: Program, positive: bool) -> Program | None:
    if not any(i.op in _EXPONENTIALS for i in program.instructions) or not program.is_smooth:
        return None
    try:
        found, parts = _quotient(program)
    except _Unknown:
        return None
    common = found.above.gcd(found.below)
    if common == 0:
        return None
    (above, _), (below, _) = divmod(found.above, common), divmod(found.below, common)
    builder = Builder(program.inputs)
    x = builder.input(program.inputs[0])
    outputs: list[int] = []
    for polynomial in (above, below):
        constant, factors = polynomial.factor()
        if positive and not (constant > 0 and all(_is_positive(f) for f, _ in factors)):
            return None
        total = builder.constant(_fraction(constant))
        for factor, power in factors:
            inner = _emitted(builder, x, factor, parts)
            if power > 1:
                inner = builder.emit("power", inner, value=int(power))
            total = builder.emit("mul", total, inner)
        outputs.append(total)
    return builder.program([builder.emit("div", *outputs)])


def _is_positive(polynomial: Any) -> bool:
    """Whether all terms are positive: even powers of x, positive coefficients."""
    return all(c > 0 and exponents[0] % 2 == 0 for exponents, c in polynomial.terms())


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _emitted(builder: Builder, x: int, polynomial: Any, parts: list[fmpq]) -> int:
    total: int | None = None
    for (power, *rates), coefficient in polynomial.terms():
        term = builder.constant(_fraction(coefficient))
        if power:
            term = builder.emit("mul", term, builder.emit("power", x, value=int(power)))
        if any(rates):
            rate = fmpq_poly([int(r) * part for r, part in zip(rates, parts, strict=True)])
            exponential = builder.emit("exp", emit_polynomial(builder, rate, x))
            term = builder.emit("mul", term, exponential)
        total = term if total is None else builder.emit("add", total, term)
    return builder.constant(0) if total is None else total


def _quotient(program: Program) -> tuple[_Quotient, list[fmpq]]:
    """With the parts that all exponents are multiples of: variable k is `e^(parts[k] x^k)`."""
    arguments = {
        index: _argument(program, index)
        for index, i in enumerate(program.instructions)
        if i.op in _EXPONENTIALS
    }
    degree = max((a.degree() for a in arguments.values()), default=-1)
    parts = [_common_part([a[k] for a in arguments.values()]) for k in range(degree + 1)]
    context = fmpq_mpoly_ctx.get(("x", *(f"e{k}" for k in range(degree + 1))), Ordering.lex)
    x, *bases = context.gens()
    one = context.constant(1)

    def exponential(argument: fmpq_poly, factor: int) -> _Quotient:
        above, below = one, one
        for k, base in enumerate(bases):
            power = int((argument[k] / parts[k] * factor).p)
            if abs(power) > HIGHEST:
                raise _Unknown
            above, below = (
                (above * base**power, below) if power > 0 else (above, below * base**-power)
            )
        return _Quotient(above, below)

    def constant(value: fmpq) -> _Quotient:
        return _Quotient(context.constant(value), one)

    values: list[_Quotient] = []
    for index, instruction in enumerate(program.instructions):
        if index in arguments:
            both = [exponential(arguments[index], sign) for sign in (1, -1)]
            values.append(_hyperbolic(instruction.op, both[0], both[1], constant))
        elif instruction.op == "input":
            values.append(_Quotient(x, one))
        else:
            values.append(_combined(instruction, [values[a] for a in instruction.args], constant))
    return values[program.outputs[0]], parts


def _common_part(values: list[fmpq]) -> fmpq:
    """The largest rational of which all are multiples (1 for zeros)."""
    below = math.lcm(*(int(v.q) for v in values))
    above = math.gcd(*(int((v * below).p) for v in values))
    return fmpq(above or 1, below)


def _hyperbolic(
    op: str, up: _Quotient, down: _Quotient, constant: Callable[[fmpq], _Quotient]
) -> _Quotient:
    if op == "exp":
        return up
    odd, even = up + down * constant(fmpq(-1)), up + down
    half = constant(fmpq(1, 2))
    return odd * even.inverse() if op == "tanh" else (odd if op == "sinh" else even) * half


def _combined(
    instruction: Instruction, args: list[_Quotient], constant: Callable[[fmpq], _Quotient]
) -> _Quotient:
    op, value = instruction.op, instruction.value
    if op == "const":
        return constant(as_fmpq(value or 0))
    if op == "neg":
        return args[0] * constant(fmpq(-1))
    if op == "add":
        return args[0] + args[1]
    if op == "sub":
        return args[0] + args[1] * constant(fmpq(-1))
    if op == "mul":
        return args[0] * args[1]
    if op == "div":
        return args[0] * args[1].inverse()
    if op == "power" and isinstance(value, int) and abs(value) <= 16:
        base = args[0] if value >= 0 else args[0].inverse()
        result = constant(fmpq(1))
        for _ in range(abs(value)):
            result = result * base
        return result
    raise _Unknown


def _argument(program: Program, index: int) -> fmpq_poly:
    """The polynomial inside an exponential."""
    inner = Program(program.inputs, program.instructions, program.instructions[index].args)
    functions = rational_functions(inner.select(0))
    if functions is None or functions[0][1].degree() > 0:
        raise _Unknown
    above, below = functions[0]
    return above / below[0]


__all__ = ["as_quotient", "vanishes_identically", "without_cancellation"]
