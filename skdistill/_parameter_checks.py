"""Checks of the parameters of the estimators, before anything is trained."""

from __future__ import annotations

import warnings
from inspect import signature
from typing import Any

import numpy as np

from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._checks import check_boolean, check_integer, check_n_jobs, check_real
from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._augmentation import Augmentation
from skdistill.data._bounds import check_bounds
from skdistill.data._scaling import SCALINGS
from skdistill.data._series_weight import check_series_weight
from skdistill.labeling._label_choice import CHOICES
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import (
    needs_branches,
    needs_student_features,
    needs_teacher,
    needs_teacher_features,
    reads_teacher_quantiles,
)
from skdistill.networks._base import BaseNetwork
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._given import holds_given_labels
from skdistill.teachers._resolve import resolve_teacher

__all__ = [
    "check_distillation_parameters",
    "check_label_choice",
    "check_series_parameters",
    "check_transformer",
    "default_training",
    "warn_of_idle_settings",
    "warn_of_unread_labels",
]

# Parameters of training by gradient descent.
_TRAINING = (
    *("max_epochs", "batch_size", "lr", "patience", "optimizer", "lr_schedule", "gradient_clip", "weight_averaging"),
    *("windows_per_epoch", "training_precision"),
)


def check_distillation_parameters(estimator: Any) -> None:
    """Raise if a parameter that all estimators have is invalid.

    Parameters
    ----------
    estimator : BaseDistilled
        The estimator.
    """
    owner = type(estimator).__name__
    _check_validation_fraction(estimator.validation_fraction, owner)
    check_bounds(estimator.bounds, owner)
    check_choice(estimator.feature_storage, ("stored", "recompute"), f"feature_storage of {owner}")
    check_real(estimator.label_budget, f"label_budget of {owner} (GiB)", minimum=0.0)
    check_label_choice(estimator, has_teacher=estimator.teacher is not None)
    check_n_jobs(estimator.n_jobs, f"n_jobs of {owner}")


def _check_validation_fraction(fraction: Any, owner: str) -> None:
    """Raise if it is neither ``"auto"``, nor a fraction, nor a number of rows."""
    name = f"validation_fraction of {owner}"
    is_text = isinstance(fraction, str)
    if not is_text:
        check_real(fraction, name, minimum=0.0)
    if fraction != "auto" and (is_text or (not isinstance(fraction, int | np.integer) and fraction >= 1)):
        raise ValueError(f"{name} must be 'auto', a fraction below 1 or an integer number of rows; got {fraction!r}.")


def check_label_choice(estimator: Any, *, has_teacher: bool) -> None:
    """Raise if the parameters that choose windows to label are invalid; warn about parameters without effect.

    Parameters
    ----------
    estimator : BaseDistilled or DistilledForecasterCV
        The estimator.
    has_teacher : bool
        Whether there is anything to label.
    """
    owner = type(estimator).__name__
    names = ("label_share", "max_labels", "label_seconds")
    given = {name: value for name in names if (value := getattr(estimator, name)) is not None}
    check_choice(estimator.label_choice, CHOICES, f"label_choice of {owner}")
    if len(given) > 1:
        pairs = " and ".join(f"{name}={value!r}" for name, value in given.items())
        raise ValueError(f"{owner} takes one of label_share, max_labels and label_seconds; got {pairs}.")
    if "label_share" in given:
        name = f"label_share of {owner}"
        check_real(estimator.label_share, name, minimum=0.0, maximum=1.0, include_minimum=False)
    if "max_labels" in given:
        check_integer(estimator.max_labels, f"max_labels of {owner}", minimum=1)
    if "label_seconds" in given:
        check_real(estimator.label_seconds, f"label_seconds of {owner}", minimum=0.0, include_minimum=False)
        if holds_given_labels(getattr(estimator, "teacher", None)):
            raise ValueError(
                f"label_seconds of {owner} limits the time of a teacher that labels, and GivenLabels has its labels "
                f"already: set label_share or max_labels, or none of them; got {estimator.label_seconds!r}."
            )
    told = ""
    if given and not has_teacher:
        told = f"{', '.join(given)} of {owner} has no effect without a teacher: there is nothing to label."
    elif not given and estimator.label_choice != CHOICES[0]:
        told = (
            f"label_choice={estimator.label_choice!r} of {owner} has no effect: all windows are labeled. Set "
            "label_share, max_labels or label_seconds."
        )
    if told:
        warnings.warn(told, stacklevel=stacklevel_of_user())


