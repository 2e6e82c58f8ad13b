"""What workers count of their partition: statistics of rows, and moments of windows. Both add up."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from skdistill._utils.numpy_student import rounding_of
from skdistill.data._covariate_units import CovariateUnits
from skdistill.data._local_scale import LocalUnits, series_units
from skdistill.data._plausibility._far_labels import FarLabels
from skdistill.data._plausibility._outliers import find_outliers
from skdistill.data._plausibility._outweighing import Outweighing
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import units_told
from skdistill.data._series import Series
from skdistill.data._spread import settle_constants
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._validation_rows import training_values
from skdistill.labeling._label_windows import label_windows
from skdistill.losses._base import BaseLoss
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.scale_out._reader import SeriesReader
from skdistill.scale_out._sample import Pick
from skdistill.scale_out._sample_labels import labels_by_sample
from skdistill.scale_out._work import Work
from skdistill.teachers._base import BaseTeacher
from skdistill.training._exact_fit import Sums, add_moments, sum_windows

__all__ = ["RowSums", "RowWork", "WindowSums", "WindowWork", "add_all", "merge_units", "scaling_of"]


@dataclass
class RowSums:
    """Count, mean, squares around the mean, and ends of the observed training values of each channel.

    Parameters
    ----------
    count, mean, squares, lowest, highest : ndarray of shape (n_channels,)
        The statistics; ends are infinite where nothing is observed.
    is_binary : ndarray of bool of shape (n_channels,)
        Whether all are 0 or 1.
    varies : ndarray of bool of shape (n_channels,)
        Whether some series has several values.
    misses : ndarray of bool of shape (n_channels,)
        Whether a value is missing.
    rounding : float
        By which share of a level values can differ through rounding alone, in the type of the rows.
    """

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    is_binary: np.ndarray
    varies: np.ndarray
    misses: np.ndarray
    rounding: float

    @classmethod
    def of(cls, parts: Sequence[np.ndarray]) -> RowSums:
        """Count the rows of some series.

        Parameters
        ----------
        parts : sequence of ndarray of shape (n_timestamps, n_channels)
            Rows of each series, NaN where missing.

        Returns
        -------
        sums : RowSums
            Their statistics.
        """
        rows = np.concatenate(parts)
        missing = np.isnan(rows)
        values = np.where(missing, 0.0, rows.astype(np.float64))
        count = (~missing).sum(axis=0).astype(np.float64)
        lowest = np.where(missing, np.inf, values).min(axis=0, initial=np.inf)
        highest = np.where(missing, -np.inf, values).max(axis=0, initial=-np.inf)
        base = np.where(count > 0, lowest, 0.0)  # around which a high level costs no digits
        shift = np.where(missing, 0.0, values - base).sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(missing, 0.0, values - base - shift) ** 2).sum(axis=0)
        is_binary = ((values == 0) | (values == 1)).all(axis=0)
        varies = np.logical_or.reduce([_varies(part) for part in parts])
        rounding = rounding_of(rows.dtype)
        return cls(count, base + shift, squares, lowest, highest, is_binary, varies, missing.any(axis=0), rounding)

    def __add__(self, other: RowSums) -> RowSums:
        """Add other rows (Chan, Golub and LeVeque, 1983)."""
        count = self.count + other.count
        shift, share = other.mean - self.mean, other.count / np.maximum(count, 1)
        return RowSums(
            count,
            self.mean + shift * share,
            self.squares + other.squares + shift**2 * self.count * share,
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            self.is_binary & other.is_binary,
            self.varies | other.varies,
            self.misses | other.misses,
            max(self.rounding, other.rounding),
        )

    @property
    def scale(self) -> np.ndarray:
        """Standard deviation; 1 for a channel that is constant up to rounding, as in ``fit``."""
        return np.where(self.is_constant, 1.0, self._spread)

    def settled_scale(self, targets: Sequence[int] | None) -> np.ndarray:
        """Return standard deviations, and the scale of constant channels by the rule of ``fit``."""
        return settle_constants(self.mean, self.scale, self.is_constant, targets)

    @property
    def is_constant(self) -> np.ndarray:
        """Whether each channel is constant up to rounding."""
        varies = (self.highest > self.lowest) & (self._spread > self.rounding * np.abs(self.mean))
        return np.asarray(~varies)

    @property
    def _spread(self) -> np.ndarray:
        return np.asarray(np.sqrt(self.squares / np.maximum(self.count, 1)))


def _varies(rows: np.ndarray) -> np.ndarray:
    """Return which channels have several observed values."""
    lowest, highest = np.fmin.reduce(rows, initial=np.inf), np.fmax.reduce(rows, initial=-np.inf)
    return np.asarray(highest > lowest)


@dataclass
class WindowSums:
    """Moments of windows, and what else is told of the series they come from.

    Parameters
    ----------
    moments : dict of str to list of Moments or MaskedSums
        As of :func:`~skdistill.training._exact_fit.sum_windows`.
    rows : RowSums
        Statistics of the training rows.
    n_short : int
        Series without a training window.
    outliers : list of str
        Values that outweigh all other rows of their series.
    outweighing : Outweighing
        Windows that outweigh all others.
    labels : FarLabels
        How far away labels lie.
    ids : list of ndarray
        Hashes of ids.
    units : list of (list of hashable, LocalUnits)
        Ids, centers and units of series, if they are kept.
    """

    moments: Sums
    rows: RowSums
    n_short: int = 0
    outliers: list[str] = field(default_factory=list)
    outweighing: Outweighing = field(default_factory=Outweighing)
    labels: FarLabels = field(default_factory=FarLabels)
    ids: list[np.ndarray] = field(default_factory=list)
    units: list[tuple[list[Any], LocalUnits]] = field(default_factory=list)

    def __add__(self, other: WindowSums) -> WindowSums:
        """Add other series."""
        return WindowSums(
            add_moments(self.moments, other.moments),
            self.rows + other.rows,
            self.n_short + other.n_short,
            self.outliers + other.outliers,
            self.outweighing + other.outweighing,
            self.labels + other.labels,
            self.ids + other.ids,
            self.units + other.units,
        )


def add_all(parts: Iterable[Any]) -> Any:
    """Add up sums, in their order.

    Parameters
    ----------
    parts : iterable of RowSums or WindowSums
        The sums.

    Returns
    -------
    total : RowSums, WindowSums or None
        None without parts.
    """
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total


class _SumWork(Work):
    """One row for each partition, with the pickled sum."""

    reader: SeriesReader

    @property
    def id(self) -> str:  # type: ignore[override]
        """The column of ids."""
        return self.reader.id

    def schema(self, given: Any) -> Any:
        """Return one column of bytes."""
        import pyarrow as pa

        return pa.schema([("sums", pa.binary())])

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Count a partition."""
        import pyarrow as pa

        total = add_all(self.count(series) for series in self.reader.blocks(batches))
        if total is not None:
            yield pa.table({"sums": [pickle.dumps(total)]}, schema=self.schema(None))

    def count(self, series: list[Series]) -> Any:
        """Count some series."""
        raise NotImplementedError


