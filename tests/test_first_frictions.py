"""What newcomers stumble over: a y that is ignored, losses without features, pipelines."""

import warnings

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, compare, get_forecaster
from skdistill.comparison._result import _ratio
from skdistill.deploy import NumpyStudent, export, save
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import Linear
from skdistill.plotting import write_report

SMALL = {"context_length": 12, "prediction_length": 4}


def make_linear(student=None, **changes):
    settings = {"teacher": None, "student": student or Linear(season=1), "loss": "response", **SMALL, **changes}
    return DistilledForecaster(**settings)


def make_search():
    return DistilledForecasterCV(prediction_length=4, context_lengths=12, students=["linear"], teachers=None)


# -- a y that is ignored -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_linear, make_search], ids=["forecaster", "search"])
def test_a_real_y_warns_once_and_changes_nothing(make):
    series = make_series()
    with pytest.warns(
        UserWarning, match=r"\.fit ignores y and learns to forecast the columns of X.*targets="
    ) as caught:
        fitted = make().fit(series, series[:, 0])
    assert len([one for one in caught if "ignores y" in str(one.message)]) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(fitted.predict(series), make().fit(series).predict(series))


def test_a_real_y_warns_at_the_other_doors_too():
    series, y = make_series(), make_series()[:, 0]
    forecaster = make_linear(teacher="theta")
    with pytest.warns(UserWarning, match=r"DistilledForecaster\.estimate_labeling ignores y and learns"):
        forecaster.estimate_labeling(series, y, n_samples=1)
    forecaster = make_linear(validation_fraction=0)
    for more in (series[:60], series[60:]):
        with pytest.warns(UserWarning, match=r"DistilledForecaster\.partial_fit ignores y") as caught:
            forecaster.partial_fit(more, y)
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=r"DistilledForecaster\.score ignores y and scores"):
        forecaster.score(series, y)
    with pytest.warns(UserWarning, match=r"score ignores sample_weight.*skdistill\.metrics\.ForecastScorer"):
        assert forecaster.score(series, sample_weight=np.ones(len(series))) == forecaster.score(series)
    forecaster = make_linear("mlp", quantiles=(0.1, 0.5), calibration="conformal", max_epochs=1).fit(series)
    with pytest.warns(UserWarning, match=r"DistilledForecaster\.calibrate ignores y and calibrates"):
        forecaster.calibrate(series, y)
    search = make_search().fit(series)
    with pytest.warns(UserWarning, match=r"DistilledForecasterCV\.score ignores y"):
        assert search.score(series, y) == search.score(series)
    with pytest.warns(UserWarning, match=r"DistilledForecasterCV\.score ignores sample_weight") as caught:
        search.score(series, sample_weight=y)
    assert len(caught) == 1


def test_callers_of_scikit_learn_that_pass_none_stay_quiet():
    series = make_series()
    split = RollingOriginSplit(2, **SMALL)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*ignores y")
        make_linear().fit(series, None)
        make_search().fit(series, y=None)
        make_pipeline(StandardScaler(), make_linear()).fit(series)
        GridSearchCV(make_linear(), {"bounds": [None, (0, None)]}, cv=split).fit(series)


def test_a_regressor_takes_its_y():
    X, y = np.lib.stride_tricks.sliding_window_view(make_series()[:, 0], 16)[:, :12], make_series()[12:117, 0]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*ignores y")
        regressor = DistilledRegressor(None, "linear", "response").fit(X, y)
        BaggingRegressor(regressor, n_estimators=1, random_state=0).fit(X, y)


# -- losses that read features -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "whose"),
    [({"student": "dlinear", "teacher": "mlp"}, "student, and DLinear"), ({}, "teacher, and LastValueTeacher")],
    ids=["student", "teacher"],
)
def test_a_loss_that_reads_features_names_the_one_that_fits(changes, whose):
    with pytest.raises(ValueError, match=rf'needs features of the {whose} has none\. Set loss="response"'):
        make_forecaster(loss="timedistill", **changes).fit(make_series())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the teacher MLP gets")
        make_forecaster(loss="response", max_epochs=1, **changes).fit(make_series())


# -- pipelines -----------------------------------------------------------------------------------


def test_the_forecaster_inside_a_pipeline_or_search_is_one_call_away(tmp_path):
    frame = make_frame() * 100
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), make_linear()).fit(frame)
    inside = get_forecaster(pipeline)
    assert inside is pipeline[-1]
    assert get_forecaster(inside) is inside
    search = make_search().fit(frame)
    assert get_forecaster(search) is search.forecaster_
    piped = make_pipeline(StandardScaler(), make_search()).fit(frame)
    assert get_forecaster(piped) is piped[-1].forecaster_
    with pytest.raises(TypeError, match="got StandardScaler"):
        get_forecaster(StandardScaler().fit(frame))
    with pytest.raises(TypeError, match=r"export takes .*got Pipeline\. skdistill\.get_forecaster"):
        export(pipeline, tmp_path / "student.npz")
    with pytest.raises(TypeError, match=r"not Pipeline: .*skdistill\.get_forecaster"):
        save(pipeline, tmp_path / "student.skdistill")
    inside.export(tmp_path / "student.npz")
    rows = pipeline[:-1].transform(frame)
    forecast = NumpyStudent.load(tmp_path / "student.npz").predict(rows[-12:].to_numpy())
    np.testing.assert_allclose(forecast, pipeline.predict(frame), atol=1e-5)
    in_units = compare({"student": pipeline}, frame, frame).loc["student", "mse_original"]
    after = inside.compare(rows).loc["student", "mse_original"]
    assert in_units / after == pytest.approx(float((frame.std(ddof=0) ** 2).mean()), rel=0.2)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1090.4, "1,090 times faster"),
        (139.2, "139 times faster"),
        (12.34, "12.3 times faster"),
        (0.5, "2 times slower"),
    ],
)
def test_ratios_are_told_without_exponents(ratio, words):
    assert _ratio(ratio, "faster", "slower") == words


# -- reports -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_report_asks_and_shows_what_it_holds(tmp_path):
    pytest.importorskip("matplotlib")
    frame = make_frame()
    alone = make_linear().fit(frame).report(frame, tmp_path / "alone.html").read_text()
    assert "<h1>How good is the forecaster?</h1>" in alone
    assert "no teacher: trained on the truth alone" in alone
    assert "Training of the student" not in alone
    taught = make_forecaster().fit(frame).report(frame, tmp_path / "taught.html").read_text()
    assert "<h1>Can the student replace its teacher?</h1>" in taught
    assert "Training of the student" in taught
    assert "LastValueTeacher" in taught
    search = make_search().fit(frame)
    chosen = search.report(frame, tmp_path / "chosen.html").read_text()
    assert "<h2>How it was chosen</h2>" in chosen
    piped = make_pipeline(StandardScaler(), make_search()).fit(frame)
    assert write_report(piped, frame, tmp_path / "piped.html", train=frame).exists()


@pytest.mark.slow
def test_no_table_of_a_report_is_wider_than_the_page(tmp_path):
    import re

    pytest.importorskip("matplotlib")
    frame = make_frame()
    page = make_forecaster(quantiles=(0.1, 0.9)).fit(frame).report(frame, tmp_path / "report.html").read_text()
    heads = re.findall(r"<thead>.*?</thead>", page, flags=re.DOTALL)
    assert max(head.count("<th>") for head in heads) <= 9
    assert "± " in page
    assert "<th>error</th>" in heads[0]
