"""Ensemble of teachers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.utils.metaestimators import _BaseComposition
from torch import Tensor

from skdistill._utils._checks import check_real
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._ensemble_quantiles import ensemble_quantiles
from skdistill.teachers._probe import check_forecast_shape

__all__ = ["EnsembleTeacher", "mean_weight", "side_by_side"]


class EnsembleTeacher(BaseTeacher, _BaseComposition):
    """The weighted mean of several teachers' forecasts.

    Features of kind *channel* are concatenated if every member has them; otherwise the ensemble has no features.
    Quantiles are averaged by level if every member has them. Otherwise the sorted forecasts of the M members are used
    as quantiles at the levels (i - 0.5) / M; with unequal weights, each is the mean of the forecasts over its M-th part
    of the weights, so that a member of weight 0 changes none. These show the disagreement of the members, which is
    smaller than the uncertainty of the future.

    Parameters
    ----------
    teachers : list of (str, teacher)
        Named members; inside a forecaster a network or short name stands for a ``TrainedTeacher``. Their
        parameters are reached as ``teacher__name__parameter``.
    weights : sequence of float or None, default=None
        Weight of each member; rescaled to sum one. None weights all members equally.

    Attributes
    ----------
    teachers_ : list of teacher
        The fitted members.

    Examples
    --------
    >>> from skdistill.networks import DLinear, ITransformer
    >>> from skdistill.teachers import EnsembleTeacher, TrainedTeacher
    >>> pair = EnsembleTeacher([("a", TrainedTeacher(ITransformer())), ("b", TrainedTeacher(DLinear()))])
    >>> pair.set_params(a__lr=1e-3).teachers[0][1].lr
    0.001
    """

    def __init__(self, teachers: Sequence[tuple[str, Any]], *, weights: Sequence[float] | None = None) -> None:
        self.teachers = teachers
        self.weights = weights

    @property
    def needs_training(self) -> bool:  # type: ignore[override]
        """Whether any member is trained in ``fit``."""
        return any(member.needs_training for _, member in self.teachers)

    @property
    def reads_validation(self) -> bool:  # type: ignore[override]
        """Whether ``fit`` of any member reads the validation windows."""
        return any(member.reads_validation for _, member in self.teachers)

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether ``fit`` of any member needs validation windows."""
        return any(member.needs_validation for _, member in self.teachers)

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether any member reads known covariates."""
        return any(member.reads_known for _, member in self.teachers)

    @property
    def reads_static(self) -> bool:  # type: ignore[override]
        """Whether any member reads static covariates."""
        return any(member.reads_static for _, member in self.teachers)

    @property
    def reads_calendar(self) -> bool:  # type: ignore[override]
        """Whether any member reads the calendar."""
        return any(member.reads_calendar for _, member in self.teachers)

    @property
    def scale_free(self) -> bool:  # type: ignore[override]
        """Whether the labels of all members depend on nothing but the rows of the context."""
        return all(getattr(member, "scale_free", False) for _, member in self.teachers)

    @property
    def labels_alone(self) -> bool:  # type: ignore[override]
        """Whether each label of all members is known to depend on its own context alone."""
        return all(member.labels_alone for _, member in self.teachers)

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> EnsembleTeacher:
        """Return a copy in which networks and short names are replaced by teachers."""
        members = [(name, resolve_teacher(one, parameter=f"teacher {name!r}")) for name, one in self.teachers]
        return self._around(members)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, including those of the members as ``name__parameter``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of the members.

        Returns
        -------
        params : dict
            Parameters by name.
        """
        return self._get_params("teachers", deep=deep)

    def set_params(self, **params: Any) -> EnsembleTeacher:
        """Set parameters; parameters of a member are named ``name__parameter``.

        Parameters
        ----------
        **params : object
            Parameters by name.

        Returns
        -------
        self : EnsembleTeacher
            This teacher.
        """
        self._set_params("teachers", **params)
        return self

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the members or their weights do not fit the problem."""
        if not len(self.teachers):
            raise ValueError(f"teachers of {type(self).__name__} must name at least one teacher; got an empty list.")
        names = [name for name, _ in self.teachers]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"teachers of {type(self).__name__} must have a name each; got {twice!r} for several: {names}. Rename "
                "them: parameters of a member are set by its name."
            )
        self._validate_names(names)
        if self.weights is not None:
            if len(self.weights) != len(self.teachers):
                raise ValueError(
                    f"weights of EnsembleTeacher must have one entry per teacher: {len(self.teachers)}; "
                    f"got {len(self.weights)}."
                )
            for weight in self.weights:
                check_real(weight, "weights of EnsembleTeacher", minimum=0.0)
            if not sum(self.weights):
                raise ValueError("weights of EnsembleTeacher must not all be zero.")
        for _, member in self.teachers:
            member.check(spec)

    def probe(self, windows: TrainingWindows) -> Labels:
        """Combine the probes of the members."""
        answers = [member.probe(windows) for _, member in self.teachers]
        for (name, _), answer in zip(self.teachers, answers, strict=True):
            check_forecast_shape(answer, windows, f"teacher {name!r} of {type(self).__name__}")
        return self._combine(answers)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> EnsembleTeacher:
        """Fit the members one after another.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows for early stopping.
        checkpoint : Path or None, default=None
            A file; each member uses its own file with a name derived from it.
        """
        self.teachers_ = []
        for number, (_, member) in enumerate(self.teachers):
            own = None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-{number}{checkpoint.suffix}")
            self.teachers_.append(member.fit(windows, own))
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Average the members' forecasts.

        Returns
        -------
        labels : Labels
            The weighted mean; concatenated channel features; quantiles of the members, or from their forecasts.
        """
        return self._combine([member.label(contexts) for member in self.teachers_])

    def label_new(self, contexts: Contexts) -> Labels:
        """Average the members' forecasts of any series, also of series not used in ``fit``.

        Returns
        -------
        labels : Labels
            The weighted mean; concatenated channel features.
        """
        return self._combine([member.label_new(contexts) for member in self.teachers_])

    def label_training(self, contexts: Contexts) -> Labels:
        """Average the members' forecasts of training windows.

        Returns
        -------
        labels : Labels
            The weighted mean; concatenated channel features.
        """
        return self._combine([member.label_training(contexts) for member in self.teachers_])

    def recompute_features(self, contexts: Contexts) -> Tensor | None:
        """Concatenate the members' features of training windows."""
        return side_by_side([member.recompute_features(contexts) for member in self.teachers_])

    def recompute_new_features(self, contexts: Contexts) -> Tensor | None:
        """Concatenate the members' features of other windows."""
        return side_by_side([member.recompute_new_features(contexts) for member in self.teachers_])

    def fitted_state(self) -> dict[str, Any]:
        """Return the fitted state of the members and of the ensemble."""
        return {**super().fitted_state(), "teachers_": [member.fitted_state() for member in self.teachers_]}

    def restore_fitted(self, state: Mapping[str, Any]) -> EnsembleTeacher:
        """Restore the fitted state of an equal ensemble."""
        super().restore_fitted({name: value for name, value in state.items() if name != "teachers_"})
        pairs = zip(self.teachers, state["teachers_"], strict=True)
        self.teachers_ = [member.restore_fitted(learned) for (_, member), learned in pairs]
        return self

    def for_cache_key(self) -> EnsembleTeacher:
        """Return a copy for the cache key, with the members' copies."""
        return self._around([(name, member.for_cache_key()) for name, member in self.teachers])

    def count_parameters(self) -> int | None:
        """Return the number of parameters of all members.

        Returns
        -------
        n_parameters : int or None
            The sum; None if one is unknown.
        """
        counts = [member.count_parameters() for member in self.teachers_]
        return None if any(count is None for count in counts) else sum(count for count in counts if count is not None)

    def _around(self, members: Sequence[tuple[str, Any]]) -> EnsembleTeacher:
        """Return an unfitted ensemble with the same settings and other members."""
        return type(self)(**{**self.get_params(deep=False), "teachers": members})

    def _combine(self, answers: Sequence[Labels]) -> Labels:
        weights = torch.tensor(
            [1.0] * len(answers) if self.weights is None else list(self.weights), dtype=torch.float32
        )
        weights = weights / weights.sum()
        forecasts = torch.stack([answer.forecast for answer in answers])
        features = side_by_side([answer.features for answer in answers])
        quantiles, levels = ensemble_quantiles(answers, weights)
        counted = mean_weight(answers, weights[:, None])
        return Labels(torch.tensordot(weights, forecasts, dims=1), features, quantiles, levels, counted)


def mean_weight(answers: Sequence[Labels], shares: Tensor) -> Tensor | None:
    """Average what the members' labels count.

    Parameters
    ----------
    answers : sequence of Labels
        The members' labels of the same windows.
    shares : Tensor of shape (n_members, n_windows) or (n_members, 1)
        Shares of the members; they sum to one.

    Returns
    -------
    weight : Tensor of shape (n_windows,) or None
        None if all labels of all members count 1.
    """
    if all(answer.weight is None for answer in answers):
        return None
    ones = torch.ones(len(answers[0]))
    weights = torch.stack([ones if answer.weight is None else answer.weight for answer in answers])
    return (shares * weights).sum(dim=0)


def side_by_side(features: Sequence[Tensor | None]) -> Tensor | None:
    """Concatenate channel features.

    Parameters
    ----------
    features : sequence of Tensor or None
        Features of the members, (n_windows, n_targets, D) if they are of kind *channel*.

    Returns
    -------
    features : Tensor or None
        None unless all members have features of kind *channel*.
    """
    present = [one for one in features if one is not None and one.ndim == 3]
    return torch.cat(present, dim=-1) if len(present) == len(features) else None
