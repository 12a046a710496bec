"""The quantities of the command line and their options, as data.

Each quantity becomes one command under `evaluate`, `simulate` or `infer` that accepts exactly the
options listed here: an option that would be ignored is refused. Nothing heavy is imported.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option: its flags, what its value stands for, its help, and the group it is shown in."""

    flags: tuple[str, ...]
    metavar: str
    help: str
    panel: str
    many: bool = False
    """May be repeated; the values are collected in order."""

    @property
    def is_flag(self) -> bool:
        return not self.metavar

    @property
    def name(self) -> str:
        return self.flags[0].lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Quantity:
    """One quantity: its name, one line of help, its own options, and which must be given."""

    name: str
    summary: str
    options: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    model: bool = True
    """Whether it is a quantity of a model (and takes the options that describe one)."""
    multivariate: bool = False
    """Whether it is also defined in several dimensions."""
    recorded: bool = False
    """Whether it is a file of trajectories, with no error to reach."""
    discrete: bool = False
    """Whether it is one of SGD itself, which has neither a scheme nor a step to choose."""
    inferred: bool = False
    """Whether it is a test of observations, with nothing to compute to digits or by paths."""


def _option(flag: str, metavar: str, help: str, panel: str, *more: str, many: bool = False):
    return Option((flag, *more), metavar, help, panel, many)


_MODEL, _QUANTITY, _NUMBER, _OUTPUT = "Model", "Quantity", "Number", "Output"
_SIMULATION, _SAMPLES, _TEST = "Simulation", "Model from data", "Test"

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        _option("--loss", "EXPR", "Loss L; the drift is -L'.", _MODEL),
        _option("--drift", "EXPR", "Drift, in place of a loss.", _MODEL),
        _option("--noise", "EXPR", "C, a variance (never its square root).", _MODEL),
        _option("--eta", "VALUE", "Learning rate η; the diffusion is ηC.", _MODEL),
        _option(
            "--interpretation",
            "ito|stratonovich|anti-ito|θ",
            "Which stochastic integral; required (0, 1/2, 1 in numbers).",
            _MODEL,
        ),
        _option("--variable", "NAME", "Name of the state variable (default: w).", _MODEL),
        _option(
            "--variables",
            "X,Y,…",
            "Names of the state variables of a model in several dimensions.",
            _MODEL,
        ),
        _option("--set", "NAME=VALUE", "Value of a parameter; repeatable.", _MODEL, many=True),
        _option("--model", "FILE", "Model from a TOML file; options take precedence.", _MODEL),
        _option(
            "--sample-loss",
            "EXPR",
            "Loss of one sample, in the state (--variable, --variables) and the columns of --data; "
            "in place of --loss and --noise.",
            _SAMPLES,
        ),
        _option("--data", "FILE", "CSV file: a line of column names, a line a sample.", _SAMPLES),
        _option("--batch", "N", "Samples in a batch (default: 1).", _SAMPLES),
        _option(
            "--without-replacement", "", "No sample twice in a batch (default: may be).", _SAMPLES
        ),
        _option("--at", "X", "Point at which the law is evaluated.", _QUANTITY),
        _option("--order", "R", "Order of the moment.", _QUANTITY),
        _option("--absolute", "", "Absolute moment E|X|^R, for any real R.", _QUANTITY),
        _option(
            "--observable",
            "EXPR",
            "In several dimensions: the function of the variables whose moment is wanted.",
            _QUANTITY,
        ),
        _option("--probability", "P", "Probability whose quantile is wanted.", _QUANTITY),
        _option("--rate", "S", "Argument of the Laplace transform E exp(-S T).", _QUANTITY),
        _option("--count", "N", "How many eigenvalues, from λ₀ on.", _QUANTITY),
        _option("--start", "X", "Where the paths start.", _QUANTITY),
        _option("--exit", "B", "Boundary above the start.", _QUANTITY),
        _option("--exit-below", "A", "Boundary below the start.", _QUANTITY),
        _option(
            "--reflect", "B", "Reflecting wall above the start, in place of an exit.", _QUANTITY
        ),
        _option("--reflect-below", "A", "Reflecting wall below the start.", _QUANTITY),
        _option("--exit-region", "CONDITION", 'Region that ends a path, as "x >= 1".', _QUANTITY),
        _option(
            "--against",
            "CONDITION",
            "In two dimensions: region that must not be entered first.",
            _QUANTITY,
        ),
        _option(
            "--importance",
            "region|committor|EXPR",
            "In several dimensions: what rare exits are split by (default: chosen by itself).",
            _SIMULATION,
        ),
        _option("--until", "T", "Time at which trajectories end.", _QUANTITY),
        _option("--every", "K", "Record every K-th step (default: 1).", _QUANTITY),
        _option("--of", "exact|kramers", "Which time is meant.", _QUANTITY),
        _option("--flatter", "EXPR", "Loss of the flatter minimum.", _QUANTITY),
        _option("--flatter-noise", "EXPR", "Its noise, if another.", _QUANTITY),
        _option("--flatter-start", "X", "Its start, if another.", _QUANTITY),
        _option("--flatter-exit", "B", "Its exit, if another.", _QUANTITY),
        _option(
            "--hessian",
            "LAW",
            'Law of the per-sample Hessian: "normal(1, 0.5)" (mean, standard deviation) or '
            '"0.35*chi2(3)".',
            _QUANTITY,
        ),
        _option(
            "--observations",
            "FILE",
            "Observed values: .csv (a line of column names first) or .parquet.",
            _TEST,
        ),
        _option(
            "--column",
            "NAME",
            "Column of the observed weight (default: the state variable's name, or the only one).",
            _TEST,
        ),
        _option(
            "--series",
            "NAME",
            "Column that tells the series of a row (default: path, where there is one).",
            _TEST,
        ),
        _option("--discard", "N", "Leave out the first N values of each series.", _TEST),
        _option(
            "--independent",
            "",
            "The values are independent: do not thin them (refused if they contradict it).",
            _TEST,
        ),
        _option("--tail", "both|upper|lower", "Which tail, seen from the median.", _TEST),
        _option(
            "--law",
            "polynomial|exponential",
            "Law that is tested: exit status 1 if it is rejected (default: 1 if both are).",
            _TEST,
        ),
        _option("--level", "ALPHA", "Level of the test (default: 0.01).", _TEST),
        _option("--digits", "N", "Certified significant digits (default: 15).", _NUMBER),
        _option(
            "--method",
            "arb|mpmath|both|double",
            "Route; both (the default) demands that the two agree; double estimates, in bulk.",
            _NUMBER,
        ),
        _option("--paths", "N", "Number of paths.", _SIMULATION),
        _option(
            "--target-error",
            "R",
            "Relative error to reach, statistical half-width plus bias (default: 0.01).",
            _SIMULATION,
        ),
        _option("--scheme", "NAME", "Integration scheme (default: chosen by itself).", _SIMULATION),
        _option("--dt", "H", "Time step (default: chosen by itself).", _SIMULATION),
        _option("--seed", "N", "Seed; the result depends on it alone (default: 0).", _SIMULATION),
        _option("--workers", "N", "Threads (default: all cores; changes no bit).", _SIMULATION),
        _option(
            "--scheduler",
            "ADDRESS",
            "A Dask scheduler, in place of local threads (changes no bit).",
            _SIMULATION,
        ),
        _option(
            "--store",
            "FILE",
            "Keep finished chunks in FILE: a run that was killed continues there.",
            _SIMULATION,
        ),
        _option("--sweep", "NAME=FROM:TO:COUNT[:log]", "Repeat over a grid of values.", _OUTPUT),
        _option(
            "--output",
            "FILE",
            "Write a sweep to FILE: .csv, or a plot (.png, .svg, .pdf), repeatable; "
            "trajectories: .parquet or .zarr.",
            _OUTPUT,
            "-o",
            many=True,
        ),
        _option("--json", "", "One JSON document on standard output.", _OUTPUT),
    )
}

