"""The grammar of formulas from text: parsed by hand, never evaluated as code.

    condition   := conjunction ("or" conjunction)*
    conjunction := comparison ("and" comparison)*
    comparison  := sum (("<" | "<=" | ">" | ">=") sum)*          a chain means all of its links
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/") unary)*
    unary       := ("-" | "+") unary | power
    power       := atom ["**" unary]                             right associative, binds tightest
    atom        := number | name | name "(" condition ("," condition)* ")" | "(" condition ")"

Numbers are exact: a decimal such as 0.05 (or 5e-2) is the rational 1/20. A name that is not `pi`,
`E` or a function becomes `Symbol(name, real=True)`. Functions: `FUNCTIONS` and
`piecewise(value, condition, ..., otherwise)`.

SymPy evaluates numbers while it builds: `9**9**9**9` would never return. Every power is therefore
measured before it is built, and what would grow too large is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import sympy
from sympy import Expr, Symbol
from sympy.core.basic import Basic
from sympy.logic.boolalg import Boolean

from theory.errors import InputError

MAX_NODES = 500
MAX_EXPONENT = 1000
MAX_LENGTH = 10_000
"""Characters of one text."""
MAX_NESTING = 60
"""Brackets, function calls and signs inside one another."""
MAX_NUMBER_DIGITS = 1_000
MAX_RATIONAL_BITS = 13_000
"""Bits of the largest exact number (Python writes out integers of up to 4300 digits)."""
MAX_RATIONAL_EXPONENT = 10_000
"""Size of an exponent that is not an integer, and of a number inside a symbolic exponent."""
MAX_MAGNITUDE_BITS = 4_096
"""Bits before the point of a constant that a function or a power is taken of."""
MAX_TOWER = 5
"""Powers with exponents that are no rational numbers, inside one exponent that is a number."""

FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "sqrt": sympy.sqrt,
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "atan": sympy.atan,
    "asinh": sympy.asinh,
    "abs": sympy.Abs,
}
CONSTANTS: dict[str, Expr] = {"pi": sympy.pi, "E": sympy.E}
RESERVED = frozenset({*FUNCTIONS, *CONSTANTS, "piecewise", "and", "or"})
NOT_FINITE = frozenset({"nan", "inf", "infinity", "oo", "zoo", "I"})

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/<>(),])"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INSTEAD = {
    "^": "write ** for a power",
    "=": "compare with < <= > >=",
    "!": "compare with < <= > >=",
    "&": "join conditions with `and`",
    "|": "join conditions with `or`, and write abs(...) for an absolute value",
    "[": "use round brackets",
    "{": "use round brackets",
    ".": "a decimal point needs a digit beside it",
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


# --- public entry points ------------------------------------------------------------------------


def parse_expression(text: str, symbols: Mapping[str, Symbol] | None = None) -> Expr:
    """The expression that `text` denotes in the grammar of this module.

    `symbols` gives names their SymPy symbols; any other name becomes `Symbol(name, real=True)`.

    Raises
    ------
    InputError : text outside the grammar, or a number too large to write down.
    """
    value = _parse(text, symbols)
    if not isinstance(value, Expr):
        raise InputError(
            "an expression",
            f"the condition {_quoted(text)}",
            "remove the comparison, or put it inside piecewise(value, condition, otherwise)",
        )
    return value


def parse_constant(text: str) -> Expr:
    """The real constant that `text` denotes: an expression without free names.

    Raises
    ------
    InputError : text outside the grammar, a free name, or a constant that is not a real number.
    """
    value = parse_expression(text)
    names = sorted(symbol.name for symbol in value.free_symbols if isinstance(symbol, Symbol))
    if names:
        raise InputError(
            "a constant such as 0.05, 1/3 or sqrt(2)",
            f"{_quoted(text)} with the free name{'s' * (len(names) > 1)} {', '.join(names)}",
            "write a number in place of each name",
        )
    return value


def parse_condition(text: str, symbols: Mapping[str, Symbol] | None = None) -> Boolean:
    """The condition or region that `text` denotes: comparisons joined by `and`, `or`.

    Raises
    ------
    InputError : text outside the grammar, or an expression without a comparison.
    """
    value = _parse(text, symbols)
    if isinstance(value, Expr):
        raise InputError(
            "a condition such as w >= 1 or w <= -1",
            f"the expression {_quoted(text)}",
            "compare it with < <= > >=",
        )
    return value


def parse_assignment(text: str) -> tuple[str, Expr]:
    """`NAME=VALUE` as the name and its constant value.

    Raises
    ------
    InputError : no `=`, a name that cannot be assigned, or a value that is not a constant.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals:
        raise InputError(
            "NAME=VALUE", _quoted(text), "write for example --set sigma_g=1 (with the sign =)"
        )
    check_name(name)
    return name, parse_constant(value)


