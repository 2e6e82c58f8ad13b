"""Size of labels, and the check against the budget."""

from __future__ import annotations

from collections.abc import Mapping

from skdistill.data._labels import Labels

__all__ = ["GIB", "LabelBudgetError", "check_budget", "choose_chunk_size", "expected_room"]

GIB = 1 << 30
_CHUNK_SIZE = 512  # windows labeled at once
_CHUNK_BYTES = 128 << 20  # fewer windows, if their labels would take more than this


class LabelBudgetError(ValueError):
    """Raised if labels would be larger than ``label_budget``."""


def expected_room(sample: Labels, n_windows: int, *, with_features: bool, with_quantiles: bool) -> dict[str, int]:
    """Return the size of the labels in advance.

    Parameters
    ----------
    sample : Labels
        Labels of one or more windows; only the shapes are used.
    n_windows : int
        Number of windows to label.
    with_features, with_quantiles : bool
        What is stored in addition to forecasts.

    Returns
    -------
    room : dict of str to int
        Bytes of each array, assuming that features fit into float16.
    """
    room = {"forecast": 4 * n_windows * sample.forecast[0].numel()}
    if with_features and sample.features is not None:
        room["features"] = 2 * n_windows * sample.features[0].numel()
    if with_quantiles and sample.quantiles is not None:
        room["quantiles"] = 4 * n_windows * sample.quantiles[0].numel()
    return room


def check_budget(room: Mapping[str, int], n_windows: int, budget: int) -> None:
    """Raise if labels would be larger than the budget.

    Parameters
    ----------
    room : mapping of str to int
        Bytes of each array.
    n_windows : int
        Number of windows to label.
    budget : int
        Maximum number of bytes.

    Raises
    ------
    LabelBudgetError
        The message lists the sizes and the possible remedies, cheapest first.
    """
    if sum(room.values()) <= budget:
        return
    ways = ["raise label_budget"]
    if "features" in room:
        ways = [
            "store fewer features, with pooling= of a foundation model as teacher ('mean', or 16 blocks)",
            "store no features, with layer=None of such a teacher and a loss that reads none (feature_weight=0; "
            "alignment_weight=0 of DistilTS)",
            *ways,
            "set feature_storage='recompute' (one pass of the teacher per batch)",
        ]
    if "quantiles" in room:
        ways.append("use a loss without the teacher's quantiles")
    parts = ", ".join(f"{name} {one / GIB:.3g} GiB" for name, one in room.items())
    raise LabelBudgetError(
        f"labels of {n_windows} windows would take {sum(room.values()) / GIB:.3g} GiB ({parts}), more than "
        f"label_budget = {budget / GIB:.3g} GiB. Ways out: {'; '.join(ways)}; label fewer windows, with "
        "label_share=; use fewer rows or targets, or a shorter prediction_length."
    )


def choose_chunk_size(probe: Labels) -> int:
    """Return how many windows to label at once; fewer if each has many features, to bound memory."""
    tensors = (probe.forecast, probe.features, probe.quantiles)
    per_window = 4 * sum(one[0].numel() for one in tensors if one is not None)
    return max(1, min(_CHUNK_SIZE, _CHUNK_BYTES // per_window))
