"""The demonstration of the package, on what it prints."""

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
