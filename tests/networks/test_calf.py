"""CALF and GPT4TS: what is trained, what is saved, what runs to predict, and what is refused."""

import pickle
import shutil
import warnings

import numpy as np
import pytest
import torch
from doubles import make_series
from sklearn.base import clone

transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from skdistill import DistilledForecaster  # noqa: E402
from skdistill._utils._digest import digest  # noqa: E402
from skdistill.core import NetworkSpec  # noqa: E402
from skdistill.losses import CrossModal, DistilTS, Supervised, TimeDistill  # noqa: E402
from skdistill.networks import CALF, GPT4TS, MLP, DLinear  # noqa: E402
from skdistill.networks.calf._principal_words import principal_words  # noqa: E402
from skdistill.teachers import PretrainedTeacher, TrainedTeacher  # noqa: E402
from skdistill.training._device import count_parameters  # noqa: E402

pytestmark = pytest.mark.slow

SPEC = NetworkSpec(context_length=12, prediction_length=4, n_channels=2)
WIDTH, WORDS = 24, 60


def make_gpt2(folder):
    config = transformers.GPT2Config(
        n_embd=WIDTH, n_layer=3, n_head=2, vocab_size=WORDS, n_positions=16, bos_token_id=0, eos_token_id=0
    )
    transformers.GPT2Model(config).save_pretrained(folder)


def make_bert(folder):
    config = transformers.BertConfig(
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=2,
        vocab_size=WORDS,
        intermediate_size=32,
        max_position_embeddings=16,
    )
    transformers.BertModel(config).save_pretrained(folder)


def make_llama(folder):
    config = transformers.LlamaConfig(
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=WORDS,
        intermediate_size=32,
        max_position_embeddings=16,
    )
    transformers.LlamaModel(config).save_pretrained(folder)


MAKERS = {"gpt2": make_gpt2, "bert": make_bert, "llama": make_llama}

# Keywords that most configurations share.
TINY = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": WORDS,
    "max_position_embeddings": 16,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def make_tiny(folder, name, **changes):
    """Save a small model of any architecture, whose configuration is named like the model."""
    config = getattr(transformers, f"{name}Config")(**(TINY | changes))
    getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.manual_seed(0)
    made = {name: str(tmp_path_factory.mktemp(name)) for name in MAKERS}
    for name, make in MAKERS.items():
        make(made[name])
    return made


@pytest.fixture(params=["gpt2", "bert", "llama"])
def model(request, folders):
    return folders[request.param]


def make_calf_forecaster(student, loss=None, **changes):
    settings = {"context_length": 12, "prediction_length": 4, "validation_fraction": 0.25, "max_epochs": 2}
    settings |= {"lr": 1e-3, "random_state": 0, "device": "cpu"} | changes
    return DistilledForecaster(settings.pop("teacher", None), student, loss or CrossModal(), **settings)


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [CALF, GPT4TS])
def test_past_covariates_are_read_and_said_to_be(network, folders):
    """Each is a token, to which the tokens of the targets attend."""
    series = make_series(n_channels=3)
    forecaster = make_calf_forecaster(network(folders["gpt2"], n_layers=1), Supervised(), targets=[1]).fit(series)
    assert forecaster.student.reads_past
    for channel in (0, 2):
        other = series.copy()
        other[::3, channel] += 1.0
        assert np.abs(forecaster.predict(series) - forecaster.predict(other)).max() > 1e-6


# -- what is trained -------------------------------------------------------------------------------


def trained_parts(module):
    return {name for name, one in module.branches.named_parameters() if one.requires_grad}


def test_only_what_the_paper_trains_is_trained_in_gpt2(folders):
    module = CALF(folders["gpt2"], n_layers=2).build(SPEC)
    expected = {"temporal.wpe.weight", "textual.wpe.weight"}
    expected |= {f"temporal.ln_f.{kind}" for kind in ("weight", "bias")}
    for block in (0, 1):
        expected |= {f"temporal.h.{block}.ln_{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")}
        expected |= {f"temporal.h.{block}.attn.c_attn.lora_{part}.default.weight" for part in "AB"}
    assert trained_parts(module) == expected
    outside = {name for name, one in module.named_parameters() if "branches" not in name and not one.requires_grad}
    assert outside == set()


