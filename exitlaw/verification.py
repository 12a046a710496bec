"""Verify claims: in this process or in worker processes, with the ledger as memory.

Verdicts do not depend on the number of workers, on which claims are selected, or on the order in
which they finish. Claims that others rest on (lemmas, corrected forms) are judged as well.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from exitlaw.discovery import (
    ClaimMetadata,
    all_metadata,
    file_module_name,
    load,
    read_metadata,
    select,
    with_dependencies,
)
from exitlaw.files_read import contents, unchanged, watched
from exitlaw.ledger import Ledger
from exitlaw.results import ClaimResult, EvidenceResult, Report
from exitlaw.verdict import DERIVED_HERE, Verdict
from theory.errors import InputError

Progress = Callable[[int, int, ClaimResult], None]
"""Called after each claim with the number judged, the number to judge, and the result."""

RUN_FALSE_ALARM = 1e-6
"""Budget of a whole run: see `exitlaw.judge.CLAIM_FALSE_ALARM` for how it is divided."""


@dataclass(frozen=True)
class Task:
    """One claim to be judged, as plain data for a worker process."""

    id: str
    title: str
    expected: str
    modules: tuple[str, ...]
    """Modules to load: the claim's own first, then those of the claims it refers to."""
    profile: str
    seed: int
    workers: int


def perform(task: Task) -> ClaimResult:
    """Judge the task's claim in this process; whatever happens is a result."""
    start = perf_counter()
    files = [module for module in task.modules if module.endswith(".py")]
    try:
        if not files:
            return _judged(task)
        with watched():
            result = _judged(task)
        return replace(result, reads=contents(files))
    except (Exception, SystemExit) as error:
        return _undecided(task, f"{type(error).__name__}: {error}", perf_counter() - start)


def _judged(task: Task) -> ClaimResult:
    for module in task.modules:
        load(module)
    from exitlaw.claim import REGISTRY
    from exitlaw.judge import judge

    for module in task.modules:
        _refuse_unlisted(module)
    return judge(REGISTRY[task.id], task.profile, task.seed, task.workers)  # type: ignore[arg-type]


def _refuse_unlisted(module: str) -> None:
    """A claim that only running its file brings up would be left out without a word.

    Raises
    ------
    ValueError : the file registers a claim that is no function at its top level.
    """
    from exitlaw.claim import REGISTRY

    if not module.endswith(".py"):
        return
    listed = {one.id for one in read_metadata(Path(module), module)}
    name = file_module_name(Path(module))
    for id, made in REGISTRY.items():
        if made.module == name and id not in listed:
            raise ValueError(f"{id} is claimed inside something: claims are top-level functions")


def _undecided(task: Task, detail: str, seconds: float) -> ClaimResult:
    row = EvidenceResult("build", "loading the claim", Verdict.UNKNOWN, detail, seconds)
    return ClaimResult(
        task.id, task.title, Verdict(task.expected), evidence=(row,), seconds=seconds
    )


# --- running ------------------------------------------------------------------------------------


def _in_process(tasks: Sequence[Task]) -> Iterator[ClaimResult]:
    for task in tasks:
        yield perform(task)


def _in_workers(tasks: Sequence[Task], workers: int) -> Iterator[ClaimResult]:
    """Results as they come. A worker that dies makes only its own claim unknown."""
    waiting = list(tasks)
    while waiting:
        finished: set[str] = set()
        try:
            for result in _pool(waiting, min(workers, len(waiting))):
                finished.add(result.id)
                yield result
            return
        except BrokenProcessPool:
            waiting = [task for task in waiting if task.id not in finished]
            yield from _one_by_one(waiting[:workers])
            waiting = waiting[workers:]


