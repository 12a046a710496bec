"""Expressions as rational functions over generators, in python-flint's exact polynomials.

An expression is rewritten, by identities that hold wherever both sides are defined, into a quotient
of polynomials over the rationals in *generators*:

    symbols, pi                    themselves
    exp(A), b**e = exp(e log b)    all exponents are brought over one denominator and reduced to a
                                   basis over the rationals; one generator per basis vector, so
                                   that exp(a + b) = exp(a) exp(b) is built in
    rational multiples of log f    the root r = f**(1/Q), with the relation r**Q = f
    log(b)                         log of each factor known to be positive, and of the rest
    sin, cos, sinh, ...            exponentials, with i as a root of -1
    gamma(z + n), gamma(2 z)       gamma at one representative per class; beta through gamma
    abs(x), x real                 with the relation abs(x)**2 = x**2
    any other function f(x, ...)   one generator per function and normal form of its arguments

Equal generators are recognised, so a numerator that reduces to 0 proves that the expression is 0.
The converse holds only where the generators are symbols (or pi): then no relation is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, lcm
from typing import Any

import sympy
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Expr, I, Integer, Pow, Rational, Symbol
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef

from theory.exponent_basis import (
    Basis,
    as_vector,
    known_logarithms,
    reduce_exponents,
)
from theory.polynomial_ring import (
    Quotient,
    Relation,
    Ring,
    TooLarge,
    cyclotomic_relation,
    divide,
    multiply,
    raise_to,
)

MAX_GAMMA_SHIFT = 200
MAX_FACTORED_BITS = 64
"""Integers beyond this are only freed of their prime factors below `SMALL_PRIMES`."""
SMALL_PRIMES = 2**12


# --- intermediate form --------------------------------------------------------------------------
# What an expression becomes before the ring is known.


@dataclass(frozen=True)
class _Number:
    value: Fraction


@dataclass(frozen=True)
class _Generator:
    expression: Expr


@dataclass(frozen=True)
class _Exponential:
    exponent: Expr


@dataclass(frozen=True)
class _Sum:
    terms: tuple[_Node, ...]


@dataclass(frozen=True)
class _Product:
    factors: tuple[_Node, ...]


@dataclass(frozen=True)
class _Power:
    base: _Node
    exponent: int


_Node = _Number | _Generator | _Exponential | _Sum | _Product | _Power


def _times(number: Fraction | int, node: _Node) -> _Node:
    return _Product((_Number(Fraction(number)), node))


def _fraction(number: Rational) -> Fraction:
    return Fraction(int(number.p), int(number.q))


# --- translation --------------------------------------------------------------------------------


@dataclass
class Translator:
    """Translates expressions; remembers factorisations and normal forms it has made.

    `positive` are expressions asserted to be positive, beyond what SymPy's assumptions say.
    """

    positive: frozenset[Expr] = frozenset()
    _forms: dict[Expr, Expr] = field(default_factory=dict)
    _factors: dict[Expr, tuple[tuple[tuple[Expr, int], ...], Expr]] = field(default_factory=dict)

    @classmethod
    def assuming(cls, positive: Iterable[Expr]) -> Translator:
        """A translator for which the given expressions are positive."""
        plain = cls()
        known: set[Expr] = set()
        for expression in positive:
            _, rest = plain.split(sympy.sympify(expression))
            known.add(rest)
        return cls(frozenset(known))

    # normal forms of single expressions

    def normal_form(self, expression: Expr) -> Expr:
        """numerator/denominator with coprime, expanded polynomials in canonical generators."""
        if expression not in self._forms:
            ring = self.ring([expression])
            numerator, denominator = self._lowest_terms(ring, ring.quotients[0])
            self._forms[expression] = ring.expression(numerator) / ring.expression(denominator)
        return self._forms[expression]

    def _lowest_terms(self, ring: Ring, quotient: Quotient) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        numerator, denominator = ring.reduce(quotient.numerator), ring.reduce(quotient.denominator)
        if denominator == 0:
            raise TooLarge("division by zero")
        common = numerator.gcd(denominator)
        numerator, denominator = divide(numerator, common), divide(denominator, common)
        leading = denominator.leading_coefficient()
        return numerator / leading, denominator / leading

    def split(self, base: Expr) -> tuple[tuple[tuple[Expr, int], ...], Expr]:
        """base = prod f**k * rest, every f known to be positive."""
        if base not in self._factors:
            self._factors[base] = self._split(base)
        return self._factors[base]

    def _split(self, base: Expr) -> tuple[tuple[tuple[Expr, int], ...], Expr]:
        ring = self.ring([base])
        numerator, denominator = self._lowest_terms(ring, ring.quotients[0])
        if numerator == 0:
            raise TooLarge("power or logarithm of zero")
        positive: list[tuple[Expr, int]] = []
        rest: list[Expr] = []
        sign = 1
        for polynomial, side in ((numerator, 1), (denominator, -1)):
            content, factors = polynomial.factor()
            sign *= 1 if content > 0 else -1
            positive += _integer_factors(abs(int(content.p)), side)
            positive += _integer_factors(int(content.q), -side)
            for factor, multiplicity in factors:
                expression = ring.expression(factor)
                power = int(multiplicity) * side
                if expression.is_positive or expression in self.positive:
                    positive.append((expression, power))
                elif expression.is_negative or -expression in self.positive:
                    positive.append((-expression, power))
                    sign *= -1 if power % 2 else 1
                else:
                    rest.append(expression**power)
        return tuple(positive), sympy.Mul(sign, *rest)

    # rings

    def ring(self, expressions: Sequence[Expr]) -> Ring:
        """One ring that holds all the expressions, and the expressions as quotients in it."""
        nodes = [self.node(sympy.sympify(expression)) for expression in expressions]
        exponentials = _exponentials(nodes)
        basis = self._exponent_basis(exponentials)
        # The bases of roots are polynomials in the same ring: their own generators come along,
        # and so do those of what stands between the bars of an absolute value.
        while True:
            base_nodes = {base: self.node(base) for base in basis.roots}
            absolute_nodes = self._between_bars([*nodes, *base_nodes.values()])
            everything = [*nodes, *base_nodes.values(), *absolute_nodes.values()]
            found = _exponentials(everything)
            if set(found) <= set(exponentials):
                break
            exponentials = list(dict.fromkeys([*exponentials, *found]))
            basis = self._exponent_basis(exponentials)
        return self._assemble(nodes, base_nodes, absolute_nodes, basis)

    def _between_bars(self, nodes: Sequence[_Node]) -> dict[Expr, _Node]:
        """The absolute values of real expressions among the generators, with what is inside."""
        found: dict[Expr, _Node] = {}
        waiting = list(nodes)
        while waiting:
            new = {
                g: self.node(g.args[0])  # type: ignore[arg-type]
                for g in _generators(waiting)
                if isinstance(g, sympy.Abs) and g.args[0].is_real and g not in found
            }
            found |= new
            waiting = list(new.values())
        return found

    def _assemble(
        self,
        nodes: list[_Node],
        base_nodes: dict[Expr, _Node],
        absolute_nodes: dict[Expr, _Node],
        basis: Basis,
    ) -> Ring:
        generators = _generators([*nodes, *base_nodes.values(), *absolute_nodes.values()])
        if I in generators:
            # i is a power of the root of -1 that the exponentials need, if they need one.
            generators.remove(I)
            basis.roots[Integer(-1)] = lcm(basis.roots.get(Integer(-1), 1), 2)
        root_of = {base: _root(base, degree) for base, degree in basis.roots.items() if degree > 1}
        ordered = sorted(
            generators | set(basis.generators) | set(root_of.values()), key=sympy.srepr
        )
        context = fmpq_mpoly_ctx.get([f"g{i}" for i in range(len(ordered))], Ordering.lex)
        ring = Ring(ordered, context, [])
        builder = _Builder(ring, basis, root_of, base_nodes)
        ring.relations += [
            cyclotomic_relation(ring, ordered.index(root), basis.roots[base])
            if base == -1
            else builder.relation_of_root(base, ordered.index(root))
            for base, root in root_of.items()
        ]
        ring.relations += [
            Relation(ordered.index(g), 2, builder.polynomial(_Power(node, 2)))
            for g, node in absolute_nodes.items()
            if builder.is_polynomial(node)
        ]
        ring.quotients = [builder.quotient(node) for node in nodes]
        for base, root in root_of.items():
            ring.generators[ordered.index(root)] *= ring.expression(builder.denominator(base))
        return ring

    def _exponent_basis(self, exponents: list[Expr]) -> Basis:
        """Exponents as rational combinations of logarithms of known bases and of a basis."""
        if not exponents:
            return Basis({}, [], {})
        inner = self.ring(exponents)
        quotients = [
            Quotient(inner.reduce(q.numerator), inner.reduce(q.denominator))
            for q in inner.quotients
        ]
        common = inner.context.constant(1)
        for quotient in quotients:
            common = multiply(
                common, divide(quotient.denominator, common.gcd(quotient.denominator))
            )
        known = {
            base: as_vector(inner.reduce(multiply(polynomial, common)))
            for base, polynomial in known_logarithms(inner).items()
        }
        vectors = [
            as_vector(
                inner.reduce(multiply(quotient.numerator, divide(common, quotient.denominator)))
            )
            for quotient in quotients
        ]
        return reduce_exponents(inner, common, known, exponents, vectors)

    # expressions

    def node(self, expression: Expr) -> _Node:
        """The expression in intermediate form."""
        if isinstance(expression, Rational):
            return _Number(_fraction(expression))
        if isinstance(expression, Symbol) or expression in (sympy.pi, I):
            return _Generator(expression)
        if expression is sympy.E:
            return _Exponential(Integer(1))
        if isinstance(expression, sympy.Add):
            return _Sum(tuple(self.node(term) for term in expression.args))  # type: ignore[arg-type]
        if isinstance(expression, sympy.Mul):
            return _Product(tuple(self.node(factor) for factor in expression.args))  # type: ignore[arg-type]
        if isinstance(expression, Pow):
            return self._power(expression.base, expression.exp)
        if isinstance(expression, sympy.exp):
            return _Exponential(expression.args[0])  # type: ignore[arg-type]
        if isinstance(expression, sympy.log) and len(expression.args) == 1:
            return self._logarithm(expression.args[0])  # type: ignore[arg-type]
        if isinstance(expression, sympy.Function):
            return self._function(expression)
        if isinstance(expression, sympy.Integral):
            canonical = _canonical_integral(expression)
            if isinstance(canonical, sympy.Integral):
                return _Generator(canonical.as_dummy())
            return self.node(canonical)
        if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise TooLarge("undefined")
        return _Generator(expression)

    def _power(self, base: Expr, exponent: Expr) -> _Node:
        if isinstance(exponent, Integer):
            return _Power(self.node(base), int(exponent))
        return _Exponential(exponent * sympy.log(base))

    def _logarithm(self, argument: Expr) -> _Node:
        positive, rest = self.split(argument)
        terms: list[_Node] = [
            _times(power, self._positive_logarithm(factor)) for factor, power in positive
        ]
        if rest == -1:
            terms.append(self.node(I * sympy.pi))
        elif rest != 1:
            terms.append(_Generator(sympy.log(rest)))
        return _Sum(tuple(terms))

    def _positive_logarithm(self, factor: Expr) -> _Node:
        """log of one positive factor, canonical up to exponentials and powers inside it."""
        if isinstance(factor, sympy.exp) and factor.args[0].is_real:
            return self.node(factor.args[0])  # type: ignore[arg-type]
        if isinstance(factor, Pow) and factor.base.is_positive and factor.exp.is_real:
            return _Product((self.node(factor.exp), self._logarithm(factor.base)))
        return _Generator(sympy.log(factor))

    def _function(self, expression: sympy.Function) -> _Node:
        arguments: tuple[Expr, ...] = expression.args  # type: ignore[assignment]
        if isinstance(expression, sympy.gamma):
            return self._gamma(arguments[0])
        if isinstance(expression, sympy.beta):
            first, second = arguments[0], arguments[-1]
            return _Product(
                (
                    self._gamma(first),
                    self._gamma(second),
                    _Power(self._gamma(first + second), -1),
                )
            )
        if isinstance(expression, sympy.factorial):
            return self._gamma(arguments[0] + 1)
        elementary = _as_exponentials(expression)
        if elementary is not None:
            return self.node(elementary)
        return self._opaque(expression)

    def _opaque(self, expression: sympy.Function) -> _Node:
        """One generator per function and normal form of its arguments."""
        if not all(isinstance(argument, Expr) for argument in expression.args):
            return _Generator(expression)
        if isinstance(expression, sympy.Piecewise):
            return _Generator(expression)
        arguments: list[Expr] = [self.normal_form(a) for a in expression.args]  # type: ignore[arg-type]
        sign = 1
        if isinstance(expression, _ODD + _EVEN):
            if _leads_negative(arguments[0]):
                arguments = [self.normal_form(-arguments[0])]
                sign = -1 if isinstance(expression, _ODD) else 1
            rebuilt = expression.func(*arguments)
            if isinstance(rebuilt, expression.func) or isinstance(-rebuilt, expression.func):
                # SymPy's own choice of sign is not the same for every form of an argument.
                return _times(sign, _Generator(expression.func(*arguments, evaluate=False)))
            return _times(sign, self.node(rebuilt))  # type: ignore[arg-type]
        rebuilt = expression.func(*arguments)
        if isinstance(rebuilt, expression.func):
            return _Generator(rebuilt)
        return self.node(rebuilt)  # type: ignore[arg-type]

    def _gamma(self, argument: Expr) -> _Node:
        """gamma at the representative whose rational part lies in [0, 1); gamma(2z) doubled."""
        form = self.normal_form(argument)
        constant, rest = form.as_coeff_Add()
        if not isinstance(constant, Rational):
            constant, rest = Integer(0), form
        shift = floor(_fraction(constant))
        if rest == 0:
            value = sympy.gamma(constant)
            if value.has(sympy.gamma):
                return self._shifted_gamma(constant, shift)
            if not value.is_finite:
                raise TooLarge("pole of gamma")
            return self.node(value)  # type: ignore[reportArgumentType]
        if all(_is_even(term.as_coeff_Mul()[0]) for term in sympy.Add.make_args(rest)):
            half = form / 2
            return _Product(
                (
                    self.node(2 ** (form - 1) / sympy.sqrt(sympy.pi)),
                    self._gamma(sympy.expand(half)),
                    self._gamma(sympy.expand(half + Rational(1, 2))),
                )
            )
        return self._shifted_gamma(form, shift)

    def _shifted_gamma(self, argument: Expr, shift: int) -> _Node:
        """gamma(z + n) = gamma(z) z (z + 1) ... (z + n - 1), z = argument - n, n = `shift`."""
        if abs(shift) > MAX_GAMMA_SHIFT:
            return _Generator(sympy.gamma(argument))
        z = argument - shift
        factors = [self.node(z + j) for j in range(shift)]
        factors += [_Power(self.node(z - j), -1) for j in range(1, -shift + 1)]
        return _Product((_Generator(sympy.gamma(z)), *factors))


def _canonical_integral(integral: sympy.Integral) -> Expr:
    """Constant factors taken out, at every depth; an integral between equal ends is 0.

    Where integrals occur inside, the integrand is multiplied out and integrated term by term, if
    every term is bounded on a finite range: else the terms might not converge by themselves.
    """
    limits: list[Any] = [limit.args for limit in integral.limits]
    if any(len(limit) == 3 and limit[1] == limit[2] for limit in limits):
        return Integer(0)
    function: Any = integral.function
    inner: dict[Basic, Expr] = {
        part: _canonical_integral(part) for part in function.atoms(sympy.Integral)
    }
    function = function.xreplace(inner)
    finite = not any(end.is_infinite for limit in limits for end in limit[1:])
    if inner and finite:
        expanded: Any = sympy.expand_mul(function)
        terms: tuple[Expr, ...] = sympy.Add.make_args(expanded)
        if not all(_is_bounded(term, {limit[0] for limit in limits}) for term in terms):
            terms = (function,)
    else:
        terms = (function,)
    total: list[Expr] = []
    for term in terms:
        constant, rest = term.as_independent(*(limit[0] for limit in limits), as_Add=False)
        total.append(constant * sympy.Integral(rest, *integral.limits))
    return sympy.Add(*total)


_BOUNDED = (sympy.Add, sympy.Mul, Symbol, sympy.exp, sympy.sin, sympy.cos, sympy.sinh, sympy.cosh,
            sympy.tanh, sympy.atan, sympy.Abs, sympy.Derivative, AppliedUndef)  # fmt: skip
"""What is bounded on a finite range where its arguments are; undefined functions are smooth."""


def _is_bounded(term: Any, moving: set[Any]) -> bool:
    """Whether a term is bounded wherever the moving symbols run through finite ranges."""
    if not term.free_symbols & moving:
        return True
    if isinstance(term, sympy.Integral):
        limits: list[Any] = [limit.args for limit in term.limits]
        finite = not any(end.is_infinite for limit in limits for end in limit[1:])
        return finite and _is_bounded(term.function, moving | {limit[0] for limit in limits})
    line: dict[Any, Any] = {symbol: sympy.Dummy(real=True) for symbol in moving}
    if isinstance(term, Pow):
        whole = term.exp.is_integer and term.exp.is_nonnegative
        if not whole and not term.base.xreplace(line).is_positive:
            return False
    elif isinstance(term, sympy.log):
        if not term.args[0].xreplace(line).is_positive:
            return False
    elif not isinstance(term, _BOUNDED):
        return False
    return all(_is_bounded(part, moving) for part in term.args)


_ODD = (sympy.atan, sympy.asin, sympy.erf, sympy.sign, sympy.Si, sympy.erfi)
_EVEN = (sympy.Abs,)


def _is_even(number: Expr) -> bool:
    return isinstance(number, Integer) and int(number) % 2 == 0


def _leads_negative(form: Expr) -> bool:
    """Whether the normal form's first term, in a fixed order, has a negative coefficient."""
    numerator = sympy.fraction(form)[0]
    terms = [term.as_coeff_Mul() for term in sympy.Add.make_args(numerator)]
    return bool(min(terms, key=lambda pair: sympy.srepr(pair[1]))[0].is_negative)


