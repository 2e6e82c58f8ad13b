"""Memory that runs out: labels of networks are made in halves, and training says what to change."""

import logging

import numpy as np
import pytest
import torch

from skdistill import DistilledForecaster
from skdistill.networks import MLP, DLinear
from skdistill.networks._mlp import _MLPModule
from skdistill.teachers import TrainedTeacher

SERIES = np.sin(np.arange(160) * 2 * np.pi / 12)[:, None] + 0.1 * np.random.default_rng(0).normal(size=(160, 2))


def limit(monkeypatch: pytest.MonkeyPatch, most: int, *, training: bool) -> None:
    """Let an MLP run out of memory with more windows than that."""
    forward = _MLPModule.forward

    def limited(self, context, *args, **kwargs):
        if len(context) > most and self.training == training:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, context, *args, **kwargs)

    monkeypatch.setattr(_MLPModule, "forward", limited)


def make(teacher: object, student: object, **settings: object) -> DistilledForecaster:
    return DistilledForecaster(
        teacher, student, "response", context_length=24, prediction_length=6, max_epochs=1, batch_size=16, lr=1e-3,
        random_state=0, **settings,
    )  # fmt: skip


def test_labels_of_a_network_are_made_in_halves_and_said(monkeypatch, caplog):
    teacher = TrainedTeacher(MLP(8, kernel_size=5), max_epochs=1, batch_size=16)
    forecaster = make(teacher, DLinear(kernel_size=5)).fit(SERIES)
    windows = np.lib.stride_tricks.sliding_window_view(SERIES, 24, axis=0).swapaxes(1, 2)
    expected = forecaster.predict_teacher(windows)
    limit(monkeypatch, 5, training=False)
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        again = forecaster.predict_teacher(windows)
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-6)
    assert "ran out of memory: halved to" in caplog.text


def test_training_out_of_memory_names_the_batch(monkeypatch):
    limit(monkeypatch, 8, training=True)
    with pytest.raises(MemoryError, match=r"batches of 16 windows.* such as 8"):
        make(None, MLP(8, kernel_size=5)).fit(SERIES)


def test_other_errors_are_not_taken_for_it(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(_MLPModule, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        make(None, MLP(8, kernel_size=5)).fit(SERIES)
