"""The server around the application: limits on connections, signals, and a time limit on shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._optional import import_optional
from skdistill.serving._app import make_app
from skdistill.serving._limits import Limits
from skdistill.serving._metrics import Metrics

__all__ = ["make_server", "serve"]

_LOG = logging.getLogger(__name__)
_LAST_PORT = 65535
_GRACE = 2.0  # extra seconds, so that the timeouts of the application, which send a response, come first
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_NOISE = ("Invalid HTTP request", "Unsupported upgrade request", "No supported WebSocket library")
_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def serve(
    path: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    watch: float | None = 1.0,
    access_log: bool = False,
) -> None:
    """Serve a saved student over HTTP until SIGTERM or Ctrl-C.

    There is no encryption and no authentication: use a proxy if other machines can reach the server.

    Parameters
    ----------
    path : str or Path
        A file written by ``save`` (``.skdistill``) or by ``export("student.npz")``. If the file is replaced, the new
        student is served at the next check or at SIGHUP; an invalid file is logged, and the old student stays.
    host : str, default="127.0.0.1"
        Address to listen on; the default can only be reached from the same machine.
    port : int, default=8000
        Port to listen on; 0 picks a free port, which is logged.
    limits : Limits or None, default=None
        None uses the defaults of :class:`Limits`.
    watch : float or None, default=1.0
        Seconds between checks for a changed file; None only waits for SIGHUP.
    access_log : bool, default=False
        Whether every request is logged.

    Raises
    ------
    ImportError
        If the extra is not installed: ``pip install 'skdistill[serve]'``.
    ValueError, OSError
        If the file cannot be served.
    SystemExit
        If the port is in use.

    Examples
    --------
    >>> from skdistill.serving import serve
    >>> serve("student.skdistill", port=8000)  # doctest: +SKIP
    """
    server = make_server(path, host=host, port=port, limits=limits, watch=watch, access_log=access_log)
    gc.collect()
    gc.freeze()  # loaded objects stay, so garbage collection need not scan them during requests
    before = {one: signal.signal(one, server.handle_exit) for one in (signal.SIGTERM, signal.SIGINT)}
    logging.getLogger("uvicorn.error").addFilter(_tells_more_than_a_client)
    try:
        server.run()  # passes the signal on to the handlers set here when it has ended
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        logging.getLogger("uvicorn.error").removeFilter(_tells_more_than_a_client)
        gc.unfreeze()
        server.end.set()


def _tells_more_than_a_client(record: logging.LogRecord) -> bool:
    """Drop log lines that a client can trigger without limit; the metrics count them."""
    return not record.getMessage().startswith(_NOISE)


def make_server(
    path: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    watch: float | None = 1.0,
    access_log: bool = False,
) -> Any:
    """Create the server that :func:`serve` runs.

    Parameters
    ----------
    path : str or Path
        File of the student.
    host : str, default="127.0.0.1"
        Address to listen on.
    port : int, default=8000
        Port to listen on; 0 picks a free port.
    limits : Limits or None, default=None
        None uses the defaults.
    watch : float or None, default=1.0
        Seconds between checks for a changed file; None never checks.
    access_log : bool, default=False
        Whether every request is logged.

    Returns
    -------
    server : uvicorn.Server
        A server with ``run()`` and ``should_exit``.
    """
    check_boolean(access_log, "access_log of serve")
    uvicorn: Any = import_optional("uvicorn", extra="serve", purpose="Serving")
    if check_integer(port, "port of serve", minimum=0) > _LAST_PORT:
        raise ValueError(f"port of serve must be at most {_LAST_PORT}; got {port}.")
    limits, metrics = limits or Limits(), Metrics()
    app = make_app(path, limits=limits, watch=watch, metrics=metrics)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_make_protocol(limits, metrics),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=access_log,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.stop_seconds - min(_GRACE, limits.stop_seconds / 2),  # the rest is for the end
    )
    server = _make_server_class()(config, app.state.file, limits, metrics)
    metrics.watch(connections=server.count_connections)
    return server


def _make_server_class() -> Any:
    """Create the server class here, because uvicorn is optional."""
    uvicorn: Any = import_optional("uvicorn", extra="serve", purpose="Serving")

    class Server(uvicorn.Server):
        """A server that limits its connections, reloads the model at SIGHUP, and ends within a time limit."""

        def __init__(self, config: Any, file: Any, limits: Limits, metrics: Metrics) -> None:
            super().__init__(config)
            self.end = threading.Event()  # set when the server has ended
            self._file, self._limits, self._metrics = file, limits, metrics

        def count_connections(self) -> int:
            return len(self.server_state.connections)

        async def serve(self, sockets: Any = None) -> None:
            tick = min(0.5, self._limits.head_seconds / 4, self._limits.idle_seconds / 4)
            sweeper = asyncio.create_task(self._sweep(tick))
            with self._reading_again_at_hangup():
                try:
                    await super().serve(sockets)
                finally:
                    sweeper.cancel()

        def handle_exit(self, sig: int, frame: Any) -> None:
            if not self.should_exit:
                threading.Thread(target=self._end_in_time, name="skdistill-stop", daemon=True).start()
            super().handle_exit(sig, frame)

        def _end_in_time(self) -> None:
            """End the process even if something still blocks it, such as a forecast that takes minutes."""
            if not self.end.wait(self._limits.stop_seconds):
                _LOG.error("ended by force, %g seconds after the signal", self._limits.stop_seconds)
                os._exit(1)

        async def _sweep(self, tick: float) -> None:
            while True:
                await asyncio.sleep(tick)
                for connection in list(self.server_state.connections):
                    connection.check_time()

        @contextlib.contextmanager
        def _reading_again_at_hangup(self) -> Any:
            hangup = getattr(signal, "SIGHUP", None)  # not on Windows
            if hangup is None or threading.current_thread() is not threading.main_thread():
                yield
                return
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(hangup, self._file.reload)
            try:
                yield
            finally:
                loop.remove_signal_handler(hangup)

    return Server


def _make_protocol(limits: Limits, metrics: Metrics) -> Any:
    """Create the connection class here, because uvicorn is optional."""
    implementation: Any = import_optional("uvicorn.protocols.http.h11_impl", extra="serve", purpose="Serving")
    seconds = {
        "idle": limits.idle_seconds,
        "head": limits.head_seconds,
        "body": limits.body_seconds + _GRACE,
        "answer": limits.answer_seconds + _GRACE,
        "closing": _GRACE,
    }

    class Connection(implementation.H11Protocol):
        """A connection with a time limit for every phase; invalid input from the client never causes a traceback."""

        def connection_made(self, transport: Any) -> None:
            self._heard = False  # whether a byte of the next request has arrived
            self._phase: tuple[str, Any] = ("idle", None)
            super().connection_made(transport)
            self._since = self.loop.time()
            if len(self.connections) > limits.connections:
                self._close("too many connections", _BUSY)

        def data_received(self, data: bytes) -> None:
            if not self._heard and self._find_phase()[0] == "idle":
                self._heard = True
                self._since = self.loop.time()
            self._guarded(lambda: super(Connection, self).data_received(data))

        def on_response_complete(self) -> None:
            self._heard = bool(self.conn.trailing_data[0])  # of a request that was sent early
            super().on_response_complete()

        def timeout_keep_alive_handler(self) -> None:
            metrics.note_closed("idle")
            self._guarded(super().timeout_keep_alive_handler)

        def check_time(self) -> None:
            """Close the connection if its phase has lasted too long."""
            phase = self._find_phase()
            if phase != self._phase:
                if phase[0] != "head":
                    self._since = self.loop.time()
                self._phase = phase
            if self.loop.time() - self._since < seconds[phase[0]]:
                return
            if phase[0] == "closing" or phase[0] == "answer":
                self._cut(f"{phase[0]} too slow")
            elif phase[0] == "idle":
                self._close("idle", b"")
            else:
                self._close(f"{phase[0]} too slow", _LATE)

        def _find_phase(self) -> tuple[str, Any]:
            if self.transport.is_closing():
                return "closing", None
            cycle = self.cycle
            if cycle is None or cycle.response_complete:
                return ("head" if self._heard else "idle"), cycle
            return ("body" if cycle.more_body else "answer"), cycle

        def _close(self, reason: str, last_words: bytes) -> None:
            metrics.note_closed(reason)
            self.transport.write(last_words)
            self.transport.close()

        def send_400_response(self, msg: str) -> None:
            super().send_400_response(msg)
            metrics.note_closed("not HTTP")
            self._silence()

        def _guarded(self, call: Callable[[], None]) -> None:
            try:
                call()
            except Exception:  # h11 raises if a client disconnects in the middle
                self._cut("not HTTP")

        def _cut(self, reason: str) -> None:
            metrics.note_closed(reason)
            self.transport.abort()
            self._silence()

        def _silence(self) -> None:
            """Let a request in progress end without a response, because the client is gone."""
            if self.cycle is not None and not self.cycle.response_complete:
                self.cycle.disconnected = True
                self.cycle.message_event.set()

    return Connection
