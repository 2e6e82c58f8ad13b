"""Whether there are too few windows for the weights of a student that is solved exactly."""

from __future__ import annotations

import warnings

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.networks._base import NetworkSpec
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["warn_of_few_windows"]

# Of fits to single series of hospital, M3, tourism and NN5 with .5 to 1.5 windows for each row of a context and the
# default penalty of 0.1, 70 % of 416 without a teacher and 53 % with the pretrained one were worse than seasonal naive;
# with 3 to 10 windows, 40 and 33 % of 621. A penalty of 1 or 10 has most of what validation gains.
_FEWEST = 1.5
_SMALL = 1.0


def warn_of_few_windows(part: SolvablePart, spec: NetworkSpec, n_windows: int, *, of_table: bool = False) -> None:
    """Warn if windows are hardly more than the weights that they determine, and the one penalty is small.

    Parameters
    ----------
    part : SolvablePart
        What was solved.
    spec : NetworkSpec
        The problem.
    n_windows : int
        Number of training windows.
    of_table : bool, default=False
        Whether they are rows of a table, as of a regressor.
    """
    n_examples = n_windows if part.individual else n_windows * spec.n_targets
    is_small = part.penalty_on == "weights" and max(part.penalties) < _SMALL
    if part.is_searched or not is_small or n_examples >= _FEWEST * part.n_rows:
        return
    shorter = "fewer rows of a context as columns of X" if of_table else "a shorter context_length"
    search = "" if of_table else ", or DistilledForecasterCV, which chooses both"
    warnings.warn(
        f"each step has a weight for each of {part.n_rows} rows, and {n_examples} windows determine them, fewer than "
        f"{_FEWEST:g} for each weight: such a student follows their noise, and is often worse than a naive forecast. "
        f"Take {shorter}, {'or ' * of_table}several penalties ({part.owner}(penalty=[0.1, 1, 10, 100]), which are "
        f"chosen on validation rows){search}.",
        stacklevel=stacklevel_of_user(),
    )
