"""Epochs of some windows, and losses that are read at the end of an epoch."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series

from skdistill import DistilledRegressor
from skdistill.networks import MLP, DLinear
from skdistill.training._batches import BatchLoader, _draw_some
from skdistill.training._net import DistillationNet


class Numbers:
    """A dataset whose batches are the numbers of their windows."""

    class windows:
        weights = None

    labels = None

    def __len__(self):
        return 50

    def batch(self, indices):
        return {}, {"truth": indices}


def passes(loader):
    torch.manual_seed(0)
    return [torch.cat([targets["truth"] for _, targets in loader]).tolist() for _ in range(3)]


def test_an_epoch_draws_so_many_windows_anew():
    loader = BatchLoader(Numbers(), 8, shuffle=True, n_windows=20)
    drawn = passes(loader)
    assert len(loader) == 3
    assert all(len(one) == len(set(one)) == 20 for one in drawn)
    assert len({number for one in drawn for number in one}) > 30  # other windows in other epochs
    assert drawn == passes(loader)


def test_all_windows_are_the_default_and_the_limit():
    whole = passes(BatchLoader(Numbers(), 8, shuffle=True))
    assert whole == passes(BatchLoader(Numbers(), 8, shuffle=True, n_windows=1000))
    assert sorted(whole[0]) == list(range(50))
    in_order = BatchLoader(Numbers(), 8, n_windows=20)  # validation
    assert passes(in_order)[0] == list(range(50))


def test_the_estimators_take_it():
    frame = make_frame()
    settings = {"teacher": None, "student": DLinear(3), "max_epochs": 3, "random_state": 0}
    sampled = [make_forecaster(**settings, windows_per_epoch=10).fit(frame) for _ in range(2)]
    whole = [make_forecaster(**settings, windows_per_epoch=size).fit(frame) for size in (None, 10**6)]
    for one, other in (sampled, whole):
        np.testing.assert_array_equal(one.predict(frame), other.predict(frame))
    assert not np.allclose(sampled[0].predict(frame), whole[0].predict(frame))
    table = np.lib.stride_tricks.sliding_window_view(make_series(n_channels=1)[:, 0], 12)
    regressor = DistilledRegressor(None, DLinear(3), "response", max_epochs=1, windows_per_epoch=5, random_state=0)
    assert regressor.fit(table[:, :8], table[:, 8:]).predict(table[:, :8]).shape == (len(table), 4)


def test_what_it_cannot_be_and_where_it_does_nothing():
    with pytest.raises(ValueError, match="windows_per_epoch of DistilledForecaster must be an integer"):
        make_forecaster(teacher=None, windows_per_epoch=0).fit(make_frame())
    with pytest.warns(UserWarning, match="windows_per_epoch=5 .*no effect: the student is solved exactly"):
        make_forecaster(teacher=None, student="linear", windows_per_epoch=5).fit(make_frame())


def test_losses_read_at_the_end_are_those_of_every_batch(monkeypatch):
    """What a GPU does, here on the CPU: the same history and weights."""
    fits = []
    for late in (False, True):
        if late:
            monkeypatch.setattr(DistillationNet, "run_single_epoch", _late)
        fits.append(make_forecaster(teacher=None, student=MLP(4, kernel_size=5), max_epochs=3).fit(make_frame()))
    for epoch, other in zip(fits[0].history_, fits[1].history_, strict=True):
        for name in set(epoch) - {"dur"}:
            assert epoch[name] == other[name], name
    np.testing.assert_array_equal(fits[0].predict(make_frame()), fits[1].predict(make_frame()))


def _late(self, iterator, *arguments, **options):
    if iterator is not None:
        self._run_and_read_late(iterator, *arguments, **options)


def test_some_windows_of_many_are_drawn_from_all_of_them_in_random_order():
    torch.manual_seed(0)
    drawn = torch.stack([_draw_some(10_000, 200) for _ in range(50)])
    assert all(len(one.unique()) == 200 for one in drawn)
    assert abs(drawn.double().mean() - 4999.5) < 5 * 2887 / 100  # of a uniform draw
    assert abs((drawn.diff(dim=1) > 0).double().mean() - 0.5) < 0.02
