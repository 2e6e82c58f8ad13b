"""The served student and the file it is loaded from."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._utils.numpy_student import plain_id
from skdistill.serving._columns import RequestColumns

__all__ = ["ModelFile", "ServedModel", "open_model"]

_LOG = logging.getLogger(__name__)
_TRIALS = 3  # the first one is slow
_MOST_NUMBERS = 1 << 22  # maximum for a context and for its forecast; larger ones do not fit into a request


@dataclass(frozen=True)
class ServedModel:
    """A student that is ready to forecast.

    Parameters
    ----------
    student : DistilledForecaster or NumpyStudent
        The fitted student.
    context_length, prediction_length, n_channels : int
        Shape of a context, and rows of a forecast.
    channels : tuple of str or None
        Names of the channels; None if ``fit`` saw no names, or channels are not columns.
    targets : tuple of int
        Channels to forecast.
    quantile_levels : tuple of float or None
        Levels of the quantiles that the student forecasts; None if it has no quantiles.
    sha256 : str, default=""
        SHA-256 digest of the file.
    loaded : float, default=0.0
        Time at which the file was read, in seconds since 1970.
    seconds : float, default=inf
        Time of one forecast, including quantiles, measured when the file was loaded.
    ids : tuple of hashable, default=()
        Series with units of their own.
    known : tuple of int, default=()
        Channels whose values over the horizon a request must have.
    n_static : int, default=0
        Number of static covariates of a context, as the student reads them.
    columns : RequestColumns or None, default=None
        The columns of requests, if ``fit`` had static or categorical covariates; otherwise channels are columns.
    """

    student: Any
    context_length: int
    prediction_length: int
    n_channels: int
    channels: tuple[str, ...] | None
    targets: tuple[int, ...]
    quantile_levels: tuple[float, ...] | None
    sha256: str = ""
    loaded: float = 0.0
    seconds: float = math.inf
    ids: tuple[Hashable, ...] = ()
    known: tuple[int, ...] = ()
    n_static: int = 0
    columns: RequestColumns | None = None

    @cached_property
    def _places(self) -> dict[str, int]:
        """The number of each series by the text of its id; ids of the same text belong to none."""
        texts = [str(plain_id(one)) for one in self.ids]
        counts = Counter(texts)
        return {text: number for number, text in enumerate(texts) if counts[text] == 1}

    def numbers_of(self, names: Sequence[str]) -> np.ndarray | None:
        """Find the series of a panel among those with units of their own.

        Parameters
        ----------
        names : sequence of str
            Names of the series in a request; an id of several levels is a list in JSON, ``["north", 7]``, or the text
            of its tuple.

        Returns
        -------
        numbers : ndarray of int of shape (n_series,) or None
            -1 for other series; None if all are others.
        """
        numbers = np.array([self._place_of(name) for name in names], dtype=np.int64)
        return numbers if (numbers >= 0).any() else None

    def _place_of(self, name: str) -> int:
        """Return the number of one series, -1 for another one."""
        found = self._places.get(name)
        if found is None and (parts := _of_list(name)) is not None:
            found = self._places.get(str(parts))
        return -1 if found is None else found

    def forecast(
        self,
        contexts: np.ndarray,
        series: np.ndarray | None = None,
        future: np.ndarray | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Forecast contexts.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            Contexts in original units.
        series : ndarray of int of shape (n_windows,) or None, default=None
            Number of the series of each context, -1 for others; None means -1.
        future : ndarray of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates over the horizon, NaN where unknown.
        static : ndarray of shape (n_windows, n_static) or None, default=None
            Static covariates, standardized.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units.
        """
        if series is None and future is None and static is None and self.columns is None:
            return np.asarray(self.student.predict(contexts))
        return np.asarray(self._ask("forecast", contexts, series, future, static))

    def _ask(self, method: str, contexts: np.ndarray, *more: np.ndarray | None) -> Any:
        """Forecast contexts with numbers of series or covariates."""
        if not self.interpolates:  # a NumpyStudent
            return getattr(self.student, method)(contexts, *more)
        from skdistill.data._context_batch import ContextBatch

        series, future, static = more
        batch = ContextBatch(contexts, series=series, future=future, static=static)
        return getattr(self.student.predictor_, method)(batch)

    def forecast_quantiles(
        self,
        contexts: np.ndarray,
        levels: Sequence[float],
        series: np.ndarray | None = None,
        future: np.ndarray | None = None,
        static: np.ndarray | None = None,
    ) -> np.ndarray:
        """Forecast quantiles of contexts.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            Contexts in original units.
        levels : sequence of float
            Levels in increasing order.
        series, future, static : ndarray or None, default=None
            Numbers of series, and covariates, as for :meth:`forecast`.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in original units.
        """
        fitted = self.quantile_levels or ()
        if series is not None or future is not None or static is not None or self.columns is not None:
            every = np.asarray(self._ask("forecast_quantiles", contexts, series, future, static))
        elif set(levels) <= set(fitted):
            every = np.asarray(self.student.predict_quantiles(contexts))
        else:
            return np.asarray(self.student.predict_quantiles(contexts, quantiles=list(levels)))
        if set(levels) <= set(fitted):
            return every[..., [fitted.index(level) for level in levels]]
        from skdistill.data._levels import interpolation_matrix
        from skdistill.probabilistic._settings import at_levels

        return at_levels(every, interpolation_matrix(fitted, levels))

    @property
    def interpolates(self) -> bool:
        """Whether levels between the fitted ones can be requested."""
        return not hasattr(self.student, "quantile_levels")

    def facts(self) -> dict[str, Any]:
        """Describe the inputs and outputs of the model for clients.

        Returns
        -------
        facts : dict
            Values that JSON can write.
        """
        names = self.channels or tuple(f"channel {number}" for number in range(self.n_channels))
        targets, known = ([names[one] for one in places] for places in (self.targets, self.known))
        static, categories = [], {}
        if self.columns is not None:
            names, targets, categories = self.columns.names, list(self.columns.targets), self.columns.categories
            known = list(self.columns.known) if self.known else []
            static = list(self.columns.static) if self.n_static else []
        return {
            "context_length": self.context_length,
            "prediction_length": self.prediction_length,
            "channels": list(names),
            "targets": targets,
            "known": known,
            "static": static,
            "categories": categories,
            "quantiles": None if self.quantile_levels is None else list(self.quantile_levels),
            "sha256": self.sha256,
            "loaded": self.loaded,
        }


