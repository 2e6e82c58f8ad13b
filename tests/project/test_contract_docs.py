"""Docstrings of methods: every parameter is described, and what a contract says is written once."""

import ast
import importlib
import inspect
import pkgutil
import re

import pytest

import skdistill
from skdistill import DistilledForecaster, DistilledForecasterCV
from skdistill._utils._contract_docs import ContractDocs, _overridden, _sections

MODULES = [
    one.name for one in pkgutil.walk_packages(skdistill.__path__, "skdistill.") if not one.name.endswith("__main__")
]


def classes():
    """Find every class of the package that completes its docstrings, with the tree it is written as."""
    for name in MODULES:
        module = importlib.import_module(name)
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            found = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
            if inspect.isclass(found) and issubclass(found, ContractDocs):
                yield found, node


def methods():
    """List public methods as (class, function, docstring as written, docstring of the contract)."""
    found = []
    for owner, node in classes():
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_") and not part.decorator_list:
                own = ast.get_docstring(part) or ""
                found.append((owner, vars(owner)[part.name], own, _overridden(owner, part.name)))
    return found


METHODS = methods()


@pytest.mark.parametrize("owner", sorted({owner for owner, *_ in METHODS}, key=lambda one: one.__qualname__))
def test_every_parameter_of_a_method_is_described(owner):
    for _, method, _, _ in (one for one in METHODS if one[0] is owner):
        wanted = [name for name in inspect.signature(method).parameters if name != "self"]
        section = _sections(method.__doc__).get("Parameters", "")
        heads = re.findall(r"(?m)^(\S.*?) : ", section)
        described = [name.strip("* ") for head in heads for name in head.split(",")]
        assert described == wanted, method.__qualname__


def test_nothing_of_a_contract_is_repeated():
    repeated = []
    for _, method, own, contract in METHODS:
        ours, theirs = _sections(own), _sections(contract or "")
        repeated += [
            f"{method.__qualname__}: {heading}"
            for heading in ("Parameters", "Returns", "Raises")
            if heading in ours and ours[heading].split() == theirs.get(heading, "").split()
        ]
    assert not repeated, f"the contract has these sections already: {', '.join(repeated)}"


def test_a_section_of_its_own_replaces_the_contracts():
    class Contract(ContractDocs):
        def go(self, x):
            """Go.

            Parameters
            ----------
            x : int
                Steps.

            Returns
            -------
            y : int
                Where it went.
            """

    class Own(Contract):
        def go(self, x):
            """Go far.

            Returns
            -------
            y : float
                Far.

            Examples
            --------
            None.
            """

    class Silent(Own):
        def go(self, x):
            return x

    text = Own.go.__doc__
    assert list(_sections(text)) == ["", "Parameters", "Returns", "Examples"]
    assert "Where it went" not in text
    assert inspect.getdoc(Silent().go) == text
    assert "Far" not in Contract.go.__doc__


def test_a_method_that_forwards_has_the_sections_of_the_other_method():
    ours, theirs = (
        _sections(inspect.getdoc(one.predict_table)) for one in (DistilledForecasterCV, DistilledForecaster)
    )
    assert list(ours) == ["", "Parameters", "Returns", "Raises"]  # examples show the other class
    assert all(ours[name] == theirs[name] for name in ours if name)
    assert "This search" in _sections(inspect.getdoc(DistilledForecasterCV.calibrate))["Returns"]
