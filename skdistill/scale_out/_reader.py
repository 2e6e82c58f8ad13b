"""What workers need to read the series of a table as ``fit`` does."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from skdistill.data._fit_windows import FitWindows
from skdistill.data._inputs import read_series
from skdistill.data._season import season_of_series
from skdistill.data._series import Series
from skdistill.deploy._frame_predictor import InputForm
from skdistill.deploy._long_form import LongForm
from skdistill.scale_out._whole_series import whole_series
from skdistill.scale_out._work import BLOCK_ROWS

__all__ = ["SeriesReader"]


@dataclass(frozen=True)
class SeriesReader:
    """The series of a table, a block at a time, and how they are split.

    Parameters
    ----------
    form : LongForm
        The columns of the table.
    fitted : InputForm
        Roles, columns and steps of the series of the sample.
    cutting : FitWindows
        How windows are cut; its kind of scaling and least number of rows are settled.
    season : int or None
        Rows of a season, as the step of the sample suggests.
    block_rows : int
        Rows that are read at once.
    """

    form: LongForm
    fitted: InputForm
    cutting: FitWindows
    season: int | None
    block_rows: int = BLOCK_ROWS

    @classmethod
    def of(cls, prototype: Any, id: Hashable, time: Hashable, n_sample: int) -> SeriesReader:
        """Return the reader of a forecaster that was fitted on a sample.

        Parameters
        ----------
        prototype : DistilledForecaster
            The forecaster.
        id, time : hashable
            The columns of ids and times.
        n_sample : int
            Series of the sample.

        Returns
        -------
        reader : SeriesReader
            The reader.
        """
        cutting, season = prototype._cutting(is_panel=True), prototype.spec_.season
        settled = replace(
            cutting,
            scaling_kind=prototype.scaling_.kind,
            min_observed=cutting.least_rows(n_sample, cutting.season_in_context(season)),
            transformer=None,
        )
        return cls(LongForm.of(prototype, id, time, "fit"), InputForm(prototype), settled, season)

    @property
    def id(self) -> str:
        """The column of ids."""
        return str(self.form.id)

    def blocks(self, batches: Iterable[Any]) -> Iterator[list[Series]]:
        """Yield series in normal form.

        Parameters
        ----------
        batches : iterable of pyarrow.RecordBatch or pyarrow.Table
            A partition.

        Yields
        ------
        series : list of Series
            Some of the series.
        """
        for table in whole_series(batches, self.id, self.block_rows, "one partition"):
            yield self.read(table)

    def read(self, table: Any) -> list[Series]:
        """Read some series in normal form.

        Parameters
        ----------
        table : pyarrow.Table
            All rows of some series.

        Returns
        -------
        series : list of Series
            The series.

        Raises
        ------
        ValueError
            If a series has a larger step than the sample.
        """
        panel = self.form.read(table.replace_schema_metadata(None), one_step=True)
        given = read_series(self.fitted, panel, reset=False, allow_batch=False)
        step_of = self.fitted.series_labels_.step_of
        return [
            one if one.step is not None or one.index is None else replace(one, step=step_of(one.index))
            for one in given.series
        ]

    def held_out(self, series: list[Series]) -> list[int]:
        """Return the number of validation rows of each series.

        Parameters
        ----------
        series : list of Series
            Some series.

        Returns
        -------
        n_rows : list of int
            As in ``fit``.
        """
        return self.cutting.held_out(series)

    def check_season(self, series: list[Series]) -> None:
        """Raise if a series has another season than the sample.

        Parameters
        ----------
        series : list of Series
            Some series.

        Raises
        ------
        ValueError
            If a step suggests another season.
        """
        for one in series:
            if one.step is not None and (found := season_of_series(one.index, one.step)) != self.season:
                raise ValueError(
                    f"series {one.id!r} has the step {one.step}, whose season is {found}, and the sample has the "
                    f"season {self.season}: fit series of one step together."
                )
