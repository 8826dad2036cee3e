"""Measures a training step (forward and backward) of our layers against torch.nn's, on the CPU.

    python benchmarks/cells.py                 # B = 20, one thread
    python benchmarks/cells.py --threads 2

Prints milliseconds and the ratio ours / torch.nn's; below 1, ours is faster. torch.nn.GRU has
another formula (one product in each step where the lecture has two), but the same amount of
arithmetic. Both take turns, and the fastest of several runs counts: other work of the machine can
only slow a run down.
"""

import argparse
import time

import torch
from torch import nn

from rnncourse.reference import layers

PAIRS = {
    "LSTM": (layers.LSTM, nn.LSTM),
    "GRU": (layers.GRU, nn.GRU),
    "Elman": (layers.Elman, nn.RNN),
}


def seconds(network: nn.Module, xs: torch.Tensor) -> float:
    network.zero_grad()
    started = time.perf_counter()
    hs, _ = network(xs)
    hs.sum().backward()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--times", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    print(f"torch {torch.__version__}, B = {arguments.batch}, threads: {arguments.threads}")
    print(f"{'':6} {'H':>4} {'T':>4} {'ours':>10} {'torch.nn':>10} {'ratio':>6}")
    for name, (ours, theirs) in PAIRS.items():
        for H in (128, 256, 650):
            networks = ours(H, H), theirs(H, H, bias=False, batch_first=True)
            for T in (35, 100):
                xs = torch.randn(arguments.batch, T, H)
                for network in networks:
                    seconds(network, xs)  # the first run also allocates
                turns = [[seconds(n, xs) for n in networks] for _ in range(arguments.times)]
                a, b = (1000 * min(column) for column in zip(*turns, strict=True))
                print(f"{name:6} {H:4} {T:4} {a:7.1f} ms {b:7.1f} ms {a / b:6.2f}")


if __name__ == "__main__":
    main()
