"""Derivations: steps, each with the rule that justifies it and a check that algebra performs.

A step states a relation. It is accepted when its check succeeds, the broken twin of the check
fails, and the relation follows from what this check and the accepted steps before it establish:
literally, or by rewriting with the established equalities and an exact normal form. So a step
cannot print one relation and check another. Each fact keeps the conditions under which it was
shown, and hands them on to what is derived from it (see `exitlaw.scope`); a name keeps its one
meaning, in this derivation and in the lemmas that it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    Squeeze,
    Substitution,
)
from exitlaw.claim import Domain, LimitStatement, Statement
from exitlaw.differential_equations import SolvesODE
from exitlaw.meanings import Meanings, moved_by, parts_of
from exitlaw.relations import as_statement, grounds, no_number
from exitlaw.scope import Condition, assumed, beyond, inherited, near_the_limit

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
    """Whether a step was accepted, and why; under which conditions its relation holds."""

    step: Step
    ok: bool
    detail: str
    seconds: float
    conditions: tuple[Condition, ...] = ()


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

    def exceeds(self, domain: Domain) -> str | None:
        """What the derivation assumes and the claim's domain does not grant, or None."""
        named = _named_and_free(self.steps, domain)
        if named is not None:
            return named
        return beyond(self.steps[-1].conditions, domain) if self.steps else None


def _named_and_free(steps: Iterable[StepOutcome], domain: Domain) -> str | None:
    """A variable of the domain that a step gives a value by definition, or None."""
    free = set(domain.ranges).union(*(part.free_symbols for part in domain.constraints))
    for one in steps:
        name = getattr(one.step.check, "names", lambda: None)()
        if name is not None and name in free:
            return f"{name} is a variable of the domain, no name that a step may give"
    return None


@dataclass(frozen=True)
class Derivation:
    """Steps whose last one establishes the claim's statement (`concludes` checks that it does)."""

    steps: tuple[Step, ...]

    def unstated(self, hypotheses: Iterable[str]) -> str | None:
        """A hypothesis that a step assumes without a check and the claim does not state, or None.

        What a lemma assumes is stated by the lemma's own claim.
        """
        stated = set(hypotheses)
        for step in self.steps:
            for needed in getattr(step.check, "assumes", ()):
                if needed not in stated:
                    return needed
        return None

    def concludes(self, statement: Statement) -> bool:
        """Whether the last step's relation is the statement, and more than a definition."""
        if not self.steps:
            return False
        last = as_statement(self.steps[-1].relation)
        if last is None:
            return False
        # The conditions of the last step are about its symbols where they are free: it is not used
        # under an integral over them.
        free = sympy.Tuple(*last.lhs.free_symbols, *last.rhs.free_symbols)
        if grounds(statement, (last,), {last: (Condition(free),)}) is None:
            return False
        checks = [step.check for step in self.steps]
        named = [check for check in checks if isinstance(check, Definition)]
        if len(named) == len(checks):
            return False
        defined = [fact for check in named for fact in check.establishes()]
        # Where a normal form had to be reduced, there was something to show.
        return statement not in defined

    def run(self) -> DerivationOutcome:
        """Run every step's check and its broken twin; exceptions are failures of the step."""
        state = _State()
        outcomes = []
        for step in self.steps:
            start = perf_counter()
            try:
                ok, detail, conditions = state.take(step)
            except Exception as error:  # a step that cannot be checked is not accepted
                ok, detail, conditions = False, f"{type(error).__name__}: {error}", ()
            seconds = perf_counter() - start
            outcomes.append(StepOutcome(step, ok, detail, seconds, conditions))
        lemmas = dict.fromkeys(_lemmas(step.check for step in self.steps))
        return DerivationOutcome(tuple(outcomes), tuple(lemmas))


def _lemmas(checks: Iterable[Check]) -> list[str]:
    return [lemma for check in checks for lemma in getattr(check, "lemmas", ())]


