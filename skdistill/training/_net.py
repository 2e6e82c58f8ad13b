"""The skorch net; its criterion gets forecast, features, truth and labels."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor
from torch.nn.functional import mse_loss

from skdistill.losses._inputs import LossInputs
from skdistill.losses._pinball import pinball_loss
from skdistill.networks._base import NetworkOutput
from skdistill.training._precision import in_float32

__all__ = ["DistillationNet"]


class DistillationNet(NeuralNet):
    """A skorch net whose criterion is an objective of named terms.

    Trainable parts of the criterion (regressors, aligners) are optimized with the module. For any objective,
    ``valid_loss`` is the MSE of the forecast against the truth, in standardized units, or the mean pinball loss if
    there are quantiles. ``history`` contains the mean of every term in each epoch as ``train_<term>``.

    Parameters
    ----------
    *args : object
        Arguments of skorch's ``NeuralNet``.
    quantile_levels : tuple of float, default=()
        Levels of the module's quantiles.
    precision : {"float32", "bfloat16"}, default="float32"
        Arithmetic of the module in training; what it returns is float32.
    **kwargs : object
        Arguments of skorch's ``NeuralNet``.
    """

    _is_training: bool | None = None  # as last switched in this pass; None before its first batch and after it

    def __init__(
        self, *args: Any, quantile_levels: tuple[float, ...] = (), precision: str = "float32", **kwargs: Any
    ) -> None:
        self.quantile_levels = quantile_levels
        self.precision = precision
        super().__init__(*args, **kwargs)

    def infer(self, x: dict[str, Tensor], **fit_params: Any) -> NetworkOutput:
        """Ask the module, in training in the net's precision; what it returns is float32."""
        if self.precision == "float32" or not self._is_training:
            return super().infer(x, **fit_params)
        device = torch.device(self.device).type  # within another autocast, cached weights would never be renewed
        with torch.autocast(device, dtype=torch.bfloat16, cache_enabled=False):
            output = super().infer(x, **fit_params)
        return in_float32(output)

    def get_loss(
        self, y_pred: NetworkOutput, y_true: dict[str, Tensor], X: Any = None, training: bool = False
    ) -> Tensor:
        """Compute the objective in training, and the error against the truth in validation."""
        y_true = {name: value.to(y_pred.forecast.device) for name, value in y_true.items()}
        if not training:
            return self._validation_loss(y_pred, y_true["truth"], y_true.get("observed"), y_true.get("weight"))
        inputs = LossInputs(
            forecast=y_pred.forecast,
            features=y_pred.features,
            branches=y_pred.branches,
            context=None if X is None else X["context"],
            quantiles=y_pred.quantiles,
            **y_true,
        )
        terms = self.criterion_(inputs)
        self._add_up(terms, len(y_pred.forecast))
        first, *others = terms.values()
        return torch.stack([first, *others]).sum() if others or first.ndim else first

    def _validation_loss(
        self, output: NetworkOutput, truth: Tensor, observed: Tensor | None, weight: Tensor | None = None
    ) -> Tensor:
        """Return the MSE of a forecast, or the mean pinball loss of quantiles, over the observed truth."""
        if weight is not None:
            return self._weighted_loss(output, truth, observed, weight)
        if output.quantiles is None:
            if observed is None:
                return mse_loss(output.forecast, truth)
            return mse_loss(output.forecast[observed], truth[observed])
        levels = output.quantiles.new_tensor(self.quantile_levels)
        losses = pinball_loss(truth.unsqueeze(-1) - output.quantiles, levels)
        return losses.mean() if observed is None else losses[observed].mean()

    def _weighted_loss(self, output: NetworkOutput, truth: Tensor, observed: Tensor | None, weight: Tensor) -> Tensor:
        """Return the validation loss with weights of windows, averaged over the observed truth of each window."""
        if output.quantiles is None:
            losses = (output.forecast - truth).square()
        else:
            levels = output.quantiles.new_tensor(self.quantile_levels)
            losses = pinball_loss(truth.unsqueeze(-1) - output.quantiles, levels).mean(dim=-1)
        if observed is None:
            return (losses.mean(dim=(1, 2)) * weight).mean()
        means = torch.where(observed, losses, 0.0).sum(dim=(1, 2)) / observed.sum(dim=(1, 2)).clamp(min=1)
        return (means * weight).mean()

    def run_single_epoch(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Run one epoch; on a GPU, read the losses of its batches at the end, because reading waits for the GPU."""
        self._is_training = None
        try:
            if iterator is None or torch.device(self.device).type == "cpu":
                super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            else:
                self._run_and_read_late(iterator, training, prefix, step_fn, **fit_params)
        finally:
            self._is_training = None

    def _set_training(self, training: bool = True) -> None:
        """Switch module and criterion once in a pass over the batches: skorch would walk through all parts at each."""
        if self._is_training is not training:
            super()._set_training(training)
            self._is_training = training

    def _run_and_read_late(self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any) -> None:
        """Run one epoch, and record as skorch does what it only reads at the end."""
        losses: list[Tensor] = []
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            self.history.record_batch(f"{prefix}_batch_size", len(batch[1]["truth"]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
        values = torch.stack(losses).tolist() if losses else []
        records = [one for one in self.history[-1]["batches"] if f"{prefix}_batch_size" in one]
        for record, value in zip(records, values, strict=True):
            record[f"{prefix}_loss"] = value
        self.history.record(f"{prefix}_batch_count", len(values))

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Group the trained parameters: first those at the net's learning rate, then those with their own."""
        apart = self.criterion_.constant_lr_groups()
        taken = {id(parameter) for group in apart for parameter in group["params"]}
        left = [(name, one) for name, one in named_parameters if one.requires_grad and id(one) not in taken]
        (groups, *rest), kwargs = super().get_params_for_optimizer(prefix, left)
        return ([*groups, *apart], *rest), kwargs

    def on_epoch_begin(self, net: NeuralNet, *args: Any, **kwargs: Any) -> None:
        """Start the sums of a new epoch."""
        super().on_epoch_begin(net, *args, **kwargs)
        self.term_sums_: dict[str, Tensor] = {}
        self.n_windows_ = 0

    def on_batch_end(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Let a batch of validation count by its observed truth, so that the mean of batches is that of all of it."""
        super().on_batch_end(net, batch=batch, training=training, **kwargs)
        observed = None if training else batch[1].get("observed")
        if observed is not None and "weight" not in batch[1]:  # with weights, each window counts by its own
            self.history.record_batch("valid_batch_size", float(observed.sum()) / observed[0].numel())

    def _add_up(self, terms: dict[str, Tensor], n_windows: int) -> None:
        """Add a batch to the sums of the epoch: one number per term, because one tensor per batch fragments memory."""
        self.n_windows_ += n_windows
        for name, value in terms.items():
            self.term_sums_[name] = self.term_sums_.get(name, 0.0) + value.detach().double() * n_windows