def check_name(name: str) -> str:
    """`name`, if a variable or parameter can be called so.

    Raises
    ------
    InputError : not a letter or underscore followed by letters, digits, underscores; or reserved.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            "a name made of letters, digits and underscores",
            _quoted(name),
            "begin it with a letter",
        )
    if name in RESERVED or _means_not_finite(name):
        raise InputError(
            "a name that the grammar leaves free",
            _quoted(name),
            "choose a name other than the grammar's functions, constants and words",
        )
    return name


def nearest_names(name: str, known: Iterable[str]) -> str:
    """Advice that names the nearest of the known names, or all of them if none is near."""
    candidates = sorted(set(known))
    if not candidates:
        return "no name is known here"
    near = get_close_matches(name, candidates, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known names: {', '.join(candidates)}"


def parse_rows(text: str) -> list[list[str]]:
    """The rows of `[a, b]` (one row) or `[[a, b], [c, d]]` as texts of expressions.

    Raises
    ------
    InputError : brackets that do not match, or an empty entry.
    """
    inner = _without_brackets(text)
    parts = _split_at_commas(inner, text)
    if not any(part.strip().startswith("[") for part in parts):
        return [parts]
    return [_split_at_commas(_without_brackets(part), text) for part in parts]


def _without_brackets(text: str) -> str:
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        raise InputError(
            "a list in square brackets", _quoted(text), 'write for example "[1, 1 + x**2]"'
        )
    return stripped[1:-1]


def _split_at_commas(text: str, whole: str) -> list[str]:
    """The parts of `text` between the commas outside all brackets."""
    parts = [""]
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth < 0:
            break
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if depth != 0:
        raise InputError("balanced brackets", _quoted(whole), "close each bracket that is opened")
    if not all(part.strip() for part in parts):
        raise InputError("entries separated by commas", _quoted(whole), "fill the empty entry")
    return parts


# --- tokens -------------------------------------------------------------------------------------


def _parse(text: str, symbols: Mapping[str, Symbol] | None) -> Expr | Boolean:
    return _Parser(_tokens(text), text, symbols or {}).whole()


def _tokens(text: str) -> list[_Token]:
    """The tokens of `text`; refuses what is too long or has a character outside the grammar."""
    if not isinstance(text, str):
        raise InputError("text", f"{type(text).__name__} {text!r}", "give the formula as a string")
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"at most {MAX_LENGTH} characters", f"{len(text)} characters", "shorten the formula"
        )
    if not text.strip():
        raise InputError("a formula", "an empty string", "write for example (w**2 - 1)**2/4")
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            raise InputError(
                "letters, digits and + - * / ** ( ) , < <= > >=",
                f"{character!r} at position {position + 1} of {_quoted(text)}",
                _INSTEAD.get(character, "remove it"),
            )
        if match.lastgroup != "space":
            tokens.append(_Token(match.lastgroup or "", match.group(), position))
        position = match.end()
    nodes = sum(token.text not in ("(", ")", ",") for token in tokens)
    if nodes > MAX_NODES:
        raise InputError(
            f"at most {MAX_NODES} nodes (names, numbers, operators and functions)",
            f"{nodes} nodes",
            "simplify the formula, or name its constants as parameters",
        )
    return tokens


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


# --- parser -------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent over the tokens; values are SymPy objects, built through guards."""

    def __init__(self, tokens: list[_Token], text: str, symbols: Mapping[str, Symbol]) -> None:
        self.tokens = tokens
        self.text = text
        self.symbols = symbols
        self.index = 0
        self.depth = 0

    def whole(self) -> Expr | Boolean:
        value = self.disjunction()
        token = self.peek()
        if token is not None:
            raise self.unexpected(token)
        return value

    # tokens

    def peek(self) -> _Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def take(self, *texts: str) -> _Token | None:
        """The next token, consumed, if it is one of `texts`."""
        token = self.peek()
        if token is not None and token.text in texts:
            self.index += 1
            return token
        return None

    def unexpected(self, token: _Token) -> InputError:
        place = f"{token.text!r} at position {token.position + 1} of {_quoted(self.text)}"
        if token.text == ")":
            return InputError(
                "balanced brackets", f"a closing {place}", "remove it, or open a bracket before it"
            )
        if token.text == ",":
            return InputError(
                "an operator or the end of the formula",
                place,
                "commas only separate the arguments of piecewise; write decimals with a point",
            )
        if token.kind in ("name", "number") or token.text == "(":
            return InputError("an operator", place, "write * for a product")
        return InputError("a number, a name or a bracket", place, "complete the formula before it")

    # grammar

    def disjunction(self) -> Expr | Boolean:
        value = self.conjunction()
        while (token := self.take("or")) is not None:
            left, right = value, self.conjunction()
            value = sympy.Or(self.condition(left, token), self.condition(right, token))
        return value

    def conjunction(self) -> Expr | Boolean:
        value = self.comparison()
        while (token := self.take("and")) is not None:
            left, right = value, self.comparison()
            value = sympy.And(self.condition(left, token), self.condition(right, token))
        return value

    def comparison(self) -> Expr | Boolean:
        left = self.sum()
        links: list[Boolean] = []
        while (token := self.take("<", "<=", ">", ">=")) is not None:
            right = self.sum()
            sides = self.comparable(left, token), self.comparable(right, token)
            links.append(_compare(token.text, *sides))
            left = right
        return sympy.And(*links) if links else left

    def sum(self) -> Expr | Boolean:
        value = self.product()
        while (token := self.take("+", "-")) is not None:
            left, right = self.expression(value, token), self.expression(self.product(), token)
            value = self.built(left + right if token.text == "+" else left - right, token)
        return value

    def product(self) -> Expr | Boolean:
        value = self.unary()
        while (token := self.take("*", "/")) is not None:
            left, right = self.expression(value, token), self.expression(self.unary(), token)
            if token.text == "/" and right.is_zero:
                raise InputError(
                    "a nonzero divisor",
                    f"a division by zero at position {token.position + 1} of {_quoted(self.text)}",
                    "change the divisor",
                )
            value = self.built(left * right if token.text == "*" else left / right, token)
        return value

    def unary(self) -> Expr | Boolean:
        token = self.take("-", "+")
        if token is None:
            return self.power()
        with_sign = self.nested(self.unary, token)
        operand = self.expression(with_sign, token)
        return -operand if token.text == "-" else operand

    def power(self) -> Expr | Boolean:
        base = self.atom()
        token = self.take("**")
        if token is None:
            return base
        exponent = self.expression(self.nested(self.unary, token), token)
        power = _guarded_power(self.expression(base, token), exponent, self.place(token))
        return self.built(power, token)

    def atom(self) -> Expr | Boolean:
        token = self.peek()
        if token is None:
            raise InputError(
                "a number, a name or a bracket",
                f"the end of {_quoted(self.text)}",
                "complete the formula",
            )
        if token.kind == "number":
            self.index += 1
            return _exact_number(token)
        if token.kind == "name" and token.text not in ("and", "or"):
            self.index += 1
            following = self.peek()
            if following is not None and following.text == "(":
                return self.call(token)
            return self.name(token)
        if token.text == "(":
            self.index += 1
            value = self.nested(self.disjunction, token)
            self.close(token)
            return value
        raise self.unexpected(token)

    def name(self, token: _Token) -> Expr:
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if token.text in self.symbols:
            return self.symbols[token.text]
        place = f"{token.text!r} at position {token.position + 1} of {_quoted(self.text)}"
        if _means_not_finite(token.text):
            raise InputError("real, finite numbers and names", place, "write a finite number")
        if token.text in RESERVED:
            raise InputError(
                f"the function with its argument, {token.text}(...)", place, "add the brackets"
            )
        return Symbol(token.text, real=True)

    def call(self, token: _Token) -> Expr:
        opening = self.tokens[self.index]
        self.index += 1
        known = {*FUNCTIONS, "piecewise"}
        if token.text not in known:
            advice = nearest_names(token.text, known)
            if token.text in self.symbols or len(token.text) == 1 or token.text in CONSTANTS:
                advice = f"write {token.text}*(...) for a product"
            raise InputError(
                "a function of the grammar",
                f"{token.text!r} at position {token.position + 1} of {_quoted(self.text)}",
                advice,
            )
        arguments = [self.nested(self.disjunction, token)]
        while self.take(",") is not None:
            arguments.append(self.nested(self.disjunction, token))
        self.close(opening)
        if token.text == "piecewise":
            return self.piecewise(arguments, token)
        if len(arguments) != 1:
            raise InputError(
                f"one argument of {token.text}",
                f"{len(arguments)} arguments at position {token.position + 1} "
                f"of {_quoted(self.text)}",
                "write decimals with a point",
            )
        argument = self.expression(arguments[0], token)
        _refuse_large_constant(argument, self.place(token))
        if token.text == "exp":
            _refuse_large_logarithms(argument, self.place(token))
        return self.built(FUNCTIONS[token.text](argument), token)

    def piecewise(self, arguments: list[Expr | Boolean], token: _Token) -> Expr:
        if len(arguments) < 3 or len(arguments) % 2 == 0:
            raise InputError(
                "piecewise(value, condition, ..., otherwise)",
                f"{len(arguments)} argument{'s' * (len(arguments) > 1)} "
                f"at position {token.position + 1} of {_quoted(self.text)}",
                "end with the value that holds otherwise",
            )
        *pairs, otherwise = arguments
        branches: list[tuple[Expr, Boolean]] = [
            (self.expression(value, token), self.condition(condition, token))
            for value, condition in zip(pairs[::2], pairs[1::2], strict=True)
        ]
        return self.built(
            sympy.Piecewise(*branches, (self.expression(otherwise, token), sympy.true)), token
        )

    def nested(self, rule: Callable[[], Expr | Boolean], token: _Token) -> Expr | Boolean:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise InputError(
                f"at most {MAX_NESTING} levels of nesting",
                f"a deeper one at position {token.position + 1} of {_quoted(self.text)}",
                "simplify the formula",
            )
        value = rule()
        self.depth -= 1
        return value

    def close(self, opening: _Token) -> None:
        if self.take(")") is not None:
            return
        token = self.peek()
        if token is None:
            raise InputError(
                "balanced brackets",
                f"an unclosed '(' at position {opening.position + 1} of {_quoted(self.text)}",
                "close it with ')'",
            )
        raise self.unexpected(token)

    # kinds of values

    def expression(self, value: Expr | Boolean, token: _Token) -> Expr:
        if not isinstance(value, Expr):
            raise InputError(
                f"an expression beside {token.text!r}",
                f"a condition {self.place(token)}",
                "conditions stand only in piecewise and in regions; check the brackets",
            )
        return value

    def comparable(self, value: Expr | Boolean, token: _Token) -> Expr:
        side = self.expression(value, token)
        if side.has(sympy.Piecewise):
            raise InputError(
                f"sides of {token.text!r} without piecewise",
                f"a piecewise {self.place(token)}",
                "compare within each branch instead",
            )
        return side

    def condition(self, value: Expr | Boolean, token: _Token) -> Boolean:
        if isinstance(value, Expr):
            raise InputError(
                f"a condition beside {token.text!r}",
                f"an expression {self.place(token)}",
                "compare it with < <= > >=",
            )
        return value

    # guards

    def place(self, token: _Token) -> str:
        return f"near position {token.position + 1} of {_quoted(self.text)}"

    def built(self, value: Expr, token: _Token) -> Expr:
        return _checked(value, self.place(token))


