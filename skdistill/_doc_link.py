"""Where scikit-learn's HTML diagrams link to."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["DocLink"]


class DocLink:
    """Gives an estimator or parameter object the link to its page in the documentation."""

    _doc_link_module: ClassVar[str] = "skdistill"
    _doc_link_template: ClassVar[str] = (
        "https://skdistill.readthedocs.io/en/stable/api/{estimator_module}.{estimator_name}.html"
    )
