"""LaTeX of statements, steps and whole ledgers: every formula with its verdict.

Everything is read off the claims' data. The document needs only amsmath, amssymb
and graphicx.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter

from exitlaw.claim import (
    Bound,
    Claim,
    ClaimBody,
    Domain,
    Equality,
    Equivalence,
    LimitStatement,
    Range,
    Statement,
)
from exitlaw.results import ClaimResult
from exitlaw.verdict import Verdict

PREAMBLE = r"""\documentclass[a4paper,11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb,graphicx}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\allowdisplaybreaks
\begin{document}
"""

FITTED = r"""% A formula as it is, or shrunk to the line where it would not fit.
\providecommand{\fitted}[1]{\sbox0{$\displaystyle #1$}%
  \ifdim\wd0>0.9\linewidth\resizebox{0.9\linewidth}{!}{\usebox0}\else\usebox0\fi}
"""

END = "\\end{document}\n"

SYMBOL_NAMES = {"Delta_L": r"\Delta L", "eta": r"\eta"}
"""Names whose LaTeX SymPy's rules would get wrong."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
}

LETTERS = (
    ("α", "alpha"), ("β", "beta"), ("γ", "gamma"), ("δ", "delta"), ("ε", "varepsilon"),
    ("ζ", "zeta"), ("η", "eta"), ("θ", "theta"), ("ι", "iota"), ("κ", "kappa"),
    ("λ", "lambda"), ("μ", "mu"), ("ν", "nu"), ("ξ", "xi"), ("π", "pi"), ("ρ", "rho"),
    ("σ", "sigma"), ("τ", "tau"), ("υ", "upsilon"), ("φ", "varphi"), ("χ", "chi"),
    ("ψ", "psi"), ("ω", "omega"), ("Γ", "Gamma"), ("Δ", "Delta"), ("Θ", "Theta"),
    ("Λ", "Lambda"), ("Ξ", "Xi"), ("Π", "Pi"), ("Σ", "Sigma"), ("Φ", "Phi"), ("Ψ", "Psi"),
    ("Ω", "Omega"),
)  # fmt: skip

GREEK = {letter: rf"\ensuremath{{\{name}}}" for letter, name in LETTERS}

SIGNS = {
    "∞": r"\ensuremath{\infty}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "≠": r"\ensuremath{\ne}",
    "≈": r"\ensuremath{\approx}",
    "→": r"\ensuremath{\to}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "∫": r"\ensuremath{\int}",
    "√": r"\ensuremath{\surd}",
    "∈": r"\ensuremath{\in}",
    "∝": r"\ensuremath{\propto}",
    "∘": r"\ensuremath{\circ}",
    "−": r"\ensuremath{-}",
    "∂": r"\ensuremath{\partial}",
    "²": r"\ensuremath{^2}",
    "³": r"\ensuremath{^3}",
    "½": r"\ensuremath{\tfrac12}",
    "𝓛": r"\ensuremath{\mathcal{L}}",
    "’": "'",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
}

ESCAPES = {**SPECIAL, **GREEK, **SIGNS}


def text(plain: str) -> str:
    """Plain text with what LaTeX or its font would not print written out."""
    return "".join(
        ESCAPES.get(c, c if ord(c) < 128 or c in "äöüÄÖÜßéèêôçâîñ" else "?") for c in plain
    )


COMMANDS = frozenset("\\$%#&~")
"""What would be a command in a name: such names are printed as text."""


class _Printer(LatexPrinter):
    """SymPy's printer with the field's notation for a few names."""

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:
        if expr.name in SYMBOL_NAMES:
            return SYMBOL_NAMES[expr.name]
        if COMMANDS & set(expr.name):
            return rf"\text{{{text(expr.name)}}}"
        return super()._print_Symbol(expr, style)

    def _print_Function(self, expr: sympy.Function, exp: str | None = None) -> str:
        name = expr.func.__name__
        if COMMANDS & set(name):
            inside = ", ".join(self._print(a) for a in expr.args)
            printed = rf"\text{{{text(name)}}}\left({inside}\right)"
            return printed if exp is None else f"{{{printed}}}^{{{exp}}}"
        if isinstance(expr, AppliedUndef) and len(name) > 2:
            base = name.split("_")[0]
            if len(base) > 1 and base not in GREEK_NAMES:
                inside = ", ".join(self._print(a) for a in expr.args)
                printed = rf"\operatorname{{{name.replace('_', ' ')}}}\left({inside}\right)"
                return printed if exp is None else f"{{{printed}}}^{{{exp}}}"
        return super()._print_Function(expr, exp)


GREEK_NAMES = frozenset(name for _, name in LETTERS) | {"phi", "epsilon"}


def formula(expression: Basic) -> str:
    """LaTeX of an expression or condition."""
    return _Printer({"ln_notation": False, "inv_trig_style": "full"}).doprint(expression)


def statement(claimed: Statement | Basic) -> str:
    """LaTeX of a statement or relation, without delimiters."""
    if isinstance(claimed, Equality):
        return f"{formula(claimed.lhs)} = {formula(claimed.rhs)}"
    if isinstance(claimed, Bound):
        sign = "<" if claimed.strict else r"\le"
        return rf"{formula(claimed.lhs)} {sign} {formula(claimed.rhs)}"
    if isinstance(claimed, Equivalence):
        return rf"{formula(claimed.lhs)} \iff {formula(claimed.rhs)}"
    if isinstance(claimed, LimitStatement):
        return _limit(claimed)
    return formula(claimed)


