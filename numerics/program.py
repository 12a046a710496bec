"""Straight-line programs: what a formula computes, with no computer algebra inside.

A `Program` is a frozen, hashable, picklable list of instructions. Constants are exact rationals;
`abs`, `sign` and `piecewise` stay visible as instructions, so that certified code can split a
domain where they switch. Evaluators for each kind of number live in `numerics.evaluators`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from numerics.errors import ComputationError

COMPARISONS = ("lt", "le")


class Instruction(NamedTuple):
    """One operation on the results of earlier instructions.

    `value` is the Fraction of a `const`, the index of an `input`, the exponent of a `power`.
    `select` takes (condition, value if true, value if false); conditions are `lt`, `le`, `and`,
    `or`, `not`, `true`, `false`.
    """

    op: str
    args: tuple[int, ...] = ()
    value: Fraction | int | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """Instructions computing `outputs` from `inputs`."""

    inputs: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of inputs, instructions and outputs: equal digests mean equal programs."""
        text = repr((self.inputs, [tuple(i) for i in self.instructions], self.outputs))
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.digest == other.digest

    @cached_property
    def switches(self) -> tuple[int, ...]:
        """Instructions whose sign decides a branch: arguments of abs and sign, and differences.

        Each is the index of a `sub` or of the argument; see `switch_program`.
        """
        found: list[int] = []
        for instruction in self.instructions:
            if instruction.op in ("abs", "sign") or instruction.op in COMPARISONS:
                found.append(instruction.args[0])
        return tuple(dict.fromkeys(found))

    @property
    def is_smooth(self) -> bool:
        """Whether no instruction switches between branches."""
        return not self.switches

    @cached_property
    def uses_waves(self) -> bool:
        """Whether a sine or a cosine is taken."""
        return any(i.op in ("sin", "cos") for i in self.instructions)

    @cached_property
    def uses_imaginary_unit(self) -> bool:
        """Whether values on the way may be complex."""
        return any(i.op == "imaginary_unit" for i in self.instructions)

    def switch_program(self) -> Program:
        """The functions whose zeros are the switch points (a comparison is `argument < 0`)."""
        return pruned(Program(self.inputs, self.instructions, self.switches))

    def select(self, *outputs: int) -> Program:
        """The program of some of the outputs, by position."""
        return pruned(
            Program(self.inputs, self.instructions, tuple(self.outputs[i] for i in outputs))
        )

    def uses(self, name: str) -> bool:
        """Whether an input matters."""
        if name not in self.inputs:
            return False
        index = self.inputs.index(name)
        return any(i.op == "input" and i.value == index for i in self.instructions)

    def specialised(self, decide: Callable[[int], int | None]) -> Program:
        """The program on a region where switches keep their signs, or at a point.

        `decide(position)` gives the sign (+1, -1, or 0 at a zero) of output `position` of
        `switch_program`, or None to leave that switch as it is.
        """
        signs = {index: decide(position) for position, index in enumerate(self.switches)}
        builder = Builder(self.inputs)
        new: list[int] = []
        for instruction in self.instructions:
            args = tuple(new[a] for a in instruction.args)
            sign = signs.get(instruction.args[0]) if instruction.args else None
            new.append(_specialise(builder, instruction, args, sign))
        return builder.program([new[o] for o in self.outputs])


