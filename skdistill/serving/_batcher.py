"""Batching of requests: contexts that arrive during a forecast are forecast together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdistill.serving._limits import Limits
from skdistill.serving._model import ServedModel
from skdistill.serving._refused import Refused

__all__ = ["Batcher"]

_LOG = logging.getLogger(__name__)

_AT_ONCE = 0.02  # seconds that a batch may block the event loop; longer batches run in a thread

Answer = tuple[np.ndarray, np.ndarray | None]
_TOO_LARGE = "the forecast is not finite: the numbers of the context are too large, or too far from the training data."
_BROKEN = "the model failed; the server's log says more."


@dataclass(frozen=True)
class _Item:
    """Contexts of a request, and where their forecast goes."""

    model: ServedModel
    contexts: np.ndarray
    levels: tuple[float, ...]
    waiter: asyncio.Future[Answer]
    series: np.ndarray | None = None
    future: np.ndarray | None = None
    static: np.ndarray | None = None


class Batcher:
    """Forecasts all waiting contexts, one batch after another.

    A batch holds the requests that arrived while the previous batch was computed, so a single request is answered
    immediately, and batches grow with the load. A batch that takes a few milliseconds is computed in the event loop,
    which saves two thread switches. A longer batch runs in a separate thread and does not block other requests.

    Parameters
    ----------
    limits : Limits
        Limits of the server.
    on_batch : callable or None, default=None
        Called with the number of contexts of every batch.
    """

    def __init__(self, limits: Limits, on_batch: Callable[[int], None] | None = None) -> None:
        self.waiting = 0
        self._limits = limits
        self._on_batch = on_batch
        self._items: deque[_Item] = deque()
        self._worker = _Worker()
        self._task: asyncio.Task[None] | None = None

    async def answer(
        self,
        model: ServedModel,
        contexts: np.ndarray,
        levels: tuple[float, ...],
        series: np.ndarray | None = None,
        future: np.ndarray | None = None,
        static: np.ndarray | None = None,
    ) -> Answer:
        """Forecast the contexts of one request, batched with those of other requests.

        Parameters
        ----------
        model : ServedModel
            The model that forecasts.
        contexts : ndarray of shape (n_series, context_length, n_channels)
            Contexts in original units.
        levels : tuple of float
            Quantile levels, if any.
        series : ndarray of int of shape (n_series,) or None, default=None
            Number of each series with units of its own, -1 for others; None if all are others.
        future : ndarray of shape (n_series, prediction_length, n_known) or None, default=None
            Known covariates over the horizon, for a model that reads them.
        static : ndarray of shape (n_series, n_static) or None, default=None
            Static covariates, standardized, for a model that reads them.

        Returns
        -------
        answer : tuple
            Forecasts (n_series, prediction_length, n_targets), and quantiles or None.

        Raises
        ------
        Refused
            If too many contexts are waiting, or these contexts have no finite forecast.
        """
        if self.waiting + len(contexts) > max(self._limits.waiting, len(contexts)):
            raise Refused(503, "too many contexts wait for their forecast: try again in a moment.")
        item = _Item(model, contexts, levels, asyncio.get_running_loop().create_future(), series, future, static)
        self._items.append(item)
        self.waiting += len(contexts)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await item.waiter

    async def _work(self) -> None:
        """Answer until no request is waiting."""
        try:
            while self._items:
                batch = self._take()
                if not batch:
                    continue
                if self._on_batch is not None:
                    self._on_batch(sum(len(one.contexts) for one in batch))
                if batch[0].model.seconds * sum(len(one.contexts) for one in batch) < _AT_ONCE:
                    answers = _answer_batch(batch)
                    await asyncio.sleep(0)  # lets other tasks read their requests before the next batch
                else:
                    answers = await self._worker.run(batch)
                for item, answer in zip(batch, answers, strict=True):
                    if item.waiter.done():
                        continue
                    if isinstance(answer, Exception):
                        item.waiter.set_exception(answer)
                    else:
                        item.waiter.set_result(answer)
        finally:
            self._task = None

    def _take(self) -> list[_Item]:
        """Return the next requests that can be answered in one call, without canceled ones."""
        batch: list[_Item] = []
        room = self._limits.batch
        while self._items:
            item = self._items[0]
            alike = not batch or (item.model is batch[0].model and item.levels == batch[0].levels)
            if batch and (len(item.contexts) > room or not alike):
                break
            self._items.popleft()
            self.waiting -= len(item.contexts)
            if not item.waiter.done():
                batch.append(item)
                room -= len(item.contexts)
        return batch

    def close(self) -> None:
        """Stop the thread after its current answer."""
        self._worker.close()


class _Worker:
    """A thread that answers batches; unlike an executor thread, it does not keep the process alive."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="skdistill-forecast", daemon=True).start()

    async def run(self, batch: Sequence[_Item]) -> list[Answer | Exception]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Answer | Exception]] = loop.create_future()
        self._calls.put((loop, future, batch))
        return await future

    def close(self) -> None:
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            loop, future, batch = call
            answers = _answer_batch(batch)
            with contextlib.suppress(RuntimeError):  # the loop has ended in the meantime
                loop.call_soon_threadsafe(_hand_over, future, answers)


def _hand_over(future: asyncio.Future[Any], answers: Any) -> None:
    if not future.done():
        future.set_result(answers)


def _answer_batch(batch: Sequence[_Item]) -> list[Answer | Exception]:
    """Forecast all requests at once; if that fails, one request at a time."""
    model, levels = batch[0].model, batch[0].levels
    contexts = batch[0].contexts if len(batch) == 1 else np.concatenate([one.contexts for one in batch])
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            more = _join_numbers(batch) | _join_covariates(batch)
            forecasts = model.forecast(contexts, **more)
            quantiles = model.forecast_quantiles(contexts, levels, **more) if levels else None
    except Exception as error:
        if len(batch) > 1:
            return [answer for one in batch for answer in _answer_batch([one])]
        return [_explain(error)]
    ends = np.cumsum([len(one.contexts) for one in batch])[:-1]
    parts = np.split(forecasts, ends)
    around = [None] * len(batch) if quantiles is None else np.split(quantiles, ends)
    return [
        (one, more)
        if np.isfinite(one).all() and (more is None or np.isfinite(more).all())
        else Refused(422, _TOO_LARGE)
        for one, more in zip(parts, around, strict=True)
    ]


def _join_numbers(batch: Sequence[_Item]) -> dict[str, np.ndarray]:
    """Return the numbers of the series of all contexts; nothing if none is known."""
    if all(one.series is None for one in batch):
        return {}
    numbers = [np.full(len(one.contexts), -1) if one.series is None else one.series for one in batch]
    return {"series": np.concatenate(numbers)}


def _join_covariates(batch: Sequence[_Item]) -> dict[str, np.ndarray]:
    """Return known and static covariates of all contexts, those that the model reads."""
    names = [name for name in ("future", "static") if getattr(batch[0], name) is not None]
    return {name: np.concatenate([getattr(one, name) for one in batch]) for name in names}


def _explain(error: Exception) -> Refused:
    if isinstance(error, ValueError | ArithmeticError):
        return Refused(422, f"the context cannot be forecast: {error}")
    _LOG.error("a forecast failed", exc_info=error)
    return Refused(500, _BROKEN)
