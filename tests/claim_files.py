"""Claim files for tests, written as a user would write them: small, exact, quick to judge."""

from pathlib import Path

HEAD = '''"""Claims about squares and sums."""

from exitlaw import (
    ClaimBody, Derivation, Domain, Enclosure, EnclosureComparison, Equality, Identity, LemmaUse,
    Mutant, Range, Step, SolvesODE, Definition, claim,
)
from dataclasses import replace
from sympy import Function, Integer, Symbol

n = Symbol("n", positive=True)
S = Function("S")
DOMAIN = Domain(ranges={n: Range(1, 100)})
POINTS = ({n: Integer(3)}, {n: Integer(10)})


def summed(point, digits):
    """1 + 2 + ... + n, by adding."""
    return Enclosure.exact(sum(range(int(point[n]) + 1)))


def body(formula, **more):
    return ClaimBody(
        statement=Equality(S(n), formula),
        domain=DOMAIN,
        evidence=(EnclosureComparison("by adding", summed, POINTS),),
        mutants=(
            Mutant("n - 1", n * (n - 1) / 2),
            Mutant("not halved", n * (n + 1)),
            Mutant("square", n**2 / 2),
        ),
        **more,
    )
'''

TRUE = """

@claim("sums/arithmetic", title="Sum of the first n integers", expected="agrees")
def arithmetic():
    return body(n * (n + 1) / 2)
"""

CITED = """

@claim("sums/arithmetic", title="The first n integers", expected="agrees", source="Gauss 1786")
def arithmetic():
    ranges = {n: Range(1, 100, cited=True)}
    return replace(body(n * (n + 1) / 2), domain=Domain(ranges=ranges))
"""
"""A theorem of the literature, for every n; evidence up to 100."""

FALSE = """

@claim("sums/off-by-one", title="Sum of the first n integers, wrong", expected="agrees")
def off_by_one():
    return body(n * (n - 1) / 2)
"""

BY_LEMMA = """

@claim("sums/by-lemma", title="The same, by lemma", depends=("{lemma}",))
def by_lemma():
    relation = Equality(S(n), n * (n + 1) / 2)
    step = Step("lemma", relation, "known", LemmaUse("{lemma}", relation))
    return body(n * (n + 1) / 2, derivation=Derivation((step,)))
"""

CRASHES = """

@claim("sums/crash", title="A claim whose body cannot be built")
def crash():
    raise RuntimeError("no body")
"""

DIES = """

@claim("sums/dies", title="A claim whose evidence kills its process", expected="agrees")
def dies():
    import os, signal

    def kill(point, digits):
        os.kill(os.getpid(), signal.SIGKILL)

    return ClaimBody(
        statement=Equality(S(n), n), domain=DOMAIN,
        evidence=(EnclosureComparison("suicide", kill, POINTS),),
    )
"""


def write(folder: Path, *parts: str, name: str = "sums") -> Path:
    """A claim file of the given parts."""
    path = folder / f"claims_{name}.py"
    path.write_text(HEAD + "".join(parts), encoding="utf-8")
    return path