def _is_used(symbol: Basic, as_function: bool, facts: Iterable[Statement]) -> bool:
    name = symbol.func if as_function and isinstance(symbol, AppliedUndef) else symbol
    return any(side.has(name) for fact in facts for side in (fact.lhs, fact.rhs))


class _State:
    """Facts established so far, each with its conditions, and what the names mean."""

    def __init__(self) -> None:
        self.facts: dict[Statement, tuple[Condition, ...]] = {}
        self.meanings = Meanings()

    def take(self, step: Step) -> tuple[bool, str, tuple[Condition, ...]]:
        """Whether a step is accepted, why, and under which conditions; facts are kept if so."""
        check = step.check
        strange = next((why for part in parts_of(step) if (why := no_number(part))), None)
        if strange is not None:
            return False, strange, ()
        result = check.run()
        if not result.ok:
            return False, result.detail, ()
        if check.broken().run().ok:
            return False, "the check does not notice the step made false", ()
        if not type(check).__module__.startswith("exitlaw."):
            return False, f"{type(check).__name__} is none of Exitlaw's checks", ()
        named = getattr(check, "names", lambda: None)()
        if named is not None and _is_used(
            named, isinstance(check, Definition | SolvesODE), self.facts
        ):
            return False, f"{named} already has a meaning in an earlier step", ()
        obstacle = self.meanings.conflict(check) or _moving_interval(check)
        if obstacle is not None:
            return False, obstacle, ()
        conditions = self._conditions(check)
        if isinstance(conditions, str):
            return False, conditions, ()
        established = check.establishes()
        new = {fact: _of(fact, conditions) for fact in established}
        relation = as_statement(step.relation)
        if relation is None:
            return False, f"the relation is not one a check can establish: {step.relation}", ()
        known = {**self.facts, **new}
        reasons = grounds(relation, known, known)
        if reasons is None:
            text = (
                f"the check establishes {'; '.join(map(str, established))}, from which, with the "
                f"steps before, the stated relation does not follow: {step.relation}"
            )
            return False, text, ()
        own = tuple(dict.fromkeys(c for fact in reasons for c in known[fact]))
        new[relation] = _weaker(new.get(relation), _of(relation, own))
        for fact, needed in new.items():
            self.facts[fact] = _weaker(self.facts.get(fact), needed)
        self.meanings.learn(check)
        return True, result.detail, self.facts[relation]

    def _conditions(self, check: Check) -> tuple[Condition, ...] | str:
        """Conditions of the facts that a check needs and its own; or what is missing."""
        taken: list[Condition] = []
        by_case: dict[Statement, tuple[Condition, ...]] = {}
        for needed in getattr(check, "requires", tuple)():
            reasons = grounds(needed, self.facts, self.facts)
            if reasons is None:
                return f"it needs what no earlier step established: {needed}"
            own = [c for fact in reasons for c in self.facts[fact]]
            by_case[needed] = tuple(own)
            taken += own
        combine = getattr(check, "combine_conditions", None)
        if combine is not None:
            return combine(by_case)
        return (*assumed(check), *inherited(check, taken))


def _moving_interval(check: Check) -> str | None:
    """An interval of one symbol that depends on another one which the check binds, or None."""
    given = getattr(check, "given", None)
    if not isinstance(given, Mapping):
        return None
    free = {
        s for fact in check.establishes() for s in fact.lhs.free_symbols | fact.rhs.free_symbols
    }
    bound = moved_by(check) - free
    for symbol, ends in given.items():
        if symbol in bound:
            continue
        for end in map(sympy.sympify, ends):
            if end.free_symbols & bound:
                return f"the interval of {symbol} depends on {end}, which this step binds"
    return None


def _of(fact: Statement, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    kept = tuple(dict.fromkeys(conditions))
    return near_the_limit(fact, kept) if isinstance(fact, LimitStatement) else kept


def _weaker(
    known: tuple[Condition, ...] | None, new: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """Of two sets of conditions for the same fact, the smaller one."""
    return new if known is None or len(new) < len(known) else known
