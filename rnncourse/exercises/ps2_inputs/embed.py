"""embed: its visible checks and the mistakes people make."""

from torch import nn

from ...checks.exercise import Exercise
from ...checks.properties import Cases
from ...checks.rng import Rng, Sizes
from ...reference import inputs
from ...reference.inputs import PAD

VOCABULARY = 11  # words; larger than any size drawn


def draw_embed(rng: Rng, s: Sizes) -> tuple:
    """PAD occurs, a word whose number exceeds D occurs twice, the last word not at all."""
    tokens = rng.integers(0, VOCABULARY - 1, s.B, s.T)
    flat = tokens.view(-1)
    flat[0] = PAD
    if len(flat) > 2:
        flat[1] = flat[-1] = int(rng.integers(VOCABULARY - 4, VOCABULARY - 1))
    return tokens, rng.normal(VOCABULARY, s.D)


embed_cases = Cases("embed", ("tokens", "E"), draw_embed, batched=("tokens",))


exercise = Exercise(
    "embed",
    "ps2_inputs",
    inputs.embed,
    points=4,
    properties=(
        embed_cases.shape(0.5),
        embed_cases.values(0.75, "each number becomes its row of E"),
        embed_cases.gradient(0.75),
    ),
    forbids=("torch.nn.Embedding", "torch.nn.EmbeddingBag"),
)


@exercise.misconception(
    "You multiply a one-hot matrix by E: V times the work, and a nan in any row of E reaches "
    "every word. Look the rows up: E[tokens]."
)
def multiplies_one_hot_vectors(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return nn.functional.one_hot(tokens, len(E)).to(E.dtype) @ E


@exercise.misconception(
    "E[-1] is the last row, so a negative number is accepted. "
    "Raise an IndexError for a number that is not from 0 to V-1."
)
def lets_negative_numbers_pass(tokens, E):
    return E[tokens]


@exercise.misconception(
    "You look up columns. A word's vector is a row of E, which has one row for each word."
)
def looks_up_columns(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[:, tokens]


@exercise.misconception(
    "You detach E, so the vectors would never be trained. Index E itself, not E.data."
)
def detaches_the_vectors(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E.detach()[tokens]


@exercise.misconception(
    "You add up the vectors of a sentence, and its order is lost. "
    "Keep one vector for each position: (B, T, D)."
)
def adds_the_words_up(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].sum(dim=-2) if tokens.dim() else E[tokens]


@exercise.misconception(
    "You flatten the positions of the batch into one axis. "
    "Keep the shape of tokens and append D: (B, T, D)."
)
def flattens_the_batch(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens.reshape(-1)]


@exercise.misconception(
    "Your result is (B, D, T). The vector is the last axis: (B, T, D), "
    "which is what a recurrent network reads."
)
def puts_the_vector_before_time(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].transpose(-1, -2) if tokens.dim() else E[tokens]


@exercise.misconception(
    "You block the gradient to the row of PAD. Here it is a word like any other; "
    "the mask makes sure that it is ignored."
)
def keeps_padding_from_learning(tokens, E):
    return nn.functional.embedding(tokens, E, padding_idx=PAD)


@exercise.misconception(
    "You give PAD the vector 0. Here it has its row of E like any other word; "
    "the mask makes sure that it is ignored."
)
def blanks_the_padding(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].masked_fill((tokens == PAD).unsqueeze(-1), 0)


@exercise.misconception(
    "You scale the vectors by the root of D, as a Transformer does. Here they are the rows of E."
)
def scales_by_the_root_of_D(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens] * E.shape[1] ** 0.5


@exercise.misconception(
    "You divide a word's gradient by how often it occurs. Each position adds its own: keep the sum."
)
def averages_the_gradient(tokens, E):
    return nn.functional.embedding(tokens, E, scale_grad_by_freq=True)


@exercise.misconception("Your result is always float32. Keep the dtype of E: leave out the cast.")
def looks_up_in_float32(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].float()
