"""Teacher whose features know the future of the training windows, through a narrow code."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdistill._utils._checks import check_integer, check_real
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.losses._base import BaseLoss, LossSum
from skdistill.losses._supervised import Supervised
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import network_inputs
from skdistill.networks._registry import suggest_networks
from skdistill.teachers._privileged_network import PrivilegedModule, PrivilegedNetwork, PrivilegedTerm
from skdistill.teachers._trained import TrainedTeacher
from skdistill.training._device import resolve_device

__all__ = ["PrivilegedTeacher"]

_BLOCK = 2048  # windows encoded at once


class PrivilegedTeacher(TrainedTeacher):
    """Teacher that reads the true horizon of the training windows through a narrow code, for the student's features.

    A network is trained on the truth as a :class:`TrainedTeacher` is. Beside it, an encoder maps the true horizon of
    each target to ``code_size`` numbers between -1 and 1, and a second forecast reads the features of the network
    together with this code. The *privileged features* are those that the second forecast is made of: they say of a
    window what a forecast from the context misses. A student learns them by a feature term, such as those of
    :class:`~skdistill.losses.TimeDistill`, and with them what to look for in a context. For half of the windows of
    every batch the code is 0, so that the features make sense without it.

    *The forecast never reads the code.* A forecast that did would hand on the truth, which the student's own terms read
    already. So labels, ``predict_teacher`` and ``compare`` show an honest forecast, and only features are privileged:
    without a feature term this is a plain ``TrainedTeacher``, and ``fit`` of a student without features raises as for
    any loss that reads them.

    *Where there is no truth there is no code.* Codes exist for the training windows of known and whole truth, target by
    target. Windows without truth, targets with a missing value in the horizon, validation windows and everything
    ``predict_teacher`` forecasts have codes of 0. The student reads contexts alone: it needs no horizon, in training or
    after.

    Parameters
    ----------
    network : network or str
        The architecture, which must have features, for example ``ITransformer(hidden_size=256)``.
    code_size : int, default=4
        Numbers of a code, per target. A wide code lets the second forecast copy the horizon, and its features then say
        nothing about the context.
    code_weight : float, default=1.0
        Weight of the second forecast's MSE in the teacher's objective; that of the first has 1.
    lr : float, default=1e-4
        Learning rate in the first epoch.
    max_epochs : int, default=10
        Maximum number of epochs.
    batch_size : int, default=32
        Number of windows of a training batch.
    patience : int or None, default=5
        Number of epochs without a better validation error of the first forecast before training stops; None never stops
        early.
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        The optimizer.
    lr_schedule : {"halving", "constant", "cosine"} or callable, default="halving"
        Factor of ``lr`` by epoch, counted from 0.
    gradient_clip : float or None, default=None
        Maximum norm of the gradient; None does not limit it.
    device : str or None, default=None
        Device to train and label on; None takes the forecaster's.
    random_state : int or None, default=None
        Seed of weights, order and dropout; None derives one from the forecaster's.
    verbose : int or None, default=None
        Progress: 0 shows nothing, 1 a bar, 2 one line per epoch; None takes the forecaster's.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network with encoder and second head.
    codes_ : ndarray of shape (n_windows, n_targets, code_size)
        Codes of the training windows of known truth. The truth itself is not kept.
    history_ : list of dict
        Losses per epoch.

    References
    ----------
    TimeKD (arXiv 2505.02138) trains a teacher that reads the ground truth and matches its features and forecasts. There
    the teacher is a language model that reads prompts; the narrow code, and the forecast without it, are ours. The idea
    is that of Vapnik and Vashist (2009), A new learning paradigm: learning using privileged information.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.networks import MLP, ITransformer
    >>> from skdistill.teachers import PrivilegedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> teacher = PrivilegedTeacher(ITransformer(16, n_layers=1, n_heads=2), lr=1e-3, max_epochs=2)
    >>> forecaster = DistilledForecaster(
    ...     teacher, MLP(16, kernel_size=5), "timedistill", context_length=24, prediction_length=6, max_epochs=2,
    ...     random_state=0,
    ... ).fit(series)
    >>> forecaster.teacher_.codes_.shape[1:]
    (2, 4)
    """

    has_features: ClassVar[bool] = True
    loss = None  # the objective is its own
    quantiles = None

    def __init__(
        self,
        network: BaseNetwork | str,
        *,
        code_size: int = 4,
        code_weight: float = 1.0,
        lr: float = 1e-4,
        max_epochs: int = 10,
        batch_size: int = 32,
        patience: int | None = 5,
        optimizer: str = "adam",
        lr_schedule: str = "halving",
        gradient_clip: float | None = None,
        device: str | None = None,
        random_state: int | None = None,
        verbose: int | None = None,
    ) -> None:
        self.network = network
        self.code_size = code_size
        self.code_weight = code_weight
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.gradient_clip = gradient_clip
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def architecture(self) -> BaseNetwork:
        """Return the network with encoder and second head."""
        assert isinstance(self.network, BaseNetwork)  # check
        return PrivilegedNetwork(self.network, self.code_size)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the network has no features, or a setting is out of its range."""
        check_integer(self.code_size, "code_size of PrivilegedTeacher", minimum=1)
        check_real(self.code_weight, "code_weight of PrivilegedTeacher", minimum=0.0, include_minimum=False)
        super().check(spec)
        assert isinstance(self.network, BaseNetwork)
        if not self.network.has_features:
            raise ValueError(
                f"network of PrivilegedTeacher must have features for the student; {type(self.network).__name__} has "
                f"none. Choose one that has: {', '.join(suggest_networks('student_features'))}."
            )

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> PrivilegedTeacher:
        """Train on the truth, and encode the horizons of the training windows.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows; validation windows stop the training, and are never encoded.
        checkpoint : Path or None, default=None
            File in which training stores its state after every epoch.
        """
        super().fit(windows, checkpoint)
        known = windows.known_train
        starts = known.starts.cpu().numpy()
        order = np.argsort(starts, kind="stable")
        self.starts_ = starts[order]
        self.offsets_ = known.store.offsets
        self.context_length_ = known.context_length
        self.codes_ = self._encode(known)[order]
        return self

    def label_training(self, contexts: Contexts) -> Labels:
        """Label training windows: forecasts without codes, features with the codes of the windows.

        Returns
        -------
        labels : Labels
            On the CPU.
        """
        target = resolve_device(self.device)
        self.module_.to(target).eval()
        with torch.inference_mode():
            inputs = network_inputs(self.spec_, contexts, target)
            output = self.module_(**inputs, code=self._codes(contexts).to(target))
        return Labels(output.forecast.cpu(), output.features.cpu())

    def _encode(self, windows: Windows) -> np.ndarray:
        module, target = self._module(), resolve_device(self.device)
        module.to(target).eval()
        parts = []
        with torch.inference_mode():
            for indices in torch.arange(len(windows)).split(_BLOCK):
                parts.append(module.encode(windows.horizons(indices).to(target)).cpu().numpy())
        return np.concatenate(parts)

    def _codes(self, contexts: Contexts) -> Tensor:
        """Return the codes of contexts; 0 where a window is not one of known truth."""
        starts = self.offsets_[contexts.series] + contexts.origins - self.context_length_
        places = np.minimum(np.searchsorted(self.starts_, starts), len(self.starts_) - 1)
        is_known = self.starts_[places] == starts
        return torch.from_numpy(np.where(is_known[:, None, None], self.codes_[places], np.float32(0.0)))

    def _module(self) -> PrivilegedModule:
        assert isinstance(self.module_, PrivilegedModule)
        return self.module_

    def _own_loss(self) -> BaseLoss:
        return LossSum([("supervised", Supervised()), ("privileged", PrivilegedTerm(self.code_weight))])
