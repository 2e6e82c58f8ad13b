"""Where labels come from: teachers say it, students keep it, files carry it."""

import json
import warnings

import numpy as np
import pytest
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.frozen import FrozenEstimator

from skdistill import DistilledForecaster, load
from skdistill.deploy import NumpyStudent
from skdistill.deploy._export import _metadata
from skdistill.losses import Supervised
from skdistill.networks import Linear
from skdistill.teachers import Chronos, EnsembleTeacher, Moirai, Pretrained, SktimeTeacher, TrainedTeacher
from skdistill.teachers._provenance import FIELDS, checkpoint_origin


class NotForSale(LastValueTeacher):
    source = "nobody/model"
    license = "CC-BY-NC-4.0"
    training_data = "secret series"


def fit(teacher, **changes):
    settings = {"student": Linear(), "loss": "response", "validation_fraction": 0.25, **changes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_forecaster(teacher=teacher, **settings).fit(make_frame(60, 2))


def test_every_teacher_says_where_its_labels_come_from():
    assert Pretrained().provenance()[0]["license"] == "BSD-3-Clause"
    assert Chronos("amazon/chronos-bolt-small").provenance()[0]["source"] == "amazon/chronos-bolt-small"
    assert Moirai().provenance()[0]["license"] == "CC-BY-NC-4.0"
    assert TrainedTeacher("dlinear").provenance()[0]["source"] == "trained in fit"
    both = EnsembleTeacher([("a", Pretrained()), ("b", Moirai())]).provenance()
    assert [one["teacher"] for one in both] == ["Pretrained", "Moirai"]
    naive = pytest.importorskip("sktime.forecasting.naive").NaiveForecaster()
    assert SktimeTeacher(naive).provenance()[0]["source"] == "sktime.NaiveForecaster"
    for entry in [*both, *SktimeTeacher(naive).provenance()]:
        assert set(entry) == set(FIELDS)


def test_a_folder_is_named_without_its_path_and_read_for_its_license(tmp_path):
    folder = tmp_path / "my-chronos"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlibrary: x\nlicense: cc-by-nc-4.0\n---\nA card.\n")
    origin = checkpoint_origin(folder, None)
    assert origin == {"source": "my-chronos", "revision": None, "license": "cc-by-nc-4.0", "training_data": None}
    cached = checkpoint_origin("hub/models--amazon--chronos-bolt-tiny/snapshots/abc123", None)
    assert (cached["source"], cached["revision"]) == ("amazon/chronos-bolt-tiny", "abc123")
    assert cached["license"] == "Apache-2.0"


def test_students_keep_it_in_files_and_exports(tmp_path):
    forecaster = fit(NotForSale())
    (entry,) = forecaster.provenance_
    assert (entry["teacher"], entry["license"]) == ("NotForSale", "CC-BY-NC-4.0")
    forecaster.save(tmp_path / "student.skdistill")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the teacher is not in the file
        assert load(tmp_path / "student.skdistill").provenance_ == [entry]
    forecaster.export(tmp_path / "student.npz")
    student = NumpyStudent.load(tmp_path / "student.npz")
    assert student.provenance == [entry]
    alone = fit(None)
    assert alone.provenance_ == []
    alone.export(tmp_path / "alone.npz")
    assert NumpyStudent.load(tmp_path / "alone.npz").provenance == []
    again = DistilledForecaster(
        FrozenEstimator(forecaster), Linear(), "response", context_length=12, prediction_length=4, validation_fraction=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = again.fit(make_frame(60, 2)).provenance_
    assert [one["teacher"] for one in kept] == ["DistilledForecaster", "NotForSale"]


@pytest.mark.slow
def test_metadata_of_exports_and_report_carry_it(tmp_path):
    forecaster = fit(NotForSale())
    facts = _metadata(forecaster)  # what ONNX and torch files carry
    assert json.loads(facts["skdistill.provenance"]) == forecaster.provenance_
    pytest.importorskip("matplotlib", reason="needs pip install 'skdistill[plot]'")
    page = forecaster.report(make_frame(60, 2), tmp_path / "report.html").read_text()
    assert "NotForSale, from nobody/model, license CC-BY-NC-4.0, trained on secret series" in page


def test_files_without_provenance_can_be_loaded_and_false_ones_are_refused(tmp_path):
    student = NumpyStudent(
        {"weight_0": np.ones((1, 2)), "bias_0": np.zeros(1), "center": np.zeros(1), "targets": np.arange(1),
         "n_channels": np.array(1)}
    )  # fmt: skip
    student.save(tmp_path / "old.npz")
    assert NumpyStudent.load(tmp_path / "old.npz").provenance == []
    for text in (b'{"a": 1}', b"[1]", b'[{"teacher": 1}]', b"[", b""):
        arrays = {**student._arrays, "provenance": np.frombuffer(text, np.uint8).astype(np.int64)}
        with pytest.raises(ValueError, match=r"not a student|Expecting"):
            NumpyStudent(arrays)


def test_a_license_that_excludes_commercial_use_is_told_once():
    class Once(NotForSale):
        source = "nobody/told-once"

    def told():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make_forecaster(teacher=Once(), student=Linear()).fit(make_series(60, 1))
        return [str(one.message) for one in caught if "excludes commercial use" in str(one.message)]

    assert len(told()) == 1
    assert told() == []


@pytest.mark.filterwarnings("error:.*excludes commercial use", "ignore:teacher of DistilledForecaster has no effect")
@pytest.mark.parametrize("trained", [False, True])
def test_a_student_keeps_no_provenance_of_labels_that_its_loss_does_not_read(trained):
    class Unread(NotForSale):
        source, needs_training = "nobody/unread", trained

    forecaster = make_forecaster(teacher=Unread(), student=Linear(), loss=Supervised()).fit(make_series(60, 1))
    assert forecaster.provenance_ == []
