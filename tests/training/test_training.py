"""Training: schedules, stopping, resuming to the bit, interrupts, and trainable parts of the loss."""

import logging
import textwrap
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_series
from forked import start_script
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdistill._utils._generators import seeded
from skdistill._utils._plain_files import read_plain, write_plain
from skdistill.losses import Supervised, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.teachers import TrainedTeacher
from skdistill.training._batches import BatchLoader, WindowDataset
from skdistill.training._checkpoint import ResumableCheckpoint
from skdistill.training._device import count_parameters, resolve_device
from skdistill.training._net import DistillationNet
from skdistill.training._settings import TrainingSettings, lr_factor


def settings(**changes):
    defaults = {
        "lr": 0.1,
        "max_epochs": 4,
        "batch_size": 8,
        "patience": None,
        "optimizer": "adam",
        "lr_schedule": "halving",
        "gradient_clip": None,
        "device": "cpu",
        "verbose": 0,
    }
    return TrainingSettings(**{**defaults, **changes})


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("halving", [1, 0.5, 0.25, 0.125]),
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, 0.853553, 0.5, 0.146447]),
        (lambda epoch: 1 / (1 + epoch), [1, 1 / 2, 1 / 3, 1 / 4]),
    ],
)
def test_schedules_by_epoch_and_in_the_history(schedule, expected):
    factor = lr_factor(settings(lr_schedule=schedule))
    np.testing.assert_allclose([factor(epoch) for epoch in range(4)], expected, rtol=1e-5)
    forecaster = make_forecaster(lr_schedule=schedule, lr=0.1, max_epochs=4, validation_fraction=0)
    recorded = [epoch["lr"] for epoch in forecaster.fit(make_series()).history_]
    np.testing.assert_allclose(recorded, 0.1 * np.array(expected), rtol=1e-5)


@pytest.mark.parametrize("value", [-0.1, float("nan"), "0.5"])
def test_a_factor_that_is_no_rate_is_refused_before_training(value):
    with pytest.raises((TypeError, ValueError), match=r"lr_schedule of .*, in epoch 3 must be a number"):
        make_forecaster(lr_schedule=lambda epoch: value if epoch == 3 else 1.0, max_epochs=4).fit(make_series())
    with pytest.raises(TypeError, match="verbose of DistilledForecaster must be 0, 1 or 2; got 'yes'"):
        make_forecaster(verbose="yes").fit(make_series())


def test_the_best_epoch_is_restored_and_patience_counts_from_it():
    series = make_series(200)
    forecaster = make_forecaster(lr=0.5, lr_schedule="constant", max_epochs=50, patience=3).fit(series)
    scores = [epoch["valid_loss"] for epoch in forecaster.history_]
    best = int(np.argmin(scores))
    assert len(scores) == best + 1 + 3, "the case must stop early to test anything"
    scaled = forecaster.scaling_.standardize(series)[150 - 12 :]
    truth = np.stack([scaled[start + 12 : start + 16] for start in range(len(scaled) - 15)])
    contexts = torch.from_numpy(np.stack([scaled[start : start + 12] for start in range(len(scaled) - 15)]))
    with torch.inference_mode():
        mse = (forecaster.student_(contexts).forecast - torch.from_numpy(truth)).square().mean().item()
    assert mse == pytest.approx(scores[best], rel=1e-5)


def test_validation_loss_is_the_mse_to_the_truth_whatever_the_objective():
    series = make_series()
    settings = {
        "teacher": ITransformer(8, n_heads=2),
        "student": MLP(4, batch_norm=False),
        "max_epochs": 1,
        "lr": 1e-12,
    }
    a = make_forecaster(**settings, loss=TimeDistill()).fit(series)
    b = make_forecaster(**settings, loss="response").fit(series)
    assert a.history_[0]["train_loss"] != b.history_[0]["train_loss"]
    assert a.history_[0]["valid_loss"] == pytest.approx(b.history_[0]["valid_loss"], rel=1e-6)


def test_history_adds_up_term_by_term():
    epoch = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=TimeDistill()).fit(make_series()).history_[0]
    terms = [epoch[f"train_{name}"] for name in ("supervised", "multiscale", "multiperiod", "features")]
    assert epoch["train_loss"] == pytest.approx(sum(terms), rel=1e-5)