def test_only_what_the_paper_trains_is_trained_in_bert(folders):
    names = trained_parts(CALF(folders["bert"], n_layers=2).build(SPEC))
    assert all("lora_" in name or "LayerNorm" in name or "position_embeddings" in name for name in names)
    assert "textual.embeddings.position_embeddings.weight" in names
    assert sum("lora_A" in name for name in names) == 2 * 2  # query and value of two blocks
    assert not any(name.startswith("textual") and "position" not in name for name in names)


def test_position_tables_with_more_rows_than_positions_are_trained(tmp_path):
    """OPT's has two more than its configuration says."""
    folder = make_tiny(tmp_path, "OPT", ffn_dim=32, word_embed_proj_dim=WIDTH)
    names = trained_parts(CALF(folder, n_layers=2).build(SPEC))
    assert {f"{branch}.decoder.embed_positions.weight" for branch in ("temporal", "textual")} <= names


@pytest.mark.parametrize(
    ("name", "changes", "targets"),
    [
        ("DistilBert", {"dim": WIDTH, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}, {"q_lin", "v_lin"}),
        ("Albert", {"embedding_size": WIDTH}, {"query", "value"}),
        ("MPNet", {}, {"q", "v"}),
        ("ModernBert", {"cls_token_id": 0, "sep_token_id": 0}, {"Wqkv"}),
        ("Phi3", {}, {"qkv_proj"}),
        ("SmolLM3", {"num_key_value_heads": 2}, {"q_proj", "v_proj"}),
        ("Olmo2", {}, {"q_proj", "v_proj"}),
    ],
)
def test_projections_are_found_by_their_common_names(name, changes, targets, tmp_path):
    names = trained_parts(CALF(make_tiny(tmp_path, name, **changes), n_layers=2).build(SPEC))
    assert {one.split(".")[-4] for one in names if "lora_" in one} == targets


def test_an_encoder_of_a_pair_trains_and_is_read_again(tmp_path):
    """T5's, whose embeddings are tied to those of a decoder that is not there."""
    config = transformers.T5Config(d_model=WIDTH, d_kv=12, d_ff=32, num_layers=3, num_heads=2, vocab_size=WORDS)
    transformers.T5EncoderModel(config).save_pretrained(tmp_path)
    series = make_series()
    forecaster = make_calf_forecaster(CALF(str(tmp_path), n_layers=2), max_epochs=1).fit(series)
    branches = forecaster.student_.branches
    assert type(branches.temporal).__name__ == "T5EncoderModel"
    assert sum("lora_A" in name for name in trained_parts(forecaster.student_)) == 2 * 2
    restored = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(forecaster.predict(series), restored.predict(series))


def test_training_moves_what_is_trained_and_nothing_else(model):
    network = CALF(model, n_layers=2)
    forecaster = make_calf_forecaster(network).fit(make_series())
    torch.manual_seed(0)
    fresh, trained = network.build(SPEC).branches, forecaster.student_.branches
    assert torch.equal(fresh.fingerprint, trained.fingerprint)
    adapters = [one for name, one in trained.named_parameters() if "lora_B" in name]
    assert all(one.abs().sum() > 0 for one in adapters)  # they start at 0
    for (name, before), (_, after) in zip(fresh.named_parameters(), trained.named_parameters(), strict=True):
        if not before.requires_grad:
            assert torch.equal(before, after), name


def test_the_textual_branch_gets_gradients(folders):
    module = CALF(folders["gpt2"], n_layers=1).build(SPEC).train()
    module(torch.randn(3, 12, 2)).branches.text_forecast.sum().backward()
    assert module.branches.textual.wpe.weight.grad.abs().sum() > 0
    assert module.cross_attention.in_proj_weight.grad.abs().sum() > 0
    assert module.branches.temporal.wpe.weight.grad is None


def test_branches_share_the_frozen_weights(folders):
    branches = CALF(folders["gpt2"], n_layers=1).build(SPEC).branches
    ours, theirs = branches.temporal.h[0], branches.textual.h[0]
    assert ours.mlp.c_fc.weight is theirs.mlp.c_fc.weight
    assert ours.attn.c_attn.base_layer.weight is theirs.attn.c_attn.weight
    assert ours.ln_1.weight is not theirs.ln_1.weight


