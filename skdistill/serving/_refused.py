"""Requests that cannot be answered."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """A request that cannot be answered, and the sentence that says why.

    Parameters
    ----------
    status : int
        The status code of the answer.
    reason : str
        What the client is told.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
