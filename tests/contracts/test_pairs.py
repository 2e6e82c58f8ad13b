"""Every teacher with every student: a few steps, finite forecasts."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame

from skdistill.core import NETWORKS, NetworkSpec
from skdistill.losses import Response, TimeDistill
from skdistill.networks import (
    MICN,
    MLP,
    TFT,
    Autoformer,
    DLinear,
    FEDformer,
    ITransformer,
    LightTS,
    Linear,
    ModernTCN,
    NLinear,
    PatchTST,
    TiDE,
    TimeMixer,
    TimesNet,
    TimeXer,
    TSMixer,
)
from skdistill.teachers import TrainedTeacher

TINY = {
    "autoformer": Autoformer(4, label_length=6),
    "dlinear": DLinear(5),
    "fedformer": FEDformer(8, label_length=6),
    "itransformer": ITransformer(8, n_heads=2, n_layers=1),
    "lightts": LightTS(8, chunk_size=3),
    "linear": Linear(solver="gradient"),
    "micn": MICN(6, conv_kernels=(3, 4)),
    "mlp": MLP(4, kernel_size=5),
    "moderntcn": ModernTCN(6, large_kernel=5, small_kernel=3, feedforward_ratio=2, patch_size=4, patch_stride=2),
    "nlinear": NLinear(),
    "patchtst": PatchTST(8, n_layers=1, n_heads=2, patch_size=4, patch_stride=2),
    "tft": TFT(4, n_heads=1),
    "tide": TiDE(8, temporal_size=4),
    "timemixer": TimeMixer(6, n_scales=1),
    "timesnet": TimesNet(4, n_layers=1, n_periods=2, n_kernels=2),
    "timexer": TimeXer(8, n_heads=2, n_layers=1, patch_size=4),
    "tsmixer": TSMixer(6),
}
FRAME = make_frame(56)


def label_shape(teacher):
    """Return the shape of a teacher's features of a window, all that a student can see of what the teacher is."""
    features = TINY[teacher].build(NetworkSpec(12, 4, 2)).eval()(torch.ones(1, 12, 2)).features
    return None if features is None else tuple(features.shape)


def students_of(teacher):
    """Give every student to the first teacher whose labels have a shape, to others with it themselves and the next."""
    names, shape = list(TINY), label_shape(teacher)
    position = names.index(teacher)
    first = shape not in [label_shape(one) for one in names[:position]]
    return names if first else [teacher, names[(position + 1) % len(names)]]


def test_every_published_network_is_here():
    needs_a_language_model = {"calf", "gpt4ts"}
    assert set(TINY) == set(NETWORKS) - needs_a_language_model


@pytest.mark.slow
@pytest.mark.parametrize("teacher", TINY)
def test_pairs_train(teacher, tmp_path):
    for name in students_of(teacher):
        student = TINY[name]
        with_features = TINY[teacher].has_features and student.has_features
        losses = [TimeDistill(feature_weight=1.0 if with_features else 0.0)]
        if name == teacher:  # labels are labels: what another teacher's forecasts teach is learned in the same way
            losses.append(Response())
        for loss in losses:
            forecaster = make_forecaster(
                teacher=TrainedTeacher(TINY[teacher], max_epochs=1),
                student=student,
                loss=loss,
                max_epochs=1,
                memory=tmp_path,
                validation_fraction=8,
            ).fit(FRAME)
            assert np.isfinite(forecaster.predict(FRAME).to_numpy()).all(), name
            assert np.isfinite(forecaster.history_[0]["train_loss"]), name
