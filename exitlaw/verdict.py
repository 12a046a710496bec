"""The vocabulary of verdicts and the one function that combines evidence into a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a verdict promises.

    proved      every step of the derivation checked by algebra, lemmas named
    certified   ball arithmetic decides an inequality, a bound or a limit with remainder
    agrees      equality at points of the domain: independent enclosures overlap, narrow enough
    consistent  Monte Carlo could not reject it and had power >= 0.999 against named neighbours
    refuted     a counterexample: point and enclosures that exclude the claim, or a rejected test
    unknown     none of these; never a pass
    conflict    algebra supports and another evidence refutes: never as expected
    """

    PROVED = "proved"
    CERTIFIED = "certified"
    AGREES = "agrees"
    CONSISTENT = "consistent"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"


DERIVED_HERE = "derived here"
"""The source of a claim that no text of the literature is named for."""

STRENGTH: dict[Verdict, int] = {
    Verdict.UNKNOWN: 0,
    Verdict.CONSISTENT: 1,
    Verdict.AGREES: 2,
    Verdict.CERTIFIED: 3,
    Verdict.PROVED: 4,
}


def combine(findings: Iterable[Verdict], *, open_neighbour: bool = False) -> Verdict:
    """Combine the findings on one statement.

    `open_neighbour`: a mutant survived, or too few were refuted to trust the evidence.

    | findings                                  | verdict                         |
    |-------------------------------------------|---------------------------------|
    | none                                      | unknown                         |
    | any conflict                              | conflict                        |
    | a refutation beside an algebraic proof    | conflict                        |
    | any other refutation                      | refuted                         |
    | otherwise, an open neighbour              | unknown                         |
    | otherwise                                 | the strongest among them        |

    `unknown` beside a support does not weaken it: the support stands on its own route.
    """
    found = set(findings)
    if Verdict.CONFLICT in found or {Verdict.PROVED, Verdict.REFUTED} <= found:
        return Verdict.CONFLICT
    if Verdict.REFUTED in found:
        return Verdict.REFUTED
    if open_neighbour:
        return Verdict.UNKNOWN
    return max(found, key=STRENGTH.__getitem__, default=Verdict.UNKNOWN)


def as_expected(verdict: Verdict, expected: Verdict) -> bool:
    """Whether a verdict meets an expectation: `refuted`, or the least strength demanded."""
    if expected is Verdict.REFUTED:
        return verdict is Verdict.REFUTED
    return verdict in STRENGTH and STRENGTH[verdict] >= STRENGTH[expected] > 0
