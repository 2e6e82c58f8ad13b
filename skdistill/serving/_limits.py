"""What one client, and all of them together, may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass, fields

from skdistill._utils._checks import check_integer, check_real

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Limits of a server; whoever goes beyond one is told which.

    Parameters
    ----------
    connections : int, default=256
        Connections that are open at once; one more is answered 503 and closed.
    body_bytes : int, default=4194304
        Bytes of a request's body (413). It also bounds the time that reading its JSON takes.
    bodies_bytes : int, default=67108864
        Bytes of the bodies that are under way at once, of all requests together (503).
    series : int, default=1024
        Series of a panel request (422).
    waiting : int, default=4096
        Contexts that wait for their forecast, of all requests together (503).
    batch : int, default=256
        Contexts that are answered at once.
    head_seconds : float, default=10.0
        From the first byte of a request to the end of its head (408).
    body_seconds : float, default=20.0
        From the end of the head to the end of the body (408).
    answer_seconds : float, default=30.0
        From the end of the body until the client has taken in the answer (503, or the connection is cut).
    idle_seconds : float, default=30.0
        Without a byte on a connection that has no request under way.
    stop_seconds : float, default=10.0
        From SIGTERM to the end of the process.

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
