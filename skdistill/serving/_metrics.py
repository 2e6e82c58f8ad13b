"""Metrics of a server, in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdistill._utils._optional import import_optional

__all__ = ["Metrics"]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one server; a process can have several.

    Attributes
    ----------
    requests : prometheus_client.Counter
        Answered requests, by path and status.
    seconds : prometheus_client.Histogram
        Time from the end of the headers of a forecast request to its response.
    """

    def __init__(self) -> None:
        self._client: Any = import_optional("prometheus_client", extra="serve", purpose="Serving")
        client, self._registry = self._client, self._client.CollectorRegistry()
        own = {"registry": self._registry, "namespace": "skdistill"}
        client.ProcessCollector(registry=self._registry)
        self.requests = client.Counter("requests", "Answered requests.", ["path", "status"], **own)
        self.seconds = client.Histogram("request_seconds", "Seconds of a forecast request.", buckets=_SECONDS, **own)
        self._batches = client.Histogram("batch_contexts", "Contexts answered at once.", buckets=_BATCH_SIZES, **own)
        self._reloads = client.Counter("reloads", "Attempts to read the model's file again.", ["outcome"], **own)
        self._closed = client.Counter("connections_closed", "Connections that the server closed.", ["reason"], **own)
        self._gauges = {
            "connections": client.Gauge("connections", "Open connections.", **own),
            "waiting": client.Gauge("waiting_contexts", "Contexts that wait for their forecast.", **own),
            "loaded": client.Gauge("model_loaded_timestamp_seconds", "When the served model was read.", **own),
        }

    def note_batch(self, n_contexts: int) -> None:
        """Count a batch.

        Parameters
        ----------
        n_contexts : int
            Number of contexts in the batch.
        """
        self._batches.observe(n_contexts)

    def note_reload(self, succeeded: bool) -> None:
        """Count an attempt to read the model's file again.

        Parameters
        ----------
        succeeded : bool
            Whether a new model was loaded.
        """
        self._reloads.labels("new model" if succeeded else "old model kept").inc()

    def note_closed(self, reason: str) -> None:
        """Count a connection that the server closed.

        Parameters
        ----------
        reason : str
            The limit that was exceeded.
        """
        self._closed.labels(reason).inc()

    def watch(self, **values: Callable[[], float]) -> None:
        """Set the functions that return the current values of gauges.

        Parameters
        ----------
        **values : callable
            Functions for ``connections``, ``waiting`` (contexts) and ``loaded`` (time at which the model was read);
            each returns a number.
        """
        for name, read in values.items():
            self._gauges[name].set_function(read)

    def text(self) -> tuple[bytes, str]:
        """Return all metrics as text.

        Returns
        -------
        text : tuple of (bytes, str)
            The text and its content type.
        """
        return self._client.generate_latest(self._registry), self._client.CONTENT_TYPE_LATEST
