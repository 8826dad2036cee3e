"""word_dropout: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.compare import kind
from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import ONES, Rng
from ...reference import regularization
from ...reference.regularization import dropout_mask
from ._shared import generator, numbers

P_WORD = 0.3


def draw_words(rng: Rng, B: int, T: int, V: int, D: int) -> tuple[torch.Tensor, torch.Tensor]:
    """tokens (B, T) with words that come again, and E (V, D); 0 is padding, and E[0] is 0."""
    E = rng.normal(V, D)
    E[0] = 0
    tokens = rng.integers(1, V, B, T)
    for b in range(B):
        tokens[b, T - b % T :] = 0  # sentences of T words, of T - 1, ...
    return tokens, E


def word_factors(
    xs: Any, tokens: torch.Tensor, E: torch.Tensor
) -> tuple[dict[str, str], torch.Tensor | None]:
    """Whether xs has the right form, and if so by what each number of it was multiplied."""
    form = f"tensor of shape {tuple(xs.shape)}" if isinstance(xs, torch.Tensor) else kind(xs)
    seen = {"the result is": form}
    if form != f"tensor of shape {(*tokens.shape, E.shape[1])}":
        return seen, None
    words = tokens != 0
    seen["padding is"] = "0, as E[0] is" if (xs[~words] == 0).all() else "not 0"
    return seen, torch.where(words.unsqueeze(2), xs / E[tokens], torch.nan)


def observe_words(subject: Any, rng: Rng) -> dict[str, Any]:
    """What becomes of the words of long sentences in a small vocabulary."""
    tokens, E = draw_words(rng, 12, 40, 9, 4)
    xs = subject(tokens.clone(), E.clone(), P_WORD, generator(subject, 2))
    seen, factors = word_factors(xs, tokens, E)
    if factors is None:
        return seen
    words = tokens != 0

    def alike(groups: list[torch.Tensor]) -> bool:
        return all(((one - one[:1]).abs() < 1e-3).all() for one in groups)

    sentences = [one[here] for one, here in zip(factors, words, strict=True)]
    occurrences = [factors[b, tokens[b] == w] for b in range(len(tokens)) for w in range(1, len(E))]
    seen["the numbers of E[w] are multiplied by"] = numbers(factors[words])
    whole = alike([factors[words].T])
    seen["a word is"] = "dropped or kept whole" if whole else "dropped in parts"
    seen["the occurrences of a word in a sentence are"] = (
        "dropped or kept together" if alike(occurrences) else "dropped one by one"
    )
    seen["the words of a sentence are"] = (
        "all treated the same" if alike(sentences) else "dropped or kept each for itself"
    )
    return seen


word_cases = Cases(
    "word_dropout",
    ("tokens", "E", "p", "seed of the generator"),
    lambda rng, s: (*draw_words(rng, s.B, s.T, s.H + 1, s.D), 0.5, 2),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)


def observe_words_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, it is a look-up."""
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), rng.sizes(B=1), ONES):
        tokens, E = draw_words(rng, s.B, s.T, s.H + 1, s.D)
        for p, training in ((0.9, False), (0.0, True)):
            key = f"tokens {tuple(tokens.shape)}, E {tuple(E.shape)}, p = {p}, training={training}"
            seen[key] = attempt(
                lambda a=(tokens, E, p), training=training: subject(
                    *a, generator(subject, 1), training
                )
            )
    return seen


exercise = Exercise(
    "word_dropout",
    "ps7_regularization",
    regularization.word_dropout,
    points=6,
    properties=(
        Property("off", "training=False and p = 0 only look up", 0.75, observe_words_off),
        Property(
            "whole",
            "a place holds E[w] / (1 - p), whole, or 0",
            0.75,
            observe_words,
            judging("the result*", "padding*", "the numbers*", "a word*"),
        ),
        Property(
            "everywhere",
            "a word that goes, goes from the whole sentence",
            1.75,
            observe_words,
            judging("the result*", "the occ*", "the words*"),
        ),
    ),
)


