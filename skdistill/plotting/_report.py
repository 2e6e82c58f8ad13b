"""HTML report that helps to decide whether the student can replace its teacher."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skdistill._show_versions import versions
from skdistill._unwrap import unwrap_model
from skdistill._utils._atomic import write_atomically
from skdistill._utils._optional import import_optional
from skdistill.comparison._analysis import RollingForecasts, rolling_forecasts
from skdistill.comparison._compare import compare
from skdistill.plotting._forecast import ChannelPosition, ForecastDisplay, frame_of, series_of
from skdistill.plotting._history import HistoryDisplay
from skdistill.plotting._horizon_error import HorizonErrorDisplay
from skdistill.plotting._scales import ScalesDisplay
from skdistill.plotting._series_tables import errors_by_series, errors_by_size
from skdistill.plotting._spectrum import SpectrumDisplay
from skdistill.plotting._trade_off import TradeOffDisplay
from skdistill.plotting._win_rate import WinRateDisplay
from skdistill.teachers._provenance import describe_entry

__all__ = ["write_report"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; font-size: .9rem; } th, td { padding: .25rem .7rem; text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
tbody tr:nth-child(odd) { background: #f5f5f5; }
.wide { overflow-x: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .85rem; color: #555; } img { max-width: 100%; }
pre { background: #f5f5f5; padding: .7rem; white-space: pre-wrap; font-size: .85rem; }
@media print { h2 { break-after: avoid; } figure, tr, pre { break-inside: avoid; }
  body { margin: 0; max-width: none; } }
"""


def write_report(estimator: Any, X: Any, path: str | Path, *, train: Any = None, title: str | None = None) -> Path:
    """Write a self-contained HTML report about a fitted forecaster; it needs no internet and no other file.

    Parameters
    ----------
    estimator : DistilledForecaster, Pipeline or fitted search
        The fitted estimator.
    X : array, DataFrame, Series, or a list of them
        A test series not used in ``fit``: context rows, then rows to forecast.
    path : str or Path
        The HTML file to write; an existing file is replaced.
    train : array, DataFrame or None, default=None
        The training series, for the rows that need it; None takes the series passed to ``fit``.
    title : str or None, default=None
        Heading of the report; None asks whether the student can replace its teacher or, where the report has no row of
        a teacher, how good the forecaster is.

    Returns
    -------
    path : Path
        The file.

    Examples
    --------
    >>> import tempfile
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import Theta
    >>> series = make_multiseasonal(300, 1, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     Theta(season=12), "linear", "response", context_length=24, prediction_length=6, random_state=0
    ... ).fit(series[:200])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(forecaster, series[176:], folder + "/report.html").name
    'report.html'
    """
    model = unwrap_model(estimator)
    forecaster = model.forecaster
    table = compare({"student": estimator}, X, train)
    step = _stride(X)
    rolled, ids = rolling_forecasts(estimator, X, step=step), series_of(X)[1]
    every = f"<p>Of one window every {step} rows.</p>" if step > 1 else ""
    weighted = not (isinstance(forecaster.series_weight, str) and forecaster.series_weight == "windows")
    alike = "<p>Every window counts alike, whatever <code>series_weight</code> is in the table.</p>" if weighted else ""
    explanation = getattr(estimator, "explanation_", None)
    sections = [
        *([] if explanation is None else [("How it was chosen", f"<p>{html.escape(explanation)}</p>")]),
        ("In one sentence per row", _list(table.summary().split("\n"))),
        ("Comparison", _table(table)),
        *([] if table.per_series is None or ids is None else [("Series", _series(table, X, forecaster, rolled, ids))]),
        ("Pictures", every + alike + _pictures(estimator, rolled, table)),
        ("Best, median and worst windows", every + _windows(estimator, X, rolled, ids)),
        ("Data", _data(X, forecaster)),
        ("Where the labels came from", _provenance(forecaster)),
        ("Settings", f"<pre>{html.escape(repr(forecaster))}</pre>" + _seed(forecaster)),
        ("Versions", f"<pre>{html.escape(versions())}</pre>"),
    ]
    heading = html.escape(title or _title(table))
    body = "\n".join(f"<h2>{html.escape(name)}</h2>\n{content}" for name, content in sections)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{heading}</h1>\n{body}\n</body></html>\n"
    )
    write_atomically(path, page.encode())
    return Path(path)


def _title(table: pd.DataFrame) -> str:
    """Ask what the table can answer."""
    return "Can the student replace its teacher?" if "teacher" in set(table["role"]) else "How good is the forecaster?"


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _table(table: Any) -> str:
    """Show the main columns, and the others in a table of their own: no page is too narrow for either."""
    columns = ["mae", "mse_original", "mae_original", "ms_per_batch"]
    columns += [name for name in ("crps", "coverage", "width", "wql", "share_best") if name in table]
    shown = pd.DataFrame(table[columns]).rename_axis(None)
    main = table.table().rename_axis(None).to_html(border=0)
    noise = (
        f"± one standard error of the difference, by a bootstrap of blocks of {table.facts['block_length']} windows; "
        "differences of less than two standard errors may be chance. "
        if table["standard_error"].notna().any()
        else "and may be chance: there are too few windows to know its standard error. "
    )
    note = (
        "<p>MSE and <code>mae</code> use units standardized by the training rows. <em>error</em> is the MSE relative "
        f"to that of the student, {noise}"
        f"<code>ms_per_batch</code> is the time of {table.facts['batch_size']} windows.</p>"
    )
    return f'<div class="wide">{main}</div>{note}{_wide(shown)}'


