"""Work that travels to workers, and says what is missing where they cannot unpack it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from joblib.externals.loky.backend.reduction import dumps

from skdistill._version import __version__

__all__ = ["shipped"]


def shipped(work: Any) -> Callable[[Iterable[Any]], Any]:
    """Return a function that runs ``work.run`` on a worker.

    The function names no module of this package, so that engines pickle it by value: a worker without the package can
    unpickle it, and raises an error that says what to install.

    Parameters
    ----------
    work : Work
        What to run; it can be pickled.

    Returns
    -------
    run : callable
        Function from batches of Arrow to an iterator of tables.
    """
    content, version = bytes(dumps(work)), __version__

    def run(batches: Any) -> Any:
        import pickle
        import platform
        import sys

        try:
            here = pickle.loads(content)
        except ImportError as error:
            raise ImportError(
                f"the worker on {platform.node()} cannot import {error.name}: install it where workers run, with "
                f"{sys.executable} -m pip install 'skdistill[parquet]=={version}', or ship an environment that has it "
                "(spark.archives in Spark, runtime_env in Ray, PipInstall in Dask)."
            ) from error
        return here.run(batches)

    return run
