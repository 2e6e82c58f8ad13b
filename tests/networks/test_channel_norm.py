"""BatchNorm over channels: its reductions give what torch's layer gives."""

import torch
from torch import nn

from skdistill.networks._channel_norm import ChannelNorm


def test_reductions_are_the_layer_of_torch():
    torch.manual_seed(0)
    theirs, ours = nn.BatchNorm1d(3).double(), ChannelNorm(3).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor([0.5, 1.0, -2.0]))
        theirs.bias.copy_(torch.tensor([0.1, 0.0, 3.0]))
    ours.load_state_dict(theirs.state_dict())
    for _ in range(3):
        values = 2 + 3 * torch.randn(8, 3, 5, dtype=torch.float64)
        inputs = [values.clone().requires_grad_() for _ in range(2)]
        outputs = theirs(inputs[0]), ours.by_reductions(inputs[1])
        torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-9, atol=1e-9)
        for output in outputs:
            output.square().sum().backward()
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad, rtol=1e-4, atol=1e-4)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-5, atol=1e-5)
    assert torch.equal(ours(values), nn.BatchNorm1d.forward(ours, values))  # on a CPU it is torch's
