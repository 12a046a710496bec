"""The quantities of `simulate`: from a command's options to its JSON document, or its file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exitlaw import model_input
from exitlaw.command_options import SIMULATE
from exitlaw.escape_quantities import wells
from exitlaw.request import (
    DEFAULT_TARGET_ERROR,
    Document,
    Options,
    Request,
    check_order,
    non_negative_integer,
    own_options,
    positive_integer,
    positive_number,
    refuse_several_dimensions,
)
from numerics.errors import ComputationError
from theory.errors import InputError

if TYPE_CHECKING:
    from numerics.simulation import Estimate


Progress = Callable[[int, int], None]
"""Called with the numbers of finished and of all chunks of a simulation's current stage."""


def _sampling(request: Request) -> dict[str, Any]:
    """Paths or error to reach, step, scheme, seed and threads, as the simulator takes them."""
    import os

    options = request.options
    if request.given("paths") and request.given("target_error"):
        raise InputError("--paths N or --target-error R", "both", "give one of the two")
    if request.given("scheduler") and request.given("workers"):
        raise InputError("--workers N or --scheduler ADDRESS", "both", "give one of the two")
    chosen: dict[str, Any] = {
        "seed": non_negative_integer(options.get("seed") or "0", "--seed"),
        "workers": positive_integer(options["workers"], "--workers")
        if request.given("workers")
        else os.cpu_count() or 1,
    }
    if request.given("paths"):
        chosen["paths"] = positive_integer(options["paths"], "--paths")
    elif request.given("target_error"):
        chosen["target_error"] = positive_number(
            options["target_error"], request.model_text, "--target-error"
        )
    else:
        chosen["target_error"] = DEFAULT_TARGET_ERROR
    if request.given("dt"):
        chosen["dt"] = positive_number(options["dt"], request.model_text, "--dt")
    if request.given("scheme"):
        chosen["scheme"] = options["scheme"]
    return chosen


@contextmanager
def _chunks(request: Request, quantity: str, progress: Progress | None) -> Iterator[dict[str, Any]]:
    """Where chunks are computed and kept, and who is told, for quantities that have chunks."""
    if "scheduler" not in SIMULATE[quantity].options:
        yield {}
        return
    from numerics.scheduling import ChunkStore, Cluster

    cluster = Cluster(request.text("scheduler")) if request.given("scheduler") else None
    if cluster is not None:
        cluster.client().close()  # a scheduler that is not there is named before work begins
    store = ChunkStore(Path(request.text("store"))) if request.given("store") else None
    try:
        yield {"scheduler": cluster, "store": store, "progress": progress}
    finally:
        if store is not None:
            store.close()


def simulate(quantity: str, options: Options, progress: Progress | None = None) -> Document:
    """The JSON document of `exitlaw simulate QUANTITY …`.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be simulated.
    """
    request = Request.of(options)
    sampling = _sampling(request)
    if request.model_text.multivariate:
        if not SIMULATE[quantity].multivariate:
            refuse_several_dimensions(quantity, SIMULATE)
        from exitlaw import multivariate_quantities

        with _chunks(request, quantity, progress) as chunks:
            estimate = multivariate_quantities.simulate(
                quantity, options, request.model_text, sampling | chunks
            )
    else:
        request.refuse_multivariate_options()
        with _chunks(request, quantity, progress) as chunks:
            estimate = _SIMULATE[quantity](request, sampling | chunks)
    low, high = estimate.interval()
    own = own_options(SIMULATE[quantity], simulated=True)
    return {
        "quantity": quantity,
        "estimate": estimate.estimate,
        "standard_error": estimate.standard_error,
        "interval": [low, high],
        "confidence": estimate.confidence,
        "bias_bound": estimate.bias_bound,
        "bias_kind": estimate.bias_kind,
        "paths": estimate.paths,
        "path_steps": estimate.path_steps,
        "scheme": estimate.scheme,
        "seed": estimate.seed,
        "seconds": estimate.seconds,
        **({"notes": list(estimate.notes)} if estimate.notes else {}),
        "inputs": request.inputs(own),
    }


