"""Base class of teachers: parameter objects that are fitted on windows and label contexts."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor

from skdistill._utils._doc_link import DocLink
from skdistill._utils._says_unread import SaysUnread
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._other_windows import warn_of_other_windows
from skdistill.teachers._provenance import Entry, members_of
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._device import resolve_device

__all__ = ["BaseTeacher"]

_TOLD = ("source", "license", "training_data")


class BaseTeacher(SaysUnread, DocLink, BaseEstimator, abc.ABC):
    """Base class of teachers, which are sources of labels.

    A subclass stores its parameters in ``__init__``, learns in :meth:`fit` (if there is anything to learn) and returns
    labels in :meth:`label`. If parameters named ``random_state``, ``device``, ``verbose`` or ``n_jobs`` are None, they
    take the forecaster's values (``n_jobs`` not in members and nested estimators).

    Attributes
    ----------
    has_features : bool
        Whether labels can include features, for any inner network or estimator.
    has_quantiles : bool
        Whether labels include quantiles, for any parameters.
    needs_training : bool
        Whether ``fit`` must train something before the teacher can label.
    reads_validation : bool
        Whether ``fit`` reads the validation windows, for early stopping or to learn from errors; if not,
        ``validation_fraction="auto"`` of an estimator can leave them out.
    settings_of_features, settings_of_quantiles : tuple of str
        Parameters that matter only to a loss that reads features, or quantiles; ``fit`` warns of those that are set for
        a loss that reads none.
    needs_validation : bool
        Whether ``fit`` raises an error without validation windows.
    reads_known : bool
        Whether forecasts follow covariates that are known over the horizon; if not, ``fit`` warns where there are some.
    reads_static : bool
        Whether forecasts follow static covariates; if not, a regressor warns where its windows have covariates.
    reads_calendar : bool
        Whether forecasts depend on the calendar of the rows; if so, times of another zone than those of ``fit`` are
        told.
    reads_series : bool
        Whether ``fit`` reads the rows of each series one after another, so that a table of windows is none.
    keeps_what_fit_learned : bool
        Whether the result of ``fit`` is worth storing for a later ``fit``.
    memory_seasons : int
        Number of seasons that a context should have, even if the student reads fewer rows; 0 means any number.
    labels_in_parallel : bool
        Whether workers can share the labeling; False for a teacher whose ``fit`` makes the labels.
    labels_alone : bool
        Whether each label is known to depend on its own context alone; where it is False, it is tried before the
        windows are labeled.
    libraries : tuple of str
        Distributions that compute labels and are not those of a parameter's class: their versions enter the key of
        ``memory=``.
    """

    has_features: ClassVar[bool] = False
    has_quantiles: ClassVar[bool] = False
    settings_of_features: ClassVar[tuple[str, ...]] = ()
    settings_of_quantiles: ClassVar[tuple[str, ...]] = ()
    needs_training: bool = False
    reads_validation: bool = True
    needs_validation: bool = False
    reads_known: bool = True
    reads_static: bool = True
    reads_calendar: bool = False
    reads_series: bool = False
    keeps_what_fit_learned: ClassVar[bool] = True
    memory_seasons: ClassVar[int] = 0
    scale_free: bool = False
    source: str | None = None
    license: str | None = None
    training_data: str | None = None
    labels_in_parallel: bool = True
    labels_alone: bool = False
    libraries: ClassVar[tuple[str, ...]] = ()

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> BaseTeacher:
        """Return a teacher in which all members are teachers.

        Parameters
        ----------
        resolve_teacher : callable
            :func:`~skdistill.core.resolve_teacher`, which converts the values users pass to teachers.

        Returns
        -------
        teacher : BaseTeacher
            This teacher; or a copy with resolved members.
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
        """Return labels with the shapes of later labels, before the teacher is fitted.

        The numbers are meaningless; only the shapes are used, to detect a wrong combination of teacher, student and
        loss before anything is trained. By default, a teacher that ``needs_training`` is assumed to make point
        forecasts only, and other teachers label one window. A trained teacher with features or quantiles overrides this
        method.

        Parameters
        ----------
        windows : TrainingWindows
            The windows that will be passed to ``fit``.

        Returns
        -------
        labels : Labels
            Labels of the first training window.
        """
        train = windows.train
        if self.needs_training:
            return Labels(forecast=torch.zeros(1, train.prediction_length, len(train.targets)))
        labels = self.label(train.contexts(train.starts.new_zeros(1)))
        if not self.labels_alone:
            warn_of_other_windows(self.label, train, labels.forecast, type(self).__name__)
        return labels

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> BaseTeacher:
        """Fit on windows; a teacher with given weights does nothing.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows for early stopping.
        checkpoint : Path or None, default=None
            A file in which ``fit`` can store its state to resume after an interruption.

        Returns
        -------
        self : BaseTeacher
            The fitted teacher.
        """
        return self

    @abc.abstractmethod
    def label(self, contexts: Contexts) -> Labels:
        """Label contexts.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts.

        Returns
        -------
        labels : Labels
            Forecasts in standardized units; features and quantiles if the teacher has them. That of a window must not
            depend on the other windows of its batch.
        """

    def label_new(self, contexts: Contexts) -> Labels:
        """Forecast after each context of any series, also of series not used in ``fit``.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts; the numbers of their series and origins are not those of ``fit``.

        Returns
        -------
        labels : Labels
            Labels as from :meth:`label`; a teacher that reads these numbers overrides this method.
        """
        return self.label(contexts)

    def label_training(self, contexts: Contexts) -> Labels:
        """Label the contexts of the training windows.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts of the windows passed to ``fit``.

        Returns
        -------
        labels : Labels
            Labels as from :meth:`label`; a teacher that must not label windows it was trained on overrides this method.
        """
        return self.label(contexts)

    def recompute_features(self, contexts: Contexts) -> Tensor | None:
        """Return only the features of training windows, by batch, for ``feature_storage="recompute"``.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts of the windows passed to ``fit``.

        Returns
        -------
        features : Tensor or None
            The features of :meth:`label_training`; a teacher that can compute them without forecasts overrides this
            method.
        """
        return self.label_training(contexts).features

    def recompute_new_features(self, contexts: Contexts) -> Tensor | None:
        """Return only the features of other windows than those of ``fit``, as :meth:`recompute_features` does of these.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts; the numbers of their series and origins are not those of ``fit``.

        Returns
        -------
        features : Tensor or None
            The features of :meth:`label_new`.
        """
        return self.label_new(contexts).features

    def for_cache_key(self) -> BaseTeacher:
        """Return a copy that holds everything the labels depend on; the cache key is computed from it.

        Returns
        -------
        teacher : BaseTeacher
            An unfitted copy without parameters that do not affect labels, with the actual kind of device, and with
            files as ``Path``, so that their contents enter the key.
        """
        copy = clone(self)
        params = copy.get_params(deep=False)
        if "device" in params:
            copy.set_params(device=resolve_device(params["device"]).type)
        return copy.set_params(verbose=0) if "verbose" in params else copy

    def fitted_state(self) -> dict[str, Any]:
        """Return the fitted state for ``memory``, as plain values, arrays and tensors without pickles.

        Returns
        -------
        state : dict
            By default, all attributes that are not parameters. A teacher whose state has other types than None,
            numbers, text, arrays, tensors, and lists, tuples and dicts of them overrides this method and
            :meth:`restore_fitted`.
        """
        params = self._get_param_names()
        state: dict[str, Any] = self.__getstate__()  # type: ignore[assignment]
        return {name: value for name, value in state.items() if name not in params and name != "_sklearn_version"}

    def restore_fitted(self, state: Mapping[str, Any]) -> BaseTeacher:
        """Restore the fitted state of an equal teacher.

        Parameters
        ----------
        state : mapping of str to object
            Result of :meth:`fitted_state`.

        Returns
        -------
        self : BaseTeacher
            The fitted teacher.
        """
        for name, value in state.items():
            setattr(self, name, value)
        return self

    def provenance(self) -> list[Entry]:
        """Say where labels of this teacher come from.

        Returns
        -------
        entries : list of dict of str to str or None
            ``teacher``, ``source``, ``revision``, ``license`` and ``training_data`` of this teacher, or of each member
            if it has members.
        """
        members = list(members_of(self.get_params(deep=False), BaseTeacher))
        if members:
            return [entry for member in members for entry in member.provenance()]
        return [{"teacher": teacher_name(self), "revision": None} | {name: getattr(self, name) for name in _TOLD}]

    def count_parameters(self) -> int | None:
        """Return the number of parameters of the fitted teacher.

        Returns
        -------
        n_parameters : int or None
            Number of parameters; None if unknown.
        """
        return None
