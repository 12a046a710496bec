"""One pass over the panels: nested integrals of speed and scale density, normalised as they go.

A `Stage` is one integral `X_i(y) = X_i(start) + ∫ kernel · Π X_j`, its kernel the speed density p
or the scale density `(2/η)/(Cp)`, its factors earlier stages. All integrands are positive: nothing
cancels. Every state is kept relative to the power of p(y) that it scales with, so that a barrier of
any height needs no more digits than a flat landscape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from flint import arb, arb_series, ctx

from numerics.core import Core
from numerics.discs import DiscSeries, exp_ball, log_sum, log_sum_all, log_upper, up
from numerics.errors import ComputationError
from numerics.panels import STABLE_TERMS, Expansion, Panel, halves

Kernel = Literal["speed", "scale"]


@dataclass(frozen=True)
class Stage:
    """`X' = kernel · |x|^power · Σ Π X_j`; each term lists the earlier stages of a product."""

    kernel: Kernel
    terms: tuple[tuple[int, ...], ...] = ((),)
    power: int = 0


MASS = (Stage("speed"),)
"""∫p."""

EXIT_TIME = (Stage("speed"), Stage("scale", ((0,),)))
"""P = ∫p and τ = ∫ P/(Dp)."""


def cumulant_stages(order: int) -> tuple[Stage, ...]:
    """Stages whose last is the cumulant of the exit time of that order, divided by order!.

    `−log E e^(−λτ) = ∫ (2/η)/(Cp) ρ` with `ρ' = λp − (2/η)/(Cp) ρ²`, expanded in λ: with
    `ρ = Σ (−1)^(n−1) λⁿ ρ_n`, `ρ_1 = ∫p` and `ρ_n' = (2/η)/(Cp) Σ ρ_i ρ_(n−i)`: all terms positive.
    """
    densities = [Stage("speed")]
    for n in range(2, order + 1):
        densities.append(Stage("scale", tuple((i, n - 2 - i) for i in range(n - 1))))
    return (*densities, Stage("scale", ((order - 1,),)))


HIGHEST = 1e13
"""The largest variation of log p that is planned in doubles, to a thousandth."""

COARSE = 20.0
"""Where bounds from above may overstate the result by more than this in the exponent, bounds from
below are made as well to judge what is negligible."""

STEEP = 100.0
"""A panel across which log p varies by this much more than the accuracy is split: part of it is not
needed, and terms times precision grow like the square of the variation."""


def degrees(stages: Sequence[Stage]) -> list[int]:
    """The power of p that each stage scales with."""
    result: list[int] = []
    for stage in stages:
        own = 1 if stage.kernel == "speed" else -1
        result.append(own + sum(result[f] for f in stage.terms[0]))
    return result


def kernel_counts(stages: Sequence[Stage], computed: Sequence[int] | None = None) -> list[int]:
    """How many kernels are nested in each stage: how often bounds of p multiply.

    Stages that are not `computed` count as constants.
    """
    result: list[int] = []
    for index, stage in enumerate(stages):
        nested = 1 + max(sum(result[f] for f in term) for term in stage.terms)
        result.append(nested if computed is None or index in computed else 0)
    return result


@dataclass
class Step:
    """A panel in a sweep: which stages run on it, and how much accuracy it needs."""

    panel: Panel
    active: int
    """Stages below this index run here; the others start further right."""
    level: float = 0.0
    """u at the left end relative to the start of the sweep, a double"""
    series: tuple[int, ...] | None = None
    """The stages that are computed; the others are bounded by the ranges of u. None: all active."""
    slack: float = 0.0
    """Nats of accuracy that the panel can do without, for its integrals"""
    crossing_slack: float = 0.0
    """The same for the increment of u across it"""

    @property
    def computed(self) -> tuple[int, ...]:
        """The stages computed by series here."""
        return tuple(range(self.active)) if self.series is None else self.series

    def kernels(self, stages: Sequence[Stage]) -> int:
        """How many kernels are nested in a stage computed here; constant stages hold none."""
        counts = kernel_counts(stages, self.computed)
        return max((counts[i] for i in self.computed), default=0)


@dataclass
class _Rung:
    """Logarithms of bounds on one part of a panel: integrals of the kernels, |x|, the stages."""

    speed: float
    scale: float
    position: float
    states: list[float]
    """Bounds of the stages anywhere on the part"""
    gains: list[float]
    """Bounds of what the stages gained from the left end of the panel to that of the part"""

    def kernel(self, stage: Stage) -> float:
        """∫ kernel |x|^power over the part."""
        own = self.speed if stage.kernel == "speed" else self.scale
        return own + stage.power * self.position


@dataclass
class Sweep:
    """The states at the current point, `X_i / p(point)**degree_i`."""

    core: Core
    stages: Sequence[Stage]
    states: list[arb]
    degree: list[int] = field(init=False)
    log_rise: arb = field(init=False)
    """u(current point) − u(first point)"""

    def __post_init__(self) -> None:
        self.degree = degrees(self.stages)
        self.log_rise = arb(0)
        self.rate = self.core.rate

    def run(self, step: Step, accuracy: float) -> None:
        """Carry the states across one panel."""
        panel = step.panel
        if panel.before is not None:
            jump = self.core.jump(panel.before, panel.program, panel.left)
            self.states = [
                x / jump**d if d else x for x, d in zip(self.states, self.degree, strict=True)
            ]
            self.log_rise += jump.log()
        if step.computed:
            self._integrate(step, accuracy)
        else:
            self._bound(step, accuracy)

    def _integrate(self, step: Step, accuracy: float) -> None:
        panel = step.panel
        kernels = step.kernels(self.stages)
        goal = accuracy - step.slack
        terms, radius = panel.order(goal, kernels)
        crossing = panel.crossing_order(accuracy - step.crossing_slack)
        terms = max(terms, crossing)
        saved = ctx.prec
        # Within a panel, terms of size e^variation cancel down to e^-variation.
        ctx.prec = working_bits(accuracy, panel, terms)
        try:
            # 2/η at this precision: its radius enters every coefficient, and those cancel.
            expansion = panel.expansion(terms, radius, self.core.rate)
            left, right = panel.left - panel.centre, panel.right - panel.centre
            start, end = expansion.u.at(left), expansion.u.at(right)
            at_left = [x * (d * start).exp() for x, d in zip(self.states, self.degree, strict=True)]
            at_right = list(at_left)
            functions: list[DiscSeries] = []
            errors: list[float] = []
            ladder = self._ladder(panel, step.active, at_left, float(start))
            for index, stage in enumerate(self.stages[: step.active]):
                if index not in step.computed:
                    # Constant on the panel, up to a bound of what it gains.
                    gain = ladder[-1].gains[index]
                    at_right[index] = at_left[index] + positive_ball(gain)
                    middle = arb(at_left[index].mid())
                    constant = arb_series([middle], terms)
                    functions.append(DiscSeries(constant, radius, log_upper(middle)))
                    errors.append(log_sum(log_upper(at_left[index].rad()), gain))
                    continue
                integral = self._integrand(
                    expansion, stage, functions, step.computed
                ).antiderivative()
                low, high = integral.at(left), integral.at(right)
                # What earlier stages do not know must not enter a series: term by term it would
                # be multiplied by the sum of all |coefficients|.
                passed_on = self._passed_on(stage, errors, ladder)
                at_right[index] = at_left[index] + (high - low) + exp_ball(passed_on)
                constant = at_left[index] - low
                functions.append(integral.plus_constant(arb(constant.mid())))
                errors.append(log_sum(log_upper(constant.rad()), passed_on))
            self.states = [x * (-d * end).exp() for x, d in zip(at_right, self.degree, strict=True)]
            self.log_rise += end - start
        finally:
            ctx.prec = saved

    def _whole_rung(self, panel: Panel, active: int, states: list[float], start: float) -> _Rung:
        profile = panel.profile
        extra = panel.inverse_noise_bound + log_upper(self.rate)
        rung = _Rung(
            up(start + profile.speed_scale + math.log(sum(profile.speed))),
            up(extra - start + profile.scale_scale + math.log(sum(profile.scale))),
            log_largest(panel),
            states,
            [-math.inf] * len(states),
        )
        for index, stage in enumerate(self.stages[:active]):
            gained = rung.kernel(stage) + _log_products(stage, rung.states)
            rung.states[index] = log_sum(rung.states[index], gained)
            rung.gains[index] = gained
        return rung

    def _passed_on(self, stage: Stage, errors: Sequence[float], ladder: Sequence[_Rung]) -> float:
        """log of a bound of what the errors (logs) of the factors do to a stage on the panel.

        `|Π c − Π m| <= Σ_i |c_i − m_i| Π_{j≠i} sup f_j`, part by part of the panel.
        """
        total = -math.inf
        for rung in ladder:
            for term in stage.terms:
                for place, i in enumerate(term):
                    others = sum(
                        log_sum(rung.states[f], errors[f])
                        for at, f in enumerate(term)
                        if at != place
                    )
                    total = log_sum(total, errors[i] + others + rung.kernel(stage))
        return total if total == -math.inf else up(total)

    def _ladder(
        self, panel: Panel, active: int, at_left: Sequence[arb], start: float
    ) -> list[_Rung]:
        """Bounds of kernels and stages on the parts of the panel, relative to p(c) = 1."""
        size = math.log(panel.width / len(panel.ranges))
        extra = panel.inverse_noise_bound + log_upper(self.rate)
        states = [log_upper(x) for x in at_left]
        if all(len(term) <= 1 for stage in self.stages[:active] for term in stage.terms):
            # One rung: without products of stages nothing is gained by smaller parts.
            return [self._whole_rung(panel, active, states, start)]
        gains = [-math.inf] * len(states)
        rungs: list[_Rung] = []
        for low, high in panel.ranges:
            rung = _Rung(
                up(start + high + size),
                up(extra - start - low + size),
                log_largest(panel),
                list(states),
                list(gains),
            )
            for index, stage in enumerate(self.stages[:active]):
                gained = rung.kernel(stage) + _log_products(stage, rung.states)
                rung.states[index] = log_sum(rung.states[index], gained)
                rung.gains[index] = log_sum(rung.gains[index], gained)
            states, gains = rung.states, rung.gains
            rungs.append(rung)
        return rungs

    def _integrand(
        self,
        expansion: Expansion,
        stage: Stage,
        functions: Sequence[DiscSeries],
        computed: Sequence[int],
    ) -> DiscSeries:
        """kernel · |x|^power · Σ Π of earlier stages."""
        if (
            stage.kernel == "scale"
            and self._multiplies_mass(stage)
            and stage.terms[0][0] in computed
        ):
            return expansion.scale_times_mass(functions[stage.terms[0][0]])
        integrand = expansion.speed if stage.kernel == "speed" else expansion.scale
        if stage.power:
            integrand = integrand * _absolute_power(expansion.panel, stage.power, expansion.radius)
        product = _sum_of_products(stage, functions)
        return integrand if product is None else integrand * product

    def _multiplies_mass(self, stage: Stage) -> bool:
        """Whether the stage integrates (scale density)·∫p."""
        if stage.power or len(stage.terms) != 1 or len(stage.terms[0]) != 1:
            return False
        return self.stages[stage.terms[0][0]] == Stage("speed")

    def _bound(self, step: Step, accuracy: float) -> None:
        panel = step.panel
        terms = panel.crossing_order(accuracy - step.crossing_slack)
        saved = ctx.prec
        size = math.log2(
            1 + abs(panel.rise) + panel.width * math.exp(min(panel.slope_bound, 600.0))
        )
        ctx.prec = math.ceil(accuracy / math.log(2) + size) + 30
        try:
            u = panel.log_density(terms)
            rise = u.at(panel.right - panel.centre) - u.at(panel.left - panel.centre)
            ladder = self._ladder(panel, step.active, self.states, 0.0)
            states = [
                x + positive_ball(gain)
                for x, gain in zip(self.states, ladder[-1].gains, strict=True)
            ]
            self.states = [x * (-d * rise).exp() for x, d in zip(states, self.degree, strict=True)]
            self.log_rise += rise
        finally:
            ctx.prec = saved


def _sum_of_products(stage: Stage, functions: Sequence[DiscSeries]) -> DiscSeries | None:
    """Σ Π of the earlier stages, or None for the empty product."""
    if stage.terms == ((),):
        return None
    total: DiscSeries | None = None
    for term in stage.terms:
        product = functions[term[0]]
        for factor in term[1:]:
            product = product * functions[factor]
        total = product if total is None else total + product
    return total


def _log_products(stage: Stage, logs: Sequence[float]) -> float:
    """log Σ Π from the logarithms of the earlier stages."""
    values = [sum(logs[f] for f in term) for term in stage.terms]
    return values[0] if len(values) == 1 else log_sum_all(values)


def _absolute_power(panel: Panel, power: int, radius: float) -> DiscSeries:
    """|x|^power on a panel on which x keeps its sign."""
    x = arb_series([panel.centre, arb(1)])
    size = math.log(float(abs(panel.centre).upper()) + radius)
    return DiscSeries((x if panel.centre > 0 else -x) ** power, radius, up(power * size))


def log_largest(panel: Panel) -> float:
    """log of the largest |x| on the panel."""
    return math.log(float(abs(panel.centre).upper()) + panel.half)


def log_density_rise(core: Core, panels: Sequence[Panel], accuracy: float) -> arb:
    """u(last right end) − u(first left end)."""
    sweep = Sweep(core, (), [])
    for panel in panels:
        sweep.run(Step(panel, 0), accuracy)
    return sweep.log_rise


def working_bits(accuracy: float, panel: Panel, terms: int) -> int:
    """Bits for a panel: the accuracy, what cancels inside, and what Newton's iteration loses.

    FLINT exponentiates series by a stable recurrence up to a length, beyond it by doublings; each
    doubling multiplies the radii by up to e^(2 variation).
    """
    inside = panel.variation(min(panel.half, 0.9 * panel.radius))
    doublings = 0
    if not panel.exponential_by_recurrence(terms):
        doublings = max(0, math.ceil(math.log2(terms / STABLE_TERMS)))
    lost = panel.lost_bits(terms)
    if lost > terms:
        lost = 0.0  # the recurrence is not used
    return math.ceil((accuracy + (3 + 2 * doublings) * inside) / math.log(2) + lost) + 30


def positive_ball(log_bound: float) -> arb:
    """[0, exp(log_bound)]."""
    ball = exp_ball(log_bound - math.log(2) + 1e-9)
    return ball + arb(ball.rad()).upper() if ball.is_finite() else ball


def plan(
    panels: Sequence[Panel],
    start_active: Sequence[int],
    stages: Sequence[Stage],
    accuracy: float,
    initial: Sequence[float],
    rate: arb,
) -> list[Step]:
    """Decide on which panels integrals are computed, splitting panels where that is cheaper.

    `initial` holds the logarithms of the states at the left end (estimates).
    """
    steps = [Step(p, a) for p, a in zip(panels, start_active, strict=True)]
    while steps:
        _weigh(steps, stages, accuracy, initial, rate)
        refined: list[Step] = []
        changed = False
        for step in steps:
            parts = _split(step, stages, accuracy)
            changed |= parts is not None
            refined.extend(parts if parts is not None else [step])
        if not changed:
            break
        steps = refined
    return steps


def _weigh(
    steps: Sequence[Step],
    stages: Sequence[Stage],
    accuracy: float,
    initial: Sequence[float],
    rate: arb,
) -> None:
    """Set levels and slacks: what each panel may miss without harm to the last stage."""
    count = len(stages)
    level = 0.0
    for step in steps:
        step.level = level
        level += step.panel.rise
    highest_level = max(abs(step.level) for step in steps)
    if highest_level > HIGHEST:
        raise too_steep(highest_level)
    log_rate = log_upper(rate)
    highest = _forward(steps, stages, initial, log_rate)
    # The bounds overstate both peaks by up to half the range of u on the parts that hold them.
    overstated = (_peak_width(steps, 1) + _peak_width(steps, -1)) / 2
    final = highest.states[-1][-1] - overstated
    if overstated > COARSE:
        lowest = _forward(steps, stages, initial, log_rate, below=True)
        final = max(final, lowest.states[-1][-1])
    influence = [-math.inf] * (count - 1) + [0.0]
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        before, kernels = highest.states[index], highest.kernels[index]
        after = highest.states[index + 1]
        passing = max((before[i] + influence[i] for i in range(count)), default=-math.inf)
        # Within the panel a stage also feeds the later stages of the same panel.
        inner = list(influence)
        for k in range(step.active - 1, -1, -1):
            for term in stages[k].terms:
                for place, i in enumerate(term):
                    others = sum(after[f] for at, f in enumerate(term) if at != place)
                    inner[i] = _log_add(inner[i], inner[k] + kernels[k] + others)
        made = [highest.increments[index][i] + inner[i] for i in range(step.active)]
        for i in range(count):
            passing = max(passing, before[i] + inner[i])
        step.slack = max(0.0, final - max(made, default=-math.inf))
        step.crossing_slack = max(0.0, final - max([passing, *made]))
        threshold = accuracy + math.log(len(steps) * count) + 2
        step.series = tuple(i for i, size in enumerate(made) if final - size < threshold)
        influence = inner


def too_steep(variation: float) -> ComputationError:
    """Levels of log p that doubles do not resolve: nothing could be told to be negligible."""
    return ComputationError(
        f"a landscape on which the logarithm of the density varies by less than {HIGHEST:.0e}",
        f"one on which it varies by about {variation:.3g} (the loss over η times the noise)",
        "give a larger η or a lower barrier",
    )


@dataclass
class _Forward:
    states: list[list[float]]
    increments: list[list[float]]
    kernels: list[list[float]]


def _peak_width(steps: Sequence[Step], sign: int) -> float:
    """The range of u on the part with the highest (or lowest) u."""
    return max(
        (sign * step.level + max(sign * low, sign * high), high - low)
        for step in steps
        for low, high in step.panel.ranges
    )[1]


def _forward(
    steps: Sequence[Step],
    stages: Sequence[Stage],
    initial: Sequence[float],
    log_rate: float,
    *,
    below: bool = False,
) -> _Forward:
    """Logarithms of bounds (in doubles) of the unnormalised states at the panel ends."""
    states, increments, kernels = [list(initial)], [], []
    for step in steps:
        current, gained, totals = _panel_growth(step, stages, states[-1], log_rate, below)
        states.append(current)
        increments.append(gained)
        kernels.append(totals)
    return _Forward(states, increments, kernels)


def _panel_growth(
    step: Step, stages: Sequence[Stage], start: Sequence[float], log_rate: float, below: bool
) -> tuple[list[float], list[float], list[float]]:
    """States after a panel, what they gained on it, and the integrals of their kernels.

    Part by part, in doubles relative to one scale per stage.
    """
    panel = step.panel
    profile = panel.profile_below if below else panel.profile
    scales = {
        "speed": profile.speed_scale + step.level,
        "scale": profile.scale_scale - step.level + panel.noise_scale + log_rate,
    }
    weights = {"speed": profile.speed, "scale": profile.scale}
    totals = {kernel: scales[kernel] + math.log(sum(weights[kernel])) for kernel in scales}
    position = log_largest(panel)
    current, gained = list(start), [-math.inf] * len(stages)
    offsets: list[float] = []
    functions: list[list[float]] = []
    for index, stage in enumerate(stages[: step.active]):
        sizes = [sum(offsets[f] for f in term) for term in stage.terms]
        largest = max(sizes)
        gain_scale = scales[stage.kernel] + stage.power * position + largest
        gains = [0.0] * len(panel.ranges)
        for term, size in zip(stage.terms, sizes, strict=True):
            share = math.exp(size - largest) if largest > -math.inf else 0.0
            product = [share * k for k in weights[stage.kernel]]
            for f in term:
                product = [x * y for x, y in zip(product, functions[f], strict=True)]
            gains = [x + y for x, y in zip(gains, product, strict=True)]
        total = sum(gains)
        offset = max(start[index], gain_scale)
        offsets.append(offset)
        if offset == -math.inf:
            functions.append(gains)
            continue
        begun, unit = math.exp(start[index] - offset), math.exp(gain_scale - offset)
        functions.append([begun + unit * x for x in accumulate(gains)])
        if total > 0:
            gained[index] = gain_scale + math.log(total)
        if functions[-1][-1] > 0:
            current[index] = offset + math.log(functions[-1][-1])
    return current, gained, [totals[s.kernel] + s.power * position for s in stages]


def _log_add(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _split(step: Step, stages: Sequence[Stage], accuracy: float) -> list[Step] | None:
    """Two halves in place of a panel where they need fewer terms together."""
    if not step.computed:
        return None
    kernels = step.kernels(stages)
    goal = max(accuracy - step.slack, 3.0)
    whole, _ = step.panel.order(goal, kernels)
    half, _ = step.panel.order(goal, kernels, share=0.5)
    steep = step.panel.variation(step.panel.half) > 2 * accuracy + STEEP
    if whole <= 2.2 * half + 10 and not steep:
        return None
    parts = halves(step.panel)
    return None if parts is None else [Step(p, step.active) for p in parts]


def execute(
    core: Core,
    panels: Sequence[Panel],
    active: Sequence[int],
    stages: Sequence[Stage],
    initial: Sequence[arb],
    accuracy: float,
) -> Sweep:
    """Carry the states across all panels, from their values (relative to p) at the first point.

    `active[i]` stages run on panel i: the others start further right.
    """
    logs = [log_upper(x) for x in initial]
    steps = plan(panels, active, stages, accuracy, logs, core.rate)
    sweep = Sweep(core, stages, list(initial))
    for step in steps:
        sweep.run(step, accuracy)
    return sweep
