"""A population in a fluctuating environment: does it recover before it is nearly extinct?

    dn = r n dt + sigma n o_theta dB,      0 < low < n < high

The noise is multiplicative, so the answer depends on the interpretation: with Ito's integral the
fluctuations cost sigma^2/2 of the growth rate of log n, with Stratonovich's nothing.
"""

from sympy import Eq, Function, Integer, Rational, Symbol, oo

from exitlaw import (
    ClaimBody,
    Derivation,
    Diffusion,
    Domain,
    EnclosureComparison,
    Equality,
    Identity,
    Mutant,
    Range,
    SolvesODE,
    Step,
    claim,
)

n = Symbol("n", positive=True)  # size at the start
low = Symbol("low", positive=True)  # nearly extinct
high = Symbol("high", positive=True)  # recovered
r = Symbol("r", positive=True)  # growth rate
sigma = Symbol("sigma", positive=True)  # size of the fluctuations
theta = Symbol("theta", nonnegative=True)  # 0 Ito, 1/2 Stratonovich, 1 anti-Ito
P = Function("P")(n)  # probability to reach `high` before `low`

D = sigma**2 * n**2 / 2  # eta C/2 with eta = sigma^2, C = n^2
ito_drift = r * n + theta * D.diff(n)


def recovery(power):
    """(n^q - low^q)/(high^q - low^q), the scale function being n^q."""
    return (n**power - low**power) / (high**power - low**power)


Q = 1 - 2 * theta - 2 * r / sigma**2


@claim(
    "population/recovery",
    title="Probability that a population recovers before it is nearly extinct",
    source="derived here",
    expected="proved",
)
def recovers_first() -> ClaimBody:
    formula = recovery(Q)
    return ClaimBody(
        statement=Equality(P, formula),
        domain=Domain(
            ranges={
                low: Range(Rational(1, 10), Rational(1, 2)),
                n: Range(Rational(3, 5), 2),
                high: Range(3, 9),
                r: Range(Rational(1, 10), 1, "log"),
                sigma: Range(Rational(1, 3), 3, "log"),
                theta: Range(values=(Integer(0), Rational(1, 2), Integer(1))),
            },
            constraints=(high > low,),
        ),
        hypotheses=("q = 1 - 2 theta - 2 r/sigma^2 is not 0",),
        derivation=Derivation(
            (
                Step(
                    "drift of the Ito equation",
                    Eq(ito_drift, (r + theta * sigma**2) * n, evaluate=False),
                    "the noise-induced drift theta D' is added",
                    Identity(ito_drift, (r + theta * sigma**2) * n),
                ),
                Step(
                    "backward equation",
                    Eq(P, formula, evaluate=False),
                    "the one solution of the backward equation with P(low) = 0, P(high) = 1",
                    SolvesODE(
                        (r + theta * sigma**2) * n * P.diff(n) + D * P.diff(n, 2),
                        P,
                        formula,
                        conditions=((P.subs(n, low), Integer(0)), (P.subs(n, high), Integer(1))),
                        given={high: (low, oo)},  # the two ends differ: only one solution
                    ),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="ratio of scales by certified quadrature",
                reference=certified_probability,
                points=(
                    {
                        low: Rational(1, 4),
                        n: Rational(4, 5),
                        high: Integer(5),
                        r: Rational(1, 3),
                        sigma: Rational(3, 2),
                        theta: Integer(0),
                    },
                    {
                        low: Rational(1, 3),
                        n: Rational(7, 5),
                        high: Integer(4),
                        r: Rational(1, 7),
                        sigma: Rational(2, 3),
                        theta: Rational(1, 2),
                    },
                    {
                        low: Rational(2, 5),
                        n: Rational(3, 2),
                        high: Integer(7),
                        r: Rational(3, 5),
                        sigma: Rational(5, 4),
                        theta: Integer(1),
                    },
                ),
                digits=15,
            ),
        ),
        mutants=(
            Mutant("Stratonovich for all", recovery(-2 * r / sigma**2)),
            Mutant("Ito for all", recovery(1 - 2 * r / sigma**2)),
            Mutant("factor 2 forgotten", recovery(1 - 2 * theta - r / sigma**2)),
            Mutant("extinction instead of recovery", 1 - recovery(Q)),
        ),
    )


def certified_probability(point, digits):
    """The probability for the given drift and noise: the formula is not used."""
    population = Diffusion.from_drift(
        "r*n",
        "n**2",
        eta=point[sigma] ** 2,
        interpretation=point[theta],
        variable=Symbol("n", real=True),
        parameters={"r": point[r]},
    )
    return population.exit_probability(
        start=point[n], exit=point[high], exit_below=point[low], digits=digits
    )