def test_projections_keep_their_learning_rate_and_the_rest_follows_the_schedule(folders, monkeypatch):
    from skdistill.training._net import DistillationNet

    seen = []
    original = DistillationNet.on_epoch_begin

    def spy(net, *args, **kwargs):
        seen.append([group["lr"] for group in net.optimizer_.param_groups])
        return original(net, *args, **kwargs)

    monkeypatch.setattr(DistillationNet, "on_epoch_begin", spy)
    forecaster = make_calf_forecaster(CALF(folders["gpt2"], n_layers=1), max_epochs=3, patience=None)
    forecaster.fit(make_series())
    assert seen == [[1e-3, 1e-4], [5e-4, 1e-4], [2.5e-4, 1e-4]]
    assert [epoch["lr"] for epoch in forecaster.history_] == [1e-3, 5e-4, 2.5e-4]


def test_nothing_frozen_is_given_to_the_optimizer(folders, monkeypatch):
    from skdistill.training._net import DistillationNet

    nets = []
    monkeypatch.setattr(DistillationNet, "on_epoch_begin", _remember(DistillationNet.on_epoch_begin, nets))
    make_calf_forecaster(CALF(folders["bert"], n_layers=1), max_epochs=1).fit(make_series())
    given = [one for group in nets[0].optimizer_.param_groups for one in group["params"]]
    assert all(one.requires_grad for one in given)
    wanted = [one for one in nets[0].module_.parameters() if one.requires_grad]
    assert {id(one) for one in wanted} < {id(one) for one in given}  # and the projections


def _remember(method, nets):
    def remembered(net, *args, **kwargs):
        nets.append(net)
        return method(net, *args, **kwargs)

    return remembered


# -- forecasts -------------------------------------------------------------------------------------


def test_the_textual_branch_does_not_run_to_predict(model):
    module = CALF(model, n_layers=2).build(SPEC).eval()
    context = torch.randn(3, 12, 2)
    with torch.inference_mode():
        before = module(context)
        del module.branches.textual, module.cross_attention
        after = module(context)
    assert before.branches is None
    assert torch.equal(before.forecast, after.forecast)
    assert before.features.shape == (3, 2, WIDTH)


def count_textual_runs(monkeypatch):
    from skdistill.networks.calf._branches import LanguageBranches

    runs, original = [], LanguageBranches.forward

    def counted(branches, tokens, *, textual=False):
        runs.append(textual)
        return original(branches, tokens, textual=textual)

    monkeypatch.setattr(LanguageBranches, "forward", counted)
    return runs


@pytest.mark.parametrize("quantiles", [None, (0.1, 0.9)])
@pytest.mark.parametrize(
    ("loss", "runs_text"),
    [
        (CrossModal(), True),
        (CrossModal(output_weight=0.0), True),
        (CrossModal(0.0, 0.0), False),
        ("response", False),
    ],
)
def test_the_textual_branch_trains_only_for_a_loss_that_reads_it(loss, runs_text, quantiles, folders, monkeypatch):
    runs = count_textual_runs(monkeypatch)
    network = CALF(folders["gpt2"], n_layers=1)
    make_calf_forecaster(network, loss, max_epochs=1, quantiles=quantiles).fit(make_series())
    assert False in runs
    assert (True in runs) == runs_text


def test_a_bare_calf_as_teacher_does_not_pay_for_the_textual_branch(folders, monkeypatch):
    runs = count_textual_runs(monkeypatch)
    make_calf_forecaster(DLinear(), "response", teacher=CALF(folders["gpt2"], n_layers=1)).fit(make_series())
    assert False in runs
    assert True not in runs


def test_training_mode_gives_both_branches(model):
    module = CALF(model, n_layers=2).build(SPEC).train()
    output = module(torch.randn(3, 12, 2))
    assert output.branches.text_forecast.shape == output.forecast.shape == (3, 4, 2)
    shapes = {state.shape for state in (*output.branches.time, *output.branches.text)}
    assert shapes == {(3, 2, WIDTH)}
    assert len(output.branches.time) == len(output.branches.text) == len(module.branch_sizes) == 3


