"""Teacher that is a network trained on the same windows as the student."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from sklearn.base import clone

from skdistill._utils._checks import check_integer
from skdistill._utils._generators import seeded
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._labels import Labels
from skdistill.data._levels import check_quantiles
from skdistill.data._training_windows import TrainingWindows
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import build_objective, check_loss, with_quantile_term
from skdistill.losses._registry import make_loss
from skdistill.losses._supervised import Supervised
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import make_spec
from skdistill.networks._no_network import explain_not_a_network
from skdistill.networks._quantile_head import build_module
from skdistill.networks._registry import make_network, suggest_networks
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._network import NetworkTeacher, label_with_module
from skdistill.training._hidden_swing import warn_of_hidden_swing
from skdistill.training._settings import TrainingSettings, lr_factor, warn_of_unread_patience
from skdistill.training._solve import check_solvable, prepare_network
from skdistill.training._train import loss_shapes, train_network

__all__ = ["TrainedTeacher"]

_SHORTEST_REACH = 0.01  # how far training must be able to move a weight; random starts are about 0.1 wide


class TrainedTeacher(NetworkTeacher):
    """Teacher that trains a network on the truth, with its own objective and settings.

    Parameters
    ----------
    network : network or str
        The architecture, for example ``ITransformer(hidden_size=256)``; inside a forecaster, a short name such as
        ``"itransformer"`` is accepted.
    loss : loss, str or None, default=None
        The objective, such as :class:`~skdistill.losses.CrossModal` for CALF; terms that read labels are dropped. None
        is the MSE to the truth.
    quantiles : sequence of float or None, default=None
        Rising levels of quantiles to forecast in addition to the median; if the objective has no term for them, the
        pinball loss to the truth is added. None trains only the point forecast.
    lr : float, default=1e-4
        Learning rate in the first epoch.
    max_epochs : int, default=10
        Maximum number of epochs.
    batch_size : int, default=32
        Number of windows of a training batch.
    patience : int or None, default=5
        Number of epochs without a better validation error before training stops; None never stops early. The weights of
        the best epoch are restored either way.
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
        The trained network.
    spec_ : NetworkSpec
        The problem it was built for.
    history_ : list of dict
        Losses per epoch.

    References
    ----------
    The defaults are those of TimeDistill's transformer teachers (arXiv 2502.15016): Adam,
    1e-4 halved every epoch, up to 10 epochs, batch 32, patience 5.

    Examples
    --------
    >>> from skdistill.networks import ITransformer
    >>> from skdistill.teachers import TrainedTeacher
    >>> TrainedTeacher(ITransformer(hidden_size=256), max_epochs=20)
    TrainedTeacher(max_epochs=20, network=ITransformer(hidden_size=256))
    """

    needs_training = True
    labels_alone = True  # training tries it of the network
    source: str | None = "trained in fit"
    training_data: str | None = "the training rows of the student"

    def __init__(
        self,
        network: BaseNetwork | str,
        *,
        loss: BaseLoss | str | None = None,
        quantiles: Sequence[float] | None = None,
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
        self.loss = loss
        self.quantiles = quantiles
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

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> BaseTeacher:
        """Return a copy in which a short name is replaced by the network.

        Parameters
        ----------
        resolve_teacher : callable
            Not used.

        Returns
        -------
        teacher : TrainedTeacher
            The copy; or this teacher if its network is not a name.
        """
        if not isinstance(self.network, str):
            return self
        return clone(self).set_params(network=make_network(self.network, parameter=f"network of {type(self).__name__}"))

    def check(self, spec: NetworkSpec) -> None:
        """Raise if network or training settings are out of their ranges."""
        if not isinstance(self.network, BaseNetwork):
            told = explain_not_a_network(self.network)
            raise TypeError(f"network of {type(self).__name__} must be a network of skdistill.networks; got {told}")
        self.network.check(spec)
        self._settings().check(type(self).__name__)
        if self.quantiles is not None:
            check_quantiles(self.quantiles, "quantiles of TrainedTeacher", median_alone=False)
        check_loss(self._loss())
        if self.random_state is not None:
            check_integer(self.random_state, f"random_state of {type(self).__name__}", minimum=0)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the parameters of an exact solution, which a teacher's network does not have."""
        names = getattr(self.network, "settings_of_solution", ())
        why = f"in {type(self).__name__}, which trains its network by gradient descent"
        return {f"network__{name}": why for name in names}

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label one window with an untrained copy.

        Returns
        -------
        labels : Labels
            Labels with the right shapes and meaningless numbers.
        """
        spec = self._spec(windows)
        check_solvable(self.architecture(), spec, self._loss(), has_teacher=False, windows=windows)
        with seeded(0):
            module = build_module(self.architecture(), spec)
            shapes = loss_shapes(module, spec, windows.train, None)
            build_objective(
                self._loss(),
                shapes,
                has_teacher=False,
                student_name=type(self.network).__name__,
                suggest=suggest_networks,
            )
        first = windows.train.starts.new_zeros(1)
        return label_with_module(module, spec, windows.train.contexts(first), device="cpu")

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> TrainedTeacher:
        """Train the network on the truth.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows; validation windows stop the training.
        checkpoint : Path or None, default=None
            File in which training stores its state after every epoch.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts, because a partly trained teacher must not be used.
        """
        self.spec_ = self._spec(windows)
        self._warn_if_hopeless(windows)
        warn_of_unread_patience(self, windows)
        seed = int(torch.seed() % (1 << 31)) if self.random_state is None else self.random_state
        with seeded(seed):
            self.module_ = build_module(self.architecture(), self.spec_)
            prepare_network(self.architecture(), self.module_, self.spec_, windows, loss=self._loss(), labels=None)
            result = train_network(
                self.module_,
                self.spec_,
                windows,
                loss=self._loss(),
                settings=self._settings(),
                checkpoint=checkpoint,
                description=f"teacher {type(self.network).__name__}",
            )
        if result.interrupted:
            raise KeyboardInterrupt("the teacher's training was interrupted; with memory= it resumes at the next fit")
        self.history_ = result.history
        name, way_out = f"the teacher {type(self.network).__name__}", "set scaling='window' of the forecaster, or"
        way_out += " take a teacher that is not trained on these rows, such as 'pretrained'"
        warn_of_hidden_swing(self.module_, self.spec_, windows.train, name, way_out)
        return self

    def _warn_if_hopeless(self, windows: TrainingWindows) -> None:
        """Warn if the training is so short that the weights hardly leave where they start."""
        n_windows, settings = len(windows.known_train), self._settings()
        n_batches = -(-n_windows // self.batch_size)
        named = isinstance(settings.lr_schedule, str)  # a function of the user is called in training alone
        factors = map(lr_factor(settings), range(self.max_epochs)) if named else [1.0] * self.max_epochs
        reach = self.lr * n_batches * sum(factors)  # Adam moves a weight by about its rate in an update
        if settings.optimizer == "sgd" or reach >= _SHORTEST_REACH:
            return
        warnings.warn(
            f"the teacher {type(self.network).__name__} gets {n_batches * self.max_epochs} updates at a learning rate "
            f"of {self.lr:g} ({n_windows} windows, {self.max_epochs} epochs): its weights hardly leave where they "
            "start, so it has learned little of these series to teach. Raise lr or max_epochs of TrainedTeacher, set "
            "teacher=None, or, if the loss reads forecasts alone, take teacher='pretrained', which needs no training.",
            stacklevel=stacklevel_of_user(),
        )

    def for_cache_key(self) -> BaseTeacher:
        """Return a copy for the cache key, in which files that the network reads count by their contents."""
        return super().for_cache_key().set_params(network=self.network.for_cache_key())

    def _spec(self, windows: TrainingWindows) -> NetworkSpec:
        quantiles = (
            None
            if self.quantiles is None
            else check_quantiles(self.quantiles, "quantiles of TrainedTeacher", median_alone=False)
        )
        return make_spec(self.architecture(), windows.train, quantiles=quantiles)

    def _loss(self) -> BaseLoss:
        loss = self._own_loss()
        return loss if self.quantiles is None else with_quantile_term(loss, self.quantiles, has_teacher=False)

    def _own_loss(self) -> BaseLoss:
        if self.loss is None:
            return Supervised()
        loss = make_loss(self.loss) if isinstance(self.loss, str) else self.loss
        if not isinstance(loss, BaseLoss):
            raise TypeError(
                f"loss of TrainedTeacher must be a loss of skdistill.losses or its short name; got {loss!r}."
            )
        return loss

    def _settings(self) -> TrainingSettings:
        return TrainingSettings(
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            optimizer=self.optimizer,
            lr_schedule=self.lr_schedule,
            gradient_clip=self.gradient_clip,
            device="auto" if self.device is None else self.device,
            verbose=self.verbose or 0,
        )
