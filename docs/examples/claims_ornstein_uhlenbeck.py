"""The Ornstein-Uhlenbeck process dw = -H w dt + sqrt(eta C) dB: its second and fourth moments.

Check it with `exitlaw check claims_ornstein_uhlenbeck.py`, or with `pytest` in this folder.
"""

from sympy import Eq, Function, Integer, Rational, Symbol

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

H = Symbol("H", positive=True)  # curvature of L = H w^2/2
eta = Symbol("eta", positive=True)  # learning rate
C = Symbol("C", positive=True)  # noise: a variance
t = Symbol("t", real=True)
second = Function("M2")(t)  # E w^2
fourth = Function("M4")(t)  # E w^4

DOMAIN = Domain(
    ranges={
        H: Range(Rational(1, 100), 100, "log"),
        eta: Range(Rational(1, 1000), 10, "log"),
        C: Range(Rational(1, 1000), 1000, "log"),
    }
)
POINTS = (
    {H: Integer(1), eta: Rational(1, 10), C: Integer(3)},
    {H: Integer(2), eta: Rational(1, 3), C: Rational(5, 7)},
    {H: Rational(1, 5), eta: Integer(2), C: Rational(11, 10)},
)


def certified_moment(order):
    """E w^order under the stationary law, by certified quadrature: no formula is used."""

    def reference(point, digits):
        well = Diffusion.from_loss(
            "H*w**2/2",
            "C",
            eta=point[eta],
            interpretation="ito",
            parameters={"H": point[H], "C": point[C]},
        )
        return well.moment(order, digits=digits)

    return EnclosureComparison(
        route=f"moment {order} of the stationary density by certified quadrature",
        reference=reference,
        points=POINTS,
        digits=20,
    )


def stationary(moment, formula, rate_of_change, rule):
    """One step: the moment is the constant solution of its equation."""
    step = Step(
        "stationary solution",
        Eq(moment, formula, evaluate=False),
        rule,
        SolvesODE(moment.diff(t) - rate_of_change, moment, formula, constant=True),
    )
    return Derivation((step,))


@claim(
    "ornstein-uhlenbeck/variance",
    title="Stationary variance of the Ornstein-Uhlenbeck process",
    source="derived here",
    expected="proved",
)
def variance() -> ClaimBody:
    formula = eta * C / (2 * H)
    return ClaimBody(
        statement=Equality(second, formula),
        domain=DOMAIN,
        hypotheses=("the law is stationary",),
        derivation=stationary(
            second, formula, -2 * H * second + eta * C, "Ito's formula for w^2, in the mean"
        ),
        evidence=(certified_moment(2),),
        mutants=(
            Mutant("factor 2 forgotten", eta * C / H),
            Mutant("curvature squared", eta * C / (2 * H**2)),
            Mutant("noise as an amplitude", eta * C**2 / (2 * H)),
        ),
    )


@claim(
    "ornstein-uhlenbeck/fourth-moment",
    title="Stationary fourth moment of the Ornstein-Uhlenbeck process",
    source="derived here",
    expected="proved",
)
def fourth_moment() -> ClaimBody:
    formula = 3 * (eta * C / (2 * H)) ** 2
    return ClaimBody(
        statement=Equality(fourth, formula),
        domain=DOMAIN,
        hypotheses=("the law is stationary", "its variance is eta C/(2 H)"),
        derivation=stationary(
            fourth,
            formula,
            -4 * H * fourth + 6 * eta * C * (eta * C / (2 * H)),
            "Ito's formula for w^4, in the mean, with the stationary variance",
        ),
        evidence=(certified_moment(4),),
        mutants=(
            Mutant("no kurtosis", (eta * C / (2 * H)) ** 2),
            Mutant("variance not squared", 3 * eta * C / (2 * H)),
            Mutant("factor 2 forgotten", 3 * (eta * C / H) ** 2),
        ),
    )
