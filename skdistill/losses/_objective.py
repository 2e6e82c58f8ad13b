"""Build the training criterion from a loss: the terms that apply, with their weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._levels import covered_levels
from skdistill.losses._base import BaseLoss, LossTerm, add_terms
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._label_weights import parts_of_equal_weight, weighted_mean
from skdistill.losses._pinball import Pinball
from skdistill.losses._supervised import Supervised
from skdistill.losses._times import times
from skdistill.losses._unobserved import check_unobserved, hides_truth

__all__ = [
    "Objective",
    "build_objective",
    "check_loss",
    "learns_alone",
    "needs_branches",
    "needs_student_features",
    "needs_teacher",
    "needs_teacher_features",
    "reads_labels",
    "reads_teacher_quantiles",
    "warn_of_no_forecast",
    "with_quantile_term",
]

_OF_TEACHER = {"teacher_forecast", "teacher_features", "teacher_quantiles"}
_OF_FEATURES = {"teacher_features", "student_features"}
_NEEDS = _OF_TEACHER | {"truth", "student_features", "student_quantiles", "branches"}


class Objective(nn.Module):
    """The built terms of a loss; their trainable parts train with the student.

    Parameters
    ----------
    terms : dict of str to Module
        The built terms.
    weights : dict of str to float
        Their factors.
    of_labels : iterable of str, default=()
        Names of the terms that read labels, which count by window if labels have weights.

    Examples
    --------
    >>> from skdistill.core import LossShapes, build_objective
    >>> from skdistill.losses import Response
    >>> build_objective(Response(0.5), LossShapes(4, 1), has_teacher=True).weights
    [1.0, 0.5]
    """

    def __init__(self, terms: dict[str, nn.Module], weights: dict[str, float], of_labels: Collection[str] = ()) -> None:
        super().__init__()
        self.names = list(terms)
        self.of_labels = frozenset(of_labels)
        self.terms = nn.ModuleList(terms.values())  # by position, as names may contain dots
        self.weights = [weights[name] for name in self.names]
        self._is_checked = False  # on the first batch with missing truth

    def constant_lr_groups(self) -> list[dict[str, Any]]:
        """List the parameters that train at their own constant learning rate.

        The module of a term, or one of its submodules, requests this with the attribute ``constant_lr``.

        Returns
        -------
        groups : list of dict
            Parameter groups of an optimizer: ``params`` and ``lr``.
        """
        asking = [module for module in self.modules() if getattr(module, "constant_lr", None) is not None]
        return [{"params": list(module.parameters()), "lr": module.constant_lr} for module in asking]

    def forward(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Compute every term, weighted.

        Parameters
        ----------
        inputs : LossInputs
            One batch.

        Returns
        -------
        terms : dict of str to Tensor
            Weighted scalars; the objective is their sum.

        Raises
        ------
        ValueError
            If a term reads the truth where it is missing, or has a value but no gradient.
        """
        if not self._is_checked and hides_truth(inputs):
            for name, term in zip(self.names, self.terms, strict=True):
                check_unobserved(name, term, inputs)
            self._is_checked = True
        triples = zip(self.names, self.terms, self.weights, strict=True)
        if inputs.label_weight is None:
            terms = {name: times(weight, term(inputs)) for name, term, weight in triples}
        else:
            parts = parts_of_equal_weight(inputs)
            terms = {
                name: times(weight, weighted_mean(term, parts, inputs) if name in self.of_labels else term(inputs))
                for name, term, weight in triples
            }
        if torch.is_grad_enabled() and inputs.forecast.requires_grad:
            for (name, value), term in zip(terms.items(), self.terms, strict=True):
                _check_gradient(name, term, value)
        return terms


def _check_gradient(name: str, term: nn.Module, value: Tensor) -> None:
    """Raise if nothing can be learned from a term; a zero, as of a batch without labels, needs no gradient."""
    if not value.requires_grad and bool(value.any()):
        raise ValueError(
            f"the loss term {name!r} ({type(term).__name__}) gives {value.tolist():.3g} without a gradient: nothing "
            "would be learned from it. Compute it in torch from the forecast, features or quantiles of inputs, without "
            "detach(), item(), float() or torch.no_grad()."
        )