# --- guards -------------------------------------------------------------------------------------


def substitute(expression: Expr, values: Mapping[Symbol, Expr]) -> Expr:
    """`expression` with symbols replaced at once, under the same guards as parsed text.

    Raises
    ------
    InputError : an undefined or complex value, or a power too large to build.
    """
    return _substitute(expression, values, f"in {_quoted(str(expression))} with its values set")


def _substitute(value: Basic, values: Mapping[Symbol, Expr], place: str) -> Expr:
    if isinstance(value, Symbol):
        return values.get(value, value)
    if not value.args or not (value.free_symbols & set(values)):
        return value  # type: ignore[return-value]
    if isinstance(value, sympy.Derivative | sympy.Integral):
        return value.subs(dict(values), simultaneous=True)  # type: ignore[arg-type]
    arguments = [_substitute(argument, values, place) for argument in value.args]
    if isinstance(value, sympy.Pow):
        return _checked(_guarded_power(arguments[0], arguments[1], place), place)
    if isinstance(value, sympy.Function) and not isinstance(value, sympy.Piecewise):
        for argument in arguments:
            _refuse_large_constant(argument, place)
    if isinstance(value, sympy.exp):
        _refuse_large_logarithms(arguments[0], place)
    built = value.func(*arguments)
    return _checked(built, place) if isinstance(built, Expr) else built  # type: ignore[return-value]


