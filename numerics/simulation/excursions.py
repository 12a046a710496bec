"""Excursions out of the core of a well, in lanes: walkers that begin them, and their splitting.

The quantities are those of `numerics.simulation.region_splitting`: ξ the importance, the core
{ξ <= α}, excursions from the first ξ > β on. LANES paths stand side by side and are refilled as
they stop, from walkers of any number of replicas or from branches of any number of them
(`numerics.simulation.branching`). Each walker and each branch has a stream of its own, so that no
result depends on which others are at work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.errors import ComputationError
from numerics.simulation.importance import Importance
from numerics.simulation.region_exit import lane_step, refuse_sides
from numerics.simulation.schemes import with_lines
from numerics.simulation.streams import Key

if TYPE_CHECKING:
    from numerics.simulation.region_exit import RegionExit

PATH_STEPS = 10**7
"""Steps after which an excursion counts as stuck: another metastable state lies on the way."""

_TOO_RARE = 1e-60
_STUCK, _RARE, _NO_VALUE, _FULL = 5, 6, 7, -1
ROOM = 2**18
"""Records, or excursions, for which there is room at first; a run that needs more starts again.

Arrays that grow within a kernel would have their references counted at each step. Memory that is
not touched is not used.
"""

_ADVANCE = """for lane in range(LANES):
    STEP
