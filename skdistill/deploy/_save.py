"""Save a fitted estimator to one file and load it; loading runs no code."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdistill._shorthand import resolve_student
from skdistill._utils._atomic import write_atomically
from skdistill._utils._checks import check_boolean
from skdistill._utils._document import Document, SavedFileError, read_bytes, read_document
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._version import __version__
from skdistill.data._bounds import check_bounds
from skdistill.data._calendar import FREQUENCIES
from skdistill.data._levels import check_quantiles
from skdistill.data._window_forecaster import WindowForecaster
from skdistill.deploy._answers import answers_of, are_same_answers
from skdistill.deploy._guarded_build import build_with_weights
from skdistill.deploy._label_values import read_labels, write_labels
from skdistill.deploy._saveable import SAVEABLE
from skdistill.deploy._saved_roles import read_roles, write_roles
from skdistill.deploy._saved_scaling import read_scaling, write_scaling
from skdistill.deploy._values import NotSaved, Reader, Writer
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.probabilistic._calibration import FittedCalibration
from skdistill.teachers._network import NetworkTeacher
from skdistill.teachers._provenance import FIELDS

__all__ = ["read_file", "save"]

_OF_REGRESSOR = ("_target_ndim", "_target_lines", "_target_bounds", "_covariate_units", "_covariate_ranges")
_FITTED = ("targets_", "n_features_in_", "history_", "provenance_", *_OF_REGRESSOR)
_LARGEST_CHANNEL = 1 << 31


def save(estimator: Any, path: str | os.PathLike[str], *, teacher: bool = False) -> None:
    """Save a fitted estimator; see its method ``save``.

    Parameters
    ----------
    estimator : DistilledForecaster or DistilledRegressor
        The fitted estimator.
    path : str or Path
        The file.
    teacher : bool, default=False
        Whether to also save the teacher's weights.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdistill import DistilledForecaster, load
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.deploy import save
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(series)
    >>> path = Path(tempfile.mkdtemp()) / "student.skdistill"
    >>> save(forecaster, path)
    >>> load(path).predict(series).equals(forecaster.predict(series))
    True
    """
    check_is_fitted(estimator)
    check_boolean(teacher, "teacher of save")
    if type(estimator) not in SAVEABLE.values():
        raise TypeError(
            f"save writes {' and '.join(SAVEABLE)}, not {type(estimator).__name__}: pickle your own class, "
            "or save the estimator inside, which skdistill.get_forecaster(model) returns for a Pipeline or search."
        )
    writer = Writer(with_tensors=teacher)
    content = _write_estimator(estimator, writer)
    data = Document(content, writer.tensors).to_bytes()
    if "object" in content["student"]:
        try:
            found = _read_estimator(read_document(data), student=None, transformer=None, complete=False)
            _check_answers(found, estimator)
        except SavedFileError as error:
            raise ValueError(
                f"{type(estimator).__name__} cannot be saved: {error} Did parameters change after fit? Then fit again."
            ) from error
    write_atomically(path, data)


def _check_answers(found: Any, estimator: Any) -> None:
    """Raise if the student of a file forecasts otherwise: its network is not the one that was fitted."""
    answers = answers_of(estimator.student_, estimator.spec_)
    if answers is not None and not are_same_answers(answers, answers_of(found.student_, found.spec_)):
        raise SavedFileError(f"with its weights, {found.student!r} gives other forecasts than the student of fit.")


def read_file(path: str | os.PathLike[str], *, student: BaseNetwork | None, transformer: BaseEstimator | None) -> Any:
    """Read a file that ``save`` wrote; see :func:`skdistill.load`.

    Parameters
    ----------
    path : str or Path
        The file.
    student : network or None
        The student's network, for files that contain only its weights.
    transformer : fitted transformer or None
        The fitted ``transformer``, for files that only describe it.

    Returns
    -------
    estimator : estimator
        An estimator of a saveable class.

    Raises
    ------
    SavedFileError
        If the file is damaged, newer, or not written by ``save``.
    """
    data = read_bytes(path)
    try:
        return _read_estimator(read_document(data), student=student, transformer=transformer, complete=True)
    except SavedFileError as error:
        raise SavedFileError(f"{path} cannot be loaded: {error}") from error
    except ImportError:
        raise  # the message names the extra that the student needs
    except Exception as error:  # a parameter or number of the wrong kind can raise anything
        raise SavedFileError(
            f"{path} cannot be loaded, it is malformed: {type(error).__name__}: {error or 'no more is known'}"
        ) from error


# -- writing -----------------------------------------------------------------------------------------


def _write_estimator(estimator: Any, writer: Writer) -> dict[str, Any]:
    import sklearn

    params = {name: getattr(estimator, name) for name in type(estimator)._get_param_names() if name != "memory"}
    fitted = {name: getattr(estimator, name) for name in _FITTED if hasattr(estimator, name)}
    names, labels = (getattr(estimator, name, None) for name in ("feature_names_in_", "series_labels_"))
    versions = {"skdistill": __version__} | {one.__name__: one.__version__ for one in (torch, np, sklearn)}
    return {
        "class": type(estimator).__name__,
        "versions": {name: str(version) for name, version in versions.items()},
        "params": {name: writer.write(value, name) for name, value in params.items()},
        "spec": writer.write(dataclasses.asdict(estimator.spec_), "spec"),
        "student": _write_network(
            resolve_student(estimator.student), estimator.student_, estimator.spec_, writer, "student"
        ),
        "scaling": write_scaling(estimator.scaling_, writer),
        "roles": write_roles(getattr(estimator, "roles_", None), writer),
        "calibration": _write_calibration(getattr(estimator, "calibration_", None), writer),
        "fitted": {name: writer.write(value, name) for name, value in fitted.items()},
        "feature_names": None if names is None else [str(name) for name in names],
        "labels": None if labels is None else write_labels(labels),
        "teacher": _write_teacher(estimator.teacher_, writer) if writer.with_tensors else None,
    }


def _write_network(network: BaseNetwork, module: torch.nn.Module, spec: NetworkSpec, writer: Writer, where: str) -> Any:
    writer.tensors |= {f"{where}/{name}": tensor for name, tensor in module.state_dict().items()}
    if _reads_files(network):
        return _write_missing(f"{type(network).__name__}, which reads files", module, spec, writer, where)
    n_missing = len(writer.missing)
    written = writer.write(network, where)
    described = [one.removeprefix(f"{where}.") for one in writer.missing[n_missing:]]
    if "object" in written and described:
        told = f"{type(network).__name__}, whose {', '.join(described)} no file can hold"
        return _write_missing(told, module, spec, writer, where)
    return written


def _write_missing(told: str, module: torch.nn.Module, spec: NetworkSpec, writer: Writer, where: str) -> dict[str, Any]:
    """Describe a network that is not written; what it answers tells it from others with the same weights."""
    answers = answers_of(module, spec)
    if answers is not None:
        writer.tensors[f"answers/{where}"] = answers
    return {"missing": told}


def _reads_files(network: BaseNetwork) -> bool:
    """Return whether building it reads files named in its parameters, which is not allowed from a file."""
    return type(network).for_cache_key is not BaseNetwork.for_cache_key


def _write_calibration(calibration: FittedCalibration | None, writer: Writer) -> Any:
    if calibration is None:
        return None
    arrays = {"offsets": calibration.offsets, "errors": calibration.errors}
    writer.tensors |= {f"calibration/{name}": torch.from_numpy(one) for name, one in arrays.items() if one is not None}
    return {"n_windows": calibration.n_windows, "rolls": calibration.errors is not None}


def _write_teacher(teacher: Any, writer: Writer) -> Any:
    """Write a teacher that is a network; other teachers are only described among the parameters."""
    if not isinstance(teacher, NetworkTeacher):
        what = "there is no teacher" if teacher is None else f"the teacher {type(teacher).__name__} is no network"
        warnings.warn(
            f"teacher=True of save has no effect: {what}, whose weights could be saved. Its parameters are saved in "
            "any case, and predict_teacher needs fit.",
            stacklevel=stacklevel_of_user(),
        )
        return None
    network = _write_network(teacher.architecture(), teacher.module_, teacher.spec_, writer, "teacher")
    if "missing" in network:
        raise ValueError(
            "teacher of save must be False for a teacher whose network is not built from its parameters alone "
            f"({network['missing']}); got True. Save the student, and keep the teacher's weights with "
            "torch.save(forecaster.teacher_.module_.state_dict(), file), for PretrainedTeacher."
        )
    return {
        "params": writer.write(teacher, "teacher_"),
        "spec": writer.write(dataclasses.asdict(teacher.spec_), "teacher_.spec"),
        "network": network,
        "history": writer.write(getattr(teacher, "history_", None), "teacher_.history"),
    }


# -- reading -----------------------------------------------------------------------------------------


def _read_estimator(document: Document, *, student: Any, transformer: Any, complete: bool) -> Any:
    content, reader = document.content, Reader(document.tensors)
    cls = SAVEABLE.get(str(content.get("class")))
    if cls is None:
        raise SavedFileError(f"it holds a {str(content.get('class'))[:50]!r}, which is not an estimator of skdistill.")
    params = reader.read({"dict": content.get("params")}, "params")
    unknown = set(params) - set(cls._get_param_names())
    if unknown:
        raise SavedFileError(f"{cls.__name__} has no parameters {sorted(unknown)[:5]}.")
    estimator = cls(**params)
    estimator.spec_ = _read_spec(reader.read(content.get("spec"), "spec"))
    estimator.scaling_ = read_scaling(content.get("scaling"), reader, transformer, estimator.spec_, complete)
    is_forecaster: bool = isinstance(estimator, WindowForecaster)
    if is_forecaster:
        estimator.roles_ = read_roles(content.get("roles"), reader, estimator.spec_)
    _read_fitted(estimator, content, reader)
    estimator.calibration_ = _read_calibration(content.get("calibration"), reader, estimator.spec_)
    if student is not None and "object" in content.get("student", ()):
        raise SavedFileError("it contains its network: student= would replace it. Leave student= out.")
    network = student if student is not None else _read_network(content.get("student"), reader, "student")
    double = cls.__name__ == "DistilledRegressor"  # its student is in float64
    estimator.student_ = _read_module(network, estimator.spec_, document.tensors, "student", double=double)
    if student is not None:
        saved = document.tensors.get("answers/student")
        if saved is not None and not are_same_answers(saved, answers_of(estimator.student_, estimator.spec_)):
            raise SavedFileError(
                f"student= is not the network of fit: with the same weights, {student!r} gives other forecasts. Pass "
                "that one, and keep every layer and every random number of it in its state_dict."
            )
        estimator.student = student
        reader.missing = [one for one in reader.missing if not one.startswith(("params.student ", "params.student."))]
    estimator.teacher_ = _read_teacher(content.get("teacher"), reader)
    if reader.missing and complete:
        lost = any(one.startswith("params.vintages ") for one in reader.missing)
        needs = "backtest, score and compare need vintages, predict future=" if lost else "Forecasts do not need it"
        warnings.warn(
            f"the file describes, but does not contain: {'; '.join(reader.missing)}. {needs}; set it with set_params "
            "before another fit.",
            stacklevel=stacklevel_of_user(),
        )
    return estimator


def _read_calibration(content: Any, reader: Reader, spec: NetworkSpec) -> FittedCalibration | None:
    if content is None:
        return None
    if not isinstance(content, dict) or set(content) != {"n_windows", "rolls"} or spec.quantiles is None:
        raise SavedFileError("its calibration is malformed.")
    shape = (spec.prediction_length, spec.n_targets, len(spec.quantiles))
    n_windows, rolls = content["n_windows"], content["rolls"]
    if type(n_windows) is not int or n_windows < 1 or type(rolls) is not bool:
        raise SavedFileError("its calibration is malformed.")
    arrays = {"offsets": (shape, np.float64)} | ({"errors": ((n_windows, *shape), np.float32)} if rolls else {})
    found = {}
    for name, (expected, dtype) in arrays.items():
        found[name] = reader.read({"array": f"calibration/{name}"}, name)
        if found[name].shape != expected or found[name].dtype != dtype or not np.isfinite(found[name]).all():
            raise SavedFileError(f"its calibration's {name} are no {expected} finite numbers.")
    return FittedCalibration(found["offsets"], n_windows, found.get("errors"))


def _read_spec(fields: Any) -> NetworkSpec:
    if isinstance(fields, dict):
        later = {"known": (), "n_static": 0, "masks": False}
        fields = {"point_forecast": "median", "calendar": None, "season": None, **later, **fields}  # files without them
    if not isinstance(fields, dict) or set(fields) != {one.name for one in dataclasses.fields(NetworkSpec)}:
        raise SavedFileError("its spec is malformed.")
    quantiles = fields["quantiles"]
    if quantiles is not None:
        if not isinstance(quantiles, tuple) or fields["point_forecast"] not in ("mean", "median"):
            raise SavedFileError("its quantiles are malformed.")
        try:
            check_quantiles(quantiles, "quantiles", median_alone=False)
        except (TypeError, ValueError) as error:
            raise SavedFileError(f"its {error}") from error
    if fields["calendar"] not in (None, "numbers", *FREQUENCIES.values()):
        raise SavedFileError("its calendar is unknown.")
    sizes = ("context_length", "prediction_length", "n_channels", "n_time_features", "label_length", "n_static")
    for name in sizes:
        if type(fields[name]) is not int or not int(name in sizes[:3]) <= fields[name] < _LARGEST_CHANNEL:
            raise SavedFileError(f"its {name} is no size.")
    season = fields["season"]
    if season is not None and (type(season) is not int or not 1 <= season < _LARGEST_CHANNEL):
        raise SavedFileError("its season is no size.")
    _check_positions(fields["targets"], fields["n_channels"])
    known = fields["known"]
    if known != () or type(fields["masks"]) is not bool:
        _check_positions(known, fields["n_channels"])
        if set(known) & set(fields["targets"]) or type(fields["masks"]) is not bool:
            raise SavedFileError("its covariates are malformed.")
    return NetworkSpec(**fields)


def _check_positions(targets: Any, n_channels: int) -> None:
    if not isinstance(targets, tuple) or not targets or len(set(targets)) < len(targets):
        raise SavedFileError("its targets are malformed.")
    if any(type(one) is not int or not 0 <= one < n_channels for one in targets):
        raise SavedFileError(f"its targets do not lie within {n_channels} channels.")


def _read_fitted(estimator: Any, content: Mapping[str, Any], reader: Reader) -> None:
    fitted = reader.read({"dict": content.get("fitted")}, "fitted")
    if not set(fitted) <= set(_FITTED):
        raise SavedFileError("it holds unknown attributes.")
    history = fitted.get("history_")
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise SavedFileError("its history is malformed.")
    _check_provenance(fitted.setdefault("provenance_", []))
    n_features = fitted.get("n_features_in_")
    if "n_features_in_" in fitted and (type(n_features) is not int or n_features < 1):
        raise SavedFileError("its number of features is malformed.")
    is_forecaster = isinstance(estimator, WindowForecaster)
    (_check_forecaster if is_forecaster else _check_regressor)(estimator, fitted)
    for name, value in fitted.items():
        setattr(estimator, name, value)
    names = content.get("feature_names")
    if names is not None:
        if not isinstance(names, list) or len(names) != n_features or not all(isinstance(one, str) for one in names):
            raise SavedFileError("its feature names are malformed.")
        estimator.feature_names_in_ = np.array(names, dtype=object)
    labels = content.get("labels")
    if labels is not None:
        estimator.series_labels_ = read_labels(labels, n_features)
        if is_forecaster:
            estimator.roles_ = dataclasses.replace(estimator.roles_, columns=estimator.series_labels_.columns)


def _check_forecaster(forecaster: Any, fitted: Mapping[str, Any]) -> None:
    """Refuse attributes of a forecaster that do not belong to its student."""
    if not set(fitted).isdisjoint(_OF_REGRESSOR):
        raise SavedFileError("it holds unknown attributes.")
    channels = (forecaster.spec_.targets, forecaster.roles_.n_columns)
    if (fitted.get("targets_"), fitted.get("n_features_in_")) != channels:
        raise SavedFileError("its channels are not those of its student.")
    for name in ("context_length", "prediction_length"):
        if getattr(forecaster, name) != getattr(forecaster.spec_, name):
            raise SavedFileError(f"its {name} is not that of its student.")


def _check_regressor(regressor: Any, fitted: Mapping[str, Any]) -> None:
    """Refuse attributes of a regressor that are no units of targets and covariates of its student."""
    if fitted.get("_target_ndim") not in (1, 2, 3):
        raise SavedFileError("its targets are malformed.")
    if "_target_bounds" not in fitted:
        raise SavedFileError(
            "an earlier state of skdistill saved it, without its bounds of targets: fit and save again."
        )
    _check_target_bounds(fitted["_target_bounds"])
    _check_target_lines(fitted.get("_target_lines"), regressor.spec_.n_channels)
    _check_covariate_units(fitted.get("_covariate_units"), regressor)
    ranges = fitted.get("_covariate_ranges", ())  # files of earlier states have none
    if ranges and not (
        isinstance(ranges, tuple) and len(ranges) == regressor.n_covariates and all(map(_rises, ranges))
    ):
        raise SavedFileError("the ranges of its covariates are malformed.")


def _check_provenance(entries: Any) -> None:
    """Refuse anything but a list of dicts of short texts."""
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise SavedFileError("its provenance is malformed.")
    for entry in entries:
        if not set(entry) <= set(FIELDS) or not all(one is None or isinstance(one, str) for one in entry.values()):
            raise SavedFileError("its provenance is malformed.")


def _rises(ends: Any) -> bool:
    """Return whether ends of a range are two finite numbers, the smaller one first."""
    fits = isinstance(ends, tuple) and len(ends) == 2 and all(type(one) is float and np.isfinite(one) for one in ends)
    return fits and ends[0] <= ends[1]


def _check_covariate_units(units: Any, estimator: Any) -> None:
    """Refuse mean and spread of a regressor's covariates that are not one finite number for each."""
    n_covariates = estimator.n_covariates
    if n_covariates != estimator.spec_.n_static or (units is None) != (n_covariates == 0):
        raise SavedFileError("its covariates are not those of its student.")
    for values in () if units is None else units:
        fits = isinstance(values, tuple) and len(values) == n_covariates
        if not fits or not all(type(one) is float and np.isfinite(one) for one in values):
            raise SavedFileError("the units of its covariates are malformed.")
    if units is not None and (len(units) != 2 or not all(one > 0 for one in units[1])):
        raise SavedFileError("the units of its covariates are malformed.")


