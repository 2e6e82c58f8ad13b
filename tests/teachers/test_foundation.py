"""Foundation models as teachers: tiny checkpoints, built from configs, through the real loading code."""

import json
import logging
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny_checkpoints
import torch
from doubles import make_forecaster, make_series
from safetensors.torch import load_file, save_file
from sklearn.base import clone

from skdistill._utils._digest import digest
from skdistill.core import NetworkSpec, SeriesStore
from skdistill.data._scaling import Scaling
from skdistill.data._training_windows import split_windows
from skdistill.losses import DistilTS, TimeDistill
from skdistill.networks import DLinear, ITransformer
from skdistill.networks._unread import warn_of_unread_settings
from skdistill.teachers import Chronos, Moirai, TimeMoE, TimesFM, TinyTimeMixer, TiRex
from skdistill.teachers import _foundation as foundation
from skdistill.teachers._checkpoint_folder import repair_buffers
from skdistill.training._device import resolve_device

pytestmark = pytest.mark.slow

# name -> maker, teacher, its own parameters, library that must be there, whether it samples
FAMILIES = {
    "chronos_t5": (tiny_checkpoints.make_chronos_t5, Chronos, {"n_samples": 3}, "chronos", True),
    "chronos_bolt": (tiny_checkpoints.make_chronos_bolt, Chronos, {}, "chronos", False),
    "chronos_2": (tiny_checkpoints.make_chronos_2, Chronos, {"covariates": False}, "chronos", False),
    "time_moe": (tiny_checkpoints.make_time_moe, TimeMoE, {}, "transformers", False),
    "moirai": (tiny_checkpoints.make_moirai, Moirai, {"patch_size": 8, "n_samples": 5}, "hydra", True),
    "moirai_2": (tiny_checkpoints.make_moirai_2, Moirai, {}, "hydra", False),
    "timesfm": (tiny_checkpoints.make_timesfm, TimesFM, {}, "transformers", False),
    "timesfm_2_5": (tiny_checkpoints.make_timesfm_2_5, TimesFM, {}, "transformers", False),
    "tirex": (tiny_checkpoints.make_tirex, TiRex, {}, "tirex", False),
    "tiny_time_mixer": (tiny_checkpoints.make_tiny_time_mixer, TinyTimeMixer, {}, "transformers", False),
}
DETERMINISTIC = [name for name, family in FAMILIES.items() if not family[-1]]
MASKING = ["chronos_t5", "chronos_bolt", "chronos_2", "moirai", "moirai_2", "tirex", "tiny_time_mixer"]
TINY_TRANSFORMER = ITransformer(hidden_size=4, n_layers=1, n_heads=2)
REFUSING = ["time_moe", "timesfm", "timesfm_2_5"]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Give a function that saves a tiny checkpoint once, and says where it lies."""
    made = {}

    def find(name):
        library = FAMILIES[name][3]
        pytest.importorskip(library, reason=f"the checkpoint {name} needs {library}: pip install 'skdistill[...]'")
        if name == "moirai" or name == "moirai_2":
            pytest.importorskip("lightning", reason="Moirai needs lightning: pip install 'skdistill[moirai]'")
        if name not in made:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                made[name] = FAMILIES[name][0](tmp_path_factory.mktemp("checkpoints") / name)
        return made[name]

    return find


def make_windows(context_length=40, prediction_length=5, n_channels=3, targets=(0, 2), n_rows=300):
    store = SeriesStore(
        values=torch.randn(n_rows + prediction_length, n_channels, generator=torch.Generator().manual_seed(0)),
        offsets=np.array([0]),
        lengths=np.array([n_rows]),
        indexes=(None,),
        padding=prediction_length,
        scaling=Scaling().fit([np.random.default_rng(0).normal(size=(10, n_channels))]),
    )
    return split_windows(
        store,
        context_length=context_length,
        prediction_length=prediction_length,
        targets=targets,
        validation_rows=[0],
    )


def make_teacher(checkpoint, name, **changes):
    settings = {**FAMILIES[name][2], "device": "cpu", **changes}
    if FAMILIES[name][-1]:
        settings.setdefault("random_state", 0)
    return FAMILIES[name][1](checkpoint(name), **settings)


def label(teacher, windows, n_windows=4):
    return teacher.fit(windows).label(windows.train.contexts(torch.arange(n_windows)))


# -- what every teacher answers ------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("lengths", [(40, 5), (100, 37), (5, 1)], ids=["usual", "long", "short"])
def test_shapes_of_forecast_features_and_quantiles(checkpoint, name, lengths):
    windows = make_windows(*lengths)
    labels = label(make_teacher(checkpoint, name), windows)
    assert labels.forecast.shape == (4, lengths[1], 2)
    assert labels.forecast.dtype == torch.float32
    assert torch.isfinite(labels.forecast).all()
    assert labels.features.ndim == 4
    assert labels.features.shape[:2] == (4, 2)
    assert torch.isfinite(labels.features).all()
    if labels.quantiles is not None:
        assert labels.quantiles.shape == (4, len(labels.quantile_levels), lengths[1], 2)
        median = labels.quantiles[:, labels.quantile_levels.index(0.5)]
        if not FAMILIES[name][-1] and FAMILIES[name][1] is not TimesFM:
            torch.testing.assert_close(median, labels.forecast)


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_repeat(checkpoint, name):
    windows = make_windows()
    first = label(make_teacher(checkpoint, name), windows)
    again = label(pickle.loads(pickle.dumps(make_teacher(checkpoint, name))), windows)
    assert torch.equal(first.forecast, again.forecast)
    assert torch.equal(first.features, again.features)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_channels_and_windows_do_not_see_each_other(checkpoint, name):
    windows = make_windows(targets=(0, 1, 2))
    everything = label(make_teacher(checkpoint, name), windows, 6)
    alone = label(make_teacher(checkpoint, name, batch_size=1), make_windows(targets=(1,)), 6)
    torch.testing.assert_close(everything.forecast[..., 1:2], alone.forecast, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(everything.features[:, 1:2], alone.features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["chronos_t5", "moirai"])
def test_samples_follow_the_seed(checkpoint, name):
    windows = make_windows()
    first = label(make_teacher(checkpoint, name), windows).forecast
    assert not torch.equal(first, label(make_teacher(checkpoint, name, random_state=1), windows).forecast)
    before = torch.get_rng_state()
    label(make_teacher(checkpoint, name), windows)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", FAMILIES)
def test_pooling_and_layers(checkpoint, name):
    windows = make_windows()
    steps = label(make_teacher(checkpoint, name), windows).features
    mean = label(make_teacher(checkpoint, name, pooling="mean"), windows).features
    last = label(make_teacher(checkpoint, name, pooling="last"), windows).features
    torch.testing.assert_close(mean, steps.mean(dim=2))
    torch.testing.assert_close(last, steps[:, :, -1])
    blocks = label(make_teacher(checkpoint, name, pooling=2), windows).features
    assert blocks.shape == (*steps.shape[:2], 2, mean.shape[-1])
    assert label(make_teacher(checkpoint, name, layer=None), windows).features is None
    assert not torch.allclose(label(make_teacher(checkpoint, name, layer=0), windows).features, steps)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("lengths", [(40, 5), (100, 37)], ids=["usual", "rolled out"])
def test_recomputed_features_are_those_of_the_labels(checkpoint, name, lengths):
    windows = make_windows(*lengths)
    for changes in ({}, {"layer": 0, "pooling": 2}):
        teacher = make_teacher(checkpoint, name, **changes).fit(windows)
        contexts = windows.train.contexts(torch.arange(4))
        assert torch.equal(teacher.recompute_features(contexts), teacher.label(contexts).features)
    assert make_teacher(checkpoint, name, layer=None).fit(windows).recompute_features(contexts) is None


def test_recomputed_features_cost_one_pass_up_to_their_layer(checkpoint):
    windows = make_windows(prediction_length=37)
    teacher = make_teacher(checkpoint, "time_moe", layer=0).fit(windows)
    contexts, model, passes = windows.train.contexts(torch.arange(4)), teacher._model(), []
    handles = [
        layer.register_forward_hook(lambda *_, number=number: passes.append(number))
        for number, layer in enumerate(model.layers)
    ]
    teacher.recompute_features(contexts)
    for handle in handles:
        handle.remove()
    assert passes == [0]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_long_context_is_cut_with_a_message(checkpoint, name, caplog):
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        windows = make_windows(200 if name != "moirai" and name != "moirai_2" else 600, 3, n_rows=700)
        labels = label(make_teacher(checkpoint, name), windows)
    message = next(record.getMessage() for record in caplog.records if "reads at most" in record.getMessage())
    seen = int(message.split("reads the last ")[1])
    assert seen < windows.train.context_length
    later = windows.train.starts + windows.train.context_length - seen
    cut = replace(windows, train=replace(windows.train, context_length=seen, starts=later))
    if not FAMILIES[name][-1]:
        torch.testing.assert_close(label(make_teacher(checkpoint, name), cut).forecast, labels.forecast)


# -- the same as the libraries -------------------------------------------------------------------


def contexts_of(windows, n_windows=4):
    values = windows.train.contexts(torch.arange(n_windows)).values[:, :, list(windows.train.targets)]
    return values.transpose(1, 2).reshape(-1, windows.train.context_length).contiguous()


def flat(labels):
    return labels.forecast.transpose(1, 2).reshape(-1, labels.forecast.shape[1])


@pytest.mark.parametrize("prediction_length", [5, 37])
def test_bolt_answers_as_its_pipeline(checkpoint, prediction_length):
    windows = make_windows(prediction_length=prediction_length)
    labels = label(make_teacher(checkpoint, "chronos_bolt"), windows)
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(str(checkpoint("chronos_bolt")), dtype=torch.float32)
    quantiles, median = pipeline.predict_quantiles(contexts_of(windows), prediction_length)
    torch.testing.assert_close(flat(labels), median)
    ours = labels.quantiles.permute(0, 3, 2, 1).flatten(0, 1)
    torch.testing.assert_close(ours, quantiles)


def test_bolt_features_are_the_encoder_states_without_the_register(checkpoint):
    windows = make_windows()
    features = label(make_teacher(checkpoint, "chronos_bolt"), windows).features
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(str(checkpoint("chronos_bolt")), dtype=torch.float32)
    caught = []
    pipeline.model.encoder.block[-1].register_forward_hook(lambda module, given, output: caught.append(output[0]))
    embedding, _ = pipeline.embed(contexts_of(windows))
    assert embedding.shape[1] == features.shape[2] + 1
    torch.testing.assert_close(features.flatten(0, 1), caught[0][:, :-1].detach())


def test_chronos_2_answers_as_its_pipeline(checkpoint):
    windows = make_windows(prediction_length=37)
    labels = label(make_teacher(checkpoint, "chronos_2"), windows)
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(str(checkpoint("chronos_2")), dtype=torch.float32)
    _, mean = pipeline.predict_quantiles(contexts_of(windows)[:, None], 37)
    torch.testing.assert_close(flat(labels), torch.cat(mean))


def test_tirex_answers_as_its_library(checkpoint):
    windows = make_windows(prediction_length=37)
    labels = label(make_teacher(checkpoint, "tirex"), windows)
    from tirex.models.tirex import TiRexZero

    model = TiRexZero.from_pretrained(str(checkpoint("tirex")), backend="torch", device="cpu")
    _, mean = model.forecast(contexts_of(windows), prediction_length=37, output_type="torch")
    torch.testing.assert_close(flat(labels), mean)


def test_timesfm_2_answers_as_the_library_does_with_padding(checkpoint):
    windows = make_windows(prediction_length=16)
    labels = label(make_teacher(checkpoint, "timesfm"), windows)
    from transformers import TimesFmModelForPrediction

    model = TimesFmModelForPrediction.from_pretrained(checkpoint("timesfm"), dtype=torch.float32).eval()
    with torch.inference_mode():
        padded = model(past_values=list(contexts_of(windows)), return_dict=True).mean_predictions
    torch.testing.assert_close(flat(labels), padded, rtol=1e-4, atol=1e-5)


def test_a_horizon_beyond_the_models_own_is_rolled_out(checkpoint):
    short, long = make_windows(prediction_length=16), make_windows(prediction_length=24)
    first = label(make_teacher(checkpoint, "timesfm"), short)
    both = label(make_teacher(checkpoint, "timesfm"), long)
    torch.testing.assert_close(both.forecast[:, :16], first.forecast)
    extended = torch.cat([contexts_of(short), flat(first)], dim=1)
    model = make_teacher(checkpoint, "timesfm")._model()
    with torch.inference_mode():
        rest = model.predict(extended, 8).point
    torch.testing.assert_close(flat(both)[:, 16:], rest)


@pytest.mark.parametrize("name", ["chronos_bolt", "chronos_2"])
def test_bolt_and_2_can_roll_out_their_median_alone(checkpoint, name):
    windows = make_windows(prediction_length=24)
    everything = label(make_teacher(checkpoint, name), windows)
    median = label(make_teacher(checkpoint, name, roll_out="point"), windows)
    torch.testing.assert_close(median.forecast[:, :16], everything.forecast[:, :16])
    assert not torch.allclose(median.forecast[:, 16:], everything.forecast[:, 16:])
    extended = torch.cat([contexts_of(windows), flat(median)[:, :16]], dim=1)
    rest = make_teacher(checkpoint, name)._model().predict(extended, 8).point
    torch.testing.assert_close(flat(median)[:, 16:], rest)


def test_time_moe_appends_its_forecasts(checkpoint):
    windows = make_windows(prediction_length=6)
    labels = label(make_teacher(checkpoint, "time_moe"), windows)
    context = contexts_of(windows)
    mean, scale = context.mean(1, keepdim=True), context.std(1, keepdim=True, correction=0)
    sequence, module = (context - mean) / scale, make_teacher(checkpoint, "time_moe")._model().module
    with torch.inference_mode():
        for need in (6, 2, 1):  # heads of 4, 1 and 1 steps
            answer = module(input_ids=sequence[..., None], max_horizon_length=need, use_cache=False, return_dict=True)
            sequence = torch.cat([sequence, answer.logits[:, -1, :]], dim=1)
    torch.testing.assert_close(flat(labels), sequence[:, 40:] * scale + mean)


def test_a_flat_context_gives_a_finite_forecast(checkpoint):
    windows = make_windows()
    contexts = windows.train.contexts(torch.arange(2))
    flat_contexts = replace(contexts, values=torch.full_like(contexts.values, 3.0))
    for name in DETERMINISTIC:
        answer = make_teacher(checkpoint, name).fit(windows).label(flat_contexts)
        assert torch.isfinite(answer.forecast).all(), name


# -- weights as saved ----------------------------------------------------------------------------


def test_a_reloaded_time_moe_is_the_one_that_was_saved(tmp_path):
    pytest.importorskip("transformers", reason="Time-MoE needs transformers")
    from sktime.libs.timemoe.timemoe import TimeMoeForPrediction

    torch.manual_seed(3)
    tiny_checkpoints.make_time_moe(tmp_path)
    loaded = TimeMoE(tmp_path, device="cpu")._model().module
    saved = TimeMoeForPrediction(loaded.config).eval()
    saved.load_state_dict(load_file(tmp_path / "model.safetensors"))
    tables = dict(saved.named_buffers())
    for name, buffer in loaded.named_buffers():
        assert torch.equal(buffer, tables[name]), name
    series = torch.randn(2, 30, 1)
    with torch.inference_mode():
        expected = saved(input_ids=series, use_cache=False, return_dict=True).logits
        assert torch.equal(loaded(input_ids=series, use_cache=False, return_dict=True).logits, expected)


@pytest.mark.parametrize("name", ["chronos_bolt", "time_moe", "timesfm", "timesfm_2_5", "tiny_time_mixer"])
def test_buffers_equal_those_of_a_twin(checkpoint, name):
    module = make_teacher(checkpoint, name)._model().module
    assert repair_buffers(module, type(module)(module.config)) == []


def test_garbage_in_a_buffer_that_no_file_holds_is_repaired():
    def make():
        module = torch.nn.Linear(1, 1)
        module.register_buffer("table", torch.arange(3.0), persistent=False)
        module.register_buffer("count", torch.zeros(1))
        return module

    loaded, twin = make(), make()
    loaded.table.fill_(float("nan"))
    loaded.count.fill_(7)
    assert repair_buffers(loaded, twin) == ["table"]
    assert loaded.table.tolist() == [0.0, 1.0, 2.0]
    assert loaded.count.item() == 7  # in the file, so left alone


@pytest.mark.parametrize("name", ["chronos_bolt", "time_moe", "timesfm_2_5", "tiny_time_mixer", "moirai", "moirai_2"])
def test_a_missing_weight_is_no_random_weight(checkpoint, name, tmp_path):
    folder = shutil.copytree(checkpoint(name), tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    dropped = next(key for key in weights if "layer" in key or "block" in key)
    del weights[dropped]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=dropped.rsplit(".", 2)[0].replace(".", r"\.")):
        FAMILIES[name][1](folder, **FAMILIES[name][2], device="cpu")._model()


@pytest.mark.parametrize("name", ["chronos_bolt", "chronos_t5", "time_moe", "moirai", "moirai_2"])
def test_nan_weights_are_noticed_when_loading(checkpoint, name, tmp_path):
    folder = shutil.copytree(checkpoint(name), tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {key: value * torch.nan if value.is_floating_point() else value for key, value in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(
        ValueError, match=r"model of \w+: .*broken is damaged .* a plain sine wave as .*Download it again"
    ):
        FAMILIES[name][1](folder, **FAMILIES[name][2], device="cpu")._model()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "tirex"])
@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.safetensors", lambda file: file.write_bytes(file.read_bytes()[:1000])),
        ("model.safetensors", lambda file: file.unlink()),
        ("config.json", lambda file: file.write_text(file.read_text()[:100])),
        ("config.json", lambda file: file.write_text("[]")),
    ],
    ids=["weights torn", "weights missing", "config torn", "config empty"],
)
def test_a_broken_download_says_what_to_fetch_again(checkpoint, name, file, damage, tmp_path):
    folder = shutil.copytree(checkpoint(name), tmp_path / "broken")
    damage(folder / file)
    teacher = FAMILIES[name][1](folder, **FAMILIES[name][2], device="cpu")
    with pytest.raises(
        ValueError,
        match=rf"model of {type(teacher).__name__}: .*broken.* is damaged or incomplete: .*Download",
    ):
        teacher.fit(make_windows())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("chronos_bolt", {"n_samples": 5, "revision": "main"}),
        ("chronos_t5", {"roll_out": "point"}),
        ("moirai_2", {"patch_size": 16}),
        ("tiny_time_mixer", {"frequency": "h"}),
    ],
)
def test_parameters_that_a_checkpoint_does_not_read_are_told(recwarn, checkpoint, name, settings):
    teacher, windows = make_teacher(checkpoint, name).set_params(batch_size=7), make_windows().train
    warn_of_unread_settings([teacher], windows)
    assert not [one for one in recwarn if "no effect" in str(one.message)]
    for key, value in settings.items():
        with pytest.warns(UserWarning, match=f"{key}={value!r} of .* has no effect with model="):
            warn_of_unread_settings([clone(teacher).set_params(**{key: value})], windows)


def test_only_the_files_of_a_family_are_fetched(monkeypatch, tmp_path):
    hub = pytest.importorskip("huggingface_hub", reason="the hub needs huggingface_hub")
    asked = []

    def fetch(name, revision, allow_patterns):
        asked.append(allow_patterns)
        return tmp_path

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    Moirai("owner/name")._path(), TiRex("owner/name")._path()
    assert asked == [["*.json", "*.safetensors"], ["*.json", "*.ckpt", "*.safetensors"]]  # TiRex-2 has the last


def test_bfloat16_stays_near(checkpoint):
    windows = make_windows()
    for name in ("chronos_bolt", "time_moe"):
        full = label(make_teacher(checkpoint, name), windows).forecast
        half = label(make_teacher(checkpoint, name, dtype="bfloat16"), windows).forecast
        assert half.dtype == torch.float32
        assert not torch.equal(half, full)
        assert (half - full).abs().mean() < 0.1 * full.abs().mean()


# -- bad input -----------------------------------------------------------------------------------

SPEC = NetworkSpec(40, 5, 3)


@pytest.mark.parametrize("teacher", [Chronos, TimeMoE, Moirai, TimesFM, TiRex, TinyTimeMixer])
def test_a_missing_folder_is_named(teacher, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"model of {teacher.__name__}: there is no folder .*nowhere"):
        teacher(tmp_path / "nowhere").check(SPEC)


def test_an_offline_hub_id_says_how_to_point_at_a_folder():
    pytest.importorskip("huggingface_hub", reason="the hub needs huggingface_hub")
    with pytest.raises(FileNotFoundError, match=r"hf download nobody/nothing-at-all .* Chronos\('FOLDER'\)"):
        Chronos("nobody/nothing-at-all").check(SPEC)


@pytest.mark.parametrize("teacher", [Chronos, TimeMoE, Moirai, TimesFM, TinyTimeMixer])
def test_a_checkpoint_of_another_family_is_named(teacher, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ValueError, match=rf"model of {teacher.__name__}: .* is not a checkpoint of .*'bert'"):
        teacher(tmp_path).check(SPEC)


def test_time_moe_names_the_transformers_that_it_needs(monkeypatch, checkpoint):
    """Version 5.24 lacks a function of its network, for which sktime has a class without parameters."""
    pytest.importorskip("transformers")
    lacking = type("_prepare_4d_causal_attention_mask", (), {})
    monkeypatch.setattr("sktime.libs.timemoe.timemoe._prepare_4d_causal_attention_mask", lacking)
    with pytest.raises(ImportError, match=r"TimeMoE needs transformers before 5\.24.*'transformers>=5\.3,<5\.24'"):
        TimeMoE().load(checkpoint("time_moe"), torch.device("cpu"), torch.float32)


def test_tirex_wants_a_checkpoint_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must be one \.ckpt file"):
        TiRex(tmp_path).check(SPEC)
    pytest.importorskip("tirex", reason="TiRex needs tirex-ts: pip install 'skdistill[tirex]'")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"other\.ckpt is not a checkpoint of TiRex"):
        TiRex(tmp_path, device="cpu")._model()


def test_moirai_builds_nothing_but_distributions(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("moirai"), tmp_path / "evil")
    config = json.loads((folder / "config.json").read_text())
    config["distr_output"]["_target_"] = "os.system"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"asks to build 'os\.system'"):
        Moirai(folder, patch_size=8, device="cpu")._model()


def test_moirai_reads_targets_as_published(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("moirai"), tmp_path / "published")
    text = (folder / "config.json").read_text()
    assert "sktime.libs.uni2ts.distribution" in text
    (folder / "config.json").write_text(text.replace("sktime.libs.uni2ts", "uni2ts"))
    windows = make_windows()
    published = Moirai(folder, patch_size=8, n_samples=5, device="cpu", random_state=0)
    ours = label(make_teacher(checkpoint, "moirai"), windows).forecast
    assert torch.equal(label(published, windows).forecast, ours)


def test_tiny_time_mixer_tells_its_frequency_to_a_checkpoint_that_asks(tmp_path):
    pytest.importorskip("transformers", reason="TinyTimeMixer needs transformers: pip install 'skdistill[ttm]'")
    folder = tiny_checkpoints.make_tiny_time_mixer(
        tmp_path / "prefix", resolution_prefix_tuning=True, frequency_token_vocab_size=8
    )
    windows = make_windows(context_length=32)
    unknown, hourly = (label(TinyTimeMixer(folder, frequency=name, device="cpu"), windows) for name in (None, "h"))
    assert unknown.features.shape == hourly.features.shape == (4, 2, 4, 16)  # a patch each, none of the token
    module = TinyTimeMixer(folder, device="cpu")._model().module
    for token, labels in ((0, unknown), (7, hourly)):
        tokens = torch.full((8,), token)
        with torch.inference_mode():
            answer = module(past_values=contexts_of(windows)[..., None], freq_token=tokens, return_loss=False)
        torch.testing.assert_close(flat(labels), answer.prediction_outputs[:, :5, 0])
    assert not torch.equal(unknown.forecast, hourly.forecast)
    keys = {digest(TinyTimeMixer(folder, frequency=name).for_cache_key()) for name in (None, "h")}
    assert len(keys) == 2
    with pytest.raises(ValueError, match=r"frequency of TinyTimeMixer must be one of those of .*'h'; got 'W'"):
        TinyTimeMixer(folder, frequency="W").check(SPEC)
    with pytest.raises(ValueError, match=r"frequency of TinyTimeMixer must be one of .*got 'hourly'"):
        TinyTimeMixer(folder, frequency="hourly").check(SPEC)


def test_a_frequency_that_is_not_read_is_not_in_the_key(checkpoint):
    keys = {digest(make_teacher(checkpoint, "tiny_time_mixer", frequency=name).for_cache_key()) for name in (None, "h")}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "changes",
    [{"mode": "mix_channel"}, {"decoder_mode": "mix_channel"}, {"enable_forecast_channel_mixing": True}],
    ids=lambda changes: next(iter(changes)),
)
def test_tiny_time_mixers_that_mix_channels_are_refused(changes, tmp_path):
    pytest.importorskip("transformers", reason="TinyTimeMixer needs transformers: pip install 'skdistill[ttm]'")
    folder = tiny_checkpoints.make_tiny_time_mixer(tmp_path, num_input_channels=2, **changes)
    with pytest.raises(ValueError, match=rf"mixes 2 channels \(its config says {next(iter(changes))}="):
        TinyTimeMixer(folder).check(SPEC)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size of Chronos"),
        ({"dtype": "float64"}, ValueError, "dtype of Chronos must be one of 'bfloat16', 'float32'"),
        ({"pooling": "max"}, ValueError, "pooling of Chronos"),
        ({"pooling": 0}, ValueError, "pooling of Chronos"),
        ({"layer": "last"}, TypeError, "layer of Chronos"),
        ({"n_samples": 0}, ValueError, "n_samples of Chronos"),
        ({"roll_out": "mean"}, ValueError, "roll_out of Chronos"),
        ({"model": " "}, ValueError, "model of Chronos must be a hub id, 'owner/name', or a local folder; got ' '"),
        ({"model": 3}, TypeError, "model of Chronos must be a hub id or a local folder"),
    ],
)
def test_bad_parameters_are_named(checkpoint, changes, error, message):
    with pytest.raises(error, match=message):
        make_teacher(checkpoint, "chronos_bolt").set_params(**changes).check(SPEC)


def test_a_layer_that_does_not_exist_is_named(checkpoint):
    with pytest.raises(ValueError, match=r"layer of Chronos must be in \[-2, 2\).*got 2"):
        label(make_teacher(checkpoint, "chronos_bolt", layer=2), make_windows())


def test_a_patch_size_that_moirai_lacks_is_named(checkpoint):
    with pytest.raises(ValueError, match=r"patch_size of Moirai must be one of .*8, 16; got 7"):
        make_teacher(checkpoint, "moirai", patch_size=7).check(SPEC)


def with_gap(windows):
    contexts = windows.train.contexts(torch.arange(3))
    values = contexts.values.clone()
    values[1, 5:9, 0] = torch.nan
    return replace(contexts, values=values)


@pytest.mark.parametrize("name", MASKING)
def test_missing_values_are_masked(checkpoint, name):
    windows = make_windows()
    teacher = make_teacher(checkpoint, name).fit(windows)
    labels, whole = teacher.label(with_gap(windows)), teacher.label(windows.train.contexts(torch.arange(3)))
    assert torch.isfinite(labels.forecast).all()
    assert torch.isfinite(labels.features).all()
    if name in DETERMINISTIC:
        torch.testing.assert_close(labels.forecast[[0, 2]], whole.forecast[[0, 2]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["chronos_bolt", "chronos_2", "moirai_2", "tirex", "tiny_time_mixer"])
def test_gaps_hold_no_value(checkpoint, name):
    """Neither zero nor another level is read from a gap, and a series that starts late is a shorter one."""
    windows = make_windows()
    teacher = make_teacher(checkpoint, name).fit(windows)
    contexts = with_gap(windows)
    higher = replace(contexts, values=contexts.values + 50)
    shifted = teacher.label(higher).forecast - 50
    torch.testing.assert_close(shifted, teacher.label(contexts).forecast, rtol=1e-4, atol=1e-4)
    values = contexts.values.clone()
    values[:, :16] = torch.nan
    late, short = (replace(contexts, values=part) for part in (values, contexts.values[:, 16:]))
    torch.testing.assert_close(teacher.label(late).forecast, teacher.label(short).forecast, rtol=1e-4, atol=1e-5)


def test_a_late_start_is_padding_to_the_first_moirai(checkpoint):
    windows = make_windows()
    teacher = make_teacher(checkpoint, "moirai").fit(windows)
    contexts = windows.train.contexts(torch.arange(3))
    values = contexts.values.clone()
    values[:, :16] = torch.nan
    late, short = (replace(contexts, values=part) for part in (values, contexts.values[:, 16:]))
    states = teacher.label(late).features[:, :, 2:]  # two patches of padding come first
    torch.testing.assert_close(states, teacher.label(short).features, rtol=1e-4, atol=1e-5)


def test_rows_that_are_all_missing_in_what_a_model_reads_stay_filled(checkpoint):
    windows = make_windows(70)
    teacher = make_teacher(checkpoint, "tiny_time_mixer").fit(windows)  # reads 32 rows
    contexts = windows.train.contexts(torch.arange(3))
    observed = torch.ones_like(contexts.values, dtype=torch.bool)
    observed[1, 38:, 0] = False
    gone = teacher.label(replace(contexts, observed=observed)).forecast
    torch.testing.assert_close(gone, teacher.label(contexts).forecast)


@pytest.mark.parametrize("name", REFUSING)
def test_missing_values_are_refused_where_they_cannot_be_masked(checkpoint, name):
    windows = make_windows()
    with pytest.raises(ValueError, match=r"cannot read missing values.*starts at row 41 of series 0.*Chronos"):
        make_teacher(checkpoint, name).fit(windows).label(with_gap(windows))


@pytest.mark.parametrize(
    ("name", "n_rows", "n_unread"),
    [("time_moe", 70, 6), ("timesfm", 70, 6), ("timesfm", 43, 3), ("timesfm_2_5", 43, 3)],
)
def test_missing_values_that_are_cut_off_do_not_matter(checkpoint, name, n_rows, n_unread):
    windows = make_windows(n_rows)
    teacher = make_teacher(checkpoint, name).fit(windows)
    contexts = windows.train.contexts(torch.arange(3))
    values = contexts.values.clone()
    values[:, :n_unread] = torch.nan
    labels, whole = teacher.label(replace(contexts, values=values)), teacher.label(contexts)
    assert torch.equal(labels.forecast, whole.forecast)
    values[:, n_unread] = torch.nan
    with pytest.raises(ValueError, match="cannot read missing values"):
        teacher.label(replace(contexts, values=values))


def test_a_nan_answer_names_the_first_window(checkpoint):
    windows = make_windows()
    teacher = make_teacher(checkpoint, "time_moe").fit(windows)
    contexts = windows.train.contexts(torch.arange(3))
    values = contexts.values.clone()
    values[2, 3, 0] = torch.inf
    with pytest.raises(ValueError, match=r"TimeMoE returned NaN or infinity, first for .* row 42 of series 0"):
        teacher.label(replace(contexts, values=values))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_out_of_memory_halves_the_batch(checkpoint, caplog, error):
    foundation._SHELF.clear()  # a loaded model remembers what fitted
    windows = make_windows()
    teacher = make_teacher(checkpoint, "chronos_bolt", batch_size=6).fit(windows)
    expected = teacher.label(windows.train.contexts(torch.arange(4))).forecast
    sizes, original = [], type(teacher)._answer

    class Cramped(Chronos):
        def _answer(self, model, batch):
            sizes.append(len(batch))
            if len(batch) > 2:
                raise error
            return original(self, model, batch)

    cramped = Cramped(teacher.model, batch_size=6, device="cpu").fit(windows)
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        labels = cramped.label(windows.train.contexts(torch.arange(4)))
    assert sizes == [6, 3, 1] + [1] * 7
    torch.testing.assert_close(labels.forecast, expected)
    assert "6 windows at once ran out of memory; from here on 3" in caplog.text


def test_later_chunks_start_with_the_batch_that_fitted(checkpoint):
    foundation._SHELF.clear()
    sizes, original = [], Chronos._answer

    class Small(Chronos):
        def _answer(self, model, batch):
            sizes.append(len(batch))
            if len(batch) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(self, model, batch)

    windows = make_windows()
    teacher = Small(checkpoint("chronos_bolt"), batch_size=4, device="cpu").fit(windows)
    teacher.label(windows.train.contexts(torch.arange(4)))
    assert sizes == [4, 2, 2, 2, 2]
    clone(teacher).fit(windows).label(windows.train.contexts(torch.arange(4)))
    assert sizes[5:] == [2, 2, 2, 2]
    shorter = make_windows(context_length=30)
    clone(teacher).fit(shorter).label(shorter.train.contexts(torch.arange(4)))
    assert sizes[9] == 4  # which may well fit


def test_other_errors_are_not_taken_for_lack_of_memory(checkpoint):
    class Broken(Chronos):
        def _answer(self, model, batch):
            raise RuntimeError("something else")

    windows = make_windows()
    with pytest.raises(RuntimeError, match="something else"):
        label(Broken(checkpoint("chronos_bolt"), device="cpu"), windows)


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("chronos_bolt", "chronos", "chronos"), ("time_moe", "transformers", "timemoe")]
)
def test_a_missing_library_names_its_extra(checkpoint, monkeypatch, name, module, extra):
    teacher = make_teacher(checkpoint, name)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'skdistill\[{extra}\]'"):
        teacher.check(SPEC)


# -- keys, pickles, the shelf --------------------------------------------------------------------


def test_the_key_follows_the_contents_and_not_the_path(checkpoint, tmp_path):
    folder = checkpoint("chronos_bolt")
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    key = digest(Chronos(folder, random_state=0).for_cache_key())
    assert digest(Chronos(str(copy), random_state=0).for_cache_key()) == key
    assert digest(Chronos(copy, random_state=0, pooling="mean").for_cache_key()) != key
    weights = load_file(copy / "model.safetensors")
    weights["shared.weight"] = weights["shared.weight"] + 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert digest(Chronos(copy, random_state=0).for_cache_key()) != key


@pytest.mark.parametrize("name", FAMILIES)
def test_the_key_holds_what_labels_depend_on(checkpoint, name):
    def key(**changes):
        return digest(make_teacher(checkpoint, name, **changes).for_cache_key())

    samples, params = FAMILIES[name][-1], make_teacher(checkpoint, name).get_params()
    assert key(revision="main") == key()
    assert key(device="auto") == key(device=str(resolve_device("auto")))
    assert key(pooling="mean") != key()
    for parameter, value in {"batch_size": 3, "random_state": 7, "n_samples": 9}.items():
        if parameter in params:
            assert (key(**{parameter: value}) != key()) == samples, parameter
    if name == "moirai_2":
        assert key(patch_size=64) == key()


@pytest.mark.parametrize(("name", "n_labeled"), [("chronos_bolt", 1), ("chronos_t5", 3)])
def test_seeds_share_the_labels_of_a_model_that_does_not_sample(checkpoint, monkeypatch, tmp_path, name, n_labeled):
    calls, original = [], Chronos.label
    monkeypatch.setattr(
        Chronos, "label", lambda self, contexts: calls.append(len(contexts)) or original(self, contexts)
    )
    for seed in (0, 1, None):
        teacher = FAMILIES[name][1](checkpoint(name), layer=None)
        settings = {"context_length": 24, "memory": tmp_path, "random_state": seed}
        make_forecaster(teacher=teacher, **settings).fit(make_series(100, 2))
    assert sum(size > 1 for size in calls) == n_labeled


def test_labels_outlast_the_folder_of_their_model(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("chronos_bolt"), tmp_path / "here")
    settings = {"context_length": 24, "memory": tmp_path / "labels"}
    series = make_series(100, 2)
    make_forecaster(teacher=Chronos(folder, layer=None), **settings).fit(series)
    moved = folder.rename(tmp_path / "there")
    forecaster = make_forecaster(teacher=Chronos(moved, layer=None, batch_size=3), **settings).fit(series)
    assert forecaster.teacher_.get_params()["batch_size"] == 3
    assert np.isfinite(forecaster.predict_teacher(series)).all()


def test_a_used_teacher_pickles_without_its_model(checkpoint):
    windows = make_windows()
    teacher = make_teacher(checkpoint, "chronos_bolt").fit(windows)
    labels = teacher.label(windows.train.contexts(torch.arange(2)))
    content = pickle.dumps(teacher)
    assert len(content) < 2000
    assert torch.equal(pickle.loads(content).label(windows.train.contexts(torch.arange(2))).forecast, labels.forecast)
    assert clone(teacher).get_params() == teacher.get_params()


def test_copies_share_one_loaded_model_and_a_changed_file_is_read_again(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("chronos_bolt"), tmp_path / "model")
    teacher = Chronos(folder, device="cpu")
    first = teacher._model()
    assert clone(teacher).set_params(layer=0, batch_size=3)._model() is first
    weights = load_file(folder / "model.safetensors")
    weights["shared.weight"] = weights["shared.weight"] + 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert Chronos(folder, device="cpu")._model() is not first
    assert len(foundation._SHELF) <= foundation._SHELF_SIZE


# -- end to end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chronos_bolt", "time_moe"])
@pytest.mark.parametrize(
    ("loss", "student"),
    [
        (DistilTS(embedding_size=4), TINY_TRANSFORMER),
        (DistilTS(alignment_weight=0.0), DLinear(kernel_size=5)),
        (TimeDistill(), TINY_TRANSFORMER),
    ],
    ids=["distilts", "distilts without features", "timedistill"],
)
def test_a_foundation_model_teaches(checkpoint, name, loss, student, tmp_path):
    settings = {"student": student, "loss": loss, "context_length": 24, "prediction_length": 4, "memory": tmp_path}
    forecaster = make_forecaster(teacher=make_teacher(checkpoint, name), **settings).fit(make_series(90, 2))
    assert forecaster.predict(make_series(30, 2)).shape == (4, 2)
    assert np.isfinite(forecaster.score(make_series(60, 2)))


def test_the_dry_run_tells_time_and_size(checkpoint):
    teacher, series = make_teacher(checkpoint, "chronos_bolt"), make_series(100, 2)
    settings = {"context_length": 24, "prediction_length": 4, "student": TINY_TRANSFORMER}
    forecaster = make_forecaster(teacher=teacher, loss=DistilTS(), **settings)
    estimate = forecaster.estimate_labeling(series, n_samples=5)
    assert estimate.n_windows == 75 - 28 + 1
    assert estimate.nbytes == 48 * (4 * 4 * 2 + 2 * 2 * 3 * 16)
    assert estimate.seconds > 0
    assert estimate.fits
    assert "within label_budget = 8 GiB" in str(estimate)
    assert not hasattr(forecaster, "scaling_")
    cramped = forecaster.set_params(label_budget=1e-6, loss="response").estimate_labeling(series)
    assert cramped.nbytes == 48 * 4 * 4 * 2
    assert not cramped.fits


def test_the_dry_run_does_not_train_a_teacher():
    forecaster = make_forecaster(teacher=DLinear(kernel_size=5))
    estimate = forecaster.estimate_labeling(make_series(100, 2))
    assert estimate.seconds is None
    assert "after the teacher is trained" in str(estimate)
    with pytest.raises(ValueError, match="there is nothing to label"):
        make_forecaster(teacher=None).estimate_labeling(make_series(100, 2))


def test_windows_with_many_features_are_labeled_a_few_at_a_time(checkpoint, monkeypatch):
    sizes, original = [], Chronos.label

    def label_and_note(self, contexts):
        sizes.append(len(contexts))
        return original(self, contexts)

    monkeypatch.setattr(Chronos, "label", label_and_note)
    monkeypatch.setattr("skdistill.labeling._budget._CHUNK_BYTES", 10_000)
    settings = {"context_length": 24, "prediction_length": 4, "student": TINY_TRANSFORMER}
    make_forecaster(teacher=make_teacher(checkpoint, "chronos_bolt"), loss=DistilTS(), **settings).fit(
        make_series(100, 2)
    )
    per_window = 4 * (4 * 2 + 2 * 3 * 16 + 9 * 4 * 2)
    assert max(sizes) == 10_000 // per_window
    assert sum(sizes) >= 48


def test_labeling_goes_on_after_an_interruption(checkpoint, monkeypatch, tmp_path):
    monkeypatch.setattr("skdistill.labeling._budget._CHUNK_SIZE", 8)
    teacher = make_teacher(checkpoint, "chronos_bolt", layer=None)
    forecaster = make_forecaster(teacher=teacher, context_length=24, memory=tmp_path)
    sizes, original = [], Chronos.label

    def label_until_killed(self, contexts):
        sizes.append(len(contexts))
        if len(sizes) == 5:
            raise KeyboardInterrupt
        return original(self, contexts)

    monkeypatch.setattr(Chronos, "label", label_until_killed)
    with pytest.raises(KeyboardInterrupt):
        forecaster.fit(make_series(100, 2))
    done = sum(size for size in sizes[:-1] if size > 1)
    resumed = []
    monkeypatch.setattr(
        Chronos, "label", lambda self, contexts: resumed.append(len(contexts)) or original(self, contexts)
    )
    forecaster.fit(make_series(100, 2))
    assert done > 0
    assert sum(size for size in resumed if size > 1) == 48 - done


def test_workers_give_the_same_labels(checkpoint):
    def fit(**settings):
        teacher = make_teacher(checkpoint, "chronos_bolt", layer=None)
        return make_forecaster(teacher=teacher, context_length=24, **settings).fit(make_series(100, 2))

    import joblib

    with joblib.parallel_config("threading"):
        parallel = fit(n_jobs=2)
    np.testing.assert_array_equal(parallel.predict(make_series(30, 2)), fit().predict(make_series(30, 2)))


def test_a_transformer_teaches_with_distilts():
    network = TINY_TRANSFORMER
    forecaster = make_forecaster(teacher=network, student=network, loss=DistilTS(embedding_size=4))
    assert "train_alignment" in forecaster.fit(make_series(80, 2)).history_[0]


def test_a_teacher_without_features_gets_a_list_of_those_that_have_them():
    network = TINY_TRANSFORMER
    with pytest.raises(
        ValueError,
        match=r"needs features of the teacher.*Chronos, Fracast, Moirai, Pretrained, PrivilegedTeacher, TiRex, TimeMoE",
    ):
        make_forecaster(teacher=DLinear(kernel_size=5), student=network, loss=DistilTS()).fit(make_series(80, 2))


def test_one_student_of_many_series_forecasts_one_it_never_saw(checkpoint):
    panel = [make_series(70 + 5 * number, 1, seed=number) for number in range(3)]
    teacher = make_teacher(checkpoint, "chronos_bolt", layer=None)
    forecaster = make_forecaster(teacher=teacher, student=DLinear(kernel_size=5), loss=DistilTS(alignment_weight=0.0))
    forecaster.fit(panel)
    assert forecaster.predict(make_series(40, 1, seed=9)).shape == (4, 1)
