"""Steps in d dimensions, as lines of source text unrolled over the coordinates.

The model in Itô form is `dx = a dt + √η G dB`, `C = GGᵀ`, with columns `G_j`; `u_j = √(ηh) z_j`.

- `euler` (Maruyama 1955): `x + ah + Σ_j G_j u_j`; weak order 1, strong order 1/2;
- `milstein` without derivatives (Kloeden and Platen 1992, section 11.1), for noise that commutes,
  `L^j G_k = L^k G_j` with `L^j = Σ_i G_ij ∂_i`: with `U_j = x + √(ηh) G_j`,
  `euler + ½ Σ_jk (G_k(U_j) − G_k)(u_j u_k − δ_jk ηh)/√(ηh)`; weak and strong order 1;
- `platen`, weak order 2 (Kloeden and Platen 1992, (15.1.3)), for any noise: with
  `Y = x + ah + Σ_j G_j u_j`, `R_j± = x + ah ± √(ηh) G_j`, `U_j± = x ± √(ηh) G_j` and V
  antisymmetric with independent signs,

      x + ½(a(Y) + a)h + ¼ Σ_j [G_j(R_j+) + G_j(R_j−) + 2G_j] u_j
        + ¼ Σ_j [G_j(R_j+) − G_j(R_j−)] (u_j² − ηh)/√(ηh)
        + ¼ Σ_j Σ_{r≠j} [G_j(U_r+) + G_j(U_r−) − 2G_j] u_j
        + ¼ Σ_j Σ_{r≠j} [G_j(U_r+) − G_j(U_r−)] (u_j u_r + ηh V_rj)/√(ηh).

Terms that vanish by the form of C are left out: constant noise makes `milstein` Euler's scheme and
`platen` Heun's, a diagonal noise whose entries depend on their own coordinate has no mixed terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SIGN_BITS = 63
"""Random signs taken from one word of a stream."""


@dataclass(frozen=True)
class Form:
    """What is known of G by the form of the formulas."""

    dimension: int
    factor: tuple[tuple[int, int], ...]
    """(i, j) of the entries that are not zero, by columns"""
    depends: Mapping[tuple[int, int], frozenset[int]]
    """coordinates on which each of them depends"""
    constants: tuple[str, ...]
    """names of the model's constants"""

    def column(self, j: int) -> list[int]:
        """Rows of column j."""
        return [i for i, k in self.factor if k == j]

    def moved_by(self, r: int, j: int) -> bool:
        """Whether G_j may differ between x and x ± G_r."""
        rows = set(self.column(r))
        return any(self.depends[i, j] & rows for i in self.column(j))

    def varies(self, j: int) -> bool:
        """Whether G_j depends on the state."""
        return any(self.depends[i, j] for i in self.column(j))

    def mixed(self) -> list[tuple[int, int]]:
        """(r, j), r != j: G_j differs along G_r."""
        d = range(self.dimension)
        return [(r, j) for r in d for j in d if r != j and self.moved_by(r, j)]

    def signs(self) -> list[tuple[int, int]]:
        """Pairs (r, j), r < j, that need a random sign in `platen`."""
        return sorted({(min(pair), max(pair)) for pair in self.mixed()})


def step_lines(scheme: str, form: Form) -> list[str]:
    """Lines of one step, `x0, …` to `y0, …`; they set `indefinite`."""
    return _LINES[scheme](form)


def sign_lines(scheme: str, form: Form) -> list[str]:
    """Lines that draw `v_r_j`, ±ηh for r < j, from the stream `s0 … s3`; none but for `platen`."""
    if scheme != "platen":
        return []
    lines = []
    for n, (r, j) in enumerate(form.signs()):
        if n % SIGN_BITS == 0:
            lines.append("bits, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)")
        shift = n % SIGN_BITS + 1
        lines.append(
            f"v_{r}_{j} = eta * h * (1.0 - 2.0 * float((bits >> uint64({shift})) & uint64(1)))"
        )
    return lines


def _evaluate(form: Form, points: list[str], suffix: str) -> list[str]:
    """Lines for drift `a…` and factor `g…` at points given by name, with a suffix to the names."""
    results = [
        *(f"a{i}{suffix}" for i in range(form.dimension)),
        *(f"g{i}_{j}{suffix}" for i, j in form.factor),
    ]
    call = ", ".join([*points, "te", *form.constants])
    flag = "indefinite" if not suffix else f"indefinite{suffix}"
    lines = [f"{', '.join(results)}, {flag} = coefficients({call})"]
    if suffix:
        lines.append(f"indefinite |= {flag}")
    return lines