def check_series_parameters(estimator: Any) -> None:
    """Raise if a parameter that only forecasters have is invalid; warn about parameters without effect.

    Parameters
    ----------
    estimator : DistilledForecaster
        The estimator.
    """
    owner = type(estimator).__name__
    check_choice(estimator.scaling, SCALINGS, f"scaling of {owner}")
    check_series_weight(estimator.series_weight, owner)
    check_choice(estimator.missing, ("nan", "raise"), f"missing of {owner}")
    check_choice(estimator.covariates, ("error", "ignore"), f"covariates of {owner}")
    check_real(estimator.known_dropout, f"known_dropout of {owner}", minimum=0.0, maximum=1.0)
    check_integer(estimator.window_step, f"window_step of {owner}", minimum=1)
    if estimator.known_dropout and not estimator.known_covariates:
        raise ValueError(
            f"known_dropout of {owner} hides known covariates in training, and there are none: name them in "
            f"known_covariates, or set known_dropout=0; got {estimator.known_dropout!r}."
        )
    if estimator.min_observed is not None:
        check_integer(estimator.min_observed, f"min_observed of {owner}", minimum=1)
        if estimator.min_observed > estimator.context_length:
            raise ValueError(
                f"min_observed of {owner} must be at most context_length = {estimator.context_length}; got "
                f"{estimator.min_observed}."
            )
    check_transformer(estimator.transformer, owner)
    check_boolean(estimator.windows_without_truth, f"windows_without_truth of {owner}")
    if estimator.windows_without_truth and estimator.teacher is None:
        warnings.warn(
            "windows_without_truth has no effect with teacher=None: there are no labels for them.",
            stacklevel=stacklevel_of_user(),
        )
    if estimator.augmentation is not None:
        _check_augmentation(estimator, owner)


def warn_of_unread_labels(estimator: Any, student: BaseNetwork, loss: BaseLoss) -> None:
    """Warn of a teacher, of settings of its labels and of those of the student, that no term of the loss reads.

    Parameters
    ----------
    estimator : BaseDistilled
        The estimator.
    student : BaseNetwork
        Its student.
    loss : BaseLoss
        Its loss.
    """
    own = ("features", needs_student_features(loss, has_teacher=estimator.teacher is not None))
    _warn_of_unread(
        student, "student", loss, settings_of_features=own, settings_of_branches=("branches", needs_branches(loss))
    )
    if estimator.teacher is None:
        return
    if needs_teacher(loss):
        teacher = resolve_teacher(estimator.teacher)
        features = ("features", needs_teacher_features(loss))
        quantiles = ("quantiles", estimator.quantiles is not None or reads_teacher_quantiles(loss))
        for one in [teacher, *teacher.get_params().values()]:
            if isinstance(one, BaseTeacher):
                _warn_of_unread(one, "teacher", loss, settings_of_features=features, settings_of_quantiles=quantiles)
            elif isinstance(one, BaseNetwork):
                _warn_of_unread(one, "teacher", loss, settings_of_features=features)
        told = changed_parameters(estimator, ["feature_storage"])
        if told and estimator.memory is None and not features[1]:  # memory stores them for others, too
            warnings.warn(
                f"{told[0]} of {type(estimator).__name__} has no effect: no term of {type(loss).__name__} with a "
                "positive weight reads the teacher's features. Leave it out.",
                stacklevel=stacklevel_of_user(),
            )
        return
    settings = ("label_share", "max_labels", "label_seconds", "windows_without_truth", "augmentation")
    unused = ["teacher", *(name for name in settings if getattr(estimator, name, None) not in (None, False))]
    warnings.warn(
        f"{', '.join(unused)} of {type(estimator).__name__} has no effect: no term of {type(loss).__name__} with a "
        "positive weight reads labels, so the teacher neither trains nor labels. Add such a term, as loss='response' "
        "has, or set teacher=None.",
        stacklevel=stacklevel_of_user(),
    )