def record(quantity: str, options: Options, progress: Progress | None = None) -> Document:
    """The JSON document of `exitlaw simulate trajectories …`, and the file that it names.

    Raises
    ------
    InputError, ComputationError : what was asked has no meaning, or cannot be written.
    """
    from importlib.metadata import version

    from numerics.simulation import trajectories

    request = Request.of(options)
    outputs = options.get("output") or []
    if len(outputs) != 1:
        raise InputError(
            "one --output FILE for trajectories, .parquet or .zarr",
            ", ".join(outputs) or "none",
            "as -o paths.parquet",
        )
    sampling = _sampling(request)
    every = positive_integer(options.get("every") or "1", "--every")
    until = positive_number(request.text("until"), request.model_text, "--until")
    coordinate = None
    if request.model_text.multivariate:
        from exitlaw import multivariate_quantities

        model, start = multivariate_quantities.model_and_start(options, request.model_text)
    else:
        from exitlaw.unit_noise import UnitCoordinate, asks_for, scheme_within

        model, start = request.model(), [request.point("start")]
        if asks_for(sampling.get("scheme")):
            unit = UnitCoordinate(request.diffusion(), request.constant("start"))
            start, coordinate = [unit.point(unit.start)], unit.coordinate()
            sampling["scheme"] = scheme_within(sampling["scheme"])
    inputs = request.inputs(own_options(SIMULATE[quantity], simulated=True))
    done = trajectories.record(
        model,
        start,
        Path(outputs[0]),
        until=until,
        dt=sampling["dt"],
        every=every,
        paths=sampling.get("paths", 1),
        scheme=sampling.get("scheme"),
        seed=sampling["seed"],
        workers=sampling["workers"],
        description={"version": version("exitlaw"), "inputs": inputs},
        progress=progress,
        coordinate=coordinate,
    )
    return {
        "quantity": quantity,
        "output": outputs[0],
        "format": done.format,
        "variables": list(done.variables),
        "paths": done.paths,
        "samples": done.samples,
        "until": done.until,
        "dt": sampling["dt"],
        "every": every,
        "path_steps": done.path_steps,
        "scheme": done.scheme,
        "seed": sampling["seed"],
        "seconds": done.seconds,
        "inputs": inputs,
    }


def _simulated_exit_time(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_exit_time

    ends = {"exit_above": "exit", "exit_below": "exit_below"}
    return simulated_exit_time(
        request.diffusion(),
        request.constant("start"),
        **{
            end: request.constant(option) if request.given(option) else None
            for end, option in ends.items()
        },
        **sampling,
    )


def _simulated_descent(request: Request, sampling: dict[str, Any]) -> "Estimate":
    model = request.model_text
    losses = model_input.sample_losses(model, constants=request.values())
    return losses.simulate_mean_exit_time(
        eta=model_input.learning_rate(model),
        start=request.constant("start"),
        exit=request.constant("exit") if request.given("exit") else None,
        exit_below=request.constant("exit_below") if request.given("exit_below") else None,
        **model_input.batches(model),
        **sampling,
    )


def _simulated_density(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_density

    return simulated_density(request.diffusion(), request.constant("at"), **sampling)


def _simulated_moment(request: Request, sampling: dict[str, Any]) -> "Estimate":
    from exitlaw.unit_noise import simulated_moment

    order, absolute = request.constant("order"), bool(request.options["absolute"])
    check_order(request, order, absolute)
    return simulated_moment(
        request.diffusion(), int(order) if order.is_integer else float(order), absolute=absolute,
        **sampling,
    )  # fmt: skip


def _simulated_ratio(request: Request, sampling: dict[str, Any]) -> "Estimate":
    """Two independent simulations, by seeds of their own.

    Errors r of both times leave `(1 + r)/(1 − r) − 1` of the ratio: each may have R/(2 + R).
    """
    from exitlaw.unit_noise import simulated_exit_time

    if sampling["seed"] >= 2**63:
        raise InputError(
            "--seed from 0 to 2**63 - 1 for a ratio, whose two times take two seeds",
            str(sampling["seed"]),
            "give a smaller one",
        )
    if "target_error" in sampling:
        allowed = sampling["target_error"]
        sampling = {**sampling, "target_error": allowed / (2.0 + allowed)}
    flat, sharp = (
        simulated_exit_time(
            well.diffusion, well.start, exit_above=well.exit,
            **{**sampling, "seed": 2 * sampling["seed"] + index},
        )
        for index, well in enumerate(wells(request))
    )  # fmt: skip
    ratio = flat.estimate / sharp.estimate
    relative_error = (
        (flat.standard_error / flat.estimate) ** 2 + (sharp.standard_error / sharp.estimate) ** 2
    ) ** 0.5
    below = sharp.estimate - sharp.bias_bound
    if not below > 0.0:
        raise ComputationError(
            "an escape time of the sharper minimum above its own bias bound",
            f"{sharp.estimate:.4g}, at most {sharp.bias_bound:.4g} of it bias",
            "give more paths, or a target error",
        )
    worst = (flat.estimate + flat.bias_bound) / below
    kinds = {flat.bias_kind, sharp.bias_kind}
    return replace(
        flat,
        estimate=ratio,
        standard_error=ratio * relative_error,
        bias_bound=worst - ratio,
        bias_kind="estimated" if "estimated" in kinds else "proven",
        paths=flat.paths + sharp.paths,
        path_steps=flat.path_steps + sharp.path_steps,
        seed=sampling["seed"],
        seconds=flat.seconds + sharp.seconds,
    )


_SIMULATE: dict[str, Callable[[Request, dict[str, Any]], "Estimate"]] = {
    "stationary-density": _simulated_density,
    "moment": _simulated_moment,
    "mean-exit-time": _simulated_exit_time,
    "sharpness-ratio": _simulated_ratio,
    "sgd-exit-time": _simulated_descent,
}
