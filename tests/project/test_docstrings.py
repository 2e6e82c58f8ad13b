"""Every public class and function shows how it is used; the doctests then check that it works."""

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

import skdistill

FOUND = [module.name for module in pkgutil.walk_packages(skdistill.__path__, "skdistill.")]
# Rooms for contributors: what is in them is used through the estimators.
WORKSHOPS = {"skdistill.training", "skdistill.data"}
MODULES = ["skdistill", *sorted(name for name in FOUND if "._" not in name and name not in WORKSHOPS)]


def is_contract(found):
    """Say whether a class is there to be subclassed or filled, and has no use of its own to show."""
    if not inspect.isclass(found):
        return False
    return inspect.isabstract(found) or dataclasses.is_dataclass(found) or issubclass(found, tuple)


def without_example(module):
    """Name what the module exports whose docstring has no Examples section with a prompt in it."""
    exported = {name: getattr(module, name) for name in module.__all__}
    usable = {name: one for name, one in exported.items() if inspect.isclass(one) or inspect.isfunction(one)}
    shown = {name: one for name, one in usable.items() if not is_contract(one)}
    docstrings = {name: inspect.getdoc(one) or "" for name, one in shown.items()}
    return [name for name, text in docstrings.items() if ">>> " not in text.partition("\nExamples\n--------\n")[2]]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_an_example(name):
    module = importlib.import_module(name)
    missing = without_example(module)
    assert not missing, f"{len(missing)} names of {name} have no Examples section: {', '.join(missing)}"


def test_the_check_above_notices_a_missing_example():
    def silent():
        """Do nothing."""

    def shown():
        """Do nothing.

        Examples
        --------
        >>> shown()
        """

    module = type(skdistill)("made")
    module.silent, module.shown, module.LIMIT, module.__all__ = silent, shown, 3, ["silent", "shown", "LIMIT"]
    assert without_example(module) == ["silent"]