def _checked(value: Expr, place: str) -> Expr:
    """`value`, unless it is undefined, not real, or grew out of bounds."""
    if value.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise InputError(
            "a finite value", f"an undefined one {place}", "remove the division by zero"
        )
    if value.has(sympy.I) or (value.is_number and value.is_real is False):
        raise InputError(
            "a real value",
            f"a complex one {place}",
            "take roots and logarithms of nonnegative numbers only",
        )
    if any(_length(number) > MAX_RATIONAL_BITS for number in _rationals(value)):
        raise InputError(
            f"numbers of at most {MAX_RATIONAL_BITS} bits",
            f"a longer one {place}",
            "write a large number as exp(...)",
        )
    for power in value.atoms(sympy.Pow):
        _refuse_large_exponent(power.base, power.exp, place)
    return value


def _guarded_power(base: Expr, exponent: Expr, place: str) -> Expr:
    if base is sympy.E:
        _refuse_large_logarithms(exponent, place)
    _refuse_large_exponent(base, exponent, place)
    _refuse_tower(exponent, place)
    for part in (base, exponent):
        _refuse_large_constant(part, place)
    return base**exponent


def _refuse_tower(exponent: Expr, place: str) -> None:
    """Refuse a tower of numbers: SymPy takes twice as long for each storey."""
    storeys = [power for power in exponent.atoms(sympy.Pow) if not power.exp.is_Rational]
    if exponent.is_number and len(storeys) > MAX_TOWER:
        raise InputError(
            f"at most {MAX_TOWER} powers inside an exponent that is a number",
            f"{len(storeys)} {place}",
            "write the exponent as a decimal",
        )


