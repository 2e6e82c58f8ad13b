"""Measure how many windows the pretrained teacher labels per second of processor time, by context and horizon."""

from __future__ import annotations

import time

import torch

from skdistill.teachers._echo_weights import load_echo
from skdistill.teachers._shipped import EchoModel

torch.set_num_threads(1)
for dtype in (torch.float32, torch.bfloat16):
    model = EchoModel(load_echo(torch.device("cpu")).to(dtype))
    for n_rows, horizon in ((24, 12), (96, 96), (512, 96), (2048, 96), (512, 720)):
        contexts = torch.randn(256, n_rows).cumsum(dim=1)
        rates = []
        with torch.inference_mode():
            model.predict(contexts, horizon)
            for _ in range(5):
                start = time.process_time()
                model.predict(contexts, horizon)
                rates.append(256 / (time.process_time() - start))
        print(f"{dtype}, {n_rows} -> {horizon}: {sorted(rates)[2]:,.0f} windows per second")
