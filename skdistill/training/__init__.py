"""Training through skorch: the net, batches, callbacks and settings."""

from skdistill._utils._generators import seeded
from skdistill.networks._inputs import make_spec, network_inputs
from skdistill.training._batches import BatchLoader, LabelSource, WindowDataset
from skdistill.training._device import count_parameters, resolve_device
from skdistill.training._net import DistillationNet
from skdistill.training._settings import TrainingSettings
from skdistill.training._train import TrainingResult, loss_shapes, train_network

__all__ = [
    "BatchLoader",
    "DistillationNet",
    "LabelSource",
    "TrainingResult",
    "TrainingSettings",
    "WindowDataset",
    "count_parameters",
    "loss_shapes",
    "make_spec",
    "network_inputs",
    "resolve_device",
    "seeded",
    "train_network",
]
