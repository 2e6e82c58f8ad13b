"""Memory that runs out: labels of networks are made in halves, and training says what to change."""

import logging

import numpy as np
import pytest
import torch

from skdistill import DistilledForecaster
from skdistill.core import NetworkSpec, SeriesStore
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._training_windows import split_windows
from skdistill.networks import MLP
from skdistill.networks._mlp import _MLPModule
from skdistill.teachers import PretrainedTeacher

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
    store = SeriesStore.from_series([Series(SERIES)], Scaling().fit([SERIES]), padding=6)
    windows = split_windows(store, context_length=24, prediction_length=6, targets=(0, 1), validation_rows=[0])
    network = MLP(8, kernel_size=5)
    teacher = PretrainedTeacher(network, network.build(NetworkSpec(24, 6, 2)).state_dict())
    teacher.fit(windows)
    contexts = windows.train.contexts(torch.arange(21))
    expected = teacher.label(contexts)
    limit(monkeypatch, 5, training=False)
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        again = teacher.label(contexts)
    torch.testing.assert_close(again.forecast, expected.forecast)
    torch.testing.assert_close(again.features, expected.features)
    assert "21 windows at once ran out of memory; from here on 10" in caplog.text
    limit(monkeypatch, 0, training=False)
    with pytest.raises(torch.OutOfMemoryError):
        teacher.label(contexts)


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
