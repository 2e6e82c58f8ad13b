"""Error messages for values that are not networks."""

from __future__ import annotations

from typing import Any

from torch import nn

from skdistill.networks._base import BaseNetwork

__all__ = ["explain_not_a_network"]


def explain_not_a_network(value: Any) -> str:
    """Describe a value that is not a network, and what to pass instead.

    Parameters
    ----------
    value : object
        The value received.

    Returns
    -------
    told : str
        The end of an error message, after ``got``.

    Examples
    --------
    >>> from torch import nn
    >>> explain_not_a_network(nn.Linear)
    'the torch class Linear: wrap it, CustomNetwork(Linear), which calls Linear(spec) in every fit.'
    """
    if isinstance(value, type) and issubclass(value, nn.Module):
        name = value.__name__
        return f"the torch class {name}: wrap it, CustomNetwork({name}), which calls {name}(spec) in every fit."
    if isinstance(value, type):
        return f"the class {value.__name__}; give an instance, {value.__name__}()."
    if not isinstance(value, nn.Module):
        return f"{value!r}."
    name = type(value).__name__
    if isinstance(getattr(value, "network", None), BaseNetwork):
        return f"the torch module {name} that from_tslib loaded: give what it was built from, module.network."
    return (
        f"the torch module {name}: every fit starts from new weights, so wrap its class, CustomNetwork({name}), which "
        f"calls {name}(spec)."
    )