@dataclass
class RowWork(_SumWork):
    """Statistics of training rows.

    Parameters
    ----------
    reader : SeriesReader
        How series are read.
    ids : list of object or None, default=None
        The series to count; None counts all.
    """

    reader: SeriesReader
    ids: list[Any] | None = None

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Count a partition, or those of its series that are to be counted."""
        return super().run(batches if self.ids is None else Pick(self.id, self.ids).run(batches))

    def count(self, series: list[Series]) -> RowSums:
        """Count the training rows of some series."""
        return RowSums.of(training_values(series, self.reader.held_out(series)))


@dataclass
class WindowWork(_SumWork):
    """Moments of the windows of series.

    Parameters
    ----------
    reader : SeriesReader
        How series are read and split.
    network : BaseNetwork
        The student.
    spec : NetworkSpec
        What it is built for.
    loss : BaseLoss
        The objective.
    scaling : Scaling
        Scaling of the sample, whose settings are taken.
    whole : RowSums or None
        Statistics of all training rows; None if the scaling needs none.
    teacher : BaseTeacher or None
        The fitted teacher, which labels on the worker.
    keeps_units : bool
        Whether units of series are returned.
    sample_ids : sequence of hashable, default=()
        Ids of the series that the teacher was fitted on, in their order.
    """

    reader: SeriesReader
    network: BaseNetwork
    spec: NetworkSpec
    loss: BaseLoss
    scaling: Scaling
    whole: RowSums | None
    teacher: BaseTeacher | None
    keeps_units: bool
    sample_ids: Sequence[Hashable] = ()

    def count(self, series: list[Series]) -> WindowSums:
        """Count the windows of some series."""
        reader = self.reader
        reader.check_season(series)
        ids = [one.id for one in series]
        hashes = pd.util.hash_array(np.asarray(pd.Index(ids)), categorize=False)
        targets, held_out = list(reader.cutting.targets), reader.held_out(series)
        known = training_values(series, held_out)
        sums = WindowSums({}, RowSums.of(known), ids=[hashes])
        least = reader.cutting.min_observed
        assert least is not None  # settled
        reach = least + reader.cutting.prediction_length
        sums.n_short = len(series)
        sums.outliers = find_outliers(series, self.scaling.transformer_)
        useful = [
            number
            for number, one in enumerate(series)
            if len(one) >= reach and not np.isnan(known[number][:, targets]).all()
        ]
        scaling = scaling_of(self.scaling, self.whole, known, ids)
        if scaling.series_units_ is not None and scaling.ids_ and self.keeps_units:
            sums.units = [(list(scaling.ids_), scaling.series_units_)]
        if not useful:
            return sums
        chosen, rows = [series[number] for number in useful], [held_out[number] for number in useful]
        own = scaling_of(self.scaling, self.whole, [known[number] for number in useful], [one.id for one in chosen])
        windows = reader.cutting.build(chosen, rows, own, least, reader.season)
        module, part = self.network.build(self.spec), self.network.solvable_part(self.spec)
        assert part is not None  # checked
        sums.n_short -= windows.train.count_series()
        names = [name_series(chosen, number) for number in range(len(chosen))]
        sums.outweighing = Outweighing.of(windows.known_train, names)
        labels = self._labels(windows) if len(windows.train) else None
        sums.moments = sum_windows(part, module, self.spec, windows, loss=self.loss, labels=labels)
        if labels is not None:
            sums.labels = FarLabels.of([labels.forecast], windows.train, labels.weight)
        return sums

    def _labels(self, windows: TrainingWindows) -> Any:
        """Label the windows here, with the teacher."""
        teacher, train = self.teacher, windows.train
        if teacher is None:
            return None
        return label_windows(
            labels_by_sample(teacher, self.sample_ids, train),
            len(train),
            forecast_shape=(train.prediction_length, len(train.targets)),
            with_features=False,
        )


def scaling_of(sample: Scaling, whole: RowSums | None, known: Sequence[np.ndarray], ids: Sequence[Any]) -> Scaling:
    """Return the scaling of some series, as ``fit`` on all series makes it.

    Parameters
    ----------
    sample : Scaling
        Scaling of the sample, whose settings are taken.
    whole : RowSums or None
        Statistics of all training rows; None if the scaling needs none.
    known : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of the series.
    ids : sequence of hashable
        Their ids.

    Returns
    -------
    scaling : Scaling
        Fitted.
    """
    scaling: Scaling = clone(sample)
    n_channels = known[0].shape[1]
    scaling.transformer_, scaling.ids_ = None, list(ids)
    scaling.missing_ = np.ones(n_channels, dtype=bool) if whole is None else whole.misses
    scaling.mean_, scaling.scale_ = np.zeros(n_channels), np.ones(n_channels)
    scaling.original_scale_ = np.ones(n_channels) if whole is None else whole.scale
    scaling.series_units_ = scaling.covariates_ = None
    if scaling.kind == "global":
        assert whole is not None  # it needs statistics
        scaling.mean_, scaling.scale_ = whole.mean, whole.settled_scale(scaling.targets)
        scaling.constant_ = whole.is_constant
        return scaling
    units = series_units(list(known), scaling.season)
    if sample.covariates_ is not None:
        assert whole is not None  # it needs statistics
        channels = sample.covariates_.channels
        shared = np.isin(np.arange(n_channels), channels) & whole.is_binary
        scaling.covariates_ = CovariateUnits(channels, shared, whole.mean, whole.settled_scale(scaling.targets))
        units = scaling.covariates_.of_series(known, units)
    scaling.series_units_ = units
    scaling.seen_ = np.ones(n_channels, dtype=bool) if whole is None else whole.count > 0  # of all series, not these
    scaling._keep_told(units_told(known, scaling.seen_))
    return scaling


def merge_units(scaling: Scaling, parts: Sequence[tuple[list[Any], LocalUnits]]) -> None:
    """Give a scaling the units of the series of all parts, sorted by id.

    Parameters
    ----------
    scaling : Scaling
        It is changed.
    parts : sequence of (list of hashable, LocalUnits)
        Ids, centers and units.
    """
    ids = [one for part, _ in parts for one in part]
    center = np.concatenate([units.center for _, units in parts])
    unit = np.concatenate([units.unit for _, units in parts])
    order = np.asarray(pd.Index(ids).argsort())
    scaling.ids_ = [ids[place] for place in order]
    scaling.series_units_ = LocalUnits(center[order], unit[order])
