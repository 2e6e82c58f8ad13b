"""The teacher that ships with the package: its network, its files, and what it answers."""

import dataclasses
import json
import logging
import math
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import make_series
from sklearn.base import clone
from test_foundation import make_windows
from torch import Tensor

from skdistill import DistilledForecaster
from skdistill._utils._digest import digest
from skdistill.core import resolve_teacher
from skdistill.networks import Linear
from skdistill.teachers import Pretrained, TrainedTeacher
from skdistill.teachers import _echo_network as echo
from skdistill.teachers._echo_network import EchoConfig, EchoNetwork
from skdistill.teachers._echo_weights import CARD, SHIPPED, WEIGHTS, load_echo, read_card, save_echo
from skdistill.teachers._shipped import EchoModel
from skdistill.teachers._zero_shot import roll_out

SMALL = EchoConfig(hidden_size=16, n_layers=2, n_heads=2, feedforward_size=16)


@pytest.fixture(scope="module")
def network() -> EchoNetwork:
    """Give a small network of random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = EchoNetwork(SMALL)
        torch.nn.init.normal_(network.weigh.weight, std=0.5)
        return network.eval()


@pytest.fixture(scope="module")
def shipped() -> EchoModel:
    """Give the model of the package."""
    return EchoModel(load_echo(torch.device("cpu")))


def forecast(network: EchoNetwork, context: Tensor, horizon: int) -> Tensor:
    with torch.inference_mode():
        return EchoModel(network).predict(context, horizon).quantiles


def walks(n_series: int = 6, n_rows: int = 100, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n_series, n_rows)).cumsum(1).astype(np.float32))


# -- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 2, 3, 8, 24, 192, 193, 700, 2048])
@pytest.mark.parametrize("horizon", [1, 17, 96])
def test_every_length_of_context_and_horizon_is_answered(network, n_rows, horizon):
    quantiles = forecast(network, walks(3, n_rows), horizon)
    assert quantiles.shape == (3, 9, horizon)
    assert torch.isfinite(quantiles).all()
    assert (quantiles.diff(dim=1) >= 0).all()


def test_forecasts_stretch_with_the_series(network):  # not move: where nought lies tells counts and prices apart
    context = walks()
    expected = 4096.0 * forecast(network, context, 20)
    torch.testing.assert_close(forecast(network, 4096.0 * context, 20), expected, rtol=1e-4, atol=0.1)


def test_a_series_is_forecast_the_same_in_any_company(network):
    context = walks()
    alone = torch.cat([forecast(network, row[None], 20) for row in context])
    torch.testing.assert_close(forecast(network, context, 20), alone, rtol=1e-4, atol=1e-4)


def test_gaps_on_the_left_are_as_if_the_series_began_later(network):
    short = walks(3, 40)
    longer = torch.cat([torch.full((3, 24), math.nan), short], dim=1)
    torch.testing.assert_close(forecast(network, longer, 20)[0, 4], forecast(network, longer[:1], 20)[0, 4])
    in_company = torch.cat([torch.full((3, 600), math.nan), short], dim=1)
    in_company = torch.cat([in_company, walks(2, 640)])
    expected = forecast(network, torch.cat([torch.full((3, 152), math.nan), short], dim=1), 20)
    torch.testing.assert_close(forecast(network, in_company, 20)[:3], expected, rtol=1e-4, atol=1e-4)


def test_gaps_inside_are_read_as_gaps(network):
    context = walks()
    holed = context.clone()
    holed[:, 30:50] = math.nan
    other = holed.nan_to_num(5.0)
    quantiles = forecast(network, holed, 20)
    assert torch.isfinite(quantiles).all()
    assert not torch.allclose(quantiles, forecast(network, other, 20))


@pytest.mark.parametrize("value", [0.0, 1e-30, -7.5, 1e9])
def test_a_series_that_stands_still_is_continued(network, value):
    context = torch.full((2, 64), value)
    torch.testing.assert_close(forecast(network, context, 30), torch.full((2, 9, 30), value), rtol=1e-4, atol=1e-6)


def test_large_levels_keep_their_digits(network):
    context = (64 * walks()).round() / 64  # so that float32 holds them at both levels
    high, higher = (forecast(network, context + level, 20) - level for level in (2.0**12, 2.0**16))
    torch.testing.assert_close(higher, high, rtol=0.01, atol=0.05)


def test_lags_are_found():
    time = torch.arange(600, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    for season in (7, 24, 33, 168):
        profile = torch.randn(season, generator=generator)
        series = profile[time.long() % season] + 0.3 * torch.randn(600, generator=generator)
        lags = echo._pick_lags(echo._window(series[None]), EchoConfig()).lags[0].tolist()
        assert any(lag % season == 0 for lag in lags[:2]), (season, lags)


# -- files ---------------------------------------------------------------------------------------


def test_weights_come_back_as_they_went(network, tmp_path):
    folder = save_echo(network, tmp_path / "echo", {"data": "none"})
    again = load_echo(torch.device("cpu"), folder)
    assert again.config == network.config
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_damaged_weights_are_refused(network, tmp_path):
    folder = save_echo(network, tmp_path / "echo", {})
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match="is damaged or does not belong to"):
        load_echo(torch.device("cpu"), folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "belong to another version"),
        ({"config": {"hidden_size": 32}}, "another version of skdistill"),
        ({"config": {"unheard_of": 1}}, "another version of skdistill"),
    ],
)
def test_other_versions_are_refused(network, tmp_path, change, message):
    folder = save_echo(network, tmp_path / "echo", {})
    card = json.loads((folder / CARD).read_text()) | change
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(ValueError, match=message):
        load_echo(torch.device("cpu"), folder)


@pytest.mark.parametrize("name", [CARD, WEIGHTS])
def test_missing_files_are_named(network, tmp_path, name):
    folder = save_echo(network, tmp_path / "echo", {})
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_echo(torch.device("cpu"), folder)


def test_a_card_that_is_none_is_refused(tmp_path):
    (tmp_path / CARD).write_text("[]")
    with pytest.raises(ValueError, match="damaged"):
        read_card(tmp_path)


def test_shipped_weights_are_small_and_carry_a_card():
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 8e6
    card = read_card()
    assert card["training"]["license"] == Pretrained.license
    assert card["n_parameters"] <= 4e6
    assert {"data", "settings", "commit"} <= set(card["training"])
    assert card["limits"]


def test_the_figures_of_the_card_are_those_of_the_documentation():
    page = Path(__file__).parents[2] / "docs" / "pretrained.md"
    text, card = page.read_text(encoding="utf-8").replace(",", ""), read_card()
    told = json.dumps([card["figures"], card["limits"]])
    figures = re.findall(r"\b(?:\d\.\d+|\d{4})\b", told)
    assert len(figures) > 8
    assert [one for one in figures if one not in text] == []


# -- the shipped model ---------------------------------------------------------------------------


def test_two_sharp_seasons_at_once_are_continued(shipped):
    """A day of hours in a week that multiplies it: far better than yesterday, and than last week with its noise."""
    generator = np.random.default_rng(0)
    day, week = np.exp(generator.normal(size=24)), np.exp(0.5 * generator.normal(size=7))
    time = np.arange(560)
    series = day[time % 24] * week[time // 24 % 7] * np.exp(0.1 * generator.normal(size=560))
    context, truth = torch.from_numpy(series[None, :512].astype(np.float32)), series[512:]
    answer = shipped.predict(context, 48).point[0].numpy()
    yesterday = series[512 - 24 + np.arange(48) % 24]
    assert np.abs(answer - truth).mean() < 0.6 * np.abs(yesterday - truth).mean()


@pytest.mark.parametrize("season", [4, 12, 37])
def test_a_noisy_season_is_averaged(shipped, season):
    generator = np.random.default_rng(season)
    profile, noise = generator.normal(size=season), 0.3 * generator.normal(size=(64, 10 * season))
    series = (np.tile(profile, 10) + noise).astype(np.float32)
    context, truth = torch.from_numpy(series[:, : 9 * season]), series[:, 9 * season :]
    answer = shipped.predict(context, season).point.numpy()
    assert np.abs(answer - truth).mean() < 0.92 * np.abs(series[:, 8 * season : 9 * season] - truth).mean()


def test_quantiles_of_noise_cover_it(shipped):
    series = np.random.default_rng(1).normal(size=(400, 248)).astype(np.float32)
    quantiles = shipped.predict(torch.from_numpy(series[:, :200]), 48).quantiles.numpy()
    covered = (series[:, None, 200:] <= quantiles).mean(axis=(0, 2))
    np.testing.assert_allclose(covered, np.arange(1, 10) / 10, atol=0.06)


def test_beyond_its_horizon_it_rolls_out(shipped):
    context = walks(2, 64)
    answer = roll_out(shipped, context, 750)
    assert answer.point.shape == (2, 750)
    first = shipped.predict(context, 720)
    torch.testing.assert_close(answer.point[:, :720], first.point)
    rest = shipped.predict(torch.cat([context, first.point], dim=1), 30)
    torch.testing.assert_close(answer.point[:, 720:], rest.point)


# -- the teacher ---------------------------------------------------------------------------------


def test_short_name():
    assert resolve_teacher("pretrained").get_params() == Pretrained().get_params()
    assert clone(Pretrained(layer=None)).layer is None


def fitted(teacher, context_length=40, prediction_length=5, n_channels=2):
    n_rows = 300 + prediction_length
    windows = make_windows(context_length, prediction_length, n_channels, tuple(range(n_channels)), n_rows)
    return teacher.fit(windows), windows.train.contexts(torch.arange(4))


def test_labels_have_forecasts_deciles_and_features():
    teacher, contexts = fitted(Pretrained(device="cpu"))
    labels = teacher.label(contexts)
    assert labels.forecast.shape == (4, 5, 2)
    assert labels.features.shape == (4, 2, 5, 96)  # 40 rows are 5 patches of 8
    assert labels.quantile_levels == pytest.approx(np.arange(1, 10) / 10)
    torch.testing.assert_close(labels.quantiles[:, 4], labels.forecast)
    assert teacher.count_parameters() == read_card()["n_parameters"]
    torch.testing.assert_close(teacher.recompute_features(contexts), labels.features)


def test_bfloat16_says_about_the_same():
    teacher, contexts = fitted(Pretrained(device="cpu"))
    rough, _ = fitted(Pretrained(device="cpu", dtype="bfloat16"))
    torch.testing.assert_close(rough.label(contexts).forecast, teacher.label(contexts).forecast, rtol=0.1, atol=0.1)


def test_gaps_are_labeled_and_nothing_observed_is_refused():
    teacher, contexts = fitted(Pretrained(device="cpu"))
    values = contexts.values.clone()
    values[1, :30, 0] = math.nan
    values[2, 10:20, 1] = math.nan
    assert torch.isfinite(teacher.label(dataclasses.replace(contexts, values=values)).forecast).all()
    values[3, :, 1] = math.nan
    with pytest.raises(ValueError, match="at least one observed value"):
        teacher.label(dataclasses.replace(contexts, values=values))


def test_a_horizon_beyond_training_is_said(caplog):
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        fitted(Pretrained(device="cpu"), 40, 722, 1)
    assert "722 steps is rolled out" in caplog.text


def test_other_weights_have_another_key(network, tmp_path):
    folder = save_echo(network, tmp_path / "echo", {})
    copied = shutil.copytree(folder, tmp_path / "copied")
    keys = [Pretrained(model).for_cache_key().get_params()["model"] for model in (None, folder, copied)]
    digests = [digest(key) for key in keys]
    assert digests[0] != digests[1]
    assert digests[1] == digests[2]


def test_a_first_fit_needs_no_training_of_a_teacher():
    series = make_series(400, 2)
    forecaster = DistilledForecaster(
        teacher="pretrained", student=Linear(), loss="response", context_length=48, prediction_length=12
    )
    assert forecaster.fit(series).predict(series[-48:]).shape == (12, 2)


def test_missing_values_reach_the_network_as_missing(shipped):
    X = make_series(80, 2)
    X[[20, 21, 22, 45], 0] = np.nan
    X[30:60, 1] = np.nan  # whole contexts of the second channel
    settings = {"context_length": 24, "prediction_length": 8, "validation_fraction": 0}
    forecaster = DistilledForecaster("pretrained", Linear(), "response", **settings).fit(X)
    contexts = forecaster._windows_to_fit(X, None).train.contexts(torch.arange(40))
    labels = forecaster.teacher_.label(contexts)
    assert bool(torch.isfinite(labels.forecast).all())
    row = int(np.flatnonzero(contexts.origins == 45)[0])
    seen = torch.from_numpy(np.where(contexts.observed[row, :, 0], contexts.values[row, :, 0], np.nan))[None]
    expected = roll_out(shipped, seen.float(), 8).point[0]
    np.testing.assert_allclose(labels.forecast[row, :, 0], expected, rtol=1e-4, atol=1e-5)
    filled = roll_out(shipped, contexts.values[row, :, 0][None], 8).point[0]
    assert float((filled - expected).abs().max()) > 1e-3


def test_a_teacher_that_hardly_trains_is_told_before_it_trains():
    X = make_series(60, 1)
    settings = {"context_length": 12, "prediction_length": 4, "random_state": 0}
    with pytest.warns(
        UserWarning,
        match=r"hardly leave where they start.*if the loss reads forecasts alone, take teacher='pretrained'",
    ):
        DistilledForecaster("dlinear", "linear", "response", **settings).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(TrainedTeacher("dlinear", lr=0.01), "linear", "response", **settings).fit(X)
        DistilledForecaster("pretrained", "linear", "response", **settings).fit(X)
