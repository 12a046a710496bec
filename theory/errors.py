"""The one error the theory raises for input that has no meaning in it."""


class InputError(ValueError):
    """Input outside the admissible domain.

    Parameters
    ----------
    expected : what would have been accepted
    received : what came
    advice : what to do next
    """

    def __init__(self, expected: str, received: str, advice: str = "") -> None:
        self.expected = expected
        self.received = received
        self.advice = advice
        message = f"expected {expected}; received {received}"
        super().__init__(f"{message}; {advice}" if advice else message)