def _start(form: Form) -> list[str]:
    return _evaluate(form, [f"x{i}" for i in range(form.dimension)], "")


def _euler_sum(form: Form, i: int) -> str:
    noise = [f"g{i}_{j} * u{j}" for row, j in form.factor if row == i]
    return " + ".join([f"x{i}", f"a{i} * h", *noise])


def _euler(form: Form) -> list[str]:
    return [*_start(form), *(f"y{i} = {_euler_sum(form, i)}" for i in range(form.dimension))]


def _support(form: Form, j: int, sign: str, suffix: str, drifted: bool) -> list[str]:
    """Lines for the coefficients at `x [+ ah] ± √(ηh) G_j`."""
    rows, lines, points = set(form.column(j)), [], []
    for i in range(form.dimension):
        terms = [f"x{i}"] + ([f"a{i} * h"] if drifted else [])
        move = f" {sign} reach * g{i}_{j}" if i in rows else ""
        lines.append(f"p{i}{suffix} = {' + '.join(terms)}{move}")
        points.append(f"p{i}{suffix}")
    return [*lines, *_evaluate(form, points, suffix)]


def _milstein(form: Form) -> list[str]:
    d = range(form.dimension)
    lines = [*_start(form), "reach = math.sqrt(eta * h)", "half = 0.5 / reach"]
    extra: dict[int, list[str]] = {i: [] for i in d}
    for j in d:
        moved = [k for k in d if form.moved_by(j, k)]
        if not moved:
            continue
        lines += _support(form, j, "+", f"_s{j}", drifted=False)
        for k in moved:
            square = f"(u{j} * u{k} - eta * h)" if j == k else f"u{j} * u{k}"
            for i in form.column(k):
                extra[i].append(f"half * (g{i}_{k}_s{j} - g{i}_{k}) * {square}")
    return [*lines, *(f"y{i} = {' + '.join([_euler_sum(form, i), *extra[i]])}" for i in d)]


def _platen(form: Form) -> list[str]:
    d = range(form.dimension)
    lines = [*_start(form), "reach = math.sqrt(eta * h)", "quarter = 0.25 / reach"]
    lines += [f"p{i}_end = {_euler_sum(form, i)}" for i in d]
    lines += _evaluate(form, [f"p{i}_end" for i in d], "_end")
    sums: dict[int, list[str]] = {i: [f"x{i}", f"0.5 * (a{i}_end + a{i}) * h"] for i in d}
    for j in d:
        if not form.varies(j):
            for i in form.column(j):
                sums[i].append(f"g{i}_{j} * u{j}")
            continue
        lines += _support(form, j, "+", f"_rp{j}", drifted=True)
        lines += _support(form, j, "-", f"_rm{j}", drifted=True)
        for i in form.column(j):
            up, down, here = f"g{i}_{j}_rp{j}", f"g{i}_{j}_rm{j}", f"g{i}_{j}"
            sums[i] += [
                f"0.25 * ({up} + {down} + 2.0 * {here}) * u{j}",
                f"quarter * ({up} - {down}) * (u{j} * u{j} - eta * h)",
            ]
    for r in sorted({r for r, _ in form.mixed()}):
        lines += _support(form, r, "+", f"_up{r}", drifted=False)
        lines += _support(form, r, "-", f"_um{r}", drifted=False)
    for r, j in form.mixed():
        sign = f"v_{r}_{j}" if r < j else f"-v_{j}_{r}"
        for i in form.column(j):
            up, down, here = f"g{i}_{j}_up{r}", f"g{i}_{j}_um{r}", f"g{i}_{j}"
            sums[i] += [
                f"0.25 * ({up} + {down} - 2.0 * {here}) * u{j}",
                f"quarter * ({up} - {down}) * (u{j} * u{r} + ({sign}))",
            ]
    return [*lines, *(f"y{i} = {' + '.join(sums[i])}" for i in d)]


_LINES = {"euler": _euler, "milstein": _milstein, "platen": _platen}
NAMES = tuple(_LINES)
"""Schemes that there are in d dimensions."""
