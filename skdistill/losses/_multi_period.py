"""Multi-period term: agreement with the teacher on which periods are strong."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._trust import window_trust

__all__ = ["AMPLITUDES", "MultiPeriod", "check_spectrum", "multi_period_divergence", "period_probabilities"]

AMPLITUDES = ("published", "per_length")

_EPSILON = 1e-8  # added to the student's probability inside the logarithm, as in the released code
_LEAST = math.exp(-40.0)  # smallest probability; avoids denormal numbers, which are ten times slower
_NO_AMPLITUDE = 1e-30  # avoids 0 / 0 in the gradient where the amplitude is 0


class MultiPeriod(LossTerm):
    """Divergence between the period distributions of student and teacher forecasts.

    The amplitudes of the real FFT over time, without the constant, become probabilities by ``softmax(amplitude /
    temperature)`` per channel. Frequency f stands for the period prediction_length / f. The term is ``p_t (log p_t -
    log(p_s + 1e-8))``, averaged over windows, frequencies and channels. This is a mean over all elements, so the
    effective weight depends on the horizon. The term is 0 (up to the 1e-8) if the distributions agree, and for horizons
    that have no frequency other than 0.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    temperature : float, default=0.5
        Amplitudes are divided by it. With a small temperature, only the strongest period counts.
    amplitude : {"published", "per_length"}, default="published"
        Plain amplitudes, which make the softmax nearly one-hot for long horizons; or amplitudes divided by the number
        of steps.
    trust : float, default=0.0
        How much more the labels count where the teacher was accurate. A window has weight ``exp(-trust * e / mean e)``,
        where e is the teacher's MSE in that window; weights are rescaled to mean one in the batch. 0 weights all
        windows equally.

    References
    ----------
    TimeDistill (arXiv 2502.15016), multi-period distillation at the prediction level.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import MultiPeriod
    >>> term = MultiPeriod().build(LossShapes(prediction_length=8, n_targets=1))
    >>> wave = torch.sin(torch.arange(8.0)).reshape(1, 8, 1)
    >>> term(LossInputs(wave, None, truth=wave, teacher_forecast=wave)).abs() < 1e-6
    tensor(True)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self,
        weight: float = 1.0,
        *,
        temperature: float = 0.5,
        amplitude: str = "published",
        trust: float = 0.0,
    ) -> None:
        self.weight = weight
        self.temperature = temperature
        self.amplitude = amplitude
        self.trust = trust

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_spectrum(self.temperature, self.amplitude, "MultiPeriod")
        check_real(self.trust, "trust of MultiPeriod", minimum=0.0)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        return _MultiPeriodModule(self.temperature, self.amplitude, self.trust)


