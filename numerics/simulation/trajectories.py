"""Trajectories on request: states of every path at equal times, streamed to Parquet or Zarr.

A path is recorded at times 0, Δ, 2Δ, …, Δ = `every`·h, on the stream of its own (seed, path).
Blocks of at most BLOCK states are computed, written and forgotten, in the order of path and time,
so that memory does not grow with paths or times, and the file does not depend on the number of
threads. The file is written under another name and gets its own when it is whole.

- Parquet: one row for each path and time, columns `path`, `time` and the state variables;
- Zarr: a group with `time` (times) and one array (paths, times) for each state variable.

Both hold a JSON text of what was simulated: in Parquet as the schema's metadata `exitlaw`, in Zarr
as the group's attribute `exitlaw`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from numerics.errors import ComputationError
from numerics.lowering import Model
from numerics.multivariate import MultivariateModel
from numerics.scheduling import Progress
from numerics.simulation.coordinate import Coordinate
from numerics.simulation.exact import EXACT, ExactStepper, exact_stepper
from numerics.simulation.exit import Explosion
from numerics.simulation.multivariate import VectorKernel, vector_kernel
from numerics.simulation.requirements import require_positive, require_positive_integer
from numerics.simulation.schemes import (
    KernelModel,
    Point,
    Scheme,
    as_float,
    kernel_function,
    kernel_model,
    scheme_named,
)
from numerics.simulation.streams import Key, stream_key

DEFAULT_SCHEME = "taylor"
VECTOR_SCHEME = "euler"
"""The default in several dimensions."""

FORMATS = {".parquet": "parquet", ".zarr": "zarr"}

BLOCK = 2**18
"""States of one block: two megabytes for each coordinate."""

_LABEL = 0x7261
"""Label of the streams of trajectories."""

_RECORD = '''
@njit(cache=True, nogil=True, error_model="numpy")
def record(key, first, fresh, states, streams, h, every, p, out):
    """Go on with paths first, first+1, … from their states and streams; record into `out`.

    `out[path, time, coordinate]`, whose first time is the start where `fresh` is 1, else 0. Returns
    the number of paths that met an indefinite C.
    """
    UNPACK
    refused = 0
    for path in range(out.shape[0]):
        if fresh:
            s0, s1, s2, s3 = initial_state(key, first + path)
        else:
            s0, s1, s2, s3 = streams[path, 0], streams[path, 1], streams[path, 2], streams[path, 3]
        ENTER
        broken = False
        for sample in range(fresh, out.shape[1]):
            for _ in range(every):
                STEP
            KEEP
        refused += broken
        streams[path, 0], streams[path, 1], streams[path, 2], streams[path, 3] = s0, s1, s2, s3
    return refused
'''


class Stepper(Protocol):
    """A model and a scheme: what a kernel needs to go on with paths."""

    @property
    def dimension(self) -> int: ...

    def run(self, *arguments: Any) -> int: ...


class Readable(Protocol):
    """States of a kernel as those of the model."""

    def states(self, values: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class LineStepper:
    """One dimension: any scheme."""

    kernel: KernelModel
    scheme: Scheme
    dimension: int = 1

    def run(self, *arguments: Any) -> int:
        """The compiled `record`, with the model's numbers."""
        *before, out = arguments
        lines = [
            "one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)",
            "two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)",
            "square, cosine, _ = polar(one, two)",
            "x0 = step(x0, h, square, cosine, ARGUMENTS)",
        ]
        body = _filled(lines, 1)
        return kernel_function(self.kernel, self.scheme, body, "record")(
            *before, self.kernel.arguments(), out
        )