def _warn_of_unread(one: Any, whose: str, loss: BaseLoss, **kinds: tuple[str, bool]) -> None:
    """Warn of settings of a teacher or network that belong to something that no term of the loss reads."""
    for settings, (kind, is_read) in kinds.items():
        names = getattr(one, settings)
        unused = changed_parameters(one, (name for name in names if getattr(one, name) is not None))
        if unused and not is_read:
            warnings.warn(
                f"{', '.join(unused)} of {type(one).__name__} {'has' if len(unused) == 1 else 'have'} no effect: "
                f"no term of {type(loss).__name__} with a positive weight reads the {whose}'s {kind}. Leave "
                f"{'it' if len(unused) == 1 else 'them'} out, or add such a term.",
                stacklevel=stacklevel_of_user(),
            )


def check_transformer(transformer: Any, owner: str) -> None:
    """Raise if a transformer has no inverse.

    Parameters
    ----------
    transformer : transformer or None
        The parameter.
    owner : str
        Name of the estimator, for the message.
    """
    if transformer is not None and not hasattr(transformer, "inverse_transform"):
        raise TypeError(
            f"transformer of {owner} must have inverse_transform, to convert forecasts back to original "
            f"units; got {transformer!r}. Put it before the forecaster in a Pipeline instead."
        )


def _check_augmentation(estimator: Any, owner: str) -> None:
    if not isinstance(estimator.augmentation, Augmentation):
        raise TypeError(
            f"augmentation of {owner} must be a skdistill.data.Augmentation or None; got {estimator.augmentation!r}."
        )
    estimator.augmentation.check()
    if holds_given_labels(estimator.teacher):
        raise ValueError(
            f"augmentation of {owner} needs a teacher that reads the perturbed rows; got "
            "GivenLabels, which has forecasts of the original rows only. Set augmentation=None."
        )
    if estimator.teacher is None:
        warnings.warn(
            "augmentation has no effect with teacher=None: there are no labels for the copies.",
            stacklevel=stacklevel_of_user(),
        )


def default_training(kind: type) -> dict[str, Any]:
    """Return the defaults of the parameters of training by gradient descent.

    Parameters
    ----------
    kind : type
        Class of an estimator.

    Returns
    -------
    defaults : dict of str to object
        By name.
    """
    defaults = signature(kind).parameters
    return {name: defaults[name].default for name in _TRAINING if name in defaults}


def _idle_settings(estimator: Any) -> list[str]:
    """Return the settings of training that were set, with their values, for a student that is not trained."""
    return changed_parameters(estimator, default_training(type(estimator)))


def warn_of_idle_settings(estimator: Any) -> None:
    """Warn of settings of training without effect; called where the user chose them and the student was solved exactly.

    Parameters
    ----------
    estimator : BaseDistilled
        The fitted estimator.
    """
    if idle := _idle_settings(estimator):
        warnings.warn(
            f"{', '.join(idle)} of {type(estimator).__name__} {'has' if len(idle) == 1 else 'have'} no effect: the "
            "student is solved exactly, from all windows at once, and not trained by gradient descent. Leave "
            f"{'it' if len(idle) == 1 else 'them'} out, or take a student that is trained, such as 'mlp'. Settings of "
            "a teacher's training belong to TrainedTeacher.",
            stacklevel=stacklevel_of_user(),
        )