def test_the_head_reads_the_branch_and_its_input():
    """With a branch that gives 0, the forecast is the head of the tokens, put back to the window's scale."""

    class Nothing(torch.nn.Module):
        def forward(self, tokens, textual=False):
            return (tokens, torch.zeros_like(tokens))

    from skdistill.networks._calf import _LanguageModule

    module = _LanguageModule.__new__(_LanguageModule)
    torch.nn.Module.__init__(module)
    from skdistill.networks._layers import WindowStandardization

    module.targets, module.normalization, module.words = None, WindowStandardization(), None
    module.embedding, module.encoder = torch.nn.Linear(5, 4), torch.nn.Identity()
    module.branches, module.head = Nothing(), torch.nn.Linear(4, 3)
    context = torch.randn(2, 5, 1)
    values = context.transpose(1, 2)
    mean, scale = values.mean(-1, keepdim=True), torch.sqrt(values.var(-1, correction=0, keepdim=True) + 1e-5)
    expected = module.head(module.embedding((values - mean) / scale)) * scale + mean
    torch.testing.assert_close(module(context).forecast, expected.transpose(1, 2))


def test_shift_and_scale_of_a_window_carry_over(folders):
    module = GPT4TS(folders["gpt2"], n_layers=1).build(SPEC).eval()
    context = torch.randn(3, 12, 2)
    with torch.inference_mode():
        plain, changed = module(context).forecast, module(10 * context + 3).forecast
    torch.testing.assert_close(changed, 10 * plain + 3, rtol=1e-3, atol=1e-3)


def test_targets_are_forecast_from_all_channels(folders):
    spec = NetworkSpec(12, 4, 3, targets=(2, 0))
    module = CALF(folders["bert"], n_layers=1).build(spec).train()
    output = module(torch.randn(2, 12, 3))
    assert output.forecast.shape == output.branches.text_forecast.shape == (2, 4, 2)
    assert output.features.shape == (2, 2, WIDTH)
    assert output.branches.time[0].shape == (2, 3, WIDTH)


def test_aligning_all_windows_at_once_equals_one_by_one(folders):
    module = CALF(folders["gpt2"], n_layers=1).build(SPEC).eval()
    tokens = torch.randn(3, 2, WIDTH)
    words = module.words.expand(3, -1, -1)
    theirs, _ = module.cross_attention(tokens, words, words)
    torch.testing.assert_close(module.to_words(tokens), theirs)


def test_principal_words_are_the_eigenvectors_of_the_words_scatter():
    table = torch.randn(40, 6, dtype=torch.float64)
    words = principal_words(table, 3).double()
    centered = table.T - table.T.mean(0)
    values, vectors = torch.linalg.eigh(centered @ centered.T)
    torch.testing.assert_close(words.square().sum(1), values.flip(0)[:3], rtol=1e-5, atol=1e-5)
    cosines = (words @ vectors.flip(1)[:, :3] / words.norm(dim=1, keepdim=True)).abs()
    torch.testing.assert_close(cosines, torch.eye(3, dtype=torch.float64), atol=1e-5, rtol=0)


def test_principal_words_are_computed_once(monkeypatch):
    from skdistill.networks.calf import _principal_words

    table = torch.randn(30, 5)
    first = principal_words(table, 2)
    monkeypatch.setattr(_principal_words, "PCA", None)
    assert torch.equal(principal_words(table.clone(), 2), first)


# -- saving ----------------------------------------------------------------------------------------


def test_pickles_and_weights_hold_no_copy_of_the_language_model(model):
    module = CALF(model, n_layers=2, feedforward_size=8).build(SPEC).eval()
    frozen = sum(one.numel() for one in module.parameters() if not one.requires_grad)
    saved = sum(one.numel() for one in module.state_dict().values())
    kept = count_parameters(module) - frozen + module.words.numel()
    buffers = sum(one.numel() for one in module.branches.buffers())
    assert kept <= saved <= kept + buffers
    restored = pickle.loads(pickle.dumps(module))
    context = torch.randn(2, 12, 2)
    with torch.inference_mode():
        assert torch.equal(module(context).forecast, restored(context).forecast)
    assert trained_parts(restored) == trained_parts(module)
    assert not restored.training


def test_a_forecaster_survives_pickle_and_refit(model):
    series = make_series()
    forecaster = make_calf_forecaster(CALF(model, n_layers=1)).fit(series)
    restored = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(forecaster.predict(series), restored.predict(series))
    again = clone(forecaster).fit(series)
    np.testing.assert_array_equal(forecaster.predict(series), again.predict(series))


