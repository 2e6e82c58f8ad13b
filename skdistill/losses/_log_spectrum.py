"""Log-spectrum term: agreement with the teacher in the log spectrum and in step-to-step changes."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_real
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["LogSpectrum"]


class LogSpectrum(LossTerm):
    """Distance between log amplitudes, plus the MSE between first differences.

    ``spectrum_weight * mean((log max(|rfft s|, floor) - log max(|rfft t|, floor))^2) + difference_weight * mean((diff s
    - diff t)^2)`` over time; the constant frequency is kept. Amplitudes do not change under a shift in time; the
    differences do. Both are 0 where the forecasts agree.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    spectrum_weight : float, default=1.0
        Factor of the spectral part.
    difference_weight : float, default=0.1
        Factor of the differences; a horizon of one step has no differences.
    floor : float, default=0.001
        Amplitudes below this value are raised to it.

    References
    ----------
    DistilTS (arXiv 2601.12785), a variant in the released code.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import LogSpectrum
    >>> term = LogSpectrum(difference_weight=0.0).build(LossShapes(prediction_length=4, n_targets=1))
    >>> wave = torch.tensor([0.0, 1.0, 0.0, -1.0]).reshape(1, 4, 1)
    >>> term(LossInputs(wave, None, truth=wave, teacher_forecast=wave.roll(1, dims=1)))
    tensor(0.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self,
        weight: float = 1.0,
        *,
        spectrum_weight: float = 1.0,
        difference_weight: float = 0.1,
        floor: float = 1e-3,
    ) -> None:
        self.weight = weight
        self.spectrum_weight = spectrum_weight
        self.difference_weight = difference_weight
        self.floor = floor

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_real(self.spectrum_weight, "spectrum_weight of LogSpectrum", minimum=0.0)
        check_real(self.difference_weight, "difference_weight of LogSpectrum", minimum=0.0)
        check_real(self.floor, "floor of LogSpectrum", minimum=0.0, include_minimum=False)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        difference_weight = self.difference_weight if shapes.prediction_length > 1 else 0.0
        return _LogSpectrumModule(self.spectrum_weight, difference_weight, self.floor)


class _LogSpectrumModule(nn.Module):
    def __init__(self, spectrum_weight: float, difference_weight: float, floor: float) -> None:
        super().__init__()
        self.spectrum_weight = spectrum_weight
        self.difference_weight = difference_weight
        self.floor = floor

    def forward(self, inputs: LossInputs) -> Tensor:
        student, teacher = inputs.forecast, inputs.teacher_forecast
        if teacher is None:
            raise ValueError("LogSpectrum needs the teacher's forecast")
        gap = self._log_amplitude(student) - self._log_amplitude(teacher)
        total = self.spectrum_weight * gap.square().mean()
        if self.difference_weight:
            changes = (student - teacher).diff(dim=1)
            total = total + self.difference_weight * changes.square().mean()
        return total

    def _log_amplitude(self, forecast: Tensor) -> Tensor:
        """Return the spectrum over time, (n_windows, n_frequencies, n_targets)."""
        return torch.fft.rfft(forecast, dim=1).abs().clamp_min(self.floor).log()
