"""Any loss and noise of the grammar: an enclosure at two precisions, or one clear refusal.

Models are sums of the functions that losses are made of, drawn from a fixed seed. What is tested
here is the boundary: no internal error, and no two answers, whatever a user combines.
"""

import random

import pytest

import exitlaw
from numerics.eigenvalues import Spectrum
from numerics.errors import ComputationError

TERMS = (
    "w**2/2", "w**4/4 - w**2/2", "abs(w)", "exp(w)", "exp(-w)", "exp(-w**2)", "log(1 + w**2)",
    "tanh(w)", "tanh(w)**2", "atan(w)", "cos(w)", "cos(3*w)/2", "sqrt(1 + w**2)", "1/(1 + w**2)",
    "w", "log(1 + exp(w))", "log(1 + exp(-2*w))", "log(cosh(w))", "w**3/3",
    "piecewise(w**2/2, abs(w) < 1, abs(w) - 1/2)", "w*sin(w)", "w**2*exp(-w)", "w*atan(w)",
    "sinh(w)", "cosh(w/2)", "abs(w)**3", "w/(1 + w**2)",
)  # fmt: skip
NOISES = (
    "1", "1 + w**2", "1 + w**2/4 + w/2", "2 + cos(w)", "1 + exp(-w**2)", "exp(w)/(1 + exp(w))**2",
    "1 + exp(w)", "w**2", "1 + abs(w)", "1/(1 + w**2)", "sqrt(1 + w**2)", "1 + w**4", "exp(-w)",
    "1 + tanh(w)/2", "w", "(1 + w**2)**(3/4)", "1 + log(1 + w**2)", "piecewise(1, w < 0, 2)",
)  # fmt: skip
QUANTITIES = (
    ("mean_exit_time", {"start": "1/2", "exit": "1"}),
    ("mean_exit_time", {"start": "1/2", "exit": "1", "exit_below": "-1"}),
    ("mean_exit_time", {"start": "1/2", "exit_below": "-1"}),
    ("exit_probability", {"start": "1/2", "exit": "1", "exit_below": "-1"}),
    ("stationary_density", {"at": "1/2"}),
    ("moment", {"order": 2}),
    ("cumulative", {"at": "1/3"}),
    ("spectrum", {"count": 2}),
    ("tail_index", {}),
)
CASES = 160


@pytest.mark.slow
@pytest.mark.parametrize("case", range(CASES))
def test_a_number_or_a_refusal(case: int):
    """The enclosures at 8 and at 16 digits overlap, and have their digits."""
    draw = random.Random(case)
    terms = draw.sample(TERMS, draw.choice((1, 2, 2, 3)))
    loss = " + ".join(f"{draw.choice(('1', '1/2', '2'))}*({term})" for term in terms)
    made = exitlaw.Diffusion.from_loss(
        loss,
        draw.choice(NOISES),
        eta=draw.choice(("1/10", "1/2", "2")),
        interpretation=draw.choice(("ito", "stratonovich", "anti-ito")),
    )
    quantity, arguments = draw.choice(QUANTITIES)
    try:
        rough, fine = (
            getattr(made, quantity)(**arguments, digits=digits, method="arb") for digits in (8, 16)
        )
    except ComputationError:
        return  # which has a message of three parts, by its constructor
    pairs = [(rough, fine)]
    if isinstance(rough, Spectrum):
        pairs = list(zip(rough.eigenvalues, fine.eigenvalues, strict=True))
    for wide, narrow in pairs:
        assert wide.overlaps(narrow)
        assert wide.certain_digits() >= 8 or wide.is_zero