def test_a_relative_folder_is_found_from_elsewhere(tmp_path, monkeypatch):
    make_gpt2(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    forecaster = make_calf_forecaster(CALF("model", n_layers=1), max_epochs=1).fit(make_series())
    saved = pickle.dumps(forecaster)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    restored = pickle.loads(saved)
    np.testing.assert_array_equal(restored.predict(make_series()), forecaster.predict(make_series()))
    assert restored.student.model == "model"  # parameters stay as they were given


def test_a_folder_that_is_gone_is_named(tmp_path):
    make_gpt2(tmp_path / "model")
    saved = pickle.dumps(GPT4TS(str(tmp_path / "model"), n_layers=1).build(SPEC))
    (tmp_path / "model").rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match=r"model of GPT4TS: there is no folder .*model"):
        pickle.loads(saved)


def test_a_changed_language_model_is_noticed(tmp_path):
    make_gpt2(tmp_path)
    saved = pickle.dumps(GPT4TS(str(tmp_path), n_layers=1).build(SPEC))
    make_gpt2(tmp_path)  # other random weights
    with pytest.raises(ValueError, match="is not the one that this GPT4TS was trained with"):
        pickle.loads(saved)


def test_weights_for_another_language_model_are_refused(folders, tmp_path):
    weights = GPT4TS(folders["gpt2"], n_layers=1).build(SPEC).state_dict()
    make_gpt2(tmp_path)
    other = GPT4TS(str(tmp_path), n_layers=1).build(SPEC)
    with pytest.raises(ValueError, match="is not the one that this GPT4TS was trained with"):
        other.load_state_dict(weights)
    del weights["head.bias"]
    with pytest.raises(RuntimeError, match=r"Missing key.*head\.bias"):
        GPT4TS(folders["gpt2"], n_layers=1).build(SPEC).load_state_dict(weights)


def test_saved_files_work_with_the_network_given_again_after_a_move(folders, tmp_path):
    from skdistill import load
    from skdistill.deploy import save

    folder, series = str(tmp_path / "there"), make_series()
    shutil.copytree(folders["gpt2"], tmp_path / "here")
    forecaster = make_calf_forecaster(CALF(str(tmp_path / "here"), n_layers=1), max_epochs=1).fit(series)
    save(forecaster, tmp_path / "calf.skd")
    (tmp_path / "here").rename(folder)
    restored = load(tmp_path / "calf.skd", student=CALF(folder, n_layers=1))
    np.testing.assert_array_equal(restored.predict(series), forecaster.predict(series))


def test_loading_leaves_the_random_state_alone(folders):
    saved = pickle.dumps(GPT4TS(folders["gpt2"], n_layers=1).build(SPEC))
    before = torch.get_rng_state()
    pickle.loads(saved)
    assert torch.equal(before, torch.get_rng_state())


def test_a_folder_counts_by_its_contents(folders, tmp_path):
    shutil.copytree(folders["gpt2"], tmp_path / "elsewhere")
    here, there = CALF(folders["gpt2"]), CALF(str(tmp_path / "elsewhere"))
    assert digest(here) != digest(there)
    assert digest(here.for_cache_key()) == digest(there.for_cache_key())
    assert digest(TrainedTeacher(here).for_cache_key()) == digest(TrainedTeacher(there).for_cache_key())
    given = [PretrainedTeacher(one, {}).for_cache_key() for one in (here, there)]
    assert digest(given[0]) == digest(given[1])
    assert digest(here.for_cache_key()) != digest(CALF(folders["bert"]).for_cache_key())
    assert CALF("gpt2-by-hub-id").for_cache_key().model == "gpt2-by-hub-id"


@pytest.mark.parametrize("wrap", [lambda teacher: teacher, lambda teacher: [teacher, TrainedTeacher(DLinear())]])
def test_a_moved_folder_does_not_train_a_kept_teacher_again(wrap, folders, tmp_path, monkeypatch):
    shutil.copytree(folders["gpt2"], tmp_path / "old")
    series, settings = make_series(), {"memory": tmp_path / "memory", "max_epochs": 1}

    def fit(folder):
        teacher = wrap(TrainedTeacher(CALF(str(tmp_path / folder), n_layers=1), loss=CrossModal(), max_epochs=1))
        return make_calf_forecaster(DLinear(), "response", teacher=teacher, **settings).fit(series)

    before = fit("old")
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.setattr("skdistill.teachers._trained.train_network", None)  # would fail if called
    after = fit("new")
    np.testing.assert_array_equal(after.predict(series), before.predict(series))
    np.testing.assert_array_equal(after.predict_teacher(series), before.predict_teacher(series))
    assert str(tmp_path / "old") not in str(after.teacher_.get_params())
    pickle.loads(pickle.dumps(after))