def check_loss(loss: BaseLoss) -> None:
    """Raise if a term's parameters are out of their ranges, names of terms clash, or no term has a weight.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Raises
    ------
    TypeError, ValueError
        The message names the parameter, its rule and its value.

    Examples
    --------
    >>> from skdistill.core import check_loss
    >>> from skdistill.losses import Supervised
    >>> check_loss(Supervised(weight=-1.0))
    Traceback (most recent call last):
        ...
    ValueError: weight of Supervised must be a number in [0, inf); got -1.0.
    """
    terms = loss.named_terms()
    first: dict[str, LossTerm] = {}
    for name, term in terms:
        if name in first:
            raise ValueError(
                f"{type(loss).__name__} has two terms named {name!r} ({type(first[name]).__name__} and "
                f"{type(term).__name__}), and one would replace the other: give each a name of its own."
            )
        if name == "loss" and len(terms) > 1:
            raise ValueError(
                f"a term of {type(loss).__name__} must not be named 'loss', as history_ names their sum (train_loss): "
                "give it another name."
            )
        first[name] = term
        term.check()
        if unknown := sorted((term.requires | term.prefers) - _NEEDS):
            raise ValueError(
                f"the loss term {name!r} ({type(term).__name__}) requires {unknown[0]!r}, which is none of "
                f"{', '.join(sorted(_NEEDS))}."
            )
    if not any(term.weight > 0 for _, term in terms):
        raise ValueError(
            f"{type(loss).__name__} has no term with a positive weight ({', '.join(name for name, _ in terms)}): "
            "there is nothing to minimize."
        )


def needs_teacher(loss: BaseLoss) -> bool:
    """Return whether any term of positive weight reads labels.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Returns
    -------
    needed : bool
        True if it does.

    Examples
    --------
    >>> from skdistill.core import needs_teacher
    >>> from skdistill.losses import Response, Supervised
    >>> needs_teacher(Supervised()), needs_teacher(Response())
    (False, True)
    """
    return any(term.requires & _OF_TEACHER for _, term in _active(loss))


def reads_labels(teacher: Any, loss: BaseLoss) -> bool:
    """Return whether labels are made, and read by a term of positive weight.

    Parameters
    ----------
    teacher : object or None
        The teacher of an estimator.
    loss : BaseLoss
        The loss.

    Returns
    -------
    read : bool
        False without a teacher.
    """
    return teacher is not None and needs_teacher(loss)


def learns_alone(loss: BaseLoss) -> bool:
    """Return whether any term of positive weight is left without a teacher.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Returns
    -------
    learns : bool
        True if some reads no labels.

    Examples
    --------
    >>> from skdistill.losses import Response
    >>> learns_alone(Response()), learns_alone(Response(supervised_weight=0.0))
    (True, False)
    """
    return bool(_active(loss, has_teacher=False))


def needs_teacher_features(loss: BaseLoss) -> bool:
    """Return whether any term of positive weight reads the teacher's features.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Returns
    -------
    needed : bool
        True if it does.

    Examples
    --------
    >>> from skdistill.core import needs_teacher_features
    >>> from skdistill.losses import TimeDistill
    >>> needs_teacher_features(TimeDistill()), needs_teacher_features(TimeDistill(feature_weight=0.0))
    (True, False)
    """
    return any("teacher_features" in term.requires for _, term in _active(loss))


def needs_student_features(loss: BaseLoss, *, has_teacher: bool) -> bool:
    """Return whether any term of positive weight reads the student's features.

    Parameters
    ----------
    loss : BaseLoss
        The loss.
    has_teacher : bool
        Whether there are labels; without labels, terms that read labels are dropped.

    Returns
    -------
    needed : bool
        True if it does.

    Examples
    --------
    >>> from skdistill.losses import TimeDistill
    >>> [needs_student_features(TimeDistill(), has_teacher=one) for one in (True, False)]
    [True, False]
    """
    return any("student_features" in term.requires for _, term in _active(loss, has_teacher=has_teacher))