class _MultiPeriodModule(nn.Module):
    def __init__(self, temperature: float, amplitude: str, trust: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.amplitude = amplitude
        self.trust = trust

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("MultiPeriod needs the teacher's forecast")
        # With time as the last axis, the FFT reads memory in order.
        return multi_period_divergence(
            inputs.forecast.transpose(1, 2),
            inputs.teacher_forecast.transpose(1, 2),
            self.temperature,
            self.amplitude,
            window_trust(inputs, self.trust),
        )


def period_probabilities(values: Tensor, temperature: float, amplitude: str = "published") -> Tensor:
    """Convert the spectrum along the last axis to probabilities of periods.

    Parameters
    ----------
    values : Tensor of shape (..., length)
        Forecasts or features.
    temperature : float
        Amplitudes are divided by it.
    amplitude : {"published", "per_length"}, default="published"
        Whether amplitudes are divided by the length.

    Returns
    -------
    probabilities : Tensor of shape (..., length // 2)
        Probabilities of the frequencies 1, 2, ...; the constant is left out.

    Examples
    --------
    >>> import torch
    >>> wave = torch.sin(torch.arange(12.0) * 2 * torch.pi / 4)  # period 4, so frequency 3 of 12 steps
    >>> int(period_probabilities(wave, temperature=0.5).argmax()) + 1
    3
    """
    logits = _Amplitude.apply(values) / _logit_scale(values.shape[-1], temperature, amplitude)
    return torch.softmax(logits, dim=-1)


def multi_period_divergence(
    student: Tensor, teacher: Tensor, temperature: float, amplitude: str, windows: Tensor | None = None
) -> Tensor:
    """Return the Kullback-Leibler divergence of the period distributions, averaged over all elements.

    Parameters
    ----------
    student, teacher : Tensor of shape (n_windows, n_targets, length)
        Values to compare along the last axis; gradient flows into both.
    temperature : float
        Amplitudes are divided by it.
    amplitude : {"published", "per_length"}
        Whether amplitudes are divided by the length.
    windows : Tensor of shape (n_windows,) or None, default=None
        Weights of the windows.

    Returns
    -------
    divergence : Tensor
        A scalar; 0 if the spectrum has no frequency other than the constant.
    """
    if student.shape[-1] < 2:
        return student.sum() * 0.0
    scale = _logit_scale(student.shape[-1], temperature, amplitude)
    sums = _Divergence.apply(student, teacher, scale)
    weighted = sums if windows is None else sums * windows[:, None, None]
    return weighted.sum() / (sums.numel() * (student.shape[-1] // 2))


class _Divergence(torch.autograd.Function):
    """Sum of p (log p - log(q + epsilon)) over the frequencies, from values; gradients in closed form.

    With p and q the softmax of teacher's and student's logits, d = log p - log(q + epsilon) and r = p q / (q +
    epsilon): the gradient is q sum(r) - r for the student's logits and p (d - sum(p d)) for the teacher's. Both are at
    least 4e-18, so that nothing underflows if a distribution is nearly one-hot. The gradients of the values are
    computed at once, while all they need is in the processor's caches.
    """

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, scale: float) -> Tensor:
        of_student, of_teacher = _Spectrum.of(student), _Spectrum.of(teacher)
        p, q = of_teacher.probabilities(scale), of_student.probabilities(scale)
        shifted = q + _EPSILON
        weighted = (p / shifted).log_().mul_(p)
        sums = weighted.sum(dim=-1, keepdim=True)
        student_grad = teacher_grad = None
        if ctx.needs_input_grad[1]:
            teacher_grad = of_teacher.gradient(weighted.sub_(p * sums), scale)
        if ctx.needs_input_grad[0]:
            ratio = p.mul_(q).div_(shifted)
            student_grad = of_student.gradient(q.mul_(ratio.sum(dim=-1, keepdim=True)).sub_(ratio), scale)
        ctx.save_for_backward(student_grad, teacher_grad)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        student_grad, teacher_grad = ctx.saved_tensors
        return (
            None if student_grad is None else student_grad * grad,
            None if teacher_grad is None else teacher_grad * grad,
            None,
        )


def _logit_scale(length: int, temperature: float, amplitude: str) -> float:
    """Return what amplitudes of a length are divided by."""
    return temperature * length if amplitude == "per_length" else temperature


class _Amplitude(torch.autograd.Function):
    """Amplitudes of the real FFT over the last axis, without the constant; half the cost of autograd."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        spectrum = _Spectrum.of(values)
        ctx.save_for_backward(spectrum.coefficients, spectrum.strength)
        ctx.length = values.shape[-1]
        return spectrum.strength[..., 1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        coefficients, strength = ctx.saved_tensors
        return _Spectrum(coefficients, strength, ctx.length).gradient(pad(grad, (1, 0)), 1.0)


class _Spectrum(NamedTuple):
    """The real FFT of values over their last axis, and its amplitudes; the constant stays, so that memory is in order.

    Parameters
    ----------
    coefficients : Tensor of shape (..., length // 2 + 1)
        The FFT, complex.
    strength : Tensor of the same shape
        Absolute values; at least 1e-30, so that the gradient is 0 where they are 0.
    length : int
        Number of values.
    """

    coefficients: Tensor
    strength: Tensor
    length: int

    @classmethod
    def of(cls, values: Tensor) -> _Spectrum:
        coefficients = torch.fft.rfft(values, dim=-1)
        squares = torch.view_as_real(coefficients).square()
        strength = (squares[..., 0] + squares[..., 1]).sqrt_().clamp_(min=_NO_AMPLITUDE)
        return cls(coefficients, strength, values.shape[-1])

    def probabilities(self, scale: float) -> Tensor:
        """Return the softmax of amplitudes over a scale, at least 4e-18; the constant has this least probability."""
        logits = self.strength / scale
        logits[..., 0] = -torch.inf
        return torch.softmax(logits, dim=-1).clamp_(min=_LEAST)

    def gradient(self, grad: Tensor, scale: float) -> Tensor:
        """Return the gradient of the values from that of amplitudes over a scale; overwrites it.

        This is the adjoint of the FFT, by one inverse FFT, which counts every frequency twice, except the highest one
        of an even length.
        """
        share = grad.div_(self.strength).div_(2.0 * scale)
        if self.length % 2 == 0:
            share[..., -1] *= 2.0
        return torch.fft.irfft(self.coefficients * share, n=self.length, dim=-1, norm="forward")


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
