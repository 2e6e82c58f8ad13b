"""Multi-period term: agreement with the teacher on which periods are strong."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._trust import window_trust

__all__ = ["AMPLITUDES", "MultiPeriod", "check_spectrum", "multi_period_divergence", "period_probabilities"]

AMPLITUDES = ("published", "per_length")

_EPSILON = 1e-8  # added to the student's probability inside the logarithm, as in the released code
_LOG_FLOOR = -40.0  # smallest log probability (4e-18); avoids denormal numbers, which are ten times slower
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
    return torch.softmax(_period_logits(values, temperature, amplitude), dim=-1)


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
    student_logits = _period_logits(student, temperature, amplitude)
    sums = _Divergence.apply(student_logits, _period_logits(teacher, temperature, amplitude))
    weighted = sums if windows is None else sums * windows[:, None, None]
    return weighted.sum() / student_logits.numel()


class _Divergence(torch.autograd.Function):
    """Sum of p (log p - log(q + epsilon)) over the last axis, from logits; gradients in closed form.

    With p and q the softmax of teacher's and student's logits, d = log p - log(q + epsilon) and r = p q / (q +
    epsilon): the gradient is q sum(r) - r for the student's logits and p (d - sum(p d)) for the teacher's. log p comes
    from log_softmax and is at least -40, so that nothing underflows if a distribution is nearly one-hot.
    """

    @staticmethod
    def forward(ctx: Any, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        log_p = torch.log_softmax(teacher_logits, dim=-1).clamp_(min=_LOG_FLOOR)
        p, q = log_p.exp(), torch.log_softmax(student_logits, dim=-1).clamp_(min=_LOG_FLOOR).exp_()
        shifted = q + _EPSILON
        excess = log_p.sub_(shifted.log())
        weighted = p * excess
        sums = weighted.sum(dim=-1, keepdim=True)
        student_grad = teacher_grad = None
        if ctx.needs_input_grad[0]:
            ratio = (p * q).div_(shifted)
            student_grad = q.mul_(ratio.sum(dim=-1, keepdim=True)).sub_(ratio)
        if ctx.needs_input_grad[1]:
            teacher_grad = weighted.sub_(p * sums)
        ctx.save_for_backward(student_grad, teacher_grad)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        student_grad, teacher_grad = ctx.saved_tensors
        return (
            None if student_grad is None else student_grad * grad,
            None if teacher_grad is None else teacher_grad * grad,
        )


def _period_logits(values: Tensor, temperature: float, amplitude: str) -> Tensor:
    """Return amplitude / temperature of every frequency except the constant."""
    scale = temperature * values.shape[-1] if amplitude == "per_length" else temperature
    return _Amplitude.apply(values) / scale


class _Amplitude(torch.autograd.Function):
    """Amplitudes of the real FFT over the last axis, without the constant; half the cost of autograd.

    The gradient with respect to the values is the adjoint of the FFT, computed by one inverse real FFT. The inverse
    counts every frequency twice, except the highest one of an even length, so these shares are halved. At amplitude 0
    the gradient is 0.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(values, dim=-1)
        strength = (spectrum.real.square() + spectrum.imag.square()).sqrt_()
        ctx.save_for_backward(spectrum, strength)
        ctx.length = values.shape[-1]
        return strength[..., 1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        spectrum, strength = ctx.saved_tensors
        share = torch.zeros_like(strength)
        torch.div(grad, strength[..., 1:].clamp(min=_NO_AMPLITUDE), out=share[..., 1:])
        highest = ctx.length // 2
        share[..., 1 : highest if ctx.length % 2 == 0 else highest + 1] *= 0.5
        return torch.fft.irfft(spectrum * share, n=ctx.length, dim=-1, norm="forward")


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