def _refuse_large_constant(argument: Expr, place: str) -> None:
    """Refuse a constant that is too large to take a function of, such as exp(exp(10))."""
    if not argument.is_number or argument.is_Rational:
        return
    value = argument.evalf(5)
    if not isinstance(value, sympy.Float):
        return
    _, mantissa, exponent, _ = value._mpf_
    if mantissa and exponent > MAX_MAGNITUDE_BITS:
        raise InputError(
            f"constants below 2**{MAX_MAGNITUDE_BITS} as arguments of functions and powers",
            f"a larger one {place}",
            "choose a smaller constant",
        )


def _refuse_large_exponent(base: Expr, exponent: Expr, place: str) -> None:
    """Refuse an exponent whose power is outside the grammar or would not fit in memory."""
    if isinstance(exponent, sympy.Integer):
        too_large = abs(int(exponent)) > MAX_EXPONENT
    else:
        too_large = base is not sympy.E and _largest_number(exponent) > MAX_RATIONAL_EXPONENT
    if too_large:
        raise InputError(
            f"integer exponents of at most {MAX_EXPONENT} in size",
            f"a larger one {place}",
            "choose a smaller exponent, or write the power as exp(...)",
        )
    if base is sympy.E:
        return
    bits = _bits(base) * max(1, _largest_number(exponent))
    if bits > MAX_RATIONAL_BITS:
        raise InputError(
            f"numbers of at most {MAX_RATIONAL_BITS} bits",
            f"a power of about {bits} bits {place}",
            "write a large number as exp(...)",
        )


