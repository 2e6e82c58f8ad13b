"""The pretrained student of the package, for arrays and tables."""

from __future__ import annotations

import os
from typing import Any

from skdistill._utils.pretrained_student import SHIPPED_STUDENT, ArrayStudent

__all__ = ["PretrainedStudent", "load_pretrained_student"]


class PretrainedStudent(ArrayStudent):
    """A small network with weights that forecasts any series; nothing is fitted.

    ``predict`` and ``predict_quantiles`` also take a pandas Series or DataFrame with one row per time step, in order of
    time, or a panel with the index levels (series, time). The forecasts of ``predict`` then continue its index; the
    quantiles of a panel are a dict from id to array.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The weights.

    See Also
    --------
    skdistill.load_pretrained_student : Returns the student of the package.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill import load_pretrained_student
    >>> months = pd.Series(range(24), index=pd.period_range("2024-01", periods=24, freq="M"))
    >>> load_pretrained_student().predict(months, 2).index.astype(str).tolist()
    ['2026-01', '2026-02']
    """

    def _answer(self, X: Any, prediction_length: int, choose: Any, *, as_array: bool = False) -> Any:
        """Forecast arrays, tables in order of time, and panels series by series."""
        if not hasattr(X, "iloc"):  # arrays need NumPy alone
            return super()._answer(X, prediction_length, choose, as_array=as_array)
        import pandas as pd

        from skdistill.data._forms import take_apart
        from skdistill.data._row_labels import check_row_labels
        from skdistill.data._steps import continue_index

        series, form = take_apart(X)
        if form is not None:
            return form.put_together(
                [self._answer(one, prediction_length, choose, as_array=as_array) for one in series]
            )
        check_row_labels(X.index)
        answers = super()._answer(X, prediction_length, choose)
        if as_array:
            return answers
        index = continue_index(X.index, len(answers))
        if isinstance(X, pd.Series):
            return pd.Series(answers, index=index, name=X.name)
        return pd.DataFrame(answers, index=index, columns=X.columns)


def load_pretrained_student(path: str | os.PathLike[str] = SHIPPED_STUDENT) -> ArrayStudent:
    """Return the student of the package, which forecasts any series without ``fit``, with NumPy alone.

    It was distilled from :class:`~skdistill.teachers.Pretrained` on synthetic series only.

    Parameters
    ----------
    path : str or Path
        A file with other weights, as written by ``examples/pretrain/student.py``; by default the weights of the
        package.

    Returns
    -------
    student : PretrainedStudent
        Object with ``predict(X, prediction_length)`` and ``predict_quantiles(X, prediction_length)``.

    Raises
    ------
    ValueError
        If the file is damaged or has another version.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import load_pretrained_student
    >>> student = load_pretrained_student()
    >>> student.predict(np.ones((30, 2)), 3).shape
    (3, 2)
    """
    return PretrainedStudent.load(path)
