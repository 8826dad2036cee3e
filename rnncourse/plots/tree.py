"""A beam search as a tree."""

__all__ = ["beam_tree"]


def beam_tree(
    step, state, bos, eos, max_length, beam, words, length_penalty=0.0, *, title=None, alt=None
):
    """Run a small beam search of one sentence, as `reference.decoding.beam_search` does, and draw
    every beginning that it looked at: what it kept, dropped and finished, and the best.

    step(tokens (N,), state) -> (logits (N, V), state); state: for one sentence (N = 1).
    words: V words, or {word: number}. At most 4 extensions of a beginning are drawn.
    Errors: ValueError when beam or max_length is less than 1, or state is not of one sentence.
    """
    raise NotImplementedError
