"""Small series, small settings, and teachers whose answers are formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from skdistill import DistilledForecaster
from skdistill.core import BaseTeacher, Labels
from skdistill.networks import MLP


def make_series(n_timestamps: int = 120, n_channels: int = 2, seed: int = 0) -> np.ndarray:
    """Make a daily wave with noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(n_timestamps)[:, None]
    phases = np.arange(n_channels)[None]
    return 5.0 + np.sin(2 * np.pi * time / 12 + phases) + 0.1 * generator.normal(size=(n_timestamps, n_channels))


def make_frame(n_timestamps: int = 120, n_channels: int = 2, seed: int = 0) -> pd.DataFrame:
    """Make the same wave with hours and names."""
    index = pd.date_range("2024-01-01", periods=n_timestamps, freq="h", name="time")
    names = [f"c{number}" for number in range(n_channels)]
    return pd.DataFrame(make_series(n_timestamps, n_channels, seed), index=index, columns=names)


def make_forecaster(**changes: Any) -> DistilledForecaster:
    """Make a forecaster that fits in a fraction of a second."""
    settings: dict[str, Any] = {
        "teacher": LastValueTeacher(),
        "student": MLP(hidden_size=4, kernel_size=5),
        "loss": "response",
        "context_length": 12,
        "prediction_length": 4,
        "validation_fraction": 0.25,
        "max_epochs": 2,
        "device": "cpu",
        "random_state": 0,
    }
    return DistilledForecaster(**{**settings, **changes})


class LastValueTeacher(BaseTeacher):
    """Repeats the last row; counts its calls in a file, so that other processes count, too."""

    def __init__(self, log: str | None = None, offset: float = 0.0) -> None:
        self.log = log
        self.offset = offset

    def fit(self, windows: Any, checkpoint: Any = None) -> LastValueTeacher:
        self.prediction_length_ = windows.train.prediction_length
        self.targets_ = list(windows.train.targets)
        self._write("fit")
        return self

    def probe(self, windows: Any) -> Labels:
        shape = (1, windows.train.prediction_length, len(windows.train.targets))
        return Labels(torch.zeros(shape))

    def label(self, contexts: Any) -> Labels:
        if len(contexts) > 1:
            self._write(f"label {len(contexts)}")
        last = contexts.values[:, -1:, self.targets_]
        return Labels(last.repeat(1, self.prediction_length_, 1) + self.offset)

    def _write(self, line: str) -> None:
        if self.log is not None:
            with open(self.log, "a") as stream:
                stream.write(line + "\n")
