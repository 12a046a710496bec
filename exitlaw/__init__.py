"""Exitlaw: is a formula about escape times true, where, and how do we know?

The public names are loaded when first used, so that importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from exitlaw.checks import (
        Antiderivative,
        ChangeOfVariables,
        CheckResult,
        DefiniteIntegral,
        Definition,
        Identity,
        Inequality,
        LemmaUse,
        LimitCheck,
        LogDerivative,
        Squeeze,
        Substitution,
    )
    from exitlaw.claim import (
        REGISTRY,
        Bound,
        Claim,
        ClaimBody,
        Domain,
        Equality,
        Equivalence,
        LimitStatement,
        Mutant,
        Point,
        Range,
        claim,
    )
    from exitlaw.derivation import Derivation, Step
    from exitlaw.differential_equations import SolvesODE
    from exitlaw.diffusion import Diffusion
    from exitlaw.diffusion_nd import DiffusionND
    from exitlaw.evidence import (
        BoundOverRegion,
        Certificate,
        Context,
        EnclosureComparison,
        Finding,
        MonteCarloTest,
    )
    from exitlaw.exporting import export
    from exitlaw.inference import (
        GoodnessOfFit,
        TailInference,
        goodness_of_fit,
        scaling_test,
        tail_index,
    )
    from exitlaw.results import ClaimResult, Report
    from exitlaw.samples import SampleLosses, SampleLossesND
    from exitlaw.verdict import Verdict
    from exitlaw.verification import check_file, verify
    from numerics.enclosure import Enclosure
    from numerics.testing import ScalingTest, SequentialTest
    from theory.errors import InputError

_HOMES = {
    "exitlaw.checks": (
        "Antiderivative", "ChangeOfVariables", "CheckResult", "DefiniteIntegral", "Definition",
        "Identity", "Inequality", "LemmaUse", "LimitCheck", "LogDerivative", "Squeeze",
        "Substitution",
    ),
    "exitlaw.claim": (
        "REGISTRY", "Bound", "Claim", "ClaimBody", "Domain", "Equality", "Equivalence",
        "LimitStatement", "Mutant", "Point", "Range", "claim",
    ),
    "exitlaw.derivation": ("Derivation", "Step"),
    "exitlaw.differential_equations": ("SolvesODE",),
    "exitlaw.diffusion": ("Diffusion",),
    "exitlaw.diffusion_nd": ("DiffusionND",),
    "exitlaw.evidence": (
        "BoundOverRegion", "Certificate", "Context", "EnclosureComparison", "Finding",
        "MonteCarloTest",
    ),
    "exitlaw.exporting": ("export",),
    "exitlaw.inference": (
        "GoodnessOfFit", "TailInference", "goodness_of_fit", "scaling_test", "tail_index",
    ),
    "exitlaw.results": ("ClaimResult", "Report"),
    "exitlaw.samples": ("SampleLosses", "SampleLossesND"),
    "exitlaw.verdict": ("Verdict",),
    "exitlaw.verification": ("check_file", "verify"),
    "numerics.enclosure": ("Enclosure",),
    "numerics.testing": ("ScalingTest", "SequentialTest"),
    "theory.errors": ("InputError",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "REGISTRY",
    "Antiderivative",
    "Bound",
    "BoundOverRegion",
    "Certificate",
    "ChangeOfVariables",
    "CheckResult",
    "Claim",
    "ClaimBody",
    "ClaimResult",
    "Context",
    "DefiniteIntegral",
    "Definition",
    "Derivation",
    "Diffusion",
    "DiffusionND",
    "Domain",
    "Enclosure",
    "EnclosureComparison",
    "Equality",
    "Equivalence",
    "Finding",
    "GoodnessOfFit",
    "Identity",
    "Inequality",
    "InputError",
    "LemmaUse",
    "LimitCheck",
    "LimitStatement",
    "LogDerivative",
    "MonteCarloTest",
    "Mutant",
    "Point",
    "Range",
    "Report",
    "SampleLosses",
    "SampleLossesND",
    "ScalingTest",
    "SequentialTest",
    "SolvesODE",
    "Squeeze",
    "Step",
    "Substitution",
    "TailInference",
    "Verdict",
    "__version__",
    "check_file",
    "claim",
    "export",
    "goodness_of_fit",
    "scaling_test",
    "tail_index",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("exitlaw")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
