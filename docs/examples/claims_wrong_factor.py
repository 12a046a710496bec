"""A formula as one might find it in print, with a factor 2 lost, and the formula that stands.

A particle under a constant force, dw = -g dt + sqrt(eta C) dB, leaves the interval (-a, a). The
mean time solves -g T' + (eta C/2) T'' = -1, T(-a) = T(a) = 0. The printed form has lost the 2 of
D = eta C/2: it is refuted by enclosures, and its corrected form is proved.
"""

from sympy import Eq, Expr, Function, Integer, Rational, Symbol, exp, sinh

from exitlaw import (
    ClaimBody,
    Derivation,
    Diffusion,
    Domain,
    EnclosureComparison,
    Equality,
    Mutant,
    Range,
    SolvesODE,
    Step,
    claim,
)

g = Symbol("g", positive=True)  # force: L = g w
eta = Symbol("eta", positive=True)  # learning rate
C = Symbol("C", positive=True)  # noise: a variance
a = Symbol("a", positive=True)  # half-width of the interval
x = Symbol("x", real=True)  # start
T = Function("T")(x)  # mean exit time

DOMAIN = Domain(
    ranges={
        g: Range(Rational(1, 10), 10, "log"),
        eta: Range(Rational(1, 10), 10, "log"),
        C: Range(Rational(1, 10), 10, "log"),
        a: Range(Rational(1, 2), 2),
        x: Range(-Rational(1, 3), Rational(1, 3)),
    }
)


def exit_time(steepness: Expr) -> Expr:
    """x/g + (a/g) ((exp(k a) - exp(k x))/sinh(k a) - 1), k the steepness of exp(2 L/(eta C))."""
    ratio = (exp(steepness * a) - exp(steepness * x)) / sinh(steepness * a)
    return x / g + a / g * (ratio - 1)


def certified_time(point, digits):
    """The exit time of the model itself, certified: no formula is used."""
    slope = Diffusion.from_loss(
        "g*w",
        "C",
        eta=point[eta],
        interpretation="ito",
        parameters={"g": point[g], "C": point[C]},
    )
    return slope.mean_exit_time(start=point[x], exit=point[a], exit_below=-point[a], digits=digits)


EVIDENCE = EnclosureComparison(
    route="exit time by certified quadrature of scale and speed",
    reference=certified_time,
    points=(
        {
            g: Rational(3, 4),
            eta: Rational(1, 2),
            C: Integer(3),
            a: Rational(6, 5),
            x: Rational(-1, 5),
        },
        {
            g: Integer(2),
            eta: Rational(7, 5),
            C: Rational(5, 3),
            a: Rational(3, 2),
            x: Rational(1, 4),
        },
    ),
    digits=15,
)


@claim(
    "constant-force/exit-time",
    title="Mean exit time from an interval under a constant force",
    source="derived here",
    expected="proved",
)
def corrected() -> ClaimBody:
    formula = exit_time(2 * g / (eta * C))
    return ClaimBody(
        statement=Equality(T, formula),
        domain=DOMAIN,
        derivation=Derivation(
            (
                Step(
                    "backward equation",
                    Eq(T, formula, evaluate=False),
                    "the one solution of -g T' + (eta C/2) T'' = -1 that vanishes at both ends",
                    SolvesODE(
                        -g * T.diff(x) + eta * C / 2 * T.diff(x, 2) + 1,
                        T,
                        formula,
                        conditions=((T.subs(x, -a), Integer(0)), (T.subs(x, a), Integer(0))),
                    ),
                ),
            )
        ),
        evidence=(EVIDENCE,),
        mutants=(
            Mutant("the 2 of D = eta C/2 lost", exit_time(g / (eta * C))),
            Mutant("force squared", exit_time(2 * g**2 / (eta * C))),
            Mutant("noise as an amplitude", exit_time(2 * g / (eta * C**2))),
        ),
    )


@claim(
    "constant-force/as-printed",
    title="Mean exit time under a constant force, with eta C in place of eta C/2",
    source="an example of a misprint",
    expected="refuted",
    corrected="constant-force/exit-time",
)
def as_printed() -> ClaimBody:
    return ClaimBody(
        statement=Equality(T, exit_time(g / (eta * C))), domain=DOMAIN, evidence=(EVIDENCE,)
    )
