"""Lecture section 6, "What if you are wrong?": training for the mistakes that a model will make.

In training, a model reads the true words before the one to predict; in use, it reads its own. This
is called exposure bias, and there are four answers to it here:

- scheduled sampling: feed the model its own words, ever more often (`scheduled_inputs`);
- Data as Demonstrator: learn the way back to the truth from one's own path (`dad_dataset`);
- MIXER: learn from the reward of whole sequences (`mixer_loss`);
- reward-augmented maximum likelihood: learn from targets with mistakes in them (`raml_sample`).

Tokens are (B, T), masks (B, T) boolean and True where there is a token. `rewards` has examples of
rewards.
"""

import math

import torch

from .masks import check_mask

__all__ = [
    "annealed_words",
    "dad_dataset",
    "edit_count_probs",
    "exponential_decay",
    "inverse_sigmoid_decay",
    "linear_decay",
    "mixer_loss",
    "raml_sample",
    "scheduled_inputs",
]

# --- Scheduled sampling -------------------------------------------------------------------------


def scheduled_inputs(targets, predictions, epsilon, generator):
    """Toss a coin for each position: the true word with probability epsilon, else the model's own.

    Shapes: targets and predictions (B, T), or (B,) for one step -> the same.
    epsilon: from 0 (only predictions) to 1 (only true words, ordinary training); the schedules
    below let it fall during training.
    Errors: ValueError when the shapes differ or epsilon is not a probability.
    Source: lecture section 6; Bengio et al. 2015.
    """
    if targets.shape != predictions.shape:
        raise ValueError(
            f"targets are {tuple(targets.shape)}, but predictions {tuple(predictions.shape)}"
        )
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon}, but a probability is from 0 to 1")
    true = _uniform(targets.shape, generator, targets.device) < epsilon
    return torch.where(true, targets, predictions)


def _uniform(shape, generator, device):
    """Numbers from 0 up to 1, never 1; drawn where the generator lives, then moved."""
    return torch.rand(shape, generator=generator, device=generator.device).to(device)


def linear_decay(i, k, c, floor):
    """epsilon_i = max(floor, k - c * i): from k down by c each step, never below floor."""
    return max(floor, k - c * i)


def exponential_decay(i, k):
    """epsilon_i = k ** i, with k < 1."""
    return k**i


def inverse_sigmoid_decay(i, k):
    """epsilon_i = k / (k + exp(i / k)), with k >= 1: flat, then falling, then flat."""
    w = k * math.exp(-i / k)  # both sides of the fraction times exp(-i / k), which cannot overflow
    return w / (w + 1)


# --- Data as Demonstrator -----------------------------------------------------------------------


@torch.no_grad()
def dad_dataset(step, state, xs, inputs, targets):
    """Add to a data set the way back to the truth from wherever the model's own predictions lead.

        x^_1 = x_1,   x^_{t+1} = the model's prediction after x^_1 ... x^_t
        new inputs   x^_1 ... x^_{T-1}
        new targets  x_2  ... x_T           the TRUE ones: x^_t -> x_{t+1}

    Refit on the result, roll out again, add again: the data set grows with each round. This
    is imitation learning, with the training sequences as the demonstrator; there is no reward.

    step: step(x (B, D), state) -> (prediction of the next x (B, D), state); state: before x_1.
    Shapes: xs (B, T, D) the true sequences, inputs and targets (M, T-1, D) the data set so far, to
    begin with xs[:, :-1] and xs[:, 1:] -> (inputs, targets), both (M + B, T-1, D).
    Tokens work as well: leave out D everywhere.
    Errors: ValueError when there is no next step to predict (T < 2).
    Source: lecture section 6; Venkatraman, Hebert & Bagnell 2015, algorithm 1, for models with a
    state. (In the paper's pairs, the first one, x_1 -> x_2, is not repeated.)
    """
    if xs.shape[1] < 2:
        raise ValueError(f"xs is {tuple(xs.shape)}: with T = {xs.shape[1]} nothing comes next")
    x = xs[:, 0]  # (B, D)
    rolled_out = [x]
    for _ in range(xs.shape[1] - 2):
        x, state = step(x, state)
        rolled_out.append(x)
    new_inputs = torch.stack(rolled_out, dim=1)  # (B, T-1, D)
    return torch.cat([inputs, new_inputs]), torch.cat([targets, xs[:, 1:]])


# --- MIXER --------------------------------------------------------------------------------------