def open_model(path: str | os.PathLike[str]) -> ServedModel:
    """Read the file of a student and try one forecast.

    Parameters
    ----------
    path : str or Path
        A file written by ``save`` (``.skdistill``) or by ``export("student.npz")``.

    Returns
    -------
    model : ServedModel
        The model, warmed up by a first forecast.

    Raises
    ------
    ValueError
        If the file is damaged, or its student cannot be served.
    OSError
        If the file cannot be read.
    """
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    model = _read_numpy(path) if Path(path).suffix == ".npz" else _read_saved(path)
    model = dataclasses.replace(model, sha256=digest, loaded=time.time())
    shape = (1, model.prediction_length, len(model.targets))
    sizes = {"context": model.context_length * model.n_channels, "forecast": shape[1] * shape[2]}
    for name, size in sizes.items():
        if size > _MOST_NUMBERS:
            raise ValueError(f"{path} cannot be served: a {name} of its student has {size} numbers.")
    return dataclasses.replace(model, seconds=_try_out(model, path))


def _try_out(model: ServedModel, path: str | os.PathLike[str]) -> float:
    """Raise unless the student can forecast a constant series of zeros (ones if a transformer rejects zeros).

    Return the seconds that a forecast takes after warm-up.
    """
    shape = (1, model.prediction_length, len(model.targets))
    for level in (0.0, 1.0):
        probe = np.full((1, model.context_length, model.n_channels), level)
        shape_ahead = (1, model.prediction_length, len(model.known))
        more = {"future": np.full(shape_ahead, level)} if model.known else {}
        more |= {"static": np.zeros((1, model.n_static))} if model.n_static else {}
        seconds = math.inf
        try:
            for _ in range(_TRIALS):
                started = time.perf_counter()
                forecast = model.forecast(probe, **more)
                if model.quantile_levels is not None:
                    model.forecast_quantiles(probe, model.quantile_levels, **more)
                seconds = min(seconds, time.perf_counter() - started)
        except (ArithmeticError, ValueError) as error:
            reason = str(error)
            continue
        if forecast.shape == shape and np.isfinite(forecast).all():
            return seconds
        reason = f"it is no {shape} finite numbers."
    raise ValueError(f"{path} cannot be served: its forecast of a constant series fails: {reason}")


