"""Load an exported student that forecasts arrays and tables with NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._utils.numpy_student import NumpyStudent, plain_id, read_numbers

__all__ = ["TableStudent", "load_numpy"]

_SAVED = b'{"__metadata__":{"'  # how a file of save begins, after eight bytes


class TableStudent(NumpyStudent):
    """A :class:`~skdistill.deploy.NumpyStudent` whose ``predict`` also takes pandas tables.

    See Also
    --------
    skdistill.load_numpy : Returns one.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skdistill._load_numpy import TableStudent
    >>> last_row = {"weight_0": np.array([[0.0, 0.0, 1.0]]), "bias_0": np.zeros(1), "center": np.zeros(1)}
    >>> student = TableStudent({**last_row, "targets": np.arange(1), "n_channels": np.array(1)})
    >>> student.predict(pd.Series([1.0, 2.0, 5.0], pd.period_range("2024-01", periods=3, freq="M")))
    2024-04    5.0
    Freq: M, dtype: float64
    """

    def predict(self, windows: Any, series: Any = None, future: Any = None, static: Any = None) -> Any:
        """Forecast the rows that follow.

        Parameters
        ----------
        windows : ndarray, DataFrame or Series
            Windows as for :meth:`skdistill.deploy.NumpyStudent.predict`; a table with one row per time step, or a
            panel, a DataFrame with index levels (series, time). A series of a table can be shorter than
            ``context_length``.
        series : sequence of ids or None, default=None
            Series of each window, for its units; a panel has the ids itself.
        future : ndarray, DataFrame or None, default=None
            Known covariates over the horizon. A DataFrame has the columns of known covariates alone and the labels of
            the forecast; for a panel, the same ids.
        static : ndarray of shape (n_windows, n_static), (n_static,) or None, default=None
            Static covariates, standardized.

        Returns
        -------
        forecasts : ndarray, DataFrame or Series
            Forecasts in original units, in the form of ``windows``; the index of a table is continued.

        Raises
        ------
        ValueError
            If the shape or columns are invalid, rows are not in the order of their labels or lack some, or labels of
            ``future`` are not those of the forecast.
        """
        if _is_listed(windows):
            raise ValueError(
                "predict of load_numpy takes no list or dict of tables: give a panel, pd.concat({id: table, ...})."
            )
        if not hasattr(windows, "iloc"):
            return super().predict(windows, series, future, static)
        import pandas as pd

        if not isinstance(windows.index, pd.MultiIndex):
            return self._predict_table(windows, series, future, static, "the table")
        if windows.index.nlevels != 2:
            raise ValueError(f"a panel must have the index levels (series, time); got {windows.index.nlevels} levels.")
        if series is not None:
            raise ValueError("series must be None for a panel: the first index level holds the ids.")
        ids = list(dict.fromkeys(windows.index.get_level_values(0)))
        answers = {}
        each = zip(ids, _of_each(future, ids, "future"), _of_each(static, ids, "static"), strict=True)
        for one, ahead, fixed in each:
            answers[one] = self._predict_table(windows.xs(one, level=0), one, ahead, fixed, f"series {one!r}")
        return pd.concat(answers, names=windows.index.names[:1])

    def predict_quantiles(self, windows: Any, series: Any = None, future: Any = None, static: Any = None) -> np.ndarray:
        """Forecast the quantiles of the rows that follow, at ``quantile_levels``.

        Parameters
        ----------
        windows : ndarray, DataFrame or Series
            Windows, or the table of one series, as for :meth:`predict`.
        series, future, static : object, default=None
            As for :meth:`predict`.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles) or without n_windows
            Quantiles in original units, without labels.

        Raises
        ------
        ValueError
            As from :meth:`predict`; if ``windows`` is a panel, or the student has no quantiles.
        """
        if _is_listed(windows) or getattr(getattr(windows, "index", None), "nlevels", 1) > 1:
            raise ValueError(
                "predict_quantiles of load_numpy takes one table: ask for each series of a panel, "
                "{one: student.predict_quantiles(rows.droplevel(0), one) for one, rows in panel.groupby(level=0)}."
            )
        if not hasattr(windows, "iloc"):
            return super().predict_quantiles(windows, series, future, static)
        values, _, ahead = self._read_table(windows, future, "the table")
        quantiles = super().predict_quantiles(values, None if series is None else [series], ahead, static)
        quantiles[:, self._unseen(values)] = np.nan
        return quantiles

    def _predict_table(self, table: Any, series: Any, future: Any, static: Any, name: str) -> Any:
        """Forecast one series."""
        values, index, ahead = self._read_table(table, future, name)
        answers = super().predict(values, None if series is None else [series], ahead, static)
        answers[:, self._unseen(values)] = np.nan
        if table.ndim == 1:
            return type(table)(answers[:, 0], index=index, name=table.name)
        return type(table)(answers, index=index, columns=table.columns[self.targets])

    def _read_table(self, table: Any, future: Any, name: str) -> tuple[np.ndarray, Any, Any]:
        """Check a table; return its values of at least a context, the labels after it, and known covariates there."""
        from skdistill.data._pace import find_another_step, warn_of_another_step  # pandas, and arrays need NumPy alone
        from skdistill.data._plain_steps import read_step
        from skdistill.data._plausibility._empty_steps import warn_of_empty_steps
        from skdistill.data._row_labels import check_row_labels
        from skdistill.data._steps import continue_index

        if not len(table):
            raise ValueError(f"{name} must have at least one row; got none.")
        names, values = self._check_columns(table, name), read_numbers(table, name).reshape(len(table), -1)
        if np.isinf(values).any():
            raise ValueError(f"{name} contains infinity: every value must be finite, or NaN where it is missing.")
        known = [read_step(one) for one in self.steps]
        step = check_row_labels(table.index, name=name, known=known)
        if find_another_step([step], known) is not None:
            warn_of_another_step(name, step, known)
        index = continue_index(table.index, self.prediction_length, step=step)
        if hasattr(future, "iloc"):
            future = self._future_of(future, None if step is None else index, names, name)
            rows = values[:, self.known]
            warn_of_empty_steps(future[None], lambda _: rows, lambda _, place: f"{index[place]} in {name}")
        before = max(0, self.context_length - len(values))
        if before:
            values = np.concatenate([np.full((before, values.shape[1]), np.nan, values.dtype), values])
        return values, index, future

    def _unseen(self, values: np.ndarray) -> np.ndarray:
        """Return which targets have no observed value in the context."""
        return np.isnan(values[-self.context_length :, self.targets]).all(axis=0)

    def _check_columns(self, table: Any, name: str) -> list[Any]:
        """Return the names of the channels, and raise unless they are those of ``fit``."""
        found = [table.name] if table.ndim == 1 else list(table.columns)
        names, columns, encoded = [plain_id(one) for one in found], self.columns, False
        if self.roles is not None:
            columns, encoded = _channels_of(self.roles), bool(self.roles["categories"])
        default = list(range(self.n_channels))
        if columns is None and sorted(map(repr, names)) == sorted(map(repr, default)):
            columns = default  # no names are names once their order differs
        other_names = columns is not None and table.ndim == 2 and names != columns
        if not encoded and len(found) == self.n_channels and not other_names:
            return found
        if self.roles is not None:
            which = "" if encoded or columns is None else f", {columns}"
            raise ValueError(
                f"{name} cannot be read as a table: in fit, columns were categories or static, and became "
                f"{self.n_channels} channels of numbers{which}. Pass arrays of these channels, whose meaning roles "
                "tells, or forecast tables with skdistill.load of a file of save."
            )
        wanted = f"the {self.n_channels} channels of fit" if columns is None else f"the columns {columns}"
        raise ValueError(f"{name} must have {wanted}, in this order; got {found}. Select or reorder them.")

    def _future_of(self, future: Any, index: Any, names: Sequence[Any], name: str) -> np.ndarray:
        """Return the known covariates of the labels of a forecast; of so many rows, where labels do not go on."""
        columns = [names[channel] for channel in self.known]
        missing = [one for one in columns if one not in future.columns]
        if missing or not columns:
            told = f"lacks {missing}" if missing else "was given, and this student reads none: leave it out"
            raise ValueError(f"future of {name} {told}.")
        fixed = [] if self.roles is None else [self.roles["columns"][place] for place in self.roles["static"]]
        for one in future.columns:
            is_fixed = any(one == other for other in fixed)
            if one not in columns and not is_fixed and not (one in names and future[one].isna().all()):
                raise ValueError(
                    f"future of {name} has the column {one!r}, which is none of the known covariates {columns}: leave "
                    "it out. If these rows have been observed, append them to the table."
                )
        if index is None and len(future) != self.prediction_length:
            raise ValueError(
                f"future of {name} must have {self.prediction_length} rows, those of the horizon: the labels of {name} "
                f"do not tell which others would be; got {len(future)}."
            )
        if index is not None and future.index.has_duplicates:
            again = future.index[future.index.duplicated()][0]
            raise ValueError(f"future of {name} has the label {again} twice: give each row once.")
        places = np.arange(len(future)) if index is None else future.index.get_indexer(index)
        if (places < 0).any():
            raise ValueError(
                f"future of {name} must have a row for every label of the forecast, {index[0]} to {index[-1]}; it "
                f"lacks {index[int(np.argmax(places < 0))]}. Give NaN where a value is unknown."
            )
        values = np.asarray(read_numbers(future[columns], f"future of {name}"), dtype=np.float64)[places]
        if np.isinf(values).any():
            raise ValueError(f"future of {name} contains infinity: write NaN where a value is unknown.")
        return values


def _channels_of(roles: dict[str, Any]) -> list[Any] | None:
    """Return the names of the columns that are channels, where none is a category."""
    if roles["columns"] is None:
        return None
    names = [tuple(one) if isinstance(one, list) else one for one in roles["columns"]]
    return [one for place, one in enumerate(names) if place not in roles["static"]]


def _is_listed(windows: Any) -> bool:
    """Return whether tables come in a list or dict: arrays would be made of them without a look at their labels."""
    return isinstance(windows, dict) or (
        isinstance(windows, list | tuple) and any(hasattr(one, "iloc") for one in windows)
    )


def _of_each(given: Any, ids: Sequence[Any], name: str) -> list[Any]:
    """Return what belongs to each series of a panel: by id from a table or dict, or one after another from an array."""
    if given is None:
        return [None] * len(ids)
    if hasattr(given, "iloc"):
        answers = [_of_series(given, one, name) for one in ids]
        if new := [one for one in given.index.unique(level=0) if one not in ids]:
            raise ValueError(f"{name} has rows for series {new[0]!r}, which the panel does not have: select the same.")
        return answers
    if len(given) != len(ids):
        raise ValueError(f"{name} must have one entry for each of the {len(ids)} series; got {len(given)}.")
    if not isinstance(given, dict):
        return list(given)
    if missing := [one for one in ids if one not in given]:
        raise ValueError(f"{name} must have the ids of the series; it lacks {missing[0]!r}.")
    return [given[one] for one in ids]


def _of_series(given: Any, one: Any, name: str) -> Any:
    """Return the rows of one series of a panel."""
    if name == "static":
        raise ValueError("static must be a dict of ids to numbers, or an array of a row for each series; got a table.")
    if given.index.nlevels != 2 or one not in given.index.get_level_values(0):
        raise ValueError(f"{name} must be a panel with the ids of the series; it lacks {one!r}.")
    return given.xs(one, level=0)


def load_numpy(path: str | os.PathLike[str], *, products: str = "numpy") -> TableStudent:
    """Load a student that ``export("student.npz")`` wrote, without torch, scikit-learn and pandas.

    Arrays are forecast with NumPy alone; pandas is imported only to forecast its tables.

    Parameters
    ----------
    path : str or Path
        The ``.npz`` file.
    products : {"numpy", "torch"}, default="numpy"
        What multiplies. NumPy computes in float32, whatever the precision of the weights in the file. torch computes in
        that precision: with int8 weights, rows are rounded to 7 bits, too, which adds to the error; only this makes
        int8 faster. It imports torch.

    Returns
    -------
    student : TableStudent
        Object with ``predict`` and ``predict_quantiles``, as :class:`~skdistill.deploy.NumpyStudent`; ``predict`` also
        takes tables and panels of pandas.

    Raises
    ------
    ValueError
        If ``products`` is invalid, or the file is damaged or was not written by ``export``. For a file of ``save``,
        whose network needs torch, the message says how to export it.
    OSError
        If the file does not exist or cannot be read.

    See Also
    --------
    load : For files that ``save`` wrote.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import DistilledForecaster, load_numpy
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(series)
    >>> path = Path(tempfile.mkdtemp()) / "student.npz"
    >>> report = forecaster.export(path)
    >>> load_numpy(path).predict(series).shape
    (6, 2)
    """
    if products not in ("numpy", "torch"):
        raise ValueError(f"products of load_numpy must be 'numpy' or 'torch'; got {products!r}.")
    with open(path, "rb") as file:
        head = file.read(8 + len(_SAVED))
    if head[8:] == _SAVED:
        raise ValueError(
            f"{os.fspath(path)} was written by save: it holds a network, which NumPy alone does not run. Export it "
            f"once where torch is installed: skdistill.load({os.fspath(path)!r}).export('student.npz')."
        )
    student = TableStudent.load(path)
    if products == "torch":
        from skdistill.fused._torch_products import use_torch

        use_torch(student)
    return student
