"""Errors with a code, as docs/errors.md lists them."""


class BatchError(Exception):
    """A problem that a user can do something about: code, and a text with place, value and
    remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
