"""The server around the application: slow, idle and too many connections, signals, and an end within a limit."""

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

from skdistill._utils._checks import check_integer
from skdistill._utils._optional import import_optional
from skdistill.serving._app import make_app
from skdistill.serving._limits import Limits
from skdistill.serving._metrics import Metrics

__all__ = ["make_server", "serve"]

_LOG = logging.getLogger(__name__)
_LAST_PORT = 65535
_GRACE = 2.0  # seconds more than the application's own time-outs, which answer more politely
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

    There is no encryption and no password: beyond the own machine, put a proxy in front.

    Parameters
    ----------
    path : str or Path
        A file of ``save`` (``.skdistill``) or of ``export("student.npz")``. A new file in its place is served once
        it is noticed, or at SIGHUP; a bad one is logged, and the old student goes on.
    host : str, default="127.0.0.1"
        The address to listen at; this one is reached from this machine alone.
    port : int, default=8000
        The port; 0 takes a free one, which is logged.
    limits : Limits or None, default=None
        None takes the defaults of :class:`Limits`.
    watch : float or None, default=1.0
        How often, in seconds, to look whether the file has changed; None waits for SIGHUP.
    access_log : bool, default=False
        Whether every request is logged.

    Raises
    ------
    ImportError
        Without the extra: ``pip install 'skdistill[serve]'``.
    ValueError, OSError
        If the file cannot be served.
    SystemExit
        If the port is taken.

    Examples
    --------
    >>> from skdistill.serving import serve
    >>> serve("student.skdistill", port=8000)  # doctest: +SKIP
    """
    server = make_server(path, host=host, port=port, limits=limits, watch=watch, access_log=access_log)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no collection walks through it while a request waits
    before = {one: signal.signal(one, server.handle_exit) for one in (signal.SIGTERM, signal.SIGINT)}
    logging.getLogger("uvicorn.error").addFilter(_tells_more_than_a_client)
    try:
        server.run()  # which gives the signal on, once it has ended, to the handlers set here
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        logging.getLogger("uvicorn.error").removeFilter(_tells_more_than_a_client)
        gc.unfreeze()
        server.end.set()


def _tells_more_than_a_client(record: logging.LogRecord) -> bool:
    """Leave out lines that any client can write as often as it likes; the metrics count them."""
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
    """Make the server that :func:`serve` runs.

    Parameters
    ----------
    path : str or Path
        The student's file.
    host : str, default="127.0.0.1"
        The address to listen at.
    port : int, default=8000
        The port; 0 takes a free one.
    limits : Limits or None, default=None
        None takes the defaults.
    watch : float or None, default=1.0
        How often, in seconds, to look whether the file has changed; None never does.
    access_log : bool, default=False
        Whether every request is logged.

    Returns
    -------
    server : uvicorn.Server
        With ``run()`` and ``should_exit``.
    """
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
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    server = _make_server_class()(config, app.state.file, limits, metrics)
    metrics.watch(connections=server.count_connections)
    return server


def _make_server_class() -> Any:
    """Make the class of servers here, where uvicorn is installed."""
    uvicorn: Any = import_optional("uvicorn", extra="serve", purpose="Serving")

    class Server(uvicorn.Server):
        """A server that looks after its connections, reads the model again at SIGHUP, and ends in time."""

        def __init__(self, config: Any, file: Any, limits: Limits, metrics: Metrics) -> None:
            super().__init__(config)
            self.end = threading.Event()  # set once everything is over
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
            """End the process though something still holds it, a forecast that takes minutes for example."""
            if not self.end.wait(self._limits.stop_seconds + _GRACE):
                _LOG.error("ended by force, %g seconds after the signal", self._limits.stop_seconds + _GRACE)
                os._exit(1)

        async def _sweep(self, tick: float) -> None:
            while True:
                await asyncio.sleep(tick)
                for connection in list(self.server_state.connections):
                    connection.check_time()

        @contextlib.contextmanager
        def _reading_again_at_hangup(self) -> Any:
            hangup = getattr(signal, "SIGHUP", None)  # Windows has none
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
    """Make the class of connections here, where uvicorn is installed."""
    implementation: Any = import_optional("uvicorn.protocols.http.h11_impl", extra="serve", purpose="Serving")
    seconds = {
        "idle": limits.idle_seconds,
        "head": limits.head_seconds,
        "body": limits.body_seconds + _GRACE,
        "answer": limits.answer_seconds + _GRACE,
        "closing": _GRACE,
    }

    class Connection(implementation.H11Protocol):
        """A connection whose every phase has a time limit; what its client sends never ends in a traceback."""

        def connection_made(self, transport: Any) -> None:
            self._heard = False  # a byte of the next request
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
            self._heard = bool(self.conn.trailing_data[0])  # of a request that came early
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
            except Exception:  # h11 refuses to go on where a client breaks off in the middle
                self._cut("not HTTP")

        def _cut(self, reason: str) -> None:
            metrics.note_closed(reason)
            self.transport.abort()
            self._silence()

        def _silence(self) -> None:
            """Let a request that is under way end without an answer: there is nobody to take it."""
            if self.cycle is not None and not self.cycle.response_complete:
                self.cycle.disconnected = True
                self.cycle.message_event.set()

    return Connection
