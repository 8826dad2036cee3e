"""Lecture section 5: the loss, its gradient, and one step of training.

    L = -log p(y | x) = -sum_t log p(y_t | y_<t, x)

A recurrent network is a composite of functions, so its gradient is the chain rule, backwards
through time (`elman_backward` does it by hand). What is special about recurrent networks is how
long that chain is: gradients are clipped, and a long sequence is cut into chunks; from one chunk to
the next, the state is carried over and the gradient is not. `minimal_loop` and `training_loop`
repeat the step.

Logits are (B, T, V), tokens (B, T), masks (B, T) boolean and True where there is a token.
"""

import math

import torch

from .masks import check_mask
from .state_tree import map_state

__all__ = [
    "bptt_chunks",
    "clip_gradients",
    "cross_entropy",
    "detach_state",
    "elman_backward",
    "train_step",
    "truncated_bptt",
]


def cross_entropy(logits, targets, mask, label_smoothing=0.0):
    """How surprised the model is by the true tokens: the mean of -log p over all tokens.

        log p = log_softmax(logits)
        loss = mean over tokens of  -(1 - s) * log p[target] - s/V * (sum over v of log p[v])

    with s = label_smoothing. Each token counts the same, whatever the length of its sentence;
    padding does not count, whatever it contains (an index out of range, NaN).

    Shapes: logits (B, T, V), targets (B, T) integers, mask (B, T) boolean -> a scalar, in nats.
    Errors: ValueError when shapes do not fit, mask is not boolean, or there is no token.
    Source: lecture section 5, eq. 4 to 6 (eq. 6 is the sum for one sentence; a mean keeps the
    learning rate independent of batch size and length); label smoothing as in torch, Szegedy et
    al. 2016: the share s is spread over all V words, the target included.
    """
    if logits.dim() != 3 or logits.shape[:2] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} "
            "must be (B, T, V) and (B, T)"
        )
    check_mask(mask, targets.shape)
    if not mask.any():
        raise ValueError("the mask is False everywhere: there is no token to average over")
    # Selecting the tokens first is less work than computing the padding and leaving it out.
    log_p = logits[mask].log_softmax(dim=1)  # (N, V) for N tokens
    loss = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0:  # 0 * log p would be NaN for a word that the model rules out
        return loss
    return (1 - label_smoothing) * loss - label_smoothing * log_p.mean()


def elman_backward(grad_hs, xs, h_0, hs, W_x, W_h):
    """Back-propagation through time, by hand, for h_t = tanh(z_t), z_t = x_t @ W_x + h_{t-1} @ W_h.

    h_t influences the loss twice: directly (grad_hs), and through h_{t+1}. So, from t = T down,

        grad_h_t = grad_hs[:, t] + grad_z_{t+1} @ W_h.T              (nothing comes from T + 1)
        grad_z_t = grad_h_t * (1 - h_t^2)                            (tanh' = 1 - tanh^2)
        grad_x_t = grad_z_t @ W_x.T
        grad_W_x = sum over t of x_t.T @ grad_z_t
        grad_W_h = sum over t of h_{t-1}.T @ grad_z_t
        grad_h_0 = grad_z_1 @ W_h.T

    Shapes: grad_hs (B, T, H) the direct gradient of the loss at each h_t; xs (B, T, D);
    h_0 (B, H); hs (B, T, H) from the forward pass; W_x (D, H); W_h (H, H)
    -> (grad_xs, grad_h_0, grad_W_x, grad_W_h), shaped as xs, h_0, W_x, W_h.
    Source: lecture section 5, "just the chain rule"; Werbos 1990.
    """
    grad_zs = torch.empty_like(hs)
    from_later = torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_h = grad_hs[:, t] + from_later  # (B, H)
        grad_zs[:, t] = grad_h * (1 - hs[:, t] ** 2)
        from_later = grad_zs[:, t] @ W_h.T
    # Only the loop needs to go step by step; the rest is one product for all steps.
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]  # (B, T, H): h_{t-1} at index t
    grad_W_x = xs.flatten(0, 1).T @ grad_zs.flatten(0, 1)
    grad_W_h = before.flatten(0, 1).T @ grad_zs.flatten(0, 1)
    return grad_zs @ W_x.T, from_later, grad_W_x, grad_W_h


@torch.no_grad()
def clip_gradients(parameters, max_norm):
    """Scale the gradient down, in place, to the norm max_norm if it is longer.

        norm = sqrt(sum of squares over ALL entries of ALL gradients)
        gradients *= max_norm / norm    if norm > max_norm

    parameters: tensors whose .grad is clipped; those whose .grad is None are skipped.
    max_norm: a positive number; math.inf only measures.
    Returns the norm before clipping, a scalar tensor (0 without gradients). NaN stays NaN.
    Errors: ValueError when max_norm is not positive.
    Source: lecture section 5; Pascanu et al. 2013, algorithm 1.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}, but a length to clip to is positive")
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.zeros(())
    # The norm of the norms is the norm of everything in one long vector.
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / norm)
    return norm


def detach_state(state):
    """The same numbers without their history: gradients stop here.

    state: a tensor, or a tuple of states, nested to any depth. It is not modified.
    Errors: TypeError when it contains anything else.
    Source: lecture section 5; truncated back-propagation through time.
    """
    return map_state(torch.Tensor.detach, state)


def bptt_chunks(tokens, k):
    """Cut a long sequence into chunks of k steps, to predict each next token.

    Shapes: tokens (B, T+1) -> an iterator of (inputs, targets), both (B, k), the last pair possibly
    shorter. Targets are one step later than inputs; every token but the first is a target once.
    Errors: ValueError when k is less than 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}, but a chunk has at least one step")
    return zip(tokens[:, :-1].split(k, dim=1), tokens[:, 1:].split(k, dim=1), strict=True)


def truncated_bptt(loss, chunks, state):
    """The loss of each chunk of a long sequence: the state is carried over, the gradient is not.

    The caller makes an optimizer step between two chunks:

        for value, state in truncated_bptt(loss, bptt_chunks(tokens, k), state):
            optimizer.zero_grad()
            value.backward()      # through at most k steps
            clip_gradients(model.parameters(), max_norm)
            optimizer.step()

    loss: loss(chunk, state) -> (scalar, state after the chunk).
    chunks: an iterable, in the order of the sequence; state: before the first chunk.
    Yields (scalar, state after the chunk, detached).
    Source: lecture section 5; Williams & Peng 1990, Mikolov et al. 2010.
    """
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value, state


def train_step(model, batch, loss, optimizer, max_norm):
    """One step downhill: clear the gradients, forward, backward, clip, step.

    loss: loss(model, batch) -> a scalar tensor. max_norm: see `clip_gradients`.
    The caller chooses the model's mode, train or eval; it is left as it is.
    Returns the loss before the step, a float.
    Errors: FloatingPointError when loss or gradient is not finite; the weights are then unchanged.
    Source: lecture section 5, "the training procedure stays the same".
    """
    optimizer.zero_grad()  # otherwise the gradients of the last step would be added
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    number = value.item()
    if not (math.isfinite(number) and math.isfinite(norm)):
        raise FloatingPointError(
            f"the loss is {number} and its gradient has the norm {norm.item()}: no step was made. "
            "Try a smaller learning rate or a smaller max_norm, and look for log(0) and 0/0"
        )
    optimizer.step()
    return number
