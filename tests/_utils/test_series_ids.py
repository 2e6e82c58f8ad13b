"""Ids of series: those of fit are found, and those that are the same in another form are told."""

import datetime
import warnings

import pandas as pd
import pytest
from doubles import make_forecaster, make_series

from skdistill._utils.numpy_student import find_ids, plain_id

DAY, NOON = pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-02 12:30")
LOCAL = DAY.tz_localize("America/New_York")


@pytest.mark.parametrize(
    ("of_fit", "given"),
    [
        (DAY, DAY.tz_localize("UTC")),
        (DAY, LOCAL),
        (DAY, "2024-01-02"),
        (DAY, "2024-01-02 00:00:00"),
        (NOON, "2024-01-02T12:30:00"),
        (NOON.tz_localize("UTC"), NOON),
        (LOCAL.tz_convert("UTC").tz_localize(None), LOCAL),
        ("2024-01-02", DAY),
        ("2024-01-02", DAY.tz_localize("UTC")),
        ("2024-01-02", datetime.date(2024, 1, 2)),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        ("2024-01-02T12:30:00", NOON),
        (7, "7"),
        ("7", 7),
        (("north", 7), ("north", "7")),
        (("7", DAY), (7, LOCAL)),
        ((DAY, "a"), (datetime.date(2024, 1, 2), "a")),
    ],
)
def test_an_id_in_another_form_is_told(of_fit, given):
    """An example of a conversion is given where it leads to the id of fit."""
    with pytest.warns(UserWarning, match="is not among those of fit, where .* is: it is forecast like") as caught:
        assert find_ids([given], {of_fit: 0}).tolist() == [-1]
    converts = type(of_fit)(given) == of_fit if isinstance(of_fit, int | str) else False
    assert (f"panel.rename(index={type(of_fit).__name__}, " in str(caught[0].message)) == converts


def test_files_have_ids_as_text_and_tell_the_same():
    for given in (DAY.tz_localize("UTC"), LOCAL, "2024-01-02"):
        with pytest.warns(UserWarning, match=r"where '2024-01-02 00:00:00' \(str\) is: .* to the type of fit\.$"):
            assert find_ids([given], {plain_id(DAY): 0}, plain_id).tolist() == [-1]


@pytest.mark.parametrize(
    ("of_fit", "given"),
    [
        ("north", "North "),
        ("New York", "New\u00a0York"),
        ("K\u00f6ln", "Ko\u0308ln"),
        ("007", 7),
        (7, "007"),
        ("7", 7.0),
        ("7.0", "7"),
        (("north", "007"), ("North", 7)),
        ("1/02", "01/2.0"),
    ],
)
@pytest.mark.parametrize("plain", [None, plain_id])
def test_an_id_in_another_spelling_is_told_where_the_one_of_fit_has_no_rows(of_fit, given, plain):
    places = {of_fit: 0, "other": 1}
    with pytest.warns(UserWarning, match="is not among those of fit, where .* is, which has no rows here"):
        assert find_ids(["other", given], places, plain).tolist() == [1, -1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_ids([of_fit, given], places, plain).tolist() == [0, -1]


@pytest.mark.parametrize(
    "given", ["2024-01-03", "north", NOON, LOCAL + pd.Timedelta(days=1), datetime.date(2024, 1, 3), 8]
)
def test_other_ids_are_not(given):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for plain in (None, plain_id):
            places = {DAY: 0, "a": 1, 7: 2} if plain is None else {plain(DAY): 0, "a": 1, 7: 2}
            assert find_ids([given], places, plain).tolist() == [-1]


@pytest.mark.parametrize(
    ("of_fit", "given"), [(("north", 7), 7), (("north", 7), "north/7"), ("north", ("a", "north")), (("a", "b"), ("a",))]
)
@pytest.mark.parametrize("plain", [None, plain_id])
def test_an_id_of_another_number_of_levels_is_told(of_fit, given, plain):
    with pytest.warns(UserWarning, match=r"whose ids have \d levels, such as .*, and it has \d: it is forecast like"):
        assert find_ids([None, of_fit, given], {of_fit: 0}, plain).tolist() == [-1, 0, -1]


def test_new_series_of_as_many_levels_are_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_ids([("south", 7), "new", None], {("north", 7): 0, "north": 1}).tolist() == [-1, -1, -1]


def test_a_level_that_is_dropped_is_told_by_predict():
    """The units of a series are those of its context then: forecasts are others."""
    rows = {("north", 1): make_series(60), ("north", 2): 10.0 + make_series(60)}
    panel = pd.concat({one: pd.DataFrame(part) for one, part in rows.items()}, names=["store", "item", "day"])
    forecaster = make_forecaster(teacher=None, student="linear").fit(panel)
    with pytest.warns(UserWarning, match="series 1 is not among those of fit, whose ids have 2 levels"):
        forecaster.predict(panel.loc["north"])
