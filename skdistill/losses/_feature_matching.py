"""Feature matching: hidden states compared with the teacher's at several scales and in their spectrum."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from skdistill._utils._checks import check_real
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._multi_period import check_spectrum, multi_period_divergence
from skdistill.losses._multi_scale import check_scales, multi_scale_error, weigh_windows
from skdistill.losses._times import times
from skdistill.losses._trust import window_trust
from skdistill.losses._unread import unread_at_one_scale
from skdistill.networks._base import NetworkSpec

__all__ = ["FeatureMatching"]


class FeatureMatching(LossTerm):
    """Multi-scale and multi-period distance between hidden states.

    A trained regressor, Linear(D_t, D_s) - ReLU - Linear(D_s, D_s), maps the teacher's state of each channel to the
    student's width. The result is compared with the student's state along the feature axis, with the same two losses as
    at the prediction level. Gradient flows into the student and the regressor; the regressor is dropped after training.
    If a teacher has one vector per step or patch, these are averaged first.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    multiscale_weight : float, default=1.0
        Factor of the multi-scale part.
    multiperiod_weight : float, default=1.0
        Factor of the multi-period part.
    n_scales : int, default=4
        Number of scales of the feature axis, including the original one; scales without a feature are left out.
    pooling_window : int, default=2
        Number of features averaged into one feature of the next scale.
    temperature : float, default=0.5
        Amplitudes of the spectrum along the feature axis are divided by it.
    amplitude : {"published", "per_length"}, default="published"
        Plain amplitudes, or amplitudes divided by the width.
    trust : float, default=0.0
        How much more the labels count where the teacher was accurate. A window has weight ``exp(-trust * e / mean e)``,
        where e is the teacher's MSE in that window; weights are rescaled to mean one in the batch. 0 weights all
        windows equally.

    References
    ----------
    TimeDistill (arXiv 2502.15016), distillation at the feature level.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import FeatureMatching
    >>> shapes = LossShapes(prediction_length=2, n_targets=1, student_feature_size=8, teacher_feature_shape=(6,))
    >>> term = FeatureMatching().build(shapes)
    >>> sum(parameter.numel() for parameter in term.parameters()) == 6 * 8 + 8 + 8 * 8 + 8
    True
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_features", "student_features"})

    def __init__(
        self,
        weight: float = 1.0,
        *,
        multiscale_weight: float = 1.0,
        multiperiod_weight: float = 1.0,
        n_scales: int = 4,
        pooling_window: int = 2,
        temperature: float = 0.5,
        amplitude: str = "published",
        trust: float = 0.0,
    ) -> None:
        self.weight = weight
        self.multiscale_weight = multiscale_weight
        self.multiperiod_weight = multiperiod_weight
        self.n_scales = n_scales
        self.pooling_window = pooling_window
        self.temperature = temperature
        self.amplitude = amplitude
        self.trust = trust

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_real(self.multiscale_weight, "multiscale_weight of FeatureMatching", minimum=0.0)
        check_real(self.multiperiod_weight, "multiperiod_weight of FeatureMatching", minimum=0.0)
        check_scales(self.n_scales, self.pooling_window, "FeatureMatching")
        check_spectrum(self.temperature, self.amplitude, "FeatureMatching")
        check_real(self.trust, "trust of FeatureMatching", minimum=0.0)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the pooling of further scales, where there is none."""
        return unread_at_one_scale(self.n_scales)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term, with a fresh regressor."""
        if shapes.teacher_feature_shape is None or shapes.student_feature_size is None:
            raise ValueError("FeatureMatching needs features of teacher and student.")
        return _FeatureMatchingModule(self, shapes.teacher_feature_shape[-1], shapes.student_feature_size)


class _FeatureMatchingModule(nn.Module):
    def __init__(self, term: FeatureMatching, teacher_size: int, student_size: int) -> None:
        super().__init__()
        self.term = term
        self.regressor = nn.Sequential(
            nn.Linear(teacher_size, student_size), nn.ReLU(), nn.Linear(student_size, student_size)
        )

    def forward(self, inputs: LossInputs) -> Tensor:
        student, teacher = inputs.features, inputs.teacher_features
        if student is None or teacher is None:
            raise ValueError("FeatureMatching needs features of teacher and student")
        teacher = teacher.to(student.dtype)
        regressed = self.regressor(teacher if teacher.ndim == 3 else teacher.mean(dim=2))
        windows = window_trust(inputs, self.term.trust)
        parts = []
        if self.term.multiscale_weight:
            difference = weigh_windows(student - regressed, windows)
            scales = multi_scale_error(difference, self.term.n_scales, self.term.pooling_window)
            parts.append(times(self.term.multiscale_weight, scales))
        if self.term.multiperiod_weight:
            periods = multi_period_divergence(student, regressed, self.term.temperature, self.term.amplitude, windows)
            parts.append(times(self.term.multiperiod_weight, periods))
        if not parts:
            return student.new_zeros(())
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]
