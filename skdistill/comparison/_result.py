"""Result table of a comparison, and its summary in words."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison._bootstrap import LEAST_BLOCKS
from skdistill.comparison._per_series import PanelWindows, share_ahead, shares_best

__all__ = ["Comparison", "RowResult", "add_unknown_row", "make_comparison"]


@dataclass(frozen=True)
class RowResult:
    """Measurements of one row.

    Parameters
    ----------
    name, role : str
        Name and role of the row: student, teacher, student without teacher, exact linear or baseline.
    of : str or None
        Name of the student that the row belongs to.
    squared : ndarray of shape (n_windows,)
        Mean squared error of each window, standardized, averaged over seeds.
    by_seed : ndarray of shape (n_seeds,)
        Mean squared error of each seed.
    mae, mse_original, mae_original : float
        Other errors.
    parameters : int or None
        Number of learned parameters.
    seconds_one, seconds_batch : float
        Median seconds of one window and of a batch.
    scores : tuple of float or None, default=None
        CRPS, coverage and width of the outermost quantiles, standardized; None without quantiles.
    scaled : ndarray of shape (n_windows,) or None, default=None
        Mean absolute scaled error of each window; None unless there is a panel. NaN where a series has no scale.
    wql : float or None, default=None
        Sum of quantile losses divided by the sum of absolute true values, with a point forecast for every quantile if
        there are none; None unless there is a panel.
    weights : ndarray of shape (n_windows,) or None, default=None
        Weight of each window, of mean 1; None if all count alike. ``by_seed`` and the other errors include it, except
        ``scores`` and ``wql``.
    """

    name: str
    role: str
    of: str | None
    squared: np.ndarray
    by_seed: np.ndarray
    mae: float
    mse_original: float
    mae_original: float
    parameters: int | None
    seconds_one: float
    seconds_batch: float
    scores: tuple[float, ...] | None = None
    scaled: np.ndarray | None = None
    wql: float | None = None
    weights: np.ndarray | None = None

    @property
    def weighted(self) -> np.ndarray:
        """Squared error of each window times its weight; the mean is the MSE."""
        return self.squared if self.weights is None else self.squared * self.weights


class Comparison(pd.DataFrame):
    """Table of models, one per row: a DataFrame with additions.

    ``print(comparison)``, and a notebook, show :meth:`table` and :meth:`summary`; all columns are there for code.

    Attributes
    ----------
    differences : DataFrame
        For every pair of rows: MSE of ``row`` minus MSE of ``other``, its ``standard_error``, and ``in_words`` whether
        it is larger than the noise.
    per_series : DataFrame or None
        For a panel, the errors of each series: the index is its id, the columns are pairs of error (``"mse"``,
        ``"mase"``) and model; MASE is NaN where a series has no scale.
    facts : dict
        ``n_windows``, ``block_length``, ``n_blocks`` (without overlap; of fewer than two, the noise is unknown) and
        ``n_resamples`` of the bootstrap; ``season`` and ``seasons`` of the
        seasonal-naive rows, and ``seasons_too_long``, plausible ones for which some forecast has too few rows before
        it; ``reference``, the row that ``difference`` is from; ``best_baseline``, the one with the smallest MSE;
        ``n_series``, ``n_series_left_out`` (too short, or without an observed true value) and
        ``n_windows_unobserved``; ``batch_size`` of the timing; ``quantile_levels`` if there
        are quantiles; for a panel ``share_ahead_of_baselines`` of each student (share of series in which its MSE is
        smaller than that of every baseline) and ``n_series_with_mase``.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(300, 1, seasons=(24,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     None, "dlinear", context_length=48, prediction_length=12, max_epochs=1, random_state=0
    ... ).fit(series[:200])
    >>> comparison = forecaster.compare(series[152:])
    >>> list(comparison.index), comparison.facts["season"]
    (['student', 'exact linear', 'seasonal naive', 'seasonal naive 168', 'last value', 'drift'], 24)
    """

    differences: pd.DataFrame
    per_series: pd.DataFrame | None
    facts: dict[str, Any]
    _metadata = ["differences", "facts", "per_series"]  # noqa: RUF012 (pandas' own protocol)

    def table(self) -> pd.DataFrame:
        """Return the main columns as text that fits 100 characters.

        Returns
        -------
        table : DataFrame of str
            ``MSE`` (standardized), ``MASE`` and ``WQL`` if there is a panel, ``error`` relative to the row of
            ``facts["reference"]``, with its standard error, ``parameters``, and ``ms per window``.
        """
        reference = self.facts["reference"]  # the first row, unless the table was sorted in place
        first = float(self["mse"].get(reference, 0.0))
        shares = [
            f"{100 * difference / first:+.1f}%{_plus_minus(100 * error / first)}" if name != reference and first else ""
            for name, difference, error in zip(self.index, self["difference"], self["standard_error"], strict=True)
        ]
        columns: dict[str, Any] = {"MSE": [_short(value) for value in self["mse"]]}
        if "mase" in self:
            columns["MASE"] = [_short(value) for value in self["mase"]]
            columns["WQL"] = [_short(value) for value in self["wql"]]
        columns |= {
            "error": [share if known else "" for share, known in zip(shares, self["mse"].notna(), strict=True)],
            "parameters": ["" if pd.isna(value) else f"{value:,}" for value in self["parameters"]],
            "ms per window": [_short(value) for value in self["ms_per_window"]],
        }
        return pd.DataFrame(columns, index=self.index)

    def __str__(self) -> str:
        """Return table and summary as text."""
        if not self._is_whole():
            return super().__str__()
        lines = [textwrap.fill(line, 100, subsequent_indent="  ") for line in self._sentences(all_rows=False)]
        return "\n".join([self.table().to_string(), "", *lines])

    def _repr_html_(self) -> str:
        """Return table and summary for notebooks."""
        if not self._is_whole():
            return str(pd.DataFrame(self)._repr_html_())  # type: ignore[operator]
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self._sentences(all_rows=False))
        return f"{self.table().to_html()}\n<ul>{lines}</ul>"

    def _is_whole(self) -> bool:
        """Whether this is a whole table, not rows or columns of one."""
        whole = {"mse", "difference", "standard_error", "parameters", "ms_per_window", "in_words"}
        return whole <= set(self.columns) and getattr(self, "facts", None) is not None

    def summary(self) -> str:
        """Return the findings as sentences.

        Returns
        -------
        text : str
            One line per row, and a line on how the noise was measured.
        """
        return "\n".join(self._sentences(all_rows=True))

    def _sentences(self, *, all_rows: bool) -> list[str]:
        """Return the findings; without those that the table's column ``error`` tells, too, if not of all rows."""
        in_table = self["role"].isin(["baseline", "exact linear"]) & self["mse"].notna()
        told = self["in_words"] if all_rows else self["in_words"][~in_table]
        lines = [f"{name}: {words}." for name, words in told.items() if words]
        facts = self.facts
        best = facts["best_baseline"]
        lines.append(f"Best baseline: {best}, MSE {self.loc[best, 'mse']:.4g}.")
        if facts["seasons_too_long"]:
            missed = ", ".join(map(str, facts["seasons_too_long"]))
            lines.append(f"No seasonal-naive row of {missed} rows: some forecasts have fewer rows before them.")
        for name, share in facts.get("share_ahead_of_baselines", {}).items():
            lines.append(
                f"{name}: ahead of every baseline in {100 * share:.1f}% of {facts['n_series']} series, best of all "
                f"rows in {100 * self.loc[name, 'share_best']:.1f}%."
            )
        if "quantile_levels" in facts:
            levels = facts["quantile_levels"]
            for name, row in self[self["crps"].notna()].iterrows():
                lines.append(
                    f"{name}: CRPS {row['crps']:.4g}; {100 * row['coverage']:.1f}% of true values lie between the "
                    f"levels {levels[0]:g} and {levels[-1]:g}, which are {row['width']:.3g} apart (standardized)."
                )
        over, block = f"MSE over {facts['n_windows']} windows", f"blocks of {facts['block_length']} windows"
        if facts["n_blocks"] < LEAST_BLOCKS:
            return [*lines, f"{over}; noise is unknown, because they make fewer than two {block}."]
        resamples = f"{facts['n_resamples']} resamples of {block}"
        return [*lines, f"{over}; noise is one standard error of the paired difference, from {resamples}."]


def _plus_minus(share: float) -> str:
    return "" if pd.isna(share) else f" ± {share:.1f}%"


def _short(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.4g}"


def make_comparison(
    results: Sequence[RowResult], means: np.ndarray, facts: dict[str, Any], panel: PanelWindows | None = None
) -> Comparison:
    """Build the table from measurements.

    Parameters
    ----------
    results : sequence of RowResult
        The rows; the first is the reference of ``difference``.
    means : ndarray of shape (n_rows, n_resamples)
        Bootstrapped mean errors.
    facts : dict
        Settings of the measurement.
    panel : PanelWindows or None, default=None
        Which window is of which series, where there may be several.

    Returns
    -------
    comparison : Comparison
        The table.
    """
    by_name = {result.name: number for number, result in enumerate(results)}
    mse = np.array([result.weighted.mean() for result in results])
    tables = None if panel is None else _errors_by_series(results, panel)
    table = Comparison(
        {
            "role": [result.role for result in results],
            "mse": mse,
            "mae": [result.mae for result in results],
            "mse_original": [result.mse_original for result in results],
            "mae_original": [result.mae_original for result in results],
            **_quantile_columns(results),
            **({} if tables is None else _panel_columns(results, tables)),
            "parameters": pd.array([result.parameters for result in results], dtype="Int64"),
            "ms_per_window": [1e3 * result.seconds_one for result in results],
            "ms_per_batch": [1e3 * result.seconds_batch for result in results],
            "difference": mse - mse[0],
            "standard_error": (means - means[0]).std(axis=1),
            "seed_spread": [_spread(result.by_seed) for result in results],
            "in_words": [_words(result, results, by_name, means) for result in results],
        },
        index=pd.Index(by_name, name="model"),
    )
    table.differences = _differences(results, means)
    table.per_series = None if tables is None else pd.concat(tables, axis=1, names=["error", "model"])
    baselines = [number for number, result in enumerate(results) if result.role == "baseline"]
    table.facts = {
        **facts,
        "reference": results[0].name,
        "best_baseline": results[min(baselines, key=lambda number: mse[number])].name,
    }
    if tables is not None:
        names = [results[number].name for number in baselines]
        students = [result.name for result in results if result.role == "student"]
        table.facts["share_ahead_of_baselines"] = {one: share_ahead(tables["mse"], one, names) for one in students}
        table.facts["n_series_with_mase"] = int(tables["mase"].iloc[:, 0].notna().sum())
    return table


def _errors_by_series(results: Sequence[RowResult], panel: PanelWindows) -> dict[str, pd.DataFrame]:
    scaled = {result.name: result.scaled for result in results if result.scaled is not None}
    return {"mse": panel.means({result.name: result.squared for result in results}), "mase": panel.means(scaled)}


def _panel_columns(results: Sequence[RowResult], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the columns for panels; MASE is over the series that have a scale."""
    scaled = [np.asarray(result.scaled) for result in results]
    known = ~np.isnan(scaled[0])
    weights = results[0].weights
    own = None if weights is None or not weights[known].any() else weights[known]
    columns = {"mase": [float(np.average(one[known], weights=own)) if known.any() else float("nan") for one in scaled]}
    columns["wql"] = [float("nan") if result.wql is None else result.wql for result in results]
    return {**columns, "share_best": shares_best(tables["mse"]).to_numpy()}


def add_unknown_row(table: Comparison, name: str, role: str, words: str) -> None:
    """Add a row without numbers.

    Parameters
    ----------
    table : Comparison
        The table to add the row to.
    name : str
        Label of the row.
    role : str
        Role of the row.
    words : str
        Reason why there are no numbers.
    """
    known: dict[Any, Any] = {"role": role, "in_words": words, "parameters": pd.NA}
    types = table.dtypes
    table.loc[name] = [known.get(column, np.nan) for column in table]
    for column, dtype in types.items():  # a row of mixed types changes all columns to object
        table[column] = table[column].astype(dtype)


def _quantile_columns(results: Sequence[RowResult]) -> dict[str, list[float]]:
    """Return the columns for quantiles, if any row has them."""
    if all(result.scores is None for result in results):
        return {}
    rows = [(float("nan"),) * 3 if result.scores is None else result.scores for result in results]
    return {name: [row[number] for row in rows] for number, name in enumerate(("crps", "coverage", "width"))}


def _spread(by_seed: np.ndarray) -> float:
    return float(by_seed.std(ddof=1)) if len(by_seed) > 1 else float("nan")


def _differences(results: Sequence[RowResult], means: np.ndarray) -> pd.DataFrame:
    rows = []
    for a, b in combinations(range(len(results)), 2):
        difference = float(results[a].weighted.mean() - results[b].weighted.mean())
        error = float((means[a] - means[b]).std())
        rows.append((results[a].name, results[b].name, difference, error, _noise(difference, error)))
    return pd.DataFrame(rows, columns=["row", "other", "difference", "standard_error", "in_words"])


def _noise(difference: float, error: float) -> str:
    """Describe a difference relative to its standard error."""
    if np.isnan(error):
        return "noise unknown"
    if abs(difference) <= error:
        return "within noise"
    return "beyond one standard error" if abs(difference) <= 2 * error else "beyond two standard errors"


def _words(result: RowResult, results: Sequence[RowResult], by_name: dict[str, int], means: np.ndarray) -> str:
    """Compare a student with its teacher and itself without a teacher; other rows with the first student."""
    own = by_name[result.name]
    if result.role != "student":
        return "" if result.of is not None else _error_words(own, 0, results, means)
    parts = []
    for number, other in enumerate(results):
        if other.of == result.name and other.role == "teacher":
            parts += [
                _size_words(result, other),
                _speed_words(result, other),
                _error_words(own, number, results, means),
            ]
        elif other.of == result.name:
            parts.append(_error_words(own, number, results, means))
        elif other.role == "exact linear":
            parts.append(_linear_words(own, number, results, means))
    baselines = [number for number, other in enumerate(results) if other.role == "baseline"]
    if baselines:
        best = min(baselines, key=lambda number: results[number].weighted.mean())
        parts.append(_error_words(own, best, results, means) + ", the best baseline")
    return "; ".join(part for part in parts if part)


def _linear_words(own: int, linear: int, results: Sequence[RowResult], means: np.ndarray) -> str:
    """Return a remark if a student does not beat the exact linear student."""
    gain = float(results[linear].weighted.mean() - results[own].weighted.mean())
    if not gain <= float((means[own] - means[linear]).std()):  # greater, or noise is unknown
        return _error_words(own, linear, results, means)
    return "does not beat the exact linear student without a teacher beyond one standard error"


def _size_words(result: RowResult, teacher: RowResult) -> str:
    if not result.parameters or not teacher.parameters:
        return ""
    return _ratio(teacher.parameters / result.parameters, "smaller than the teacher", "larger than the teacher")


def _speed_words(result: RowResult, teacher: RowResult) -> str:
    one = _ratio(teacher.seconds_one / result.seconds_one, "faster", "slower")
    batch = _ratio(teacher.seconds_batch / result.seconds_batch, "faster", "slower")
    return f"{one} on one window and {batch} in batches"


def _ratio(ratio: float, more: str, less: str) -> str:
    """Describe a ratio by three significant digits: 12.3 times, 1,090 times."""
    value, word = (ratio, more) if ratio >= 1 else (1 / ratio, less)
    rounded = f"{value:.3g}"
    return f"{float(rounded):,.0f} times {word}" if value >= 100 else f"{rounded} times {word}"


def _error_words(own: int, other: int, results: Sequence[RowResult], means: np.ndarray) -> str:
    ours, theirs = results[own].weighted.mean(), results[other].weighted.mean()
    noise = _noise(float(ours - theirs), float((means[own] - means[other]).std()))
    if not theirs and ours:
        return f"error {ours:.4g}, where that of {results[other].name!r} is 0 ({noise})"
    share = 100 * (ours - theirs) / theirs if theirs else 0.0
    direction = "lower" if share < 0 else "higher"
    return f"error {abs(share):.1f}% {direction} than {results[other].name!r} ({noise})"
