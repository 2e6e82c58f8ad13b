"""Make the small predictor of a fitted forecaster, or say why there is none."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from skdistill.deploy._frame_predictor import FramePredictor, InputForm
from skdistill.deploy._long_form import LongForm
from skdistill.fused._runtime import numpy_student

__all__ = ["make_predictor"]

_INSTEAD = "predict_table forecasts tables with every student, in a process with torch."


def make_predictor(forecaster: Any, id: Hashable, time: Hashable) -> FramePredictor:
    """Make the predictor; see :meth:`skdistill.DistilledForecaster.predictor`.

    Parameters
    ----------
    forecaster : DistilledForecaster
        A fitted forecaster.
    id, time : hashable
        Columns of ids and times.

    Returns
    -------
    predictor : FramePredictor
        The predictor.

    Raises
    ------
    ValueError
        If NumPy alone cannot run the student.
    """
    spec, scaling = forecaster.spec_, forecaster.scaling_
    if forecaster.vintages is not None:
        raise ValueError(f"predictor needs a forecaster without vintages=, which it would not hold. {_INSTEAD}")
    if not scaling.is_portable:
        raise ValueError(
            f"predictor needs a forecaster without transformer= or with SquareRoot(), because NumPy alone cannot run "
            f"{type(scaling.transformer_).__name__}. Transform rows before fit. {_INSTEAD}"
        )
    student = None
    if not spec.n_time_features:
        student = numpy_student(forecaster.student_, spec, scaling, forecaster._dtype)
    if student is None:
        why = "reads calendar features" if spec.n_time_features else "cannot be fused into matrices"
        raise ValueError(
            f"predictor needs a student that NumPy alone can run, and {type(forecaster.student_).__name__} {why}. "
            f"Choose Linear, DLinear, NLinear or MLP without time_features. {_INSTEAD}"
        )
    form = LongForm.of(forecaster, id, time, "predictor")
    return FramePredictor(student, form, InputForm(forecaster), forecaster.missing)
