"""Tables with a series in each row."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.data._plausibility._time_columns import warn_of_numbered_rows
from skdistill.datasets import load_csv

DAYS = pd.date_range("2024-01-01", periods=30)
MONTHS = range(1, 13)
MONTH_NAMES = list(pd.date_range("2024-01-01", periods=12, freq="MS").month_name())


def fit(columns, index=None):
    rows = np.random.default_rng(0).normal(size=(40, len(columns)))
    lengths = {"context_length": 4, "prediction_length": 2}
    DistilledForecaster(None, "linear", "response", **lengths).fit(pd.DataFrame(rows, index, columns))


def test_months_that_are_covariates_are_not_told():
    days = pd.date_range("2024-01-01", periods=400)
    rows = pd.DataFrame(np.eye(12)[days.month - 1], columns=MONTH_NAMES).assign(y=days.dayofyear + 0.5)
    lengths = {"context_length": 4, "prediction_length": 2, "targets": ["y"], "known_covariates": MONTH_NAMES}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(None, "linear", "response", **lengths).fit(rows)


def read(columns, index=None):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, len(columns))), columns=columns)
    load_csv(io.StringIO(table.to_csv(index=False)))


@pytest.mark.parametrize("see", [fit, read])
@pytest.mark.parametrize(
    "columns",
    [
        DAYS,
        DAYS.strftime("%Y-%m-%d"),
        DAYS.strftime("X%Y.%m.%d"),
        DAYS.strftime("%d/%m/%Y"),
        DAYS.strftime("%Y-%m-%d %H:%M:%S"),
        pd.period_range("2024-01", periods=9, freq="M"),
        [f"{year}Q{quarter}" for year in (2023, 2024) for quarter in range(1, 5)],
        [str(year) for year in range(1960, 1999)],
        [f"{year} [YR{year}]" for year in range(1960, 1999)],
    ],
)
def test_columns_named_by_times_are_told(see, columns):
    """Each row of such a table is a series, and was read as a step."""
    with pytest.warns(UserWarning, match="are named by times, .* but its rows are read as the time steps"):
        see(columns)


@pytest.mark.parametrize("see", [fit, read])
@pytest.mark.parametrize("form", [str, str.upper, lambda name: name[:3]])
@pytest.mark.parametrize("others", [[], ["Annual"]])
def test_months_of_rows_that_are_years_are_told(see, form, others):
    with pytest.warns(UserWarning, match="named by the months of a year, but its rows are read as the time steps"):
        see([form(one) for one in MONTH_NAMES] + others)


@pytest.mark.parametrize(
    ("columns", "index"),
    [
        (list("abcdef"), None),
        ([*MONTH_NAMES[1:], MONTH_NAMES[0]], None),
        (MONTH_NAMES, pd.date_range("2024-01-01", periods=40)),
        ([str(one) for one in range(30)], None),
        (["2000", "2010", "2005", "1000"], None),  # sensors
        ([f"d_{one}" for one in range(30)], None),
        ([str(year) for year in range(1960, 1969)], pd.date_range("2024-01-01", periods=40)),  # by year of birth
    ],
)
def test_columns_with_other_names_are_not_told(columns, index):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(columns, index)


def fit_panel(ids, times):
    index = pd.MultiIndex.from_product([ids, times])
    rows = pd.DataFrame({"y": np.random.default_rng(0).normal(size=len(index))}, index)
    DistilledForecaster(None, "linear", "response", context_length=4, prediction_length=2).fit(rows)


@pytest.mark.parametrize("ids", [DAYS, DAYS.strftime("%Y-%m-%d"), pd.period_range("2024-01", periods=12, freq="M")])
def test_a_panel_with_time_first_is_told(ids):
    """Each day was a series, and the numbers of the shops were its times."""
    with pytest.warns(UserWarning, match=r"have times for ids, such as '2024-01.*X\.swaplevel\(0, -1\)"):
        fit_panel(ids, range(1, 51))


@pytest.mark.parametrize("ids", [range(2015, 2024), [("north", 2022), ("north", 2023), ("south", 2023)]])
@pytest.mark.parametrize("n_parts", [12, 52])
def test_years_and_months_as_levels_are_told(ids, n_parts):
    """As groupby([years, months]) makes them: each year was a series."""
    index = pd.MultiIndex.from_tuples(
        [(*(one if isinstance(one, tuple) else (one,)), part) for one in ids for part in range(1, n_parts + 1)]
    )
    rows = pd.DataFrame({"y": np.random.default_rng(0).normal(size=len(index))}, index)
    with pytest.warns(UserWarning, match="have years for ids, such as 20.* each year is read as a series"):
        DistilledForecaster(None, "linear", "response", context_length=4, prediction_length=2).fit(rows)


@pytest.mark.parametrize(
    ("ids", "times"),
    [
        (range(9), range(50)),
        (DAYS, range(24)),
        (list("abc"), DAYS),
        (range(2001, 2009), range(50)),
        ([1, 2], range(1, 13)),
        (["1001-01", "1001-02", "1002-01"], range(50)),
        (["2001-14", "2001-15", "2002-01"], range(50)),
        (["2001-01", "2001-02", "north"], range(50)),
        (range(2001, 2004), range(366)),
    ],
)
def test_other_panels_are_not_told(ids, times):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_panel(ids, times)


@pytest.mark.parametrize(
    "times",
    [
        range(2020, 1990, -1),
        [100 * year + month for year in (2020, 2019, 2018) for month in range(12, 0, -1)],
        DAYS[::-1].strftime("%Y%m%d").astype(int),
    ],
)
def test_a_table_that_starts_with_the_newest_row_is_told(times):
    """Its forecasts went back in time."""
    rows = np.random.default_rng(0).normal(size=len(times))
    lengths = {"context_length": 4, "prediction_length": 2}
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], **lengths)
    with pytest.warns(UserWarning, match="column 'when' of X falls from 20.* read as the oldest first"):
        forecaster.fit(pd.DataFrame({"when": times, "y": rows}))
    for other in (times[::-1], [7, 8] * (len(times) // 2), -np.arange(len(times))):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            forecaster.fit(pd.DataFrame({"when": other, "y": rows}))


def test_a_target_that_numbers_the_rows_is_told():
    """The column 'id' of many a competition was forecast, and made the mean of all errors small."""
    rng = np.random.default_rng(0)
    parts = {one: pd.DataFrame({"id": 7 + one + 3 * np.arange(30), "y": rng.normal(size=30)}, DAYS) for one in (0, 1)}
    panel = pd.concat(parts)
    lengths = {"context_length": 4, "prediction_length": 2}
    with pytest.warns(UserWarning, match="the columns 'id' of X number the rows or .* Since targets is None"):
        DistilledForecaster(None, "linear", "response", **lengths).fit(panel)
    dates = {"month": DAYS.month, "DayOfWeek": DAYS.dayofweek, "y": rng.normal(size=30)}
    with pytest.warns(UserWarning, match="the columns 'month', 'DayOfWeek' of X number the rows or tell their dates"):
        DistilledForecaster(None, "linear", "response", **lengths).fit(pd.DataFrame(dates, DAYS))
    sound = [({"targets": ["y"]}, panel), ({}, panel[["id"]]), ({}, panel.assign(id=panel["id"] ** 2))]
    for settings, rows in sound:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DistilledForecaster(None, "linear", "response", **lengths, **settings).fit(rows)


def test_kilowatt_hours_by_day_and_by_night_are_no_dates():
    rng = np.random.default_rng(0)
    rows = [np.stack([rng.integers(3, 20, 90), rng.integers(1, 9, 90)], axis=1).astype(float)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_numbered_rows(pd.Index(["day", "night"]), (0, 1), rows)
    for freq, name, values in [("h", "hour", "hour"), ("MS", "quarter", "quarter"), ("B", "weekday", "day_of_week")]:
        labels = pd.date_range("2024-01-01", periods=90, freq=freq)
        rows[0][:, 0] = getattr(labels, values)
        with pytest.warns(UserWarning, match=f"the columns '{name}' of X number the rows or tell their dates"):
            warn_of_numbered_rows(pd.Index([name, "night"]), (0, 1), rows)
