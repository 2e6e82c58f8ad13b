"""A saved file gives the estimator back; a hostile one gives an error and nothing else."""

import json
import os
import pickle
import random
import struct
import time
import warnings

import joblib
import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, RobustScaler, StandardScaler

from skdistill import DistilledRegressor, load
from skdistill._utils._document import Document, read_document
from skdistill.core import NETWORKS, NetworkSpec, make_network
from skdistill.deploy import SavedFileError
from skdistill.deploy._guarded_build import build_with_weights
from skdistill.deploy._save import _read_estimator, _reads_files
from skdistill.losses import TimeDistill
from skdistill.networks import MLP, CustomNetwork, DLinear, ITransformer, Linear
from skdistill.teachers import PretrainedTeacher


@pytest.fixture(scope="module")
def forecaster():
    """A forecaster whose parameters, history and names are of every plain kind."""
    loss = TimeDistill(n_scales=2) if "n_scales" in TimeDistill().get_params() else TimeDistill()
    return make_forecaster(teacher=MLP(3, kernel_size=3), student=MLP(4, kernel_size=5), loss=loss, targets=["c1"]).fit(
        make_frame()
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a small file."""
    path = tmp_path_factory.mktemp("saved") / "student.skdistill"
    make_forecaster(teacher=None, student=DLinear(3), transformer=StandardScaler()).fit(make_frame()).save(path)
    return path.read_bytes()


# -- there and back --------------------------------------------------------------------------------


def test_everything_comes_back(forecaster, tmp_path):
    forecaster.save(tmp_path / "file")
    copy = load(tmp_path / "file")
    frame = make_frame(seed=1)
    np.testing.assert_array_equal(copy.predict(frame), forecaster.predict(frame))
    assert str(clone(copy)) == str(clone(forecaster))
    assert copy.history_ == forecaster.history_
    assert copy.spec_ == forecaster.spec_
    assert list(copy.feature_names_in_) == ["c0", "c1"]
    assert list(copy.predict(frame).columns) == ["c1"]
    assert copy.score(frame) == forecaster.score(frame)
    copy.fit(frame)  # every parameter is a working one


@pytest.mark.parametrize(
    "student",
    [Linear(season=4), Linear("last", individual=True), DLinear(individual=True), MLP(4, normalization="revin")],
    ids=["linear", "linear, individual", "dlinear, individual", "mlp, revin"],
)
def test_other_students_come_back(student, tmp_path):
    fitted = make_forecaster(teacher=None, student=student).fit(make_series())
    fitted.save(tmp_path / "file")
    np.testing.assert_array_equal(load(tmp_path / "file").predict(make_series()), fitted.predict(make_series()))


def test_a_student_that_does_not_fuse_and_reads_the_calendar_comes_back(tmp_path):
    fitted = make_forecaster(teacher=None, student=ITransformer(8, n_heads=2)).fit(make_frame())
    fitted.save(tmp_path / "file")
    assert fitted.spec_.n_time_features > 0
    np.testing.assert_array_equal(load(tmp_path / "file").predict(make_frame()), fitted.predict(make_frame()))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_regressor_comes_back(ndim, tmp_path):
    windows = np.lib.stride_tricks.sliding_window_view(make_series(n_channels=1)[:, 0], 12)
    X, y = windows[:, :8], {1: windows[:, 8], 2: windows[:, 8:], 3: windows[:, 8:, None]}[ndim]
    X = X[..., None] if ndim == 3 else X
    fitted = DistilledRegressor(None, DLinear(3), "response", max_epochs=1, random_state=0).fit(X, y)
    fitted.save(tmp_path / "file")
    copy = load(tmp_path / "file")
    assert copy.student_.trend.weight.dtype == torch.float64
    np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))


@pytest.mark.parametrize("transformer", [StandardScaler(), RobustScaler(), PowerTransformer()], ids=str)
def test_plain_scalers_come_back_fitted(transformer, tmp_path):
    fitted = make_forecaster(transformer=transformer).fit(make_frame())
    fitted.save(tmp_path / "file")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        copy = load(tmp_path / "file")
    assert all("teacher" in str(one.message) for one in caught)  # LastValueTeacher is a class of the tests
    np.testing.assert_array_equal(copy.predict(make_frame()), fitted.predict(make_frame()))


def test_a_transformer_with_functions_must_be_given_again(tmp_path):
    transformer = FunctionTransformer(np.log, np.exp)
    fitted = make_forecaster(teacher=None, transformer=transformer).fit(make_series())
    fitted.save(tmp_path / "file")
    with pytest.raises(SavedFileError, match=r"FunctionTransformer.*load\(path, transformer=fitted\)"):
        load(tmp_path / "file")
    with pytest.warns(UserWarning, match="params.transformer"):
        copy = load(tmp_path / "file", transformer=fitted.scaling_.transformer_)
    np.testing.assert_array_equal(copy.predict(make_series()), fitted.predict(make_series()))
    with pytest.raises(SavedFileError, match="the transformer is not the one of fit: it gives other values"):
        load(tmp_path / "file", transformer=FunctionTransformer(np.sqrt, np.square))


def test_what_the_file_contains_is_not_replaced_in_silence(tmp_path):
    make_forecaster(teacher=None).fit(make_series()).save(tmp_path / "file")
    with pytest.raises(SavedFileError, match="transformer= would have no effect"):
        load(tmp_path / "file", transformer=FunctionTransformer(np.log, np.exp))
    with pytest.raises(SavedFileError, match="it contains its network: student= would replace it"):
        load(tmp_path / "file", student=DLinear())


def test_what_cannot_be_saved_is_described_and_stops_the_next_fit(tmp_path):
    fitted = make_forecaster(lr_schedule=lambda epoch: 1.0).fit(make_series())
    fitted.save(tmp_path / "file")
    with pytest.warns(UserWarning, match=r"params\.lr_schedule .*lambda.*params\.teacher .*LastValueTeacher"):
        copy = load(tmp_path / "file")
    np.testing.assert_array_equal(copy.predict(make_series()), fitted.predict(make_series()))
    with pytest.raises(TypeError, match=r"teacher must be a network.*<not saved: doubles\.LastValueTeacher>"):
        copy.set_params(lr_schedule="halving").fit(make_series())


def test_the_teacher_comes_along_by_choice(forecaster, tmp_path):
    forecaster.save(tmp_path / "without")
    forecaster.save(tmp_path / "with", teacher=True)
    np.testing.assert_array_equal(
        load(tmp_path / "with").predict_teacher(make_frame()), forecaster.predict_teacher(make_frame())
    )
    with pytest.raises(ValueError, match=r"save\(path, teacher=True\)"):
        load(tmp_path / "without").predict_teacher(make_frame())
    alone = make_forecaster(teacher="theta", student="linear", targets=["c1"]).fit(make_frame())
    with pytest.warns(UserWarning, match="teacher=True of save has no effect: the teacher Theta is no network"):
        alone.save(tmp_path / "no network", teacher=True)


def test_weights_of_a_given_teacher_come_along_by_choice(forecaster, tmp_path):
    weights = DLinear(3).build(forecaster.spec_).state_dict()
    fitted = make_forecaster(teacher=PretrainedTeacher(DLinear(3), weights), targets=["c1"]).fit(make_frame())
    fitted.save(tmp_path / "with", teacher=True)
    copy = load(tmp_path / "with")
    assert torch.equal(copy.teacher.state_dict["trend.weight"], weights["trend.weight"])
    fitted.save(tmp_path / "without")
    with pytest.warns(UserWarning, match=r"state_dict\.trend\.weight"):
        load(tmp_path / "without")


class OwnStudent(MLP):
    """A network of a user's own module."""


def test_a_student_of_ones_own_is_saved_as_weights(tmp_path):
    fitted = make_forecaster(teacher=None, student=OwnStudent(4)).fit(make_series())
    fitted.save(tmp_path / "file")
    with pytest.raises(SavedFileError, match=r"OwnStudent.*load\(path, student=...\)"):
        load(tmp_path / "file")
    copy = load(tmp_path / "file", student=OwnStudent(4))
    np.testing.assert_array_equal(copy.predict(make_series()), fitted.predict(make_series()))
    assert isinstance(copy.student, OwnStudent)
    with pytest.raises(SavedFileError, match=r"weights are not those of OwnStudent\(hidden_size=5\)"):
        load(tmp_path / "file", student=OwnStudent(5))


class OwnModule(torch.nn.Module):
    """A module of a user's own."""

    def __init__(self, spec, bias=True, factor=1.0):
        super().__init__()
        self.layer = torch.nn.Linear(spec.context_length, spec.prediction_length, bias=bias)
        self.factor = factor

    def forward(self, context):
        return self.factor * self.layer(context.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize("quantiles", [None, [0.1, 0.5, 0.9]])
def test_a_student_in_own_network_is_saved_as_weights(quantiles, tmp_path):
    fitted = make_forecaster(teacher=None, student=CustomNetwork(OwnModule), quantiles=quantiles).fit(make_series())
    fitted.save(tmp_path / "file")
    with pytest.raises(SavedFileError, match=r"CustomNetwork, whose factory .*load\(path, student=...\)"):
        load(tmp_path / "file")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy = load(tmp_path / "file", student=CustomNetwork(OwnModule))
    np.testing.assert_array_equal(copy.predict(make_series()), fitted.predict(make_series()))
    copy.fit(make_series())
    with pytest.raises(SavedFileError, match="weights are not those of CustomNetwork"):
        load(tmp_path / "file", student=CustomNetwork(OwnModule, {"bias": False}))
    with pytest.raises(SavedFileError, match="student= is not the network of fit: with the same weights"):
        load(tmp_path / "file", student=CustomNetwork(OwnModule, {"factor": 1.1}))


def test_a_teacher_in_own_network_stays_behind(tmp_path):
    fitted = make_forecaster(teacher=CustomNetwork(OwnModule)).fit(make_series())
    with pytest.raises(ValueError, match=r"teacher of save must be False .*whose factory .*got True"):
        fitted.save(tmp_path / "file", teacher=True)
    assert os.listdir(tmp_path) == []
    fitted.save(tmp_path / "file")
    with pytest.warns(UserWarning, match=r"params\.teacher\.factory"):
        copy = load(tmp_path / "file")
    np.testing.assert_array_equal(copy.predict(make_series()), fitted.predict(make_series()))


def test_loading_leaves_the_random_state_alone(tmp_path, saved):
    (tmp_path / "file").write_bytes(saved)
    before = torch.get_rng_state()
    load(tmp_path / "file")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_changed_parameter_is_noticed_when_saving(tmp_path):
    fitted = make_forecaster(teacher=None).fit(make_series()).set_params(student__hidden_size=9)
    with pytest.raises(ValueError, match=r"weights are not those of MLP.*Did parameters change after fit"):
        fitted.save(tmp_path / "file")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("student", "changes"),
    [
        (MLP(4, kernel_size=5), {"kernel_size": 7}),
        (MLP(4, kernel_size=5), {"normalization": None}),
        (ITransformer(8, n_layers=1, n_heads=2), {"n_heads": 4}),
    ],
    ids=str,
)
def test_a_changed_parameter_that_changes_no_shape_is_noticed_when_saving(student, changes, tmp_path):
    """The weights would fit the network of the file, which would forecast otherwise."""
    fitted = make_forecaster(teacher=None, student=student, max_epochs=1).fit(make_series())
    fitted.save(tmp_path / "before")
    np.testing.assert_array_equal(load(tmp_path / "before").predict(make_series()), fitted.predict(make_series()))
    student.set_params(**changes)  # the object that was passed
    with pytest.raises(ValueError, match=r"gives other forecasts than the student of fit. Did parameters change"):
        fitted.save(tmp_path / "after")
    assert os.listdir(tmp_path) == ["before"]


def test_the_folder_of_labels_is_never_restored(tmp_path):
    fitted = make_forecaster(teacher="dlinear", memory=str(tmp_path / "labels")).fit(make_series())
    fitted.save(tmp_path / "file")
    assert load(tmp_path / "file").memory is None


# -- hostile and damaged files -----------------------------------------------------------------------


@pytest.fixture
def no_code(monkeypatch):
    """Make everything that could run code from a file fail the test."""

    def caught(*_args, **_kwargs):
        raise AssertionError("code from a file")

    for owner, name in ((pickle, "loads"), (pickle, "load"), (pickle, "Unpickler"), (torch, "load"), (joblib, "load")):
        monkeypatch.setattr(owner, name, caught)


def read(data):
    """Read bytes as load does, without a file."""
    return load(_InMemory(data))


class _InMemory:
    """A path whose file is in memory."""

    def __init__(self, data):
        self.data = data

    def __fspath__(self):
        return "memory"


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch):
    from skdistill.deploy import _save

    real = _save.read_bytes
    monkeypatch.setattr(_save, "read_bytes", lambda path: path.data if isinstance(path, _InMemory) else real(path))