def _series(table: Any, X: Any, forecaster: Any, rolled: RollingForecasts, ids: list[Any]) -> str:
    """Show the series by size, and those in which the student gains and loses most."""
    assert rolled.series is not None  # rolling_forecasts says where its windows lie
    assert rolled.starts is not None
    parts, targets = series_of(X)[0], list(forecaster.roles_.targets)
    firsts = pd.Series(rolled.starts).groupby(np.asarray(rolled.series)).min()
    rows = [frame_of(parts[number]).iloc[start:, targets].astype(float) for number, start in firsts.items()]
    names = pd.Index([ids[number] for number in firsts.index], tupleize_cols=False)
    by_id = pd.Series([np.nanmean(np.abs(one)) for one in rows], index=names)  # those of rolled are standardized
    note, errors = errors_by_series(table)
    return (
        "<p>By size, the mean absolute value of the targets: groups of equally many series, and the geometric mean of "
        "their MSE (without series in which a row has no error).</p>"
        f"{_wide(errors_by_size(table, by_id), index=False)}<p>{html.escape(note)}</p>{_wide(errors)}"
    )


def _wide(table: pd.DataFrame, **options: Any) -> str:
    text = table.to_html(float_format=lambda value: f"{value:.4g}", border=0, na_rep="", **options)
    return f'<div class="wide">{text}</div>'


def _pictures(estimator: Any, rolled: RollingForecasts, table: pd.DataFrame) -> str:
    draw: dict[str, Callable[[], Any]] = {
        "What accuracy costs": lambda: TradeOffDisplay.from_comparison(table),
        "Error over the horizon": lambda: HorizonErrorDisplay.from_predictions(rolled.truth, rolled.forecasts),
        "Error of averages": lambda: ScalesDisplay.from_predictions(rolled.truth, rolled.forecasts),
    }
    if rolled.truth.shape[1] > 1 and not np.isnan(rolled.truth).any(axis=(1, 2)).all():
        draw["Periods"] = lambda: SpectrumDisplay.from_predictions(rolled.truth, rolled.forecasts)
    if "teacher" in rolled.forecasts:
        draw["How often the student wins"] = lambda: WinRateDisplay.from_predictions(
            rolled.truth, rolled.forecasts, rolled.channels
        )
    forecaster = unwrap_model(estimator).forecaster
    if len({epoch["epoch"] for epoch in forecaster.history_}) > 1:  # a student that is solved exactly has no curve
        draw["Training of the student"] = lambda: HistoryDisplay.from_estimator(forecaster)
    return '<div class="plots">' + "".join(_figure(name, make()) for name, make in draw.items()) + "</div>"


def _stride(X: Any) -> int:
    """Return a step that gives about 2000 windows of a long series."""
    return max(1, sum(map(len, series_of(X)[0])) // 2000)


def _windows(estimator: Any, X: Any, rolled: RollingForecasts, ids: list[Any] | None) -> str:
    """Plot the windows with the smallest, the median and the largest error of the student."""
    assert rolled.series is not None  # rolling_forecasts says where its windows lie
    assert rolled.starts is not None
    squares = np.square(rolled.forecasts["student"] - rolled.truth)
    errors = np.nanmean(squares, axis=(1, 2))
    order = np.argsort(errors)
    parts = []
    for name, number in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
        which, start = int(rolled.series[number]), int(rolled.starts[number])
        by_channel = pd.DataFrame(squares[number]).mean()  # of the observed true values
        channel = ChannelPosition(by_channel.fillna(-1.0).argmax())
        series = None if ids is None else ids[which]
        display = ForecastDisplay.from_estimator(estimator, X, series=series, start=start, channel=channel)
        where = f"row {start}" if ids is None else f"row {start} of series {series!r}"
        error = errors[number]
        caption = f"{name} window, from {where}: MSE {error:.3g}; the channel with the largest error is shown"
        parts.append(_figure(caption, display))
    return '<div class="plots">' + "".join(parts) + "</div>"


def _figure(caption: str, display: Any) -> str:
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="A report")
    buffer = io.BytesIO()
    display.figure_.savefig(buffer, format="png", dpi=110)
    pyplot.close(display.figure_)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _data(X: Any, forecaster: Any) -> str:
    parts, ids, _ = series_of(X)
    frames = [frame_of(one) for one in parts]
    frame, lengths = pd.concat(frames), [len(one) for one in frames]
    size = f"{len(frame)} rows, {frame.shape[1]} channels, {frame.index[0]} to {frame.index[-1]}"
    if ids is not None:
        n_missing = int(frame.isna().to_numpy().sum())
        size = f"{len(frames)} series of {min(lengths)} to {max(lengths)} rows, {frame.shape[1]} channels"
        size += f", {n_missing} values missing" if n_missing else ""
    spec = forecaster.spec_
    facts = [
        f"test series: {size}",
        f"a forecast reads {spec.context_length} rows and gives {spec.prediction_length} of {spec.n_targets} channels",
    ]
    summary = frame.describe().T[["mean", "std", "min", "max"]]
    return _list(facts) + summary.to_html(float_format=lambda value: f"{value:.4g}", border=0)


def _provenance(forecaster: Any) -> str:
    return _list([describe_entry(one) for one in forecaster.provenance_] or ["no teacher: trained on the truth alone"])


def _seed(forecaster: Any) -> str:
    seed = forecaster.random_state
    return f"<p>Seed: {html.escape(repr(seed))}" + (" (random: not repeatable)" if seed is None else "") + ".</p>"
