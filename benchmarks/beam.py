"""Measures how much faster beam search is for all sentences in one call than one at a time.

python benchmarks/beam.py
"""

import time

import torch

from rnncourse.reference.cells import lstm_step
from rnncourse.reference.decoding import beam_search

SENTENCES, BEAM, MAX_LENGTH, S = 64, 5, 30, 12
# (V, D, H). The larger the model, the more time goes into matrix products, which gain less.
MODELS = {"small": (500, 64, 128), "medium": (2000, 128, 256), "large": (8000, 256, 256)}


def decoder(V: int, D: int, H: int):
    """The step and the state of a random LSTM with dot attention over S source states."""
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) / shape[-1] ** 0.5

    E, W, W_c, W_soft = draw(V, D), draw(D + H, 4 * H), draw(2 * H, H), 2 * draw(H, V)

    def step(tokens, state):
        h, c, keys = state
        h, c = lstm_step(E[tokens], (h, c), W)
        weights = torch.softmax((keys @ h.unsqueeze(2)).squeeze(2), dim=1)
        context = (weights.unsqueeze(1) @ keys).squeeze(1)
        return torch.tanh(torch.cat([context, h], dim=1) @ W_c) @ W_soft, (h, c, keys)

    keys = torch.randn(SENTENCES, S, H, generator=generator)
    return step, (keys[:, -1], torch.zeros(SENTENCES, H), keys)


def seconds(*functions, repeats: int = 5) -> list[float]:
    """The shortest time of a call of each function: other work of the machine can only add to it.

    The functions take turns, so that a busy minute affects all of them.
    """
    shortest = [float("inf")] * len(functions)
    for _ in range(repeats):
        for n, function in enumerate(functions):
            started = time.perf_counter()
            function()
            shortest[n] = min(shortest[n], time.perf_counter() - started)
    return shortest


def main() -> None:
    threads = torch.get_num_threads()
    print(f"{SENTENCES} sentences, beam {BEAM}, at most {MAX_LENGTH} words, {threads} threads")
    print(f"{'model':8} {'V':>6} {'H':>5} {'one at a time':>15} {'all at once':>13}   same best")
    for name, (V, D, H) in MODELS.items():
        step, state = decoder(V, D, H)

        def search(state, step=step):
            return beam_search(step, state, 1, 2, MAX_LENGTH, BEAM, 0.6)

        def together(state=state, search=search):
            return search(state)

        def one_at_a_time(state=state, search=search):
            rows = range(SENTENCES)
            return [search(tuple(part[n : n + 1] for part in state))[0] for n in rows]

        pairs = zip(together(), one_at_a_time(), strict=True)
        same = sum(a[0][0] == b[0][0] for a, b in pairs)
        slow, fast = seconds(one_at_a_time, together)
        print(
            f"{name:8} {V:6} {H:5} {slow:13.3f} s {fast:11.3f} s   {same} of {SENTENCES}   "
            f"{slow / fast:.1f} times faster"
        )


if __name__ == "__main__":
    main()