def test_what_is_no_file_of_ours_is_not_read(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 40)  # a file of zeros that takes no room
    for path in (tmp_path / "large", "/dev/zero"):
        with pytest.raises(SavedFileError, match="cannot be loaded"):
            load(path)
    with pytest.raises(OSError, match="directory"):
        load(tmp_path)


def test_bytes_changed_at_random_are_refused(saved, no_code):
    generator = random.Random(0)
    refused = 0
    for _ in range(9000):
        data = bytearray(saved)
        kind = generator.choice(["flip", "cut", "insert", "swap", "length"])
        position = generator.randrange(len(data))
        if kind == "flip":
            data[position] ^= generator.randrange(1, 256)
        elif kind == "cut":
            del data[position : position + generator.randrange(1, 1 + len(data))]
        elif kind == "insert":
            data[position:position] = generator.randbytes(generator.randrange(1, 40))
        elif kind == "swap":
            other = generator.randrange(len(data))
            data[position : position + 8], data[other : other + 8] = (
                data[other : other + 8],
                data[position : position + 8],
            )
        else:
            data[:8] = struct.pack("<Q", generator.choice([0, 1, len(data), 1 << 62, generator.randrange(1 << 64)]))
        try:
            read(bytes(data))
        except SavedFileError:
            refused += 1
        else:
            assert bytes(data) == saved
    assert refused > 8500


