"""Evaluate a `Program` in balls, complex balls, power series, mpmath, NumPy and compiled code.

Each evaluator is generated once per program as a Python function and kept. The complex evaluator
with `analytic=True` returns a non-finite ball wherever the function may fail to be analytic (a
branch cut, a pole, a switch inside the argument), as certified integration requires.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any

from flint import acb, arb, arb_series, ctx, fmpq

from numerics.cache import cache_folder
from numerics.errors import ComputationError
from numerics.program import Program

CIRCULAR = ("sin", "cos", "tan")
HYPERBOLIC = ("sinh", "cosh", "tanh")
INVERSE = tuple(f"a{name}" for name in (*CIRCULAR, *HYPERBOLIC))
ELEMENTARY = ("sqrt", "exp", "log", *CIRCULAR, *HYPERBOLIC, *INVERSE)
INFIX = {"add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "div": "({} / {})"}


def _generate(program: Program, name: str = "evaluate") -> str:
    """Straight-line Python text calling one function per operation; constants come in `k`."""
    lines = [f"def {name}(k, {', '.join(f'x{i}' for i in range(len(program.inputs)))}):"]
    constants = 0
    for index, (op, args, value) in enumerate(program.instructions):
        operands = [f"t{a}" for a in args]
        if op == "const":
            text = f"k[{constants}]"
            constants += 1
        elif op == "input":
            text = f"x{value}"
        elif op in INFIX:
            text = INFIX[op].format(*operands)
        elif op == "neg":
            text = f"(-{operands[0]})"
        elif op == "power":
            kind = "whole_power" if isinstance(value, int) else "rational_power"
            numbers = f"{value}" if isinstance(value, int) else f"{_parts(value)}"
            text = f"{kind}({operands[0]}, {numbers})"
        else:
            text = f"{op}_({', '.join(operands)})"
        lines.append(f"    t{index} = {text}")
    lines.append(f"    return ({' '.join(f't{o},' for o in program.outputs)})")
    return "\n".join(lines) + "\n"


def _parts(value: Fraction | int | None) -> str:
    fraction = Fraction(value or 0)
    return f"{fraction.numerator}, {fraction.denominator}"


@lru_cache(maxsize=1024)
def _bytecode(program: Program) -> CodeType:
    return compile(_generate(program), f"<program {program.digest[:12]}>", "exec")


def compiled(program: Program, operations: Mapping[str, Any]) -> Callable[..., tuple[Any, ...]]:
    namespace = dict(operations)
    exec(_bytecode(program), namespace)
    return namespace["evaluate"]


@lru_cache(maxsize=4096)
def rational_constants(program: Program) -> list[Fraction]:
    """The exact constants of a program, in the order its compiled form expects them."""
    return [Fraction(i.value or 0) for i in program.instructions if i.op == "const"]


def as_fmpq(value: Fraction | int) -> fmpq:
    """An exact rational of FLINT."""
    fraction = Fraction(value)
    return fmpq(fraction.numerator, fraction.denominator)


def _method(name: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        return getattr(x, name)()

    return call


# --- real balls ---------------------------------------------------------------------------------


def _undecided(*_: Any) -> Any:
    return arb.nan()


def _arb_lt(x: arb) -> bool | None:
    return True if x < 0 else False if x >= 0 else None


def _arb_le(x: arb) -> bool | None:
    return True if x <= 0 else False if x > 0 else None


def _logic_not(x: bool | None) -> bool | None:
    return None if x is None else not x


def _logic_and(*xs: bool | None) -> bool | None:
    return False if False in xs else None if None in xs else True


def _logic_or(*xs: bool | None) -> bool | None:
    return True if True in xs else None if None in xs else False


def _arb_select(condition: bool | None, yes: arb, no: arb) -> arb:
    if condition is None:
        return yes.union(no) if yes.is_finite() and no.is_finite() else arb.nan()
    return yes if condition else no


def _arb_whole_power(x: arb, n: int) -> arb:
    # arb's power of a ball centred at zero is nan; the complex one is right there as well.
    return (acb(x) ** n).real if x.mid().is_zero() else x**n


def _arb_rational_power(x: arb, p: int, q: int) -> arb:
    if q == 2:
        root = x.sqrt()
        return root if p == 1 else root**p
    return x ** arb(fmpq(p, q))


_LOGIC = {
    "not_": _logic_not,
    "and_": _logic_and,
    "or_": _logic_or,
    "true_": lambda: True,
    "false_": lambda: False,
}

_ARB = {
    "whole_power": _arb_whole_power,
    "rational_power": _arb_rational_power,
    "pow_": lambda x, y: x**y,
    "abs_": abs,
    "sign_": lambda x: x.sgn(),
    "lt_": _arb_lt,
    "le_": _arb_le,
    "select_": _arb_select,
    "pi_": lambda: arb.pi(),
    "euler_gamma_": lambda: arb.const_euler(),
    "imaginary_unit_": _undecided,
    "real_": lambda x: x,
    "imag_": lambda x: arb(0),
    "conjugate_": lambda x: x,
    **{
        f"{name}_": _method(name)
        for name in (*ELEMENTARY, "gamma", "lgamma", "digamma", "erf", "erfc")
    },
    **_LOGIC,
}


@lru_cache(maxsize=4096)
def _arb_function(program: Program) -> Callable[..., tuple[Any, ...]]:
    return compiled(program, _ARB)


@lru_cache(maxsize=4096)
def _arb_constants(program: Program, precision: int) -> list[arb]:
    return [arb(as_fmpq(f)) for f in rational_constants(program)]


def evaluate_arb(program: Program, *inputs: arb | int) -> tuple[arb, ...]:
    """Outputs in real balls at the working precision of `flint.ctx`.

    A formula with the imaginary unit inside is evaluated in complex balls, and its real part
    returned where the imaginary part may be zero.
    """
    if program.uses_imaginary_unit:
        values = evaluate_acb(program, *(acb(x) for x in inputs))
        return tuple(v.real if v.imag.contains(0) else arb.nan() for v in values)
    return _arb_function(program)(_arb_constants(program, ctx.prec), *inputs)


# --- complex balls ------------------------------------------------------------------------------


def _acb_nan() -> acb:
    return acb(arb.nan(), arb.nan())


def _meets_cut(w: acb) -> bool:
    """Whether w may meet the cut (-∞, 0] of log and sqrt."""
    return bool(w.imag.contains(0)) and not w.real > 0


def _guard_one_plus_square(function: str) -> Callable[[acb], acb]:
    def guarded(z: acb) -> acb:
        return _acb_nan() if _meets_cut(1 + z * z) else getattr(z, function)()

    return guarded


def _guard_one_minus_square(function: str) -> Callable[[acb], acb]:
    def guarded(z: acb) -> acb:
        return _acb_nan() if _meets_cut(1 - z * z) else getattr(z, function)()

    return guarded


def _acb_guard_acosh(z: acb) -> acb:
    return _acb_nan() if _meets_cut(z - 1) else z.acosh()


def _acb_guard_lgamma(z: acb) -> acb:
    return _acb_nan() if _meets_cut(z) else z.lgamma()


def _acb_select(condition: bool | None, yes: acb, no: acb) -> acb:
    if condition is None:
        return yes.union(no)
    return yes if condition else no


def _acb_rational_power(x: acb, p: int, q: int, analytic: bool) -> acb:
    if q == 2:
        root = x.sqrt(analytic=analytic)
        return root if p == 1 else root**p
    return x.pow(acb(arb(fmpq(p, q))), analytic=analytic)


def _acb_real_only(function: Callable[[arb], Any]) -> Callable[[acb], Any]:
    def on_real(z: acb) -> Any:
        return function(z.real) if z.imag.is_zero() else None

    return on_real


def _acb_abs_analytic(z: acb) -> acb:
    return z if z.real > 0 else -z if z.real < 0 else _acb_nan()


def _acb_sign_analytic(z: acb) -> acb:
    return acb(1) if z.real > 0 else acb(-1) if z.real < 0 else _acb_nan()


_ACB_COMMON = {
    "whole_power": lambda x, n: x**n,
    "pi_": lambda: acb.pi(),
    "euler_gamma_": lambda: acb(arb.const_euler()),
    "imaginary_unit_": lambda: acb(0, 1),
    "lt_": _acb_real_only(_arb_lt),
    "le_": _acb_real_only(_arb_le),
    **{
        f"{name}_": _method(name)
        for name in ("exp", *CIRCULAR, *HYPERBOLIC, "gamma", "digamma", "erf", "erfc")
    },
    **_LOGIC,
}

_ACB = {
    **_ACB_COMMON,
    "rational_power": lambda x, p, q: _acb_rational_power(x, p, q, False),
    "pow_": lambda x, y: x.pow(y),
    "abs_": lambda x: acb(abs(x)),
    "sign_": lambda x: x.csgn() if not x.imag.is_zero() else acb(x.real.sgn()),
    "select_": _acb_select,
    "real_": lambda x: acb(x.real),
    "imag_": lambda x: acb(x.imag),
    "conjugate_": lambda x: x.conjugate(),
    **{f"{name}_": _method(name) for name in ("sqrt", "log", *INVERSE, "lgamma")},
}

ACB_ANALYTIC_OPERATIONS = {
    **_ACB_COMMON,
    "rational_power": lambda x, p, q: _acb_rational_power(x, p, q, True),
    "pow_": lambda x, y: x.pow(y, analytic=True),
    "abs_": _acb_abs_analytic,
    "sign_": _acb_sign_analytic,
    "select_": lambda c, yes, no: _acb_nan() if c is None else yes if c else no,
    "lt_": lambda z: True if z.real < 0 else False if z.real > 0 else None,
    "le_": lambda z: True if z.real < 0 else False if z.real > 0 else None,
    "real_": lambda x: _acb_nan(),
    "imag_": lambda x: _acb_nan(),
    "conjugate_": lambda x: _acb_nan(),
    "sqrt_": lambda x: x.sqrt(analytic=True),
    "log_": lambda x: x.log(analytic=True),
    "atan_": _guard_one_plus_square("atan"),
    "asinh_": _guard_one_plus_square("asinh"),
    "asin_": _guard_one_minus_square("asin"),
    "acos_": _guard_one_minus_square("acos"),
    "atanh_": _guard_one_minus_square("atanh"),
    "acosh_": _acb_guard_acosh,
    "lgamma_": _acb_guard_lgamma,
}


@lru_cache(maxsize=4096)
def _acb_function(program: Program, analytic: bool) -> Callable[..., tuple[Any, ...]]:
    return compiled(program, ACB_ANALYTIC_OPERATIONS if analytic else _ACB)


@lru_cache(maxsize=4096)
def _acb_constants(program: Program, precision: int) -> list[acb]:
    return [acb(as_fmpq(f)) for f in rational_constants(program)]


def evaluate_acb(program: Program, *inputs: acb, analytic: bool = False) -> tuple[acb, ...]:
    """Outputs in complex balls; with `analytic`, non-finite where analyticity is not certain.

    An `abs` (or a switch) is read by the sign of the real part of its argument: it continues the
    branch that holds on the real axis, and is refused where that sign is not certain.
    """
    return _acb_function(program, analytic)(_acb_constants(program, ctx.prec), *inputs)


# --- power series -------------------------------------------------------------------------------


def _constant_term(x: Any) -> arb:
    return x[0] if isinstance(x, arb_series) else x


def _series_abs(x: Any) -> Any:
    start = _constant_term(x)
    return x if start > 0 else -x if start < 0 else x * arb.nan()


def _series_sign(x: Any) -> arb:
    start = _constant_term(x)
    return arb(1) if start > 0 else arb(-1) if start < 0 else arb.nan()


def _series_select(condition: bool | None, yes: Any, no: Any) -> Any:
    return yes * arb.nan() if condition is None else yes if condition else no


def _series_sinh(x: Any) -> Any:
    up = x.exp()
    return (up - 1 / up) / 2


def _series_cosh(x: Any) -> Any:
    up = x.exp()
    return (up + 1 / up) / 2


def _series_tanh(x: Any) -> Any:
    # The exponential with the decaying constant term: no cancellation between large numbers.
    if _constant_term(x) < 0:
        up = (2 * x).exp()
        return (up - 1) / (up + 1)
    down = (-2 * x).exp()
    return (1 - down) / (1 + down)


def _by_derivative(value: str, slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """f(x) = f(x₀) + ∫ x' f'(x): for functions FLINT has no series of."""

    def series(x: Any) -> Any:
        if not isinstance(x, arb_series):
            return getattr(x, value)()
        start = getattr(x[0], value)()
        return (x.derivative() * slope(x)).integral() + start

    return series


def _either(name: str, series: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        return series(x) if isinstance(x, arb_series) else getattr(x, name)()

    return call


def _series_rational_power(x: Any, p: int, q: int) -> Any:
    if q == 2:
        root = x.sqrt()
        return root if p == 1 else root**p
    return x ** arb(fmpq(p, q))


SERIES_OPERATIONS = {
    **_ARB,
    "whole_power": lambda x, n: x**n if isinstance(x, arb_series) else _arb_whole_power(x, n),
    "rational_power": _series_rational_power,
    "pow_": lambda x, y: (y * x.log()).exp(),
    "abs_": _series_abs,
    "sign_": _series_sign,
    "lt_": lambda x: _arb_lt(_constant_term(x)),
    "le_": lambda x: _arb_le(_constant_term(x)),
    "select_": _series_select,
    "sinh_": _either("sinh", _series_sinh),
    "cosh_": _either("cosh", _series_cosh),
    "tanh_": _either("tanh", _series_tanh),
    "asinh_": _by_derivative("asinh", lambda x: (1 + x * x).rsqrt()),
    "acosh_": _by_derivative("acosh", lambda x: (x * x - 1).rsqrt()),
    "atanh_": _by_derivative("atanh", lambda x: 1 / (1 - x * x)),
    "digamma_": _either("digamma", lambda x: x * arb.nan()),
    "imag_": lambda x: x * 0,
}


@lru_cache(maxsize=4096)
def _series_function(program: Program) -> Callable[..., tuple[Any, ...]]:
    return compiled(program, SERIES_OPERATIONS)


def evaluate_series(program: Program, *inputs: arb_series | arb) -> tuple[Any, ...]:
    """Outputs as power series, truncated at `flint.ctx.cap` terms.

    An output that does not depend on the series argument is returned as a ball. A switch is decided
    by the constant term, and must not lie within the region where the series is used. Outputs are
    not finite where a division has no power series.
    """
    try:
        return _series_function(program)(_arb_constants(program, ctx.prec), *inputs)
    except (ValueError, ZeroDivisionError):
        # FLINT refuses to divide by a series without constant term.
        return tuple(arb_series([arb.nan()]) for _ in program.outputs)


# --- mpmath -------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _mpmath_function(program: Program) -> Callable[..., tuple[Any, ...]]:
    from mpmath import mp

    def rational_power(x: Any, p: int, q: int) -> Any:
        return mp.sqrt(x) ** p if q == 2 else mp.power(x, mp.mpf(p) / q)

    operations = {
        "whole_power": lambda x, n: x**n,
        "rational_power": rational_power,
        "pow_": mp.power,
        "abs_": abs,
        "sign_": mp.sign,
        "lgamma_": mp.loggamma,
        "real_": mp.re,
        "imag_": mp.im,
        "conjugate_": mp.conj,
        "pi_": lambda: +mp.pi,
        "euler_gamma_": lambda: +mp.euler,
        "imaginary_unit_": lambda: mp.mpc(0, 1),
        "lt_": lambda x: bool(x < 0),
        "le_": lambda x: bool(x <= 0),
        "select_": lambda c, yes, no: yes if c else no,
        **{
            f"{name}_": getattr(mp, name)
            for name in (*ELEMENTARY, "gamma", "digamma", "erf", "erfc")
        },
        **_LOGIC,
    }
    return compiled(program, operations)


@lru_cache(maxsize=1024)
def _mpmath_constants(program: Program, precision: int) -> list[Any]:
    from mpmath import mp

    return [mp.mpf(f.numerator) / f.denominator for f in rational_constants(program)]


def evaluate_mpmath(program: Program, *inputs: Any) -> tuple[Any, ...]:
    """Outputs in mpmath numbers at the working precision of `mpmath.mp`."""
    from mpmath import mp

    return _mpmath_function(program)(_mpmath_constants(program, mp.prec), *inputs)


# --- NumPy --------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def numpy_function(program: Program) -> Callable[..., tuple[Any, ...]]:
    """A vectorised function of the inputs in double precision (both branches are evaluated)."""
    import numpy as np
    from scipy import special

    def rational_power(x: Any, p: int, q: int) -> Any:
        return np.sqrt(x) ** p if q == 2 else np.power(x, p / q)

    operations = {
        "whole_power": lambda x, n: x**n if n >= 0 else 1.0 / x**-n,
        "rational_power": rational_power,
        "pow_": np.power,
        "abs_": np.abs,
        "sign_": np.sign,
        "lt_": lambda x: x < 0,
        "le_": lambda x: x <= 0,
        "select_": np.where,
        "not_": np.logical_not,
        "and_": lambda *xs: np.logical_and.reduce(xs),
        "or_": lambda *xs: np.logical_or.reduce(xs),
        "true_": lambda: np.True_,
        "false_": lambda: np.False_,
        "pi_": lambda: np.pi,
        "euler_gamma_": lambda: np.euler_gamma,
        "imaginary_unit_": lambda: 1j,
        "real_": np.real,
        "imag_": np.imag,
        "conjugate_": np.conj,
        "gamma_": special.gamma,
        "lgamma_": special.loggamma,
        "digamma_": special.digamma,
        "erf_": special.erf,
        "erfc_": special.erfc,
        **{
            f"{name}_": getattr(np, name) for name in ("sqrt", "exp", "log", *CIRCULAR, *HYPERBOLIC)
        },
        **{f"a{name}_": getattr(np, f"arc{name}") for name in (*CIRCULAR, *HYPERBOLIC)},
    }
    function = compiled(program, operations)
    constants = [float(f) for f in rational_constants(program)]

    def call(*inputs: Any) -> tuple[Any, ...]:
        return function(constants, *inputs)

    return call


# --- scalar source code (Numba) ------------------------------------------------------------------


def scalar_source(program: Program, name: str) -> str:
    """Python text of a scalar double-precision function, fit for `numba.njit`.

    The function takes the inputs in order and returns a float, or a tuple for several outputs. It
    needs `import math`. Branches are conditional expressions, integer powers up to 64 products.
    """
    lines = [f"def {name}({', '.join(f'x{i}' for i in range(len(program.inputs)))}):"]
    for index, (op, args, value) in enumerate(program.instructions):
        operands = [f"t{a}" for a in args]
        lines.extend(f"    {line}" for line in _scalar_lines(f"t{index}", op, operands, value))
    outputs = ", ".join(f"t{o}" for o in program.outputs)
    lines.append(f"    return {outputs if len(program.outputs) == 1 else f'({outputs})'}")
    return "\n".join(lines) + "\n"


_SCALAR_SYNONYMS = {"abs": "abs", "lgamma": "math.lgamma"}
_SCALAR_UNSUPPORTED = ("imaginary_unit", "real", "imag", "conjugate", "digamma")


def _scalar_lines(
    target: str, op: str, operands: list[str], value: Fraction | int | None
) -> list[str]:
    if op in _SCALAR_UNSUPPORTED:
        raise ComputationError(
            "a formula of real elementary functions",
            f"the operation {op}",
            "use the certified route for this formula",
        )
    if op == "power" and isinstance(value, int) and abs(value) <= 64:
        return _power_products(target, operands[0], value)
    return [f"{target} = {_scalar_text(op, operands, value)}"]


def _scalar_text(op: str, operands: list[str], value: Fraction | int | None) -> str:
    if op == "const":
        return repr(float(Fraction(value or 0)))
    if op == "input":
        return f"x{value}"
    if op in INFIX:
        return INFIX[op].format(*operands)
    if op in ("lt", "le"):
        return f"{operands[0]} {'<' if op == 'lt' else '<='} 0.0"
    simple = {
        "neg": "-{0}",
        "select": "{1} if {0} else {2}",
        "not": "not {0}",
        "true": "True",
        "false": "False",
        "pi": "math.pi",
        "euler_gamma": "0.5772156649015329",
        "pow": "{0} ** {1}",
        "sign": "(1.0 if {0} > 0.0 else (-1.0 if {0} < 0.0 else 0.0))",
    }
    if op in simple:
        return simple[op].format(*operands)
    if op in ("and", "or"):
        return f" {op} ".join(operands)
    if op == "power":
        fraction = Fraction(value or 0)
        if fraction.denominator == 2 and abs(fraction.numerator) == 1:
            root = f"math.sqrt({operands[0]})"
            return root if fraction.numerator == 1 else f"1.0 / {root}"
        return f"{operands[0]} ** {float(fraction)!r}"
    return f"{_SCALAR_SYNONYMS.get(op, f'math.{op}')}({operands[0]})"


def _power_products(target: str, base: str, exponent: int) -> list[str]:
    """Binary powering: what the hardware does best, and the same on every machine."""
    if exponent == 0:
        return [f"{target} = 1.0"]
    lines, result, square, rest, step = [], None, base, abs(exponent), 0
    while rest:
        if rest & 1:
            result = square if result is None else f"{result} * {square}"
        rest >>= 1
        if rest:
            name = f"{target}_{step}"
            lines.append(f"{name} = {square} * {square}")
            square, step = name, step + 1
    lines.append(f"{target} = {result}" if exponent > 0 else f"{target} = 1.0 / ({result})")
    return lines


def load_source(source: str, prefix: str = "kernel") -> ModuleType:
    """Import generated source from a file in the cache folder named by its hash.

    A file, not `exec`: Numba caches compiled functions on disk only for files. Written atomically,
    so that several processes may do so at once.
    """
    name = f"{prefix}_{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache_folder() / "generated"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(source)
        os.replace(temporary, path)
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ComputationError(
            "a readable cache folder", str(path), "set EXITLAW_CACHE to a folder you may write to"
        )
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def numba_functions(programs: Mapping[str, Program], inline: str = "never") -> dict[str, Any]:
    """Compiled scalar functions by name, cached on disk; parameters stay run-time arguments."""
    names: Sequence[str] = sorted(programs)
    header = "import math\n\nfrom numba import njit\n\n\n"
    decorator = f'@njit(cache=True, error_model="numpy", inline="{inline}")\n'
    source = header + "\n\n".join(decorator + scalar_source(programs[n], n) for n in names)
    module = load_source(source)
    return {name: getattr(module, name) for name in names}
