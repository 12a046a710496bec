"""Derivations: steps, each with the rule that justifies it and a check that algebra performs.

A step states a relation. It is accepted when its check succeeds, the broken twin of the check
fails, and the relation follows from what this check and the accepted steps before it establish:
literally, or by rewriting with the established equalities and an exact normal form. So a step
cannot print one relation and check another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef

from exitlaw.checks import (
    Antiderivative,
    ChangeOfVariables,
    Check,
    CheckResult,
    DefiniteIntegral,
    Definition,
    Identity,
    Inequality,
    LemmaUse,
    LimitCheck,
    LogDerivative,
    SolvesODE,
    Squeeze,
    Substitution,
)
from exitlaw.claim import Domain, Statement
from exitlaw.relations import as_statement, follows
from exitlaw.scope import Scope, assumed, beyond, left

__all__ = [
    "Antiderivative",
    "ChangeOfVariables",
    "Check",
    "CheckResult",
    "DefiniteIntegral",
    "Definition",
    "Derivation",
    "DerivationOutcome",
    "Identity",
    "Inequality",
    "LemmaUse",
    "LimitCheck",
    "LogDerivative",
    "SolvesODE",
    "Squeeze",
    "Step",
    "StepOutcome",
    "Substitution",
]


@dataclass(frozen=True)
class Step:
    """One step: name, the relation it establishes (for LaTeX), the rule, the check.

    `relation` is a statement (`Equality`, `Bound`, …) or a SymPy relation (`Eq`, unevaluated).
    """

    name: str
    relation: Basic | Statement
    rule: str
    check: Check


@dataclass(frozen=True)
class StepOutcome:
    """Whether a step was accepted, and why."""

    step: Step
    ok: bool
    detail: str
    seconds: float


@dataclass(frozen=True)
class DerivationOutcome:
    """The outcome of every step, in order, and the lemmas (claim ids) that were used."""

    steps: tuple[StepOutcome, ...]
    lemmas: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def broke(self) -> StepOutcome | None:
        """The first step that was not accepted."""
        return next((step for step in self.steps if not step.ok), None)


@dataclass(frozen=True)
class Derivation:
    """Steps whose last one establishes the claim's statement (`concludes` checks that it does)."""

    steps: tuple[Step, ...]

    def concludes(self, statement: Statement) -> bool:
        """Whether the last step's relation is the statement, exactly."""
        if not self.steps:
            return False
        last = as_statement(self.steps[-1].relation)
        return last is not None and follows(statement, (last,))

    def exceeds(self, domain: Domain) -> str | None:
        """The interval that the last step assumes and the domain does not grant, or None."""
        last = as_statement(self.steps[-1].relation) if self.steps else None
        if last is None:
            return None
        return beyond(last, domain, assumed(self.steps[-1].check, last))

    def run(self) -> DerivationOutcome:
        """Run every step's check and its broken twin; exceptions are failures of the step."""
        facts: list[Statement] = []
        scopes: list[Scope] = []
        outcomes = []
        for step in self.steps:
            start = perf_counter()
            ok, detail = _accept(step, facts, scopes)
            outcomes.append(StepOutcome(step, ok, detail, perf_counter() - start))
            if ok:
                facts.extend(step.check.establishes())
                relation = as_statement(step.relation)
                if relation is not None:
                    facts.append(relation)
                    scopes += assumed(step.check, relation)
        lemmas = dict.fromkeys(_lemmas(step.check for step in self.steps))
        return DerivationOutcome(tuple(outcomes), tuple(lemmas))


def _lemmas(checks: Iterable[Check]) -> list[str]:
    return [lemma for check in checks for lemma in getattr(check, "lemmas", ())]


def _is_used(symbol: sympy.Expr, facts: Iterable[Statement]) -> bool:
    name = symbol.func if isinstance(symbol, AppliedUndef) else symbol
    return any(side.has(name) for fact in facts for side in (fact.lhs, fact.rhs))


def _accept(step: Step, facts: list[Statement], scopes: list[Scope]) -> tuple[bool, str]:
    try:
        result = step.check.run()
        if not result.ok:
            return False, result.detail
        if step.check.broken().run().ok:
            return False, "the check does not notice the step made false"
        if isinstance(step.check, Definition) and _is_used(step.check.symbol, facts):
            return False, f"{step.check.symbol} already has a meaning in an earlier step"
        for needed in getattr(step.check, "requires", tuple)():
            if not follows(needed, facts):
                return False, f"it needs what no earlier step established: {needed}"
        obstacle = left(step.check, scopes)
        if obstacle is not None:
            return False, obstacle
        relation = as_statement(step.relation)
        if relation is None:
            return False, f"the relation is not one a check can establish: {step.relation}"
        established = step.check.establishes()
        if not follows(relation, (*facts, *established)):
            return False, (
                f"the check establishes {'; '.join(map(str, established))}, from which, with the "
                f"steps before, the stated relation does not follow: {step.relation}"
            )
    except Exception as error:  # a step that cannot be checked is not accepted
        return False, f"{type(error).__name__}: {error}"
    return True, result.detail