WEIRD = [None, True, -1, 0, 1, 3, 10**6, 10**9, 2**62, 10**30, 0.5, 1e308, "", "nan", "../../x", "cuda:7", [], {}, [[]]]
WEIRD += [
    {"object": "os.system", "params": {}},
    {"object": "skdistill.networks.ITransformer", "params": {"n_layers": 10**9}},
]
WEIRD += [{"missing": "x"}, {"array": "scaling/mean_"}, {"tensor": "nowhere"}, {"tuple": [0, 1]}, {"float": "nan"}]
WEIRD += [{"object": "sklearn.preprocessing.StandardScaler", "params": {}, "state": {"transform": 1, "__class__": 2}}]


def places(content, path=()):
    """List the paths of everything inside a JSON value."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(document, generator):
    """Change a content or a tensor somewhere, and sign the result as its own."""
    content, tensors = json.loads(json.dumps(document.content)), dict(document.tensors)
    for _ in range(generator.choice([1, 1, 2, 3])):
        if generator.random() < 0.3 and tensors:
            name = generator.choice(sorted(tensors))
            tensor = tensors.pop(name)
            other = generator.choice(
                [
                    None,
                    tensor.double(),
                    torch.atleast_1d(tensor)[..., :1],
                    tensor.reshape(-1),
                    tensor * torch.nan,
                    tensor.long(),
                    -tensor,
                ]
            )
            if other is not None:
                tensors[name] = other
            continue
        *path, last = generator.choice(list(places(content)))
        inside = content
        for key in path:
            inside = inside[key]
        if generator.random() < 0.2:
            del inside[last]
        else:
            inside[last] = generator.choice(WEIRD)
    return Document(content, tensors).to_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_well_signed_nonsense_is_refused_or_harmless(saved, no_code):
    generator, document = random.Random(1), read_document(saved)
    series, refused = make_series(40), 0
    for _ in range(1000):
        data = changed(document, generator)
        try:
            estimator = read(data)
        except SavedFileError:
            refused += 1
            continue
        spec = estimator.spec_
        assert spec.n_time_features or estimator.predict(series).shape == (spec.prediction_length, spec.n_targets)
    assert refused > 300


def edited(data, **changes):
    """Change the content at dotted paths, and sign the result."""
    document = read_document(data)
    for path, value in changes.items():
        *path, last = path.split("__")
        inside = document.content
        for key in path:
            inside = inside[key]
        inside[last] = value
    return Document(document.content, document.tensors).to_bytes()


def test_declared_sizes_take_no_memory(saved):
    for changes in (
        {"spec__dict__context_length": 10**9},
        {"spec__dict__n_channels": 10**9},
        {"spec__dict__context_length": 10**6, "spec__dict__prediction_length": 10**6},
        {"student": {"object": "skdistill.networks.MLP", "params": {"hidden_size": 10**9}}},
        {"student": {"object": "skdistill.networks.ITransformer", "params": {"n_layers": 10**7}}},
        {"student": {"object": "skdistill.networks.Linear", "params": {"season": 10**18}}},
    ):
        with pytest.raises(SavedFileError):
            read(edited(saved, **changes))


def test_sizes_that_no_weight_explains_are_refused_at_once(saved):
    """Sizes that no weight has: some networks walk through them while they are built, a minute long."""
    started = time.perf_counter()
    for name, params in {
        "FEDformer": {"hidden_size": 8, "feedforward_size": 8, "n_heads": 2},
        "Autoformer": {"hidden_size": 8, "feedforward_size": 8, "n_heads": 2},
        "DLinear": {"kernel_size": 10**7},
        "MLP": {"kernel_size": 10**6, "hidden_size": 2},
    }.items():
        for length in (10**5, 5 * 10**6):
            changes = {"spec__dict__context_length": length, "fitted__n_features_in_": 2}
            student = {"object": f"skdistill.networks.{name}", "params": params}
            with pytest.raises(SavedFileError, match="cannot be loaded"):
                read(edited(saved, student=student, **changes))
    assert time.perf_counter() - started < 20  # well under a second on an idle machine


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("trend.weight", lambda one: one * torch.nan, "not finite: trend.weight"),
        ("trend.bias", lambda one: one + torch.inf, "not finite: trend.bias"),
        ("trend.bias", torch.Tensor.double, "wrong types: trend.bias"),
        ("seasonal.weight", torch.Tensor.half, "wrong types: seasonal.weight"),
        ("seasonal.weight", torch.Tensor.bfloat16, "wrong types: seasonal.weight"),
        ("seasonal.weight", torch.Tensor.long, "wrong types: seasonal.weight"),
        ("trend.bias", lambda one: one[:1], "trend.bias differ"),
    ],
)
def test_signed_weights_are_finite_and_of_one_type(name, change, message, saved):
    document = read_document(saved)
    tensors = {**document.tensors, f"student/{name}": change(document.tensors[f"student/{name}"])}
    with pytest.raises(SavedFileError, match=message):
        read(Document(document.content, tensors).to_bytes())


def test_all_weights_in_another_type_are_refused_too(saved):
    document = read_document(saved)
    tensors = {name: one.double() if name.startswith("student/") else one for name, one in document.tensors.items()}
    with pytest.raises(SavedFileError, match="wrong types"):
        read(Document(document.content, tensors).to_bytes())


def test_a_negative_variance_is_refused(tmp_path):
    make_forecaster(teacher=None, student=MLP(4)).fit(make_series()).save(tmp_path / "file")
    document = read_document((tmp_path / "file").read_bytes())
    (name,) = [name for name in document.tensors if name.endswith("seasonal.norm.running_var")]
    tensors = {**document.tensors, name: -document.tensors[name]}
    with pytest.raises(SavedFileError, match=r"variance of seasonal\.norm is negative"):
        read(Document(document.content, tensors).to_bytes())


def test_what_looks_like_a_checksum_inside_the_content_is_none(saved):
    lookalike = '"sha256":"' + "0" * 64 + '"'
    data = edited(saved, feature_names=[lookalike, "c1"])
    assert list(read(data).feature_names_in_) == [lookalike, "c1"]


def test_a_header_beyond_all_measure_is_not_parsed(monkeypatch, saved):
    from skdistill._utils import _document

    monkeypatch.setattr(_document, "_LARGEST_HEADER", 100)
    with pytest.raises(SavedFileError, match=r"its header has .* bytes, beyond 100"):
        read(saved)


def test_only_known_classes_are_made(saved):
    for name in ("os.system", "skdistill.networks.os", "skdistill.deploy.NumpyStudent", "sklearn.pipeline.Pipeline"):
        with pytest.raises(SavedFileError, match="unknown class"):
            read(edited(saved, student={"object": name, "params": {}}))


def test_newer_files_say_that_an_upgrade_is_needed(saved, monkeypatch):
    from skdistill._utils import _document

    document = read_document(saved)
    monkeypatch.setattr(_document, "VERSION", 3)
    newer = document.to_bytes()
    with pytest.raises(SavedFileError, match=r"format version 2, whose checksum did not cover .* fit and save again"):
        read(saved)
    monkeypatch.setattr(_document, "VERSION", 2)
    with pytest.raises(SavedFileError, match="format version 3, and this skdistill reads up to 2: upgrade"):
        read(newer)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty or truncated"),
        (b"PK\x03\x04 not ours at all", "truncated, or no file of skdistill"),
        (struct.pack("<Q", 2) + b"{}", "not written by save"),
        (struct.pack("<Q", 1 << 60) + b"{}", "truncated"),
    ],
)
def test_other_files_are_recognized(data, message):
    with pytest.raises(SavedFileError, match=message):
        read(data)


def test_a_deep_content_is_refused(saved):
    deep = json.loads("[" * 900 + "]" * 900)
    with pytest.raises(SavedFileError):
        read(edited(saved, fitted__history_=deep))


def test_a_failed_write_leaves_the_old_file(tmp_path, saved, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(saved)

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        make_forecaster(teacher=None).fit(make_series()).save(path)
    assert path.read_bytes() == saved
    assert os.listdir(tmp_path) == ["file"]


def test_no_such_file():
    with pytest.raises(FileNotFoundError):
        load("no/such/file")


def test_a_dry_read_needs_no_transformer(saved):
    estimator = _read_estimator(read_document(saved), student=None, transformer=None, complete=False)
    assert estimator.spec_.context_length == 12


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_can_be_rebuilt_from_its_weights(name):
    sizes = {"hidden_size": 8, "feedforward_size": 8, "n_heads": 2, "patch_length": 4, "label_length": 6}
    network = make_network(name)
    if _reads_files(network):
        pytest.skip("it reads files, and needs load(path, student=...)")
    params = network.get_params(deep=False)
    network.set_params(**{key: value for key, value in sizes.items() if key in params})
    spec = NetworkSpec(context_length=48, prediction_length=8, n_channels=3)
    weights = network.build(spec).state_dict()
    rebuilt = build_with_weights(network, spec, weights).state_dict()
    assert all(torch.equal(rebuilt[key], tensor) for key, tensor in weights.items())
