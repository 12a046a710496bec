"""Multilevel Monte Carlo for mean exit times.

With steps `h_l = h₀/2^l` and the mean exit time T_l of the scheme at step h_l,

    T_L = T₀ + Σ_{l=1}^{L} E[τ_l − τ_{l−1}],

each term by its own paths, τ_l and τ_{l−1} on the same Brownian path (Giles 2008,
doi:10.1287/opre.1070.0496; exit times: Giles and Bernal 2018, doi:10.1137/17M1149900).

**Coupling.** The fine path takes two steps h while the coarse one takes a step 2h with the sum of
their increments. The Brownian path that the two share also places the coarse path in the middle of
its step, in Lamperti coordinates, so that both decide their crossings by the bridge on the same two
halves, with the same uniform on each. Given the ends of its step, the coarse path still crosses
with the probability of the bridge over the whole step: each level has one law, whether it is the
fine or the coarse one of a pair, and the sum telescopes.

**Splitting.** When one path has left and the other has not, the rest of the other is run several
times on independent increments, and averaged. Both paths are of strong order 1: the one that is
left is within O(√h) of the exit, this happens with probability O(√h), and the mean rest is O(√h);
the variance of a difference then falls as h^(3/2) with O(h^(−1/2)) copies, while its cost grows as
1/h. A standard error ε therefore costs O(ε⁻²).

**Steep regions.** Where a step would be near instability each path takes small steps of its own on
increments of its own: the laws are unchanged, and the coupling is lost for the length of that step.

**Sizes.** Variances and costs measured by a pilot give the number of paths on each level, in
proportion to √(variance/cost) and twice that for the differences, which the bias bound needs as
well, and the number of levels. The estimate comes from streams that the
pilot has not touched, so that no path has a say in how many of its kind there are. A stage whose
error bound misses the target serves as the pilot of the next, larger one, again on fresh streams;
that last comparison is the one place where an estimate takes part in its own acceptance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.scheduling import run_chunks
from numerics.simulation.crossing import CALM, CAREFUL, NEAR, REACH, SETTLE
from numerics.simulation.estimate import CONFIDENCE, normal_quantile
from numerics.simulation.exit import (
    SIDE_NONE,
    ExitChunk,
    ExitProblem,
    Explosion,
    Workplace,
    chunks_of,
    refuse_broken,
)
from numerics.simulation.mean_exit import MAX_LEVELS, MAX_STEPS, PILOT_PATHS, RARE_STEPS
from numerics.simulation.schemes import code_digest, kernel_function
from numerics.simulation.streams import Key, stream_key
from numerics.simulation.sums import Moments

LEAST_PATHS = 2000
"""Paths of a pilot level: enough to see differences that a few per cent of the paths make."""

DEEPEST = 20
MAX_STAGES = 8

QUANTILE = normal_quantile(0.5 + 0.5 * CONFIDENCE)

_RESTS = 2**62
"""From here on, streams of a key are those of copies."""

_PAIRS = '''
@njit(error_model="numpy")
def halves(x, y, bend, u, v, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS):
    """Side and time of a crossing between the ends of a step 2h, decided on its two halves.

    `bend` is how far the Brownian path lies, in the middle, above the chord of the step.
    """
    if not (x > -math.inf and y > -math.inf and x < math.inf and y < math.inf):
        return 2, 0.0, s0, s1, s2, s3
    up = up_middle = up_end = math.inf
    down = down_middle = down_end = math.inf
    if upper < math.inf:
        up = distance(x, upper, eta, CONSTANTS)
        up_end = math.copysign(distance(y, upper, eta, CONSTANTS), upper - y)
        up_middle = 0.5 * (up + up_end) - bend
    if lower > -math.inf:
        down = distance(x, lower, eta, CONSTANTS)
        down_end = math.copysign(distance(y, lower, eta, CONSTANTS), y - lower)
        down_middle = 0.5 * (down + down_end) + bend
    above = 1.0 if up_middle <= 0.0 else math.exp(-2.0 * up * up_middle / h)
    below = 1.0 if down_middle <= 0.0 else math.exp(-2.0 * down * down_middle / h)
    if u <= above:
        when, s0, s1, s2, s3 = first_touch(up, abs(up_middle), h, s0, s1, s2, s3)
        return 1, when, s0, s1, s2, s3
    if u <= above + below:
        when, s0, s1, s2, s3 = first_touch(down, abs(down_middle), h, s0, s1, s2, s3)
        return -1, when, s0, s1, s2, s3
    above = 1.0 if up_end <= 0.0 else math.exp(-2.0 * up_middle * up_end / h)
    below = 1.0 if down_end <= 0.0 else math.exp(-2.0 * down_middle * down_end / h)
    if v <= above:
        when, s0, s1, s2, s3 = first_touch(up_middle, abs(up_end), h, s0, s1, s2, s3)
        return 1, h + when, s0, s1, s2, s3
    if v <= above + below:
        when, s0, s1, s2, s3 = first_touch(down_middle, abs(down_end), h, s0, s1, s2, s3)
        return -1, h + when, s0, s1, s2, s3
    return 0, 0.0, s0, s1, s2, s3


@njit(forceinline=True, error_model="numpy")
def may_touch(near, far, bend, c, first, second):
    """Whether the bridge over two halves may reach a bound at distances near, far from its ends.

    Lamperti distances are not below those in units of the largest noise c, a quarter added for
    noise that peaks in between; `first` and `second` are what their products are held against.
    """
    unit = 1.0 / math.sqrt(1.25 * c)
    middle = 0.5 * (near + far) * unit - bend
    clear = (far > 0.0) & (near * unit * middle > first) & (far * unit * middle > second)
    return not (clear & (middle > 0.0))


@njit(forceinline=True, error_model="numpy")
def may_leave(x, y, bend, u, v, lower, upper, h, eta, CONSTANTS):
    """Whether u and v let a path leave within a step 2h: a condition that `halves` needs."""
    c = max(noise_only(x, CONSTANTS), noise_only(y, CONSTANTS))
    # An infinite bound has an infinite distance: its noise must not be looked at.
    at_upper = noise_only(upper if upper < math.inf else x, CONSTANTS)
    at_lower = noise_only(lower if lower > -math.inf else x, CONSTANTS)
    first, second = 0.25 * h * minus_two_log(u), 0.25 * h * minus_two_log(v)
    over = may_touch(upper - x, upper - y, bend, eta * max(c, at_upper), first, second)
    under = may_touch(x - lower, y - lower, -bend, eta * max(c, at_lower), first, second)
    return over | under | (not (x - x == y - y))


CAREFUL

@njit(cache=True, nogil=True, error_model="numpy")
def coupled_exits(
    key, first, start, lower, upper, fine_low, fine_high, coarse_low, coarse_high, h, p,
    times, ends, sides
):
    """Follow pairs first, first+1, … at steps h and 2h until one of the two has left.

    Fills for both paths (row 0: the fine one) the time of the exit and its side, or side 0 and the
    time and state up to which the path has been followed. Returns the steps of both.
    """
    UNPACK
    wide = 2.0 * h
    reach = REACH * eta * h
    wide_reach = REACH * eta * wide
    count = times.shape[1]
    state = np.empty((4, LANES), np.uint64)
    normals = np.empty((3, LANES))
    before = np.empty((2, LANES))
    middle = np.empty(LANES)
    after = np.empty((2, LANES))
    bends = np.empty(LANES)
    draw = np.zeros((2, LANES))
    candidate = np.zeros(LANES, np.uint8)
    pair = np.full(LANES, -1, np.int64)
    born = np.zeros(LANES, np.int64)
    begun = finished = passes = steps = 0
    for lane in range(LANES):
        after[0, lane] = after[1, lane] = start
        s0, s1, s2, s3 = initial_state(key, first + begun)
        DRAW
        if begun < count:
            pair[lane] = begun
            begun += 1
    while finished < count:
        flagged = 0
        for lane in range(LANES):
            w, x = after[0, lane], after[1, lane]
            square, cosine, sine = normals[0, lane], normals[1, lane], normals[2, lane]
            half = step(w, h, square, cosine, ARGUMENTS)
            end = step(half, h, square, sine, ARGUMENTS)
            y = step(x, wide, square, (cosine + sine) * math.sqrt(0.5), ARGUMENTS)
            before[0, lane] = w
            middle[lane] = half
            after[0, lane] = end
            before[1, lane] = x
            after[1, lane] = y
            bends[lane] = 0.5 * math.sqrt(h * square) * (cosine - sine)
            flagged |= (not ALL_CALM) | NEAR_FIRST | NEAR_SECOND | NEAR_COARSE
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            DRAW
        passes += 1
        if not flagged:
            continue
        flagged = 0
        for lane in range(LANES):
            w, half, end = before[0, lane], middle[lane], after[0, lane]
            x, y = before[1, lane], after[1, lane]
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            one, n0, n1, n2, n3 = next_word(s0, s1, s2, s3)
            two, n0, n1, n2, n3 = next_word(n0, n1, n2, n3)
            near_first, near_second, near_coarse = NEAR_FIRST, NEAR_SECOND, NEAR_COARSE
            # Blends instead of branches: only pairs that are near advance their streams.
            mask = uint64(0) - uint64((not ALL_CALM) | near_first | near_second | near_coarse)
            state[0, lane] = s0 ^ ((s0 ^ n0) & mask)
            state[1, lane] = s1 ^ ((s1 ^ n1) & mask)
            state[2, lane] = s2 ^ ((s2 ^ n2) & mask)
            state[3, lane] = s3 ^ ((s3 ^ n3) & mask)
            u, v = uniform(one), uniform(two)
            draw[0, lane] = u
            draw[1, lane] = v
            chosen = (
                (not ALL_CALM)
                | (near_first & may_cross(w, half, u, lower, upper, h, eta, CONSTANTS))
                | (near_second & may_cross(half, end, v, lower, upper, h, eta, CONSTANTS))
                | (near_coarse
                   & may_leave(x, y, bends[lane], u, v, lower, upper, h, eta, CONSTANTS))
            )
            candidate[lane] = chosen
            flagged |= chosen
        if not flagged:
            continue
        for lane in range(LANES):
            if not candidate[lane]:
                continue
            n = pair[lane]
            if n < 0:
                after[0, lane] = after[1, lane] = start
                continue
            w, half, end = before[0, lane], middle[lane], after[0, lane]
            x, y = before[1, lane], after[1, lane]
            u, v = draw[0, lane], draw[1, lane]
            s0, s1, s2, s3 = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            begin = (passes - born[lane] - 1) * wide
            side = other = 0
            when = moment = 0.0
            if CALM_FIRST:
                if NEAR_FIRST:
                    side, when, s0, s1, s2, s3 = settle(
                        w, half, u, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS
                    )
            else:
                half, side, when, s0, s1, s2, s3 = careful(
                    w, lower, upper, h, s0, s1, s2, s3, ARGUMENTS
                )
            if side == 0:
                if CALM_FIRST and CALM_SECOND:
                    if NEAR_SECOND:
                        side, when, s0, s1, s2, s3 = settle(
                            half, end, v, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS
                        )
                else:
                    end, side, when, s0, s1, s2, s3 = careful(
                        half, lower, upper, h, s0, s1, s2, s3, ARGUMENTS
                    )
                when += h
            if CALM_COARSE:
                if NEAR_COARSE:
                    other, moment, s0, s1, s2, s3 = halves(
                        x, y, bends[lane], u, v, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS
                    )
            else:
                y, other, moment, s0, s1, s2, s3 = careful(
                    x, lower, upper, wide, s0, s1, s2, s3, ARGUMENTS
                )
            if side == 0 and other == 0:
                after[0, lane], after[1, lane] = end, y
            else:
                times[0, n] = begin + (when if side != 0 else wide)
                times[1, n] = begin + (moment if other != 0 else wide)
                ends[0, n], ends[1, n] = end, y
                sides[0, n], sides[1, n] = side, other
                steps += 3 * (passes - born[lane])
                finished += 1
                after[0, lane] = after[1, lane] = start
                born[lane] = passes
                pair[lane] = -1
                if begun < count:
                    pair[lane] = begun
                    s0, s1, s2, s3 = initial_state(key, first + begun)
                    begun += 1
                    DRAW
            state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
    return steps
'''


def _pair_kernel(problem: ExitProblem, steep: bool) -> Any:
    near = NEAR["bridge"]
    fine, coarse = (
        CALM.replace("calm_low", f"{path}_low").replace("calm_high", f"{path}_high")
        for path in ("fine", "coarse")
    )
    calm = {
        "CALM_FIRST": fine.format(x="w"),
        "CALM_SECOND": fine.format(x="half"),
        "CALM_COARSE": coarse.format(x="x"),
    }
    body = (SETTLE["bridge"] + _PAIRS).replace("CAREFUL", CAREFUL.strip())
    body = body.replace("ALL_CALM", f"({' and '.join(calm)})")
    for word, text in calm.items():
        body = body.replace(word, text if steep else "True")
    body = (
        body.replace("NEAR_FIRST", near.format(x="w", y="half"))
        .replace("NEAR_SECOND", near.format(x="half", y="end"))
        .replace("NEAR_COARSE", near.format(x="x", y="y").replace("reach", "wide_reach"))
        .replace("REACH", repr(REACH))
    )
    return kernel_function(problem.kernel, problem.scheme, body, "coupled_exits")


def coupled_exit_times(
    problem: ExitProblem, key: Key, first: int, count: int, h: float, copies: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Exit times at steps h and 2h of pairs first … first+count−1, and the steps they took.

    The rest of a path whose partner has left is run `copies` times by the plain kernel.

    Raises
    ------
    ComputationError : a path exploded or became NaN
    """
    times, ends = np.empty((2, count)), np.empty((2, count))
    sides = np.empty((2, count), dtype=np.int8)
    calm = (*problem.calm_interval(h), *problem.calm_interval(2.0 * h))
    steps = int(
        _pair_kernel(problem, calm != (-math.inf, math.inf) * 2)(
            np.array(key, dtype=np.uint64),
            first,
            problem.start,
            problem.lower,
            problem.upper,
            *calm,
            h,
            problem.kernel.arguments(),
            times,
            ends,
            sides,
        )
    )
    refuse_broken(sides.max(axis=0), h)
    for path, width in enumerate((h, 2.0 * h)):
        left_over = np.flatnonzero(sides[path] == SIDE_NONE)
        numbers = _RESTS + copies * (first + np.repeat(left_over, copies))
        numbers += np.tile(np.arange(copies), left_over.size)
        starts = np.repeat(ends[path, left_over], copies)
        rests, _, taken = problem.sample_from(key, numbers, starts, width)
        times[path, left_over] += rests.reshape(-1, copies).mean(axis=1)
        steps += taken
    return times[0], times[1], steps


