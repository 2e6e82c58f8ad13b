"""Limits on the requests of one client and of all clients together."""

from __future__ import annotations

from dataclasses import dataclass, fields

from skdistill._utils._checks import check_integer, check_real

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Limits of a server; a response names the limit that was exceeded.

    Parameters
    ----------
    connections : int, default=256
        Maximum number of open connections; further ones get status 503 and are closed.
    body_bytes : int, default=4194304
        Maximum size of a request body (413). It also limits the time spent on parsing its JSON.
    bodies_bytes : int, default=67108864
        Maximum total size of the bodies being received, over all requests (503).
    series : int, default=1024
        Maximum number of series in a panel request (422).
    waiting : int, default=4096
        Maximum number of contexts waiting for a forecast, over all requests (503). A request of more is taken while no
        other waits.
    batch : int, default=256
        Maximum number of contexts in a batch. A request of more, by ``series``, is a batch of its own.
    head_seconds : float, default=10.0
        Maximum time from the first byte of a request to the end of its headers (408).
    body_seconds : float, default=20.0
        Maximum time from the end of the headers to the end of the body (408).
    answer_seconds : float, default=30.0
        Maximum time from the end of the body until the client has received the response (503, or the connection is
        closed).
    idle_seconds : float, default=30.0
        Maximum time without data on a connection that has no request in progress.
    stop_seconds : float, default=10.0
        Maximum time from SIGTERM to the end of the server, which running requests have all but two seconds of (half of
        it, if it is below four). Python takes a moment more to leave.

    Raises
    ------
    ValueError, TypeError
        If a limit is not positive.

    Examples
    --------
    >>> from skdistill.serving import Limits
    >>> Limits(body_bytes=1 << 16).connections
    256
    """

    connections: int = 256
    body_bytes: int = 4 << 20
    bodies_bytes: int = 64 << 20
    series: int = 1024
    waiting: int = 4096
    batch: int = 256
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 30.0
    idle_seconds: float = 30.0
    stop_seconds: float = 10.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value, name = getattr(self, one.name), f"{one.name} of Limits"
            if one.name.endswith("seconds"):
                check_real(value, name, minimum=0.0, include_minimum=False)
            else:
                check_integer(value, name)
