"""Plot of a forecast and the truth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skdistill._unwrap import unwrap_model
from skdistill._utils._checks import check_integer, is_integer
from skdistill._utils._optional import import_optional
from skdistill._utils.numpy_student import read_numbers
from skdistill.data._columns import can_be_position
from skdistill.data._forms import take_apart
from skdistill.data._inputs import is_list_of_series
from skdistill.data._label_kinds import same_labels
from skdistill.data._steps import as_time_index, continue_index, find_step
from skdistill.data._vintages import LOST, lost_vintages, vintages_of
from skdistill.plotting._style import ABOVE, BaseDisplay, as_shown, style_of_all, without_neighbors
from skdistill.teachers._given import NoLabelError, warn_left_out

__all__ = ["ChannelPosition", "ForecastDisplay", "frame_of", "series_of"]

_LABEL_WIDTH = 40  # characters that fit beside the axes
_FEWEST_SHOWN = 24  # rows of context, if it has as many


class ForecastDisplay(BaseDisplay):
    """Plot of the context, the truth, and the forecasts of teacher and student.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    context, truth : Series
        Values before the forecast and, where known, after its start.
    forecasts : dict of str to Series
        Forecasts by name.
    channel : str, default="value"
        Name of the channel, for the axis label.
    fans : dict of str to DataFrame, or None, default=None
        Quantiles of forecasts by name: one column per level, in rising order.
    units : str, default="original units"
        Units of the values, for the axis label.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import ForecastDisplay
    >>> wave = np.sin(np.arange(30.0))
    >>> display = ForecastDisplay.from_predictions(wave[:20], wave[20:], {"student": wave[20:] * 0.9})
    >>> display.ax_.get_ylabel()
    'value (original units)'
    """

    def __init__(
        self,
        *,
        context: pd.Series,
        truth: pd.Series | None,
        forecasts: Mapping[str, pd.Series],
        channel: str = "value",
        fans: Mapping[str, pd.DataFrame] | None = None,
        units: str = "original units",
    ) -> None:
        self.context = context
        self.truth = truth
        self.forecasts = forecasts
        self.channel = channel
        self.fans = fans
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        series: Any = None,
        start: int | None = None,
        channel: Any = None,
        ax: Any = None,
        **options: Any,
    ) -> ForecastDisplay:
        """Forecast from a row of a series and plot; quantiles are drawn as a fan.

        Parameters
        ----------
        estimator : DistilledForecaster, Pipeline or fitted search
            The fitted estimator. Units are those of the data its forecaster sees.
        X : array, DataFrame, Series or panel
            A series, or many.
        series : hashable or None, default=None
            Which series of a panel, by its id, or its position in a list; None takes the first one.
        start : int or None, default=None
            First row to forecast; None takes the last one with the rows of a whole horizon, whether their targets are
            observed or not.
        channel : int or str or None, default=None
            Target to draw, by name (of an array, by the number of the column), or by position among the targets where
            no name is a number; None takes the last one.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.
        **options : object
            Passed to :meth:`plot`.

        Returns
        -------
        display : ForecastDisplay
            The drawn display.
        """
        model = unwrap_model(estimator)
        one, id_, name = _pick_series(X, series)
        forecaster, rows = model.forecaster, model.transform(one)
        horizon, context_length = forecaster.spec_.prediction_length, forecaster.spec_.context_length
        first = len(rows) - horizon if start is None else check_integer(start, "start of ForecastDisplay")
        if not context_length <= first <= len(rows):
            raise ValueError(
                f"start of ForecastDisplay must have context_length = {context_length} rows before it and lie within X "
                f"({len(rows)} rows); got {first}."
            )
        known = getattr(rows, "iloc", rows)[first - context_length : first]  # by position, whatever the labels
        asked = known if id_ is None else {id_: known}  # under its id, a series has the units of fit

        def answer(of_series: Any) -> Any:
            return of_series if id_ is None else of_series[id_]

        frame = frame_of(rows)
        plan = _plan(forecaster, frame, first, id_)
        future = {} if plan is None else {"future": plan if id_ is None else {id_: plan}}
        forecasts = {"student": answer(forecaster.predict(asked, **future))}
        if forecaster.teacher_ is not None:
            try:
                taught = answer(forecaster.predict_teacher(asked, **future))
                forecasts["teacher"] = forecaster.scaling_.clip(np.asarray(taught))  # as the student's
            except NoLabelError as error:
                warn_left_out("the teacher's forecast", error)
        index = getattr(forecasts["student"], "index", pd.RangeIndex(first, first + horizon))
        if _is_text(frame.index):
            frame, index = frame.reset_index(drop=True), pd.RangeIndex(first, first + horizon)
        columns = list(forecaster.roles_.targets)
        names = list(frame.columns[columns])
        has_names = isinstance(rows, pd.DataFrame) or (isinstance(rows, pd.Series) and rows.name is not None)
        position = _find_channel(channel, names)
        values = frame.iloc[:, columns[position]]
        fans = {}
        if forecaster.spec_.quantiles is not None:
            quantiles = np.asarray(answer(forecaster.predict_quantiles(asked, **future))).reshape(
                horizon, len(names), -1
            )
            fans["student"] = pd.DataFrame(quantiles[:, position], index=index, columns=forecaster.spec_.quantiles)
        return cls(
            context=values.iloc[first - context_length : first],
            truth=values.iloc[first : first + horizon],
            forecasts={
                name: pd.Series(np.asarray(one).reshape(horizon, -1)[:, position], index=index)
                for name, one in forecasts.items()
            },
            channel=(str(names[position]) if has_names else f"channel {names[position]}") + name,
            fans=fans,
            units="original units" if model.before is None else "units after the steps before",
        ).plot(ax=ax, **options)

    @classmethod
    def from_predictions(
        cls,
        context: Any,
        truth: Any,
        forecasts: Mapping[str, Any],
        *,
        channel: str = "value",
        fans: Mapping[str, Any] | None = None,
        ax: Any = None,
        **options: Any,
    ) -> ForecastDisplay:
        """Plot given forecasts.

        Parameters
        ----------
        context, truth : array or Series of one channel
            Values before the forecast, and true values (None if unknown). The labels of an array follow those of the
            context.
        forecasts : dict of str to array or Series
            Forecasts by name; the labels of an array are those of the truth, or follow those of the context.
        channel : str, default="value"
            Name of the channel.
        fans : dict of str to DataFrame, or None, default=None
            Quantiles of some of the forecasts, by name: one column per level, in rising order.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.
        **options : object
            Passed to :meth:`plot`.

        Returns
        -------
        display : ForecastDisplay
            The drawn display.
        """

        def series(values: Any, before: pd.Series | None = None, beside: Any = None) -> pd.Series:
            numbers = read_numbers(values, "context, truth and forecasts of ForecastDisplay")
            if isinstance(values, pd.Series):
                return pd.Series(numbers, index=values.index)
            if isinstance(beside, pd.Series) and len(beside) == len(numbers):
                return pd.Series(numbers, index=beside.index)
            index = pd.RangeIndex(len(numbers)) if before is None else _labels_after(before.index, len(numbers))
            return pd.Series(numbers, index=index)

        unknown = [name for name in fans or {} if name not in forecasts]
        if unknown:
            raise ValueError(f"fans of ForecastDisplay must name forecasts: {list(forecasts)}; got {unknown}.")
        rows = series(context)
        drawn = {name: series(one, rows, truth) for name, one in forecasts.items()}
        for name, fan in (fans or {}).items():
            _check_fan(fan, name, drawn[name])
        return cls(
            context=rows,
            truth=None if truth is None else series(truth, rows),
            forecasts=drawn,
            channel=channel,
            fans=fans,
        ).plot(ax=ax, **options)

    def plot(self, ax: Any = None, *, n_context: int | None = None) -> ForecastDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.
        n_context : int or None, default=None
            Number of context rows to show; None shows twice the horizon, and at least 24.

        Returns
        -------
        self : ForecastDisplay
            The display.
        """
        if n_context is not None:
            check_integer(n_context, "n_context of ForecastDisplay")
        if not self.forecasts:
            raise ValueError("forecasts of ForecastDisplay must be a dict with at least one forecast; got none.")
        if taken := {"context", "truth"} & set(self.forecasts):
            raise ValueError(
                f"forecasts of ForecastDisplay must not be called {sorted(taken)[0]!r}, the name of another line; got "
                f"{list(self.forecasts)}."
            )
        ax = self._begin(ax)
        horizon = max(len(one) for one in self.forecasts.values())
        n_shown = max(2 * horizon, _FEWEST_SHOWN) if n_context is None else n_context
        lines = {"context": self.context.iloc[-n_shown:]}
        if self.truth is not None and len(self.truth):
            lines["truth"] = self.truth
        lines |= self.forecasts
        places = self._places_of_text(lines) if _is_text(self.context.index) else None
        styles = style_of_all(lines)
        for name, values in lines.items():
            index = _on_axis(values.index) if places is None else places[values.index].to_numpy()
            self._line(index, values, name, styles[name])
            if self.fans and name in self.fans:
                self._draw_fan(index, self.fans[name], styles[name]["color"])
        ax.set_ylabel(as_shown(textwrap.fill(f"{self.channel} ({self.units})", _LABEL_WIDTH)))
        labels = _on_axis(self.context.index)
        ax.set_xlabel(as_shown(_name_of(self.context.index)))
        if isinstance(labels, pd.DatetimeIndex):
            dates = import_optional("matplotlib.dates", extra="plot", purpose="Plotting")
            zone = labels.tz  # without it, ticks would be those of UTC
            locator = dates.AutoDateLocator(tz=zone)
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
        self._legend(**ABOVE)
        return self

    def _draw_fan(self, index: Any, fan: pd.DataFrame, color: Any) -> None:
        """Shade the area between pairs of levels, from the outermost pair inwards."""
        values = fan.to_numpy()
        n_bands = values.shape[1] // 2
        for band in range(n_bands):
            low, high = values[:, band], values[:, -1 - band]
            levels = fan.columns[[band, -1 - band]]
            label = f"levels {levels[0]:g} to {levels[1]:g}" if band == 0 else None
            opacity = 1.0 - 0.4 ** (1.0 / n_bands)  # of one band; all bands together are 60% opaque
            self.ax_.fill_between(index, low, high, color=color, alpha=opacity, linewidth=0, label=label)
            lonely = without_neighbors(high - low)  # an area of one row has no width
            if lonely.any():
                bar = {"linewidth": 6, "alpha": opacity, "color": color}
                self.ax_.vlines(index[lonely], low[lonely], high[lonely], **bar)
        middle = fan.columns[n_bands] if values.shape[1] % 2 else 0.5
        if middle != 0.5:
            self._line(index, values[:, n_bands], f"level {middle:g}", {"color": color, "linestyle": ":"})

    def _places_of_text(self, lines: Mapping[str, pd.Series]) -> pd.Series:
        """Return the place of every label that is text, in the order of the rows, and write some below the axis."""
        ticker = import_optional("matplotlib.ticker", extra="plot", purpose="Plotting")
        for name, values in lines.items():
            if not values.index.is_unique:
                raise ValueError(
                    "labels of ForecastDisplay that are text must differ from row to row, or there is no telling where "
                    f"a value belongs; those of {name!r} repeat {values.index[values.index.duplicated()][0]!r}. "
                    "reset_index(drop=True) counts rows."
                )
        labels = list(dict.fromkeys(label for values in lines.values() for label in values.index))
        longest = max(len(str(label)) for label in labels)
        locator = ticker.MaxNLocator(max(1, min(8, _LABEL_WIDTH // longest)), integer=True)
        self.ax_.xaxis.set_major_locator(locator)
        self.ax_.xaxis.set_major_formatter(
            lambda place, _: as_shown(labels[int(place)]) if 0 <= place < len(labels) else ""
        )
        return pd.Series(np.arange(len(labels)), index=pd.Index(labels, dtype=object))


def _check_fan(fan: Any, name: Any, forecast: pd.Series) -> None:
    """Raise if a fan would be drawn at other rows than its own, or between other levels than it says."""
    if not isinstance(fan, pd.DataFrame) or fan.columns.dtype.kind not in "if" or not (np.diff(fan.columns) > 0).all():
        columns = list(fan.columns) if isinstance(fan, pd.DataFrame) else type(fan).__name__
        raise ValueError(
            f"fans[{name!r}] of ForecastDisplay must be a DataFrame with one column per level, in rising order, like "
            f"0.1, 0.5, 0.9; got {columns}."
        )
    counted = fan.index.equals(pd.RangeIndex(len(fan)))  # rows of the forecast
    if len(fan) != len(forecast) or not (counted or same_labels(fan.index, forecast.index)):
        raise ValueError(
            f"fans[{name!r}] of ForecastDisplay must have the {len(forecast)} rows of its forecast, from "
            f"{forecast.index[0]!r} to {forecast.index[-1]!r}; got {len(fan)} rows"
            + (f", from {fan.index[0]!r} to {fan.index[-1]!r}." if len(fan) else ".")
        )


def _is_text(index: pd.Index) -> bool:
    """Say whether labels are neither times nor numbers, which have places on an axis."""
    index = _on_axis(index)
    return not isinstance(index, pd.DatetimeIndex) and index.dtype.kind not in "iufmb"


def _on_axis(index: pd.Index) -> pd.Index:
    """Return labels as matplotlib draws them: times, seconds for durations, others unchanged."""
    index = as_time_index(index)
    if isinstance(index, pd.TimedeltaIndex):
        return index.total_seconds()
    if index.inferred_type == "date":
        return pd.DatetimeIndex(index)
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


def _name_of(index: pd.Index) -> str:
    """Return what the horizontal axis shows; times need no name."""
    index = as_time_index(index)
    if isinstance(_on_axis(index), pd.DatetimeIndex):
        return ""
    if isinstance(index, pd.TimedeltaIndex):
        return "seconds"
    if index.name is not None:
        return str(index.name)
    return "row" if isinstance(index, pd.RangeIndex) else "label of the row"


class ChannelPosition(int):
    """Position of a channel among the targets, where a number could be a name."""


def _labels_after(index: pd.Index, n: int) -> pd.Index:
    """Return the `n` labels that follow those of the context."""
    if len(index) and find_step(as_time_index(index)) is None:
        raise ValueError(
            "the labels of context of ForecastDisplay have no regular step that an array of truth or forecasts could "
            f"follow; got {index[-1]!r} as the last one. Give each as a Series with labels of its own."
        )
    return continue_index(index, n)


def _find_channel(channel: Any, names: list[Any]) -> int:
    """Return the position of a channel among the targets."""
    if channel is None:
        return len(names) - 1
    if channel in names and not isinstance(channel, ChannelPosition):
        return names.index(channel)
    is_place = is_integer(channel) and 0 <= channel < len(names)
    if is_place and (isinstance(channel, ChannelPosition) or can_be_position(channel, names)):
        return int(channel)
    otherwise = "" if any(map(is_integer, names)) else " or a position from 0"
    raise ValueError(f"channel of ForecastDisplay must be among {names}{otherwise}; got {channel!r}.")


def _pick_series(X: Any, series: Any = None) -> tuple[Any, Any, str]:
    """Return one series of a panel, by default the first, its id, and what to add to a label."""
    parts, ids, has_ids = series_of(X)
    if ids is None:
        if series is not None:
            raise ValueError(f"series of ForecastDisplay names a series of a panel; X is a single one, got {series!r}.")
        return X, None, ""
    chosen = ids[0] if series is None else series
    if chosen not in ids:
        raise ValueError(f"series of ForecastDisplay must be one of the {len(ids)} ids of X; got {series!r}.")
    return parts[ids.index(chosen)], chosen if has_ids else None, f" of series {chosen!r}"


def series_of(X: Any) -> tuple[Any, list[Any] | None, bool]:
    """Take a panel apart.

    Parameters
    ----------
    X : array, DataFrame, Series or panel
        A series, or many.

    Returns
    -------
    parts : sequence
        The series; one for a single series.
    ids : list or None
        Their ids, or positions if they have none; None for a single series.
    has_ids : bool
        Whether they have ids.
    """
    parts, form = take_apart(X)
    if form is not None:
        return parts, list(form.ids), True
    if is_list_of_series(X) or (isinstance(X, np.ndarray) and X.ndim == 3):
        return X, list(range(len(X))), False
    return [X], None, False


def frame_of(series: Any) -> pd.DataFrame:
    """Return a series as a frame with its labels; rows and channels of an array are counted.

    Parameters
    ----------
    series : array, DataFrame or Series
        A series.

    Returns
    -------
    frame : DataFrame
        One column per channel.
    """
    if isinstance(series, pd.DataFrame):
        return series
    numbers = read_numbers(series, "X").reshape(len(series), -1)
    if isinstance(series, pd.Series):
        return pd.DataFrame(numbers, index=series.index, columns=[0 if series.name is None else series.name])
    return pd.DataFrame(numbers)


def _plan(forecaster: Any, frame: pd.DataFrame, first: int, id_: Any) -> pd.DataFrame | None:
    """Return the known covariates of the rows from one on, by position; what vintages have as they knew it before."""
    roles, horizon = forecaster.roles_, forecaster.spec_.prediction_length
    if not roles.known:
        return None
    rows = frame.iloc[first : first + horizon, list(roles.known)]
    plan = rows.reset_index(drop=True).reindex(range(horizon))
    if lost_vintages(forecaster):
        raise ValueError(LOST)
    vintages = vintages_of(forecaster, fitting=False)
    if vintages is not None:
        index = frame.index[:first]
        later = continue_index(index, horizon, step=forecaster.series_labels_.step_of(frame.index))
        known = vintages.known_at(index[-1], later, id_)
        plan[vintages.columns] = known[vintages.columns].to_numpy()
    return plan