@dataclass(frozen=True)
class VectorStepper:
    """d dimensions: any scheme of `numerics.simulation.vector_schemes`."""

    kernel: VectorKernel

    @property
    def dimension(self) -> int:
        return self.kernel.dimension

    def run(self, *arguments: Any) -> int:
        """The compiled `record`, with the model's numbers."""
        *before, out = arguments
        d = self.dimension
        moved = [f"x{i} = y{i}" for i in range(d)]
        lines = [*self.kernel.normals(), *self.kernel.step(), "broken |= indefinite", *moved]
        run = self.kernel.function(_filled(lines, d), "record")
        return run(*before, self.kernel.arguments(), out)


def _filled(step: Sequence[str], d: int) -> str:
    """The template with the lines of one step."""
    enter = [f"x{i} = states[path, {i}]" for i in range(d)]
    keep = [f"out[path, sample, {i}] = x{i}" for i in range(d)]
    keep += [f"states[path, {i}] = x{i}" for i in range(d)]
    return (
        _RECORD.replace("ENTER", "\n        ".join(enter))
        .replace("STEP", "\n                ".join(step))
        .replace("KEEP", "\n            ".join(keep))
    )


@dataclass(frozen=True)
class Block:
    """States (paths, times, d) of consecutive paths at consecutive times."""

    first_path: int
    first_sample: int
    states: np.ndarray