def _limit(claimed: LimitStatement) -> str:
    end = rf"{formula(claimed.variable)} \to {formula(claimed.to)}"
    arrow = r"\sim" if claimed.rhs.has(claimed.variable) else r"\to"
    line = rf"{formula(claimed.lhs)} {arrow} {formula(claimed.rhs)} \quad ({end})"
    if claimed.remainder is not None:
        ratio = rf"\frac{{{formula(claimed.lhs)}}}{{{formula(claimed.rhs)}}}"
        line += rf", \qquad \left|{ratio} - 1\right| \le {formula(claimed.remainder)}"
    return line


def domain(where: Domain) -> str:
    """LaTeX of the ranges and constraints, in a sentence."""
    parts = [f"${formula(symbol)} {_range(allowed)}$" for symbol, allowed in where.ranges.items()]
    parts += [f"${formula(constraint)}$" for constraint in where.constraints]
    return ", ".join(parts)


def _range(allowed: Range) -> str:
    if allowed.values:
        return r"\in \{" + ", ".join(listed(allowed.values, formula, r"\ldots")) + r"\}"
    low, high = (formula(sympy.sympify(str(end))) for end in (allowed.low, allowed.high))
    return rf"\in [{low}, {high}]"


def listed(
    values: Sequence[sympy.Expr], printed: Callable[[sympy.Expr], str], dots: str
) -> list[str]:
    """Values one by one; of more than eight, the first three and the last."""
    if len(values) <= 8:
        return [printed(value) for value in values]
    return [*map(printed, values[:3]), dots, printed(values[-1])]


VERDICT_MARKS = {
    Verdict.PROVED: r"\textbf{proved}",
    Verdict.CERTIFIED: r"\textbf{certified}",
    Verdict.AGREES: r"\textbf{agrees}",
    Verdict.CONSISTENT: r"\textbf{consistent}",
    Verdict.REFUTED: r"\textbf{refuted}",
    Verdict.UNKNOWN: r"\emph{unknown}",
    Verdict.CONFLICT: r"\textbf{conflict}",
}


def label(id: str) -> str:
    """A label for `\\ref`: the claim's id."""
    return "eq:" + re.sub(r"[^A-Za-z0-9/-]", "-", id)


def display(line: str, name: str | None = None) -> str:
    """A numbered display; a long formula is broken where that is possible, else shrunk."""
    mark = rf"\label{{{name}}}" if name else ""
    lines = _broken(line)
    if len(lines) == 1:
        return f"\\begin{{equation}}{mark}\n\\fitted{{{line}}}\n\\end{{equation}}\n"
    inner = "\\\\\n".join(rf"& \fitted{{{part}}}" for part in lines)
    inner = f"\\begin{{aligned}}\n{inner}\n\\end{{aligned}}"
    return f"\\begin{{equation}}{mark}\n{inner}\n\\end{{equation}}\n"


LONG = 110
"""Characters of source after which a line is broken at the next place."""

BRACKETS = re.compile(
    r"\\[{}]|(?P<open>\\left|\\begin|{)|(?P<close>\\right|\\end|})"
    r"|(?P<place> (?=(?:=|\\to|\\sim|\\le|\\iff|<|\+|-) ))"
)


def _broken(line: str) -> list[str]:
    """Cut a long line before relations and terms that stand outside all brackets."""
    pieces, start, depth = [], 0, 0
    for match in BRACKETS.finditer(line):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
        elif match["place"] and depth == 0 and match.start() - start > LONG:
            pieces.append(line[start : match.start()])
            start = match.end()
    return [*pieces, line[start:]]


def claim_section(claim: Claim, body: ClaimBody, result: ClaimResult | None) -> str:
    """One claim: title, verdict, statement, domain, hypotheses, source, derivation."""
    verdict = "" if result is None else f" --- {VERDICT_MARKS[result.verdict]}"
    lines = [
        rf"\subsection*{{{text(claim.title)}}}",
        rf"\texttt{{{text(claim.id)}}}{verdict}",
        "",
        display(statement(body.statement), label(claim.id)),
    ]
    where = domain(body.domain)
    if where:
        lines.append(f"for {where}.")
    if body.conditions:
        lines.append("Hypotheses: " + text("; ".join(body.conditions)) + ".")
    lines.append(f"Source: {text(claim.source)}.\n")
    if result is not None:
        lines.append(text(f"Decided by: {result.why()}.") + "\n")
        if result.mutants:
            lines.append(
                f"Mutants: {len(result.mutants)} tried, {result.count('refuted')} refuted, "
                f"{result.count('equivalent')} equivalent, {result.count('survived')} survived.\n"
            )
    if body.derivation is not None:
        lines.append(r"\begin{enumerate}\setlength{\itemsep}{0pt}")
        for step in body.derivation.steps:
            lines.append(rf"\item {text(step.name)} ({text(step.rule)}):")
            lines.append(display(statement(step.relation)))
        lines.append(r"\end{enumerate}")
    return "\n".join(lines) + "\n"


def document(sections: Iterable[str], heading: str, *, fragment: bool = False) -> str:
    """A document that compiles as it is printed, or its body alone."""
    body = FITTED + "\n".join(sections)
    if fragment:
        return f"% Needs the packages amsmath, amssymb and graphicx.\n{body}"
    return PREAMBLE + f"\\section*{{{text(heading)}}}\n" + body + END
