"""The covariance of minibatch gradient noise: quadratic in the state, from per-sample losses."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, cast

import sympy
from sympy import Function, IndexedBase, Integer, Rational, Sum, Symbol

from exitlaw.analysis import Linearity, TotalDerivative
from exitlaw.claim import ClaimBody, Domain, Equality, Mutant, Point, Range, claim
from exitlaw.derivation import Antiderivative, Definition, Derivation, Identity, Step
from exitlaw.evidence import EnclosureComparison
from theory import gradient_noise
from theory.symbols import batch, rho, samples, sigma_g, sigma_H, x

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

u = Symbol("u", real=True)
sigma_x = Symbol("sigma_x", positive=True)
sigma_epsilon = Symbol("sigma_epsilon", positive=True)
variance = Function("V")
"""Variance of the minibatch gradient at a state."""
per_sample = Function("C_1")
"""Population covariance of the per-sample gradients at a state."""

# --- any data set ---------------------------------------------------------------------------------


@claim(
    "noise/quadratic-covariance",
    title="Gradient noise of quadratic per-sample losses is quadratic in the state",
)
def quadratic_covariance() -> ClaimBody:
    noise = gradient_noise.QuadraticNoise(sigma_g, rho, sigma_H)
    factor = gradient_noise.minibatch_factor(batch, samples, replacement=False)
    statement = Equality(variance(x), factor * noise.covariance(x))
    cross = sigma_g + rho * x + sigma_H * x**2
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={
                x: Range(-10, 10),
                samples: Range(values=tuple(Integer(n) for n in range(2, 101))),
                batch: Range(values=tuple(Integer(n) for n in range(1, 101))),
            },
            constraints=(
                sympy.Le(batch, samples),
                sympy.Gt(_moment("g", "g"), 0),
                sympy.Gt(_moment("H", "H"), 0),
            ),
        ),
        hypotheses=(
            "sample i has the gradient g_i + H_i x; sigma_g, rho, sigma_H are the 1/N moments "
            "Var g_i, Cov(g_i, H_i), Var H_i",
            "a minibatch of n of the N samples is drawn without replacement, every subset "
            "equally likely; its gradient is the mean",
        ),
        derivation=Derivation(tuple(_quadratic_steps(noise, factor))),
        evidence=(
            EnclosureComparison(
                route="exact variance over all minibatches of concrete data sets, by enumeration",
                reference=_enumerated_variance,
                points=tuple(_data_points()),
            ),
        ),
        mutants=(
            Mutant("cross term rho x instead of 2 rho x", factor * cross),
            Mutant("dropped cross-term sign", factor * (noise.covariance(x) - 4 * rho * x)),
            Mutant("with replacement", noise.covariance(x) / batch),
            Mutant("(N - n)/N instead of (N - n)/(N - 1)",
                   noise.covariance(x) * (samples - batch) / (batch * samples)),
            Mutant("linear instead of quadratic in x",
                   factor * (sigma_g + 2 * rho * x + sigma_H * x)),
        ),
    )  # fmt: skip


def _moment(first: str, second: str) -> sympy.Expr:
    """The 1/N covariance of two indexed quantities over the samples."""
    i = Symbol("i", integer=True, positive=True)
    a: Any = cast(Any, IndexedBase(first))[i]
    b: Any = cast(Any, IndexedBase(second))[i]

    def total(summand: sympy.Expr) -> Any:
        return Sum(summand, (i, Integer(1), samples))

    return total(a * b) / samples - total(a) * total(b) / samples**2


def _quadratic_steps(noise: gradient_noise.QuadraticNoise, factor: sympy.Expr) -> Iterator[Step]:
    i = Symbol("i", integer=True, positive=True)
    g, h = cast(Any, IndexedBase("g")), cast(Any, IndexedBase("H"))
    over = (i, Integer(1), samples)

    def total(summand: sympy.Expr) -> sympy.Expr:
        return cast(sympy.Expr, Sum(summand, over))

    gradient = g[i] + h[i] * x
    population = total(gradient**2) / samples - (total(gradient) / samples) ** 2
    yield Step(
        "population covariance",
        Equality(per_sample(x), population),
        "definition: mean of squares minus square of the mean over the N samples",
        Definition(per_sample(x), population),
    )
    squares = ((Integer(1), g[i] ** 2), (2 * x, g[i] * h[i]), (x**2, h[i] ** 2))
    yield Step(
        "sum of squares",
        Equality(total(gradient**2), sympy.Add(*(c * total(f) for c, f in squares))),
        "the sum is linear; x does not depend on the sample",
        Linearity(gradient**2, over, squares, Sum),
    )
    yield Step(
        "sum",
        Equality(total(gradient), total(g[i]) + x * total(h[i])),
        "the sum is linear",
        Linearity(gradient, over, ((Integer(1), g[i]), (x, h[i])), Sum),
    )
    for symbol, name, first, second in (
        (sigma_g, "variance of the gradients", "g", "g"),
        (rho, "covariance of gradients and curvatures", "g", "H"),
        (sigma_H, "variance of the curvatures", "H", "H"),
    ):
        moment = _moment(first, second)
        yield Step(name, Equality(symbol, moment), "definition", Definition(symbol, moment))
    quadratic = noise.covariance(x)
    expanded = (
        (total(g[i] ** 2) + 2 * x * total(g[i] * h[i]) + x**2 * total(h[i] ** 2)) / samples
        - (total(g[i]) + x * total(h[i])) ** 2 / samples**2
    )  # fmt: skip
    moments = {
        sigma_g: total(g[i] ** 2) / samples - total(g[i]) ** 2 / samples**2,
        rho: total(g[i] * h[i]) / samples - total(g[i]) * total(h[i]) / samples**2,
        sigma_H: total(h[i] ** 2) / samples - total(h[i]) ** 2 / samples**2,
    }
    yield Step(
        "quadratic in the state",
        Equality(per_sample(x), quadratic),
        "collect powers of x",
        Identity(expanded, cast(sympy.Expr, quadratic.xreplace(moments))),
    )
    square = (sigma_H * x + rho) ** 2 + noise.discriminant
    yield Step(
        "a covariance",
        Equality(sigma_H * quadratic, square),
        "complete the square: C >= 0 everywhere iff sigma_g sigma_H >= rho^2",
        Identity(sigma_H * quadratic, square),
    )
    data = sympy.symbols("g_1:4", real=True), sympy.symbols("H_1:4", real=True)
    three = gradient_noise.quadratic_noise(*data, batch=2, replacement=False).covariance(x)
    losses = [a * x + b * x**2 / 2 for a, b in zip(*data, strict=True)]
    for name, value in (
        (
            "from three losses",
            gradient_noise.gradient_covariance(losses, x, batch=2, replacement=False),
        ),
        (
            "from three gradients and curvatures",
            gradient_noise.affine_covariance_matrix(
                [[a] for a in data[0]], [[[b]] for b in data[1]], [x], batch=2, replacement=False
            )[0, 0],
        ),
    ):
        yield Step(
            name,
            Equality(cast(sympy.Expr, value), three),
            "any three samples, batches of two: differentiate, average, compare",
            Identity(cast(sympy.Expr, value), three),
        )
    # Inclusion indicators: P(i in batch) = n/N and P(i, j in batch) = n(n-1)/(N(N-1)); the
    # centred gradients d_i have sum 0, so sum_{i != j} d_i d_j = -sum_i d_i^2 = -N C_1.
    own = batch / samples * (1 - batch / samples)
    pair = batch * (batch - 1) / (samples * (samples - 1)) - (batch / samples) ** 2
    sampled = (own * samples * per_sample(x) - pair * samples * per_sample(x)) / batch**2
    yield Step(
        "variance of the minibatch mean",
        Equality(variance(x), sampled),
        "definition: n^-2 sum_ij Cov(Z_i, Z_j) d_i d_j over inclusion indicators Z, where the "
        "deviations d_i from the mean sum to 0 and their squares to N C_1",
        Definition(variance(x), sampled),
    )
    yield Step(
        "finite-population factor",
        Equality(variance(x), factor * per_sample(x)),
        "collect the two probabilities",
        Identity(sampled, factor * per_sample(x)),
    )
    yield Step(
        "minibatch covariance",
        Equality(variance(x), factor * quadratic),
        "insert the population covariance",
        Identity(factor * per_sample(x) - factor * quadratic,
                 factor * (per_sample(x) - quadratic)),
    )  # fmt: skip


DATA: tuple[tuple[tuple[tuple[int, int], ...], int, Fraction], ...] = (
    (((1, 2), (-3, 1), (4, -1)), 1, Fraction(1, 2)),
    (((0, 1), (2, 3), (-1, 5), (7, -2), (1, 1)), 2, Fraction(-3, 2)),
    (((5, 1), (-2, 2), (0, -3), (1, 4), (3, 3), (-4, 0)), 3, Fraction(7, 3)),
    (((1, 1), (2, 4), (3, 9), (4, 16)), 3, Fraction(-1, 5)),
)
"""Data sets of pairs (g_i, H_i), a batch size, and a state."""


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _covariance(first: list[Fraction], second: list[Fraction]) -> Fraction:
    products = [a * b for a, b in zip(first, second, strict=True)]
    return _mean(products) - _mean(first) * _mean(second)


def _data_symbols(size: int) -> list[tuple[Symbol, Symbol]]:
    return [(Symbol(f"g_{i}", real=True), Symbol(f"H_{i}", real=True)) for i in range(1, size + 1)]


def _data_points() -> Iterator[Point]:
    for data, n, state in DATA:
        g = [Fraction(pair[0]) for pair in data]
        h = [Fraction(pair[1]) for pair in data]
        point: dict[Symbol, sympy.Expr] = {
            x: _rational(state),
            sigma_g: _rational(_covariance(g, g)),
            rho: _rational(_covariance(g, h)),
            sigma_H: _rational(_covariance(h, h)),
            samples: Integer(len(data)),
            batch: Integer(n),
        }
        for (symbol_g, symbol_h), pair in zip(_data_symbols(len(data)), data, strict=True):
            point[symbol_g], point[symbol_h] = Integer(pair[0]), Integer(pair[1])
        yield point


def _rational(value: Fraction) -> sympy.Expr:
    return Rational(value.numerator, value.denominator)


def _fraction(value: sympy.Expr) -> Fraction:
    return Fraction(int(value.as_numer_denom()[0]), int(value.as_numer_denom()[1]))


def _enumerated_variance(point: Point, digits: int) -> Enclosure:
    """Variance of the mean gradient over all minibatches, each equally likely."""
    from numerics.enclosure import Enclosure

    state = _fraction(point[x])
    gradients = [
        _fraction(point[g]) + _fraction(point[h]) * state
        for g, h in _data_symbols(int(point[samples]))
    ]
    means = [_mean(list(chosen)) for chosen in combinations(gradients, int(point[batch]))]
    return Enclosure.exact(_covariance(means, means))


# --- linear regression ----------------------------------------------------------------------------


@claim(
    "noise/linear-regression",
    title="Gradient noise of linear regression with Gaussian inputs",
    depends=("noise/quadratic-covariance",),
)
def linear_regression() -> ClaimBody:
    noise = gradient_noise.linear_regression_noise(sigma_x, sigma_epsilon, batch=batch)
    single = sigma_x**2 * sigma_epsilon**2
    return ClaimBody(
        statement=Equality(variance(u), noise.covariance(u)),
        domain=Domain(
            ranges={
                u: Range(-10, 10),
                sigma_x: Range(Fraction(1, 100), 100, "log"),
                sigma_epsilon: Range(Fraction(1, 100), 100, "log"),
                batch: Range(values=(Integer(1), Integer(2), Integer(64))),
            }
        ),
        hypotheses=(
            "y = x w* + epsilon, loss (y - x w)^2/2, u = w - w*",
            "x ~ N(0, sigma_x^2); epsilon independent of x, centred, variance sigma_epsilon^2",
            "the n samples of a minibatch are drawn independently (an endless stream, or with "
            "replacement)",
        ),
        derivation=Derivation(tuple(_regression_steps(noise))),
        evidence=(
            EnclosureComparison(
                route="exact variance of the minibatch gradient, differentiated from the losses, "
                "over the three-point Gauss-Hermite law, whose moments up to order 5 are Gaussian",
                reference=_gauss_hermite_variance,
                points=tuple(
                    {u: a, sigma_x: b, sigma_epsilon: c, batch: Integer(n)}
                    for a, b, c, n in (
                        (Rational(1, 2), Rational(1), Rational(1), 1),
                        (Rational(-3), Rational(2), Rational(1, 3), 1),
                        (Rational(2, 7), Rational(1, 2), Rational(5), 2),
                    )
                ),
            ),
        ),
        mutants=(
            Mutant("decoupled: sigma_x^4 u^2 instead of 2 sigma_x^4 u^2",
                   (single + sigma_x**4 * u**2) / batch),
            Mutant("second moment instead of variance of x^2",
                   (single + 3 * sigma_x**4 * u**2) / batch),
            Mutant("minibatch factor forgotten", batch * noise.covariance(u)),
            Mutant("standard deviation instead of variance of the label noise",
                   (sigma_x**2 * sigma_epsilon + 2 * sigma_x**4 * u**2) / batch),
        ),
    )  # fmt: skip


def _regression_steps(noise: gradient_noise.QuadraticNoise) -> Iterator[Step]:
    X, epsilon, w, target = sympy.symbols("X epsilon w w_*", real=True)
    loss = (X * target + epsilon - X * w) ** 2 / 2
    gradient = u * X**2 - X * epsilon
    yield Step(
        "per-sample gradient",
        Equality(sympy.Derivative(loss, w), gradient.subs(u, w - target)),
        "the gradient is affine in u = w - w*: g = -x epsilon and H = x^2",
        Antiderivative(gradient.subs(u, w - target), loss, w),
    )
    weight = sympy.exp(-(X**2) / (2 * sigma_x**2))
    line = (X, -sympy.oo, sympy.oo)

    def integral(power: int) -> sympy.Expr:
        return sympy.Integral(X**power * weight, line)

    for k in (0, 2):
        yield Step(
            f"Gaussian moments {k} and {k + 2}",
            Equality(integral(k + 2), (k + 1) * sigma_x**2 * integral(k)),
            "integration by parts: d(-sigma_x^2 X^(k+1) exp(-X^2/(2 sigma_x^2))) has no "
            "boundary values",
            TotalDerivative(
                -(sigma_x**2) * X ** (k + 1) * weight,
                line,
                (
                    (Integer(1), X ** (k + 2) * weight),
                    (-(k + 1) * sigma_x**2, X**k * weight),
                ),
            ),
        )
    E2, E4 = sympy.symbols("E_2 E_4", positive=True)
    moments = {}
    for symbol, power in ((E2, 2), (E4, 4)):
        ratio = integral(power) / integral(0)
        moments[symbol] = ratio
        yield Step(
            f"E x^{power}",
            Equality(symbol, ratio),
            "definition: expectation under the density proportional to exp(-X^2/(2 sigma_x^2))",
            Definition(symbol, ratio),
        )
    # E g^2 = E X^2 E eps^2, E g H = -E X^3 E eps = 0, E g = 0, Var H = E X^4 - (E X^2)^2.
    single = (E2 * sigma_epsilon**2 + u**2 * (E4 - E2**2)) / batch
    yield Step(
        "covariance in moments",
        Equality(variance(u), single),
        "definition with noise/quadratic-covariance: sigma_g = E x^2 E epsilon^2, rho = "
        "-E x^3 E epsilon = 0, sigma_H = E x^4 - (E x^2)^2; the mean of n independent samples "
        "has 1/n of the variance",
        Definition(variance(u), single),
    )
    yield Step(
        "covariance",
        Equality(variance(u), noise.covariance(u)),
        "insert E x^2 = sigma_x^2 and E x^4 = 3 sigma_x^4",
        Identity(single.xreplace({E2: sigma_x**2, E4: 3 * sigma_x**4}), noise.covariance(u)),
    )


def _gauss_hermite_variance(point: Point, digits: int) -> Enclosure:
    """The variance over products of the law with atoms 0 and ±sqrt(3) sigma (weights 2/3, 1/6).

    The gradient of a minibatch is differentiated from its loss; atoms are exact algebraic numbers.
    """
    from numerics.enclosure import Enclosure

    w = Symbol("w", real=True)
    size, state = int(point[batch]), point[u]
    scale_x, scale_noise = point[sigma_x], point[sigma_epsilon]
    atoms = ((0, Rational(2, 3)), (sympy.sqrt(3), Rational(1, 6)), (-sympy.sqrt(3), Rational(1, 6)))
    values: list[tuple[sympy.Expr, sympy.Expr]] = []
    for drawn in product(product(atoms, atoms), repeat=size):
        weight, loss = Integer(1), Integer(0)
        for (input_atom, p), (noise_atom, q) in drawn:
            residual = scale_noise * noise_atom - scale_x * input_atom * w
            loss += residual**2 / (2 * size)
            weight *= p * q
        values.append((weight, sympy.diff(loss, w).subs(w, state)))
    mean = sympy.expand(sympy.Add(*(p * value for p, value in values)))
    square = sympy.expand(sympy.Add(*(p * value**2 for p, value in values)))
    return Enclosure.exact(_fraction(sympy.expand(square - mean**2)))


if __name__ == "__main__":
    from exitlaw.script import run

    run("gradient_noise")