def _as_exponentials(expression: sympy.Function) -> Expr | None:
    """Circular and hyperbolic functions through exponentials, asinh through a logarithm."""
    x: Expr = expression.args[0]  # type: ignore[assignment]
    up, down = sympy.exp(x), sympy.exp(-x)
    turn, back = sympy.exp(I * x), sympy.exp(-I * x)
    hyperbolic_sine, hyperbolic_cosine = (up - down) / 2, (up + down) / 2
    sine, cosine = (turn - back) / (2 * I), (turn + back) / 2
    if isinstance(expression, sympy.sinh):
        return hyperbolic_sine
    if isinstance(expression, sympy.cosh):
        return hyperbolic_cosine
    if isinstance(expression, sympy.tanh):
        return hyperbolic_sine / hyperbolic_cosine
    if isinstance(expression, sympy.coth):
        return hyperbolic_cosine / hyperbolic_sine
    if isinstance(expression, sympy.sech):
        return 1 / hyperbolic_cosine
    if isinstance(expression, sympy.csch):
        return 1 / hyperbolic_sine
    if isinstance(expression, sympy.sin):
        return sine
    if isinstance(expression, sympy.cos):
        return cosine
    if isinstance(expression, sympy.tan):
        return sine / cosine
    if isinstance(expression, sympy.cot):
        return cosine / sine
    if isinstance(expression, sympy.sec):
        return 1 / cosine
    if isinstance(expression, sympy.csc):
        return 1 / sine
    if isinstance(expression, sympy.asinh):
        return sympy.log(x + sympy.sqrt(x**2 + 1))
    return None


