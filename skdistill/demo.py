"""The main job, shown on two real series: ``python -m skdistill.demo``.

Four weeks of hourly data are few rows for any model of its own. The teacher in the package has seen other series, and
its student is better than the same student without a teacher. On the second series, a growing monthly one, the teacher
is of no use, and the search does without it.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pandas as pd

from skdistill._utils._optional import import_optional
from skdistill.datasets._ett import fetch_ett
from skdistill.datasets._synthetic import make_multiseasonal
from skdistill.selection._cv import DistilledForecasterCV

__all__ = ["main"]

_WEEKS = 4  # hourly rows to learn from
_TEST_ROWS = 24 * 120


def main(arguments: list[str] | None = None) -> None:
    """Run the demonstration and print what it finds.

    Parameters
    ----------
    arguments : list of str or None, default=None
        Command-line arguments; None takes those of the process.

    Examples
    --------
    >>> from skdistill.demo import main
    >>> main(["--synthetic", "--picture", "forecast.png"])  # doctest: +SKIP
    """
    parser = argparse.ArgumentParser(prog="python -m skdistill.demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    parser.add_argument("--synthetic", action="store_true", help="use a synthetic series, also where ETTh1 can be had")
    parser.add_argument("--picture", type=Path, default=Path("demo.png"), help="where to draw a forecast")
    given = parser.parse_args(arguments)
    frame, name = _hourly(synthetic=given.synthetic)
    n_rows = 24 * 7 * _WEEKS
    train, test = frame[:n_rows], frame[n_rows:]
    search, test = _show(f"{name}: {_WEEKS} weeks of hours, {frame.shape[1]} channels", train, test, 48, given.seed)
    _draw(search, test, given.picture)
    months, name = _monthly()
    _show(f"{name}: 7 years of months", months[:84], months[84:], 12, given.seed)


def _hourly(*, synthetic: bool) -> tuple[pd.DataFrame, str]:
    """Return the four weeks before the test part of ETTh1, and four test months; or a synthetic series."""
    n_rows = 24 * 7 * _WEEKS + _TEST_ROWS
    try:
        if synthetic:
            raise OSError("--synthetic was asked for")
        frame = fetch_ett("ETTh1").frame
    except OSError as error:
        sys.stdout.write(f"ETTh1 is not used ({error}).\n")
        return make_multiseasonal(n_rows, 7, random_state=0), "A synthetic series (not ETTh1)"
    first_test = 12 * 30 * 24  # the published protocol: twelve months of training rows
    return frame[first_test - 24 * 7 * _WEEKS : first_test + _TEST_ROWS], "ETTh1, an electricity transformer"


def _monthly() -> tuple[pd.DataFrame, str]:
    from sktime.datasets import load_airline

    return load_airline().to_frame("passengers"), "Airline passengers"


def _show(
    title: str, train: pd.DataFrame, test: pd.DataFrame, prediction_length: int, seed: int
) -> tuple[DistilledForecasterCV, pd.DataFrame]:
    """Search on the training rows, score the choice once on the test rows, and print both."""
    start = time.perf_counter()
    search = DistilledForecasterCV(prediction_length=prediction_length, random_state=seed).fit(train)
    seconds = time.perf_counter() - start
    context_length = search.forecaster_.context_length
    test = pd.concat([train[-context_length:], test])  # the first forecast reads the last training rows
    comparison = search.compare(test)
    lines = [
        f"== {title}; forecasts of {prediction_length} steps ==",
        *textwrap.wrap(f"Searched in {seconds:.0f} s, seed {seed}. {search.explanation_}", 100),
        "",
        str(comparison),
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return search, test


def _draw(search: Any, test: pd.DataFrame, path: Path) -> None:
    """Draw one forecast of the test part, if matplotlib is there."""
    try:
        pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="The picture of the demonstration")
    except ImportError as error:
        sys.stdout.write(f"No picture: {error}\n\n")
        return
    from skdistill.plotting._forecast import ForecastDisplay

    figure, axes = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    ForecastDisplay.from_estimator(search.best_estimator_, test, channel=0, ax=axes)
    figure.savefig(path, dpi=150)
    sys.stdout.write(f"Picture of one forecast: {path.resolve()}\n\n")


if __name__ == "__main__":
    main()
