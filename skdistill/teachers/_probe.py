"""Ask a teacher for labels of the right shapes before it is fitted."""

from __future__ import annotations

from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["check_forecast_shape", "probe_teacher"]


def probe_teacher(teacher: BaseTeacher, windows: TrainingWindows) -> Labels:
    """Return the labels of a probe, which have the shapes of later labels.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, not fitted.
    windows : TrainingWindows
        The windows that it will be fitted on.

    Returns
    -------
    labels : Labels
        Their numbers are meaningless.

    Raises
    ------
    TypeError
        If it cannot label before its fit.
    ValueError
        If it forecasts another number of steps or targets.
    """
    try:
        labels = teacher.probe(windows)
    except AttributeError as error:
        raise TypeError(
            f"{teacher_name(teacher)} failed to label one window before its fit: {error}. If label "
            f"needs the result of fit, set needs_training = True, or override probe."
        ) from error
    check_forecast_shape(labels, windows, f"the teacher {teacher_name(teacher)}")
    return labels


def check_forecast_shape(labels: Labels, windows: TrainingWindows, who: str) -> None:
    """Raise unless forecasts have the steps and the targets of windows.

    Parameters
    ----------
    labels : Labels
        The labels.
    windows : TrainingWindows
        The windows.
    who : str
        Whose labels they are, for the message.
    """
    steps, targets = labels.forecast.shape[1:]
    length, n_targets = windows.train.prediction_length, len(windows.train.targets)
    if steps != length:
        raise ValueError(f"{who} forecasts {steps} steps, but prediction_length is {length}: make them equal.")
    if targets != n_targets:
        raise ValueError(f"{who} forecasts {targets} channels, but there are {n_targets} targets.")
