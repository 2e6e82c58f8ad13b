"""Some series of a table as they stand in a store of files: standardized rows, windows, units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._plausibility._outliers import find_outliers
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import units_told
from skdistill.data._series import Series
from skdistill.data._steps import Step
from skdistill.data._validation_rows import training_values
from skdistill.data._windows import Windows
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._sums import RowSums, scaling_of

__all__ = ["Block", "BlockMaker"]


@dataclass
class Block:
    """Some series.

    Parameters
    ----------
    rows : dict of str to ndarray
        ``"values"``, ``"labels"`` and, if something reads them, ``"calendar"``, for each row of the store; ``"train"``
        and ``"validation"``, the rows of this block where contexts start.
    series : dict of str to ndarray
        What is known of each series: ``"lengths"``, ``"gaps"``, ``"told"``, ``"by_window"``, ``"stepped"``, and
        ``"center"``, ``"unit"`` if series have units.
    sums : dict of str to ndarray
        Statistics of the training rows, ``"n_missing"`` and ``"n_short"``; and ``"outliers"``, in words, and what makes
        an ``"outweighing"``.
    ids : list of hashable
        Ids of the series.
    """

    rows: dict[str, np.ndarray]
    series: dict[str, np.ndarray]
    sums: dict[str, np.ndarray]
    ids: list[Any]


@dataclass
class BlockMaker:
    """Makes blocks as ``fit`` on all series would; it can be pickled to workers.

    Parameters
    ----------
    reader : SeriesReader
        How series are read and split.
    scaling : Scaling
        Scaling of a sample, whose settings are taken.
    whole : RowSums or None
        Statistics of all training rows; None if the scaling needs none.
    like : Index
        Labels of a series of the sample.
    step : Step or None
        Their step.
    reads_calendar : bool
        Whether something reads calendar features.
    """

    reader: SeriesReader
    scaling: Scaling
    whole: RowSums | None
    like: pd.Index
    step: Step | None
    reads_calendar: bool

    def __call__(self, table: Any) -> Block:
        """Make a block.

        Parameters
        ----------
        table : pyarrow.Table
            All rows of some series.

        Returns
        -------
        block : Block
            The block.

        Raises
        ------
        ValueError
            If a series has another step, or labels of another type, than the sample.
        """
        cutting, series = self.reader.cutting, self.reader.read(table)
        self._check_labels(series)
        held_out = self.reader.held_out(series)
        known = training_values(series, held_out)
        scaling = scaling_of(self.scaling, self.whole, known, [one.id for one in series])
        least = cutting.min_observed
        assert least is not None  # settled
        windows = cutting.build(series, held_out, scaling, least, self.reader.season)
        train, store = windows.train, windows.train.store
        labels = np.zeros(len(store.values), dtype=np.int64)
        for offset, one in zip(store.offsets, series, strict=True):
            labels[offset : offset + len(one)] = _numbers(one.index)
        rows = {"values": store.values.numpy(), "labels": labels, "train": train.starts.numpy()}
        rows["validation"] = _starts(windows.validation)
        if self.reads_calendar and store.time is not None:
            rows["calendar"] = store.time.numpy()
        of_series = {
            "lengths": store.lengths,
            "gaps": np.array([bool(np.isnan(one.values).any()) for one in series]),
            "told": units_told(known, scaling.seen_),
            "by_window": np.zeros(len(series), dtype=bool) if store.by_window is None else store.by_window,
            "stepped": np.array([one.step is not None for one in series]),
        }
        if store.units is not None:
            of_series |= {"center": store.units.center, "unit": store.units.unit}
        whole = RowSums.of(known)
        sums = {one.name: np.asarray(getattr(whole, one.name)) for one in fields(whole)}
        sums["n_missing"] = np.isnan(np.concatenate([one.values for one in series])).sum(axis=0)
        sums["n_short"] = np.array(len(series) - train.count_series())
        sums["outliers"] = np.array(find_outliers(series, scaling.transformer_), dtype=str)
        found = Outweighing.of(windows.known_train, [name_series(series, number) for number in range(len(series))])
        sums["outweighing"] = np.array([found.n_windows, found.squares, found.farthest])[None]
        sums["outweighing_context"] = np.array([found.context], dtype=str)
        return Block(rows, of_series, sums, [one.id for one in series])

    def _check_labels(self, series: list[Series]) -> None:
        for one in series:
            if one.index is None or one.index.dtype != self.like.dtype:
                given = None if one.index is None else one.index.dtype
                raise ValueError(
                    f"series {one.id!r} has times of type {given}, and the sample has {self.like.dtype}: write the "
                    "column of times with one type."
                )
            if one.step is not None and self.step is not None and one.step != self.step:
                raise ValueError(
                    f"series {one.id!r} has the step {one.step}, and the sample has {self.step}: fit series of one "
                    "step together."
                )


def _starts(windows: Windows | None) -> np.ndarray:
    return np.empty(0, dtype=np.int64) if windows is None else windows.starts.numpy()


def _numbers(index: Any) -> np.ndarray:
    """Return labels as integers."""
    return index.asi8 if isinstance(index, pd.DatetimeIndex) else index.to_numpy(dtype=np.int64)