def _integer_factors(number: int, side: int) -> list[tuple[Expr, int]]:
    if number == 1:
        return []
    limit = SMALL_PRIMES if number.bit_length() > MAX_FACTORED_BITS else None
    return [(Integer(p), k * side) for p, k in sympy.factorint(number, limit=limit).items()]


def _exponentials(nodes: Sequence[_Node]) -> list[Expr]:
    """Exponents of the exponentials inside the nodes, each once."""
    return list(
        dict.fromkeys(node.exponent for node in _walk(nodes) if isinstance(node, _Exponential))
    )


def _generators(nodes: Sequence[_Node]) -> set[Expr]:
    return {node.expression for node in _walk(nodes) if isinstance(node, _Generator)}


def _walk(nodes: Sequence[_Node]) -> Iterable[_Node]:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _Sum):
            pending += node.terms
        elif isinstance(node, _Product):
            pending += node.factors
        elif isinstance(node, _Power):
            pending.append(node.base)


def _root(base: Expr, degree: int) -> Expr:
    return I if (base, degree) == (-1, 2) else Pow(base, Rational(1, degree))


# --- nodes in the ring ----------------------------------------------------------------------------


@dataclass
class _Builder:
    """Turns nodes into quotients of polynomials of one ring."""

    ring: Ring
    basis: Basis
    root_of: dict[Expr, Expr]
    base_nodes: dict[Expr, _Node]

    def generator(self, expression: Expr) -> fmpq_mpoly:
        return self.ring.context.gens()[self.ring.generators.index(expression)]

    def one(self) -> fmpq_mpoly:
        return self.ring.context.constant(1)

    def polynomial(self, node: _Node) -> fmpq_mpoly:
        quotient = self.quotient(node)
        return divide(quotient.numerator, quotient.denominator)

    def is_polynomial(self, node: _Node) -> bool:
        quotient = self.quotient(node)
        return divmod(quotient.numerator, quotient.denominator)[1] == 0

    def quotient(self, node: _Node) -> Quotient:
        if isinstance(node, _Number):
            value = fmpq(node.value.numerator, node.value.denominator)
            return Quotient(self.ring.context.constant(value), self.one())
        if isinstance(node, _Generator):
            if node.expression is I:
                root = self.generator(self.root_of[Integer(-1)])
                return Quotient(root ** (self.basis.roots[Integer(-1)] // 2), self.one())
            return Quotient(self.generator(node.expression), self.one())
        if isinstance(node, _Exponential):
            return self.exponential(node.exponent)
        if isinstance(node, _Power):
            return self.power(self.quotient(node.base), node.exponent)
        if isinstance(node, _Product):
            total = Quotient(self.one(), self.one())
            for factor in node.factors:
                total = self.product(total, self.quotient(factor))
            return total
        total = Quotient(self.ring.context.constant(0), self.one())
        for term in node.terms:
            total = self.sum(total, self.quotient(term))
        return total

    def exponential(self, exponent: Expr) -> Quotient:
        by_base, powers = self.basis.combinations[exponent]
        total = Quotient(self.one(), self.one())
        for expression, power in zip(self.basis.generators, powers, strict=True):
            generator = Quotient(self.generator(expression), self.one())
            total = self.product(total, self.power(generator, power))
        for base, value in by_base.items():
            degree = self.basis.roots[base]
            whole, rest = divmod(int(value * degree), degree)
            if rest:
                root = Quotient(self.generator(self.root_of[base]), self.denominator(base))
                total = self.product(total, self.power(root, rest))
            if whole:
                # -1 is known by its logarithm i pi; it is no base with a node of its own.
                node = _Number(Fraction(-1)) if base == -1 else self.base_nodes[base]
                total = self.product(total, self.power(self.quotient(node), whole))
        return total

    def denominator(self, base: Expr) -> fmpq_mpoly:
        """D of f = N/D. The generator of the root of f is r = D f**(1/Q), so that r**Q has none."""
        if base == -1:
            return self.one()
        return self.quotient(self.base_nodes[base]).denominator

    def relation_of_root(self, base: Expr, index: int) -> Relation:
        """r**Q = N D**(Q-1)."""
        degree, quotient = self.basis.roots[base], self.quotient(self.base_nodes[base])
        lifted = raise_to(quotient.denominator, degree - 1)
        return Relation(index, degree, multiply(quotient.numerator, lifted))

    def power(self, base: Quotient, exponent: int) -> Quotient:
        if exponent >= 0:
            return Quotient(
                raise_to(base.numerator, exponent), raise_to(base.denominator, exponent)
            )
        if base.numerator == 0:
            raise TooLarge("division by zero")
        return Quotient(raise_to(base.denominator, -exponent), raise_to(base.numerator, -exponent))

    def product(self, left: Quotient, right: Quotient) -> Quotient:
        return self.cancelled(
            multiply(left.numerator, right.numerator),
            multiply(left.denominator, right.denominator),
        )

    def sum(self, left: Quotient, right: Quotient) -> Quotient:
        if left.denominator == right.denominator:
            return Quotient(left.numerator + right.numerator, left.denominator)
        common = left.denominator.gcd(right.denominator)
        left_factor = divide(right.denominator, common)
        right_factor = divide(left.denominator, common)
        return self.cancelled(
            multiply(left.numerator, left_factor) + multiply(right.numerator, right_factor),
            multiply(left.denominator, left_factor),
        )

    def cancelled(self, numerator: fmpq_mpoly, denominator: fmpq_mpoly) -> Quotient:
        if denominator == 1:
            return Quotient(numerator, denominator)
        common = numerator.gcd(denominator)
        if common == 1:
            return Quotient(numerator, denominator)
        return Quotient(divide(numerator, common), divide(denominator, common))
