"""Evidence: procedures that judge a statement, each by a named route.

Every evidence judges the claim and each of its mutants by the same code: what refutes no mutant is
no evidence. `judge` receives the statement (the claim's, or a mutant's with another formula).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from exitlaw.claim import Point, Profile, Statement
from exitlaw.verdict import Verdict

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate


@dataclass(frozen=True)
class Context:
    """What a run hands to every evidence: profile, seed, workers and the false-alarm budget."""

    profile: Profile = "quick"
    seed: int = 0
    workers: int = 1
    false_alarm: float = 1e-9
    """The share of the run's false-alarm budget that one statistical test may spend."""
    memo: dict[object, object] = field(default_factory=dict, compare=False)
    """References and simulations already computed for this claim: mutants reuse them."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one evidence on one statement."""

    verdict: Verdict
    detail: str
    point: Mapping[str, str] | None = None


class Evidence(Protocol):
    """Kind (`enclosure`, `certificate`, `monte-carlo`), route in words, and the judgement."""

    @property
    def kind(self) -> str: ...

    @property
    def route(self) -> str: ...

    def judge(self, statement: Statement, context: Context) -> Finding: ...


@dataclass(frozen=True)
class EnclosureComparison:
    """Compare the formula with an independent enclosure at points of the domain.

    `reference(point, digits)` encloses the quantity without using the formula. The formula is
    evaluated in ball arithmetic at the same exact point. Disjoint balls refute; overlapping balls,
    each narrower than `digits`, agree; anything else is unknown.
    """

    route: str
    reference: Callable[[Point, int], Enclosure]
    points: Sequence[Point]
    digits: int = 20
    kind: str = "enclosure"

    def judge(self, statement: Statement, context: Context) -> Finding:
        raise NotImplementedError


@dataclass(frozen=True)
class Certificate:
    """A decision by ball arithmetic over a stated region: certified, refuted or unknown."""

    route: str
    decide: Callable[[Statement, Context], Finding]
    kind: str = "certificate"

    def judge(self, statement: Statement, context: Context) -> Finding:
        return self.decide(statement, context)


@dataclass(frozen=True)
class MonteCarloTest:
    """Compare the formula with a simulation that starts from drift and diffusion.

    H0: |estimate - formula| <= bias bound. Rejected where the distance exceeds the bias bound by
    more than the normal quantile of the test's share of the false-alarm budget times the standard
    error. `consistent` only with power >= 0.999 against every named neighbour (mutant name).
    """

    route: str
    simulate: Callable[[Point, Context], Estimate]
    points: Sequence[Point]
    neighbours: tuple[str, ...]
    kind: str = "monte-carlo"

    def judge(self, statement: Statement, context: Context) -> Finding:
        raise NotImplementedError