IMPORTANCES
for lane in range(LANES):
    met = verdict[lane]
    defined = now[lane] - now[lane] == 0.0
    verdict[lane] = met if (met != 0) | defined else NO_VALUE"""
"""One step in all lanes: `verdict` of what was met (0: nothing), `now` the new ξ."""

_MEASURED = '''
@njit(cache=True, nogil=True, error_model="numpy")
def measured(states, table, grid, p, out):
    """ξ at states (n, d)."""
    UNPACK
    for n in range(states.shape[0]):
        out[n] = importance(AT_STATE, table, grid, CONSTANTS)
'''

_WALK = '''
@njit(cache=True, nogil=True, error_model="numpy")
def walk(
    key, first, start, h, burn, low, high, table, grid, p, ends, sides, points, when, owner, inside
):
    """Follow walkers first, first+1, … for 4·burn steps; fill their last steps and verdicts.

    Fill as well the first points of excursions after `burn`, their steps, their walkers (counted
    from 0), and whether they are in the region; those of a walker are in the order of time. Returns
    how many there are, or FULL if there are more than the arrays hold.
    """
    UNPACK
    count = ends.shape[0]
    state = np.empty((4, LANES), np.uint64)
    place = np.empty((DIMENSION, LANES))
    now = np.empty(LANES)
    entry = np.empty(LANES)
    across = np.empty(LANES)
    along = np.empty(LANES)
    verdict = np.zeros(LANES, np.uint8)
    event = np.zeros(LANES, np.uint8)
    busy = np.empty(LANES, np.int64)
    # Whether a walker has been in the core since its last excursion began.
    ready = np.zeros(LANES, np.uint8)
    walker = np.full(LANES, -1, np.int64)
    born = np.zeros(LANES, np.int64)
    kept = begun = finished = passes = 0
    limit = 4 * burn
    for lane in range(LANES):
        for i in range(DIMENSION):
            place[i, lane] = start[i]
        s0, s1, s2, s3 = initial_state(key, first + begun)
        state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
        if begun < count:
            walker[lane] = begun
            begun += 1
    deadline = limit
    while finished < count:
        ADVANCE
        passes += 1
        flagged = 0
        for lane in range(LANES):
            crossed = now[lane] > high if ready[lane] else now[lane] <= low
            event[lane] = crossed | (verdict[lane] != 0)
            flagged |= event[lane]
        if not flagged and passes < deadline:
            continue
        if passes >= deadline:
            for lane in range(LANES):
                event[lane] |= 2 if passes - born[lane] >= limit else 0
        LIST_BUSY
        for k in range(listed):
            lane = busy[k]
            age = passes - born[lane]
            n = walker[lane]
            met = verdict[lane]
            if n >= 0 and event[lane] & 1 and met <= 1:
                if met == 0 and not ready[lane]:
                    ready[lane] = 1
                elif ready[lane]:
                    ready[lane] = 0
                    if age > burn:
                        if kept == inside.shape[0]:
                            return FULL
                        for i in range(DIMENSION):
                            points[kept, i] = place[i, lane]
                        when[kept], owner[kept], inside[kept] = age, n, met
                        kept += 1
            if n >= 0 and met == 0 and age < limit:
                continue
            for i in range(DIMENSION):
                place[i, lane] = start[i]
            ready[lane] = 0
            if n < 0:
                continue
            ends[n], sides[n] = age, met
            finished += 1
            born[lane] = passes
            walker[lane] = -1
            if begun < count:
                walker[lane] = begun
                s0, s1, s2, s3 = initial_state(key, first + begun)
                state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
                begun += 1
        if passes >= deadline:
            deadline = passes + limit
            for lane in range(LANES):
                if walker[lane] >= 0:
                    deadline = min(deadline, born[lane] + limit)
    return kept
'''

_SPLIT = '''
from numerics.simulation.branching import STREAMS, branch

@njit(cache=True, nogil=True, error_model="numpy")
def split(
    key, first, offsets, points, inside, late, h, low, limit, table, grid, p, results,
    height, before, age, where
):
    """Adaptive splitting of the excursions of replicas first, first+1, … from given points.

    Those of the r-th are `offsets[r] … offsets[r+1]`; some begin in the region (`inside`), some are
    `late`. `results[r]`: the shares of the early and of the late ones that enter the region, the
    mean over all of the steps to it of the late, and all steps. Returns what broke a run, or 0, or
    FULL if there are more records than the last four arrays hold.
    """
    UNPACK
    replicas = offsets.shape[0] - 1
    count = points.shape[0]
    best = np.empty(count)
    top = np.full(count, -1)
    origin = np.arange(count)
    arrival = np.zeros(count, np.int64)
    stream = np.empty(count, np.int64)
    replica = np.empty(count, np.int64)
    used = 0
    share = np.ones(replicas)
    serial = np.empty(replicas, np.int64)
    pending = np.zeros(replicas, np.int64)
    queue = np.empty(count, np.int64)
    branches = np.empty(count, np.int64)
    head = queued = 0
    for r in range(replicas):
        serial[r] = (first + r) << STREAMS
        for n in range(offsets[r], offsets[r + 1]):
            replica[n] = r
            if inside[n]:
                best[n], top[n] = math.inf, -2
                continue
            stream[n] = serial[r]
            serial[r] += 1
            queue[queued] = n
            queued += 1
            pending[r] += 1
    state = np.zeros((4, LANES), np.uint64)
    place = np.zeros((DIMENSION, LANES))
    for i in range(DIMENSION):
        place[i, :] = points[0, i] if count else 0.0
    now = np.empty(LANES)
    entry = np.empty(LANES)
    across = np.empty(LANES)
    along = np.empty(LANES)
    verdict = np.zeros(LANES, np.uint8)
    event = np.zeros(LANES, np.uint8)
    busy = np.empty(LANES, np.int64)
    path = np.full(LANES, -1, np.int64)
    born = np.zeros(LANES, np.int64)
    record = np.full(LANES, -1, np.int64)
    highest = np.full(LANES, math.inf)
    finished = passes = 0
    idle = LANES
    deadline = limit
    # Replicas without an excursion to run are complete, or have to branch at once.
    settled = 0
    while True:
        while settled < replicas and pending[settled] > 0:
            settled += 1
        if settled < replicas:
            r = settled
            survived, serial[r], more = branch(
                key, offsets[r], offsets[r + 1], serial[r], best, top, origin, arrival, stream,
                height, before, branches
            )
            share[r] *= survived
            if share[r] < TOO_RARE and more:
                return RARE
            for k in range(more):
                queue[(head + queued) % count] = branches[k]
                queued += 1
            pending[r] = more
            if more == 0:
                # Counts as busy from now on, with nothing to run.
                pending[r] = count + 1
                finished += 1
            continue
        if finished == replicas:
            break
        if idle and queued:
            for lane in range(LANES):
                if path[lane] >= 0 or queued == 0:
                    continue
                n = queue[head]
                head = (head + 1) % count
                queued -= 1
                idle -= 1
                path[lane] = n
                born[lane] = passes
                deadline = min(deadline, passes + limit)
                s0, s1, s2, s3 = initial_state(key, stream[n])
                if top[n] < 0:
                    for i in range(DIMENSION):
                        place[i, lane] = points[n, i]
                    record[lane] = -1
                    highest[lane] = importance(PLACE, table, grid, CONSTANTS)
                    KEEP_RECORD
                else:
                    # The first word has chosen the excursion that this one branches off.
                    _, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
                    record[lane] = top[n]
                    highest[lane] = height[top[n]]
                    for i in range(DIMENSION):
                        place[i, lane] = where[top[n], i]
                    arrival[n] = age[top[n]]
                state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0, s1, s2, s3
        ADVANCE
        passes += 1
        flagged = 0
        for lane in range(LANES):
            xi = now[lane]
            event[lane] = (xi <= low) | (xi > highest[lane]) | (verdict[lane] != 0)
            flagged |= event[lane]
        if not flagged and passes <= deadline:
            continue
        if passes > deadline:
            for lane in range(LANES):
                event[lane] |= 2 if passes - born[lane] > limit else 0
        LIST_BUSY
        for k in range(listed):
            lane = busy[k]
            taken = passes - born[lane]
            n = path[lane]
            if n < 0:
                for i in range(DIMENSION):
                    place[i, lane] = points[0, i]
                continue
            met = verdict[lane]
            if met == 0 and now[lane] > highest[lane]:
                highest[lane] = now[lane]
                KEEP_RECORD
            if met == 0 and now[lane] > low:
                if taken <= limit:
                    continue
                met = STUCK
            if met > 1:
                return met
            r = replica[n]
            results[r, 3] += taken
            best[n] = math.inf if met == 1 else highest[lane]
            top[n] = record[lane]
            arrival[n] += taken
            pending[r] -= 1
            settled = min(settled, r)
            path[lane] = -1
            highest[lane] = math.inf
            idle += 1
        if passes > deadline:
            deadline = passes + limit
            for lane in range(LANES):
                if path[lane] >= 0:
                    deadline = min(deadline, born[lane] + limit)
    for r in range(replicas):
        weight = share[r] / max(1, offsets[r + 1] - offsets[r])
        for n in range(offsets[r], offsets[r + 1]):
            if best[n] == math.inf:
                if late[origin[n]]:
                    results[r, 1] += weight
                    results[r, 2] += weight * arrival[n]
                else:
                    results[r, 0] += weight
    return 0
'''

_LIST_BUSY = """listed = 0
for lane in range(LANES):
    # No branch, which would be mistaken half of the time.
    busy[listed] = lane
    listed += event[lane] != 0"""

_KEEP_RECORD = """if used == height.shape[0]:
    return FULL