@dataclass(frozen=True)
class Recording:
    """Paths 0 … paths−1 from `start`, recorded `samples` times, the start included."""

    stepper: Stepper
    key: Key
    start: tuple[float, ...]
    h: float
    every: int
    samples: int
    paths: int
    coordinate: Readable | None = None
    """where the kernel's states are not those that are recorded"""

    @property
    def block_paths(self) -> int:
        """Paths per block: whole paths if they fit, else one."""
        return min(self.paths, max(1, BLOCK // self.samples))

    @property
    def block_samples(self) -> int:
        """Times per block."""
        return min(self.samples, BLOCK)

    def count(self) -> int:
        """The number of blocks."""
        return -(-self.paths // self.block_paths) * -(-self.samples // self.block_samples)

    def blocks(self, workers: int) -> Iterator[Block]:
        """All blocks, ordered by path and time; a few are in flight at once.

        Raises
        ------
        ComputationError : a path exploded, became NaN, or met a C that is not positive definite
        """
        firsts = range(0, self.paths, self.block_paths)
        if self.samples > self.block_samples:
            for first in firsts:
                yield from self._pieces(first)
            return
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[list[Block]]] = deque()
            try:
                for first in firsts:
                    waiting.append(pool.submit(lambda n: list(self._pieces(n)), first))
                    if len(waiting) > 2 * workers:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _pieces(self, first: int) -> Iterator[Block]:
        """The blocks of paths first, first+1, …, one time range after the other."""
        count = min(self.block_paths, self.paths - first)
        states = np.tile(np.array(self.start), (count, 1))
        streams = np.zeros((count, 4), dtype=np.uint64)
        for sample in range(0, self.samples, self.block_samples):
            size = min(self.block_samples, self.samples - sample)
            out = np.empty((count, size, len(self.start)))
            fresh = int(sample == 0)
            if fresh:
                out[:, 0] = states
            refused = self.stepper.run(
                np.array(self.key, dtype=np.uint64),
                first,
                fresh,
                states,
                streams,
                self.h,
                self.every,
                out,
            )
            if self.coordinate is not None:
                out = self.coordinate.states(out)
            self._refuse_broken(out, refused)
            yield Block(first, sample, out)

    def _refuse_broken(self, out: np.ndarray, refused: int) -> None:
        if refused:
            raise ComputationError(
                "a noise C that is positive definite wherever paths come",
                f"{refused} of {len(out)} paths that came where it is not, at dt = {self.h:.3g}",
                "correct the noise, or give a smaller dt",
            )
        broken = int(np.count_nonzero(~np.isfinite(out).all(axis=(1, 2))))
        if broken:
            raise Explosion(
                "paths that stay finite",
                f"{broken} of {len(out)} paths exploded or became NaN at dt = {self.h:.3g}",
                "give a smaller dt, or an earlier end",
            )


# --- files ---------------------------------------------------------------------------------------


class _Sink(Protocol):
    def write(self, block: Block) -> None: ...

    def close(self) -> None: ...


Opener = Callable[[Path, Recording, Sequence[str], str], _Sink]
"""Path, what is recorded, names of the variables, JSON description."""


class _Parquet:
    def __init__(
        self, path: Path, recording: Recording, variables: Sequence[str], description: str
    ) -> None:
        self.arrow = _package("pyarrow", ".parquet")
        parquet = _package("pyarrow.parquet", ".parquet")
        self.delta = recording.every * recording.h
        fields = [("path", self.arrow.int64()), ("time", self.arrow.float64())]
        fields += [(name, self.arrow.float64()) for name in variables]
        self.schema = self.arrow.schema(fields, metadata={"exitlaw": description})
        self.writer = parquet.ParquetWriter(str(path), self.schema, compression="zstd")

    def write(self, block: Block) -> None:
        paths, samples, d = block.states.shape
        index = np.arange(block.first_path, block.first_path + paths)
        times = self.delta * np.arange(block.first_sample, block.first_sample + samples)
        columns = [np.repeat(index, samples), np.tile(times, paths)]
        columns += [block.states[:, :, i].ravel() for i in range(d)]
        table = self.arrow.Table.from_arrays(
            [self.arrow.array(column) for column in columns], schema=self.schema
        )
        self.writer.write_table(table, row_group_size=table.num_rows)

    def close(self) -> None:
        self.writer.close()


class _Zarr:
    def __init__(
        self, path: Path, recording: Recording, variables: Sequence[str], description: str
    ) -> None:
        group = _package("zarr", ".zarr").open_group(str(path), mode="w")
        group.attrs["exitlaw"] = json.loads(description)
        self.delta = recording.every * recording.h
        self.times = group.create_array(
            "time", shape=(recording.samples,), chunks=(recording.block_samples,), dtype="f8"
        )
        self.arrays = [
            group.create_array(
                name,
                shape=(recording.paths, recording.samples),
                chunks=(recording.block_paths, recording.block_samples),
                dtype="f8",
            )
            for name in variables
        ]

    def write(self, block: Block) -> None:
        paths, samples, _ = block.states.shape
        rows = slice(block.first_path, block.first_path + paths)
        columns = slice(block.first_sample, block.first_sample + samples)
        if block.first_path == 0:
            self.times[columns] = self.delta * np.arange(columns.start, columns.stop)
        for i, array in enumerate(self.arrays):
            array[rows, columns] = block.states[:, :, i]

    def close(self) -> None:
        pass


_SINKS: dict[str, Opener] = {"parquet": _Parquet, "zarr": _Zarr}


def _package(name: str, suffix: str) -> Any:
    """An optional package, or one message that says what to install."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ComputationError(
            f"the package {name.partition('.')[0]}, for {suffix} files",
            "none",
            "install 'exitlaw[trajectories]'",
        ) from error


def format_of(path: Path) -> str:
    """The format that the ending of a file's name asks for.

    Raises
    ------
    ComputationError : another ending, or a path that exists
    """
    if path.suffix not in FORMATS:
        raise ComputationError(
            f"a file that ends in {' or '.join(FORMATS)}",
            str(path),
            "name the format by the ending",
        )
    if path.exists():
        raise ComputationError(
            "a path that does not exist yet", str(path), "choose another, or move it away"
        )
    return FORMATS[path.suffix]


@dataclass(frozen=True)
class Recorded:
    """What was written."""

    format: str
    variables: tuple[str, ...]
    paths: int
    samples: int
    """recorded times of each path, the start included"""
    until: float
    """the last recorded time"""
    path_steps: int
    scheme: str
    seconds: float


def _stepper(
    model: Model | MultivariateModel,
    start: Sequence[Point],
    scheme: str | None,
    coordinate: Coordinate | None,
) -> tuple[Stepper, str, tuple[str, ...]]:
    if isinstance(model, MultivariateModel):
        chosen = scheme or VECTOR_SCHEME
        return (
            VectorStepper(vector_kernel(model, scheme=chosen, single_paths=True)),
            chosen,
            model.variables,
        )
    if scheme == EXACT and coordinate is None:
        return exact_stepper(model, start[0]), EXACT, (model.variable,)
    chosen = scheme_named(scheme or DEFAULT_SCHEME)
    stepped, name = model, chosen.name
    if coordinate is not None:
        stepped, name = coordinate.model, f"{coordinate.name}-{chosen.name}"
    return LineStepper(kernel_model(stepped, single_paths=True), chosen), name, (model.variable,)


def record(
    model: Model | MultivariateModel,
    start: Sequence[Point],
    output: Path,
    *,
    until: float,
    dt: float,
    every: int = 1,
    paths: int = 1,
    scheme: str | None = None,
    seed: int = 0,
    workers: int = 1,
    description: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    coordinate: Coordinate | None = None,
) -> Recorded:
    """Write the states of paths at equal times to a file.

    Parameters
    ----------
    model : drift, noise, η and θ, in one dimension or several
    start : one coordinate for each variable
    output : a path that does not exist, ending in .parquet or .zarr
    until : the last recorded time is the first multiple of every·dt that is not below it
    dt, every : the step, and how many steps lie between two recorded times
    scheme : of steps, or `exact` in one dimension: states of the exact law, whatever dt
    paths, seed, workers : as for exit times; the file depends on the seed, not on workers
    description : JSON values that are stored beside what this function knows
    progress : called with the numbers of written and of all blocks
    coordinate : where paths of a one-dimensional model are to be stepped; start is a value of it,
        states are recorded in the model's own variable

    Raises
    ------
    ComputationError : bad input, explosion, a missing package, a file that cannot be written; what
        was written so far is then removed
    """
    begun = time.perf_counter()
    require_positive("a time step dt", dt)
    require_positive("an end of the trajectories", until)
    for name, value in (("every", every), ("paths", paths), ("workers", workers)):
        require_positive_integer(name, value)
    stepper, used, variables = _stepper(model, start, scheme, coordinate)
    if len(start) != len(variables):
        raise ComputationError(
            f"a start of {len(variables)} coordinates",
            f"{len(start)}",
            "give one for each variable",
        )
    taken = {"path", "time"} & set(variables)
    if taken:
        raise ComputationError(
            "state variables named neither path nor time", ", ".join(taken), "rename them"
        )
    kind = format_of(output)
    origin = tuple(as_float(coordinate, "a start") for coordinate in start)
    exact = isinstance(stepper, ExactStepper)
    intervals = max(1, math.ceil(until / (every * dt) * (1.0 - 1e-12)))
    recording = Recording(
        stepper,
        stream_key(seed, _LABEL),
        (0.0,) if exact else origin,
        dt,
        every,
        intervals + 1,
        paths,
        stepper if exact else coordinate,
    )
    known = {
        "dt": dt, "every": every, "paths": paths,
        "samples": recording.samples, "scheme": used, "seed": seed, "variables": variables,
    }  # fmt: skip
    text = json.dumps({**(description or {}), **known}, ensure_ascii=False, sort_keys=True)
    partial = output.with_name(f".{output.stem}.{os.getpid()}.partial{output.suffix}")
    try:
        sink = _SINKS[kind](partial, recording, variables, text)
        for done, block in enumerate(recording.blocks(workers), start=1):
            sink.write(block)
            if progress is not None:
                progress(done, recording.count())
        sink.close()
        os.replace(partial, output)
    except OSError as error:
        raise ComputationError(
            f"a place where {output} can be written",
            str(error),
            "free disk space, or give another path; nothing was left there",
        ) from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
    return Recorded(
        kind,
        variables,
        paths,
        recording.samples,
        intervals * every * dt,
        paths * intervals * every,
        used,
        time.perf_counter() - begun,
    )
