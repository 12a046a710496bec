"""What a verification reports: plain data, picklable, in and out of JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from exitlaw.verdict import Verdict, as_expected, combine

LEAST_MUTANTS = 3
"""A claim that is to stand has at least so many refuted mutants."""


@dataclass(frozen=True)
class EvidenceResult:
    """One row of evidence on the claim's own statement."""

    kind: str
    route: str
    verdict: Verdict
    detail: str
    seconds: float
    point: Mapping[str, str] | None = None
    enclosures: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The form of `verify --json`."""
        return {
            "kind": self.kind,
            "route": self.route,
            "verdict": str(self.verdict),
            "detail": self.detail,
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True)
class MutantResult:
    """What became of one mutant: `refuted`, `equivalent` or `survived`."""

    name: str
    status: str
    refuted_by: str | None = None
    point: Mapping[str, str] | None = None
    detail: str = ""
    generated: bool = False

    def as_json(self) -> dict[str, Any]:
        """The form of `verify --json`."""
        return {
            "name": self.name,
            "status": self.status,
            "refuted_by": self.refuted_by,
            "point": None if self.point is None else dict(self.point),
            "detail": self.detail,
        }


@dataclass(frozen=True)
class StepResult:
    """One step of the derivation and whether it was accepted."""

    name: str
    rule: str
    ok: bool
    detail: str
    seconds: float


@dataclass(frozen=True)
class ClaimResult:
    """The judgement of one claim in one run."""

    id: str
    title: str
    expected: Verdict
    statement: str = ""
    """What is claimed, in one line of plain text."""
    evidence: tuple[EvidenceResult, ...] = ()
    mutants: tuple[MutantResult, ...] = ()
    steps: tuple[StepResult, ...] = ()
    lemmas: tuple[str, ...] = ()
    skipped: str | None = None
    seconds: float = 0.0
    cached: bool = False
    reads: Mapping[str, str] = field(default_factory=dict)
    """Files that a claim file read beside its code, with their hashes (`exitlaw.files_read`)."""

    limit_uncited: bool = False
    """The statement is a limit without a cited source: certificates reach its remainder only."""

    @property
    def open_limit(self) -> str | None:
        """Why certificates do not allow a limit to stand, or None."""
        found = {row.verdict for row in self.evidence}
        if not self.limit_uncited or Verdict.PROVED in found or Verdict.CERTIFIED not in found:
            return None
        return "the limit is neither proved nor cited: certificates are about bounded regions"

    @property
    def open_neighbour(self) -> str | None:
        """Why the mutants do not allow the claim to stand, or None."""
        survivors = [m.name for m in self.mutants if m.status == "survived"]
        if survivors:
            return f"survived: {', '.join(survivors)}"
        refuted = sum(m.status == "refuted" for m in self.mutants)
        if self.expected is not Verdict.REFUTED and refuted < LEAST_MUTANTS:
            return f"{refuted} refuted mutants; at least {LEAST_MUTANTS} are needed"
        return None

    @property
    def verdict(self) -> Verdict:
        """The evidence combined (see `exitlaw.verdict.combine`)."""
        held = None if self.open_limit is None else Verdict.CERTIFIED
        return combine(
            (row.verdict for row in self.evidence if row.verdict is not held),
            open_neighbour=self.open_neighbour is not None,
        )

    @property
    def is_skipped(self) -> bool:
        """Left undecided for want of an optional part: no pass and no failure."""
        return self.skipped is not None and self.verdict is Verdict.UNKNOWN

    @property
    def as_expected(self) -> bool:
        """Whether the verdict meets the expectation."""
        return as_expected(self.verdict, self.expected)

    @property
    def stands(self) -> bool:
        """As expected and not refuted: other claims may rest on it."""
        return self.as_expected and self.verdict is not Verdict.REFUTED

    @property
    def failed(self) -> bool:
        """Not as expected, and not merely skipped."""
        return not self.as_expected and not self.is_skipped

    def count(self, status: str) -> int:
        """How many mutants have a status."""
        return sum(m.status == status for m in self.mutants)

    def why(self) -> str:
        """In one line, what decided the verdict."""
        verdict = self.verdict
        if verdict is Verdict.UNKNOWN and self.open_neighbour is not None:
            undecided = [r.detail for r in self.evidence if r.verdict is Verdict.UNKNOWN]
            supported = any(r.verdict is not Verdict.UNKNOWN for r in self.evidence)
            return self.open_neighbour if supported or not undecided else undecided[0]
        if verdict is Verdict.CONFLICT:
            return "; ".join(r.detail for r in self.evidence if r.verdict is Verdict.REFUTED)
        for row in self.rows():
            if row.verdict is verdict:
                return row.detail
        return "no evidence"

    def as_json(self) -> dict[str, Any]:
        """The form of `verify --json`."""
        return {
            "id": self.id,
            "verdict": str(self.verdict),
            "expected": str(self.expected),
            "skipped": self.skipped if self.is_skipped else None,
            "seconds": round(self.seconds, 6),
            "evidence": [row.as_json() for row in self.rows()],
            "mutants": [mutant.as_json() for mutant in self.mutants],
        }

    def rows(self) -> tuple[EvidenceResult, ...]:
        """The evidence, and rows that say so where the limit or the mutants hold the claim up."""
        held = [("limit", "the limit itself", self.open_limit)]
        if self.expected is not Verdict.REFUTED:
            held.append(("mutants", "false neighbours of the statement", self.open_neighbour))
        rows = [
            EvidenceResult(kind, route, Verdict.UNKNOWN, why, 0.0)
            for kind, route, why in held
            if why is not None
        ]
        return (*self.evidence, *rows)

    def without_proof(self, reason: str) -> ClaimResult:
        """The same result, its derivation no longer counted as a proof."""
        rows = tuple(
            replace(row, verdict=Verdict.UNKNOWN, detail=reason)
            if row.verdict is Verdict.PROVED
            else row
            for row in self.evidence
        )
        return replace(self, evidence=rows)

    def with_remark(self, remark: str) -> ClaimResult:
        """The same result, a remark added to what is said of its proof."""
        rows = tuple(
            replace(row, detail=f"{row.detail}; {remark}") if row.verdict is Verdict.PROVED else row
            for row in self.evidence
        )
        return replace(self, evidence=rows)

    def to_record(self) -> dict[str, Any]:
        """Everything, as JSON-ready data for the ledger."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ClaimResult:
        """The inverse of `to_record`."""
        data = dict(record)
        evidence = tuple(
            EvidenceResult(**{**row, "verdict": Verdict(row["verdict"])})
            for row in data.pop("evidence")
        )
        mutants = tuple(MutantResult(**row) for row in data.pop("mutants"))
        steps = tuple(StepResult(**row) for row in data.pop("steps"))
        expected = Verdict(data.pop("expected"))
        lemmas = tuple(data.pop("lemmas"))
        return cls(
            expected=expected,
            evidence=evidence,
            mutants=mutants,
            steps=steps,
            lemmas=lemmas,
            **data,
        )


