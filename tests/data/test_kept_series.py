"""What fit keeps of the caller's data: a reference, for comparing alone, of which a change is noticed."""

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.base import clone

from skdistill.comparison import rolling_forecasts
from skdistill.networks import Linear
from skdistill.sktime import SktimeDistilledForecaster

CHANGES = {
    "units": lambda one: one.__imul__(1000),
    "zero": lambda one: one.__setitem__(slice(None), 0.0),
    "nan": lambda one: one.__setitem__((5, 0), np.nan),
}


def linear(**changes):
    return make_forecaster(teacher=None, student=Linear(), **changes)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rows_changed_in_place_are_noticed_by_compare(change):
    series, test = make_series(150), make_series(60, seed=1)
    forecaster = make_forecaster(max_epochs=1).fit(series)
    before = forecaster.compare(test, n_resamples=5)
    backup = series.copy()
    change(series)
    with pytest.warns(UserWarning, match="the row '.*' has no numbers: the training series was changed in place"):
        after = forecaster.compare(test, n_resamples=5)
    assert after.loc[["alone", "exact linear"], "mse"].isna().all()
    assert after.loc["exact linear", "in_words"] == "the training series was changed after fit: pass train="
    assert "changed after fit" in after.summary()
    rows = ["student", "teacher"]
    assert after.loc[rows, "mse"].equals(before.loc[rows, "mse"])
    given = forecaster.compare(test, train=backup, n_resamples=5)
    assert given["mse"].equals(before["mse"])


@pytest.mark.parametrize("wrap", [lambda one: [one, one[:100]], lambda one: one[None], pd.DataFrame, np.asfortranarray])
def test_every_form_of_series_is_watched(wrap):
    given = wrap(make_series(150))
    forecaster = make_forecaster(max_epochs=1).fit(given)
    assert forecaster.training_series() is given
    values = given[1] if isinstance(given, list) else given.to_numpy() if isinstance(given, pd.DataFrame) else given
    if not values.flags.writeable:
        given.iloc[3, 1] = 7.0
    else:
        values[..., 3, 1] = 7.0
    with pytest.raises(ValueError, match=r"changed in place after fit.*train=X_train"):
        forecaster.training_series()


def moved(frame):
    frame.index = frame.index + pd.Timedelta("5h")


def renamed(frames):
    frames["c"] = frames.pop("b")


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: make_frame(150), moved),
        (lambda: make_frame(150), lambda frame: setattr(frame, "columns", ["c1", "c0"])),
        (lambda: {"a": make_frame(80), "b": make_frame(90)}, renamed),
        (lambda: {"a": make_frame(80), "b": make_frame(90)}, lambda frames: moved(frames["b"])),
    ],
    ids=["times", "columns", "ids", "times of one"],
)
def test_labels_that_are_replaced_are_noticed(make, change):
    """Students that compare trains would read another calendar, or units of other series."""
    given = make()
    forecaster = linear().fit(given)
    assert forecaster.training_series() is given
    change(given)
    with pytest.raises(ValueError, match=r"changed in place after fit.*train=X_train"):
        forecaster.training_series()


def test_rolling_forecasts_notice_it():
    series = make_series(150)
    forecaster = make_forecaster(max_epochs=1).fit(series)
    series += 1.0
    with pytest.raises(ValueError, match="changed in place after fit"):
        rolling_forecasts(forecaster, make_series(60), alone=True)
    with pytest.warns(UserWarning, match="train of rolling_forecasts has no effect without alone=True"):
        rolled = rolling_forecasts(forecaster, make_series(60), train=series)
    assert set(rolled.forecasts) == {"student", "teacher"}


@pytest.mark.parametrize("factor", [1000.0, np.nan])
def test_partial_fit_goes_on_from_rows_of_its_own(factor):
    rows = make_series(160)
    buffer = rows[:120].copy()
    forecaster = linear(validation_fraction=0).fit(buffer)
    buffer *= factor
    forecaster.partial_fit(rows[120:140]).partial_fit(rows[140:], forget=30)
    expected = linear(validation_fraction=0).fit(rows[30:])
    np.testing.assert_allclose(forecaster.predict(rows), expected.predict(rows), rtol=1e-5)
    np.testing.assert_array_equal(forecaster.training_series(), rows[30:])


def test_only_where_updates_are_exact_are_rows_copied():
    assert not hasattr(linear(validation_fraction=0.2).fit(make_series()), "_seen")
    forecaster = linear(validation_fraction=0.2).fit(make_series()).set_params(validation_fraction=0)
    with pytest.raises(ValueError, match="kept if exact updates are possible"):
        forecaster.partial_fit(make_series(10))