@dataclass(frozen=True)
class PairChunk:
    """The job of a chunk: differences of the exit times of pairs first … first+count−1."""

    problem: ExitProblem
    key: Key
    h: float
    copies: int

    def __call__(self, item: tuple[int, int]) -> list[int]:
        fine, coarse, steps = coupled_exit_times(self.problem, self.key, *item, self.h, self.copies)
        moments = Moments.of(fine - coarse, steps)
        return [moments.count, moments.total, moments.squares, moments.steps]


def copies_on(level: int) -> int:
    """How many times the rest of a path is run: in proportion to h^(−1/2)."""
    return math.ceil(4.0 * 2.0 ** (0.5 * level))


@dataclass(frozen=True)
class MultilevelResult:
    """The estimate of a stage: standard error, bias bound, paths of the stage, all path-steps."""

    mean: float
    standard_error: float
    bias_bound: float
    paths: int
    steps: int
    levels: tuple[Moments, ...]


class Multilevel:
    """Pilot, allocation and estimate; stages on streams of their own until the target is met."""

    def __init__(
        self, problem: ExitProblem, seed: int, workplace: Workplace, target: float
    ) -> None:
        self.problem = problem
        self.seed = seed
        self.workplace = workplace
        self.target = target
        self.steps = 0

    def run(self, h: float, *, fixed_step: bool) -> MultilevelResult:
        """The estimate; `h` is the step of the coarsest level.

        Raises
        ------
        ComputationError : explosion, a rare exit, or a target that the levels cannot reach
        """
        for attempt in range(MAX_LEVELS):
            try:
                self._require_exits(attempt, h)
                return self._solve(attempt, h)
            except Explosion:
                if fixed_step:
                    raise
                h /= 4.0
        raise ComputationError(
            "paths that stay finite until they leave",
            f"explosions down to dt = {h:.3g}",
            "check drift and noise for growth that makes the process explode",
        )

    def _require_exits(self, attempt: int, h: float) -> None:
        key = stream_key(self.seed, attempt, -1)
        _, sides, steps = self.problem.sample(key, 0, PILOT_PATHS, h, RARE_STEPS * h)
        self.steps += steps
        if np.mean(sides == SIDE_NONE) > 0.5:
            raise ComputationError(
                "an exit that plain paths make, for multilevel",
                f"more than half of {PILOT_PATHS} paths still inside at time {RARE_STEPS * h:.4g}",
                "leave the scheme out: rare exits are then split",
            )

    def _solve(self, attempt: int, h: float) -> MultilevelResult:
        measured = [self._level((attempt, 0), 0, h, LEAST_PATHS)]
        while not self._deep_enough(measured):
            measured.append(self._pilot((attempt, 0), len(measured), h, measured[0].mean))
        caution, reached = 1.0, math.inf
        for stage in range(1, MAX_STAGES):
            sizes = self._sizes(measured, caution)
            measured = [self._level((attempt, stage), i, h, n) for i, n in enumerate(sizes)]
            mean = math.fsum(m.mean for m in measured)
            error = math.sqrt(math.fsum(m.variance / m.count for m in measured))
            bias = bias_bound(measured)
            reached = (QUANTILE * error + bias) / abs(mean)
            if reached <= self.target:
                return MultilevelResult(mean, error, bias, sum(sizes), self.steps, tuple(measured))
            if self._deep_enough(measured):
                caution *= 0.8
            while not self._deep_enough(measured):
                label = (attempt, -1 - stage)
                measured.append(self._pilot(label, len(measured), h, mean))
        raise ComputationError(
            f"a relative error of {self.target:.3g}",
            f"{reached:.3g} after {MAX_STAGES - 1} stages",
            "give a larger target error, or a smaller dt",
        )

    def _pilot(self, label: tuple[int, int], level: int, h: float, mean: float) -> Moments:
        """A level, with paths until its mean is known or is seen to be too large."""
        if level > DEEPEST:
            raise ComputationError(
                f"a bias of {self.target:.3g} of the mean within {DEEPEST} levels",
                f"level {level} needed from dt = {h:.3g}",
                "give a smaller dt, or a larger target error",
            )
        paths = LEAST_PATHS
        while True:
            moments = self._level(label, level, h, paths)
            noise = moments.standard_error
            known = noise <= 0.1 * self.target * mean
            if known or abs(moments.mean) - 3.0 * noise > 0.3 * self.target * mean:
                return moments
            wanted = (noise / (0.09 * self.target * mean)) ** 2
            paths = math.ceil(paths * min(16.0, max(1.5, wanted)))
            self._require_affordable(moments.steps / moments.count * paths)

    def _deep_enough(self, measured: list[Moments]) -> bool:
        """Whether the last differences leave less bias than a third of the target."""
        if len(measured) < 3:
            return False
        mean = math.fsum(m.mean for m in measured)
        last = max(abs(measured[-1].mean), 0.5 * abs(measured[-2].mean))
        return last <= 0.3 * self.target * abs(mean)

    def _sizes(self, measured: list[Moments], caution: float) -> list[int]:
        """Paths on each level, at the least cost that is expected to meet the target.

        The half-width takes what the expected bias bound leaves, times `caution`.
        """
        allowed = self.target * abs(math.fsum(m.mean for m in measured))
        # A step of a pair costs as much as one of a plain path (measured: 1.0 to 1.15).
        costs = [m.steps / m.count for m in measured]
        # Differences serve twice, in the estimate and in its bias bound: twice the best number.
        spreads = [
            m.standard_error * math.sqrt(m.count) * (2.0 if level else 1.0)
            for level, m in enumerate(measured)
        ]
        total = math.fsum(s * math.sqrt(c) for s, c in zip(spreads, costs, strict=True))
        # Errors of the differences when the half-width has the whole of the target.
        errors = [
            0.5 * allowed / QUANTILE * math.sqrt(s * math.sqrt(c) / total)
            for s, c in zip(spreads, costs, strict=True)
        ]
        # Three of them: two in the bias bound, and one by which the difference may come out larger.
        share = caution * min(
            (0.95 * allowed - weight * abs(m.mean)) / (allowed + 3.0 * weight * error)
            for weight, m, error in zip((1.0, 0.5), measured[:-3:-1], errors[:-3:-1], strict=True)
        )
        wanted = (share * allowed / QUANTILE) ** 2
        sizes = [
            max(LEAST_PATHS // 4, math.ceil(total * s / math.sqrt(c) / wanted))
            for s, c in zip(spreads, costs, strict=True)
        ]
        self._require_affordable(
            math.fsum(m.steps / m.count * n for m, n in zip(measured, sizes, strict=True))
        )
        return sizes

    def _level(self, label: tuple[int, int], level: int, h: float, paths: int) -> Moments:
        """Moments of the exit time on the coarsest level, of the difference on a finer one."""
        # The number of paths is part of the key: a pilot that is enlarged starts afresh.
        key = stream_key(self.seed, *label, level, paths)
        if level == 0:
            moments = self.workplace.tally(ExitChunk(self.problem, key, h), paths).times
        else:
            parts = run_chunks(
                PairChunk(self.problem, key, h * 0.5**level, copies_on(level)),
                chunks_of(paths),
                scheduler=self.workplace.scheduler,
                store=self.workplace.store,
                progress=self.workplace.progress,
                code=code_digest(),
            )
            moments = sum((Moments(*part) for part in parts), Moments())
        self.steps += moments.steps
        return moments

    def _require_affordable(self, steps: float) -> None:
        if steps > MAX_STEPS:
            raise ComputationError(
                f"a run of at most {MAX_STEPS:.1g} path-steps",
                f"about {steps:.2g}",
                "give a larger target error",
            )


def bias_bound(levels: list[Moments]) -> float:
    """A bound on what the levels left out would add, from the last two differences.

    A bias that falls at least as fast as h leaves at most |E[τ_L − τ_{L−1}]|, and half of the
    difference before it; each is taken with two standard errors, and the larger one counts.
    """
    last, before = levels[-1], levels[-2]
    return max(
        abs(last.mean) + 2.0 * last.standard_error,
        0.5 * (abs(before.mean) + 2.0 * before.standard_error),
    )
