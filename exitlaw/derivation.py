"""Derivations: steps, each with the rule that justifies it and a check that algebra performs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sympy
from sympy.core.basic import Basic

from exitlaw.claim import Statement


@dataclass(frozen=True)
class CheckResult:
    """Whether algebra confirmed a step, and what it did."""

    ok: bool
    detail: str


class Check(Protocol):
    """An algebraic check; `broken` is the same check of a step made false, which must fail."""

    def run(self) -> CheckResult: ...

    def broken(self) -> Check: ...


@dataclass(frozen=True)
class Step:
    """One step: name, the relation it establishes (for LaTeX), the rule, the check."""

    name: str
    relation: Basic
    rule: str
    check: Check


@dataclass(frozen=True)
class Derivation:
    """Steps whose last one establishes the claim's statement (`concludes` checks that it does)."""

    steps: tuple[Step, ...]

    def concludes(self, statement: Statement) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class Identity:
    """lhs - rhs reduces to zero in an exact normal form."""

    lhs: sympy.Expr
    rhs: sympy.Expr

    def run(self) -> CheckResult:
        raise NotImplementedError

    def broken(self) -> Identity:
        raise NotImplementedError