class Builder:
    """Builds a program; equal instructions are shared, rational arithmetic is done at once."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = tuple(inputs)
        self.instructions: list[Instruction] = []
        self._index: dict[Instruction, int] = {}

    def add(self, instruction: Instruction) -> int:
        """The index of the instruction, appended if it is new."""
        folded = self._fold(instruction)
        found = self._index.get(folded)
        if found is None:
            found = self._index[folded] = len(self.instructions)
            self.instructions.append(folded)
        return found

    def emit(self, op: str, *args: int, value: Fraction | int | None = None) -> int:
        """Append an operation."""
        return self.add(Instruction(op, args, value))

    def constant(self, value: int | Fraction) -> int:
        """An exact rational."""
        return self.add(Instruction("const", (), Fraction(value)))

    def input(self, name: str) -> int:
        """An input by name."""
        return self.add(Instruction("input", (), self.inputs.index(name)))

    def include(self, program: Program, known: dict[str, int]) -> list[int]:
        """Append another program with its inputs replaced; the indices of its outputs."""
        new: list[int] = []
        for instruction in program.instructions:
            if instruction.op == "input":
                name = program.inputs[int(instruction.value or 0)]
                new.append(known[name] if name in known else self.input(name))
            else:
                args = tuple(new[a] for a in instruction.args)
                new.append(self.add(Instruction(instruction.op, args, instruction.value)))
        return [new[o] for o in program.outputs]

    def program(self, outputs: Iterable[int]) -> Program:
        """The finished program, without unused instructions."""
        chosen = tuple(outputs)  # first: a generator may still emit instructions
        return pruned(Program(self.inputs, tuple(self.instructions), chosen))

    def rational(self, index: int) -> Fraction | None:
        """The value of an instruction that is an exact rational."""
        instruction = self.instructions[index]
        return Fraction(instruction.value or 0) if instruction.op == "const" else None

    def _fold(self, instruction: Instruction) -> Instruction:
        op, args = instruction.op, instruction.args
        values = [self.rational(a) for a in args]
        if op in ("add", "mul", "sub", "div", "neg") and None not in values:
            result = _rational_arithmetic(op, [Fraction(v) for v in values if v is not None])
            if result is not None:
                return Instruction("const", (), result)
        if op == "power" and args and values[0] is not None and isinstance(instruction.value, int):
            exponent = instruction.value
            small = abs(exponent) * max(
                values[0].numerator.bit_length(), values[0].denominator.bit_length()
            )
            if small < 4096 and (values[0] != 0 or exponent >= 0):
                return Instruction("const", (), values[0] ** exponent)
        return instruction


def _specialise(
    builder: Builder, instruction: Instruction, args: tuple[int, ...], sign: int | None
) -> int:
    """One instruction with the sign of its switch known (or None), and conditions decided."""
    op = instruction.op
    if sign is not None and op == "abs":
        return args[0] if sign >= 0 else builder.emit("neg", args[0])
    if sign is not None and op == "sign":
        return builder.constant(sign)
    if sign is not None and op in COMPARISONS:
        return builder.emit("true" if sign < 0 or (sign == 0 and op == "le") else "false")
    known = [{"true": True, "false": False}.get(builder.instructions[a].op) for a in args]
    if op == "not" and known[0] is not None:
        return builder.emit("false" if known[0] else "true")
    if op in ("and", "or"):
        decisive = op == "or"
        if decisive in known:
            return builder.emit("true" if decisive else "false")
        open_ = [a for a, k in zip(args, known, strict=True) if k is None]
        if not open_:
            return builder.emit("false" if decisive else "true")
        return open_[0] if len(open_) == 1 else builder.emit(op, *open_)
    if op == "select" and known[0] is not None:
        return args[1] if known[0] else args[2]
    return builder.add(Instruction(op, args, instruction.value))


def _rational_arithmetic(op: str, values: list[Fraction]) -> Fraction | None:
    if op == "neg":
        return -values[0]
    left, right = values
    if op == "add":
        return left + right
    if op == "sub":
        return left - right
    if op == "mul":
        return left * right
    return left / right if right else None


def pruned(program: Program) -> Program:
    """The same outputs without unused instructions."""
    needed = set(program.outputs)
    for index in range(len(program.instructions) - 1, -1, -1):
        if index in needed:
            needed.update(program.instructions[index].args)
    new_index = {old: new for new, old in enumerate(sorted(needed))}
    instructions = tuple(
        Instruction(i.op, tuple(new_index[a] for a in i.args), i.value)
        for old, i in enumerate(program.instructions)
        if old in needed
    )
    return Program(program.inputs, instructions, tuple(new_index[o] for o in program.outputs))


def constant_program(value: int | Fraction) -> Program:
    """The program of an exact rational."""
    builder = Builder(())
    return builder.program([builder.constant(value)])


def combined(inputs: Sequence[str], programs: Sequence[Program]) -> Program:
    """One program with the outputs of all, common subexpressions shared; inputs matched by name."""
    builder = Builder(inputs)
    outputs = [index for p in programs for index in builder.include(p, {})]
    return builder.program(outputs)


def single_rational(program: Program) -> Fraction | None:
    """The value of a constant program that is an exact rational, else None."""
    instruction = program.instructions[program.outputs[0]]
    return Fraction(instruction.value or 0) if instruction.op == "const" else None


def require_constant(program: Program) -> None:
    """Refuse a program with free inputs."""
    free = [name for name in program.inputs if program.uses(name)]
    if free:
        raise ComputationError(
            "a model whose parameters all have values",
            f"free parameters {', '.join(free)}",
            "set them (--set NAME=VALUE)",
        )
