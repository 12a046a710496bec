"""Time-stepping schemes, and the kernels generated from them for any model.

The model `dw = −L'(w)dt + √(ηC(w)) ∘_θ dB` is stepped in its Itô form with drift
`a = −L' + θD'`, `D = ηC/2`, and squared noise `v = ηC`. With `ΔB = √h·z`:

- `euler`: `w + ah + √v ΔB` (Maruyama 1955); weak order 1, strong order 1/2;
- `milstein`: `+ ¼v'(ΔB² − h)`; weak order 1, strong order 1;
- `platen`: Platen's explicit scheme without derivatives, weak order 2 (Kloeden and Platen 1992,
  (15.1.1) of chapter 15): with `Y = w + ah + √v ΔB` and `Y± = w + ah ± √(vh)`,
  `w + ½(a(Y)+a)h + ¼(b(Y₊)+b(Y₋)+2b)ΔB + ¼(b(Y₊)−b(Y₋))(ΔB² − h)/√h`, `b = √v`;
- `taylor`: the same with the differences of b replaced by what they approximate, weak order 2,
  `w + ½(a(Y)+a)h + b(1 + ½h(av'/(2v) + ¼v'' − v'²/(8v)))ΔB + ¼v'(ΔB² − h)`: `½(ab' + ½b''b²)h` is
  the second-order term of the noise in the weak Taylor scheme (Kloeden and Platen, (14.2.6)). One
  square root and C''; twice as fast as Platen's three.

One kernel is generated per structure of the model and scheme: constants of the formulas, η, θ, the
step size and the parameters are run-time arguments, so that models that differ only in numbers
share one compiled kernel, kept on disk. Kernels advance LANES paths side by side, two steps (two
normals) per pass.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import load_source, numpy_function, scalar_source
from numerics.lowering import Model
from numerics.program import Instruction, Program, combined, pruned
from numerics.simulation.elementary import vectorisable
from numerics.simulation.jumps import refuse_jumps

LANES = 64
"""Paths advanced side by side: enough independent work to hide latencies, small enough for L1."""

_DRAW = """one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
normals[0, lane], normals[1, lane], normals[2, lane] = polar(one, two)"""
"""The normals of a lane's next two steps, drawn while this pass takes two with those drawn before.

A step waits for its normals, and the next step for it: drawn a pass ahead, the normals of a lane
are independent work for the processor to do meanwhile (1.2 times as fast). What a crossing or a
small step draws comes after them in the stream of the path.
"""

Point = int | float | Fraction | Program
"""A state: a number, or a constant program."""


@dataclass(frozen=True)
class Scheme:
    """A time-stepping scheme: weak and strong order, and its step as source text.

    The text defines `step(x, h, square, z, eta, te, …)`: `√square·z` is the normal,
    `te = θη/2`, and model constants come last.
    """

    name: str
    weak_order: float
    strong_order: float
    source: str


_EULER = """
@njit(forceinline=True, error_model="numpy")
def step(x, h, square, z, eta, te, *k):
    g, c, c1 = model(x, *k)
    return fma(math.sqrt(eta * h * square * c), z, fma(drift(te, g, c1), h, x))
"""

_MILSTEIN = """
@njit(forceinline=True, error_model="numpy")
def step(x, h, square, z, eta, te, *k):
    g, c, c1 = model(x, *k)
    euler = fma(math.sqrt(eta * h * square * c), z, fma(drift(te, g, c1), h, x))
    return fma(0.25 * eta * h * c1, fma(square * z, z, -1.0), euler)
"""

_PLATEN = """
@njit(forceinline=True, error_model="numpy")
def step(x, h, square, z, eta, te, *k):
    g, c, c1 = model(x, *k)
    a = drift(te, g, c1)
    root = math.sqrt(eta * h * c)
    normal = math.sqrt(square) * z
    mean = fma(a, h, x)
    g, c, c1 = model(fma(root, normal, mean), *k)
    up = math.sqrt(eta * h * noise_only(mean + root, *k))
    down = math.sqrt(eta * h * noise_only(mean - root, *k))
    spread = fma(up - down, fma(normal, normal, -1.0), fma(2.0, root, up + down) * normal)
    return fma(0.25, spread, fma(0.5 * h, a + drift(te, g, c1), x))
