"""The digest is the same in every process, and any change changes it."""

import contextlib
import functools
import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from skdistill._utils._digest import digest
from skdistill.core import NetworkSpec
from skdistill.networks import MLP, CustomNetwork, DLinear
from skdistill.teachers import PretrainedTeacher, TrainedTeacher

SCRIPT = """
import torch, numpy as np, pandas as pd
from skdistill._utils._digest import digest
from skdistill.core import NetworkSpec
from skdistill.networks import MLP, DLinear
from skdistill.teachers import PretrainedTeacher
torch.manual_seed(0)
weights = DLinear().build(NetworkSpec(6, 2, 1)).state_dict()
index = pd.date_range("2024-01-01", periods=3, freq="h")
class Mine:
    def __init__(self, scale=2.0): self.known = scale
    def answer(self, name): return name in {"one", "two", "three"}
print(digest(Mine(), lambda value: Mine(value)))
print(digest({"b": 1, "a": {3, 1, 2}}, PretrainedTeacher(DLinear(), weights), MLP(4), np.arange(3.0), index, weights))
"""


@pytest.mark.slow
def test_two_processes_agree():
    with contextlib.redirect_stdout(io.StringIO()) as here:
        exec(SCRIPT, {"__name__": "__main__"})
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # sets of texts have another order there
    environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == here.getvalue()


def module():
    torch.manual_seed(0)
    return DLinear().build(NetworkSpec(6, 2, 1))


def changed_weight():
    other = module()
    with torch.no_grad():
        other.trend.bias[0] += 1e-6
    return other


PAIRS = {
    "a row": (np.zeros(5), np.array([0, 0, 0, 0, 1e-9])),
    "a type": (torch.zeros(3), torch.zeros(3, dtype=torch.float64)),
    "a shape": (torch.zeros(4), torch.zeros(2, 2)),
    "a half-precision value": (torch.zeros(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)),
    "a parameter": (TrainedTeacher(MLP(4)), TrainedTeacher(MLP(5))),
    "a network": (MLP(), DLinear()),
    "a weight": (
        PretrainedTeacher(DLinear(), module().state_dict()),
        PretrainedTeacher(DLinear(), changed_weight().state_dict()),
    ),
    "a weight of a module": (module(), changed_weight()),
    "a timestamp": (pd.date_range("2024", periods=3, freq="h"), pd.date_range("2024", periods=3, freq="D")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_change_changes_the_digest(name):
    a, b = PAIRS[name]
    assert digest(a) == digest(a)
    assert digest(a) != digest(b)


USERS = """
class Base:
    size = 3
    def __init__(self, width): self.width = width
    def shift(self): return 1.0
class Mine(Base):
    def answer(self, value=2): return [value + each for each in self.shift()]
def make(scale): return lambda value: scale * value
"""


def written(edit=("", "")):
    """Run a user's file, edited."""
    names = {"__name__": "__main__"}
    exec(USERS.replace(*edit), names)
    return names


EDITS = {
    "a line": ("value + each", "value - each"),
    "a base": ("return 1.0", "return 2.0"),
    "a default": ("value=2", "value=3"),
    "a constant of the class": ("size = 3", "size = 4"),
    "a name": ("self.shift()", "self.other()"),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("made", [lambda users: users["Mine"], lambda users: users["Mine"](5)], ids=["class", "object"])
def test_code_of_users_counts_by_what_it_does(name, made):
    a, same, edited = (
        digest(CustomNetwork, made(written(edit))) for edit in (("", ""), ("class", " \nclass"), EDITS[name])
    )
    assert a == same
    assert a != edited


MEMBERS = {
    "torch decorator": "@torch.inference_mode()\n    def label(self, values): return {0}",
    "own decorator": "@decorate\n    def label(self, values): return {0}",
    "cached property": "@functools.cached_property\n    def weight(self): return {0}",
    "cached method": "@functools.lru_cache\n    def weight(self): return {0}",
    "partial method": "label = functools.partialmethod(print, {0})",
    "tuple": "lags = (1, {0})",
    "list": "lags = [1, {0}]",
    "dict": "weights = {{'a': {0}}}",
    "set": "names = {{'a', '{0}'}}",
    "array": "weights = np.array([0.5, {0}])",
    "tensor": "weights = torch.tensor([0.5, {0}])",
    "inner class": "class Inner:\n        def label(self): return {0}",
}


def make_class(member):
    """Define a class with a member as a user does in a script."""
    names = {"functools": functools, "np": np, "torch": torch, "__name__": "__main__"}
    exec(f"def decorate(f):\n    return functools.wraps(f)(lambda *a: f(*a))\nclass Mine:\n    {member}", names)
    names["Mine"].registry = [names["Mine"]]
    return names["Mine"]


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_every_member_of_a_users_class_counts(member):
    first, again, other = (digest(make_class(member.format(number))) for number in (2, 2, 24))
    assert first == again != other


def test_values_a_function_has_taken_in_count():
    make = written()["make"]
    assert digest(make(1.0)) == digest(make(1.0)) != digest(make(2.0))


def of_notebook(**module):
    """Return a function of a notebook that has these names."""
    code = "class Mine:\n    def give(self):\n        return [helper(FACTOR) for _ in range(2)], self.other\n"
    module = {"__name__": "__main__", "FACTOR": 1.0, "helper": abs, "other": 1, **module}
    exec(code, module)
    return digest(module["Mine"]())


def test_names_that_code_reads_from_its_module_count():
    def half(value):
        return value / 2 if value else half(1)

    def third(value):
        return value / 3 if value else third(1)

    seen = [of_notebook(), of_notebook(FACTOR=2.0), of_notebook(FACTOR=np.ones(2)), of_notebook(helper=half)]
    seen += [of_notebook(helper=third), of_notebook(helper=third, FACTOR=[1.0, {"a": 2}])]
    seen += [of_notebook(helper=make_class(f"def label(self): return {number}")) for number in (2, 3)]
    seen += [of_notebook(helper=functools.partial(third, number)) for number in (2, 3)]
    seen += [of_notebook(helper=functools.lru_cache(one)) for one in (half, third)]
    seen += [of_notebook(helper=np.vectorize(one)) for one in (half, third)]
    seen += [of_notebook(FACTOR=pd.Series([number])) for number in (2, 3)]
    seen += [of_notebook(FACTOR=pd.Timedelta(hours=number)) for number in (2, 3)]
    seen += [of_notebook(FACTOR=range(number)) for number in (2, 3)]
    assert len(set(seen)) == len(seen)
    assert of_notebook(helper=functools.lru_cache(half)) in seen
    assert of_notebook() == of_notebook(other=2)  # an attribute of that name is no name of the module


def test_a_class_that_mentions_itself():
    class Loop(CustomNetwork):
        def check(self):
            super().check()
            return Loop

    assert digest(Loop) == digest(Loop) != digest(CustomNetwork)


def test_classes_that_use_each_other():
    found = []
    for number in (2, 2, 3):
        users = {"__name__": "__main__"}
        exec(f"class A:\n    def f(self): return B, f()\nclass B(A):\n    def f(self): return A, {number}", users)
        exec("def f(): return g(), A, B\ndef g(): return f(), A, B", users)
        found.append(digest(users["A"]))
    assert found[0] == found[1] != found[2]


def test_files_count_by_their_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.bin").write_bytes(b"123")
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    (tmp_path / "b" / "weights.bin").write_bytes(b"124")
    assert digest(tmp_path / "a") != digest(tmp_path / "b")
