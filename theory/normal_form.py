"""Exact zero test: expressions as rational functions of independent generators, in FLINT.

An expression is rewritten by identities that hold for all values of its symbols (under their
assumptions) as a rational function of generators: symbols, roots, powers with symbolic exponents,
exponentials, logarithms, gamma functions, unevaluated operations. Roots obey their algebraic
relation. If the numerator is the zero polynomial the expression is identically zero; if it is not,
nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import Any

import sympy
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy.functions.elementary.hyperbolic import HyperbolicFunction
from sympy.functions.elementary.trigonometric import TrigonometricFunction

MAX_INTEGER_POWER = 200
"""A larger explicit power becomes a generator of its own rather than a huge polynomial."""


def is_zero(expression: Any) -> bool:
    """Whether the expression is shown to be identically 0 where it is defined."""
    e = sympy.sympify(expression)
    if not isinstance(e, sympy.Expr) or e.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        return False
    if e.is_Rational or e.is_Symbol:
        return e == 0
    if e.has(sympy.Piecewise):
        return _piecewise_is_zero(e)
    return _numerator_is_zero(_prepared(e))


def equal(left: Any, right: Any) -> bool:
    """Whether the difference is shown to be identically 0."""
    return is_zero(sympy.sympify(left) - sympy.sympify(right))


def is_antiderivative(primitive: Any, integrand: Any, variable: sympy.Symbol) -> bool:
    """Whether d primitive / d variable = integrand, by exact normal form."""
    return equal(sympy.diff(sympy.sympify(primitive), variable), integrand)


def _piecewise_is_zero(expression: sympy.Expr) -> bool:
    folded = sympy.piecewise_fold(expression)
    if not isinstance(folded, sympy.Piecewise):
        return is_zero(folded)
    return all(is_zero(value) for value, _ in folded.args)


# --- rewriting ----------------------------------------------------------------------------------


def _prepared(expression: sympy.Expr) -> sympy.Expr:
    """Hyperbolic functions as exponentials, tan as sin/cos, factorials and Beta as gamma."""
    e = expression.doit(deep=False) if isinstance(expression, sympy.Derivative) else expression
    e = e.replace(
        lambda n: isinstance(n, HyperbolicFunction | sympy.sech | sympy.csch),
        lambda n: n.rewrite(sympy.exp),
    )
    e = e.replace(
        lambda n: isinstance(n, sympy.tan | sympy.cot | sympy.sec | sympy.csc),
        lambda n: n.rewrite(sympy.cos) if isinstance(n, sympy.sec) else _by_sine(n),
    )
    e = e.replace(
        lambda n: isinstance(n, sympy.beta | sympy.factorial | sympy.binomial | sympy.ff),
        lambda n: n.rewrite(sympy.gamma),
    )
    if e.has(TrigonometricFunction):
        e = sympy.expand_trig(e)
    return e


def _by_sine(node: Any) -> sympy.Expr:
    (x,) = node.args
    if isinstance(node, sympy.tan):
        return sympy.sin(x) / sympy.cos(x)
    if isinstance(node, sympy.cot):
        return sympy.cos(x) / sympy.sin(x)
    return 1 / sympy.sin(x)


def _numerator_is_zero(expression: sympy.Expr) -> bool:
    """Generators are collected in a first pass, arithmetic is done in a second."""
    table = _Generators()
    table.visit(expression)
    arithmetic = _Arithmetic(table)
    numerator, _ = arithmetic.value(expression)
    return arithmetic.reduced(numerator) == 0


class _Base:
    """A base of non-integer powers: positive factors are split off, the rest stays whole."""

    def __init__(self, expression: sympy.Expr) -> None:
        self.factors: list[tuple[sympy.Expr, int]] = []
        rest = sympy.S.One
        for factor, power in _factors(expression):
            if factor.is_positive:
                self.factors.append((factor, power))
            else:
                rest *= factor**power
        if rest != 1:
            if rest.is_Number and rest.is_negative and rest != -1:
                self.factors.append((-rest, 1))
                rest = sympy.S.NegativeOne
            self.factors.append((rest, 1))


def _factors(expression: sympy.Expr) -> list[tuple[sympy.Expr, int]]:
    """Irreducible factors with powers; rational numbers into primes; opaque parts stay whole."""
    found: dict[sympy.Expr, int] = {}

    def put(factor: sympy.Expr, power: int) -> None:
        found[factor] = found.get(factor, 0) + power

    def number(value: sympy.Rational, sign: int) -> None:
        if value < 0:
            put(sympy.S.NegativeOne, sign)
        for prime, power in sympy.factorint(abs(value.p)).items():
            put(sympy.Integer(prime), sign * power)
        for prime, power in sympy.factorint(value.q).items():
            put(sympy.Integer(prime), -sign * power)

    if expression.is_Rational and expression != 0:
        number(expression, 1)
        return list(found.items())
    try:
        above, below = sympy.fraction(sympy.together(expression))
        for part, sign in ((above, 1), (below, -1)):
            constant, factors = sympy.factor_list(part)
            pieces = [(constant, 1), *factors]
            for factor, power in pieces:
                if factor.is_Rational:
                    if factor != 1:
                        number(factor**power, sign)
                elif factor.is_Mul:
                    for piece in factor.args:
                        put(piece, sign * power)
                else:
                    put(factor, sign * power)
    except (sympy.PolynomialError, NotImplementedError):
        return [(expression, 1)]
    return [(f, p) for f, p in found.items() if p != 0]


def _monomials(expression: sympy.Expr) -> list[tuple[Fraction, sympy.Expr]]:
    """The expanded expression as Σ rational * monomial (monomial 1 for the constant)."""
    expanded = sympy.expand(_canonical(expression))
    result = []
    for term in sympy.Add.make_args(expanded):
        coefficient, rest = term.as_coeff_Mul(rational=True)
        result.append((Fraction(int(coefficient.p), int(coefficient.q)), rest))
    return result


def _canonical(expression: sympy.Expr) -> sympy.Expr:
    """The same value, with equal rational functions written alike."""
    if not expression.args:
        return expression
    try:
        above, below = sympy.fraction(sympy.cancel(sympy.together(expression)))
    except (sympy.PolynomialError, NotImplementedError):
        return expression
    if below.is_Number or not below.free_symbols:
        return sympy.expand(above / below)
    return sympy.Add(*(term / below for term in sympy.Add.make_args(sympy.expand(above))))


# --- generators ---------------------------------------------------------------------------------


class _Generators:
    """The generators of an expression, and for each node the monomial of generators it is."""

    def __init__(self) -> None:
        self.powers: dict[tuple[sympy.Expr, sympy.Expr], int] = {}
        """(base, monomial of the exponent) -> common denominator of its coefficients."""
        self.exponentials: dict[sympy.Expr, int] = {}
        self.opaque: list[sympy.Expr] = []
        self.gammas: list[sympy.Expr] = []
        self.trigonometric: list[sympy.Expr] = []

    def visit(self, e: sympy.Expr) -> None:
        if e.is_Rational:
            return
        if isinstance(e, sympy.Add | sympy.Mul):
            for part in e.args:
                self.visit(part)
        elif isinstance(e, sympy.exp) or (isinstance(e, sympy.Pow) and e.base is sympy.E):
            self._exponential(e.args[0] if isinstance(e, sympy.exp) else e.exp)
        elif isinstance(e, sympy.Pow):
            base, exponent = e.as_base_exp()
            if exponent.is_Integer and abs(int(exponent)) <= MAX_INTEGER_POWER:
                self.visit(base)
            else:
                self._power(base, exponent)
        elif e is sympy.E:
            self._exponential(sympy.S.One)
        elif isinstance(e, sympy.log):
            self._logarithm(e.args[0])
        elif isinstance(e, sympy.gamma):
            self.gamma(e.args[0])
        elif isinstance(e, sympy.sin | sympy.cos):
            self.trigonometric_index(e.args[0])
        else:
            self.opaque_index(e)

    def _exponential(self, argument: sympy.Expr) -> None:
        for coefficient, monomial in _monomials(argument):
            logarithm = _logarithm_in(monomial)
            if logarithm is not None:
                base, exponent = logarithm
                self._power(base, _rational(coefficient) * exponent)
            elif coefficient != 0:
                known = self.exponentials.get(monomial, 1)
                self.exponentials[monomial] = lcm(known, coefficient.denominator)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> None:
        terms = _monomials(exponent)
        for factor, multiplicity in _Base(base).factors:
            self.visit(factor)
            for coefficient, monomial in terms:
                if monomial == 1 and (coefficient * multiplicity).denominator == 1:
                    if abs(coefficient * multiplicity) <= MAX_INTEGER_POWER:
                        continue
                key = (factor, monomial)
                step = (coefficient * multiplicity).denominator
                self.powers[key] = lcm(self.powers.get(key, 1), step)

    def _logarithm(self, argument: sympy.Expr) -> None:
        for factor, _ in _Base(argument).factors:
            self.opaque_index(sympy.log(factor, evaluate=False))

    def gamma(self, argument: sympy.Expr) -> tuple[int, int]:
        """Index of a known argument that differs by an integer, and that integer."""
        argument = _canonical(argument)
        for index, known in enumerate(self.gammas):
            shift = sympy.expand(argument - known)
            if not shift.is_Integer:
                shift = _canonical(argument - known)
            if shift.is_Integer and abs(int(shift)) <= MAX_INTEGER_POWER:
                return index, int(shift)
        self.gammas.append(argument)
        self.visit(argument)
        return len(self.gammas) - 1, 0

    def trigonometric_index(self, argument: sympy.Expr) -> int:
        argument = _canonical(argument)
        if argument not in self.trigonometric:
            self.trigonometric.append(argument)
        return self.trigonometric.index(argument)

    def opaque_index(self, e: sympy.Expr) -> int:
        """Index of an opaque generator; operations whose parts are equal share one."""
        for index, known in enumerate(self.opaque):
            if known == e or _same_operation(known, e):
                return index
        self.opaque.append(e)
        return len(self.opaque) - 1


def _rational(value: Fraction) -> sympy.Rational:
    """A Python fraction as a SymPy number."""
    return sympy.Rational(value.numerator, value.denominator)


def _logarithm_in(monomial: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr] | None:
    """(b, m) if the monomial is m * log(b), so that exp of it is b**m."""
    for factor in sympy.Mul.make_args(monomial):
        if isinstance(factor, sympy.log):
            return factor.args[0], monomial / factor
    return None


def _same_operation(known: sympy.Expr, e: sympy.Expr) -> bool:
    """Functions or operations (integrals, sums, …) of equal arguments."""
    if known.func is not e.func or len(known.args) != len(e.args) or not e.args:
        return False
    if known.free_symbols != e.free_symbols:
        return False
    return all(_same_argument(a, b) for a, b in zip(known.args, e.args, strict=True))


def _same_argument(a: Any, b: Any) -> bool:
    if a == b:
        return True
    if isinstance(a, sympy.Tuple) and isinstance(b, sympy.Tuple) and len(a) == len(b):
        return all(_same_argument(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
        if a.free_symbols != b.free_symbols and not (a.free_symbols and b.free_symbols):
            return False
        return is_zero(a - b)
    return False


# --- arithmetic ---------------------------------------------------------------------------------

Ratio = tuple[fmpq_mpoly, fmpq_mpoly]


class _Arithmetic:
    """Rational functions of the generators over Q, and the algebraic relations among them."""

    def __init__(self, table: _Generators) -> None:
        self.table = table
        labels: list[object] = [("opaque", i) for i in range(len(table.opaque))]
        labels += [("gamma", i) for i in range(len(table.gammas))]
        for i in range(len(table.trigonometric)):
            labels += [("sin", i), ("cos", i)]
        labels += [("power", key) for key in table.powers]
        labels += [("exp", key) for key in table.exponentials]
        self.index = {label: i for i, label in enumerate(labels)}
        names = [f"g{i}" for i in range(len(labels))] or ["unused"]
        self.context = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.generators = self.context.gens()
        self.one: fmpq_mpoly = self.context.constant(1)

    def _generator(self, label: object) -> fmpq_mpoly:
        return self.generators[self.index[label]]

    def _number(self, value: Fraction | sympy.Rational) -> Ratio:
        p, q = (
            (value.numerator, value.denominator)
            if isinstance(value, Fraction)
            else (int(value.p), int(value.q))
        )
        return self.context.constant(fmpq(p, q)), self.one

    def value(self, e: sympy.Expr) -> Ratio:
        if e.is_Rational:
            return self._number(e)  # type: ignore[arg-type]
        if isinstance(e, sympy.Add):
            return self._sum(self.value(part) for part in e.args)
        if isinstance(e, sympy.Mul):
            return self._product(self.value(part) for part in e.args)
        if isinstance(e, sympy.exp) or (isinstance(e, sympy.Pow) and e.base is sympy.E):
            return self._exponential(e.args[0] if isinstance(e, sympy.exp) else e.exp)
        if isinstance(e, sympy.Pow):
            base, exponent = e.as_base_exp()
            if exponent.is_Integer and abs(int(exponent)) <= MAX_INTEGER_POWER:
                return self._integer_power(self.value(base), int(exponent))
            return self._power(base, exponent)
        if e is sympy.E:
            return self._exponential(sympy.S.One)
        if isinstance(e, sympy.log):
            return self._sum(
                self._product(
                    (
                        self._number(Fraction(power)),
                        self._opaque(sympy.log(factor, evaluate=False)),
                    )
                )
                for factor, power in _Base(e.args[0]).factors
            )
        if isinstance(e, sympy.gamma):
            return self._gamma(e.args[0])
        if isinstance(e, sympy.sin | sympy.cos):
            kind = "sin" if isinstance(e, sympy.sin) else "cos"
            return self._generator((kind, self.table.trigonometric_index(e.args[0]))), self.one
        return self._opaque(e)

    def _opaque(self, e: sympy.Expr) -> Ratio:
        return self._generator(("opaque", self.table.opaque_index(e))), self.one

    def _sum(self, parts: Iterable[Ratio]) -> Ratio:
        above, below = self.context.constant(0), self.one
        for p, q in parts:
            if q == below:
                above = above + p
            else:
                common = below.gcd(q)
                left, right = q / common, below / common
                above, below = above * left + p * right, below * left
        return above, below

    def _product(self, parts: Iterable[Ratio]) -> Ratio:
        above, below = self.one, self.one
        for p, q in parts:
            above, below = above * p, below * q
            if below != self.one:
                common = above.gcd(below)
                above, below = above / common, below / common
        return above, below

    def _integer_power(self, value: Ratio, exponent: int) -> Ratio:
        p, q = value if exponent >= 0 else (value[1], value[0])
        if q == 0:
            raise ZeroDivisionError("division by an expression that is identically 0")
        return p ** abs(exponent), q ** abs(exponent)

    def _generator_power(self, label: object, exponent: Fraction) -> Ratio:
        assert exponent.denominator == 1
        return self._integer_power((self._generator(label), self.one), int(exponent))

    def _exponential(self, argument: sympy.Expr) -> Ratio:
        parts = []
        for coefficient, monomial in _monomials(argument):
            logarithm = _logarithm_in(monomial)
            if logarithm is not None:
                base, exponent = logarithm
                parts.append(self._power(base, _rational(coefficient) * exponent))
            elif coefficient != 0:
                step = self.table.exponentials[monomial]
                parts.append(self._generator_power(("exp", monomial), coefficient * step))
        return self._product(parts)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Ratio:
        parts = []
        for factor, multiplicity in _Base(base).factors:
            for coefficient, monomial in _monomials(exponent):
                power = coefficient * multiplicity
                step = self.table.powers.get((factor, monomial))
                if monomial == 1 and power.denominator == 1 and abs(power) <= MAX_INTEGER_POWER:
                    parts.append(self._integer_power(self.value(factor), int(power)))
                elif step is not None and power != 0:
                    label = ("power", (factor, monomial))
                    parts.append(self._generator_power(label, power * step))
        return self._product(parts)

    def _gamma(self, argument: sympy.Expr) -> Ratio:
        index, shift = self.table.gamma(argument)
        result: Ratio = (self._generator(("gamma", index)), self.one)
        base = self.table.gammas[index]
        steps = range(shift) if shift >= 0 else range(shift, 0)
        factors = [self.value(base + k) for k in steps]
        if shift < 0:
            factors = [(q, p) for p, q in factors]
        return self._product([result, *factors])

    def reduced(self, numerator: fmpq_mpoly) -> fmpq_mpoly:
        """The numerator with every root's power below its degree."""
        for _ in range(len(self.index) + 1):  # one root's relation may raise another root's power
            before, numerator = numerator, self._reduced_once(numerator)
            if numerator == before:
                break
        return numerator

    def _reduced_once(self, numerator: fmpq_mpoly) -> fmpq_mpoly:
        for (factor, monomial), step in self.table.powers.items():
            if monomial != 1 or step == 1:
                continue
            replacement = self.value(factor)
            numerator = self._reduce(
                numerator, self.index[("power", (factor, monomial))], step, replacement
            )
        for i in range(len(self.table.trigonometric)):
            sine = self._generator(("sin", i))
            numerator = self._reduce(
                numerator, self.index[("cos", i)], 2, (self.one - sine * sine, self.one)
            )
        for i, e in enumerate(self.table.opaque):
            if e is sympy.I:
                minus = (self.context.constant(-1), self.one)
                numerator = self._reduce(numerator, self.index[("opaque", i)], 2, minus)
        return numerator

    def _reduce(
        self, numerator: fmpq_mpoly, generator: int, degree: int, replacement: Ratio
    ) -> fmpq_mpoly:
        """generator**degree = replacement; a common denominator is multiplied out."""
        groups: dict[int, dict[tuple[int, ...], fmpq]] = {}
        highest = 0
        for powers, coefficient in numerator.to_dict().items():
            whole, rest = divmod(powers[generator], degree)
            kept = (*powers[:generator], rest, *powers[generator + 1 :])
            groups.setdefault(whole, {})[kept] = coefficient
            highest = max(highest, whole)
        above, below = replacement
        total = self.context.constant(0)
        for whole, terms in groups.items():
            part = self.context.from_dict(terms)
            total = total + part * above**whole * below ** (highest - whole)
        return total
