"""The ASGI application: its paths, and a response to every request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from skdistill._utils._checks import check_real
from skdistill._utils._optional import import_optional
from skdistill.serving._batcher import Batcher
from skdistill.serving._limits import Limits
from skdistill.serving._metrics import Metrics
from skdistill.serving._model import ModelFile
from skdistill.serving._openapi import PAGE, describe
from skdistill.serving._refused import Refused
from skdistill.serving._requests import make_reader, write_answer

__all__ = ["make_app"]

_LOG = logging.getLogger(__name__)
_LINGER = 1.0  # seconds to keep reading a body that is too large, so that the client gets to read the response

Handler = Callable[[Any], Awaitable[Any]]


def make_app(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    watch: float | None = 1.0,
    metrics: Metrics | None = None,
) -> Any:
    """Create the ASGI application that serves a saved student.

    The server handles timeouts of headers and idle connections and the limit on connections, so these need
    :func:`serve`. The application handles all other limits.

    Parameters
    ----------
    path : str or Path
        A file written by ``save`` (``.skdistill``) or by ``export("student.npz")``.
    limits : Limits or None, default=None
        None uses the defaults of :class:`Limits`.
    watch : float or None, default=1.0
        Seconds between checks for a changed file, which is then read again. None never checks.
    metrics : Metrics or None, default=None
        The counters to use. None creates new ones.

    Returns
    -------
    app : starlette.applications.Starlette
        Paths ``/forecast``, ``/model``, ``/health``, ``/metrics``, ``/openapi.json`` and ``/docs``; ``app.state.file``
        has ``reload()``.

    Raises
    ------
    ImportError
        If the extra is not installed: ``pip install 'skdistill[serve]'``.
    ValueError, OSError
        If the file does not exist, or its student cannot be served.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.serving import make_app
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0).to_numpy()
    >>> path = Path(tempfile.mkdtemp()) / "student.skdistill"
    >>> DistilledForecaster(None, "linear", "response", context_length=24, prediction_length=6).fit(series).save(path)
    >>> [route.path for route in make_app(path).routes]
    ['/forecast', '/model', '/health', '/metrics', '/openapi.json', '/docs']
    """
    applications: Any = import_optional("starlette.applications", extra="serve", purpose="Serving")
    routing: Any = import_optional("starlette.routing", extra="serve", purpose="Serving")
    if watch is not None:
        check_real(watch, "watch of serving", minimum=0.0, include_minimum=False)
    limits, metrics = limits or Limits(), metrics or Metrics()
    file = ModelFile(path, metrics.note_reload)
    server = _Handlers(file, limits, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        watcher = asyncio.create_task(file.watch(watch))
        try:
            yield
        finally:
            watcher.cancel()
            server.batcher.close()

    answering = {path: server.answering(path, handler) for path, handler in server.paths().items()}
    routes = [
        routing.Route(path, handler, methods=["POST" if path == "/forecast" else "GET"])
        for path, handler in answering.items()
    ]
    app = applications.Starlette(routes=routes, lifespan=lifespan, exception_handlers=server.exception_handlers())
    app.router.redirect_slashes = False  # a path with a slash at its end is none
    app.state.file = file
    metrics.watch(waiting=lambda: server.batcher.waiting, loaded=lambda: file.model.loaded)
    return app


def _check_head(request: Any) -> None:
    """Refuse what the head of a forecast asks for and does not get."""
    if request.url.query:
        raise Refused(
            422, f"/forecast takes no query; got {request.url.query[:80]!r}. What is asked for is in the body."
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise Refused(415, f"the body must not be compressed; got content-encoding: {encoding[:80]!r}.")


class _Handlers:
    """The handlers of all paths."""

    def __init__(self, file: ModelFile, limits: Limits, metrics: Metrics) -> None:
        from skdistill._version import __version__

        self._json: Any = import_optional("msgspec", extra="serve", purpose="Serving").json
        self._requests: Any = import_optional("starlette.requests", extra="serve", purpose="Serving")
        self._responses: Any = import_optional("starlette.responses", extra="serve", purpose="Serving")
        self._file, self._limits, self._metrics, self._version = file, limits, metrics, __version__
        self._read = make_reader(limits)
        self.batcher = Batcher(limits, metrics.note_batch)
        self._held = 0  # bytes of request bodies in progress

    def paths(self) -> dict[str, Handler]:
        return {
            "/forecast": self._forecast,
            "/model": self._model,
            "/health": self._health,
            "/metrics": self._metrics_text,
            "/openapi.json": self._openapi,
            "/docs": self._page,
        }

    def answering(self, path: str, handler: Handler) -> Handler:
        """Wrap a handler so that every outcome gives a response and is counted."""
        is_forecast = path == "/forecast"

        async def answer(request: Any) -> Any:
            started = time.perf_counter()
            try:
                response = await handler(request)
            except Refused as refused:
                response = self._refusal(refused)
            except self._requests.ClientDisconnect:
                self._metrics.note_closed("client left")
                response = self._responses.Response(status_code=499)  # the client is gone
            except asyncio.CancelledError:
                response = self._refusal(Refused(503, "the server is stopping."))
            except Exception:
                _LOG.exception("a request to %s failed", path)
                response = self._refusal(Refused(500, "the server failed; its log says more."))
            if is_forecast:
                self._metrics.seconds.observe(time.perf_counter() - started)
            self._metrics.requests.labels(path, response.status_code).inc()
            return response

        return answer

    def exception_handlers(self) -> dict[Any, Callable[..., Awaitable[Any]]]:
        """Respond to unknown paths and methods in the same form as all other errors."""

        async def refuse(request: Any, error: Any) -> Any:
            self._metrics.requests.labels("other", error.status_code).inc()
            paths = ", ".join(self.paths())
            reason = f"there is nothing at {request.url.path[:80]}: the paths are {paths}."
            if error.status_code == 405:
                reason = f"{request.url.path} does not take {request.method[:20]}: POST for /forecast, GET for others."
            return self._reply({"error": reason}, error.status_code, dict(error.headers or {}))

        return {404: refuse, 405: refuse}

    def _reply(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
        body = self._json.encode(content)
        return self._responses.Response(body, status, headers, media_type="application/json")

    def _refusal(self, refused: Refused) -> Any:
        headers = {"retry-after": "1"} if refused.status == 503 else {}
        if refused.status in (408, 413, 503):
            headers["connection"] = "close"  # the rest of the body is not read
        return self._reply({"error": str(refused)}, refused.status, headers)

    async def _forecast(self, request: Any) -> Any:
        body = await self._read_body(request)
        _check_head(request)
        model = self._file.model  # keep one model for the whole request, even if a new one is loaded
        question = self._read(body, model)
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                forecasts, quantiles = await self.batcher.answer(
                    model, question.contexts, question.levels, question.series, question.future, question.static
                )
        except TimeoutError:
            raise Refused(503, f"no forecast within {self._limits.answer_seconds:g} seconds: try again.") from None
        return self._reply(write_answer(question, forecasts, quantiles))

    async def _read_body(self, request: Any) -> bytes:
        seconds, parts = self._limits.body_seconds, bytearray()
        try:
            async with asyncio.timeout(seconds):
                await self._collect(request, parts)
        except TimeoutError:
            raise Refused(408, f"the body must arrive within {seconds:g} seconds.") from None
        finally:
            self._held -= len(parts)
        return bytes(parts)

    async def _collect(self, request: Any, parts: bytearray) -> None:
        """Collect the parts of a body; past the limit, read it a little longer and drop it."""
        too_large = Refused(413, f"the body must have at most {self._limits.body_bytes} bytes.")
        declared = int(request.headers.get("content-length", 0))
        refused, more = too_large if declared > self._limits.body_bytes else None, True
        while more and refused is None:
            part, more = await self._receive(request)
            parts += part
            self._held += len(part)
            if len(parts) > self._limits.body_bytes:
                refused = too_large
            elif self._held > self._limits.bodies_bytes:
                refused = Refused(503, "too many bodies are under way: try again in a moment.")
        if refused is None:
            return
        self._held -= len(parts)
        parts.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while more:
                    _, more = await self._receive(request)
        raise refused

    async def _receive(self, request: Any) -> tuple[bytes, bool]:
        """Return the next part of the body, and whether more parts follow."""
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise self._requests.ClientDisconnect
        return message.get("body", b""), message.get("more_body", False)

    async def _model(self, _: Any) -> Any:
        return self._reply(self._file.model.facts())

    async def _health(self, _: Any) -> Any:
        return self._reply({"status": "ok"})

    async def _metrics_text(self, _: Any) -> Any:
        text, content_type = self._metrics.text()
        return self._responses.Response(text, headers={"content-type": content_type})

    async def _openapi(self, _: Any) -> Any:
        return self._reply(describe(self._file.model, self._limits, self._version))

    async def _page(self, _: Any) -> Any:
        return self._responses.HTMLResponse(PAGE)
