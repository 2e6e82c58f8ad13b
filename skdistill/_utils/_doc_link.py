"""Documentation links for scikit-learn's HTML diagrams."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import accumulate, takewhile
from typing import ClassVar

from skdistill._utils._contract_docs import ContractDocs

__all__ = ["DocLink", "public_module"]


def public_module(thing: type | Callable[..., object]) -> str:
    """Return the module that users import a class or function from: the shortest parent that lists it."""
    parts = takewhile(lambda part: not part.startswith("_"), thing.__module__.split("."))
    above = list(accumulate(parts, "{}.{}".format))
    listed = (name for name in above if thing.__name__ in getattr(sys.modules.get(name), "__all__", ()))
    return next(listed, above[-1])


class DocLink(ContractDocs):
    """Gives an estimator or parameter object the link to its page in the documentation, and complete docstrings."""

    _doc_link_module: ClassVar[str] = "skdistill"
    _doc_link_template: ClassVar[str] = "https://skdistill.readthedocs.io/en/stable/api/{module}.{name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"module": public_module(type(self)), "name": type(self).__name__}
