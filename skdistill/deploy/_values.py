"""Parameters as JSON: plain values, parameter objects of skdistill, tensors by name; anything else as a description."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn import preprocessing
from sklearn.base import BaseEstimator
from torch import Tensor

from skdistill._utils._document import SavedFileError

__all__ = ["NotSaved", "Reader", "Writer"]

_SCALERS = (
    "MaxAbsScaler",
    "MinMaxScaler",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "StandardScaler",
)
_TRANSFORMERS = (*_SCALERS, "SquareRoot")


class NotSaved:
    """Placeholder for a parameter that a file only describes.

    Parameters
    ----------
    description : str
        Description of the parameter.
    """

    def __init__(self, description: str) -> None:
        self.description = description

    def __repr__(self) -> str:
        return f"<not saved: {self.description}>"


def _known_classes() -> dict[str, type[BaseEstimator]]:
    """Return the classes that a file can name: public parameter objects, and scikit-learn's scalers."""
    from skdistill import data, losses, networks, probabilistic, teachers

    known: dict[str, type[BaseEstimator]] = {}
    for module in (data, losses, networks, probabilistic, teachers):
        for name in module.__all__:
            one = getattr(module, name)
            if isinstance(one, type) and issubclass(one, BaseEstimator):
                known[f"{module.__name__}.{name}"] = one
    return known | {f"sklearn.preprocessing.{name}": getattr(preprocessing, name) for name in _SCALERS}


