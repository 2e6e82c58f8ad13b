"""Labels by many workers: each loads the teacher once, and gets contexts, never the whole series."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Sequence

import numpy as np
from joblib.externals.loky.backend.reduction import dumps
from torch import Tensor

from skdistill._utils._tasks import run_tasks
from skdistill._utils._usual_modes import inference
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._windows import Windows
from skdistill.teachers._base import BaseTeacher

__all__ = ["label_on_workers"]

_loaded: dict[str, BaseTeacher] = {}  # the last teacher of this process, by the digest of its pickle


def label_on_workers(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None, chunks: Sequence[Tensor]
) -> Iterable[Labels]:
    """Label chunks of windows on the workers of joblib's backend: processes, Dask, Ray or Spark.

    The pickled teacher is an array, which joblib maps into the memory of processes and Dask sends to a worker once.

    Parameters
    ----------
    teacher : BaseTeacher
        The fitted teacher.
    windows : Windows
        The windows.
    n_jobs : int or None
        Number of workers.
    chunks : sequence of Tensor
        Numbers of the windows of each chunk.

    Returns
    -------
    labels : iterable of Labels
        One per chunk, in order; a chunk of a lost worker is labeled again.
    """
    packed = np.frombuffer(dumps(teacher), dtype=np.uint8)  # of classes of __main__, too
    key = hashlib.sha256(packed.data).hexdigest()
    tasks = ((packed, key, windows.contexts(indices).without_others()) for indices in chunks)
    return run_tasks(_label_contexts, tasks, n_jobs)


def _label_contexts(packed: np.ndarray, key: str, contexts: Contexts) -> Labels:
    teacher = _loaded.get(key)
    if teacher is None:
        teacher = pickle.loads(packed.tobytes())
        _loaded.clear()
        _loaded[key] = teacher
    with inference():
        return teacher.label_training(contexts)