def needs_branches(loss: BaseLoss) -> bool:
    """Return whether any term of positive weight reads the branches of a student that has two.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Returns
    -------
    needed : bool
        True if it does.

    Examples
    --------
    >>> from skdistill.core import needs_branches
    >>> from skdistill.losses import CrossModal
    >>> needs_branches(CrossModal()), needs_branches(CrossModal(output_weight=0.0, feature_weight=0.0))
    (True, False)
    """
    return any("branches" in term.requires for _, term in _active(loss))


def reads_teacher_quantiles(loss: BaseLoss) -> bool:
    """Return whether any term of positive weight reads the teacher's quantiles, where the teacher has them.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Returns
    -------
    read : bool
        True if it does.

    Examples
    --------
    >>> from skdistill.core import reads_teacher_quantiles
    >>> from skdistill.losses import QuantileDistill, Response
    >>> reads_teacher_quantiles(Response()), reads_teacher_quantiles(QuantileDistill())
    (False, True)
    """
    return any("teacher_quantiles" in term.requires | term.prefers for _, term in _active(loss))


def warn_of_no_forecast(loss: BaseLoss) -> None:
    """Warn of a loss whose terms of positive weight compare hidden features alone.

    Parameters
    ----------
    loss : BaseLoss
        The loss.

    Warns
    -----
    UserWarning
        If so. Terms of one's own that name nothing they require are taken to compare forecasts.
    """
    terms = [term for _, term in _active(loss)]
    if terms and all(term.requires and term.requires <= _OF_FEATURES for term in terms):
        warnings.warn(
            f"{type(loss).__name__} compares hidden features alone: no term of it compares forecasts, so those of the "
            "student stay untrained. Add one that does, such as Supervised() + loss or Response() + loss.",
            stacklevel=stacklevel_of_user(),
        )


def with_quantile_term(
    loss: BaseLoss,
    levels: Sequence[float],
    *,
    has_teacher: bool,
    teacher_levels: Sequence[float] | None = None,
    point_forecast: str = "median",
) -> BaseLoss:
    """Add the terms that a loss lacks to train all quantiles and the point forecast of a student.

    Parameters
    ----------
    loss : BaseLoss
        The loss of a student that forecasts quantiles.
    levels : sequence of float
        Levels of the student's quantiles.
    has_teacher : bool
        Whether there are labels; without labels, terms that read labels are dropped.
    teacher_levels : sequence of float or None, default=None
        Levels of the teacher's quantiles, None if it has none.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is; a mean is not tied to any quantile, and a median only if 0.5 is a level.

    Returns
    -------
    loss : BaseLoss
        The same loss if one of its terms compares every quantile with the truth or with a teacher's quantiles, and
        another one the point forecast (the median need not be, where it is one of the levels). Otherwise its terms of
        positive weight, plus ``Pinball()`` and, for the point forecast, ``Supervised()`` or, for a median,
        ``Supervised(loss="mae")``.

    Examples
    --------
    >>> from skdistill.core import with_quantile_term
    >>> from skdistill.losses import Response
    >>> [name for name, _ in with_quantile_term(Response(), (0.1, 0.9), has_teacher=True).named_terms()]
    ['supervised', 'prediction', 'pinball']
    """
    active = _active(loss, has_teacher=has_teacher)
    taught = teacher_levels is not None and bool(covered_levels(teacher_levels, levels).all())
    sources = {"truth", "teacher_quantiles"} if taught else {"truth"}
    of_quantiles = [term for _, term in active if "student_quantiles" in term.requires]
    trains_quantiles = any(sources & (term.requires | term.prefers) for term in of_quantiles)
    trains_point = any(
        "student_quantiles" not in term.requires and term.requires & {"truth", "teacher_forecast"} for _, term in active
    )
    if point_forecast == "median":  # a level, or the label of a teacher that has no levels
        labeled = teacher_levels is None and any("teacher_quantiles" in term.prefers for term in of_quantiles)
        trains_point = trains_point or 0.5 in levels or labeled
    of_point = Supervised(loss="mae") if point_forecast == "median" else Supervised()
    added: list[BaseLoss] = [*([] if trains_quantiles else [Pinball()]), *([] if trains_point else [of_point])]
    return add_terms(_active(loss), added) if added else loss


def _suggest_nothing(need: str) -> Sequence[str]:
    return ()