_BATCHES = ("sample_loss", "data", "batch", "without_replacement")
MODEL_OPTIONS = (
    "loss", "drift", "noise", "eta", "interpretation", "variable", "set", "model", *_BATCHES,
)  # fmt: skip
_EXIT = ("start", "exit", "exit_below")
_WALLS = ("reflect", "reflect_below")
_CHUNKS = ("scheduler", "store")
_RATIO = ("start", "exit", "flatter", "flatter_noise", "flatter_start", "flatter_exit")
_PRECISION = ("digits", "method", "sweep", "output", "json")
_SAMPLING = ("paths", "target_error", "scheme", "dt", "seed", "workers", "json")
_DESCENT = ("paths", "target_error", "seed", "workers", "json")
_RECORDING = ("paths", "scheme", "dt", "seed", "workers", "output", "json")


def _table(*quantities: Quantity) -> dict[str, Quantity]:
    return {quantity.name: quantity for quantity in quantities}


EVALUATE = _table(
    Quantity("stationary-density", "Density of the stationary law at a point.", ("at",), ("at",)),
    Quantity("cumulative", "Stationary probability of lying below a point.", ("at",), ("at",)),
    Quantity("quantile", "Quantile of the stationary law.", ("probability",), ("probability",)),
    Quantity(
        "moment", "Raw or absolute moment of the stationary law.", ("order", "absolute"), ("order",)
    ),
    Quantity("tail-index", "Supremum of the orders r with finite E|X|^r."),
    Quantity(
        "spectrum",
        "Eigenvalues of the negative generator from λ₀ on, and the continuum edge.",
        ("count", "exit", "exit_below"),
    ),
    Quantity(
        "mean-exit-time",
        "Mean first-passage time to one or two boundaries.",
        (*_EXIT, *_WALLS, "exit_region"),
        ("start",),
        multivariate=True,
    ),
    Quantity(
        "exit-time-moment",
        "Moment of the first-passage time.",
        ("order", *_EXIT, *_WALLS),
        ("order", "start"),
    ),
    Quantity(
        "exit-time-laplace",
        "Laplace transform of the first-passage time.",
        ("rate", *_EXIT, *_WALLS),
        ("rate", "start"),
    ),
    Quantity(
        "exit-probability",
        "Probability of leaving through the upper boundary first.",
        (*_EXIT, "exit_region", "against"),
        ("start",),
        multivariate=True,
    ),
    Quantity(
        "kramers-time",
        "Kramers' formula for the passage over the saddle, and its certified error.",
        ("start", "exit"),
        ("start", "exit"),
    ),
    Quantity(
        "escape-rate",
        "One over Kramers' time, or over the exact one.",
        ("start", "exit", "of"),
        ("start", "exit"),
    ),
    Quantity(
        "sharpness-ratio",
        "Escape time of the flatter minimum over that of the sharper one.",
        (*_RATIO, "of"),
        ("start", "exit", "flatter"),
    ),
    Quantity(
        "kesten-index",
        "Tail index of discrete-time SGD with a random Hessian.",
        ("hessian", "eta", "set"),
        ("hessian", "eta"),
        model=False,
    ),
)
"""The quantities of `evaluate`."""