"""

_TAYLOR = """
@njit(forceinline=True, error_model="numpy")
def step(x, h, square, z, eta, te, *k):
    g, c, c1 = model(x, *k)
    c2 = noise_curvature(x, *k)
    a = drift(te, g, c1)
    slope = c1 / c
    noise = math.sqrt(eta * h * square * c) * z
    stretch = fma(a, slope, eta * fma(-0.25 * c1, slope, 0.5 * c2))
    g, c, c1_end = model(fma(a, h, x) + noise, *k)
    heun = fma(0.5 * h, a + drift(te, g, c1_end), x)
    milstein = fma(0.25 * eta * h * c1, fma(square * z, z, -1.0), heun)
    return fma(noise, fma(0.25 * h, stretch, 1.0), milstein)
"""

SCHEMES = {
    s.name: s
    for s in (
        Scheme("euler", 1.0, 0.5, _EULER),
        Scheme("milstein", 1.0, 1.0, _MILSTEIN),
        Scheme("platen", 2.0, 1.0, _PLATEN),
        Scheme("taylor", 2.0, 1.0, _TAYLOR),
    )
}


def scheme_named(name: str) -> Scheme:
    """The scheme of that name.

    Raises
    ------
    ComputationError : there is none
    """
    if name not in SCHEMES:
        raise ComputationError(
            f"a scheme among {', '.join(SCHEMES)}", repr(name), "choose one of them"
        )
    return SCHEMES[name]


@dataclass(frozen=True)
class KernelModel:
    """A model as kernels take it: source text of its structure, and its numbers.

    `source` defines `model(x, …) -> (L', C, C')`, `noise_only`, `noise_curvature` and the Itô drift
    `drift(θη/2, L', C')`, whose second term is left out where θ = 0; `constants` are the run-time
    values behind the dots. `program` is what the source was made from.
    """

    source: str
    program: Program = field(compare=False)
    eta: float
    theta: float
    constants: tuple[float, ...]

    def arguments(self) -> np.ndarray:
        """`η, θη/2` and the constants, as the kernels take them."""
        values = (self.eta, 0.5 * self.theta * self.eta, *self.constants)
        return np.array(values, dtype=np.float64)

    def coefficients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Itô drift and squared noise at an array of states."""
        with np.errstate(all="ignore"):
            outputs = numpy_function(self.program)(x, *self.constants)
            gradient, noise, slope, _ = (np.broadcast_to(o, x.shape) for o in outputs)
            drift = 0.5 * self.theta * self.eta * slope - gradient
            return drift, self.eta * noise


_HEADER = """import math

import numpy as np
from numba import njit, uint64

from numerics.simulation import elementary
from numerics.simulation.streams import (
    fma, initial_state, minus_two_log, next_word, polar, uniform, wide_vectors
)

"""


@lru_cache(maxsize=256)
def calm_interval(
    kernel: KernelModel, start: float, lower: float, upper: float, h: float
) -> tuple[float, float]:
    """The largest interval around `start` where a step h is far from instability.

    The rate of the linearised model is `|a'| + (b')²` with b = √v; calm means rate·h <= 1. The
    search goes out on a geometric grid, to the exits or a million times the distance to them.
    """
    ends = [b for b in (lower, upper) if np.isfinite(b)]
    scale = max(abs(b - start) for b in ends) if ends else 1.0
    outward = scale * np.concatenate([np.linspace(0.0, 4.0, 513)[1:], np.geomspace(4.0, 1e6, 513)])
    limits = []
    for sign, bound in ((-1.0, lower), (1.0, upper)):
        x = start + sign * outward[outward <= abs(bound - start)]
        d = 1e-5 * (1.0 + np.abs(x))
        drift_up, noise_up = kernel.coefficients(x + d)
        drift_down, noise_down = kernel.coefficients(x - d)
        noise = kernel.coefficients(x)[1]
        rate = np.abs(drift_up - drift_down) / (2.0 * d)
        with np.errstate(all="ignore"):
            rate = rate + ((noise_up - noise_down) / (2.0 * d)) ** 2 / (4.0 * noise)
        steep = np.flatnonzero(~(rate * h <= 1.0))
        limits.append(float(x[steep[0]]) if steep.size else sign * np.inf)
    return limits[0], limits[1]


