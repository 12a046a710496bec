"""The grammar: what it accepts, what it refuses and how it says so, and that it always returns.

A tower of powers that were computed before it is refused would never return.
"""

import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sympy import Rational, Symbol

from theory.errors import InputError
from theory.expressions import (
    MAX_NODES,
    parse_assignment,
    parse_condition,
    parse_constant,
    parse_expression,
    parse_rows,
    substitute,
)

w = Symbol("w", real=True)
p = Symbol("p", real=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(w**2-1)**2/4", (w**2 - 1) ** 2 / 4),
        ("-w**2", -(w**2)),
        ("2**-w**2", 2 ** (-(w**2))),
        ("2**3**2", sympy.Integer(512)),
        ("-2**2", sympy.Integer(-4)),
        ("w - 1 - 2", w - 3),
        ("8/4/2", sympy.Integer(1)),
        ("0.05", Rational(1, 20)),
        (".5", Rational(1, 2)),
        ("5e-2", Rational(1, 20)),
        ("1.50E1", sympy.Integer(15)),
        ("pi*E", sympy.pi * sympy.E),
        ("E**w", sympy.exp(w)),
        ("sqrt(w**2 + 1)", sympy.sqrt(w**2 + 1)),
        ("abs(w)", sympy.Abs(w)),
        ("asinh(w) + atan(w)", sympy.asinh(w) + sympy.atan(w)),
        ("p*cosh(w) - tanh(w)/2", p * sympy.cosh(w) - sympy.tanh(w) / 2),
        ("piecewise(w**2, w < 0, 2*w)", sympy.Piecewise((w**2, w < 0), (2 * w, True))),
        (
            "piecewise(1, w < -1 or w > 1 and p >= 0, w <= 0, 2, 3)".replace(
                "w <= 0, 2", "2, w <= 0"
            ),
            sympy.Piecewise((1, (w < -1) | ((w > 1) & (p >= 0))), (2, w <= 0), (3, True)),
        ),
    ],
)
def test_reads_what_a_theorist_means(text: str, expected: sympy.Expr) -> None:
    assert parse_expression(text) == expected


def test_names_become_real_symbols_or_the_given_ones() -> None:
    eta = Symbol("eta", positive=True)
    assert parse_expression("eta*w", {"eta": eta}) == eta * w
    assert parse_expression("eta") == Symbol("eta", real=True)


@pytest.mark.parametrize(
    ("text", "expected", "received"),
    [
        ("", "a formula", "empty"),
        ("   ", "a formula", "empty"),
        ("(w", "balanced brackets", "position 1"),
        ("w)", "balanced brackets", "position 2"),
        ("2w", "an operator", "position 2"),
        ("w w", "an operator", "position 3"),
        ("w +", "a number, a name or a bracket", "end"),
        ("* w", "a number, a name or a bracket", "position 1"),
        ("w,w", "operator or the end", "position 2"),
        ("sqr(w)", "a function of the grammar", "position 1"),
        ("sin", "the function with its argument", "position 1"),
        ("sin(w, w)", "one argument of sin", "2 arguments"),
        ("w^2", "letters, digits", "'^' at position 2"),
        ("w = 2", "letters, digits", "'=' at position 3"),
        ("w < 1", "an expression", "condition"),
        ("(w < 1) + 1", "an expression beside", "condition"),
        ("piecewise(w)", "piecewise(value", "1 argument"),
        ("piecewise(w, w, w)", "a condition beside", "expression"),
        ("piecewise(1, piecewise(1, w < 0, 2) < 3, 4)", "without piecewise", "a piecewise"),
        ("1/0", "a nonzero divisor", "position 2"),
        ("1/(w - w)", "a nonzero divisor", "position 2"),
        ("0**-1", "a finite value", "undefined"),
        ("log(0)", "a finite value", "undefined"),
        ("tan(pi/2)", "a finite value", "undefined"),
        ("sqrt(-1)", "a real value", "complex"),
        ("(-8)**(1/3)", "a real value", "complex"),
        ("nan", "real, finite", "'nan'"),
        ("-inf", "real, finite", "'inf'"),
        ("I*w", "real, finite", "'I'"),
        ("9**9**9**9", "integer exponents", "position 5"),
        ("w**1001", "integer exponents", "larger"),
        ("((w**1000)**1000)**1000", "integer exponents", "larger"),
        ("9**(9**9*w/w)", "integer exponents", "larger"),
        ("2**(5 + w)*2**(10**9 - w)", "integer exponents", "larger"),
        ("sqrt(2)**4000", "integer exponents", "larger"),
        ("(10**900)**900", "bits", "2691000"),
        ("(2**(1000*w))**(1000/w)", "bits", "longer"),
        ("exp(10**9*log(2))", "multiples of logarithms", "larger"),
        ("abs(sin(exp(10**6)))", "constants below", "larger"),
        ("piecewise(1, exp(exp(exp(exp(10)))) > 1, 2)", "constants below", "larger"),
        ("sinh(sinh(sinh(sinh(5))))", "constants below", "larger"),
        ("w**(1/3)" + "**(1/3)" * 40, "powers inside an exponent", "6"),
        ("1e999999999999", "digits", "1e999999999999"),
        ("(" * 200 + "w" + ")" * 200, "levels of nesting", "deeper"),
        ("-" * 200 + "w", "levels of nesting", "deeper"),
        ("+".join(["w"] * 300), "nodes", "599 nodes"),
        ("w" * 20_000, "characters", "20000"),
        ("__import__('os').system('id')", "letters, digits", "position 12"),
        ("__import__(os)", "a function of the grammar", "position 1"),
    ],
)
def test_refuses_with_expectation_place_and_advice(text: str, expected: str, received: str) -> None:
    with pytest.raises(InputError) as error:
        parse_expression(text)
    assert expected in error.value.expected
    assert received in error.value.received
    assert error.value.advice


