"""The judge: one claim, its derivation, its evidence and its mutants, in one process.

Nothing that a claim does can stop the run: an exception while its body is built, a step is checked
or evidence is taken is a verdict `unknown` that says what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from time import perf_counter

import sympy
from sympy.core.function import AppliedUndef

from exitlaw.claim import (
    REGISTRY,
    Claim,
    ClaimBody,
    LimitStatement,
    Mutant,
    Profile,
    Statement,
    body_of,
    forget_bodies,
    with_formula,
)
from exitlaw.evaluation import excluded_by, sympify
from exitlaw.evidence import Context, Evidence, Finding, Skipped
from exitlaw.mutants import generate, is_equivalent
from exitlaw.relations import no_number, plain
from exitlaw.results import ClaimResult, EvidenceResult, MutantResult, StepResult
from exitlaw.verdict import DERIVED_HERE, Verdict

CLAIM_FALSE_ALARM = 1e-9
"""Share of one claim in the run's budget of 1e-6: a run may hold a thousand such claims.

The share does not depend on which claims a run selects, so that a verdict does not either.
"""

ORDER = {"enclosure": 0, "certificate": 1, "monte-carlo": 2}
"""The order in which evidence is tried on a mutant: cheap and exact first."""

GIVES: Mapping[str, tuple[Verdict, ...]] = {
    "enclosure": (Verdict.AGREES,),
    "certificate": (Verdict.CERTIFIED,),
    "monte-carlo": (Verdict.CONSISTENT,),
}
"""What evidence of each kind can show of a true statement; only derivations prove."""

OPTIONAL_MODULES = frozenset({"dask", "distributed"})
"""Modules of the extras: evidence that misses one is skipped, not failed."""


def judge(claim: Claim, profile: Profile = "quick", seed: int = 0, workers: int = 1) -> ClaimResult:
    """Judge one claim. Lemmas are only named: whether they stand is settled by the whole run."""
    start = perf_counter()
    forget_bodies()
    result = ClaimResult(claim.id, claim.title, claim.expected[profile])
    try:
        body = claim.build()
        _require_names_of_one_symbol(body)
        _require_content(body)
    except Exception as error:
        row = _failure("build", "the function that states the claim", error, start)
        return replace(result, evidence=(row,), seconds=perf_counter() - start)
    result = replace(
        result,
        statement=plain(body.statement),
        limit_uncited=isinstance(body.statement, LimitStatement) and claim.source == DERIVED_HERE,
    )
    context = Context(
        profile=profile,
        seed=seed,
        workers=workers,
        false_alarm=CLAIM_FALSE_ALARM / 2 / max(1, _statistical(body.evidence)),
        domain=body.domain,
        neighbours={m.name: m.formula for m in body.mutants},
    )
    rows: list[EvidenceResult] = []
    skipped = None
    if body.derivation is not None:
        row, steps, lemmas = _derive(body, claim)
        rows.append(row)
        result = replace(result, steps=steps, lemmas=lemmas)
    corrected = _corrected_body(claim)
    if corrected is not None:
        neighbours = {m.name: m.formula for m in corrected.mutants}
        context = replace(context, neighbours={**neighbours, **context.neighbours})
    for evidence in body.evidence:
        try:
            rows.append(_take(evidence, body.statement, context))
        except Skipped as reason:
            skipped = str(reason)
    if claim.expected[profile] is Verdict.REFUTED:
        rows += _correction(claim, body, corrected, context)
        mutants: tuple[MutantResult, ...] = ()
    else:
        mutants = tuple(_judge_mutants(body, context))
    return replace(
        result,
        evidence=tuple(rows),
        mutants=mutants,
        skipped=skipped,
        seconds=perf_counter() - start,
    )


def _require_names_of_one_symbol(body: ClaimBody) -> None:
    """A reader of the claim cannot tell two symbols of one name apart: neither may it mean both.

    Raises
    ------
    ValueError : statement and domain hold two symbols, unlike in their assumptions, of one name.
    """
    sides = (body.statement.lhs, body.statement.rhs, *body.domain.constraints)
    symbols = set(body.domain.ranges).union(*(side.free_symbols for side in sides))
    known: dict[str, sympy.Basic] = {}
    for symbol in symbols:
        # A Dummy is written like a symbol in formulas.
        if known.setdefault(symbol.name, symbol) != symbol:  # type: ignore[attr-defined]
            raise ValueError(f"two symbols with different assumptions are called {symbol}")
    functions: dict[str, object] = {}
    for part in set().union(*(side.atoms(AppliedUndef) for side in sides)):
        if functions.setdefault(part.func.__name__, part.func) != part.func:
            raise ValueError(f"two functions with different assumptions are called {part.func}")


def _require_content(body: ClaimBody) -> None:
    """Something is claimed, of exact numbers, and of no values that the symbols exclude.

    Raises
    ------
    ValueError : a rounded number, a symbol of another kind, or a range that a proof cannot cover.
    """
    if body.statement.lhs == body.statement.rhs:
        raise ValueError("both sides are the same expression: nothing is claimed")
    sides = (body.statement.lhs, body.statement.rhs, *body.domain.constraints)
    for part in (*sides, *(mutant.formula for mutant in body.mutants)):
        strange = no_number(part)
        if strange is not None:
            raise ValueError(strange)
    for symbol, allowed in body.domain.ranges.items():
        for value in allowed.values or (allowed.low, allowed.high):
            number = sympify(value)
            assumed = excluded_by(symbol, number)
            # The ends of an interval need not be integers themselves.
            if assumed is not None and (allowed.values or assumed not in ("integer", "rational")):
                raise ValueError(f"{symbol} is {assumed}, but its range holds {number}")


def _statistical(evidence: Iterable[Evidence]) -> int:
    return sum(one.kind == "monte-carlo" for one in evidence)


def _failure(kind: str, route: str, error: BaseException, start: float) -> EvidenceResult:
    detail = f"{type(error).__name__}: {error}"
    return EvidenceResult(kind, route, Verdict.UNKNOWN, detail, perf_counter() - start)


def _derive(
    body: ClaimBody, claim: Claim
) -> tuple[EvidenceResult, tuple[StepResult, ...], tuple[str, ...]]:
    """Run the derivation: `proved`, or `unknown` with the step that broke."""
    assert body.derivation is not None
    start = perf_counter()
    count = len(body.derivation.steps)
    route = f"algebra, {count} step{'s' if count != 1 else ''}"
    try:
        outcome = body.derivation.run()
        steps = tuple(
            StepResult(one.step.name, one.step.rule, one.ok, one.detail, one.seconds)
            for one in outcome.steps
        )
        undeclared = [lemma for lemma in outcome.lemmas if lemma not in claim.depends]
        if outcome.broke is not None:
            detail = f"step '{outcome.broke.step.name}' broke: {outcome.broke.detail}"
        elif not outcome.ok:
            detail = "the derivation has no steps"
        elif undeclared:
            detail = f"lemmas that `depends` does not name: {', '.join(undeclared)}"
        elif not body.derivation.concludes(body.statement):
            detail = "the last step does not establish the claim's statement"
        elif (missing := body.derivation.unstated(body.hypotheses)) is not None:
            detail = f"it assumes what `hypotheses` does not state: {missing}"
        elif (excess := outcome.exceeds(body.domain)) is not None:
            detail = f"the last step holds on less than the claim's domain: {excess}"
        else:
            named = f"; lemmas: {', '.join(outcome.lemmas)}" if outcome.lemmas else ""
            detail = f"every step checked, every broken twin noticed{named}"
            if body.remainder_note is not None:
                detail += f"; {body.remainder_note}"
            row = EvidenceResult(
                "derivation", route, Verdict.PROVED, detail, perf_counter() - start
            )
            return row, steps, outcome.lemmas
    except Exception as error:
        return _failure("derivation", route, error, start), (), ()
    row = EvidenceResult("derivation", route, Verdict.UNKNOWN, detail, perf_counter() - start)
    return row, steps, outcome.lemmas


def _finding(evidence: Evidence, statement: Statement, context: Context) -> Finding:
    """The finding of one evidence; an exception is `unknown`, a missing extra is `Skipped`."""
    try:
        return _within_its_kind(evidence.kind, evidence.judge(statement, context))
    except Skipped:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OPTIONAL_MODULES:
            raise Skipped(f"needs the package {error.name}, which is not installed") from error
        return Finding(Verdict.UNKNOWN, f"{type(error).__name__}: {error}")
    except Exception as error:
        return Finding(Verdict.UNKNOWN, f"{type(error).__name__}: {error}")


def _within_its_kind(kind: str, found: Finding) -> Finding:
    """The finding; `unknown` where evidence of this kind cannot give its verdict."""
    if found.verdict in (*GIVES.get(kind, ()), Verdict.REFUTED, Verdict.UNKNOWN):
        return found
    text = f"evidence of the kind {kind!r} gives no verdict {found.verdict!s}: {found.detail}"
    return Finding(Verdict.UNKNOWN, text, found.point, found.enclosures)


def _take(evidence: Evidence, statement: Statement, context: Context) -> EvidenceResult:
    start = perf_counter()
    found = _finding(evidence, statement, context)
    return EvidenceResult(
        evidence.kind,
        evidence.route,
        found.verdict,
        found.detail,
        perf_counter() - start,
        found.point,
        found.enclosures,
    )


# --- mutants ------------------------------------------------------------------------------------


def _judge_mutants(body: ClaimBody, context: Context) -> Iterator[MutantResult]:
    named = body.mutants
    made = generate(body.statement) if body.generate else ()
    formulas = {m.formula for m in named}
    # The same formula under two names is one neighbour.
    everything = [(m, False) for m in {m.formula: m for m in reversed(named)}.values()][::-1]
    everything += [(m, True) for m in made if m.formula not in formulas]
    if not everything:
        return
    evidence = sorted(body.evidence, key=lambda one: ORDER.get(one.kind, len(ORDER)))
    # The other half of the claim's share, divided among all mutants and tests.
    context = replace(context, false_alarm=context.false_alarm / len(everything))
    for mutant, generated in everything:
        result = _judge_mutant(mutant, body.statement, evidence, context)
        yield replace(result, generated=generated)


def _judge_mutant(
    mutant: Mutant, statement: Statement, evidence: list[Evidence], context: Context
) -> MutantResult:
    """Refuted by the first evidence that can; else equivalent, by exact normal form, or survived.

    A correct enclosure never refutes an equivalent formula, so trying evidence first is safe, and
    it is much cheaper than algebra.
    """
    details = []
    changed = with_formula(statement, mutant.formula)
    for one in evidence:
        try:
            found = _finding(one, changed, context)
        except Skipped as reason:
            details.append(str(reason))
            continue
        if found.verdict is Verdict.REFUTED:
            route = f"{one.kind}: {one.route}"
            return MutantResult(mutant.name, "refuted", route, found.point, found.detail)
        details.append(found.detail)
    try:
        if is_equivalent(statement, mutant.formula):
            return MutantResult(mutant.name, "equivalent", detail="equal in exact normal form")
    except Exception as error:
        details.append(f"{type(error).__name__}: {error}")
    return MutantResult(mutant.name, "survived", detail="; ".join(details) or "no evidence")


# --- claims that are expected to be refuted -----------------------------------------------------


def _corrected_body(claim: Claim) -> ClaimBody | None:
    if claim.corrected is None or claim.corrected not in REGISTRY:
        return None
    try:
        return body_of(claim.corrected)
    except Exception:
        return None


def _correction(
    claim: Claim, body: ClaimBody, corrected: ClaimBody | None, context: Context
) -> list[EvidenceResult]:
    """The corrected formula must stand under the evidence that refutes this one.

    Returns rows that make the claim `conflict` where it does not: evidence that refutes the right
    formula as well refutes nothing.
    """
    if corrected is None:
        detail = (
            "a claim expected to be refuted names the claim that stands in its place"
            if claim.corrected is None
            else f"the corrected claim {claim.corrected!r} could not be built"
        )
        return [EvidenceResult("correction", "corrected claim", Verdict.CONFLICT, detail, 0.0)]
    start = perf_counter()
    right = with_formula(body.statement, corrected.statement.rhs)
    shared = {one.route for one in corrected.evidence}
    refuting = [
        one
        for one in body.evidence
        if _finding(one, body.statement, context).verdict is Verdict.REFUTED
    ]
    findings = [(one, _finding(one, right, context)) for one in refuting]
    for evidence, found in findings:
        if found.verdict is Verdict.REFUTED:
            detail = f"'{evidence.route}' refutes {claim.corrected} as well: {found.detail}"
            break
    else:
        stands = any(f.verdict is not Verdict.UNKNOWN or e.route in shared for e, f in findings)
        if stands or not refuting:
            return []
        detail = f"no evidence that refutes this claim supports {claim.corrected}"
    seconds = perf_counter() - start
    return [EvidenceResult("correction", "corrected claim", Verdict.CONFLICT, detail, seconds)]
