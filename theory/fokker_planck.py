"""Forward operator, probability current and backward generator, for every interpretation.

The theta-family: noise evaluated at w + theta dw, that is at time fraction theta of the step,

    dw = -L' dt + sqrt(eta C(w + theta dw)) dB,      D = eta C / 2,   s = 1 - theta.

Expanding the square root to first order in dw gives the equivalent Ito equation with the
noise-induced drift theta D' and the operators

    current     J = -[L' p + s D' p + D p'],   d_t p = -d_w J
    generator   f -> (-L' + theta D') f' + D f''
"""

from __future__ import annotations

import sympy
from sympy import Expr

from theory.diffusion import Diffusion, DiffusionND


def noise_induced_drift(model: Diffusion) -> Expr:
    """theta sigma sigma' with sigma = sqrt(2 D): the drift that evaluation at w + theta dw adds.

    sigma(w + theta dw) dB = sigma dB + theta sigma' dw dB + ..., and dw dB = sigma dt in mean.
    Equals theta D'. Convention: theta = 0 Ito, 1/2 Stratonovich, 1 anti-Ito.
    """
    sigma = sympy.sqrt(2 * model.D)
    return model.theta * sigma * sympy.diff(sigma, model.variable)


def current(model: Diffusion, density: Expr) -> Expr:
    """J = -[L' p + s D' p + D p'], the probability current of the density p."""
    D, w = model.D, model.variable
    return -(
        model.gradient * density + model.s * sympy.diff(D, w) * density + D * sympy.diff(density, w)
    )


def forward_operator(model: Diffusion, density: Expr) -> Expr:
    """d_t p = -d_w J, the Fokker-Planck operator on the density p."""
    return -sympy.diff(current(model, density), model.variable)


def ito_forward_operator(model: Diffusion, density: Expr) -> Expr:
    """The same operator in Ito's form, -d_w(mu p) + d_w^2(D p), mu the equivalent Ito drift."""
    w = model.variable
    drift = model.drift + noise_induced_drift(model)
    return -sympy.diff(drift * density, w) + sympy.diff(model.D * density, w, 2)


def backward_generator(model: Diffusion, function: Expr) -> Expr:
    """(-L' + theta D') f' + D f'', the generator on the function f."""
    w = model.variable
    return model.ito_drift * sympy.diff(function, w) + model.D * sympy.diff(function, w, 2)


def adjointness_defect(model: Diffusion, density: Expr, function: Expr) -> Expr:
    """p (generator f) - f (forward p) - d/dw [p D f' - f D p' - s f D' p - f L' p].

    Zero for all p and f: the two operators are adjoint up to the boundary term in brackets, which
    is D p f' + f J.
    """
    w = model.variable
    boundary = model.D * density * sympy.diff(function, w) + function * current(model, density)
    return (
        density * backward_generator(model, function)
        - function * forward_operator(model, density)
        - sympy.diff(boundary, w)
    )


def detailed_balance_defect(model: Diffusion, density: Expr, function: Expr) -> Expr:
    """p (generator f) - d/dw(D p f'): zero for all f if and only if the current of p is zero."""
    w = model.variable
    return density * backward_generator(model, function) - sympy.diff(
        model.D * density * sympy.diff(function, w), w
    )


# --- d dimensions -------------------------------------------------------------------------------


def current_nd(model: DiffusionND, density: Expr) -> tuple[Expr, ...]:
    """J = -[p grad L + s p div D + D grad p], one component per variable."""
    D, divergence = model.D, model.divergence_D
    slope = [sympy.diff(density, variable) for variable in model.variables]
    return tuple(
        -(
            density * model.gradient[i]
            + model.s * density * divergence[i]
            + sympy.Add(*(D[i, j] * slope[j] for j in range(model.dimension)))
        )
        for i in range(model.dimension)
    )


def forward_operator_nd(model: DiffusionND, density: Expr) -> Expr:
    """d_t p = -div J."""
    components = zip(current_nd(model, density), model.variables, strict=True)
    return -sympy.Add(*(sympy.diff(component, variable) for component, variable in components))


def backward_generator_nd(model: DiffusionND, function: Expr) -> Expr:
    """(-grad L + theta div D) . grad f + sum_ij D_ij d_i d_j f."""
    D = model.D
    drift = sympy.Add(
        *(
            component * sympy.diff(function, variable)
            for component, variable in zip(model.ito_drift, model.variables, strict=True)
        )
    )
    diffusion = sympy.Add(
        *(
            D[i, j] * sympy.diff(function, first, second)
            for i, first in enumerate(model.variables)
            for j, second in enumerate(model.variables)
        )
    )
    return drift + diffusion