def _check_target_bounds(bounds: Any) -> None:
    """Refuse bounds of targets that are no pair of rising numbers, of which one may be None."""
    try:
        if bounds is None or (isinstance(bounds, tuple) and bounds == check_bounds(bounds, "the file")):
            return
    except (TypeError, ValueError):
        pass
    raise SavedFileError("its bounds of targets are malformed.")


def _check_target_lines(lines: Any, n_channels: int) -> None:
    """Refuse units of targets (intercept, slope, factor of each channel and step) that are not finite numbers."""
    if lines is None:
        return
    if not isinstance(lines, tuple) or len(lines) != n_channels or not all(isinstance(one, tuple) for one in lines):
        raise SavedFileError("its units of targets are malformed.")
    of_steps = [one if all(isinstance(line, tuple) for line in one) else (one,) for one in lines]
    if len({len(one) for one in of_steps}) != 1 or not all(_is_line(line) for one in of_steps for line in one):
        raise SavedFileError("its units of targets are malformed.")


def _is_line(line: Any) -> bool:
    numbers = isinstance(line, tuple) and len(line) == 3 and all(type(x) is float and np.isfinite(x) for x in line)
    return numbers and line[2] > 0


def _read_network(content: Any, reader: Reader, part: str) -> BaseNetwork:
    network = reader.read(content, part)
    if isinstance(network, NotSaved):
        raise SavedFileError(
            f"it holds the weights of a {part}, but not its network ({network.description}): give it, "
            "load(path, student=...)."
        )
    if not isinstance(network, BaseNetwork) or _reads_files(network):
        raise SavedFileError(f"its {part} is no network that is built from its parameters alone.")
    return network


def _read_module(
    network: BaseNetwork, spec: NetworkSpec, tensors: Mapping[str, Tensor], part: str, *, double: bool = False
) -> torch.nn.Module:
    weights = {name.removeprefix(f"{part}/"): one for name, one in tensors.items() if name.startswith(f"{part}/")}
    return build_with_weights(network, spec, weights, double=double)


def _read_teacher(content: Any, reader: Reader) -> NetworkTeacher | None:
    if content is None:
        return None
    if not isinstance(content, dict):
        raise SavedFileError("its teacher is malformed.")
    teacher = reader.read(content.get("params"), "teacher_")
    if not isinstance(teacher, NetworkTeacher):
        raise SavedFileError("its teacher is no network.")
    teacher.spec_ = _read_spec(reader.read(content.get("spec"), "teacher_.spec"))
    network = _read_network(content.get("network"), reader, "teacher")
    teacher.module_ = _read_module(network, teacher.spec_, reader.tensors, "teacher")
    teacher.history_ = reader.read(content.get("history"), "teacher_.history")
    return teacher