SIMULATE = _table(
    Quantity(
        "stationary-density",
        "Density of the stationary law at a point.",
        ("at", *_CHUNKS),
        ("at",),
        multivariate=True,
    ),
    Quantity(
        "moment",
        "Raw or absolute moment of the stationary law.",
        ("order", "absolute", "observable", *_CHUNKS),
        ("order",),
        multivariate=True,
    ),
    Quantity(
        "mean-exit-time",
        "Mean first-passage time to one or two boundaries.",
        (*_EXIT, "exit_region", "importance", *_CHUNKS),
        ("start",),
        multivariate=True,
    ),
    Quantity(
        "sharpness-ratio",
        "Escape time of the flatter minimum over that of the sharper one.",
        (*_RATIO, *_CHUNKS),
        ("start", "exit", "flatter"),
    ),
    Quantity(
        "sgd-exit-time",
        "Mean time (η·updates) in which SGD on the samples of a file leaves.",
        (*_BATCHES, "eta", "variable", "set", *_EXIT, "exit_region", *_CHUNKS),
        ("sample_loss", "data", "eta", "start"),
        model=False,
        multivariate=True,
        discrete=True,
    ),
    Quantity(
        "trajectories",
        "States of single paths at equal times, written to a file.",
        ("start", "until", "every"),
        ("start", "until", "dt"),
        multivariate=True,
        recorded=True,
    ),
)
"""The quantities of `simulate`."""


_OBSERVED = ("observations", "column", "series", "discard", "independent", "level")

INFER = _table(
    Quantity(
        "goodness-of-fit",
        "Whether observed values can be ones of the model's stationary law.",
        _OBSERVED,
        ("observations",),
        inferred=True,
    ),
    Quantity(
        "tail-index",
        "Tail index of observed values with an interval, and whether it can be the model's.",
        (*_OBSERVED, "tail"),
        ("observations",),
        inferred=True,
    ),
    Quantity(
        "scaling",
        "Whether mean exit times grow as a power of the barrier or exponentially.",
        ("observations", "law", "level"),
        ("observations",),
        model=False,
        inferred=True,
    ),
)
"""The tests of `infer`."""


def options_of(quantity: Quantity, *, simulated: bool) -> list[Option]:
    """The options a quantity's command accepts, in the order in which help shows them."""
    names = [
        *(MODEL_OPTIONS if quantity.model else ()),
        *(("variables",) if quantity.multivariate else ()),
        *quantity.options,
        *_numbers(quantity, simulated),
    ]
    return [option for name, option in OPTIONS.items() if name in names]


def _numbers(quantity: Quantity, simulated: bool) -> tuple[str, ...]:
    if quantity.inferred:
        return ("json",)
    if quantity.recorded:
        return _RECORDING
    if quantity.discrete:
        return _DESCENT
    return _SAMPLING if simulated else _PRECISION
