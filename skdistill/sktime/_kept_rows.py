"""The rows from which an sktime forecaster goes on, and the labels of what it forecasts."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._panel import append_rows, name_instance
from skdistill.data._plausibility._new_ids import warn_of_alike_ids
from skdistill.data._steps import Step, continue_index
from skdistill.forecaster import DistilledForecaster

Key = tuple[Hashable, ...]
Series = dict[Key, pd.DataFrame]


class KeptRows:
    """The latest rows of every series, columns of y before those of X, and the steps of their labels.

    Parameters
    ----------
    n_targets : int
        Number of columns of y.
    names : sequence of hashable
        Names of the levels of y's index.

    Attributes
    ----------
    rows : dict of tuple to DataFrame
        The rows, by the labels of the outer levels, ``()`` for a single series.
    steps : dict of tuple to Step or None
        The step of each series.
    """

    def __init__(self, n_targets: int, names: Sequence[Hashable]) -> None:
        self.n_targets = n_targets
        self.rows: Series = {}
        self.steps: dict[Key, Step | None] = {}
        self._names = list(names)

    @property
    def channels(self) -> list[str]:
        """Names of the columns of y and X."""
        return list(next(iter(self.rows.values())).columns)

    @property
    def covariates(self) -> list[str]:
        """Names of the columns of X."""
        return [name.removeprefix("X:") for name in self.channels[self.n_targets :]]

    @property
    def is_single(self) -> bool:
        """Whether there is one series, without an id."""
        return list(self.rows) == [()]

    def add(self, forecaster: DistilledForecaster, series: Series, *, keep_all: bool) -> None:
        """Take in rows that follow, or new series.

        Parameters
        ----------
        forecaster : DistilledForecaster
            The fitted forecaster, which tells how many rows a context has, and what the labels were in ``fit``.
        series : dict of tuple to DataFrame
            The new rows.
        keep_all : bool
            Whether all rows are kept, for another training; otherwise those of a context.

        Raises
        ------
        ValueError
            If a series has other levels than in fit, or rows that neither follow nor suffice for a context.
        """
        self._note_steps(forecaster, {key: new for key, new in series.items() if key not in self.steps})
        if self.rows and not self.is_single:
            warn_of_alike_ids(ids_of(series), ids_of(self.rows), "y of update")
        kept = {}
        for key, new in series.items():
            name, step = name_instance(key), self.steps[key]
            rows = append_rows(self.rows[key], new, step, name) if key in self.rows else new
            if len(rows) < forecaster.context_length:
                self._check_newer(key, new, name, forecaster.context_length)
            if keep_all and key in self.rows:
                _tell_forgotten(self.rows[key], new, name)
            rows = rows if keep_all else rows.iloc[-forecaster.context_length :]
            kept[key] = rows.set_axis(rows.index if step is None else step.note_on(rows.index), axis=0).copy()
        self.rows.update(kept)

    def _note_steps(self, forecaster: DistilledForecaster, new: Series) -> None:
        """Keep the steps of new series; a series is one of as many levels as in fit."""
        for key in new:
            if len(key) != len(self._names) - 1:
                raise ValueError(
                    f"y of update must have an index of {len(self._names)} levels as in fit, which name its series; "
                    f"got {len(key) + 1}."
                )
        labels, indexes, keys = forecaster.series_labels_, [rows.index for rows in new.values()], list(new)
        steps = [labels.step_of(index) for index in indexes]
        labels.warn_of_others(
            indexes,
            steps,
            lambda number: name_instance(keys[number]),
            with_calendar=bool(forecaster.spec_.n_time_features),
        )
        self.steps |= dict(zip(keys, steps, strict=True))

    def _check_newer(self, key: Key, new: pd.DataFrame, name: str, context_length: int) -> None:
        last = self.rows[key].index[-1] if key in self.rows else None
        if last is not None and new.index[-1] < last:
            raise ValueError(
                f"{name} ends at {new.index[-1]}, but rows up to {last} are known already: pass update the rows that "
                f"follow, or at least context_length = {context_length} rows to forecast from an earlier time."
            )

    def label(self, forecasts: np.ndarray, asked: Sequence[np.ndarray], columns: pd.Index) -> pd.DataFrame:
        """Return the requested steps of forecasts under their labels.

        Parameters
        ----------
        forecasts : ndarray of shape (n_series, n_steps, n_columns)
            The forecasts of all steps.
        asked : sequence of ndarray of int
            The requested steps of each series, from 1.
        columns : Index
            Names of the columns.

        Returns
        -------
        table : DataFrame
            With the index levels of y.
        """
        known: dict[object, pd.Index] = {}
        times, values = [], []
        for (key, rows), forecast, steps in zip(self.rows.items(), forecasts, asked, strict=True):
            end = (rows.index[-1], self.steps[key])  # series with different steps can end at the same label
            if end not in known:
                known[end] = continue_index(rows.index, len(forecast), step=self.steps[key])
            times.append(known[end][steps - 1])
            values.append(forecast[steps - 1])
        table = np.concatenate(values)
        if self.is_single:
            return pd.DataFrame(table, index=times[0].rename(self._names[-1]), columns=columns)
        outer = [
            pd.Index([key[level] for key in self.rows], tupleize_cols=False).repeat([len(steps) for steps in asked])
            for level in range(len(self._names) - 1)
        ]
        index = pd.MultiIndex.from_arrays([*outer, times[0].append(times[1:])], names=self._names)
        return pd.DataFrame(table, index=index, columns=columns)


def _tell_forgotten(rows: pd.DataFrame, new: pd.DataFrame, name: str) -> None:
    """Warn of rows that come after those of an update, and so are no longer learned from."""
    n_later = int((rows.index > new.index[-1]).sum())
    if n_later:
        warnings.warn(
            f"{name} ends at {new.index[-1]} in this update, and {n_later} rows after it were known, up to "
            f"{rows.index[-1]}: they are forgotten, and forecasts start after {new.index[-1]}. To revise rows, pass "
            "all rows from the first one that changes.",
            stacklevel=stacklevel_of_user(),
        )


def ids_of(keys: Iterable[Key]) -> list[Hashable]:
    """Return the ids of series as in the panels of DistilledForecaster: of one outer level its label, else a tuple."""
    return [key[0] if len(key) == 1 else key for key in keys]