def test_a_series_does_not_become_a_panel():
    forecaster = linear(validation_fraction=0).fit(make_series(100))
    with pytest.raises(ValueError, match="partial_fit takes one series, because fit got one"):
        forecaster.partial_fit([make_series(10), make_series(10)])


def test_catching_up_takes_new_rows_or_starts_anew():
    frame = make_frame(200)
    forecaster = linear(validation_fraction=0).partial_fit(frame[:100])
    assert forecaster.catch_up(frame[:100]) is forecaster
    assert forecaster.catch_up(frame[:130]) is forecaster
    assert len(forecaster.training_series()) == 130
    revised = frame[:140] + np.where(np.arange(140) == 50, 1.0, 0.0)[:, None]
    anew = forecaster.catch_up(revised)
    assert anew is not forecaster
    pd.testing.assert_frame_equal(
        anew.predict(frame), linear(validation_fraction=0).partial_fit(revised).predict(frame)
    )


def test_catching_up_goes_on_where_labels_are_dates_of_arrow():
    pa = pytest.importorskip("pyarrow")
    frame = make_frame(130)
    days = pd.date_range("2024-01-01", periods=130).date
    frame.index = pd.Index(days, dtype=pd.ArrowDtype(pa.date32()))
    forecaster = linear(validation_fraction=0).partial_fit(frame[:100])
    assert forecaster.catch_up(frame[:100]) is forecaster
    assert forecaster.catch_up(frame) is forecaster


def test_sktime_updates_with_rows_of_its_own():
    frame = make_frame(160, 1)
    forecaster = SktimeDistilledForecaster(
        None, Linear(), "response", context_length=12, prediction_length=4, validation_fraction=0, refit_on_update=True
    ).fit(frame[:100])
    forecaster.update(frame[100:130]).update(frame[130:])
    expected = linear(validation_fraction=0).fit(frame).predict(frame)
    np.testing.assert_allclose(forecaster.predict(fh=[1, 2, 3, 4]), expected, rtol=1e-5)


@pytest.mark.parametrize("make", [make_series, make_frame])
def test_rows_returned_after_an_update_are_a_copy(make):
    rows = make(120)
    settings = {"teacher": None, "student": "linear", "validation_fraction": 0}
    forecaster = make_forecaster(**settings).partial_fit(rows[:80])
    returned = forecaster.training_series()
    returned[:] = 0.0
    expected = make_forecaster(**settings).partial_fit(rows).predict(rows)
    np.testing.assert_allclose(forecaster.partial_fit(rows[80:]).predict(rows), expected, rtol=1e-5)
    np.testing.assert_array_equal(forecaster.training_series(), rows)


@pytest.mark.parametrize("student", [Linear(penalty=30.0), Linear(time_features=True)], ids=["penalty", "calendar"])
@pytest.mark.parametrize("update", ["catch_up", "catch_up, new rows", "partial_fit", "fit, partial_fit"])
def test_a_student_changed_after_an_update_is_solved_from_all_rows(update, student):
    frame = make_frame(200)
    forecaster = linear(validation_fraction=0)
    forecaster = forecaster.fit(frame[:150]) if update.startswith("fit") else forecaster.partial_fit(frame[:150])
    forecaster.set_params(student=student)
    rows = frame[:150] if update == "catch_up" else frame
    if update.startswith("catch_up"):
        assert forecaster.catch_up(rows) is forecaster
    else:
        forecaster.partial_fit(frame[150:])
    expected = clone(forecaster).fit(rows).predict(rows)
    np.testing.assert_allclose(forecaster.predict(rows), expected, rtol=1e-4)


def test_roles_changed_after_an_update_are_refused_without_new_rows():
    forecaster = linear(validation_fraction=0).partial_fit(make_frame(100)).set_params(targets=[0])
    with pytest.raises(ValueError, match=r"targets of DistilledForecaster was None in fit and is \[0\] now"):
        forecaster.catch_up(make_frame(100))


def test_labels_that_were_revised_start_again():
    frame = make_frame(100)
    forecaster = linear(validation_fraction=0).partial_fit(frame)
    later = frame.set_axis(frame.index + pd.Timedelta(days=365))
    anew = forecaster.catch_up(later)
    pd.testing.assert_frame_equal(anew.training_series(), later, check_freq=False)
