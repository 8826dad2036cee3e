"""Every public function of the references, on every device, in both precisions, at odd sizes.

What a function should give is tested beside its section; here, that it gives the same elsewhere:
in float32 as in float64, on an accelerator as on the CPU, and in the dtype and on the device of
what it was given. `pytest -m gpu` runs the part that needs an accelerator.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

import rnncourse.reference
from rnncourse.checks.pytree import tensors
from rnncourse.device import device as best_device
from rnncourse.reference import (
    attention,
    capstone,
    cells,
    decoding,
    exposure,
    inputs,
    layers,
    masks,
    minimal_loop,
    outputs,
    regularization,
    state_tree,
    training,
    training_loop,
    warmup,
)

BOS, EOS = 2, 3


@dataclass(frozen=True)
class Sizes:
    B: int
    T: int
    S: int
    D: int
    H: int
    A: int
    V: int
    K: int


SIZES = {
    "all different": Sizes(B=3, T=4, S=6, D=5, H=7, A=8, V=11, K=2),
    "a batch of one": Sizes(B=1, T=4, S=3, D=5, H=2, A=6, V=9, K=7),
    "one step of one number": Sizes(B=2, T=1, S=1, D=1, H=1, A=1, V=5, K=1),
}


class Draw:
    """Random arguments: the same numbers for every device and dtype."""

    def __init__(self, sizes, device, dtype):
        self.s, self.device, self.dtype = sizes, device, dtype
        self.random = torch.Generator().manual_seed(20180129)

    def normal(self, *shape):
        numbers = torch.randn(shape, generator=self.random, dtype=torch.float64)
        return numbers.to(self.device, self.dtype)

    def n(self, letters):
        """normal() of a shape such as "BTD"."""
        return self.normal(*(getattr(self.s, letter) for letter in letters))

    def tokens(self, *shape, below=None):
        tokens = torch.randint(4, below or self.s.V, shape, generator=self.random)
        return tokens.to(self.device)

    def lengths(self, T):
        """From T down to 1: the longest first, so that none is 0."""
        lengths = [max(1, T - b) for b in range(self.s.B)]
        return torch.tensor(lengths, device=self.device)

    def mask(self, T):
        return inputs.sequence_mask(self.lengths(T), T)

    def generator(self):
        return torch.Generator().manual_seed(7)

    def module(self, made: nn.Module):
        """A module with drawn weights."""
        made = made.to(self.device, self.dtype)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.copy_(self.normal(*parameter.shape) / 2)
        return made

    def step(self):
        """step(x, h) of an Elman network, for `unroll` and its relatives."""
        W_x, W_h = self.normal(self.s.D, self.s.H), self.normal(self.s.H, self.s.H)
        return lambda x, h: cells.elman_step(x, h, W_x, W_h)

    def decoder(self):
        """step(tokens, state) -> (logits, state), and a state, for the decoders."""
        s = self.s
        E, W_soft, step = self.normal(s.V, s.D), 3 * self.normal(s.H, s.V), self.step()

        def write(tokens, state):
            (h,) = state
            h = step(E[tokens], h)
            return h @ W_soft, (h,)

        return write, (self.normal(s.B, s.H),)


def mask(d):
    return d.mask(d.s.T)


def recurrent_module(kind):
    def run(d):
        made = d.module(kind(d.s.D, d.s.H))
        return made(d.n("BTD"), d.lengths(d.s.T))

    return run


def bidirectional(d):
    s = d.s
    pair = (layers.GRU(s.D, s.H, bias=True), layers.GRU(s.D, s.A, bias=True))
    return d.module(layers.Bidirectional(*pair))(d.n("BTD"), d.lengths(s.T))


def sentiment(d):
    s = d.s
    made = outputs.SentimentClassifier(layers.LSTM(s.D, s.H), s.V, s.D, s.H, s.K)
    return d.module(made)(d.tokens(d.s.B, d.s.T), d.lengths(s.T))


def language_model(d):
    s = d.s
    made = outputs.LanguageModel(layers.GRU(s.D, s.H), s.V, s.D, s.H)
    return d.module(made)(d.tokens(d.s.B, d.s.T), d.lengths(s.T))


def seq2seq(kind, **options):
    def run(d):
        s = d.s
        pair = (layers.LSTM(s.D, s.H), layers.LSTM(s.D, s.H))
        made = d.module(kind(*pair, s.V, s.V + 1, s.D, s.H, **options))
        source, lengths = d.tokens(s.B, s.S), d.lengths(s.S)
        state = made.start(source, lengths)
        return made(source, lengths, d.tokens(d.s.B, d.s.T)), made.step(
            d.tokens(d.s.B, d.s.T)[:, 0], state
        )

    return run


def dad(d):
    s = d.s
    W = d.normal(s.H, s.D)
    cell = d.step()

    def predict(x, h):
        h = cell(x, h)
        return h @ W, h

    xs = d.normal(s.B, s.T + 1, s.D)
    return exposure.dad_dataset(predict, d.normal(s.B, s.H), xs, xs[:, :-1], xs[:, 1:])


def clipped(d):
    parameters = [d.normal(2, 3), d.normal(4)]
    for parameter in parameters:
        parameter.grad = d.normal(*parameter.shape)
    norm = training.clip_gradients(parameters, 0.5)
    return norm, [parameter.grad for parameter in parameters]


def weight_step(d):
    s = d.s
    W_x = d.normal(s.D, s.H)
    return lambda x, h, W_h: cells.elman_step(x, h, W_x, W_h)


def truncated(d):
    s = d.s
    E, W_soft, cell = d.normal(s.V, s.D), d.normal(s.H, s.V), d.step()

    def loss(chunk, state):
        tokens, targets = chunk
        hs, state = cells.unroll(cell, E[tokens], state)
        there = torch.ones_like(targets, dtype=torch.bool)
        return training.cross_entropy(hs @ W_soft, targets, there), state

    chunks = training.bptt_chunks(d.tokens(s.B, 2 * s.T + 1), s.T)
    return list(training.truncated_bptt(loss, chunks, d.normal(s.B, s.H)))


def trained(train):
    """The weights that a step or a loop of training leaves."""

    def run(d):
        s = d.s
        model = d.module(layers.GRU(s.D, s.H))
        batches = [(d.n("BTD"), d.n("BTH")) for _ in range(2)]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def loss(model, batch):
            return ((model(batch[0])[0] - batch[1]) ** 2).mean()

        train(model, batches, loss, optimizer)
        return [parameter.detach() for parameter in model.parameters()]

    return run


def one_step(model, batches, loss, optimizer):
    training.train_step(model, batches[0], loss, optimizer, 0.5)


def loop(model, batches, loss, optimizer):
    training_loop.fit(model, batches, loss, optimizer, epochs=2, max_norm=0.5, progress=False)


def minimal_fit(model, batches, loss, optimizer):
    def validate(model):
        return loss(model, batches[0]).item()

    minimal_loop.fit(
        model, batches, loss, optimizer, epochs=2, max_norm=0.5, validate=validate, patience=2
    )


def translation_trained(d):
    s = d.s
    model = d.module(
        outputs.Seq2Seq(layers.GRU(s.D, s.H), layers.GRU(s.D, s.H), s.V, s.V, s.D, s.H)
    )
    target = d.tokens(s.B, s.T + 1)
    batch = d.tokens(s.B, s.S), d.lengths(s.S), target, torch.ones_like(target, dtype=torch.bool)
    history = minimal_loop.train_translator(model, [batch], [batch])
    return [history[0]["train"], history[0]["valid"]]


def translator(d):
    s = d.s
    made = d.module(capstone.Translator(s.V, s.V + 1, D=s.D, H=s.H, A=s.A))
    made.eval()
    return made(d.tokens(s.B, s.S), d.mask(s.S), d.tokens(s.B, s.T))


CALLS: dict[str, Callable[[Draw], Any]] = {
    "warmup.softmax": lambda d: warmup.softmax(d.n("BTV"), 1),
    "warmup.numeric_gradient": lambda d: warmup.numeric_gradient(
        lambda x: (x * x).sum(), d.n("BT"), 0.01
    ),
    "cells.additive_step": lambda d: cells.additive_step(d.n("BH"), d.n("BH")),
    "cells.elman_step": lambda d: d.step()(d.n("BD"), d.n("BH")),
    "cells.lstm_step": lambda d: cells.lstm_step(
        d.n("BD"), (d.n("BH"), d.n("BH")), d.normal(d.s.D + d.s.H, 4 * d.s.H)
    ),
    "cells.gru_step": lambda d: cells.gru_step(
        d.n("BD"), d.n("BH"), *(d.n(shape) for shape in ("DH", "HH") * 3)
    ),
    "cells.nas_step": lambda d: cells.nas_step(
        d.n("BD"), (d.n("BH"), d.n("BH")), d.normal(d.s.D, 8 * d.s.H), d.normal(d.s.H, 8 * d.s.H)
    ),
    "cells.enas_step": lambda d: cells.enas_step(
        d.n("BD"),
        d.n("BH"),
        d.normal(d.s.D + d.s.H, 2 * d.s.H),
        d.normal(len(cells.ENAS_CORRECTED["nodes"]), d.s.H, 2 * d.s.H),
        cells.ENAS_CORRECTED,
    ),
    "cells.unroll": lambda d: cells.unroll(d.step(), d.n("BTD"), d.n("BH")),
    "cells.LSTM": recurrent_module(cells.LSTM),
    "layers.Elman": recurrent_module(layers.Elman),
    "layers.LSTM": recurrent_module(layers.LSTM),
    "layers.GRU": recurrent_module(layers.GRU),
    "layers.Bidirectional": bidirectional,
    "capstone.Translator": translator,
    "masks.check_mask": lambda d: masks.check_mask(mask(d), (d.s.B, d.s.T)),
    "state_tree.map_state": lambda d: state_tree.map_state(torch.tanh, (d.n("BH"), (d.n("BD"),))),
    "state_tree.select_rows": lambda d: state_tree.select_rows(
        (d.n("BH"), (d.n("BD"),)), [d.s.B - 1, 0]
    ),
    "state_tree.first_tensor": lambda d: state_tree.first_tensor(((d.n("BH"),), d.n("BD"))),
    "inputs.pad_batch": lambda d: inputs.pad_batch([d.tokens(d.s.T), d.tokens(d.s.S)]),
    "inputs.sequence_mask": mask,
    "inputs.one_hot": lambda d: inputs.one_hot(d.tokens(d.s.B, d.s.T), d.s.V, d.dtype),
    "inputs.embed": lambda d: inputs.embed(d.tokens(d.s.B, d.s.T), d.n("VD")),
    "inputs.nplm_logits": lambda d: inputs.nplm_logits(
        d.tokens(d.s.B, d.s.T),
        d.n("VD"),
        d.normal(d.s.T * d.s.D, d.s.K),
        d.n("K"),
        d.n("KV"),
        d.normal(d.s.T * d.s.D, d.s.V),
        d.n("V"),
    ),
    "inputs.skipgram_pairs": lambda d: inputs.skipgram_pairs(d.tokens(d.s.S), 2),
    "inputs.negative_sampling_loss": lambda d: inputs.negative_sampling_loss(
        d.n("BD"), d.n("BD"), d.n("BKD")
    ),
    "inputs.noise_distribution": lambda d: inputs.noise_distribution(d.n("V").abs()),
    "outputs.sum_states": lambda d: outputs.sum_states(d.n("BTH"), mask(d)),
    "outputs.SentimentClassifier": sentiment,
    "outputs.LanguageModel": language_model,
    "outputs.sentence_log_prob": lambda d: outputs.sentence_log_prob(
        d.n("BTV"), d.tokens(d.s.B, d.s.T), mask(d)
    ),
    "outputs.perplexity": lambda d: outputs.perplexity(d.n("BTV"), d.tokens(d.s.B, d.s.T), mask(d)),
    "outputs.Seq2Seq": seq2seq(outputs.Seq2Seq),
    "attention.dot_score": lambda d: attention.dot_score(d.n("BTH"), d.n("BSH")),
    "attention.general_score": lambda d: attention.general_score(d.n("BH"), d.n("BSK"), d.n("HK")),
    "attention.bahdanau_score": lambda d: attention.bahdanau_score(
        d.n("BTH"), d.n("BSK"), d.n("HA"), d.n("KA"), d.normal(d.s.A, 1)
    ),
    "attention.concat_score": lambda d: attention.concat_score(
        d.n("BH"), d.n("BSK"), d.normal(d.s.H + d.s.K, d.s.A), d.normal(d.s.A, 1)
    ),
    "attention.attend": lambda d: attention.attend(
        d.n("BTH"), d.n("BSH"), d.mask(d.s.S), attention.dot_score
    ),
    "attention.AttentionSeq2Seq": seq2seq(attention.AttentionSeq2Seq, score="bahdanau"),
    "training.cross_entropy": lambda d: training.cross_entropy(
        d.n("BTV"), d.tokens(d.s.B, d.s.T), mask(d), 0.1
    ),
    "training.elman_backward": lambda d: training.elman_backward(
        d.n("BTH"), d.n("BTD"), d.n("BH"), d.n("BTH").tanh(), d.n("DH"), d.n("HH")
    ),
    "training.clip_gradients": clipped,
    "training.detach_state": lambda d: training.detach_state((d.n("BH"), (d.n("BD"),))),
    "training.bptt_chunks": lambda d: list(training.bptt_chunks(d.tokens(d.s.B, 2 * d.s.T), 2)),
    "training.truncated_bptt": truncated,
    "training.train_step": trained(one_step),
    "training_loop.fit": trained(loop),
    "minimal_loop.fit": trained(minimal_fit),
    "minimal_loop.train_translator": translation_trained,
    "decoding.greedy_decode": lambda d: decoding.greedy_decode(*d.decoder(), BOS, EOS, 5),
    "decoding.sample_decode": lambda d: decoding.sample_decode(
        *d.decoder(), BOS, EOS, 5, 0.7, 3, d.generator()
    ),
    "decoding.beam_search": lambda d: decoding.beam_search(*d.decoder(), BOS, EOS, 5, 3, 0.5),
    "exposure.scheduled_inputs": lambda d: exposure.scheduled_inputs(
        d.tokens(d.s.B, d.s.T), d.tokens(d.s.B, d.s.T), 0.5, d.generator()
    ),
    "exposure.dad_dataset": dad,
    "exposure.mixer_loss": lambda d: exposure.mixer_loss(
        d.n("BTV"),
        d.n("BTH"),
        d.tokens(d.s.B, d.s.T),
        mask(d),
        d.n("B"),
        1,
        d.n("H"),
        d.normal(),
    ),
    "exposure.raml_sample": lambda d: exposure.raml_sample(
        d.tokens(d.s.B, d.s.T), mask(d), d.s.V, 0.9, d.generator()
    ),
    "exposure.edit_count_probs": lambda d: exposure.edit_count_probs(d.lengths(d.s.T), d.s.V, 0.9),
    "regularization.dropout_mask": lambda d: regularization.dropout_mask(
        (d.s.B, 1, d.s.H), 0.4, d.generator(), like=d.n("BH")
    ),
    "regularization.variational_dropout": lambda d: regularization.variational_dropout(
        d.step(), d.n("BTD"), d.n("BH"), 0.4, 0.3, d.generator()
    ),
    "regularization.word_dropout": lambda d: regularization.word_dropout(
        d.tokens(d.s.B, d.s.T), d.n("VD"), 0.4, d.generator()
    ),
    "regularization.weight_drop": lambda d: regularization.weight_drop(
        weight_step(d), d.n("BTD"), d.n("BH"), d.n("HH"), 0.4, d.generator()
    ),
    "regularization.l2_penalty": lambda d: regularization.l2_penalty([d.n("BH"), d.n("D")]),
    "regularization.activation_penalty": lambda d: regularization.activation_penalty(
        d.n("BTH"), mask(d)
    ),
    "regularization.temporal_penalty": lambda d: regularization.temporal_penalty(
        d.n("BTH"), mask(d)
    ),
}
# On words, files and plain numbers: no tensor comes in.
WITHOUT_TENSORS = {
    "attention.attention_slide_bugs",
    "capstone.load_translator",
    "capstone.translate",
    "cells.slide_bugs",
    "checkpoint.load_checkpoint",
    "checkpoint.save_checkpoint",
    "exposure.annealed_words",
    "exposure.exponential_decay",
    "exposure.inverse_sigmoid_decay",
    "exposure.linear_decay",
    "inputs.build_vocab",
    "inputs.decode",
    "inputs.encode",
    "outputs.translation_bugs",
    "rewards.edit_distance",
    "rewards.sentence_bleu",
}
# Probabilities of this are computed in float64 whatever comes in.
OWN_DTYPE = {"exposure.edit_count_probs"}
ACCELERATOR = best_device()
CPU = torch.device("cpu")
PLACES = [
    pytest.param(CPU, torch.float64, id="cpu-float64"),
    pytest.param(CPU, torch.float32, id="cpu-float32"),
]
if ACCELERATOR != CPU:
    place = pytest.param(ACCELERATOR, torch.float32, id=ACCELERATOR.type, marks=pytest.mark.gpu)
    PLACES.append(place)


def test_every_public_function_is_here():
    public = set()
    for module in pkgutil.iter_modules(rnncourse.reference.__path__):
        imported = importlib.import_module(f"rnncourse.reference.{module.name}")
        public |= {
            f"{module.name}.{name}"
            for name in imported.__all__
            if callable(getattr(imported, name))
        }
    assert public == CALLS.keys() | WITHOUT_TENSORS


@pytest.mark.parametrize(("device", "dtype"), PLACES)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CALLS)
def test_it_gives_the_same_everywhere(name, sizes, device, dtype):
    exact = CALLS[name](Draw(sizes, CPU, torch.float64))
    actual = CALLS[name](Draw(sizes, device, dtype))
    for tensor in tensors(actual):
        assert tensor.device.type == device.type
        if tensor.is_floating_point() and name not in OWN_DTYPE:
            assert tensor.dtype == dtype
        assert not tensor.is_floating_point() or tensor.isfinite().all()
    _assert_close(actual, exact)


def _assert_close(actual, exact):
    if isinstance(exact, torch.Tensor):
        near = 1e-4 if actual.dtype == torch.float32 else 1e-12
        torch.testing.assert_close(
            actual.cpu().to(exact.dtype), exact, rtol=near, atol=near, check_dtype=False
        )
    elif isinstance(exact, (list, tuple)):
        assert type(actual) is type(exact) and len(actual) == len(exact)
        for pair in zip(actual, exact, strict=True):
            _assert_close(*pair)
    elif isinstance(exact, float):
        assert actual == pytest.approx(exact, rel=1e-4)
    else:
        assert actual == exact
