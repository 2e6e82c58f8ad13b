"""Windows as rows of a table, one for each step of the horizon and target: what a tabular regressor reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from skdistill.data._contexts import Contexts

__all__ = ["WindowTable"]


@dataclass(frozen=True)
class WindowTable:
    """Columns made of a context and of what is known over its horizon.

    Parameters
    ----------
    targets : tuple of int
        Channels to forecast.
    season : int
        Number of rows in a season, at most as many as a context has.
    n_lags : int
        Number of last values of the target to read.
    n_seasonal_lags : int
        Number of seasons before a step at which to read the target.
    """

    targets: tuple[int, ...]
    season: int
    n_lags: int
    n_seasonal_lags: int

    def levels(self, contexts: Contexts) -> np.ndarray:
        """Return the mean of the last season of each target, which forecasts are relative to.

        Parameters
        ----------
        contexts : Contexts
            Windows.

        Returns
        -------
        levels : ndarray of shape (n_windows, n_targets)
            In standardized units.
        """
        return _numbers(contexts.values)[:, -self.season :, list(self.targets)].mean(axis=1)

    def rows(self, contexts: Contexts, prediction_length: int) -> tuple[np.ndarray, list[str]]:
        """Return the table of some windows; each row depends on its own window alone.

        Parameters
        ----------
        contexts : Contexts
            Windows.
        prediction_length : int
            Number of rows of the horizon.

        Returns
        -------
        table : float32 ndarray of shape (n_windows, prediction_length, n_targets, n_columns)
            The numbers; those of a target are relative to its level.
        names : list of str
            Names of the columns.
        """
        values = _numbers(contexts.values)
        columns = self._of_targets(values, prediction_length)
        columns |= self._of_steps(contexts, prediction_length)
        columns |= self._of_past(contexts, values, prediction_length)
        columns |= self._of_known(contexts, values, prediction_length)
        shape = (len(values), prediction_length, len(self.targets))
        table = np.empty((*shape, len(columns)), dtype=np.float32)
        for number, column in enumerate(columns.values()):
            table[..., number] = column
        return table, list(columns)

    def _before(self, prediction_length: int, number: int) -> np.ndarray:
        """Return the rows, counted from the origin, the given number of seasons before each step."""
        steps = np.arange(prediction_length)
        return steps - (steps // self.season + number) * self.season

    def _of_targets(self, values: np.ndarray, prediction_length: int) -> dict[str, np.ndarray]:
        """Return lags and summaries of the targets, (n_windows, prediction_length or 1, n_targets)."""
        own = values[:, :, list(self.targets)]
        level = own[:, -self.season :].mean(axis=1, keepdims=True)
        own = own - level
        columns = {f"lag_{lag}": own[:, -lag][:, None] for lag in range(1, self.n_lags + 1)}
        length = own.shape[1]
        seasonal = [own[:, length + self._before(prediction_length, k)] for k in range(1, self.n_seasonal_lags + 1)]
        columns |= {f"season_{k}": one for k, one in enumerate(seasonal, 1)}
        columns["season_mean"] = np.mean(seasonal, axis=0)
        columns["level"] = level
        columns["level_change"] = own.mean(axis=1, keepdims=True)
        last = own[:, -self.season :]
        columns |= {"season_min": last.min(axis=1, keepdims=True), "season_max": last.max(axis=1, keepdims=True)}
        columns |= {"season_spread": last.std(axis=1, keepdims=True), "spread": own.std(axis=1, keepdims=True)}
        if len(self.targets) > 1:
            columns["target"] = np.arange(len(self.targets))[None, None]
        return columns

    def _of_steps(self, contexts: Contexts, prediction_length: int) -> dict[str, np.ndarray]:
        """Return the step, its calendar, and static covariates."""
        columns = {"step": np.arange(1, prediction_length + 1)[None, :, None]}
        if contexts.future_time is not None:
            time = _numbers(contexts.future_time)[:, -prediction_length:]
            columns |= {f"calendar_{number}": time[..., number, None] for number in range(time.shape[-1])}
        if contexts.static is not None:
            static = _numbers(contexts.static)
            columns |= {f"static_{number}": static[:, None, number, None] for number in range(static.shape[-1])}
        return columns

    def _of_past(self, contexts: Contexts, values: np.ndarray, prediction_length: int) -> dict[str, np.ndarray]:
        """Return the last value, the recent level and the value a season before, of each past covariate."""
        columns = {}
        before = values.shape[1] + self._before(prediction_length, 1)
        for channel in range(values.shape[2]):
            if channel in self.targets or channel in contexts.known:
                continue
            rows = values[:, :, channel, None]
            level = rows[:, -self.season :].mean(axis=1, keepdims=True)
            columns[f"past_{channel}_last"] = rows[:, -1:]
            columns[f"past_{channel}_level"] = level
            columns[f"past_{channel}_season"] = rows[:, before] - level
        return columns

    def _of_known(self, contexts: Contexts, values: np.ndarray, prediction_length: int) -> dict[str, np.ndarray]:
        """Return each known covariate at the step, beside it, on average, and compared with the past."""
        if contexts.future is None:
            return {}
        columns = {}
        before = values.shape[1] + self._before(prediction_length, 1)
        ahead = _numbers(contexts.future)
        for number, channel in enumerate(contexts.known):
            past, here = values[:, :, channel, None], ahead[..., number, None]
            level = past[:, -self.season :].mean(axis=1, keepdims=True)
            columns[f"known_{number}"] = here
            columns[f"known_{number}_step_before"] = np.concatenate([past[:, -1:], here[:, :-1]], axis=1)
            columns[f"known_{number}_step_after"] = np.concatenate([here[:, 1:], here[:, -1:]], axis=1)
            columns[f"known_{number}_change"] = here - past[:, before]
            columns[f"known_{number}_above_level"] = here - level
            columns[f"known_{number}_mean"] = here.mean(axis=1, keepdims=True)
            columns[f"known_{number}_mean_change"] = columns[f"known_{number}_mean"] - level
        return columns


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
