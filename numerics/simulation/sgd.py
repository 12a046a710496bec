"""Stochastic gradient descent itself, on given per-sample losses: no Gaussian is put in.

    w' = w − (η/B) Σ_{i in batch} ∇ℓ(w; z_i),        w in ℝᵈ,

the batch drawn with or without replacement from the samples z. Its clock shows `t = η·updates`, the
time of the diffusion `dw = −∇L(w)dt + √(ηC(w))dB` (Itô) that stands for it, L the mean of the
losses and C the covariance of the batch's gradient.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.errors import ComputationError
from numerics.program import Program
from numerics.scheduling import ChunkStore, Progress, Scheduler, Threads, run_chunks
from numerics.simulation.chain_exits import (
    LEFT,
    Exits,
    Interval,
    Nowhere,
    Region,
    refuse_outcomes,
)
from numerics.simulation.discrete import gradient_source
from numerics.simulation.estimate import CONFIDENCE, Estimate, normal_quantile
from numerics.simulation.requirements import (
    require_fraction,
    require_positive,
    require_positive_integer,
)
from numerics.simulation.schemes import code_digest, compiled
from numerics.simulation.streams import Key, stream_key
from numerics.simulation.sums import Moments

_SGD = '''
@njit(cache=True, nogil=True, error_model="numpy")
def descend(key, first, start, edges, rate, batch, replace, limit, data, states, counts, ends):
    """Run paths until `outcome` is not 0 or they have made `limit` updates."""
    samples = data.shape[0]
    order = np.arange(samples)
    for path in range(counts.shape[0]):
        s0, s1, s2, s3 = initial_state(key, first + path)
        if not replace:
            for i in range(samples):
                order[i] = i
        START
        made = 0
        end = outcome(STATE, edges)
        while made < limit and end == 0:
            CLEAR
            for i in range(batch):
                word, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
                # 52 bits scaled: each sample's chance is 1/N up to 2⁻⁵².
                remaining = samples if replace else samples - i
                chosen = np.int64((1.0 - uniform(word)) * remaining)
                if replace:
                    index = chosen
                else:
                    index = order[i + chosen]
                    order[i + chosen] = order[i]
                    order[i] = index
                GRADIENT = gradient(STATE, FIELDS)
                ADD
            UPDATE
            made += 1
            end = outcome(STATE, edges)
        KEEP
        counts[path] = made
        ends[path] = end
'''

CHUNK = 1024
PILOT_PATHS = 256
PILOT_UPDATES = 10**7
"""Updates of a pilot path; an exit that half of these have not made is out of reach."""

MAX_UPDATES = 1e13
SCHEME = "sgd"


@dataclass(frozen=True)
class DescentRun:
    """Final states (paths, d), numbers of updates, and which paths have left."""

    states: np.ndarray
    counts: np.ndarray
    left: np.ndarray


@dataclass(frozen=True)
class Descent:
    """SGD on samples: gradient of one sample's loss, samples, learning rate and batches.

    `gradient` is the program of ∇ℓ, d outputs, with inputs (w₁, …, w_d, z₁, …, z_k); `data` the
    samples, rows of k numbers; `batch` the batch size B.

    Raises
    ------
    ComputationError : data of another shape, η not positive, a batch larger than the data
    """

    gradient: Program
    data: tuple[tuple[float, ...], ...]
    eta: float
    batch: int = 1
    replacement: bool = True

    def __post_init__(self) -> None:
        table = self.table()
        if table.ndim != 2 or table.shape[1] != self.fields or not np.all(np.isfinite(table)):
            raise ComputationError(
                f"finite samples of shape (N, {self.fields})",
                f"shape {table.shape}",
                "correct the data",
            )
        require_positive("a learning rate eta", self.eta)
        require_positive_integer("batch", self.batch)
        if not self.replacement and self.batch > len(self.data):
            raise ComputationError(
                f"a batch of at most {len(self.data)} without replacement",
                str(self.batch),
                "take a smaller batch",
            )

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.gradient.outputs)

    @property
    def fields(self) -> int:
        """k, the numbers of a sample."""
        return len(self.gradient.inputs) - self.dimension

    def table(self) -> np.ndarray:
        """The samples as an array."""
        return np.array(self.data, dtype=np.float64, ndmin=2)

    def run(
        self,
        key: Key,
        first: int,
        paths: int,
        *,
        start: float | Sequence[float],
        exits: Exits | None = None,
        updates: int,
    ) -> DescentRun:
        """Paths first, first+1, … until they leave, or `updates` long.

        Raises
        ------
        ComputationError : a path became infinite or NaN, or came where the exit region is undefined
        """
        place, watched = self.start(start), exits or Nowhere(self.dimension)
        count = require_positive_integer("paths", paths)
        require_positive_integer("the number of updates", updates)
        states, counts = np.empty((count, self.dimension)), np.empty(count, dtype=np.int64)
        ends = np.empty(count, dtype=np.uint8)
        compiled(self._source(watched), "descend", "sgd").descend(
            np.array(key, dtype=np.uint64),
            first,
            np.array(place),
            np.array(watched.edges, dtype=np.float64),
            float(self.eta),
            self.batch,
            self.replacement,
            updates,
            self.table(),
            states,
            counts,
            ends,
        )
        refuse_outcomes(ends, "a smaller learning rate")
        return DescentRun(states, counts, ends == LEFT)

    def start(self, given: float | Sequence[float]) -> tuple[float, ...]:
        """A start as d numbers.

        Raises
        ------
        ComputationError : another number of them
        """
        place = tuple(float(x) for x in np.ravel(given))
        if len(place) != self.dimension:
            raise ComputationError(
                f"a start of {self.dimension} coordinates",
                f"{len(place)}",
                f"give one for each of {', '.join(self.gradient.inputs[: self.dimension])}",
            )
        return place

    def _source(self, exits: Exits) -> str:
        """The kernel for this gradient and these exits, unrolled over the coordinates."""
        each = range(self.dimension)
        lines = {
            "START": [f"x{i} = start[{i}]" for i in each],
            "CLEAR": [f"total{i} = 0.0" for i in each],
            "ADD": [f"total{i} += g{i}" for i in each],
            "UPDATE": [f"x{i} -= rate * total{i} / batch" for i in each],
            "KEEP": [f"states[path, {i}] = x{i}" for i in each],
        }
        words = {name: "; ".join(parts) for name, parts in lines.items()}
        words["STATE"] = ", ".join(f"x{i}" for i in each)
        words["GRADIENT"] = ", ".join(f"g{i}" for i in each)
        words["FIELDS"] = ", ".join(f"data[index, {j}]" for j in range(self.fields))
        text = re.sub("|".join(words), lambda word: words[word[0]], _SGD)
        return f"{gradient_source(self.gradient)}\n\n{exits.source}\n{text}"


@dataclass(frozen=True)
class _ExitChunk:
    """The job of a chunk: numbers of updates of paths first … first+count−1, tallied."""

    descent: Descent
    key: Key
    start: tuple[float, ...]
    exits: Exits
    updates: int

    def __call__(self, item: tuple[int, int]) -> list[int]:
        run = self.descent.run(
            self.key, *item, start=self.start, exits=self.exits, updates=self.updates
        )
        moments = Moments.of(run.counts.astype(float), int(run.counts.sum()))
        left = int(np.count_nonzero(run.left))
        return [moments.count, moments.total, moments.squares, moments.steps, left]


def mean_exit_time(
    descent: Descent,
    start: float | Sequence[float],
    *,
    exit_above: float | None = None,
    exit_below: float | None = None,
    exit_region: Program | None = None,
    paths: int | None = None,
    target_error: float | None = None,
    seed: int = 0,
    workers: int = 1,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """η times the mean number of updates until SGD is at or beyond an exit, or in a region.

    Parameters
    ----------
    start : d numbers, or one, in units of w
    exit_above, exit_below : for one coordinate; at least one of them
    exit_region : for d coordinates, in place of them: a program of w that is negative inside
        (`numerics.lowering.lower_membership`)
    paths, target_error : number of paths, or relative half-width of the 95 % interval to reach
        (default: 0.01)
    seed, workers, scheduler, store, progress : as for `numerics.simulation.mean_exit_time`

    Returns
    -------
    Estimate : in units of `η·updates`. The process is simulated as it is: the bias bound is 0.

    Raises
    ------
    ComputationError : no exit, a start not inside, an exit that paths do not make, a path that
        became infinite or NaN, a target that would take too long
    """
    begun = time.perf_counter()
    place = descent.start(start)
    exits = _exits(descent, exit_above, exit_below, exit_region)
    exits.refuse_start(place)
    target = require_fraction("a target error", target_error, 0.01)

    def tally(label: int, first: int, end: int, updates: int) -> tuple[Moments, int]:
        chunk = _ExitChunk(descent, stream_key(seed, label), place, exits, updates)
        items = [(begin, min(CHUNK, end - begin)) for begin in range(first, end, CHUNK)]
        parts = run_chunks(
            chunk,
            items,
            scheduler=scheduler or Threads(workers),
            store=store,
            progress=progress,
            code=code_digest(),
        )
        moments = sum((Moments(*part[:4]) for part in parts), Moments())
        return moments, sum(part[4] for part in parts)

    count = None if paths is None else require_positive_integer("paths", paths, 2)
    pilot, left = tally(0, 0, PILOT_PATHS, PILOT_UPDATES)
    if 2 * left < PILOT_PATHS:
        raise ComputationError(
            "a domain that paths leave",
            f"{PILOT_PATHS - left} of {PILOT_PATHS} paths still inside after {PILOT_UPDATES:g} "
            "updates",
            "move the exits closer, or take a larger learning rate; the diffusion of the same "
            "data has certified times",
        )
    found = Moments()
    known = pilot
    while True:
        needed = count or _paths_for(target, known)
        if needed * known.mean > MAX_UPDATES:
            raise ComputationError(
                f"a target that {MAX_UPDATES:g} updates reach",
                f"{needed} paths of {known.mean:.4g} updates",
                "allow a larger error",
            )
        if needed <= found.count:
            break
        found += tally(1, found.count, needed, 2**61)[0]
        known = found
    return Estimate(
        estimate=descent.eta * found.mean,
        standard_error=descent.eta * found.standard_error,
        bias_bound=0.0,
        bias_kind="proven",
        paths=found.count,
        path_steps=found.steps + pilot.steps,
        scheme=SCHEME,
        seed=seed,
        seconds=time.perf_counter() - begun,
    )


def _paths_for(target: float, known: Moments) -> int:
    """Paths whose interval has a relative half-width below the target, by moments known so far."""
    half = normal_quantile(0.5 + 0.5 * CONFIDENCE)
    return max(1000, math.ceil(known.variance * (half / (target * known.mean)) ** 2))


def _exits(
    descent: Descent, above: float | None, below: float | None, region: Program | None
) -> Exits:
    """The exits that were given, one kind of them."""
    ends = above is not None or below is not None
    if not ends and region is None:
        raise ComputationError(
            "an exit", "none", "give exit_above, exit_below or both, or an exit region"
        )
    if ends and (region is not None or descent.dimension > 1):
        raise ComputationError(
            "exit_above and exit_below for one coordinate, or an exit region for any number",
            "both" if region is not None else f"an end of {descent.dimension} coordinates",
            "give the exit region alone",
        )
    if region is None:
        return Interval(
            -math.inf if below is None else float(below),
            math.inf if above is None else float(above),
        )
    if len(region.inputs) != descent.dimension:
        raise ComputationError(
            f"an exit region of {descent.dimension} coordinates",
            f"one of {len(region.inputs)}",
            f"give it in {', '.join(descent.gradient.inputs[: descent.dimension])}",
        )
    return Region(region)
