"""The shared symbols of the theory, with their assumptions.

    w                      state;  x = w - a the deviation from the minimum a
    L(w), C(w)             loss, gradient-noise covariance (a variance, never its square root)
    eta                    learning rate, eta > 0;  D = eta C / 2 the diffusion coefficient
    theta in [0, 1]        interpretation: 0 Ito, 1/2 Stratonovich, 1 anti-Ito;  s = 1 - theta
    sigma_g, rho, sigma_H  C = sigma_g + 2 rho x + sigma_H x**2
    Delta                  Delta**2 = sigma_g sigma_H - rho**2
    H, kappa, m            curvature, kappa = H/(eta sigma_H), m = kappa + s
    H_a, H_b               L''(a) > 0 at the minimum a, L''(b) < 0 at the saddle b
    Delta_L                barrier L(b) - L(a)

Names that come from text are `Symbol(name, real=True)` (see `theory.expressions`).
"""

from __future__ import annotations

from sympy import Symbol

w = Symbol("w", real=True)
x = Symbol("x", real=True)
y = Symbol("y", real=True)
z = Symbol("z", real=True)
t = Symbol("t", nonnegative=True)

eta = Symbol("eta", positive=True)
theta = Symbol("theta", nonnegative=True)
s = Symbol("s", nonnegative=True)

sigma_g = Symbol("sigma_g", positive=True)
sigma_H = Symbol("sigma_H", positive=True)
rho = Symbol("rho", real=True)
Delta = Symbol("Delta", positive=True)

H = Symbol("H", positive=True)
kappa = Symbol("kappa", positive=True)
m = Symbol("m", positive=True)
nu = Symbol("nu", real=True)
alpha = Symbol("alpha", positive=True)
location = Symbol("lambda", real=True)
q = Symbol("q", positive=True)

a = Symbol("a", real=True)
b = Symbol("b", real=True)
start = Symbol("x_0", real=True)
exit_above = Symbol("B", real=True)
exit_below = Symbol("A", real=True)

H_a = Symbol("H_a", positive=True)
H_b = Symbol("H_b", negative=True)
C_a = Symbol("C_a", positive=True)
C_b = Symbol("C_b", positive=True)
Delta_L = Symbol("Delta_L", positive=True)
sigma = Symbol("sigma", positive=True)
u = Symbol("u", positive=True)
tau = Symbol("tau", positive=True)

batch = Symbol("n", positive=True, integer=True)
"""Minibatch size."""
samples = Symbol("N", positive=True, integer=True)
"""Number of samples of the data set."""
d = Symbol("d", positive=True, integer=True)
"""Dimension."""
