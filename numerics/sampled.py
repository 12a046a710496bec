"""The diffusion of SGD as programs, sample by sample, without computer algebra.

With `g_n`, `H_n` the gradient and the Hessian of sample n of N and `ĝ_n = g_n − ḡ`,

    ∇L = ḡ,    C = f ⟨ĝ ĝᵀ⟩,    (∇·C)_i = f ⟨Σ_j H_ij ĝ_j + ĝ_i tr H⟩,

⟨·⟩ the mean over the samples and f the batch factor: `∂_j(ĝ_i ĝ_j)` summed over j, where the means
of H drop out as ⟨ĝ⟩ = 0. In one dimension, `h_n = g_n'` and `k_n = h_n'`,

    C' = 2f ⟨ĝ h⟩,    C'' = 2f (⟨h ĥ⟩ + ⟨ĝ k⟩).

The programs grow as the number of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from numerics.lowering import Model
from numerics.multivariate import MultivariateModel, upper_triangle
from numerics.program import Builder, Program


class _Means:
    """Means over the samples of instructions of one builder."""

    def __init__(self, builder: Builder, count: int) -> None:
        self.builder, self.count = builder, count

    def total(self, parts: Sequence[int]) -> int:
        """The sum."""
        result = parts[0]
        for part in parts[1:]:
            result = self.builder.emit("add", result, part)
        return result

    def mean(self, parts: Sequence[int], scale: Fraction = Fraction(1)) -> int:
        """The sum over N samples, divided by N, times a scale."""
        weight = self.builder.constant(scale / self.count)
        return self.builder.emit("mul", weight, self.total(parts))

    def products(self, one: Sequence[int], other: Sequence[int]) -> list[int]:
        """Sample by sample."""
        return [self.builder.emit("mul", a, b) for a, b in zip(one, other, strict=True)]

    def away(self, parts: Sequence[int]) -> list[int]:
        """Each less the mean."""
        middle = self.mean(parts)
        return [self.builder.emit("sub", part, middle) for part in parts]


def sampled_scalar_model(
    loss: Program,
    shared: Program,
    own: Program,
    rows: Sequence[Sequence[Fraction]],
    factor: Fraction,
    *,
    eta: Program,
    theta: Program,
    text: tuple[tuple[str, str], ...] = (),
) -> Model:
    """The model of SGD on samples with one state.

    Parameters
    ----------
    loss : ℓ of one sample, with inputs (w, z₁, …, z_k)
    shared : the part of ℓ' that no column enters, and its derivative, with the input w: it has no
        share in C, and bounds of C are the sharper for not knowing it
    own : the rest g of ℓ', g' and g'', with inputs (w, z₁, …, z_k)
    rows : the samples, k numbers each
    factor : variance of a batch's gradient over that of one sample's
    text : the formulas as written, for messages
    """
    variable, *fields = own.inputs
    builder = Builder((variable,))
    means = _Means(builder, len(rows))
    losses: list[int] = []
    parts: list[list[int]] = []
    for row in rows:
        known = {name: builder.constant(x) for name, x in zip(fields, row, strict=True)}
        losses += builder.include(loss, known)
        parts.append(builder.include(own, known))
    g, h, k = ([part[i] for part in parts] for i in range(3))
    away = means.away(g)
    bend = means.total(means.products(h, means.away(h)) + means.products(away, k))
    common = builder.include(shared, {})
    gradient, slope = (
        builder.emit("add", one, means.mean(other))
        for one, other in zip(common, (g, h), strict=True)
    )
    twice = 2 * factor / len(rows)
    return Model(
        variable=variable,
        gradient=builder.program([gradient]),
        gradient_slope=builder.program([slope]),
        noise=builder.program([means.mean(means.products(away, away), factor)]),
        noise_slope=builder.program([means.mean(means.products(away, h), 2 * factor)]),
        noise_curvature=builder.program([builder.emit("mul", builder.constant(twice), bend)]),
        eta=eta,
        theta=theta,
        loss=builder.program([means.mean(losses)]),
        text=text,
    )


def sampled_model(
    gradient: Program,
    hessian: Program,
    rows: Sequence[Sequence[Fraction]],
    factor: Fraction,
    *,
    eta: Program,
    theta: Program,
) -> MultivariateModel:
    """The model of SGD on samples.

    Parameters
    ----------
    gradient : ∇ℓ of one sample, d outputs, with inputs (w₁, …, w_d, z₁, …, z_k)
    hessian : its second derivatives, the upper triangle by rows, with the same inputs
    rows : the samples, k numbers each
    factor : covariance of a batch's gradient over that of one sample's
    """
    d = len(gradient.outputs)
    variables, fields = gradient.inputs[:d], gradient.inputs[d:]
    builder = Builder(variables)
    means = _Means(builder, len(rows))
    gradients: list[list[int]] = []
    hessians: list[dict[tuple[int, int], int]] = []
    for row in rows:
        known = {name: builder.constant(x) for name, x in zip(fields, row, strict=True)}
        gradients.append(builder.include(gradient, known))
        entries = builder.include(hessian, known)
        upper = dict(zip(upper_triangle(d), entries, strict=True))
        hessians.append(upper | {(j, i): entry for (i, j), entry in upper.items()})

    middle = [means.mean([g[i] for g in gradients]) for i in range(d)]
    away = [[builder.emit("sub", g[i], middle[i]) for i in range(d)] for g in gradients]

    def product(i: int, j: int) -> int:
        return means.mean([builder.emit("mul", a[i], a[j]) for a in away], factor)

    def divergence(i: int) -> int:
        parts = []
        for a, h in zip(away, hessians, strict=True):
            parts += [builder.emit("mul", h[i, j], a[j]) for j in range(d)]
            parts.append(builder.emit("mul", a[i], means.total([h[j, j] for j in range(d)])))
        return means.mean(parts, factor)

    return MultivariateModel(
        variables,
        builder.program(middle),
        builder.program([product(i, j) for i, j in upper_triangle(d)]),
        builder.program([divergence(i) for i in range(d)]),
        eta,
        theta,
    )