class Writer:
    """Converts values to JSON, and collects their tensors.

    Parameters
    ----------
    with_tensors : bool, default=False
        Whether tensors and arrays among parameters are stored or only described.

    Attributes
    ----------
    tensors : dict of str to Tensor
        The collected tensors.
    missing : list of str
        Paths of values that are only described.
    """

    def __init__(self, with_tensors: bool = False) -> None:
        self.with_tensors = with_tensors
        self.tensors: dict[str, Tensor] = {}
        self.missing: list[str] = []
        self._names = {cls: name for name, cls in _known_classes().items()}

    def write(self, value: Any, where: str) -> Any:
        """Convert a value to JSON.

        Parameters
        ----------
        value : object
            Any value.
        where : str
            Path of the value among the parameters.

        Returns
        -------
        json : object
            A value that ``json`` can write.
        """
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.generic) and not isinstance(value, np.void):
            return self.write(value.item(), where)
        if isinstance(value, list):
            return [self.write(one, f"{where}[{number}]") for number, one in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": self.write(list(value), where)}
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {"dict": {key: self.write(one, f"{where}.{key}") for key, one in value.items()}}
        if isinstance(value, np.ndarray | Tensor) and self.with_tensors:
            return self._write_tensor(value, where)
        if type(value) in self._names:
            return self._write_object(value, where)
        self.missing.append(where)
        return {"missing": _describe(value)}

    def write_fitted(self, transformer: BaseEstimator, where: str) -> Any:
        """Convert a fitted scikit-learn scaler to JSON, including its fitted attributes.

        Parameters
        ----------
        transformer : transformer
            The scaler.
        where : str
            Path of the scaler.

        Returns
        -------
        json : object
            A value that ``json`` can write; a description for other transformers.
        """
        if type(transformer).__name__ not in _TRANSFORMERS or type(transformer) not in self._names:
            self.missing.append(where)
            return {"missing": _describe(transformer)}
        writer = Writer(with_tensors=True)
        names = transformer.get_params(deep=False)
        fitted = {name: value for name, value in vars(transformer).items() if name not in names}
        state = {name: self._write_state(writer, value, f"{where}.{name}") for name, value in fitted.items()}
        whole = {**self._write_object(transformer, where), "state": state}
        self.tensors |= writer.tensors
        self.missing += writer.missing
        return whole

    def _write_state(self, writer: Writer, value: Any, where: str) -> Any:
        if isinstance(value, BaseEstimator):
            return self.write_fitted(value, where)
        if isinstance(value, np.ndarray) and value.dtype == object:
            return writer.write([str(one) for one in value], where)
        return writer.write(value, where)

    def _write_object(self, value: BaseEstimator, where: str) -> dict[str, Any]:
        params = {name: getattr(value, name) for name in type(value)._get_param_names()}
        written = {name: self.write(one, f"{where}.{name}") for name, one in params.items()}
        return {"object": self._names[type(value)], "params": written}

    def _write_tensor(self, value: np.ndarray | Tensor, where: str) -> Any:
        if isinstance(value, Tensor):
            self.tensors[where] = value
            return {"tensor": where}
        if value.dtype.kind not in "biuf":
            self.missing.append(where)
            return {"missing": _describe(value)}
        self.tensors[where] = torch.from_numpy(np.ascontiguousarray(value))
        return {"array": where}


class Reader:
    """Converts JSON back to values; only creates plain values and objects of known classes.

    Parameters
    ----------
    tensors : dict of str to Tensor
        The tensors of the file.

    Attributes
    ----------
    missing : list of str
        Entries for which the file only has a description.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.missing: list[str] = []
        self._classes = _known_classes()

    def read(self, value: Any, where: str) -> Any:
        """Convert JSON to a value.

        Parameters
        ----------
        value : object
            What ``json`` read.
        where : str
            Path of the value, for error messages.

        Returns
        -------
        value : object
            The value; ``NotSaved`` if there is only a description.
        """
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return [self.read(one, f"{where}[{number}]") for number, one in enumerate(value)]
        if "object" in value:
            return self._read_object(value, where)
        if len(value) != 1:
            raise SavedFileError(f"{where} is malformed.")
        ((kind, inner),) = value.items()
        reader = getattr(self, f"_read_{kind}", None) if kind in _KINDS else None
        if reader is None:
            raise SavedFileError(f"{where} has the unknown kind {kind[:50]!r}.")
        return reader(inner, where)

    def _read_float(self, text: Any, where: str) -> float:
        if text not in ("nan", "inf", "-inf"):
            raise SavedFileError(f"{where} is not a number.")
        return float(text)

    def _read_tuple(self, values: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(values, list):
            raise SavedFileError(f"{where} is not a tuple.")
        return tuple(self.read(values, where))

    def _read_dict(self, values: Any, where: str) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise SavedFileError(f"{where} is not a dict.")
        return {key: self.read(one, f"{where}.{key[:50]}") for key, one in values.items()}

    def _read_tensor(self, name: Any, where: str) -> Tensor:
        if not isinstance(name, str) or name not in self.tensors:
            raise SavedFileError(f"{where} names a tensor that is not in the file.")
        return self.tensors[name]

    def _read_array(self, name: Any, where: str) -> np.ndarray:
        tensor = self._read_tensor(name, where)
        if tensor.dtype == torch.bfloat16:
            raise SavedFileError(f"{where} is of a type that NumPy lacks.")
        return tensor.numpy()

    def _read_missing(self, description: Any, where: str) -> NotSaved:
        self.missing.append(f"{where} ({str(description)[:200]})")
        return NotSaved(str(description)[:200])

    def _read_object(self, value: dict[str, Any], where: str) -> BaseEstimator:
        cls, params = self._classes.get(str(value["object"])), value.get("params")
        if cls is None or not isinstance(params, dict) or not set(value) <= {"object", "params", "state"}:
            raise SavedFileError(f"{where} is of the unknown class {str(value['object'])[:80]!r}.")
        unknown = set(params) - set(cls._get_param_names())
        if unknown:
            raise SavedFileError(f"{where}: {cls.__name__} has no parameters {sorted(unknown)[:5]}.")
        made = cls(**{name: self.read(one, f"{where}.{name}") for name, one in params.items()})
        state = value.get("state", {})
        if state and (cls.__name__ not in _TRANSFORMERS or not isinstance(state, dict)):
            raise SavedFileError(f"{where}: {cls.__name__} is stored without a state.")
        for name, one in state.items():
            if not name.strip("_").isidentifier() or name.startswith("__") or hasattr(cls, name):
                raise SavedFileError(f"{where}: {name[:50]!r} is no attribute of {cls.__name__}.")
            setattr(made, name, self.read(one, f"{where}.{name}"))
        return made


_KINDS = ("array", "dict", "float", "missing", "tensor", "tuple")


def _describe(value: Any) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)  # a function or class, or the class of an object
    return f"{named.__module__}.{named.__qualname__}"
