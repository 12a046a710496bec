"""Models in d dimensions for kernels, as source text of one structure of the model.

`dw = a dt + √(ηC) dB` in Itô form, `a = −∇L + θ∇·D`, `D = ηC/2`, with `C = GGᵀ` by Cholesky's
factor. The text is unrolled over the coordinates; entries of C that are zero by their form are left
out, so that a diagonal noise costs d square roots and nothing else. Constants of the formulas, η, θ
and the step are run-time arguments. The steps are those of `numerics.simulation.vector_schemes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import numpy_function, scalar_source
from numerics.multivariate import MultivariateModel, upper_triangle
from numerics.program import Program, combined, pruned
from numerics.simulation.jumps import refuse_jumps
from numerics.simulation.requirements import require_positive
from numerics.simulation.schemes import (
    LANES,
    SCHEMES,
    Scheme,
    as_float,
    compiled,
    scheme_named,
    with_constants_as_inputs,
)
from numerics.simulation.vector_schemes import NAMES, Form, sign_lines, step_lines

_DECORATOR = '@njit(forceinline=True, error_model="numpy")\n'


@dataclass(frozen=True)
class VectorKernel:
    """A model as kernels take it: source text of its structure, and its numbers.

    `source` defines `coefficients(x0, …, te, …) -> (a_0, …, G_00, G_10, …, indefinite)`: drift, the
    entries of G that `factor` lists, and whether C is not positive definite. If a region was given,
    it defines `region(x0, …, …)`, the region's function, as well; likewise `measure(x0, …, …)`, a
    function that is to be watched along paths.
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
    depends: tuple[tuple[int, ...], ...]
    """coordinates on which each entry of `factor` depends"""
    scheme: Scheme

    @property
    def form(self) -> Form:
        """What steps need to know of G."""
        known = {entry: frozenset(on) for entry, on in zip(self.factor, self.depends, strict=True)}
        constants = tuple(f"k{i}" for i in range(len(self.constants)))
        return Form(self.dimension, self.factor, known, constants)

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
        return getattr(
            compiled(f"{self.source}\n\n{text}", name, f"{self.scheme.name}_{name}"), name
        )

    def passed(self, states: Sequence[str], *more: str) -> str:
        """The arguments of a generated function: states, `more`, the constants."""
        return ", ".join((*states, *more, *(f"k{i}" for i in range(len(self.constants)))))

    def normals(self) -> list[str]:
        """Lines that draw `u0, u1, …`, normals times `√(ηh)`, from the stream `s0 … s3`.

        Two words give two normals; in odd dimensions the last of a step is not used. The random
        signs of a scheme that needs them follow.
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
        return [*lines, *sign_lines(self.scheme.name, self.form)]

    def step(self) -> list[str]:
        """Lines of one step of the scheme, `x0, …` to `y0, …`; they set `indefinite`."""
        return step_lines(self.scheme.name, self.form)


def vector_kernel(
    model: MultivariateModel,
    region: Program | None = None,
    *,
    measure: Program | None = None,
    scheme: str = "euler",
    single_paths: bool = False,
) -> VectorKernel:
    """A model, the function of a region, and one to be watched along paths, ready for kernels.

    Parameters
    ----------
    region, measure : programs of the d variables
    scheme : euler, milstein or platen
    single_paths : whether no bias is bounded, so that the noise of an Itô model may jump

    Raises
    ------
    ComputationError : η not a positive number, θ outside [0, 1], C with a zero on its diagonal or a
        jump, a scheme that there is not, or Milstein's for a noise that does not commute
    """
    if scheme not in NAMES:
        raise ComputationError(
            f"a scheme in several dimensions among {', '.join(NAMES)}",
            repr(scheme),
            "choose one of them",
        )
    chosen = scheme_named(scheme)
    eta, theta = require_positive("η", as_float(model.eta, "η")), as_float(model.theta, "θ")
    if not 0.0 <= theta <= 1.0:
        raise ComputationError(
            "an interpretation θ from 0 (Itô) to 1 (anti-Itô)", str(theta), "give such a θ"
        )
    refuse_jumps(model.noise, theta, single_paths=single_paths)
    d = model.dimension
    parts = [model.gradient, model.noise, model.noise_divergence]
    watched_functions = {"region": region, "measure": measure}
    more = {name: program for name, program in watched_functions.items() if program is not None}
    joint = combined(model.variables, [*parts, *more.values()])
    free, constants = with_constants_as_inputs(joint)
    names = [f"x{i}" for i in range(d)]
    inner = 2 * d + d * (d + 1) // 2
    model_part = _part(free, free.outputs[:inner])
    entries = dict(zip(upper_triangle(d), free.outputs[d : inner - d], strict=True))
    zeros = {
        entry
        for entry, output in entries.items()
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
    for place, name in enumerate(more):
        part = _part(free, (free.outputs[inner + place],))
        source += f"\n\n\n{_DECORATOR}{scalar_source(part, name)}"
        if name == "region":
            watched = _used(part, model.variables)
    # A program whose only output is the region's keeps its place in `VectorKernel.coefficients`.
    kept = free if region is not None or measure is None else model_part
    on = {
        entry: _used(_part(free, (output,)), model.variables) for entry, output in entries.items()
    }
    depends = tuple(tuple(sorted(on_entry)) for on_entry in _factor_depends(factor, on))
    kernel = VectorKernel(source, d, factor, watched, kept, eta, theta, constants, depends, chosen)
    if chosen is SCHEMES["milstein"]:
        from numerics.simulation.commutation import require_commuting

        require_commuting(kernel, model.variables)
    return kernel


def _part(program: Program, outputs: tuple[int, ...]) -> Program:
    """The same inputs, fewer outputs."""
    return pruned(Program(program.inputs, program.instructions, outputs))


def _used(program: Program, variables: Sequence[str]) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(variables) if program.uses(name))


def _factor_depends(
    factor: Sequence[tuple[int, int]], on: Mapping[tuple[int, int], tuple[int, ...]]
) -> list[set[int]]:
    """Coordinates on which each entry of Cholesky's factor depends, by its recursion."""
    found: dict[tuple[int, int], set[int]] = {}
    for i, j in factor:
        depends = set(on[j, i])
        for k in range(j):
            if (i, k) in found and (j, k) in found:
                depends |= found[i, k] | found[j, k]
        if i != j:
            depends |= found[j, j]
        found[i, j] = depends
    return [found[entry] for entry in factor]


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