def test_the_regressor_learns_and_is_dropped(monkeypatch):
    """Its parameters move in training, and nothing of it stays with the student."""
    import skdistill.training._train as module

    objectives = []
    original = module.build_objective
    monkeypatch.setattr(
        module, "build_objective", lambda *a, **k: objectives.append(original(*a, **k)) or objectives[-1]
    )
    before = []
    run = module._run
    monkeypatch.setattr(
        module, "_run", lambda *a: before.append([p.detach().clone() for p in objectives[-1].parameters()]) or run(*a)
    )
    forecaster = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=TimeDistill()).fit(make_series())
    after = list(objectives[-1].parameters())
    assert len(after) == 4
    assert all(not torch.equal(a, b) for a, b in zip(after, before[-1], strict=True))
    assert count_parameters(forecaster.student_) == forecaster.count_parameters()
    assert not any("regressor" in name for name, _ in forecaster.student_.named_parameters())


def test_the_teacher_is_not_touched_by_the_students_training():
    series = make_series()
    forecaster = make_forecaster(teacher=TrainedTeacher(ITransformer(8, n_heads=2), random_state=3), loss=TimeDistill())
    long = forecaster.fit(series).teacher_.module_.state_dict()
    short = forecaster.set_params(max_epochs=1).fit(series).teacher_.module_.state_dict()
    assert all(torch.equal(long[name], short[name]) for name in long)


def test_parts_are_switched_once_in_a_pass_not_at_every_batch(monkeypatch):
    switched, original = [], torch.nn.Linear.train

    def train(self, mode=True):
        switched.append(mode)
        return original(self, mode)

    monkeypatch.setattr(torch.nn.Linear, "train", train)
    counts = []
    for batch_size in (8, 32):
        switched.clear()
        settings = {"student": DLinear(3), "max_epochs": 2, "batch_size": batch_size, "patience": None}
        make_forecaster(teacher=None, **settings).fit(make_series())
        counts.append((switched.count(True), switched.count(False)))
    assert counts[0] == counts[1]
    assert min(counts[0]) >= 2 * 2  # two layers, two epochs


def test_a_single_term_of_weight_one_adds_nothing_to_the_graph(monkeypatch):
    last, original = [], DistillationNet.get_loss

    def get_loss(self, *arguments, **options):
        loss = original(self, *arguments, **options)
        last.append(loss.grad_fn and loss.grad_fn.name())
        return loss

    monkeypatch.setattr(DistillationNet, "get_loss", get_loss)
    make_forecaster(teacher=None, loss=Supervised(), max_epochs=1).fit(make_series())
    assert set(last) == {"MseLossBackward0", None}  # in training, and in validation


def test_gradient_clipping_changes_the_steps():
    plain = make_forecaster(optimizer="sgd").fit(make_series()).predict(make_series())
    clipped = make_forecaster(optimizer="sgd", gradient_clip=1e-6).fit(make_series()).predict(make_series())
    assert not np.allclose(plain, clipped)


