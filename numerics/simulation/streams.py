"""Random streams: one xoshiro256++ generator per (seed, path), and standard normals from it.

Notation: `s = (s₀, s₁, s₂, s₃)` the 256-bit state of xoshiro256++ (Blackman and Vigna 2021,
doi:10.1145/3460772), `k = (k₀, …, k₃)` the 256-bit key of a run, `n` the index of a path.

**Keys.** `k = BLAKE2b-256(seed, labels)`. Labels name the purpose of a run (level, step size index,
branch of a tree), so that different parts of one computation draw from unrelated keys.

**Streams.** `sⱼ(n) = mix(kⱼ + n·γⱼ mod 2⁶⁴)`, with `mix` the SplitMix64 finaliser and odd `γⱼ`.
For one key the map n ↦ s₀(n) is a bijection of 64-bit words (an odd multiple, a shift, a bijective
mix): no two paths start in the same state. The period is 2²⁵⁶ − 1; N streams of length M, started
at random points of the cycle, overlap with probability at most N²M/2²⁵⁵: below 10⁻⁴⁰ for 10⁹ paths
of 10¹² steps. A stream depends on (seed, labels, n) only, so results cannot depend on how paths are
spread over lanes, chunks, threads, processes or machines.

**Normals.** Box–Muller: `√(−2 ln u)·(cos πv, sin πv)` with u in (0, 1] a multiple of 2⁻⁵², v in
[−1/2, 1/2) a multiple of 2⁻⁵², and a random sign of the cosine from a bit that v does not use. The
largest normal is √(104 ln 2) = 8.49; the radius is exact in law to the spacing of u, which is
2⁻⁵²/u relative, 10⁻⁴ at 7.5σ. The logarithm and the trigonometric functions are polynomials
(Chebyshev interpolants; relative error of −2 ln u below 10⁻¹⁵, absolute error of sine and cosine
below 3·10⁻¹⁵, held by a test against mpmath), evaluated by explicit fused multiply-adds: no branch,
no table and no library function, so that lanes vectorise and every IEEE-754 machine returns the
same bits.
"""

from __future__ import annotations

import hashlib
import math
import operator
from typing import Any

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import njit, types, uint64
from numba.extending import intrinsic

from numerics.errors import ComputationError

Key = tuple[int, int, int, int]
"""The 256-bit key of a run as four 64-bit words."""

_ONE = 0x3FF0000000000000
_SQRT_HALF = 0x3FE6A09E667F3BCD
_FRACTION = 0x000FFFFFFFFFFFFF
_TWO_52 = 0x4330000000000000

LOG1P_OVER_F = (
    0.9999999999999999,
    -0.5000000000000138,
    0.33333333333421833,
    -0.2499999999764789,
    0.19999999920132566,
    -0.1666666776794645,
    0.14285740997292493,
    -0.12499795721477618,
    0.11107027268321733,
    -0.10015585372617838,
    0.09380919250143671,
    -0.08009980771648385,
)
"""Interpolant of ln(1+f)/f at 12 Chebyshev points of 2^(−1/6) − 1 <= f <= 2^(1/6) − 1."""

_SIXTH_ROOT = 2.0 ** (1.0 / 6.0)
_UP, _DOWN = 1.2599210498948732, 0.7937005259840997
"""2^(±1/3), rounded; their logarithms below are those of the rounded numbers."""
_TWICE_LOG_UP, _TWICE_LOG_DOWN = 0.4620981203732969, -0.462098120373297

SIN_OVER_V = (
    3.1415926535897927,
    -5.1677127800497855,
    2.5501640398618677,
    -0.599264528825224,
    0.08214587881631043,
    -0.0073703643265304155,
    0.0004659870158043378,
    -2.113362735205297e-05,
)
"""Interpolant of sin(πv)/v in v² at 8 Chebyshev points of 0 <= v² <= 1/4."""

COS = (
    1.0,
    -4.934802200544676,
    4.058712126416497,
    -1.335262768843447,
    0.23533063012953284,
    -0.025806888737002202,
    0.0019295562724817132,
    -0.00010456655338748738,
    4.149564353942586e-06,
)
"""Interpolant of cos(πv) in v² at 9 Chebyshev points of 0 <= v² <= 1/4."""


def stream_key(seed: int, *labels: int) -> Key:
    """The key of a run: BLAKE2b-256 of the seed and of the labels that name its purpose.

    Parameters
    ----------
    seed : integer, 0 <= seed < 2⁶⁴
    labels : integers in [−2⁶³, 2⁶³), any number of them

    Raises
    ------
    ComputationError : the seed is not an integer of that range
    """
    try:
        value = operator.index(seed)
    except TypeError:
        value = -1
    if not 0 <= value < 2**64:
        raise ComputationError(
            "a seed that is an integer from 0 to 2**64 - 1", repr(seed), "give such an integer"
        )
    digest = hashlib.blake2b(value.to_bytes(8, "little"), digest_size=32)
    for label in labels:
        digest.update(int(label).to_bytes(8, "little", signed=True))
    words = np.frombuffer(digest.digest(), dtype="<u8")
    return (int(words[0]), int(words[1]), int(words[2]), int(words[3]))


