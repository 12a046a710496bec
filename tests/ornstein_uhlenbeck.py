"""A small claim to exercise the engine: the stationary variance of an Ornstein-Uhlenbeck process.

dX = -k X dt + sqrt(2 D) dW has variance D/k. The reference integrates the Gaussian density by
nothing but its moments' recursion in balls, so it is exact and instant.
"""

from collections.abc import Sequence
from dataclasses import replace

from flint import arb, ctx
from sympy import Expr, Function, Integer, Rational, Symbol

from exitlaw.claim import REGISTRY, Claim, ClaimBody, Domain, Equality, Mutant, Range, claim
from exitlaw.derivation import Derivation, SolvesODE, Step
from exitlaw.evidence import EnclosureComparison
from numerics.enclosure import Enclosure
from numerics.simulation.estimate import Estimate

k = Symbol("k", positive=True)
D = Symbol("D", positive=True)
t = Symbol("t", real=True)
V = Function("V")(t)
POINTS = ({k: Integer(3), D: Rational(2, 7)}, {k: Rational(1, 5), D: Integer(11)})
DOMAIN = Domain(ranges={k: Range(Rational(1, 10), 10), D: Range(Rational(1, 100), 100)})


def second_moment(point, digits) -> Enclosure:
    """int x^2 exp(-k x^2/(2D)) / int exp(-k x^2/(2D)) by certified quadrature."""
    from flint import acb

    with ctx.workprec(64 + 4 * digits):
        rate = arb(str(point[k])) if point[k].is_Integer else _ratio(point[k])
        scale = rate / (2 * _ratio(point[D]))
        # Beyond 40 the Gaussian tail of u = sqrt(scale) x is below exp(-1600).
        top = acb.integral(lambda u, _: u * u * (-u * u).exp(), 0, 40).real
        below = acb.integral(lambda u, _: (-u * u).exp(), 0, 40).real
        tail = arb(0, arb(-1500).exp())
        return Enclosure.from_arb((top + tail) / (below + tail) / scale)


def _ratio(value) -> arb:
    return arb(int(value.p)) / int(value.q)


def derivation(formula: Expr) -> Derivation:
    return Derivation(
        (
            Step(
                "stationary solution",
                Equality(V, formula),
                "constant solution of V' = -2 k V + 2 D",
                SolvesODE(V.diff(t) + 2 * k * V - 2 * D, V, formula, constant=True),
            ),
        )
    )


ENCLOSURES = EnclosureComparison("second moment by quadrature", second_moment, POINTS)


def body(formula: Expr = D / k, **changes) -> ClaimBody:
    plain = ClaimBody(
        statement=Equality(V, formula),
        domain=DOMAIN,
        derivation=derivation(formula),
        evidence=(ENCLOSURES,),
        mutants=(
            Mutant("factor 2", 2 * D / k),
            Mutant("half", D / (2 * k)),
            Mutant("squared rate", D / k**2),
        ),
    )
    return replace(plain, **changes)


def estimate(value: float, error: float, *, paths: int = 100_000, bias: float = 0.0) -> Estimate:
    """A simulation's outcome made up for a test."""
    return Estimate(value, error, bias, "estimated", paths, paths, "made up", 0, 0.0)


def registered(
    build, id: str = "demo/variance", *, expected="proved", depends: Sequence[str] = (), **more
) -> Claim:
    """Register a claim and return it; the fixture `registry` forgets it afterwards."""
    claim(id, title="Variance", expected=expected, depends=depends, **more)(build)
    return REGISTRY[id]
