"""The scaling of a forecaster in a saved file."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import torch

from skdistill._utils._document import SavedFileError
from skdistill.data._bounds import Bounds, check_bounds
from skdistill.data._covariate_units import CovariateUnits
from skdistill.data._local_scale import LocalUnits
from skdistill.data._scaling import SCALINGS, Scaling
from skdistill.deploy._label_values import read_name, write_name
from skdistill.deploy._values import NotSaved, Reader, Writer
from skdistill.networks._base import NetworkSpec

__all__ = ["read_scaling", "write_scaling"]

_STATISTICS = ("mean_", "scale_", "original_scale_")
_LONGEST_SEASON = 1 << 31


def write_scaling(scaling: Scaling, writer: Writer) -> dict[str, Any]:
    """Convert a fitted scaling to JSON and tensors.

    Parameters
    ----------
    scaling : Scaling
        The fitted scaling.
    writer : Writer
        Collects the tensors.

    Returns
    -------
    content : dict
        A value that JSON can write.
    """
    writer.tensors |= {f"scaling/{name}": torch.from_numpy(np.array(getattr(scaling, name))) for name in _STATISTICS}
    units = scaling.series_units_
    if units is not None:
        writer.tensors |= {
            f"scaling/series_{name}": torch.from_numpy(np.ascontiguousarray(getattr(units, name)))
            for name in ("center", "unit")
        }
    covariates = scaling.covariates_
    if covariates is not None:
        writer.tensors |= {
            f"scaling/covariate_{name}": torch.from_numpy(np.ascontiguousarray(getattr(covariates, name)))
            for name in ("center", "unit")
        }
    fitted = scaling.transformer_
    return {
        "targets": writer.write(scaling.targets, "scaling"),
        "kind": scaling.kind,
        "season": int(scaling.season),
        "bounds": None if scaling.bounds is None else list(scaling.bounds),
        "missing": _write_channels(scaling.missing_),
        "constant": _write_channels(scaling.constant_),
        "ids": [_write_id(one) for one in scaling.ids_],
        "shared": None if covariates is None else [int(one) for one in np.flatnonzero(covariates.shared)],
        "transformer": None if fitted is None else writer.write_fitted(fitted, "transformer_"),
        "transformed": _transformed(scaling),
    }


def read_scaling(content: Any, reader: Reader, transformer: Any, spec: NetworkSpec, complete: bool) -> Scaling:
    """Read a fitted scaling, and raise if it is malformed.

    Parameters
    ----------
    content : object
        Result of :func:`write_scaling`.
    reader : Reader
        Reader with the tensors.
    transformer : object
        The fitted transformer, if the file does not contain it.
    spec : NetworkSpec
        The problem that the student was built for.
    complete : bool
        Whether a missing transformer is an error.

    Returns
    -------
    scaling : Scaling
        The scaling.
    """
    if not isinstance(content, dict):
        raise SavedFileError("its scaling is missing.")
    fitted = reader.read(content.get("transformer"), "transformer_")
    if isinstance(fitted, NotSaved):
        if transformer is None and complete:
            raise SavedFileError(
                f"it describes the fitted transformer ({fitted.description}), but does not contain it: pass it, "
                "load(path, transformer=fitted)."
            )
        fitted = transformer
    elif transformer is not None:
        raise SavedFileError("transformer= would have no effect: it contains the scaling of fit. Leave it out.")
    # First of all: the arrays of the file bound the number of channels.
    statistics = {name: _read_statistic(reader, name, spec.n_channels) for name in _STATISTICS}
    targets = reader.read(content.get("targets"), "scaling")
    if spec.targets != (tuple(range(spec.n_channels)) if targets is None else targets):
        raise SavedFileError("its scaling has other targets than its student.")
    kind, season = content.get("kind"), content.get("season")
    if kind not in SCALINGS[1:] or type(season) is not int or not 1 <= season < _LONGEST_SEASON:
        raise SavedFileError("its scaling is malformed.")
    scaling = Scaling(transformer=None, targets=targets, kind=kind, season=season)
    scaling.bounds = _read_bounds(content.get("bounds"))
    scaling.transformer_ = fitted
    missing = _read_channels(content.get("missing"), spec, "missing")
    # Of all channels together, earlier files say whether some value was.
    scaling.missing_ = np.full(spec.n_channels, content.get("saw_missing") is True) if missing is None else missing
    scaling.constant_ = _read_channels(content.get("constant"), spec, "constant")
    for name, values in statistics.items():
        setattr(scaling, name, values)
    scaling.ids_ = _read_ids(content.get("ids"))
    scaling.series_units_ = None if kind == "global" else _read_units(reader, len(scaling.ids_), spec.n_channels)
    if content.get("shared") is not None and kind != "global":
        scaling.covariates_ = _read_covariates(content["shared"], reader, spec)
    if fitted is not None:
        rows = ordinary_rows(scaling, spec.n_channels)
        there = scaling.standardize(rows)
        if rows.shape != (1, spec.n_channels) or there.shape != rows.shape or not np.isfinite([rows, there]).all():
            raise SavedFileError("its transformer does not fit its channels.")
        saved = content.get("transformed")
        if saved is not None and not _are_alike(saved, rows):
            raise SavedFileError("the transformer is not the one of fit: it gives other values. Pass that one.")
    return scaling


def ordinary_rows(scaling: Scaling, n_channels: int) -> np.ndarray:
    """Return an ordinary row in original units: a valid value for the transformer."""
    units = scaling.series_units_
    ordinary = np.zeros((1, n_channels)) if units is None else units.center[:1]
    return np.asarray(scaling.to_original(ordinary), dtype=np.float64)


def _transformed(scaling: Scaling) -> list[list[float]] | None:
    """Return what tells the transformer from others; None if there is none, or nothing that JSON can write."""
    rows = None if scaling.transformer_ is None else ordinary_rows(scaling, len(scaling.scale_))
    return None if rows is None or not np.isfinite(rows).all() else rows.tolist()


def _are_alike(saved: Any, rows: np.ndarray) -> bool:
    """Return whether rows are those of a file, but for rounding."""
    try:
        return np.allclose(np.asarray(saved, dtype=np.float64), rows, rtol=1e-4, atol=1e-12)
    except (TypeError, ValueError):
        return False


def _write_channels(chosen: np.ndarray | None) -> list[int] | None:
    return None if chosen is None else [int(one) for one in np.flatnonzero(chosen)]


def _read_channels(chosen: Any, spec: NetworkSpec, which: str) -> np.ndarray | None:
    if chosen is None:
        return None
    if not isinstance(chosen, list) or not all(type(one) is int and 0 <= one < spec.n_channels for one in chosen):
        raise SavedFileError(f"the {which} channels of its scaling are malformed.")
    return np.isin(np.arange(spec.n_channels), chosen)


def _read_covariates(shared: Any, reader: Reader, spec: NetworkSpec) -> CovariateUnits:
    channels = spec.covariates
    if not isinstance(shared, list) or not all(type(one) is int and one in channels for one in shared):
        raise SavedFileError("the units of its covariates are malformed.")
    center, unit = (reader.read({"array": f"scaling/covariate_{name}"}, name) for name in ("center", "unit"))
    for values in (center, unit):
        if values.shape != (spec.n_channels,) or values.dtype != np.float64 or not np.isfinite(values).all():
            raise SavedFileError("the units of its covariates are malformed.")
    if not (unit >= np.finfo(np.float64).tiny).all():
        raise SavedFileError("the units of its covariates are malformed.")
    return CovariateUnits(channels, np.isin(np.arange(spec.n_channels), shared), center, unit)


def _write_id(one: Hashable) -> Any:
    """Write an id as JSON: text and numbers unchanged, times and tuples with their kind; raise for other types."""
    if isinstance(one, np.number | np.bool_):
        one = one.item()
    if isinstance(one, str | int) or (isinstance(one, float) and math.isfinite(one)):
        return one
    written = write_name(one)
    if written is None:
        raise ValueError(
            f"save writes ids of series that are text, finite numbers, dates, times, periods, durations or tuples of "
            f"them; got {one!r} ({type(one).__name__}). Fit with such ids, for example "
            "panel.rename(index=str, level=0)."
        )
    return written


def _read_bounds(content: Any) -> Bounds | None:
    try:
        return check_bounds(content, "a saved file")
    except (TypeError, ValueError) as error:
        raise SavedFileError(f"its bounds are malformed: {error}") from error


def _read_ids(content: Any) -> list[Hashable]:
    if not isinstance(content, list):
        raise SavedFileError("its ids are malformed.")
    try:
        ids = [one if isinstance(one, str | int | float) else read_name(one) for one in content]
        twice = len(set(ids)) < len(ids)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise SavedFileError(f"its ids are malformed: {error}") from error
    if twice:
        raise SavedFileError("it names a series twice.")
    return ids


def _read_units(reader: Reader, n_ids: int, n_channels: int) -> LocalUnits:
    center, unit = (reader.read({"array": f"scaling/series_{name}"}, name) for name in ("center", "unit"))
    for values in (center, unit):
        fits = values.ndim == 2 and values.shape[1] == n_channels and len(values) == len(center) > 0
        if not fits or values.dtype != np.float64 or not np.isfinite(values).all():
            raise SavedFileError("the units of its series are malformed.")
    if n_ids not in (0, len(center)) or not (unit >= np.finfo(np.float64).tiny).all():
        raise SavedFileError("the units of its series are malformed.")
    return LocalUnits(center, unit)


def _read_statistic(reader: Reader, name: str, n_channels: int) -> np.ndarray:
    values = reader.read({"array": f"scaling/{name}"}, name)
    if values.shape != (n_channels,) or values.dtype != np.float64 or not np.isfinite(values).all():
        raise SavedFileError(f"its {name} is no {n_channels} finite numbers.")
    if "scale" in name and not (values >= np.finfo(np.float64).tiny).all():
        raise SavedFileError(f"its {name} is not positive.")
    return values
