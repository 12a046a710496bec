"""Errors of the numerical layer: each says what was expected, what came and what to do next."""


class ComputationError(ValueError):
    """A quantity that does not exist, or that could not be computed to the digits asked for.

    Parameters
    ----------
    expected : what the computation needs
    received : what it met (the point, the interval, the precision reached)
    advice : what to do next
    """

    def __init__(self, expected: str, received: str, advice: str = "") -> None:
        self.expected = expected
        self.received = received
        self.advice = advice
        message = f"expected {expected}; received {received}"
        super().__init__(f"{message}; {advice}" if advice else message)


class InfiniteMean(ComputationError):
    """The mean asked for is infinite: the reason is in the message."""


class InfiniteAtZero(InfiniteMean):
    """The same, because the mass gathers at a zero of C."""


class InfiniteDrift(ComputationError):
    """Paths are drawn to a point at which the drift is infinite."""


class PrecisionCapReached(ComputationError):
    """The digits asked for were not certain at the highest precision allowed."""


class Disagreement(ComputationError):
    """Two independent routes gave enclosures that exclude each other: both values are named."""