def _pool(tasks: Sequence[Task], workers: int) -> Iterator[ClaimResult]:
    # Spawned, not forked: the parent may hold threads, and precision contexts are per process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        remaining = list(reversed(tasks))
        running: set[Future[ClaimResult]] = set()
        while remaining or running:
            while remaining and len(running) < workers:
                running.add(executor.submit(perform, remaining.pop()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _one_by_one(tasks: Sequence[Task]) -> Iterator[ClaimResult]:
    """Each task in a process of its own, so that the one whose process dies is known."""
    for task in tasks:
        try:
            yield from _pool([task], 1)
        except BrokenProcessPool:
            yield _undecided(task, "its worker process died (killed, or out of memory)", 0.0)


def _on_cluster(tasks: Sequence[Task], address: str) -> Iterator[ClaimResult]:
    from numerics.scheduling import Cluster

    with Cluster(address).connected() as client:
        from distributed import as_completed

        futures = {client.submit(perform, task, pure=False): task for task in tasks}
        for future in as_completed(list(futures), loop=client.loop):
            if future.status == "finished":
                yield future.result()
            else:
                yield _undecided(futures[future], f"its worker failed: {future.exception()}", 0.0)


# --- verification -------------------------------------------------------------------------------


def verify(
    claims: Sequence[str] = (),
    *,
    profile: str = "quick",
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
    ledger: Path | str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge the content's claims that match `claims` (ids, prefixes, globs; all if empty).

    Parameters
    ----------
    profile : "quick" or "full"
    seed : of every simulation
    workers : processes; 1 runs in this one
    scheduler : address of a Dask scheduler, in place of local workers
    ledger : file of earlier results to reuse and to extend; None keeps nothing

    Raises
    ------
    InputError : a pattern that matches no claim, a bad profile, a ledger that is refused.
    """
    known = all_metadata()
    chosen = select(claims, known)
    return _run(chosen, known, profile, seed, workers, scheduler, ledger, progress)


def check_file(
    path: Path | str,
    *,
    profile: str = "quick",
    seed: int = 0,
    workers: int = 1,
    scheduler: str | None = None,
    ledger: Path | str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge the claims of a user's own file. Arguments as for `verify`.

    Raises
    ------
    InputError : no such file, no Python, no claims in it, or an id that is already taken.
    """
    path = Path(path)
    if not path.is_file() or path.suffix != ".py":
        raise InputError(
            "a Python file of claims", str(path), "`exitlaw new NAME` writes one to start from"
        )
    own = read_metadata(path, str(path.resolve()))
    if not own:
        raise InputError(
            f"claims in {path}", "no function under @claim(...)", "`exitlaw new NAME` shows one"
        )
    content = all_metadata()
    taken = {one.id for one in content}
    seen: set[str] = set()
    for one in own:
        if one.id in taken or one.id in seen:
            raise InputError("claim ids that occur once", repr(one.id), "choose another id")
        seen.add(one.id)
    return _run(own, (*content, *own), profile, seed, workers, scheduler, ledger, progress)


def _run(
    chosen: Sequence[ClaimMetadata],
    known: Sequence[ClaimMetadata],
    profile: str,
    seed: int,
    workers: int,
    scheduler: str | None,
    ledger: Path | str | None,
    progress: Progress | None,
) -> Report:
    start = perf_counter()
    _validate(profile, seed, workers)
    needed = with_dependencies(chosen, known)
    tasks = [_task(one, known, profile, seed, workers) for one in needed]
    results: dict[str, ClaimResult] = {}

    def note(result: ClaimResult) -> None:
        results[result.id] = result
        if progress is not None:
            progress(len(results), len(tasks), result)

    memory = None if ledger is None else Ledger(ledger)
    try:
        keys = {} if memory is None else _fingerprints(needed, known, profile, seed)
        waiting = []
        for task in tasks:
            record = None if memory is None else memory.get(keys[task.id])
            if record is None or not unchanged(record.get("reads", {})):
                waiting.append(task)
            else:
                note(replace(ClaimResult.from_record(record), cached=True))
        for result in _perform_all(waiting, workers, scheduler):
            # An undecided claim may be so for reasons outside of the code: it is tried again.
            if memory is not None and result.verdict is not Verdict.UNKNOWN:
                memory.put(keys[result.id], result.id, result.to_record())
            note(result)
    finally:
        if memory is not None:
            memory.close()
    settled = _settle(needed, results)
    asked = {one.id for one in chosen}
    from exitlaw import __version__

    return Report(
        version=__version__,
        seed=seed,
        profile=profile,
        seconds=perf_counter() - start,
        claims=tuple(settled[one.id] for one in chosen),
        false_alarm=RUN_FALSE_ALARM,
        lemmas=tuple(result for id, result in settled.items() if id not in asked),
    )


def _validate(profile: str, seed: int, workers: int) -> None:
    if profile not in ("quick", "full"):
        raise InputError("the profile quick or full", repr(profile), "use --profile quick")
    if not isinstance(seed, int) or seed < 0:
        raise InputError("a seed that is a whole number >= 0", repr(seed), "use --seed 0")
    if not isinstance(workers, int) or workers < 1:
        raise InputError("a positive number of workers", repr(workers), "use --workers 1")


def _related(one: ClaimMetadata, known: Sequence[ClaimMetadata]) -> tuple[ClaimMetadata, ...]:
    return tuple(other for other in with_dependencies([one], known) if other.id != one.id)


def _task(
    one: ClaimMetadata, known: Sequence[ClaimMetadata], profile: str, seed: int, workers: int
) -> Task:
    modules = dict.fromkeys((one.module, *(other.module for other in _related(one, known))))
    return Task(one.id, one.title, one.expected[profile], tuple(modules), profile, seed, workers)


def _fingerprints(
    needed: Iterable[ClaimMetadata], known: Sequence[ClaimMetadata], profile: str, seed: int
) -> dict[str, str]:
    from exitlaw.fingerprint import fingerprint, forget_sources

    forget_sources()
    return {
        one.id: fingerprint(one, _related(one, known), profile=profile, seed=seed) for one in needed
    }


def _perform_all(
    tasks: Sequence[Task], workers: int, scheduler: str | None
) -> Iterator[ClaimResult]:
    if not tasks:
        return iter(())
    if scheduler is not None:
        return _on_cluster(tasks, scheduler)
    if workers == 1 or len(tasks) == 1:
        return _in_process(tasks)
    alone = [replace(task, workers=1) for task in tasks]
    # Simulations take longest: started last, they would keep one worker busy while others wait.
    return _in_workers(sorted(alone, key=lambda task: not _simulates(task)), workers)


def _simulates(task: Task) -> bool:
    from exitlaw.fingerprint import source_of

    return "MonteCarloTest" in source_of(task.modules[0]).read_text("utf-8")


def _settle(
    needed: Sequence[ClaimMetadata], results: dict[str, ClaimResult]
) -> dict[str, ClaimResult]:
    """Take proofs back whose lemmas do not stand, and refutations whose correction does not."""
    settled = dict(results)
    sources = {one.id: one.source for one in needed}
    while True:
        grounded = _grounded(settled)
        unfounded = [
            result
            for result in settled.values()
            if _is_proved(result) and not set(result.lemmas) <= grounded
        ]
        if not unfounded:
            break
        for result in unfounded:
            missing = [id for id in result.lemmas if id not in grounded]
            reason = f"rests on {', '.join(missing)}, which does not stand in this run"
            settled[result.id] = result.without_proof(reason)
    for id, result in list(settled.items()):
        if _is_proved(result):
            settled[id] = _resting_on(result, settled, sources)
    for one in needed:
        result = settled[one.id]
        if one.corrected is None or result.verdict is not Verdict.REFUTED:
            continue
        if one.corrected not in settled or not settled[one.corrected].stands:
            detail = f"the corrected claim {one.corrected} does not stand in this run"
            row = EvidenceResult("correction", "corrected claim", Verdict.CONFLICT, detail, 0.0)
            settled[one.id] = replace(result, evidence=(*result.evidence, row))
    return settled


def _resting_on(
    result: ClaimResult, settled: dict[str, ClaimResult], sources: dict[str, str]
) -> ClaimResult:
    """Say which lemmas, or lemmas of lemmas, stand on a cited theorem and on evidence.

    Without a source they prove nothing.
    """
    unproved: dict[str, None] = {}
    waiting = list(result.lemmas)
    while waiting:
        id = waiting.pop(0)
        if _is_proved(settled[id]):
            waiting += settled[id].lemmas
        else:
            unproved[id] = None
    groundless = [id for id in unproved if sources.get(id) == DERIVED_HERE]
    if groundless:
        return result.without_proof(
            f"rests on {', '.join(groundless)}, which has evidence, but neither proof nor source"
        )
    if not unproved:
        return result
    named = ", ".join(f"{id} ({settled[id].verdict}; {sources.get(id)})" for id in unproved)
    return result.with_remark(f"cited, not proved: {named}")


def _is_proved(result: ClaimResult) -> bool:
    return any(row.verdict is Verdict.PROVED for row in result.evidence)


def _grounded(results: dict[str, ClaimResult]) -> set[str]:
    """Claims that stand on lemmas that stand, without going round in a circle."""
    grounded: set[str] = set()
    while True:
        more = {
            result.id
            for result in results.values()
            if result.stands
            and result.id not in grounded
            and (not _is_proved(result) or set(result.lemmas) <= grounded)
        }
        if not more:
            return grounded
        grounded |= more


def recall(
    claims: Sequence[str], ledger: Path | str, *, profile: str = "quick", seed: int = 0
) -> Report:
    """What the ledger still knows of the claims: results whose code, seed and versions are today's.

    Nothing is computed; claims without such a result, or resting on one without, are left out.
    """
    start = perf_counter()
    known = all_metadata()
    chosen = select(claims, known)
    needed = with_dependencies(chosen, known)
    results: dict[str, ClaimResult] = {}
    if Path(ledger).is_file():
        keys = _fingerprints(needed, known, profile, seed)
        with Ledger(ledger) as memory:
            for one in needed:
                record = memory.get(keys[one.id])
                if record is not None and unchanged(record.get("reads", {})):
                    results[one.id] = replace(ClaimResult.from_record(record), cached=True)
    complete = [
        one
        for one in needed
        if all(other.id in results for other in with_dependencies([one], known))
    ]
    settled = _settle(complete, {one.id: results[one.id] for one in complete})
    from exitlaw import __version__

    return Report(
        version=__version__,
        seed=seed,
        profile=profile,
        seconds=perf_counter() - start,
        claims=tuple(settled[one.id] for one in chosen if one.id in settled),
        false_alarm=RUN_FALSE_ALARM,
    )


def forget_file(path: Path | str) -> None:
    """Unload a claim file, so that a changed version of it can be loaded into this process."""
    import sys

    from exitlaw.claim import REGISTRY

    name = file_module_name(Path(path))
    sys.modules.pop(name, None)
    for id in [id for id, claim in REGISTRY.items() if claim.module == name]:
        del REGISTRY[id]