_KEPT_CONSTANTS = frozenset(Fraction(n) for n in range(-4, 5))
"""Small integers stay in the source: they are structure more often than data."""


def evaluate_constant(program: Program, parameters: Mapping[str, float]) -> float:
    """The double of a program of parameters only."""
    missing = [n for n in program.inputs if program.uses(n) and n not in parameters]
    if missing:
        raise ComputationError(
            "a value for every parameter",
            f"no value for {', '.join(missing)}",
            "set them (--set NAME=VALUE)",
        )
    values = [float(parameters.get(name, 0.0)) for name in program.inputs]
    return float(numpy_function(program)(*values)[0])


def as_float(point: Point, what: str) -> float:
    """The double nearest to a point.

    Raises
    ------
    ComputationError : the point is not a finite number
    """
    value = evaluate_constant(point, {}) if isinstance(point, Program) else float(point)
    if not np.isfinite(value):
        raise ComputationError(f"{what} that is a finite number", str(value), "give a finite value")
    return value


def with_constants_as_inputs(program: Program) -> tuple[Program, tuple[float, ...]]:
    """The same program with its constants as further inputs, and their values."""
    values: list[float] = []
    instructions: list[Instruction] = []
    for instruction in program.instructions:
        constant = Fraction(instruction.value or 0) if instruction.op == "const" else None
        if constant is not None and constant not in _KEPT_CONSTANTS:
            instructions.append(Instruction("input", (), len(program.inputs) + len(values)))
            values.append(float(constant))
        else:
            instructions.append(instruction)
    names = tuple(f"constant_{i}" for i in range(len(values)))
    free = Program((*program.inputs, *names), tuple(instructions), program.outputs)
    return free, tuple(values)


def kernel_model(
    model: Model, parameters: Mapping[str, float] | None = None, *, single_paths: bool = False
) -> KernelModel:
    """A model with the values of its parameters, ready for kernels.

    With `single_paths`, which bound no bias, the noise of an Itô model may jump.

    Raises
    ------
    ComputationError : a parameter without a value, η not a positive number, θ outside [0, 1], a
        noise that jumps
    """
    given = dict(parameters or {})
    unknown = sorted(set(given) - set(model.parameters))
    if unknown:
        raise ComputationError(
            f"values for the parameters {', '.join(model.parameters) or '(none)'}",
            f"a value for {', '.join(unknown)}",
            "leave it out, or declare it as a parameter of the model",
        )
    eta = evaluate_constant(model.eta, given)
    theta = evaluate_constant(model.theta, given)
    if not (np.isfinite(eta) and eta > 0.0):
        raise ComputationError("a positive finite learning rate η", str(eta), "give η > 0")
    if not 0.0 <= theta <= 1.0:
        raise ComputationError(
            "an interpretation θ from 0 (Itô) to 1 (anti-Itô)", str(theta), "give such a θ"
        )
    formulas = [model.gradient, model.noise, model.noise_slope, model.noise_curvature]
    joint = combined(model.inputs, formulas)
    free, constants = with_constants_as_inputs(joint)
    missing = [name for name in model.parameters if joint.uses(name) and name not in given]
    if missing:
        raise ComputationError(
            "a value for every parameter",
            f"no value for {', '.join(missing)}",
            "set them (--set NAME=VALUE)",
        )
    values = tuple(float(given.get(name, 0.0)) for name in model.parameters)
    refuse_jumps(model.noise, theta, parameters=values, single_paths=single_paths)
    decorator = '@njit(forceinline=True, error_model="numpy")\n'
    parts = {
        "model": free.outputs[:3],
        "noise_only": free.outputs[1:2],
        "noise_curvature": free.outputs[3:],
    }
    functions = (
        decorator + scalar_source(pruned(Program(free.inputs, free.instructions, outputs)), name)
        for name, outputs in parts.items()
    )
    source = (
        "\n\n".join(functions)
        + "\n\n"
        + decorator
        + f"def drift(te, g, c1):\n    return {'te * c1 - g' if theta > 0.0 else '-g'}\n\n"
    )
    return KernelModel(source, free, eta, theta, (*values, *constants))


