"""Requests that cannot be answered."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """Raised for a request that cannot be answered.

    Parameters
    ----------
    status : int
        HTTP status code of the response.
    reason : str
        Explanation for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
