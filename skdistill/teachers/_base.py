"""What a teacher is: a parameter object that is fitted on windows and labels contexts."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor

from skdistill._utils._doc_link import DocLink
from skdistill.data._labels import Labels
from skdistill.data._windows import Contexts, TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.training._device import resolve_device

__all__ = ["BaseTeacher"]


class BaseTeacher(DocLink, BaseEstimator, abc.ABC):
    """A source of labels.

    A subclass stores its parameters in ``__init__``, learns in :meth:`fit` (where there is
    anything to learn) and answers in :meth:`label`. Parameters called ``random_state``,
    ``device`` or ``verbose`` that are None take the forecaster's.

    Attributes
    ----------
    has_features : bool
        Whether labels may come with features, whatever the network or estimator inside.
    has_quantiles : bool
        Whether labels come with quantiles, whatever the parameters.
    needs_training : bool
        Whether ``fit`` trains something before the teacher can answer.
    keeps_what_fit_learned : bool
        Whether ``fit`` finds out anything that is worth keeping for a later one.
    """

    has_features: ClassVar[bool] = False
    has_quantiles: ClassVar[bool] = False
    needs_training: bool = False
    keeps_what_fit_learned: ClassVar[bool] = True

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> BaseTeacher:
        """Return a teacher whose members, if it has any, are teachers, too.

        Parameters
        ----------
        resolve_teacher : callable
            :func:`~skdistill.core.resolve_teacher`, which turns what a user gives into a teacher.

        Returns
        -------
        teacher : BaseTeacher
            This teacher; or a copy with its members resolved.
        """
        return self

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the parameters do not fit the problem; called before any training.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths and channels of the problem.
        """

    def probe(self, windows: TrainingWindows) -> Labels:
        """Say what labels will look like, before the teacher is fitted.

        The numbers are meaningless, the shapes count: they let a wrong combination of teacher,
        student and loss stop before anything is trained. A teacher that ``needs_training`` is taken to
        give a point forecast alone, others are asked; a trained one with features or quantiles overrides this.

        Parameters
        ----------
        windows : TrainingWindows
            The windows that ``fit`` is about to see.

        Returns
        -------
        labels : Labels
            Labels of the first training window.
        """
        train = windows.train
        if self.needs_training:
            return Labels(forecast=torch.zeros(1, train.prediction_length, len(train.targets)))
        return self.label(train.contexts(train.starts.new_zeros(1)))

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> BaseTeacher:
        """Learn from windows; teachers with given weights have nothing to do.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows for early stopping.
        checkpoint : Path or None, default=None
            A file in which an interrupted ``fit`` may leave its state and find it again.

        Returns
        -------
        self : BaseTeacher
            The fitted teacher.
        """
        return self

    @abc.abstractmethod
    def label(self, contexts: Contexts) -> Labels:
        """Say what follows each context.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts.

        Returns
        -------
        labels : Labels
            Forecasts in standardized units; features and quantiles where the teacher has them.
        """

    def label_new(self, contexts: Contexts) -> Labels:
        """Say what follows each context of a series that ``fit`` need not have seen.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts, whose series and origins are not numbered as those of ``fit``.

        Returns
        -------
        labels : Labels
            As :meth:`label` does; a teacher that reads these numbers answers otherwise here.
        """
        return self.label(contexts)

    def label_training(self, contexts: Contexts) -> Labels:
        """Say what follows each context of the training windows.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts of the windows that ``fit`` saw.

        Returns
        -------
        labels : Labels
            As :meth:`label` does; a teacher that must not label what it has seen answers otherwise here.
        """
        return self.label(contexts)

    def recompute_features(self, contexts: Contexts) -> Tensor | None:
        """Give the features of training windows alone, a batch at a time, for ``feature_storage="recompute"``.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts of the windows that ``fit`` saw.

        Returns
        -------
        features : Tensor or None
            The features of :meth:`label_training`; a teacher that need not forecast for them overrides this.
        """
        return self.label_training(contexts).features

    def for_cache_key(self) -> BaseTeacher:
        """Return a copy that holds what labels depend on, for the key they are kept under.

        Returns
        -------
        teacher : BaseTeacher
            An unfitted copy: without what changes no label, with the kind of device that is there, and with files
            as ``Path``, whose contents are digested.
        """
        copy = clone(self)
        params = copy.get_params(deep=False)
        if "device" in params:
            copy.set_params(device=resolve_device(params["device"]).type)
        return copy.set_params(verbose=0) if "verbose" in params else copy

    def fitted_state(self) -> dict[str, Any]:
        """Return what fit learned, which ``memory=`` keeps: no pickle, but plain values, arrays and tensors.

        Returns
        -------
        state : dict
            By default every attribute that is no parameter. A teacher that learned anything but None, numbers, text,
            arrays, tensors, and lists, tuples and dicts of them overrides this and :meth:`restore_fitted`.
        """
        params = self._get_param_names()
        state: dict[str, Any] = self.__getstate__()  # type: ignore[assignment]
        return {name: value for name, value in state.items() if name not in params and name != "_sklearn_version"}

    def restore_fitted(self, state: Mapping[str, Any]) -> BaseTeacher:
        """Take up what an equal teacher learned in its fit.

        Parameters
        ----------
        state : mapping of str to object
            What :meth:`fitted_state` returned.

        Returns
        -------
        self : BaseTeacher
            The teacher, fitted.
        """
        for name, value in state.items():
            setattr(self, name, value)
        return self

    def count_parameters(self) -> int | None:
        """Count the numbers the fitted teacher has learned.

        Returns
        -------
        n_parameters : int or None
            Their count; None if unknown.
        """
        return None