@exercise.misconception(
    "You toss a coin for every place, so the word is still there elsewhere in the sentence. "
    "Toss one for every word of the vocabulary, and look it up with tokens."
)
def drops_single_places(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((*tokens.shape, 1), p, generator, E) if training else xs


@exercise.misconception(
    "You drop single numbers of the vectors. A dropped word is gone whole: "
    "one coin for all D numbers."
)
def drops_single_numbers(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask(xs.shape, p, generator, E) if training else xs


@exercise.misconception(
    "You drop dimensions of the vectors, the same in all places. That is dropout of the inputs; "
    "here whole words go."
)
def drops_dimensions(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((len(xs), 1, xs.shape[2]), p, generator, E) if training else xs


@exercise.misconception(
    "You drop whole sentences: one coin for each. Every word of the vocabulary has its own, "
    "a mask (B, V)."
)
def drops_whole_sentences(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((len(xs), 1, 1), p, generator, E) if training else xs


@exercise.misconception(
    "You drop a row of E for the whole batch, so a word goes from all sentences or from none. "
    "Each sentence has its own coins: a mask (B, V)."
)
def one_coin_for_the_whole_batch(tokens, E, p, generator, training=True):
    return (E * dropout_mask((len(E), 1), p, generator, E) if training else E)[tokens]


@exercise.misconception(
    "You drop in single numbers of E instead of its rows. A dropped word is gone whole."
)
def drops_numbers_of_the_table(tokens, E, p, generator, training=True):
    return (E * dropout_mask(E.shape, p, generator, E) if training else E)[tokens]


@exercise.misconception(
    "Your factors are (B, T) and the vectors (B, T, D): they do not line up. Give the factors a "
    "last axis of size 1: .unsqueeze(2)."
)
def gives_the_factors_no_axis(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    mask_words = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask_words.gather(1, tokens)


@exercise.misconception(
    "You do not scale the words that stay. Divide them by 1 - p, as dropout_mask does, "
    "so that the expectation stays."
)
def leaves_the_rest_as_it_is(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    gone = dropout_mask((len(tokens), len(E)), p, generator, E) == 0
    return E[tokens].masked_fill(gone.gather(1, tokens).unsqueeze(2), 0)


@exercise.misconception(
    "You draw the mask before you look at training. With training=False draw nothing, "
    "so that a test does not change the training after it."
)
def draws_words_outside_training(tokens, E, p, generator, training=True):
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2) if training else E[tokens]


@exercise.misconception(
    "You drop outside training too. With training=False only look the words up: E[tokens]."
)
def drops_words_outside_training(tokens, E, p, generator, training=True):
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2)


@exercise.misconception(
    "You scale outside training, by 1 - p, and not in training. Divide by 1 - p while training, "
    "and then only look up."
)
def scales_words_outside_training(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens] * (1 - p)
    gone = dropout_mask((len(tokens), len(E)), p, generator, E) == 0
    return E[tokens].masked_fill(gone.gather(1, tokens).unsqueeze(2), 0)


@exercise.misconception(
    "You put word 0 into single places and leave the rest unscaled. One coin for each word of the "
    "vocabulary, and 1 / (1 - p) times the vectors that stay."
)
def replaces_the_tokens(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    kept = dropout_mask(tokens.shape, p, generator, E) > 0
    return E[tokens * kept]


@exercise.misconception(
    "Your masks take p for the probability to keep. It is the probability to drop."
)
def keeps_words_with_p(tokens, E, p, generator, training=True):
    if not training or p == 0:
        return E[tokens]
    mask = dropout_mask((len(tokens), len(E)), 1 - p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2)


@exercise.misconception(
    "You write the zeros into the caller's E: the dropped words are lost for ever. "
    "Multiply what you have looked up, not E itself."
)
def writes_into_the_table(tokens, E, p, generator, training=True):
    if training:
        E.data.mul_(dropout_mask((len(E), 1), p, generator, E))
    return E[tokens]


@exercise.misconception(
    "You take the values out of E's graph (.detach(), .data, torch.tensor), "
    "so the embeddings learn nothing. Look up in E itself."
)
def detaches_the_table(tokens, E, p, generator, training=True):
    xs = E.detach()[tokens]
    if not training:
        return xs
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return xs * mask.gather(1, tokens).unsqueeze(2)
