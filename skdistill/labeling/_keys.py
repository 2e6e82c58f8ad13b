"""Cache keys: everything that changes a result, and nothing else."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace
from typing import Any

import numpy as np
import scipy
import sklearn
import skorch
import torch

from skdistill._utils._digest import digest_with_versions
from skdistill._version import __version__
from skdistill.data._plain_steps import write_step
from skdistill.data._scaling import Scaling
from skdistill.data._training_windows import TrainingWindows
from skdistill.teachers._base import BaseTeacher
from skdistill.training._device import resolve_device
from skdistill.training._settings import TrainingSettings

__all__ = ["describe_windows", "environment", "is_unseeded", "key_of", "student_parts"]

_FORMAT = 8  # raise it when the stored format changes, or what a fit makes of the same parameters: labels, students


def is_unseeded(teacher: BaseTeacher) -> bool:
    """Return whether a teacher or one of its members draws its own seed.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, as passed by the user.

    Returns
    -------
    unseeded : bool
        Whether some ``random_state`` is None.
    """
    params = teacher.get_params(deep=True)
    return any(name.split("__")[-1] == "random_state" and value is None for name, value in params.items())


def describe_windows(windows: TrainingWindows) -> tuple[Any, ...]:
    """Return all parts of the data and the split that a label can depend on.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.

    Returns
    -------
    parts : tuple
        The parts to digest.
    """
    train, validation = windows.train, windows.validation
    store = replace(train.store, scaling=_without_bounds(train.store.scaling), columns=None)  # names change nothing
    parts = [*_fields_of(store), *_fields_of(replace(train, store=None))]  # type: ignore[arg-type]
    parts = [(name, value) for name, value in parts if name != "unjudged"]  # of validation windows alone
    return (*parts, None if validation is None else validation.starts)


def _fields_of(one: Any) -> list[Any]:
    """Return all fields of a dataclass, so that none is forgotten; steps as JSON, as offsets pickle in many ways."""
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    if "steps" in values:
        values["steps"] = [None if step is None else write_step(step) for step in values["steps"]]  # with holidays
    return [(name, list(value) if isinstance(value, tuple) else value) for name, value in values.items()]


def _without_bounds(scaling: Scaling) -> Scaling:
    """Return the scaling without the bounds of forecasts, which change no label and no student."""
    scaling = copy(scaling)
    scaling.bounds = None
    scaling.__dict__.pop("constant_", None)  # the rows tell
    return scaling


def environment() -> tuple[Any, ...]:
    """Return what results depend on besides data and parameters: versions, number of threads, torch's precision.

    Returns
    -------
    parts : tuple
        The parts to digest.
    """
    versions = [one.__version__ for one in (torch, skorch, np, scipy, sklearn)]
    return (_FORMAT, __version__, *versions, torch.get_num_threads(), *_precision())


def _precision() -> tuple[Any, ...]:
    """Return the switches of torch that products are rounded by; "medium" rounds to bfloat16, on many CPUs, too."""
    backends: Any = torch.backends
    mkldnn = backends.mkldnn.enabled and backends.mkldnn.is_available()
    if not hasattr(backends, "fp32_precision"):  # of torch 2.9 and later, which the older ones cannot always tell
        return torch.get_float32_matmul_precision(), backends.cudnn.allow_tf32, mkldnn
    kinds = (
        (backends.cuda, ("matmul",)),
        (backends.cudnn, ("conv", "rnn")),
        (backends.mkldnn, ("matmul", "conv", "rnn")),
    )
    found = []
    for backend, products in kinds:
        around = (getattr(backend, "fp32_precision", "none"), backends.fp32_precision, "ieee")  # where it says "none"
        for product in products:
            said = (getattr(backend, product).fp32_precision, *around)
            found.append(next(one for one in said if one != "none"))
    return (*found, mkldnn)


def key_of(*parts: Any) -> str:
    """Digest everything that a result depends on.

    Parameters
    ----------
    *parts : object
        Data, parameter objects, settings.

    Returns
    -------
    key : str
        The key of its entry.

    Raises
    ------
    TypeError
        If the contents of a part cannot be digested; raised before anything is trained.
    """
    try:
        return digest_with_versions(environment(), *parts)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise TypeError(
            f"memory= needs a key of everything that changes a result, and a parameter of teacher, student or loss has "
            f"none: {error} Define its functions and classes at the top of a module, or set memory=None."
        ) from error


def student_parts(settings: TrainingSettings) -> TrainingSettings:
    """Return the training settings without those that do not change the student.

    Parameters
    ----------
    settings : TrainingSettings
        The settings.

    Returns
    -------
    settings : TrainingSettings
        The settings, silent and with the actual kind of device.
    """
    return replace(settings, verbose=0, device=resolve_device(settings.device).type)
