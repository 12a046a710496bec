"""A claim as data: statement, domain, hypotheses, derivation, evidence, mutants, expectation.

A content module registers its claims with the decorator `claim`. The decorator's arguments are
metadata, readable without doing any mathematics; the decorated function builds the body when the
claim is verified, so that an error in a formula is a verdict on that claim, never a crash of all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import sympy
from sympy.core.basic import Basic

from exitlaw.verdict import Verdict

if TYPE_CHECKING:
    from exitlaw.derivation import Derivation
    from exitlaw.evidence import Evidence

Point = Mapping[sympy.Symbol, sympy.Expr]
"""Exact values (rational unless said otherwise) of a claim's symbols."""

Profile = Literal["quick", "full"]


# --- statements ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Equality:
    """`lhs = rhs`. `lhs` names the quantity, `rhs` is the formula under test."""

    lhs: sympy.Expr
    rhs: sympy.Expr


@dataclass(frozen=True)
class Bound:
    """`lhs <= rhs` (or `<`) over the claim's domain; `rhs` is the bound under test."""

    lhs: sympy.Expr
    rhs: sympy.Expr
    strict: bool = False


@dataclass(frozen=True)
class LimitStatement:
    """`lhs -> rhs` as `variable -> to`; if `rhs` depends on the variable, lhs/rhs -> 1.

    With `remainder`, moreover |lhs/rhs - 1| <= remainder on the domain.
    """

    lhs: sympy.Expr
    rhs: sympy.Expr
    variable: sympy.Symbol
    to: sympy.Expr
    remainder: sympy.Expr | None = None


@dataclass(frozen=True)
class Equivalence:
    """`lhs` holds if and only if `rhs` holds; `lhs` names a property, `rhs` is the criterion."""

    lhs: Basic
    rhs: Basic


Statement = Equality | Bound | LimitStatement | Equivalence


def with_formula(statement: Statement, formula: Basic) -> Statement:
    """The same statement about another formula: `rhs` replaced (the way every mutant is made)."""
    return replace(statement, rhs=formula)  # type: ignore[arg-type]


# --- domain -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """One symbol's range: an interval, sampled linearly or logarithmically, or listed values.

    Evidence is taken in the interval. A proof has to hold for every value that the symbol's
    assumptions, the constraints and the listed values allow; what is not proved may be used as a
    lemma inside the interval only, or everywhere if it is `cited`: the theorem named in the
    claim's source covers all allowed values.
    """

    low: Fraction | int | sympy.Expr = 0
    high: Fraction | int | sympy.Expr = 0
    scale: Literal["linear", "log"] = "linear"
    values: tuple[sympy.Expr, ...] = ()
    cited: bool = False


@dataclass(frozen=True)
class Domain:
    """Symbols with their ranges, and the constraints that every point must satisfy."""

    ranges: Mapping[sympy.Symbol, Range] = field(default_factory=dict)
    constraints: tuple[Basic, ...] = ()


# --- mutants ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """A false neighbour of the claim: the statement with another formula."""

    name: str
    formula: Basic


# --- claims -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClaimBody:
    """What verification needs; built lazily by the function under `@claim`."""

    statement: Statement
    domain: Domain = field(default_factory=Domain)
    hypotheses: tuple[str, ...] = ()
    derivation: Derivation | None = None
    evidence: tuple[Evidence, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    """Named neighbours; `exitlaw.mutants` adds generated ones unless `generate` is False."""
    generate: bool = True

    @property
    def remainder_note(self) -> str | None:
        """What is shown of a limit's remainder, and where; None without a remainder."""
        if getattr(self.statement, "remainder", None) is None:
            return None
        covered = [covers() for one in self.evidence if (covers := getattr(one, "covers", None))]
        points = sum(len(getattr(one, "points", ())) for one in self.evidence
                     if one.kind == "enclosure")  # fmt: skip
        proof = "algebra proves the limit; " if self.derivation is not None else ""
        if covered:
            return f"{proof}its remainder is certified {' and '.join(covered)}, not elsewhere"
        if any(one.kind == "certificate" for one in self.evidence):
            return f"{proof}its remainder is certified where the hypotheses say, not elsewhere"
        if not points:
            return f"{proof}its remainder is not checked"
        return (
            f"{proof}its remainder is compared with certified numbers at {points} "
            f"point{'s' if points > 1 else ''}, not certified"
        )

    @property
    def conditions(self) -> tuple[str, ...]:
        """The hypotheses, and what is shown of the remainder."""
        note = self.remainder_note
        return self.hypotheses if note is None else (*self.hypotheses, note)


@dataclass(frozen=True)
class Claim:
    """Permanent id and metadata of a claim, and the function that builds its body."""

    id: str
    title: str
    source: str
    expected: Mapping[Profile, Verdict]
    depends: tuple[str, ...]
    corrected: str | None
    build: Callable[[], ClaimBody]
    module: str


REGISTRY: dict[str, Claim] = {}

_BODIES: dict[str, ClaimBody] = {}


def body_of(id: str) -> ClaimBody:
    """A registered claim's body, built once until `forget_bodies`.

    Raises
    ------
    KeyError : no such claim; or whatever its function raises.
    """
    if id not in _BODIES:
        _BODIES[id] = REGISTRY[id].build()
    return _BODIES[id]


def forget_bodies() -> None:
    """Build bodies anew from now on: the judge of each claim starts from the code as it is."""
    _BODIES.clear()


def claim(
    id: str,
    *,
    title: str,
    source: str = "derived here",
    expected: str | Mapping[Profile, str] = "proved",
    depends: Sequence[str] = (),
    corrected: str | None = None,
) -> Callable[[Callable[[], ClaimBody]], Claim]:
    """Register a claim under its permanent id (`topic/name`).

    `expected` is `refuted`, or the least strength demanded, for both profiles or per profile.
    A claim expected `refuted` names in `corrected` a claim that stands under the same evidence.
    """
    by_profile: Mapping[Profile, str] = (
        {"quick": expected, "full": expected} if isinstance(expected, str) else expected
    )
    verdicts: Mapping[Profile, Verdict] = {
        profile: Verdict(value) for profile, value in by_profile.items()
    }

    def register(build: Callable[[], ClaimBody]) -> Claim:
        if id in REGISTRY:
            raise ValueError(
                f"expected a new claim id; received {id!r} a second time; choose another id"
            )
        module = build.__module__
        made = Claim(id, title, source, verdicts, tuple(depends), corrected, build, module)
        REGISTRY[id] = made
        return made

    return register


class _CallableModule(ModuleType):
    """Importing this module binds it as `exitlaw.claim`, where users expect the decorator."""

    __call__ = staticmethod(claim)


sys.modules[__name__].__class__ = _CallableModule
