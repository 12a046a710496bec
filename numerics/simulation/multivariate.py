"""Euler's scheme in d dimensions, as source text of one structure of the model.

`dw = a dt + √(ηC) dB` in Itô form, `a = −∇L + θ∇·D`, `D = ηC/2`, with `C = GGᵀ` by Cholesky's
factor. The text is unrolled over the coordinates; entries of C that are zero by their form are left
out, so that a diagonal noise costs d square roots and nothing else. Constants of the formulas, η, θ
and the step are run-time arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function, scalar_source
from numerics.multivariate import MultivariateModel, upper_triangle
from numerics.program import Program, combined, pruned
from numerics.simulation.requirements import require_positive
from numerics.simulation.schemes import LANES, as_float, compiled, with_constants_as_inputs

_DECORATOR = '@njit(forceinline=True, error_model="numpy")\n'


@dataclass(frozen=True)
class VectorKernel:
    """A model as kernels take it: source text of its structure, and its numbers.

    `source` defines `coefficients(x0, …, te, …) -> (a_0, …, G_00, G_10, …, indefinite)`: drift, the
    entries of G that `factor` lists, and whether C is not positive definite. If a region was given,
    it defines `region(x0, …, …)`, the region's function, as well.
    """

    source: str
    dimension: int
    factor: tuple[tuple[int, int], ...]
    """(i, j) of the entries of G that are not zero by their form, by columns"""
    watched: tuple[int, ...]
    """coordinates on which the region depends"""
    program: Program
    """gradient, upper triangle of C, divergence, and the region's function if there is one"""
    eta: float
    theta: float
    constants: tuple[float, ...]

    def arguments(self) -> np.ndarray:
        """`η, θη/2` and the constants, as the kernels take them."""
        return np.array((self.eta, 0.5 * self.theta * self.eta, *self.constants))

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the coordinates in the text."""
        return tuple(f"x{i}" for i in range(self.dimension))

    def coefficients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Itô drift (d, n), ηC (d, d, n) and the region's function (n; 0 without) at states (d, n).

        Entries of C are those of the formulas: definite or not.
        """
        d = self.dimension
        with np.errstate(all="ignore"):
            outputs = numpy_function(self.program)(*x, *self.constants)
            values = np.stack([np.broadcast_to(o, x.shape[1:]) for o in outputs])
        entries = d * (d + 1) // 2
        drift = 0.5 * self.theta * self.eta * values[d + entries : 2 * d + entries] - values[:d]
        noise = np.empty((d, d, *x.shape[1:]))
        for (i, j), value in zip(upper_triangle(d), values[d : d + entries], strict=True):
            noise[i, j] = noise[j, i] = self.eta * value
        level = values[2 * d + entries] if len(values) > 2 * d + entries else np.zeros(x.shape[1])
        return drift, noise, level

    def function(self, template: str, name: str) -> Any:
        """The function `name` of a template, compiled for this structure.

        `UNPACK` reads the run-time arguments from the array `p`; `LANES` and `DIMENSION` are
        numbers. Other words are the caller's to replace.
        """
        constants = [f"k{i}" for i in range(len(self.constants))]
        unpack = "\n".join(f"    {k} = p[{i}]" for i, k in enumerate(["eta", "te", *constants]))
        text = (
            template.replace("UNPACK", unpack.strip())
            .replace("LANES", str(LANES))
            .replace("DIMENSION", str(self.dimension))
        )
        return getattr(compiled(f"{self.source}\n\n{text}", name, f"euler_{name}"), name)

    def passed(self, states: Sequence[str], *more: str) -> str:
        """The arguments of a generated function: states, `more`, the constants."""
        return ", ".join((*states, *more, *(f"k{i}" for i in range(len(self.constants)))))

    def normals(self) -> list[str]:
        """Lines that draw `u0, u1, …`, normals times `√(ηh)`, from the stream `s0 … s3`.

        Two words give two normals; in odd dimensions the last of a step is not used.
        """
        lines = []
        for i in range(0, self.dimension, 2):
            lines += [
                "one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)",
                "two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)",
                "square, cosine, sine = polar(one, two)",
                "radius = math.sqrt(eta * h * square)",
                f"u{i} = radius * cosine",
            ]
            if i + 1 < self.dimension:
                lines.append(f"u{i + 1} = radius * sine")
        return lines

    def step(self) -> list[str]:
        """Lines of one step of Euler's scheme, `x0, …` to `y0, …`; they set `indefinite`."""
        d = self.dimension
        results = [*(f"a{i}" for i in range(d)), *(f"g{i}_{j}" for i, j in self.factor)]
        call = self.passed(self.states, "te")
        lines = [f"{', '.join(results)}, indefinite = coefficients({call})"]
        for i in range(d):
            noise = [f"g{i}_{j} * u{j}" for row, j in self.factor if row == i]
            lines.append(f"y{i} = {' + '.join([f'x{i}', f'a{i} * h', *noise])}")
        return lines