def test_names_the_nearest_function() -> None:
    with pytest.raises(InputError, match=r"did you mean sqrt\?"):
        parse_expression("sqr(w)")


def test_a_name_before_a_bracket_is_told_to_be_a_product() -> None:
    with pytest.raises(InputError, match=r"write w\*\(\.\.\.\) for a product"):
        parse_expression("w(w + 1)")


def test_the_node_limit_counts_names_numbers_operators_and_functions() -> None:
    at_limit = "+".join(["w"] * (MAX_NODES // 2))
    assert parse_expression(at_limit) == MAX_NODES // 2 * w
    with pytest.raises(InputError, match="nodes"):
        parse_expression(at_limit + "+w")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w >= 1", sympy.Ge(w, 1)),
        ("w <= -1 or w >= 1", (w <= -1) | (w >= 1)),
        ("-1 < w < 1", (w > -1) & (w < 1)),
        ("(w < 0 or w > 1) and p < 2", ((w < 0) | (w > 1)) & (p < 2)),
        ("w**2 + p**2 <= 1", sympy.Le(w**2 + p**2, 1)),
    ],
)
def test_conditions_and_regions(text: str, expected: sympy.Basic) -> None:
    assert parse_condition(text) == expected


@pytest.mark.parametrize("text", ["w", "1 + (w < 1)", "w and 1", "not w", "w == 1", "w < "])
def test_refuses_what_is_not_a_condition(text: str) -> None:
    with pytest.raises(InputError):
        parse_condition(text)


def test_constants_have_no_free_names() -> None:
    assert parse_constant("-sqrt(2)/3") == -sympy.sqrt(2) / 3
    with pytest.raises(InputError, match="free name kappa"):
        parse_constant("2*kappa")
    with pytest.raises(InputError, match="free names eta, kappa"):
        parse_constant("eta*kappa")


def test_assignments() -> None:
    assert parse_assignment("sigma_g = 1/3") == ("sigma_g", Rational(1, 3))
    for text in ("sigma_g", "2x=1", "sin=1", "nan=1", "a=b", "a=", "=1"):
        with pytest.raises(InputError):
            parse_assignment(text)


def test_rows_of_a_matrix() -> None:
    assert parse_rows("[1, 1 + x**2]") == [["1", " 1 + x**2"]]
    assert parse_rows("[[1, f(x, y)], [x, 2]]") == [["1", " f(x, y)"], ["x", " 2"]]
    for text in ("1", "[1, ]", "[[1, 2], 3]", "[1, (2]", "[1]]"):
        with pytest.raises(InputError):
            parse_rows(text)


def test_substitution_is_guarded_like_the_text() -> None:
    expression = parse_expression("9**p + w**p")
    assert substitute(expression, {p: Rational(1, 2)}) == 3 + sympy.sqrt(w)
    with pytest.raises(InputError, match="integer exponents"):
        substitute(expression, {p: sympy.Integer(9**9)})
    with pytest.raises(InputError, match="undefined"):
        substitute(parse_expression("w/p"), {p: sympy.Integer(0)})
    with pytest.raises(InputError, match="complex"):
        substitute(parse_expression("w*sqrt(p)"), {p: sympy.Integer(-1)})


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=200))
@example("9" * 400 + "**" + "9" * 400)
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refuse(text)


PIECES = st.sampled_from(
    """w p 2 9 0 1000 0.5 1e9 pi E + - * / ** ( ) , < <= > >= and or
    sqrt( exp( log( sin( abs( piecewise( nan ^ =""".split()  # noqa: SIM905
)


@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, max_size=25))
@example(["9", "**", "9", "**", "9"])
@example(["exp(", "9", "**", "9", "*", "log(", "9", ")", ")"])
def test_any_sequence_of_tokens_is_read_or_refused(pieces: list[str]) -> None:
    _read_or_refuse(" ".join(pieces))


def _read_or_refuse(text: str) -> None:
    """Either real, finite and printable, or an InputError; never another exception."""
    for parse in (parse_expression, parse_condition):
        try:
            value = parse(text)
        except InputError:
            continue
        assert not value.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I)
        assert str(value)