@dataclass(frozen=True)
class Report:
    """All claims of one run."""

    version: str
    seed: int
    profile: str
    seconds: float
    claims: tuple[ClaimResult, ...]
    false_alarm: float = 0.0
    """Bound on the probability that any statistical test of the run rejects a true statement."""
    lemmas: tuple[ClaimResult, ...] = field(default=())
    """Claims that were judged because others rest on them, without having been asked for."""

    @property
    def ok(self) -> bool:
        """Whether every claim is as expected or skipped."""
        return not any(claim.failed for claim in self.claims)

    def summary(self) -> dict[str, Any]:
        """Counts over the run."""
        verdicts = Counter(str(claim.verdict) for claim in self.claims)
        mutants = Counter(m.status for claim in self.claims for m in claim.mutants)
        return {
            "claims": len(self.claims),
            "as_expected": sum(claim.as_expected for claim in self.claims),
            "not_as_expected": sum(claim.failed for claim in self.claims),
            "skipped": sum(claim.is_skipped for claim in self.claims),
            "cached": sum(claim.cached for claim in self.claims),
            "verdicts": dict(sorted(verdicts.items())),
            "mutants": {
                "tried": sum(mutants.values()),
                "generated": sum(m.generated for claim in self.claims for m in claim.mutants),
                "refuted": mutants["refuted"],
                "equivalent": mutants["equivalent"],
                "survived": mutants["survived"],
            },
            "false_alarm": self.false_alarm,
        }

    def as_json(self) -> dict[str, Any]:
        """The document of `verify --json`."""
        return {
            "version": self.version,
            "seed": self.seed,
            "profile": self.profile,
            "seconds": round(self.seconds, 6),
            "claims": [claim.as_json() for claim in self.claims],
            "summary": self.summary(),
        }