# -- distilling ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_calf_teaches_small_students(name, folders, tmp_path):
    teacher = TrainedTeacher(CALF(folders[name], n_layers=1), loss=CrossModal(), max_epochs=1, lr=1e-3)
    series = make_series()
    settings = {"context_length": 12, "prediction_length": 4, "max_epochs": 1, "random_state": 0, "memory": tmp_path}
    student = DistilledForecaster(teacher, MLP(hidden_size=4, kernel_size=5), TimeDistill(), **settings).fit(series)
    assert {"train_features", "train_multiscale"} <= set(student.history_[0])
    assert {"train_output", "train_features"} <= set(student.teacher_.history_[0])
    aligned = DistilledForecaster(teacher, MLP(hidden_size=4, kernel_size=5), DistilTS(), **settings).fit(series)
    assert "train_alignment" in aligned.history_[0]
    linear = DistilledForecaster(teacher, DLinear(), DistilTS(alignment_weight=0.0), **settings).fit(series)
    assert linear.predict(series).shape == (4, 2)
    one = torch.as_tensor(series[-12:], dtype=torch.float32)[None]
    np.testing.assert_array_equal(*(s.teacher_.module_(one).forecast.detach() for s in (student, linear)))  # shared


def test_weights_of_a_trained_calf_make_a_teacher(folders):
    network, series = CALF(folders["gpt2"], n_layers=1), make_series()
    calf = make_calf_forecaster(network).fit(series)
    teacher = PretrainedTeacher(network, calf.student_.state_dict())
    student = make_calf_forecaster(DLinear(), "response", teacher=teacher).fit(series)
    np.testing.assert_allclose(student.predict_teacher(series), calf.predict(series), rtol=1e-5)


@pytest.mark.parametrize("loss", [CrossModal(0.0, 0.0), CrossModal(0.0), CrossModal(feature_weight=0.0)])
def test_every_term_can_be_switched_off(loss, folders):
    forecaster = make_calf_forecaster(CALF(folders["gpt2"], n_layers=1), loss, max_epochs=1).fit(make_series())
    terms = {name for name in forecaster.history_[0] if name in ("train_output", "train_features")}
    assert terms == {f"train_{name}" for name, term in loss.named_terms() if term.weight and name != "supervised"}


def test_the_revision_of_a_folder_is_told(folders):
    spec = NetworkSpec(12, 4, 2)
    assert list(GPT4TS(folders["gpt2"], revision="main").unread_settings(spec)) == ["revision"]
    assert CALF("gpt2", revision="main").unread_settings(spec) == {}


def test_the_short_term_objective_trains(folders):
    loss = CrossModal(supervised_loss="smape", output_loss="mase", feature_loss="smooth_l1", season=4)
    many = [make_series(60, 1, seed) for seed in range(3)]
    forecaster = make_calf_forecaster(CALF(folders["gpt2"], n_layers=1), loss, max_epochs=1).fit(many)
    assert 0 < forecaster.history_[0]["train_supervised"] < 200
    assert len(forecaster.predict(many)) == 3