def _read_numpy(path: str | os.PathLike[str]) -> ServedModel:
    from skdistill._utils.numpy_student import NumpyStudent

    student = NumpyStudent.load(path)
    columns = None
    if student.roles is not None:
        from skdistill.data._plain_roles import roles_of_plain

        roles = roles_of_plain(student.roles)
        if roles.n_channels != student.n_channels or student.n_static not in (0, roles.n_static):
            raise ValueError(f"{path} cannot be served: its roles are not those of its student.")
        columns = RequestColumns(roles)
    elif student.n_static:
        raise ValueError(f"{path} cannot be served: it does not say what its static covariates are. Export it again.")
    return ServedModel(
        student,
        student.context_length,
        student.prediction_length,
        student.n_channels,
        None if student.columns is None or columns is not None else tuple(str(one) for one in student.columns),
        tuple(int(one) for one in student.targets),
        student.quantile_levels,
        ids=tuple(student.series_ids),
        known=tuple(int(one) for one in student.known),
        n_static=student.n_static,
        columns=columns,
    )


def _read_saved(path: str | os.PathLike[str]) -> ServedModel:
    from skdistill._load import load
    from skdistill.forecaster import DistilledForecaster

    forecaster = load(path)
    if not isinstance(forecaster, DistilledForecaster):
        raise ValueError(f"{path} cannot be served: it holds a {type(forecaster).__name__}, not a DistilledForecaster.")
    spec = forecaster.spec_
    if spec.n_time_features:
        raise ValueError(
            f"{path} cannot be served: its student reads the calendar, and requests carry none. Train it with "
            "time_features=False."
        )
    roles = getattr(forecaster, "roles_", None)
    columns = None if roles is None or roles.is_plain else RequestColumns(roles)
    names = getattr(forecaster, "feature_names_in_", None)
    return ServedModel(
        forecaster,
        spec.context_length,
        spec.prediction_length,
        spec.n_channels,
        None if names is None or columns is not None else tuple(str(one) for one in names),
        tuple(spec.targets),
        spec.quantiles,
        ids=tuple(forecaster.scaling_.ids_) if forecaster.scaling_.kind == "series" else (),
        known=tuple(spec.known),
        n_static=spec.n_static,
        columns=columns,
    )


class ModelFile:
    """A file and the last valid model read from it; an invalid new file is ignored.

    Parameters
    ----------
    path : str or Path
        The file.
    on_reload : callable, default=None
        Called after every attempt with whether it succeeded.

    Attributes
    ----------
    model : ServedModel
        The current model.
    """

    def __init__(self, path: str | os.PathLike[str], on_reload: Callable[[bool], None] | None = None) -> None:
        self.path = Path(path)
        self._on_reload = on_reload
        self._seen = self._state()
        self._asked = asyncio.Event()
        self.model = open_model(self.path)

    def reload(self) -> None:
        """Request that the file is read again, changed or not; can be called from a signal handler of the loop."""
        self._asked.set()

    async def watch(self, seconds: float | None = 1.0) -> None:
        """Read the file again when it changes or :meth:`reload` is called; never returns.

        Parameters
        ----------
        seconds : float or None, default=1.0
            Seconds between checks of the file; None only waits for :meth:`reload`.
        """
        while True:
            try:
                await asyncio.wait_for(self._asked.wait(), seconds)
            except TimeoutError:
                if self._state() in (self._seen, None):
                    continue
            self._asked.clear()
            await self._read_again()

    async def _read_again(self) -> None:
        self._seen = self._state()  # set before reading, so that a change during reading is noticed
        try:
            model = await asyncio.to_thread(open_model, self.path)
        except Exception as error:  # the old model stays, whatever is wrong with the file
            _LOG.error("the old model is kept: %s", error)
            succeeded = False
        else:
            _LOG.info("%s is served from now on (sha256 %s)", self.path, model.sha256[:12])
            self.model, succeeded = model, True
        if self._on_reload is not None:
            self._on_reload(succeeded)

    def _state(self) -> tuple[int, int, int] | None:
        """Return the state of the file to detect changes; None if it does not exist."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _of_list(name: str) -> tuple[Any, ...] | None:
    """Return the id that a list in JSON stands for; None if the name is none."""
    if not name.startswith("["):
        return None
    try:
        parts = json.loads(name)
    except (ValueError, RecursionError):
        return None
    return tuple(parts) if isinstance(parts, list) else None
