"""The one error type for what a user can cause."""


class InputError(ValueError):
    """Something the user gave cannot be used. The message is one line: the offending value and what to do."""
