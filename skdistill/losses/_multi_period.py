"""Agreement with the teacher on which periods matter."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skdistill._checks import check_real
from skdistill._choices import check_choice
from skdistill.losses._base import LossInputs, LossShapes, LossTerm

__all__ = ["AMPLITUDES", "MultiPeriod", "check_spectrum", "multi_period_divergence", "period_probabilities"]

AMPLITUDES = ("published", "per_length")

_EPSILON = 1e-8  # added to the student's probability inside the logarithm, as released


class MultiPeriod(LossTerm):
    """Divergence between the period distributions of student's and teacher's forecasts.

    The amplitudes of the real FFT over time, without the constant, become probabilities by
    ``softmax(amplitude / temperature)`` per channel; frequency f stands for the period
    prediction_length / f. The term is ``p_t (log p_t - log(p_s + 1e-8))``, averaged over windows,
    frequencies and channels: a mean over all elements, so its weight changes with the horizon. It
    is 0 (up to the 1e-8) where the distributions agree, and for horizons with no frequency but 0.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    temperature : float, default=0.5
        Amplitudes are divided by it: small means only the strongest period counts.
    amplitude : {"published", "per_length"}, default="published"
        Plain amplitudes, which make the softmax nearly one-hot for long horizons; or divided by
        the number of steps.

    References
    ----------
    TimeDistill (arXiv 2502.15016), multi-period distillation at the prediction level.

    Examples
    --------
    >>> import torch
    >>> from skdistill.losses import LossInputs, LossShapes, MultiPeriod
    >>> term = MultiPeriod().build(LossShapes(prediction_length=8, n_targets=1))
    >>> wave = torch.sin(torch.arange(8.0)).reshape(1, 8, 1)
    >>> term(LossInputs(wave, None, truth=wave, teacher_forecast=wave)).abs() < 1e-6
    tensor(True)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(self, weight: float = 1.0, *, temperature: float = 0.5, amplitude: str = "published") -> None:
        self.weight = weight
        self.temperature = temperature
        self.amplitude = amplitude

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_spectrum(self.temperature, self.amplitude, "MultiPeriod")

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Parameters
        ----------
        shapes : LossShapes
            What is known of student and labels.

        Returns
        -------
        module : torch.nn.Module
            From :class:`LossInputs` to a scalar.
        """
        return _MultiPeriodModule(self.temperature, self.amplitude)


class _MultiPeriodModule(nn.Module):
    def __init__(self, temperature: float, amplitude: str) -> None:
        super().__init__()
        self.temperature = temperature
        self.amplitude = amplitude

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("MultiPeriod needs the teacher's forecast")
        # Time goes last: the FFT then reads memory in order.
        return multi_period_divergence(
            inputs.forecast.transpose(1, 2), inputs.teacher_forecast.transpose(1, 2), self.temperature, self.amplitude
        )


def period_probabilities(values: Tensor, temperature: float, amplitude: str = "published") -> Tensor:
    """Turn the amplitudes of the last axis' spectrum into probabilities of periods.

    Parameters
    ----------
    values : Tensor of shape (..., length)
        Forecasts or features.
    temperature : float
        Amplitudes are divided by it.
    amplitude : {"published", "per_length"}, default="published"
        Whether they are divided by the length, too.

    Returns
    -------
    probabilities : Tensor of shape (..., length // 2)
        Probabilities of the frequencies 1, 2, ...; the constant is left out.
    """
    return torch.softmax(_period_logits(values, temperature, amplitude), dim=-1)


def multi_period_divergence(student: Tensor, teacher: Tensor, temperature: float, amplitude: str) -> Tensor:
    """Average the Kullback-Leibler divergence of the period distributions over every element.

    Parameters
    ----------
    student, teacher : Tensor of shape (..., length)
        What to compare along the last axis; gradient flows into both.
    temperature : float
        Amplitudes are divided by it.
    amplitude : {"published", "per_length"}
        Whether they are divided by the length, too.

    Returns
    -------
    divergence : Tensor
        A scalar; 0 where the spectrum has no frequency but the constant.
    """
    if student.shape[-1] < 2:
        return student.sum() * 0.0
    # log_softmax stays finite where a probability underflows to 0, and so do value and gradient of p log p.
    log_probability = torch.log_softmax(_period_logits(teacher, temperature, amplitude), dim=-1)
    student_log = torch.log(period_probabilities(student, temperature, amplitude) + _EPSILON)
    return (log_probability.exp() * (log_probability - student_log)).mean()


def _period_logits(values: Tensor, temperature: float, amplitude: str) -> Tensor:
    """Return amplitude / temperature of every frequency but the constant."""
    scale = temperature * values.shape[-1] if amplitude == "per_length" else temperature
    return torch.fft.rfft(values, dim=-1)[..., 1:].abs() / scale


def check_spectrum(temperature: Any, amplitude: Any, owner: str) -> None:
    """Raise unless temperature and amplitude are in their ranges.

    Parameters
    ----------
    temperature, amplitude : object
        The values received.
    owner : str
        Class of the term.
    """
    check_real(temperature, f"temperature of {owner}", minimum=0.0, include_minimum=False)
    check_choice(amplitude, AMPLITUDES, f"amplitude of {owner}")