def _bits_to_double(typingctx: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), codegen


def _double_to_bits(typingctx: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.uint64(types.float64), codegen


def _fused(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), codegen


def _wide_vectors(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if llvm.get_host_cpu_features().get("avx512f"):
            for attribute in ('"prefer-vector-width"="512"', '"tune-cpu"="skylake-avx512"'):
                # llvmlite knows no string attributes; the set prints what it holds.
                set.add(builder.function.attributes, attribute)
        return context.get_dummy_value()

    return types.void(), codegen


wide_vectors: Any = intrinsic(_wide_vectors)
"""Called first in a kernel: LLVM may use vectors of 512 bits, which it avoids unless told.

Instructions are chosen differently, never their results. An AMD Zen 4 gains a few per cent; there,
code that LLVM had tuned for Intel's Ice Lake became 1.9 times as fast.
"""

bits_to_double: Any = intrinsic(_bits_to_double)
"""The double whose bit pattern is a word."""

double_to_bits: Any = intrinsic(_double_to_bits)
"""The bit pattern of a double."""

fma: Any = intrinsic(_fused)
"""`x·y + z`, rounded once on every machine."""


@njit(forceinline=True)
def mix(z):
    """The SplitMix64 finaliser, a bijection of 64-bit words."""
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@njit(forceinline=True)
def initial_state(key, path):
    """The state with which the stream of a path begins; `key` holds four 64-bit words."""
    n = uint64(path)
    return (
        mix(key[0] + n * uint64(0x9E3779B97F4A7C15)),
        mix(key[1] + n * uint64(0xD1B54A32D192ED03)),
        mix(key[2] + n * uint64(0xABC98388FB8FAC03)),
        mix(key[3] + n * uint64(0x8CB92BA72F3D8DD7)),
    )


@njit(forceinline=True)
def next_word(s0, s1, s2, s3):
    """xoshiro256++: the next 64-bit word, and the state after it."""
    total = s0 + s3
    word = ((total << uint64(23)) | (total >> uint64(41))) + s0
    shifted = s1 << uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << uint64(45)) | (s3 >> uint64(19))
    return word, s0, s1, s2, s3


@njit(forceinline=True)
def uniform(word):
    """A uniform in (0, 1], a multiple of 2⁻⁵², from the high bits of a word."""
    return 2.0 - bits_to_double((word >> uint64(12)) | uint64(_ONE))


@njit(forceinline=True)
def polynomial(coefficients, x):
    """Even and odd half by Horner's rule, which halves the latency; the loops unroll fully."""
    count = len(coefficients)
    square = x * x
    even = coefficients[(count - 1) & ~1]
    for k in range(((count - 1) & ~1) - 2, -1, -2):
        even = fma(even, square, coefficients[k])
    last_odd = (count & ~1) - 1
    odd = coefficients[last_odd]
    for k in range(last_odd - 2, 0, -2):
        odd = fma(odd, square, coefficients[k])
    return fma(odd, x, even)


@njit(forceinline=True)
def minus_two_log(u):
    """`−2 ln u` for normal positive doubles u, without a branch; exactly 0 at u = 1.

    `u = 2ⁿ 2^(j/3) (1+f)` with j among −1, 0, 1; selections vectorise, a table would not.
    """
    shifted = double_to_bits(u) + uint64(_ONE - _SQRT_HALF)
    exponent = bits_to_double((shifted >> uint64(52)) | uint64(_TWO_52)) - (2.0**52 + 1023.0)
    m = bits_to_double((shifted & uint64(_FRACTION)) + uint64(_SQRT_HALF))
    large, small = m > _SIXTH_ROOT, m < 1.0 / _SIXTH_ROOT
    scale = _DOWN if large else (_UP if small else 1.0)
    thirds = _TWICE_LOG_DOWN if large else (_TWICE_LOG_UP if small else 0.0)
    f = fma(m, scale, -1.0)
    whole = fma(-2.0 * math.log(2.0), exponent, thirds)
    return fma(-2.0 * f, polynomial(LOG1P_OVER_F, f), whole)


@njit(forceinline=True)
def polar(first, second):
    """`(r², c, s)` from two words: `√r²·c` and `√r²·s` are independent standard normals.

    The square root is left to the caller, who merges it with that of the noise.
    """
    v = bits_to_double((second >> uint64(12)) | uint64(_ONE)) - 1.5
    vv = v * v
    sine = v * polynomial(SIN_OVER_V, vv)
    cosine = bits_to_double(double_to_bits(polynomial(COS, vv)) ^ (second << uint64(63)))
    return minus_two_log(uniform(first)), cosine, sine


@njit(nogil=True, error_model="numpy")
def normals(key, first_path, out):
    """Fill `out[i, :]` with the standard normals of path `first_path + i`, in stream order.

    Parameters
    ----------
    key : uint64 array of the four words of `stream_key`
    first_path : index of the first path
    out : float64 array, shape (paths, even count)
    """
    for i in range(out.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first_path + i)
        for j in range(0, out.shape[1] - 1, 2):
            first, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            second, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            square, cosine, sine = polar(first, second)
            radius = math.sqrt(square)
            out[i, j] = radius * cosine
            out[i, j + 1] = radius * sine
