"""Models: what they hold, what they refuse."""

from fractions import Fraction

import pytest
import sympy
from sympy import Rational, Symbol

from theory.diffusion import Diffusion, DiffusionND, as_expression, parse_interpretation
from theory.errors import InputError

w = Symbol("w", real=True)
x, y = sympy.symbols("x y", real=True)


def test_everything_is_exact_and_derived_from_loss_and_noise() -> None:
    model = Diffusion.from_loss(
        "(w**2-1)**2/4", "1 + w**2", eta=0.05, interpretation="stratonovich"
    )
    assert model.eta == Rational(1, 20)
    assert model.theta == Rational(1, 2)
    assert model.s == Rational(1, 2)
    assert sympy.expand(model.drift - (w - w**3)) == 0
    assert sympy.expand(model.D - (1 + w**2) / 40) == 0
    assert sympy.expand(model.ito_drift - (w - w**3 + w / 40)) == 0
    assert model.exponent_gradient == 2 * model.gradient / (model.eta * model.noise)
    assert sympy.expand(model.curvature - (3 * w**2 - 1)) == 0


def test_from_drift_has_the_gradient_and_no_loss() -> None:
    model = Diffusion.from_drift("-w", 1, eta="1/10", interpretation=0)
    assert model.gradient == w
    assert model.loss is None


@pytest.mark.parametrize(
    ("word", "theta"),
    [
        ("ito", 0),
        ("Itô", 0),
        ("stratonovich", Rational(1, 2)),
        ("anti-ito", 1),
        ("ANTI_ITO", 1),
        ("0.25", Rational(1, 4)),
        (0.25, Rational(1, 4)),
        (Fraction(1, 3), Rational(1, 3)),
        (1, 1),
        ("sqrt(2)/2", sympy.sqrt(2) / 2),
    ],
)
def test_interpretations(word: str, theta: sympy.Expr) -> None:
    assert parse_interpretation(word) == theta


def test_floats_mean_the_decimals_they_print_as() -> None:
    assert as_expression(0.1) == Rational(1, 10)
    assert as_expression(1e-3) == Rational(1, 1000)


BASE = {"loss": "w**2/2", "noise": 1, "eta": "0.1", "interpretation": 0}


@pytest.mark.parametrize(
    ("change", "expected", "received"),
    [
        ({"eta": 0}, "eta > 0", "0"),
        ({"eta": "-1"}, "eta > 0", "-1"),
        ({"eta": float("nan")}, "a finite number", "nan"),
        ({"eta": float("inf")}, "a finite number", "inf"),
        ({"eta": "w"}, "does not depend on the state", "w"),
        ({"interpretation": "itto"}, "an interpretation", "itto"),
        ({"interpretation": "3/2"}, "theta in [0, 1]", "3/2"),
        ({"interpretation": -1}, "theta in [0, 1]", "-1"),
        ({"noise": "-1"}, "a noise C > 0", "-1"),
        ({"noise": "0"}, "a noise C > 0", "0"),
        ({"noise": True}, "a formula or a number", "True"),
        ({"loss": None}, "a formula", "NoneType"),
        ({"loss": sympy.nan}, "a finite formula", "nan"),
        ({"loss": "sqrt(-1)*w"}, "a real value", "complex"),
        ({"loss": sympy.I * w}, "a real loss", "I"),
        ({"loss": "kapa*w", "parameters": {"kappa": 2}}, "known names in the loss", "kapa"),
        ({"loss": "kappa*w", "parameters": []}, "known names in the loss", "kappa"),
        ({"parameters": {"w": 2}}, "other than the variable", "w"),
        ({"loss": "9**p", "parameters": {"p": "9**9"}}, "integer exponents", "larger"),
    ],
)
def test_refuses_with_reason(change: dict[str, object], expected: str, received: str) -> None:
    with pytest.raises(InputError) as error:
        Diffusion.from_loss(**(BASE | change))  # type: ignore[arg-type]
    assert expected in error.value.expected
    assert received in error.value.received


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean kappa\?"):
        Diffusion.from_loss(**(BASE | {"loss": "kapa*w", "parameters": {"kappa": 2}}))


def test_parameters_are_set_kept_free_or_left_alone() -> None:
    given = {"noise": "1 + p*w**2", "eta": "e0", "interpretation": 0, "loss": "w**2"}
    fixed = Diffusion.from_loss(**given, parameters={"p": "1/3", "e0": 0.1})
    assert fixed.free_parameters == ()
    assert fixed.noise == 1 + w**2 / 3
    declared = Diffusion.from_loss(**given, parameters=["p", "e0"])
    free = Diffusion.from_loss(**given)
    assert declared == free
    assert [s.name for s in free.free_parameters] == ["e0", "p"]
    assert free.subs({"p": Rational(1, 3), "e0": "0.1"}) == fixed


def test_a_variable_without_assumptions_is_the_variable() -> None:
    model = Diffusion.from_loss(Symbol("w") ** 2, 1, eta=1, interpretation=0)
    assert model.gradient == 2 * w


def test_setting_a_parameter_is_validated() -> None:
    model = Diffusion.from_loss("w**2", 1, eta="e0", interpretation="ito")
    with pytest.raises(InputError, match="eta > 0"):
        model.subs({"e0": -1})
    with pytest.raises(InputError, match="values of parameters"):
        model.subs({"w": 1})


def test_another_interpretation_of_the_same_model() -> None:
    model = Diffusion.from_loss("w**2", "1 + w**2", eta=1, interpretation=0)
    assert model.with_interpretation("anti-ito").ito_drift == model.ito_drift + w


# --- d dimensions -------------------------------------------------------------------------------


ND = {"variables": (x, y), "eta": "0.1", "interpretation": "anti-ito"}


@pytest.mark.parametrize(
    ("noise", "matrix"),
    [
        ("1 + x**2", [[1 + x**2, 0], [0, 1 + x**2]]),
        ("[1, 1 + x**2]", [[1, 0], [0, 1 + x**2]]),
        (["1", 1 + x**2], [[1, 0], [0, 1 + x**2]]),
        ("[[2, x], [x, 1 + x**2]]", [[2, x], [x, 1 + x**2]]),
        (sympy.Matrix([[2, x], [x, 1 + x**2]]), [[2, x], [x, 1 + x**2]]),
    ],
)
def test_noise_as_scalar_diagonal_or_matrix(noise: object, matrix: list[list[object]]) -> None:
    model = DiffusionND.from_loss("x**2 + y**2", noise, **ND)  # type: ignore[arg-type]
    assert model.noise == sympy.ImmutableMatrix(matrix)


def test_the_ito_drift_adds_theta_times_the_divergence() -> None:
    model = DiffusionND.from_drift("[-x, -y]", "[[1, x*y], [x*y, 1 + x**2]]", **ND)  # type: ignore[arg-type]
    assert model.divergence_D == (x / 20, y / 20)
    assert model.ito_drift == (-x + x / 20, -y + y / 20)


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        ("[1, 2, 3]", "a noise matrix"),
        ("[[1, 2], [3, 4]]", "a symmetric noise matrix"),
        ("[[1, 2], [2]]", "a noise matrix"),
        ("[1, -1]", "a noise C > 0"),
        ("[1, 2", "square brackets"),
    ],
)
def test_refuses_what_is_no_covariance_matrix(noise: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        DiffusionND.from_loss("x**2 + y**2", noise, **ND)  # type: ignore[arg-type]


def test_the_drift_has_one_component_per_variable() -> None:
    with pytest.raises(InputError, match="2 components of the drift"):
        DiffusionND.from_drift(["-x"], 1, **ND)  # type: ignore[arg-type]
