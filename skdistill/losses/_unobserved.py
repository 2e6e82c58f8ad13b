"""Check that a term leaves out the truth that was not observed."""

from __future__ import annotations

import copy

import torch
from torch import nn

from skdistill.losses._inputs import LossInputs

__all__ = ["check_unobserved", "hides_truth"]


def hides_truth(inputs: LossInputs) -> bool:
    """Return whether some truth of a batch is missing or unknown.

    Parameters
    ----------
    inputs : LossInputs
        One batch.

    Returns
    -------
    hides : bool
        True if some is.
    """
    return any(mask is not None and not bool(mask.all()) for mask in (inputs.observed, inputs.known))


def check_unobserved(name: str, term: nn.Module, inputs: LossInputs) -> None:
    """Raise if the value of a term depends on truth that was not observed.

    Parameters
    ----------
    name : str
        Name of the term, for the error message.
    term : torch.nn.Module
        The built term; a copy of it is evaluated.
    inputs : LossInputs
        A batch in which some truth is missing or unknown.

    Raises
    ------
    ValueError
        If another number in place of the missing truth changes the value.
    """
    seen = torch.ones_like(inputs.truth, dtype=torch.bool) if inputs.observed is None else inputs.observed
    if inputs.known is not None:
        seen = seen & inputs.known[:, None, None]
    values = []
    for filler in (0.0, 1.0):
        given = inputs._replace(truth=torch.where(seen, inputs.truth, filler))
        with torch.no_grad(), torch.random.fork_rng():
            values.append(copy.deepcopy(term)(given))
    if not torch.equal(*values) and torch.isfinite(values[0]).all():
        raise ValueError(
            f"the loss term {name!r} ({type(term).__name__}) reads the truth where it is missing, and takes the "
            "numbers there for observed ones. Average over inputs.observed, and over the windows of inputs.known, "
            "where they are not None."
        )