_LOADING = threading.Lock()


@lru_cache(maxsize=1)
def _generator_digest() -> str:
    """A digest of the source that generated kernels import: a change must recompile them."""
    return _digest_of("streams.py", "elementary.py", "branching.py")


@lru_cache(maxsize=1)
def code_digest() -> str:
    """A digest of everything that results of kernels depend on beside their arguments."""
    return _digest_of(
        "streams.py",
        "elementary.py",
        "coordinate.py",
        "crossing.py",
        "schemes.py",
        "unit_noise.py",
        "exact.py",
        "exact_exit.py",
        "exit.py",
        "mean_exit.py",
        "ergodic.py",
        "multilevel.py",
        "multivariate.py",
        "vector_schemes.py",
        "vector_ergodic.py",
        "region_exit.py",
        "region_splitting.py",
        "excursions.py",
        "branching.py",
        "importance.py",
        "discrete.py",
        "chain_exits.py",
        "sgd.py",
        "sums.py",
        "relaxation.py",
        "waypoints.py",
    )


def _digest_of(*names: str) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:16]


def compiled(source: str, function: str, prefix: str) -> ModuleType:
    """The generated module, with a notice where it has to be compiled first."""
    text = f"# generator {_generator_digest()}\n{_HEADER}{vectorisable(source)}"
    with _LOADING:
        known = set(sys.modules)
        module = load_source(text, prefix)
        path = Path(str(module.__file__))
        if module.__name__ not in known:
            stored = list((path.parent / "__pycache__").glob(f"{path.stem}.{function}-*.nbi"))
            if not stored:
                print(f"compiling a simulation kernel (kept in {path.parent}) …", file=sys.stderr)
    return module


def kernel_function(kernel: KernelModel, scheme: Scheme, body: str, name: str) -> Any:
    """The function `name` of a template, compiled for a model and a scheme.

    In the template, `UNPACK` reads the run-time arguments from the array `p`, `ARGUMENTS` passes
    them to `step`, `CONSTANTS` those of the model alone, `LANES` is the number of lanes, and `DRAW`
    goes on with the stream `s0 … s3` of a lane to the `normals` of its next two steps.
    """
    return _kernel_function(kernel.source, len(kernel.constants), scheme, body, name)


@lru_cache(maxsize=256)
def _kernel_function(model: str, count: int, scheme: Scheme, body: str, name: str) -> Any:
    constants = [f"k{i}" for i in range(count)]
    names = ["eta", "te", *constants]
    unpack = "\n".join(
        ["    wide_vectors()", *(f"    {name} = p[{i}]" for i, name in enumerate(names))]
    )
    passed = "".join(f", {name}" for name in constants)
    text = (
        f"{scheme.source}\n\n{body}".replace("UNPACK", unpack.strip())
        .replace("ARGUMENTS", ", ".join(names))
        .replace("CONSTANTS", passed.removeprefix(", "))
        .replace(", *k", passed)
        .replace("LANES", str(LANES))
    )
    text = with_lines(text, "DRAW", _DRAW)
    return getattr(compiled(model + text, name, f"{scheme.name}_{name}"), name)


def with_lines(text: str, word: str, lines: str) -> str:
    """A template with lines in place of each that holds nothing but a word, indented as it is."""
    return re.sub(rf"^( *){word}$", lambda at: indent(lines, at[1]), text, flags=re.MULTILINE)
