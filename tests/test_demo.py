"""The demonstration of the package, on what it prints."""

from types import SimpleNamespace

import pandas as pd
import pytest

from skdistill import demo
from skdistill.datasets import fetch_ett


def run(capsys, tmp_path, *arguments):
    demo.main(["--picture", str(tmp_path / "forecast.png"), *arguments])
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines() if not line.startswith("Picture")) <= 100
    first, second = printed.split("== ")[1:]
    assert (tmp_path / "forecast.png").stat().st_size > 10_000
    return first, second


@pytest.mark.slow
def test_the_demonstration_runs_without_a_real_series(capsys, tmp_path):
    first, second = run(capsys, tmp_path, "--synthetic")
    assert first.startswith("A synthetic series (not ETTh1)")
    assert "MSE over" in first
    assert "no teacher" in second  # growing months: the search does without a teacher


@pytest.mark.slow
def test_four_weeks_of_hours_are_forecast_better_with_the_teacher_than_alone(capsys, tmp_path):
    try:
        fetch_ett("ETTh1", download_if_missing=False)
    except OSError as error:
        pytest.skip(f"needs ETTh1: {error}")
    first, second = run(capsys, tmp_path)
    words = " ".join(first.split())
    assert "the teacher pretrained" in words
    assert "139 times smaller than the teacher" in words
    assert "lower than 'alone' (beyond two standard errors)" in words
    assert "lower than 'seasonal naive' (beyond two standard errors), the best baseline" in words
    assert "no teacher" in second


def test_the_first_forecast_reads_the_last_training_rows_also_where_the_teacher_reads_more_than_the_student(
    monkeypatch,
):
    class Search:
        def __init__(self, **settings):
            self.best_params_, self.explanation_ = {"context_length": 2}, "Theta."
            self.forecaster_ = SimpleNamespace(context_length=16)
            self.fit, self.compare = lambda train: self, lambda test: "a table"

    monkeypatch.setattr(demo, "DistilledForecasterCV", Search)
    rows = pd.DataFrame({"y": range(30)})
    _, test = demo._show("Months", rows[:24], rows[24:], 3, 0)
    assert test["y"].tolist() == list(range(8, 30))