# -- resuming ------------------------------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, {tests!r}); sys.path.insert(0, {root!r})
import torch; torch.set_num_threads(1)
from doubles import make_forecaster, make_series
from skdistill.losses import TimeDistill
from skdistill.networks import MLP, ITransformer
from skdistill.teachers import TrainedTeacher
make_forecaster(
    teacher=TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=6), loss=TimeDistill(), student=MLP(4, dropout=0.5),
    max_epochs=8, patience=4, memory=sys.argv[1],
).fit(make_series(400))
"""


def heavy_forecaster(memory):
    return make_forecaster(
        teacher=TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=6),
        loss=TimeDistill(),
        student=MLP(4, dropout=0.5),
        max_epochs=8,
        patience=4,
        memory=memory,
    )


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["teacher-checkpoint.safetensors", "checkpoint.safetensors"])
def test_a_killed_fit_goes_on_to_the_same_bits(victim, tmp_path):
    series = make_series(400)
    expected = heavy_forecaster(None).fit(series)
    here = Path(__file__).resolve()
    script = tmp_path / "fit.py"
    script.write_text(textwrap.dedent(SCRIPT).format(tests=str(here.parents[1]), root=str(here.parents[2])))
    process = start_script(script, tmp_path / "memory", cwd=tmp_path, output=tmp_path / "output")
    while not list((tmp_path / "memory").rglob(victim)):
        time.sleep(0.005)
        assert process.is_alive(), "the fit ended before it could be killed"
    process.kill()
    process.join()
    resumed = heavy_forecaster(tmp_path / "memory").fit(series)
    np.testing.assert_array_equal(resumed.predict(series), expected.predict(series))
    np.testing.assert_array_equal(resumed.predict_teacher(series), expected.predict_teacher(series))
    assert [e["train_loss"] for e in resumed.history_] == [e["train_loss"] for e in expected.history_]
    assert not list((tmp_path / "memory").rglob("*checkpoint*"))


def test_an_unreadable_checkpoint_is_reported_and_training_starts_over(tmp_path, caplog):
    series = make_series()
    settings = {"lr_schedule": "constant", "max_epochs": 5, "memory": tmp_path}
    expected = make_forecaster(**settings).fit(series).predict(series)
    (folder,) = tmp_path.rglob("student-*")
    (folder / "student.safetensors").unlink()
    (folder / "checkpoint.safetensors").write_bytes(b"garbage")
    with caplog.at_level(logging.WARNING, "skdistill"):
        again = make_forecaster(**settings).fit(series).predict(series)
    assert "cannot be read" in caplog.text
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("part", ["schedulers", "callbacks", "rng", "optimizer"])
def test_a_checkpoint_that_lacks_a_part_is_left_alone(part, tmp_path, caplog, monkeypatch):
    series = make_series()
    settings = {"max_epochs": 5, "patience": 3, "weight_averaging": 0.9}
    expected = make_forecaster(**settings).fit(series).predict(series)
    end = ResumableCheckpoint.on_epoch_end

    def stop_after_two(self, net, **kwargs):
        end(self, net, **kwargs)
        if len(net.history) == 2:
            raise InterruptedError(self.path)

    monkeypatch.setattr(ResumableCheckpoint, "on_epoch_end", stop_after_two)
    with pytest.raises(InterruptedError) as stopped:
        make_forecaster(**settings, memory=tmp_path).fit(series)
    monkeypatch.undo()
    (path,) = stopped.value.args
    state = read_plain(path)
    state[part] = state[part][:-1] if part == "rng" else dict(list(state[part].items())[:-1])
    write_plain(path, state, durable=False)
    with caplog.at_level(logging.WARNING, "skdistill"):
        again = make_forecaster(**settings, memory=tmp_path).fit(series).predict(series)
    assert "cannot be read" in caplog.text
    np.testing.assert_array_equal(again, expected)


# -- interrupts ----------------------------------------------------------------------------------


class InterruptAt:
    """A learning-rate schedule at which the user presses Ctrl-C after some epochs."""

    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, epoch):
        if epoch == self.epoch:
            raise KeyboardInterrupt
        return 1.0


def test_ctrl_c_leaves_the_best_student_so_far_and_says_so(monkeypatch):
    series = make_series()
    expected = make_forecaster(lr_schedule="constant", max_epochs=3).fit(series)
    batch, calls = WindowDataset.batch, []

    def interrupted_batch(self, indices):
        calls.append(len(indices))
        if len(calls) == 2 + 3 * 4 + 2:  # two probes, three epochs of three batches and a validation batch, and a half
            raise KeyboardInterrupt
        return batch(self, indices)

    monkeypatch.setattr(WindowDataset, "batch", interrupted_batch)
    message = r"interrupted after 3 epochs .*best student so far \(epoch 3, validation"
    with pytest.warns(ConvergenceWarning, match=message):
        forecaster = make_forecaster(lr_schedule="constant", max_epochs=9).fit(series)
    np.testing.assert_array_equal(forecaster.predict(series), expected.predict(series))


def test_ctrl_c_before_the_first_epoch_goes_up(monkeypatch):
    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(DistillationNet, "fit_loop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_forecaster().fit(make_series())


def test_ctrl_c_in_the_teachers_training_goes_up():
    teacher = TrainedTeacher(DLinear(), lr_schedule=InterruptAt(1))
    with pytest.raises(KeyboardInterrupt, match="teacher's training"):
        make_forecaster(teacher=teacher).fit(make_series())


def test_ctrl_c_in_the_first_epoch_leaves_no_untrained_student(monkeypatch):
    batch, calls = WindowDataset.batch, []

    def interrupted_batch(self, indices):
        calls.append(len(indices))
        if len(calls) == 4:  # two probes, one batch
            raise KeyboardInterrupt
        return batch(self, indices)

    monkeypatch.setattr(WindowDataset, "batch", interrupted_batch)
    forecaster = make_forecaster(lr_schedule="constant", max_epochs=9)
    with pytest.raises(KeyboardInterrupt, match="first epoch"):
        forecaster.fit(make_series())
    with pytest.raises(NotFittedError):
        forecaster.predict(make_series())


def test_early_stopping_is_no_interrupt():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        forecaster = make_forecaster(max_epochs=50, patience=1, lr=0.5, lr_schedule="constant").fit(make_series())
    assert len(forecaster.history_) < 50


# -- small parts ---------------------------------------------------------------------------------


def test_batches_cover_every_window_once_and_in_a_fresh_order():
    class Numbers:
        windows, labels = SimpleNamespace(weights=None), None

        def __len__(self):
            return 10

        def batch(self, indices):
            return {"context": indices}, {}

    plain = [number for batch, _ in BatchLoader(Numbers(), 4) for number in batch["context"].tolist()]
    assert plain == list(range(10))
    loader = BatchLoader(Numbers(), 4, shuffle=True)
    orders = [[number for batch, _ in loader for number in batch["context"].tolist()] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == plain
    assert orders[0] != orders[1]
    assert len(loader) == 3


def test_seeded_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(5):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with seeded(5):
        assert torch.equal(torch.rand(2), inside)


@pytest.mark.skipif(
    not hasattr(torch, "accelerator") or torch.accelerator.is_available(), reason="other devices are seeded, too"
)
def test_seeding_formats_no_stack_for_devices_that_are_not_there(monkeypatch):
    torch.manual_seed(5)
    expected = torch.rand(2)
    monkeypatch.setattr("traceback.format_stack", None)
    with seeded(5):
        assert torch.equal(torch.rand(2), expected)


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected
    with pytest.raises(ValueError, match="got 'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="finds no GPU"):
            resolve_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_the_result_travels_to_the_cpu():
    import pickle

    series = make_series()
    forecaster = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=TimeDistill(), device="cuda").fit(series)
    loaded = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(loaded.predict(series), forecaster.predict(series))
    reference = make_forecaster(teacher=ITransformer(8, n_heads=2), loss=TimeDistill()).fit(series)
    np.testing.assert_allclose(forecaster.predict(series), reference.predict(series), rtol=1e-2)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_verbosity(verbose, capfd):
    make_forecaster(verbose=verbose, teacher=DLinear(), loss=Supervised()).fit(make_series())
    captured = capfd.readouterr()
    assert ("student MLP" in captured.err) == (verbose == 1)
    assert ("valid_loss" in captured.out) == (verbose == 2)
    if not verbose:
        assert captured.out == captured.err == ""


def test_counting_teacher_is_called_once_for_all_windows(tmp_path):
    log = tmp_path / "log"
    make_forecaster(teacher=LastValueTeacher(str(log)), max_epochs=5).fit(make_series())
    assert log.read_text().split("\n")[:-1] == ["fit", "label 75"]


def test_a_training_that_diverges_at_once_raises_and_names_the_term():
    forecaster = make_forecaster(lr=1e30, max_epochs=3, lr_schedule="constant")
    with pytest.raises(
        FloatingPointError, match=r"student MLP: .*_loss is (nan|inf) after epoch 1.*Lower lr \(1e\+30\)"
    ):
        forecaster.fit(make_series())


def test_a_training_that_diverges_later_keeps_the_best_weights(monkeypatch):
    before = DistillationNet.get_loss

    def fail_in_the_third_epoch(self, *args, **kwargs):
        loss = before(self, *args, **kwargs)
        return loss * float("nan") if len(self.history) == 3 else loss

    monkeypatch.setattr(DistillationNet, "get_loss", fail_in_the_third_epoch)
    forecaster = make_forecaster(teacher=None, max_epochs=6, patience=6)
    with pytest.warns(UserWarning, match=r"train_loss is nan after epoch 3.*The weights of epoch [12], the best"):
        forecaster.fit(make_series())
    assert len(forecaster.history_) == 3
    assert np.isfinite(forecaster.predict(make_series())).all()


def test_valid_loss_is_the_mean_over_the_observed_truth_whatever_the_batches():
    generator = np.random.default_rng(0)
    series = np.sin(np.arange(1000.0) / 5)[:, None] + 0.3 * generator.normal(size=(1000, 1))
    series[400:] *= np.linspace(1, 4, 600)[:, None]
    series[700:900][generator.random((200, 1)) < 0.9] = np.nan  # most of the truth of some batches
    losses = []
    for batch_size in (8, 300, 600):  # of validation: 256, 300, 600
        student = MLP(4, batch_norm=False)
        settings = {"lr": 1e-12, "max_epochs": 1, "validation_fraction": 600, "batch_size": batch_size}
        forecaster = make_forecaster(teacher=None, student=student, **settings).fit(series)
        losses.append(forecaster.history_[0]["valid_loss"])
    np.testing.assert_allclose(losses, losses[-1], rtol=1e-6)
