"""Real zeros are all found, none is invented, and those that cannot be isolated are refused."""

from __future__ import annotations

import pytest
import sympy
from certified_models import w
from flint import arb, ctx

from numerics.errors import ComputationError
from numerics.local import End
from numerics.lowering import lower
from numerics.roots import real_roots

LEFT, RIGHT = End(-1), End(1)


@pytest.mark.parametrize(
    ("formula", "low", "high", "expected"),
    [
        (w**2 - 2, LEFT, RIGHT, [-sympy.sqrt(2), sympy.sqrt(2)]),
        (w**2 - 2, arb(0), RIGHT, [sympy.sqrt(2)]),
        (w**2 + 1, LEFT, RIGHT, []),
        (w * (w - 3), arb(0), arb(5), [3]),
        (1 / w - 1, LEFT, RIGHT, [0, 1]),
        (sympy.sin(w), arb(1), arb(10), [sympy.pi, 2 * sympy.pi, 3 * sympy.pi]),
        (sympy.sqrt(1 + w**2) - 2, LEFT, RIGHT, [-sympy.sqrt(3), sympy.sqrt(3)]),
        (sympy.exp(w) - 2, arb(-5), arb(5), [sympy.log(2)]),
    ],
)
def test_known_zeros(formula, low, high, expected) -> None:
    with ctx.workprec(200):
        found = [root.ball() for root in real_roots(lower(formula, [w]), low, high)]
        assert len(found) == len(expected)
        for ball, exact in zip(found, expected, strict=True):
            assert ball.overlaps(arb(str(sympy.N(exact, 80))))
            assert ball.rad() < 1e-50


def test_double_zeros_of_polynomials_keep_the_sign() -> None:
    (root,) = real_roots(lower(w * (w - 1) ** 2, [w]), arb(0), arb(3))
    assert not root.simple


def test_double_zeros_of_other_functions_are_refused() -> None:
    with pytest.raises(ComputationError, match="could not be isolated"):
        real_roots(lower(1 - sympy.cos(w), [w]), arb(-1), arb(1))


def test_infinitely_many_switches_are_refused() -> None:
    with pytest.raises(ComputationError, match="number is finite"):
        real_roots(lower(sympy.sin(w), [w]), LEFT, arb(0))
