"""Labels that exist already: forecasts made elsewhere, tied to rows by their origins."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from skdistill.networks import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._labels import Labels
from skdistill.windows import Contexts

__all__ = ["GivenLabels"]


class GivenLabels(BaseTeacher):
    """Forecasts made elsewhere, looked up by the row where each begins.

    Parameters
    ----------
    forecasts : array of shape (n_forecasts, prediction_length, n_targets)
        The forecasts, in original units; (n_forecasts, prediction_length) does for one target.
    origins : array of shape (n_forecasts,)
        Row of the first step of each forecast: its index label where the series is a DataFrame
        (so that any fold of a cross-validation finds its own), else its position in the series
        given to ``fit`` (so only folds that start at row 0 find theirs).
    series : array of int of shape (n_forecasts,) or None, default=None
        Number of the series that each forecast belongs to, where ``fit`` sees several.

    Notes
    -----
    Forecasts that a model made after it had seen the rows of a test fold leak them.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.teachers import GivenLabels
    >>> teacher = GivenLabels(np.zeros((3, 2, 1)), origins=[8, 9, 10])
    >>> teacher.n_forecasts
    3
    """

    def __init__(self, forecasts: Any, origins: Any, *, series: Any = None) -> None:
        self.forecasts = forecasts
        self.origins = origins
        self.series = series

    @property
    def n_forecasts(self) -> int:
        """Number of forecasts given."""
        return len(self.forecasts)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if forecasts and origins do not fit together or to the problem.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths and channels of the problem.
        """
        self.__dict__.pop("_lookup", None)
        forecasts = self._forecasts()
        expected = (spec.prediction_length, spec.n_targets)
        if forecasts.shape[1:] != expected:
            raise ValueError(
                f"forecasts of GivenLabels must have shape (n_forecasts, prediction_length, n_targets) = "
                f"(n_forecasts, {expected[0]}, {expected[1]}); got {np.shape(self.forecasts)}."
            )
        for name, values in (("origins", self.origins), ("series", self.series)):
            if values is not None and len(values) != len(forecasts):
                raise ValueError(
                    f"{name} of GivenLabels must have one entry a forecast: {len(forecasts)}; got {len(values)}."
                )
        bad = np.argwhere(~np.isfinite(forecasts))
        if len(bad):
            row, step, channel = bad[0]
            raise ValueError(
                f"forecasts of GivenLabels must be finite; forecast {row} (origin {self.origins[row]}), step {step}, "
                f"target {channel} is {forecasts[row, step, channel]}."
            )
        if self._lookup.has_duplicates:
            raise ValueError(
                "origins of GivenLabels must be unique within a series; "
                f"{self._lookup[self._lookup.duplicated()][0]} comes twice."
            )

    def label(self, contexts: Contexts) -> Labels:
        """Look the forecasts up.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts.

        Returns
        -------
        labels : Labels
            Forecasts, without features.

        Raises
        ------
        ValueError
            If a window has no forecast.
        """
        keys = self._keys(contexts)
        positions = self._lookup.get_indexer(keys)
        if (positions < 0).any():
            first = keys[int(np.argmax(positions < 0))]
            raise ValueError(
                f"GivenLabels covers no forecast that starts at row {first}, which training needs "
                f"({int((positions < 0).sum())} of the {len(positions)} windows looked up have none). Give forecasts "
                "for every training window, and index labels as origins if folds do not start at row 0."
            )
        forecast = contexts.scaling.forecasts_to_standard(self._forecasts()[positions])
        return Labels(torch.from_numpy(np.ascontiguousarray(forecast)))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the lookup table behind: it follows from the parameters."""
        state = dict(super().__getstate__())
        state.pop("_lookup", None)
        return state

    @cached_property
    def _lookup(self) -> pd.Index:
        origins = pd.Index(self.origins)
        return origins if self.series is None else pd.MultiIndex.from_arrays([np.asarray(self.series), origins])

    def _forecasts(self) -> np.ndarray:
        forecasts = np.asarray(self.forecasts, dtype=np.float64)
        return forecasts[:, :, None] if forecasts.ndim == 2 else forecasts

    def _keys(self, contexts: Contexts) -> pd.Index:
        """Name each window by the label, or else the position, of its first horizon row."""
        labels: list[Any] = []
        for number, origin in zip(contexts.series, contexts.origins, strict=True):
            index = contexts.indexes[number]
            labels.append(origin if index is None or origin >= len(index) else index[origin])
        keys = pd.Index(labels)
        return keys if self.series is None else pd.MultiIndex.from_arrays([contexts.series, keys])