def test_temporal_branch_alone_needs_a_loss_without_branches(folders):
    with pytest.raises(ValueError, match="needs a student with two branches, and GPT4TS has none"):
        make_calf_forecaster(GPT4TS(folders["gpt2"], n_layers=1)).fit(make_series())
    forecaster = make_calf_forecaster(GPT4TS(folders["gpt2"], n_layers=1), CrossModal(0.0, 0.0)).fit(make_series())
    assert forecaster.student_.branches.textual is None
    taught = make_calf_forecaster(DLinear(), "response").set_params(
        teacher=TrainedTeacher(DLinear(), loss=CrossModal())
    )
    with pytest.raises(ValueError, match="needs a student with two branches, and DLinear has none"):
        taught.fit(make_series())


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_layers": 4}, "n_layers of CALF must be at most 3, the blocks of .*; got 4"),
        ({"n_principal_words": 25}, "n_principal_words of CALF must be at most 24, the width of .*; got 25"),
        ({"lora_targets": []}, r"lora_targets of CALF must be names of modules.*or None, which finds them; got \[\]"),
        ({"n_heads": 5}, "n_heads of CALF must divide 24, the width of .*; got 5"),
        ({"lora_targets": ["q_proj"]}, r"has no \['q_proj'\]\. Its modules: c_attn, c_fc, c_proj\. Give lora_targets"),
        ({"lora_rank": 0}, "lora_rank of CALF"),
        ({"dropout": 1.0}, "dropout of CALF"),
    ],
)
def test_bad_hyperparameters_stop_before_training(parameters, message, folders):
    student = CALF(folders["gpt2"], **({"n_layers": 1} | parameters))
    with pytest.raises(ValueError, match=message):
        make_calf_forecaster(student).fit(make_series())


def test_more_channels_than_positions(folders):
    with pytest.raises(ValueError, match=r"the series has 17 channels, and the language model .* has positions for 16"):
        CALF(folders["gpt2"], n_layers=1).check(NetworkSpec(12, 4, 17))


@pytest.mark.parametrize("targets", [3, [3], {"query"}])
def test_targets_that_are_no_names(targets, folders):
    with pytest.raises(TypeError, match=r"lora_targets of CALF must be names of modules.*; got "):
        CALF(folders["gpt2"], n_layers=1, lora_targets=targets).check(SPEC)


def test_tokens_are_numbered_from_after_a_padding_row(tmp_path):
    """RoBERTa keeps two of its 16 positions for padding."""
    network = CALF(make_tiny(tmp_path, "Roberta"), n_layers=1)
    spec = NetworkSpec(12, 4, 14)
    assert network.build(spec)(torch.randn(1, 12, 14)).forecast.shape == (1, 4, 14)
    with pytest.raises(ValueError, match=r"the series has 15 channels, .* has positions for 14"):
        network.check(NetworkSpec(12, 4, 15))


def test_a_limit_below_one_is_none(tmp_path):
    config = transformers.XLNetConfig(vocab_size=WORDS, d_model=WIDTH, n_layer=2, n_head=2, d_inner=32)
    transformers.XLNetModel(config).save_pretrained(tmp_path)
    network = CALF(str(tmp_path), n_layers=1, lora_targets=["layer_1"])
    assert network.build(SPEC)(torch.randn(1, 12, 2)).forecast.shape == (1, 4, 2)


def test_an_architecture_without_known_targets_lists_its_modules(folders, monkeypatch):
    from skdistill.networks.calf import _adapters

    monkeypatch.setattr(_adapters, "_COMMON_TARGETS", ())
    monkeypatch.setattr("peft.utils.constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING", {})
    with pytest.raises(
        ValueError, match=r"architecture 'bert'\) is not in peft's table.*Its modules: dense, key, query"
    ):
        CALF(folders["bert"], n_layers=1).check(SPEC)
    assert CALF(folders["bert"], n_layers=1, lora_targets=["query"]).build(SPEC) is not None


def test_targets_may_be_longer_parts_of_names(folders):
    names = trained_parts(CALF(folders["bert"], n_layers=1, lora_targets=["attention.self.key"]).build(SPEC))
    assert {name.split(".")[-4] for name in names if "lora_" in name} == {"key"}


def test_a_model_without_word_embeddings(tmp_path):
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    transformers.ViTModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="model of CALF must have word embeddings, and ViTModel has none"):
        CALF(str(tmp_path), n_layers=1).build(SPEC)


def test_an_encoder_with_a_decoder(tmp_path):
    transformers.T5Config(d_model=8).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"must be one stack of blocks.* is a T5Config"):
        CALF(str(tmp_path), n_layers=1).check(SPEC)


def test_word_embeddings_of_another_width_than_the_blocks(tmp_path):
    folder = make_tiny(tmp_path, "Electra", embedding_size=8)
    with pytest.raises(ValueError, match=r"as wide as its blocks.* are 8 wide, its blocks 24\. Take another model"):
        CALF(folder, n_layers=1).check(SPEC)
    with pytest.raises(ValueError, match="model of GPT4TS must have word embeddings as wide"):
        make_calf_forecaster(GPT4TS(folder, n_layers=1), "response").fit(make_series())