def _refuse_large_logarithms(argument: Expr, place: str) -> None:
    """Refuse exp(n log x) with a large n, which SymPy turns into the power x**n."""
    if argument.has(sympy.log) and _largest_number(argument) > MAX_EXPONENT:
        raise InputError(
            f"multiples of logarithms inside exp of at most {MAX_EXPONENT} in size",
            f"a larger one {place}",
            "choose a smaller factor",
        )


def _means_not_finite(name: str) -> bool:
    return name == "I" or name.lower() in NOT_FINITE


def _exact_number(token: _Token) -> sympy.Rational:
    """The exact rational that a number token writes."""
    mantissa, _, exponent = token.text.lower().partition("e")
    if len(mantissa) > MAX_NUMBER_DIGITS or abs(int(exponent[:9] or 0)) > MAX_NUMBER_DIGITS:
        raise InputError(
            f"numbers of at most {MAX_NUMBER_DIGITS} digits",
            f"{_quoted(token.text)} at position {token.position + 1}",
            "shorten the number",
        )
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or 0) - len(fraction)
    digits = int((whole + fraction) or 0)
    power = 10 ** abs(shift)
    numerator, denominator = (digits * power, 1) if shift >= 0 else (digits, power)
    return sympy.Rational(numerator, denominator)  # type: ignore[return-value]


def _compare(operator: str, left: Expr, right: Expr) -> Boolean:
    """The comparison, with a constant on its right: 1 < w and w > 1 are one condition."""
    if left.is_number and not right.is_number:
        mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        return _compare(mirrored[operator], right, left)
    relation = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}[operator]
    return relation(left, right)


def _rationals(value: Basic) -> set[sympy.Rational]:
    return value.atoms(sympy.Rational)


def _largest_number(value: Expr) -> int:
    """A bound on the size of every rational number inside `value`."""
    return max((abs(number.p) // number.q + 1 for number in _rationals(value)), default=0) - 1


def _bits(value: Expr) -> int:
    """Bits of the longest numerator or denominator inside `value`, times how many there are.

    Zero where no number other than 0, 1 and -1 occurs, since powers of those do not grow.
    """
    numbers = [number for number in _rationals(value) if number not in (0, 1, -1)]
    return sum(map(_length, numbers))


def _length(number: sympy.Rational) -> int:
    """Bits of the numerator or the denominator, whichever is longer."""
    return max(abs(number.p).bit_length(), number.q.bit_length())
