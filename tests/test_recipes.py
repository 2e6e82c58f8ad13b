import warnings

import numpy as np
import pytest

from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal
from skdistill.recipes import calf, distilts, exact_linear, linear_skip_mlp, timedistill

SERIES = make_multiseasonal(300, 2, seasons=(12,), random_state=0)
LENGTHS = {"context_length": 48, "prediction_length": 6, "random_state": 0}


@pytest.mark.parametrize("teacher", [None, "dlinear"])
@pytest.mark.parametrize("recipe", [exact_linear, lambda *args, **kw: linear_skip_mlp(*args, **kw, hidden_size=8)])
def test_recipes_fit_with_and_without_a_teacher(recipe, teacher):
    forecaster = DistilledForecaster(teacher=teacher, **recipe(12, n_seasons=3), **LENGTHS).fit(SERIES)
    assert np.isfinite(forecaster.predict(SERIES).to_numpy()).all()


def test_the_exact_recipe_is_solved_and_not_trained():
    forecaster = DistilledForecaster(teacher=None, **exact_linear(12, n_seasons=3), **LENGTHS).fit(SERIES)
    same = DistilledForecaster(teacher=None, **exact_linear(12, n_seasons=3), **LENGTHS, max_epochs=1).fit(SERIES)
    np.testing.assert_array_equal(forecaster.predict(SERIES), same.predict(SERIES))


@pytest.mark.parametrize("with_teacher", [False, True])
def test_without_a_teacher_there_is_no_weight_to_choose(with_teacher):
    recipe = exact_linear(12, n_seasons=3, with_teacher=with_teacher)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        DistilledForecaster(teacher=None, **recipe, **LENGTHS).fit(SERIES)
    assert any("weight_grid" in str(one.message) for one in said) == with_teacher


def test_a_recipe_that_reads_more_than_the_context_is_refused():
    with pytest.raises(ValueError, match="last_rows"):
        DistilledForecaster(teacher=None, **exact_linear(24), **LENGTHS).fit(SERIES)


@pytest.mark.parametrize("wrong", [{"season": 0}, {"n_seasons": 0}])
def test_sizes_are_checked(wrong):
    with pytest.raises(ValueError, match="of the recipe must be"):
        exact_linear(**wrong)


def test_published_settings_fit_and_hold_whatever_the_defaults_are():
    tiny = {**LENGTHS, "max_epochs": 1, "batch_size": 64}
    taught = {**timedistill(teacher_size=8, hidden_size=4), **tiny}
    taught["teacher"] = taught["teacher"].set_params(max_epochs=1)
    for settings in (taught, {**distilts(), **tiny, "teacher": "pretrained"}):
        assert np.isfinite(DistilledForecaster(**settings).fit(SERIES[:120]).predict(SERIES).to_numpy()).all()
    assert DistilledForecaster(**calf(), prediction_length=96).batch_size == 256


def test_published_settings_are_those_of_the_papers():
    settings = timedistill()
    assert (settings["lr"], settings["lr_schedule"], settings["batch_size"], settings["patience"]) == (
        0.01, "halving", 32, 5,
    )  # fmt: skip
    assert (settings["teacher"].lr, settings["teacher"].max_epochs) == (1e-4, 10)
    assert (distilts()["lr"], distilts()["lr_schedule"], distilts()["patience"]) == (1e-4, "constant", 3)
    assert (distilts()["loss"].prediction_weight, distilts()["loss"].tau) == (0.5, 1.0)
    assert (calf()["lr"], calf()["student"].lora_rank, calf()["student"].lora_alpha) == (5e-4, 8, 32.0)
    assert calf()["student"].dropout == 0.1  # no layer of the released code reads the 0.3 of its scripts