def test_a_vocabulary_smaller_than_the_width_bounds_the_principal_words(tmp_path):
    folder = make_tiny(tmp_path, "Bert", vocab_size=10)
    assert CALF(folder, n_layers=1).build(SPEC).words.shape == (10, WIDTH)
    with pytest.raises(
        ValueError, match=r"n_principal_words of CALF must be at most 10, the vocabulary of .*; got 11\. None takes"
    ):
        CALF(folder, n_layers=1, n_principal_words=11).check(SPEC)


def test_blocks_that_cannot_be_cut(tmp_path):
    folder = make_tiny(tmp_path, "Longformer", attention_window=4)
    with pytest.raises(ValueError, match=r"the first 2 of the 3 blocks of .*LongformerConfig, cannot.*Set n_layers=3"):
        CALF(folder, n_layers=2).check(SPEC)


def test_a_model_that_cannot_read_vectors(tmp_path):
    folder = make_tiny(tmp_path, "Longformer", attention_window=4)
    with pytest.raises(ValueError, match=r"LongformerModel, cannot be used: it cannot read vectors in place of words"):
        CALF(folder, n_layers=3).build(SPEC)


def test_a_model_that_pools_its_tokens(tmp_path):
    config = transformers.FunnelConfig(
        vocab_size=WORDS, d_model=WIDTH, block_sizes=[1, 1, 1], n_head=2, d_head=12, d_inner=32
    )
    transformers.FunnelModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="FunnelModel, cannot be used: "):
        CALF(str(tmp_path), n_layers=3, lora_targets=["q_head"]).build(SPEC)


def test_a_folder_that_holds_no_model(tmp_path):
    with pytest.raises(ValueError, match="must be a folder that transformers' save_pretrained wrote"):
        CALF(str(tmp_path)).check(SPEC)


def test_a_model_is_a_folder_or_a_hub_id(folders):
    with pytest.raises(TypeError, match=r"model of CALF must be a folder .*or a hub id; got 3 of type int"):
        CALF(3).check(SPEC)
    with pytest.raises(ValueError, match=r"config\.json' is a file\. Give its folder, '"):
        CALF(folders["gpt2"] + "/config.json").check(SPEC)


@pytest.mark.parametrize("model", ["/nowhere/gpt2", "./nowhere", "../nowhere", "~/nowhere"])
def test_what_can_only_be_a_folder_is_not_asked_of_the_hub(model, monkeypatch):
    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", None)
    with pytest.raises(FileNotFoundError, match=r"there is no folder /.*nowhere.*If it has moved, give its new place"):
        CALF(model).check(SPEC)


def test_a_hub_id_without_internet(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", offline)
    with pytest.raises(OSError, match=r"no folder 'gpt2'.*could not be loaded from the hub.*pass its folder"):
        make_calf_forecaster(CALF("gpt2")).fit(make_series())


def test_a_missing_library_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'skdistill\[llm\]'"):
        CALF("gpt2").check(SPEC)


def test_the_loss_of_a_teacher_must_be_one():
    with pytest.raises(TypeError, match=r"loss of TrainedTeacher must be a loss of .*got 3"):
        make_calf_forecaster(DLinear(), "response", teacher=TrainedTeacher(DLinear(), loss=3)).fit(make_series())


def test_lengths_stay_those_of_the_fit(folders):
    series = make_series()
    forecaster = make_calf_forecaster(CALF(folders["gpt2"], n_layers=1), max_epochs=1).fit(series)
    assert np.isfinite(forecaster.predict(series[:11])).all()  # missing on the left
    other = PretrainedTeacher(CALF(folders["gpt2"], n_layers=1), forecaster.student_.state_dict())
    with pytest.raises(ValueError, match=r"'head.weight' has shape \(4, 24\) instead of \(5, 24\)"):
        make_calf_forecaster(DLinear(), "response", prediction_length=5, teacher=other).fit(series)


def test_loading_is_silent(folders, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CALF(folders["gpt2"], n_layers=1).build(SPEC)
    assert capfd.readouterr() == ("", "")