height[used] = highest[lane]
before[used] = record[lane]
age[used] = arrival[n] + passes - born[lane]
for i in range(DIMENSION):
    where[used, i] = place[i, lane]
record[lane] = used
used += 1"""


@dataclass(frozen=True)
class Excursions:
    """Where excursions of a problem begin and end, and how long walkers relax."""

    problem: RegionExit
    importance: Importance
    low: float
    """α: the core is where ξ is at most this"""
    high: float
    """β"""
    relaxation: float
    """T"""
    walkers: int
    """of a replica"""

    def burn(self, h: float) -> int:
        """T in steps."""
        return math.ceil(self.relaxation / h)

    def walk(self, key: Key, first: int, count: int, h: float, room: int = ROOM) -> Walks:
        """Walkers first … first+count−1 for 4T; `room`: for how many excursions at first.

        Raises
        ------
        ComputationError : a path exploded, or met no meaning of C, region or importance
        """
        ends, sides = np.empty(count, np.int64), np.empty(count, np.uint8)
        columns = (
            np.empty((room, self.problem.kernel.dimension)),
            np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8),
        )  # fmt: skip
        found = _function(self.problem, self.importance, "walk")(
            _words(key), first, np.array(self.problem.start), h, self.burn(h), self.low, self.high,
            *self._arguments(), ends, sides, *columns,
        )  # fmt: skip
        if found == _FULL:
            return self.walk(key, first, count, h, 4 * room)
        for side in np.unique(sides):
            _refuse(int(side), h)
        order = np.argsort(columns[2][:found], kind="stable")
        return Walks(ends, sides == 1, *(column[order] for column in columns))

    def split(
        self,
        key: Key,
        first: int,
        offsets: np.ndarray,
        walks: Walks,
        h: float,
        room: int = ROOM,
    ) -> np.ndarray:
        """What becomes of the excursions of replicas first, first+1, …: `results` of the kernel.

        Excursions `offsets[r] … offsets[r+1]` are those of the r-th; `room`: for how many records
        at first.

        Raises
        ------
        ComputationError : a path exploded, met no meaning of C, region or importance, or got stuck;
            entries too rare for any number of replicas
        """
        late = walks.when > 2 * self.burn(h)
        results = np.zeros((len(offsets) - 1, 4))
        records = (
            np.empty(room), np.empty(room, np.int64), np.empty(room, np.int64),
            np.empty((room, self.problem.kernel.dimension)),
        )  # fmt: skip
        broken = _function(self.problem, self.importance, "split")(
            _words(key), first, offsets, walks.points, walks.inside, late, h, self.low, PATH_STEPS,
            *self._arguments(), results, *records,
        )  # fmt: skip
        if broken == _FULL:
            return self.split(key, first, offsets, walks, h, 4 * room)
        _refuse(int(broken), h)
        return results

    def _arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return *self.importance.arguments(), self.problem.kernel.arguments()


@dataclass(frozen=True)
class Walks:
    """Walkers, and the excursions that they begin after T: by walker, then by time."""

    ends: np.ndarray
    """steps of each walker"""
    entered: np.ndarray
    """whether it has entered the region"""
    points: np.ndarray
    """(n, d): where an excursion begins"""
    when: np.ndarray
    """steps of its walker until then"""
    owner: np.ndarray
    """its walker, counted from 0"""
    inside: np.ndarray
    """whether it begins in the region"""


def importance_at(problem: RegionExit, importance: Importance, states: np.ndarray) -> np.ndarray:
    """ξ at states (n, d)."""
    values = np.empty(len(states))
    _function(problem, importance, "measured")(
        states, *importance.arguments(), problem.kernel.arguments(), values
    )
    return values


def _function(problem: RegionExit, importance: Importance, name: str) -> Any:
    """A kernel of the problem and the importance, compiled."""
    kernel = problem.kernel
    coordinates = range(kernel.dimension)
    text = importance.text(kernel) + {"measured": _MEASURED, "walk": _WALK, "split": _SPLIT}[name]
    for word, lines in (
        ("ADVANCE", _ADVANCE),
        ("IMPORTANCES", importance.in_lanes()),
        ("LIST_BUSY", _LIST_BUSY),
        ("KEEP_RECORD", _KEEP_RECORD),
        ("STEP", lane_step(kernel)),
    ):
        text = with_lines(text, word, lines)
    for word, words in (
        ("PLACE", ", ".join(f"place[{i}, lane]" for i in coordinates)),
        ("AT_STATE", ", ".join(f"states[n, {i}]" for i in coordinates)),
        ("TOO_RARE", repr(_TOO_RARE)),
        ("STUCK", str(_STUCK)),
        ("RARE", str(_RARE)),
        ("NO_VALUE", str(_NO_VALUE)),
        ("FULL", str(_FULL)),
        (", CONSTANTS", "".join(f", {name}" for name in kernel.form.constants)),
    ):
        text = text.replace(word, words)
    return kernel.function(text, name)


def _words(key: Key) -> np.ndarray:
    return np.array(key, dtype=np.uint64)


def _refuse(met: int, h: float) -> None:
    """Raise for what a kernel met."""
    if met == _STUCK:
        raise ComputationError(
            "excursions that end within 10⁷ steps",
            "a path that neither comes back to the start's well nor enters the exit region",
            "start from the metastable state nearest to the exit region",
        )
    if met == _RARE:
        raise ComputationError(
            "a domain that paths leave",
            f"less than one of {1.0 / _TOO_RARE:.0e} excursions into the exit region",
            "move the exit region closer, or give another importance, one that rises to its edge",
        )
    if met == _NO_VALUE:
        raise ComputationError(
            "an importance that has a value wherever paths come",
            "none at some of their states",
            "give another (region, or a function)",
        )
    refuse_sides(np.array([met]), h)