def build_objective(
    loss: BaseLoss,
    shapes: LossShapes,
    *,
    has_teacher: bool,
    student_name: str = "the student",
    teacher_name: str = "the teacher",
    suggest: Callable[[str], Sequence[str]] = _suggest_nothing,
) -> Objective:
    """Build the terms that apply.

    Terms of weight 0 are left out. Without a teacher, terms that read labels are left out, too.

    Parameters
    ----------
    loss : BaseLoss
        The loss.
    shapes : LossShapes
        Shapes and levels of student and labels.
    has_teacher : bool
        Whether there are labels.
    student_name : str, default="the student"
        Name used in error messages.
    teacher_name : str, default="the teacher"
        Name used in error messages.
    suggest : callable, optional
        Used in error messages. Maps a requirement of a term, such as ``"teacher_features"``, to names of students or
        teachers that meet it.

    Returns
    -------
    objective : Objective
        The criterion.

    Raises
    ------
    ValueError
        If no term is left, or the input that a term reads is missing.

    Examples
    --------
    >>> from skdistill.core import LossShapes, build_objective
    >>> from skdistill.losses import TimeDistill
    >>> build_objective(TimeDistill(), LossShapes(4, 1), has_teacher=False).names
    ['supervised']
    """
    active = _active(loss, has_teacher=has_teacher)
    if not active:
        raise ValueError(
            f"without a teacher no term of {type(loss).__name__} is left: every term of positive weight needs labels. "
            "Give a teacher, or a positive supervised_weight."
        )
    for name, term in active:
        _check_needs(name, term, shapes, student_name, teacher_name, suggest)
    return Objective(
        {name: term.build(shapes) for name, term in active},
        {name: term.weight for name, term in active},
        [name for name, term in active if term.requires & _OF_TEACHER],
    )


def _active(loss: BaseLoss, *, has_teacher: bool = True) -> list[tuple[str, LossTerm]]:
    """Return the terms of positive weight; without a teacher, those that read no labels."""
    active = [(name, term) for name, term in loss.named_terms() if term.weight > 0]
    return [(name, term) for name, term in active if has_teacher or not term.requires & _OF_TEACHER]


def _check_needs(
    name: str,
    term: LossTerm,
    shapes: LossShapes,
    student_name: str,
    teacher_name: str,
    suggest: Callable[[str], Sequence[str]],
) -> None:
    what = f"the loss term {name!r} ({type(term).__name__})"
    way_out = (
        'Set loss="response", which reads no features; or leave the term out (feature_weight=0, alignment_weight=0)'
    )
    if "branches" in term.requires and shapes.branch_sizes is None:
        raise ValueError(
            f"{what} needs a student with two branches, and {student_name} has none. Choose CALF, or leave the term "
            "out (of CrossModal: output_weight=0 and feature_weight=0)."
        )
    if "student_features" in term.requires and shapes.student_feature_size is None:
        raise ValueError(
            f"{what} needs features of the student, and {student_name} has none. {way_out}; or choose a student with "
            f"features{_list(suggest('student_features'))}."
        )
    if "student_quantiles" in term.requires and shapes.quantiles is None:
        raise ValueError(
            f"{what} needs quantiles of the student, and {student_name} makes point forecasts only. Set "
            "quantiles=(0.1, 0.5, 0.9) or other levels, or leave the term out."
        )
    if "teacher_quantiles" in term.requires and shapes.teacher_quantiles is None:
        raise ValueError(
            f"{what} needs quantiles of the teacher, and {teacher_name} has none. Choose a teacher with "
            f"quantiles{_list(suggest('teacher_quantiles'))}; or TrainedTeacher or SktimeTeacher with quantiles=, or a "
            "list of teachers, whose spread gives quantiles; or set point_teacher='median', which uses only the "
            "teacher's point forecast; or leave the term out."
        )
    if "teacher_features" in term.requires and shapes.teacher_feature_shape is None:
        raise ValueError(
            f"{what} needs features of the teacher, and {teacher_name} has none. {way_out}; or choose a teacher with "
            f"features{_list(suggest('teacher_features'))}, or a network{_such_as(suggest('student_features'))}."
        )


def _list(names: Sequence[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def _such_as(names: Sequence[str]) -> str:
    return f" such as {', '.join(names)}" if names else ""
