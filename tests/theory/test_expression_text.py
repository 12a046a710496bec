"""Expressions written back as text of the grammar."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import InputError
from theory.expression_text import expression_text
from theory.expressions import parse_condition, parse_expression

LEAVES = st.one_of(
    st.sampled_from(["w", "p", "sigma_g", "pi", "E"]),
    st.integers(min_value=0, max_value=50).map(str),
    st.decimals(min_value=0, max_value=10, places=2).map(str),
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})/(1 + ({t[1]})**2)"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"(1 + ({t[0]})**2)**{t[1]}"),
        st.tuples(st.sampled_from(["sin", "cosh", "tanh", "atan", "asinh", "abs"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        inner.map(lambda t: f"exp(-({t})**2)"),
        inner.map(lambda t: f"sqrt(1 + ({t})**2)"),
        st.tuples(inner, inner, inner).map(lambda t: f"piecewise({t[0]}, w < {t[1]}, {t[2]})"),
    )


@settings(deadline=None, max_examples=200)
@given(st.recursive(LEAVES, _compound, max_leaves=12))
def test_text_reads_back_as_the_same_expression(text: str) -> None:
    try:
        expression = parse_expression(text)
    except InputError:
        return
    assert parse_expression(expression_text(expression)) == expression


@pytest.mark.parametrize("text", ["w < 1", "w <= -1 or w >= 1", "(w < 0 or w > 1) and p < 2"])
def test_conditions_read_back(text: str) -> None:
    condition = parse_condition(text)
    assert parse_condition(expression_text(condition)) == condition


def test_what_the_grammar_cannot_say_is_refused() -> None:
    with pytest.raises(InputError, match="expression of the grammar"):
        expression_text(sympy.gamma(sympy.Symbol("m")))
