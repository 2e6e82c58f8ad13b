"""Convert the value of the parameter ``teacher`` to a teacher."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork
from skdistill.networks._no_network import explain_not_a_network
from skdistill.networks._registry import NETWORKS, make_network
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._chronos import Chronos
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._fracast import Fracast
from skdistill.teachers._frozen import FrozenTeacher
from skdistill.teachers._moirai import Moirai
from skdistill.teachers._shipped import Pretrained
from skdistill.teachers._sktime import SktimeTeacher, is_sktime_forecaster
from skdistill.teachers._theta import Theta
from skdistill.teachers._time_moe import TimeMoE
from skdistill.teachers._timesfm import TimesFM
from skdistill.teachers._tiny_time_mixer import TinyTimeMixer
from skdistill.teachers._tirex import TiRex
from skdistill.teachers._trained import TrainedTeacher

__all__ = ["resolve_teacher"]

_FOUNDATION = {
    cls.__name__.lower(): f'{cls.__name__} is a foundation model: pass {cls.__name__}("folder or hub id")'
    for cls in (Chronos, Moirai, TimeMoE, TimesFM, TinyTimeMixer, TiRex)
}


_READY: dict[str, type[BaseTeacher]] = {"fracast": Fracast, "pretrained": Pretrained, "theta": Theta}


def resolve_teacher(teacher: Any, *, parameter: str = "teacher") -> BaseTeacher:
    """Convert a short name, a network, a fitted forecaster or a list of them to a teacher.

    Parameters
    ----------
    teacher : str, network, teacher, FrozenEstimator or list
        What the user gave.
    parameter : str, default="teacher"
        Name of the parameter, for error messages.

    Returns
    -------
    teacher : BaseTeacher
        The given teacher, or a new teacher that wraps the given value.

    Raises
    ------
    TypeError
        If it is none of these; for a bare fitted estimator, the message names the wrapper.

    Examples
    --------
    >>> from skdistill.core import resolve_teacher
    >>> resolve_teacher("dlinear")
    TrainedTeacher(network=DLinear())
    >>> resolve_teacher("pretrained")
    Pretrained()
    """
    if isinstance(teacher, str):
        check_choice(teacher, [*sorted(NETWORKS), *_READY], parameter, elsewhere=_FOUNDATION)
        return _READY[teacher]() if teacher in _READY else TrainedTeacher(make_network(teacher, parameter=parameter))
    if isinstance(teacher, BaseNetwork):
        return TrainedTeacher(teacher)
    if isinstance(teacher, BaseTeacher):
        return teacher.resolve_members(resolve_teacher)
    if isinstance(teacher, FrozenEstimator):
        return SktimeTeacher(teacher) if is_sktime_forecaster(teacher.estimator) else FrozenTeacher(teacher)
    if isinstance(teacher, list | tuple) and len(teacher):
        return resolve_teacher(EnsembleTeacher([(f"teacher{number}", one) for number, one in enumerate(teacher)]))
    raise TypeError(f"{parameter} must be a network, a teacher, a short name or None; got {_way_out(teacher)}")


def _way_out(teacher: Any) -> str:
    name = type(teacher).__name__
    if teacher is None:
        return "None in a list: leave it out."
    if isinstance(teacher, type):
        return explain_not_a_network(teacher)
    if isinstance(teacher, nn.Module) and isinstance(getattr(teacher, "network", None), BaseNetwork):
        return f"the torch module {name} that from_tslib loaded: wrap it, PretrainedTeacher(module)."
    if isinstance(teacher, nn.Module):
        return (
            f"the torch module {name}: wrap its class, CustomNetwork({name}), which calls {name}(spec), and its "
            f"weights, PretrainedTeacher(CustomNetwork({name}), module.state_dict())."
        )
    if is_sktime_forecaster(teacher):
        return f"the bare sktime forecaster {name}: give SktimeTeacher({name}(...)), which fits it for every window."
    if isinstance(teacher, BaseEstimator) or hasattr(teacher, "predict"):
        return (
            f"the bare estimator {name}. A fitted forecaster is unfitted when it is cloned: wrap it, "
            f"teacher=sklearn.frozen.FrozenEstimator(fitted_{name.lower()})."
        )
    return f"{teacher!r}."