def vector_kernel(model: MultivariateModel, region: Program | None = None) -> VectorKernel:
    """A model, and the function of a region, ready for kernels.

    Raises
    ------
    ComputationError : η not a positive number, θ outside [0, 1], C with a zero on its diagonal
    """
    eta, theta = require_positive("η", as_float(model.eta, "η")), as_float(model.theta, "θ")
    if not 0.0 <= theta <= 1.0:
        raise ComputationError(
            "an interpretation θ from 0 (Itô) to 1 (anti-Itô)", str(theta), "give such a θ"
        )
    d = model.dimension
    parts = [model.gradient, model.noise, model.noise_divergence]
    joint = combined(model.variables, parts if region is None else [*parts, region])
    free, constants = with_constants_as_inputs(joint)
    names = [f"x{i}" for i in range(d)]
    inner = 2 * d + d * (d + 1) // 2
    model_part = pruned(Program(free.inputs, free.instructions, free.outputs[:inner]))
    zeros = {
        entry
        for entry, output in zip(upper_triangle(d), free.outputs[d : inner - d], strict=True)
        if free.instructions[output].op == "const" and free.instructions[output].value == 0
    }
    factor, lines = _cholesky(d, zeros, model.variables)
    constant_names = [f"k{i}" for i in range(len(constants))]
    outputs = [
        *(f"m{i}" for i in range(d)),
        *(f"c{i}_{j}" for i, j in upper_triangle(d)),
        *(f"e{i}" for i in range(d)),
    ]
    drift = [f"te * e{i} - m{i}" for i in range(d)]
    results = [*drift, *(f"g{i}_{j}" for i, j in factor), "indefinite"]
    body = [
        f"{', '.join(outputs)} = model({', '.join([*names, *constant_names])})",
        *lines,
        f"return {', '.join(results)}",
    ]
    source = (
        _DECORATOR
        + scalar_source(model_part, "model")
        + f"\n\n{_DECORATOR}def coefficients({', '.join([*names, 'te', *constant_names])}):\n"
        + "\n".join(f"    {line}" for line in body)
    )
    watched: tuple[int, ...] = ()
    if region is not None:
        level = pruned(Program(free.inputs, free.instructions, free.outputs[inner:]))
        source += f"\n\n\n{_DECORATOR}{scalar_source(level, 'region')}"
        watched = tuple(i for i, name in enumerate(model.variables) if level.uses(name))
    return VectorKernel(source, d, factor, watched, free, eta, theta, constants)


def _cholesky(
    d: int, zeros: set[tuple[int, int]], names: Sequence[str]
) -> tuple[tuple[tuple[int, int], ...], list[str]]:
    """Entries of G that are not zero by their form, and lines that compute them from C."""
    present: set[tuple[int, int]] = set()
    lines, order = ["indefinite = False"], []
    for j in range(d):
        if (j, j) in zeros:
            raise ComputationError(
                "a noise C that is positive definite",
                f"C{j + 1}{j + 1} = 0, no noise of {names[j]}",
                "give every coordinate a noise",
            )
        for i in range(j, d):
            shared = [k for k in range(j) if (i, k) in present and (j, k) in present]
            if (j, i) in zeros and not shared:
                continue
            present.add((i, j))
            order.append((i, j))
            products = "".join(f" - g{i}_{k} * g{j}_{k}" for k in shared)
            entry = f"c{j}_{i}{products}"
            if i == j:
                lines += [
                    f"pivot = {entry}",
                    "indefinite |= pivot <= 0.0",
                    f"g{j}_{j} = math.sqrt(pivot)",
                ]
            else:
                lines.append(f"g{i}_{j} = ({entry}) / g{j}_{j}")
    return tuple(order), lines