def mixer_loss(logits, hs, tokens, mask, reward, s, w, b):
    """Cross-entropy for the first s words, REINFORCE for the words after them.

        loss = - sum over t < s   of  log p(token_t)                       (tokens are true ones)
               - sum over t >= s  of  (r - r^_t) * log p(token_t)          (tokens are sampled)
        r^_t = h_t @ w + b             what reward to expect, judging from h_t
        baseline_loss = sum over t >= s of (r - r^_t)^2

    with t from 0, both for each sequence, then the mean over the batch. The more the reward of a
    sequence exceeds what was expected, the more its words count. The baseline is a regression
    trained alongside the network: its gradient reaches w and b but, through h_t, not the network;
    the gradient of the loss does not reach w and b.

    Shapes: logits (B, T, V); hs (B, T, H), from which they were computed; tokens (B, T), true at
    t < s and sampled from the model after that; mask (B, T); reward (B,) of the whole sequences;
    w (H,); b a scalar -> (loss, baseline_loss), scalars, to be added.
    Errors: ValueError when the mask is not boolean (B, T).
    Source: lecture section 6; Ranzato et al. 2016 (MIXER), section 3.2.
    """
    check_mask(mask, tokens.shape)
    B, T = tokens.shape
    # From here on without padding: one row for each of the N tokens.
    sampled = (torch.arange(T, device=tokens.device) >= s).expand(B, T)[mask]  # (N,)
    log_p = logits[mask].log_softmax(dim=1).gather(1, tokens[mask].unsqueeze(1)).squeeze(1)
    advantage = reward.unsqueeze(1).expand(B, T)[mask] - (hs[mask].detach() @ w + b)
    weight = torch.where(sampled, advantage.detach(), 1.0)
    return -(weight * log_p).sum() / B, (advantage[sampled] ** 2).sum() / B


def annealed_words(epoch, T, first, every, delta):
    """How many words s to train with cross-entropy: all T, then fewer, down to 0.

    The first `first` epochs have s = T. Then s falls by delta, and again after every `every`
    epochs. Epochs count from 0.
    Source: Ranzato et al. 2016, algorithm 1.
    """
    rounds = 0 if epoch < first else 1 + (epoch - first) // every
    return max(0, T - rounds * delta)


# --- Reward-augmented maximum likelihood --------------------------------------------------------


def raml_sample(targets, mask, V, tau, generator, exact=True):
    """Draw a target with mistakes in it: the smaller tau, the fewer.

        q(y | y*) proportional to exp(-distance(y, y*) / tau)

    where the distance counts the words that differ. First the number of edits is drawn (see
    `edit_count_probs`, also for the meaning of exact), then their positions, then a different word
    for each of them. Train on y with the usual cross-entropy.

    Shapes: targets (B, T) integers below V, mask (B, T), True where a word may be replaced (leave
    out eos and padding) -> (B, T), unchanged where mask is False.
    Errors: ValueError when mask, V or tau is not as described.
    Source: lecture section 6; Norouzi et al. 2016.
    """
    check_mask(mask, targets.shape)
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs.to(generator.device), 1, generator=generator)  # (B, 1)
    # Shuffle the positions of each row and edit the first ones: all choices are equally likely.
    order = _uniform(targets.shape, generator, targets.device).masked_fill(~mask, 2)
    rank = order.argsort(dim=1).argsort(dim=1)  # (B, T)
    edited = rank < edits.to(targets.device)
    # One of the V - 1 other words, each equally likely: 1 to V - 1 steps further on, in a circle.
    shift = torch.randint(1, V, targets.shape, generator=generator, device=generator.device)
    return torch.where(edited, (targets + shift.to(targets)) % V, targets)


def edit_count_probs(lengths, V, tau, exact=True):
    """The probability that e of m words are replaced, for e = 0, 1, ...

        exact:    q(e) proportional to  C(m, e) * (V - 1)^e * exp(-e / tau)
        released: q(e) proportional to  C(m, e)             * exp(-e / tau)

    The exact form counts the sequences at distance e: C(m, e) choices of positions, V - 1 other
    words at each. With a real vocabulary that factor dominates: at V = 10,000 and tau = 0.85, all
    but 0.0065 of 20 words are replaced on average: the sample is noise. The form that the authors
    released drops (V - 1)^e, which is the exact form for a reward of -e * (1 + tau * log(V - 1)).
    It replaces 4.7 of 20.

    Shapes: lengths (B,) integers m -> (B, max m + 1), float64 (float32 on MPS), rows sum to 1.
    Errors: ValueError when V < 2 (no other word) or tau is not positive.
    Source: Norouzi et al. 2016, section 2, and the authors' code.
    """
    if V < 2:
        raise ValueError(f"V is {V}, but to replace a word there must be another one")
    if not tau > 0:
        raise ValueError(f"tau is {tau}, but must be positive")
    m = lengths.unsqueeze(1).to(torch.float32 if lengths.device.type == "mps" else torch.float64)
    e = torch.arange(int(lengths.max()) + 1, dtype=m.dtype, device=m.device)
    # In logarithms, because these numbers would overflow.
    rest = (m - e).clamp(min=0)
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma(rest + 1) - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)
