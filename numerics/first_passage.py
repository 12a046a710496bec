"""Mean first-passage times, exit probabilities and their like, certified.

Equation: `τ = ∫_{x₀}^{B} (2/η) C^{s−1}e^{Φ}(y) ∫_{−∞}^{y} C^{−s}e^{−Φ}(z) dz dy`, `Φ' = 2L'/(ηC)`,
`s = 1 − θ`, for the model `dw = −L'dt + √(ηC) ∘_θ dB`.
"""

from __future__ import annotations

import math
from typing import Literal

from flint import arb, ctx

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError
from numerics.evaluators import evaluate_arb
from numerics.landscape import Point, cover, point_ball, reach_left
from numerics.local import End
from numerics.lowering import Model
from numerics.panels import core_program, mirrored
from numerics.precision import until_certain
from numerics.sweep import EXIT_TIME, execute, plan

Method = Literal["both", "arb", "mpmath"]


def mean_exit_time(
    model: Model,
    start: Point,
    *,
    exit_above: Point | None = None,
    exit_below: Point | None = None,
    digits: int = 15,
    method: Method = "both",
) -> Enclosure:
    """The mean first time at which the state leaves (exit_below, exit_above)."""
    program = core_program(model)

    def compute(accuracy: float) -> arb:
        with ctx.workprec(math.ceil(accuracy / math.log(2)) + 40):
            rate = 2 / evaluate_arb(model.eta)[0]
            x, b = point_ball(start), point_ball(exit_above)
            reach = reach_left(program, End(-1), x, EXIT_TIME, 1, rate, accuracy)
            right = cover(program, x, b)
            panels = [*reach.panels, *right]
            active = [1] * len(reach.panels) + [2] * len(right)
            states = [reach.states[0], arb(0)]
            initial = [float(states[0].abs_upper().log()), -math.inf]
            steps = plan(panels, active, EXIT_TIME, accuracy, initial, rate)
            sweep = execute(steps, EXIT_TIME, rate, states, accuracy)
            return sweep.states[1]

    return until_certain(compute, digits)
