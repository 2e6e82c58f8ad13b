"""Tasks on the workers of joblib, done again where a worker is lost."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["run_tasks"]

logger = logging.getLogger("skdistill")

_MOST_AHEAD = 4  # results per worker that wait for the caller
_MOST_LOSSES = 3  # of workers, one after another, without a result in between


def run_tasks(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], n_jobs: int | None) -> Iterator[Any]:
    """Call a function for every task on the workers of joblib's backend, and yield the results in order.

    A worker that is killed, or runs out of memory, loses what it was working on. A backend that does not do it again by
    itself is given those tasks again whose results were not yielded yet: at most four per worker, since workers do not
    run further ahead of the caller. What was yielded is never computed twice. Warnings of other processes are given in
    this one, with the results: theirs would only be written to the error stream of a worker.

    Parameters
    ----------
    function : callable
        The function.
    tasks : iterable of tuple
        Its arguments; taken as workers become free.
    n_jobs : int or None
        Number of workers.

    Yields
    ------
    result : object
        The result of the next task.

    Raises
    ------
    RuntimeError
        If a worker is lost three times in a row.

    Examples
    --------
    >>> list(run_tasks(abs, [(-1,), (2,)], n_jobs=1))
    [1, 2]
    """
    rest, n_losses = iter(tasks), 0
    first, waiting = deque[tuple[Any, ...]](), deque[tuple[Any, ...]]()  # to give out before the rest; given out
    most_waiting = _MOST_AHEAD * joblib.effective_n_jobs(n_jobs)
    backend, _ = joblib.parallel.get_active_backend()
    return_as = "generator" if backend.supports_return_generator else "list"  # of Ray and Spark, some at a time

    def calls() -> Iterator[Any]:
        """Give out tasks until there are no more, or until too many of their results wait for the caller."""
        while len(waiting) < most_waiting and (first or draw()):
            waiting.append(first.popleft())
            yield joblib.delayed(_call)(function, os.getpid(), *waiting[-1])

    def draw() -> bool:
        first.extend(itertools.islice(rest, 1))
        return bool(first)

    while True:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as=return_as, batch_size=1)
        try:
            with parallel if return_as == "list" else contextlib.nullcontext():  # keeps its workers from call to call
                while True:
                    for result, told in parallel(calls()):
                        waiting.popleft()
                        n_losses = 0
                        for text, category in told:
                            warnings.warn(text, category, stacklevel=stacklevel_of_user())
                        yield result
                    if not draw():
                        return
        except Exception as error:
            if not _is_loss(error):
                raise
            n_losses += 1
            if n_losses >= _MOST_LOSSES:
                raise RuntimeError(
                    f"a worker was lost {n_losses} times in a row without a result: it was killed, or has too little "
                    "memory for its task. Take a smaller n_jobs, or workers with more memory."
                ) from error
            told = str(error).partition("\n")[0]
            logger.warning("a worker was lost (%s): %d tasks without a result start again", told, len(waiting))
            first.extendleft(reversed(waiting))
            waiting.clear()


def _call(function: Callable[..., Any], caller: int, *task: Any) -> tuple[Any, list[tuple[str, Any]]]:
    """Call a function, and return its result and, from another process than the caller's, its warnings."""
    if os.getpid() == caller:
        return function(*task), []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)  # which of them are shown is for the caller to say
        result = function(*task)
    return result, list(dict.fromkeys((str(one.message), one.category) for one in told))


def _is_loss(error: BaseException) -> bool:
    """Return whether a worker was lost, by the errors of the backends that are in use."""
    losses: list[type[BaseException]] = [BrokenProcessPool]
    if (distributed := sys.modules.get("distributed")) is not None:
        losses.append(distributed.KilledWorker)
    if (ray := sys.modules.get("ray.exceptions")) is not None:
        losses += [ray.RayActorError, ray.WorkerCrashedError, ray.NodeDiedError]
    return isinstance(error, tuple(losses))
