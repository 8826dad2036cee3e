"""Problem set 5, training, solved correctly in other ways.

The audit submits the source of each. It may use torch, copy, math and the student's other functions
of this set; anything else it imports inside.
"""

import copy
import math

import torch

from rnncourse.reference.minimal_loop import fit
from rnncourse.reference.training import clip_gradients, cross_entropy, detach_state, train_step

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- cross_entropy ------------------------------------------------------------------------------


@ALTERNATIVES.of("cross_entropy")
def keeps_the_shape(logits, targets, mask, label_smoothing=0.0):
    N = mask.sum()
    if N == 0:
        raise ValueError("no token")
    clean = torch.where(mask.unsqueeze(2), logits, torch.zeros_like(logits))
    log_p = clean - clean.logsumexp(dim=2, keepdim=True)
    words = targets.masked_fill(~mask, 0)
    surprise = -log_p.gather(2, words.unsqueeze(2)).squeeze(2)
    blend = torch.lerp(surprise, -log_p.mean(dim=2), label_smoothing)
    return torch.where(mask, blend, torch.zeros_like(blend)).sum() / N


@ALTERNATIVES.of("cross_entropy")
def goes_token_by_token(logits, targets, mask, label_smoothing=0.0):
    total, count = 0.0, 0
    B, T, V = logits.shape
    for b in range(B):
        for t in range(T):
            if not mask[b, t]:
                continue
            row = logits[b, t] - logits[b, t].max().detach()
            log_p = row - row.exp().sum().log()
            total = total - (1 - label_smoothing) * log_p[targets[b, t]]
            for v in range(V):
                total = total - label_smoothing / V * log_p[v]
            count += 1
    if count == 0:
        raise ValueError("no token")
    return total / count


@ALTERNATIVES.of("cross_entropy")
def compares_distributions(logits, targets, mask, label_smoothing=0.0):
    from torch.nn import functional as F

    rows, words = logits[mask], targets[mask]
    if len(rows) == 0:
        raise ValueError("no token")
    V = rows.shape[1]
    q = F.one_hot(words, V).to(rows.dtype) * (1 - label_smoothing) + label_smoothing / V
    return -torch.einsum("nv,nv->", q, F.log_softmax(rows, dim=1)) / len(rows)


@ALTERNATIVES.of("cross_entropy")
def loses_precision(logits, targets, mask, label_smoothing=0.0):
    assert mask.any(), "no token"
    log_p = torch.log_softmax(logits.flatten(0, 1)[mask.flatten()].float(), dim=-1)
    words = targets.flatten()[mask.flatten()]
    picked = log_p[torch.arange(len(words)), words]
    loss = -(1 - label_smoothing) * picked.mean() - label_smoothing * log_p.mean()
    return loss.to(logits.dtype)


# --- elman_backward -----------------------------------------------------------------------------


@ALTERNATIVES.of("elman_backward")
def adds_up_step_by_step(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_xs = torch.zeros_like(xs)
    grad_W_x, grad_W_h = torch.zeros_like(W_x), torch.zeros_like(W_h)
    grad_h = torch.zeros_like(h_0)
    for t in range(xs.shape[1] - 1, -1, -1):
        grad_h = grad_h + grad_hs[:, t]
        grad_z = grad_h * (1 + hs[:, t]) * (1 - hs[:, t])
        before = hs[:, t - 1] if t > 0 else h_0
        grad_xs[:, t] = grad_z @ W_x.T
        grad_W_x += xs[:, t].T @ grad_z
        grad_W_h += before.T @ grad_z
        grad_h = grad_z @ W_h.T
    return grad_xs, grad_h, grad_W_x, grad_W_h


@ALTERNATIVES.of("elman_backward")
def goes_back_by_recursion(grad_hs, xs, h_0, hs, W_x, W_h):
    def back(t, later):
        if t < 0:
            return [], later, 0 * W_x, 0 * W_h
        grad_z = torch.einsum("bh,bh->bh", grad_hs[:, t] + later, 1 - hs[:, t].square())
        before = h_0 if t == 0 else hs[:, t - 1]
        rest, first, grad_W_x, grad_W_h = back(t - 1, torch.einsum("bh,kh->bk", grad_z, W_h))
        return (
            [*rest, torch.einsum("bh,dh->bd", grad_z, W_x)],
            first,
            grad_W_x + torch.einsum("bd,bh->dh", xs[:, t], grad_z),
            grad_W_h + torch.einsum("bk,bh->kh", before, grad_z),
        )

    grad_xs, *rest = back(xs.shape[1] - 1, torch.zeros_like(h_0))
    return [torch.stack(grad_xs, dim=1), *rest]


@ALTERNATIVES.of("elman_backward")
def goes_back_row_by_row(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_xs, grad_h_0 = torch.empty_like(xs), torch.empty_like(h_0)
    grad_W_x, grad_W_h = torch.zeros_like(W_x), torch.zeros_like(W_h)
    for b in range(len(xs)):
        later = torch.zeros_like(h_0[b])
        for t in reversed(range(xs.shape[1])):
            grad_z = (grad_hs[b, t] + later) * (1 - hs[b, t] ** 2)
            grad_xs[b, t] = W_x @ grad_z
            grad_W_x = grad_W_x + torch.outer(xs[b, t], grad_z)
            grad_W_h = grad_W_h + torch.outer(hs[b, t - 1] if t else h_0[b], grad_z)
            later = W_h @ grad_z
        grad_h_0[b] = later
    return grad_xs, grad_h_0, grad_W_x, grad_W_h


@ALTERNATIVES.of("elman_backward")
def goes_back_in_float32(grad_hs, xs, h_0, hs, W_x, W_h):
    dtype = xs.dtype
    grad_hs, xs, h_0, hs, W_x, W_h = (one.float() for one in (grad_hs, xs, h_0, hs, W_x, W_h))
    slopes, later, found = 1 - hs * hs, 0, []
    for grad_h, slope in zip(reversed(grad_hs.unbind(1)), reversed(slopes.unbind(1)), strict=True):
        found.insert(0, (grad_h + later) * slope)
        later = found[0].matmul(W_h.t())
    grad_zs = torch.stack(found, dim=1)
    before = torch.cat([h_0[:, None], hs[:, :-1]], dim=1)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btd,bth->dh", before, grad_zs)
    return tuple(one.to(dtype) for one in (grad_zs @ W_x.T, later, grad_W_x, grad_W_h))


# --- clip_gradients -----------------------------------------------------------------------------


@ALTERNATIVES.of("clip_gradients")
def clips_one_long_vector(parameters, max_norm):
    if max_norm <= 0:
        raise ValueError("max_norm must be positive")
    kept = [p for p in parameters if p.grad is not None]
    if not kept:
        return 0.0
    norm = torch.cat([p.grad.reshape(-1).double() for p in kept]).norm().item()
    if norm > max_norm:
        for p in kept:
            p.grad = p.grad * (max_norm / norm)
    return norm


@ALTERNATIVES.of("clip_gradients")
def clips_as_torch_does(parameters, max_norm):
    assert max_norm > 0
    parameters = list(parameters)
    squares = [p.grad.pow(2).sum() for p in parameters if p.grad is not None]
    norm = torch.stack(squares).sum().sqrt() if squares else torch.tensor(0.0)
    factor = min(1.0, float(max_norm / (norm + 1e-6)))
    for p in parameters:
        if p.grad is not None:
            p.grad.detach().mul_(factor)
    return norm


@ALTERNATIVES.of("clip_gradients")
def counts_the_squares(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError(max_norm)
    grads, total = [], 0.0
    for p in parameters:
        if p.grad is None:
            continue
        grads.append(p.grad)
        total += sum(number * number for number in p.grad.flatten().tolist())
    norm = math.sqrt(total)
    if norm > max_norm:
        for g in grads:
            g.copy_(g / norm * max_norm)
    return norm


# --- detach_state -------------------------------------------------------------------------------


@ALTERNATIVES.of("detach_state")
def detaches_a_tensor_first(state):
    if torch.is_tensor(state):
        return state.detach()
    return tuple([detach_state(one) for one in state])


@ALTERNATIVES.of("detach_state")
def takes_the_data(state):
    if isinstance(state, tuple):
        return tuple(map(takes_the_data, state))
    return state.data


@ALTERNATIVES.of("detach_state")
def copies_the_numbers(state):
    with torch.no_grad():
        if isinstance(state, tuple):
            found = ()
            for one in state:
                found += (detach_state(one),)
            return found
        return state.clone()


# --- truncated_bptt -----------------------------------------------------------------------------


@ALTERNATIVES.of("truncated_bptt")
def detaches_on_both_sides(loss, chunks, state):
    state = detach_state(state)
    for chunk in chunks:
        value, after = loss(chunk, state)
        state = detach_state(after)
        yield [value, state]


@ALTERNATIVES.of("truncated_bptt")
def asks_for_the_next_chunk(loss, chunks, state):
    chunks, nothing = iter(chunks), object()
    while (chunk := next(chunks, nothing)) is not nothing:
        pair = loss(chunk, state)
        state = detach_state(pair[1])
        yield pair[0], state


@ALTERNATIVES.of("truncated_bptt")
class WalksAlong:
    """An iterator written as a class."""

    def __init__(self, loss, chunks, state):
        self.loss, self.chunks, self.state = loss, iter(chunks), state

    def __iter__(self):
        return self

    def __next__(self):
        value, state = self.loss(next(self.chunks), self.state)
        self.state = detach_state(state)
        return value, self.state


# --- train_step ---------------------------------------------------------------------------------


@ALTERNATIVES.of("train_step")
def clears_by_hand(model, batch, loss, optimizer, max_norm):
    for p in model.parameters():
        p.grad = None
    value = loss(model, batch)
    if not torch.isfinite(value):
        raise FloatingPointError(f"the loss is {value}")
    value.backward()
    norm = float(clip_gradients(model.parameters(), max_norm))
    if norm != norm or norm == math.inf:
        raise FloatingPointError(f"the norm is {norm}")
    optimizer.step()
    return float(value.detach())


@ALTERNATIVES.of("train_step")
def asks_for_the_gradients(model, batch, loss, optimizer, max_norm):
    parameters = list(model.parameters())
    value = loss(model, batch)
    for p, grad in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
        p.grad = grad
    norm = clip_gradients(parameters, max_norm)
    if math.isfinite(value.item()) and math.isfinite(norm):
        optimizer.step()
        return value.item()
    raise FloatingPointError("loss or gradient is not finite")


@ALTERNATIVES.of("train_step")
def clips_without_help(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad(set_to_none=False)
    value = loss(model, batch)
    value.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    norm = math.sqrt(sum((g.double() ** 2).sum().item() for g in grads))
    if not math.isfinite(norm + value.item()):
        raise FloatingPointError("not finite")
    with torch.no_grad():
        for g in grads:
            g *= min(1.0, max_norm / max(norm, 1e-12))
    optimizer.step()
    return value.tolist()


@ALTERNATIVES.of("train_step")
def gives_the_optimizer_a_closure(model, batch, loss, optimizer, max_norm):
    def closure():
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        norm = clip_gradients(model.parameters(), max_norm)
        if not (torch.isfinite(value) and math.isfinite(float(norm))):
            raise FloatingPointError("not finite")
        return value

    return optimizer.step(closure).item()


# --- fit ----------------------------------------------------------------------------------------


@ALTERNATIVES.of("fit")
def counts_back_in_the_history(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    was_training, history = model.training, []
    for epoch in range(epochs):
        model.train()
        total = count = 0
        for batch in batches:
            total += train_step(model, batch, loss, optimizer, max_norm)
            count += 1
        model.train(False)
        with torch.inference_mode():
            valid = validate(model)
        history.append(dict(train=total / count, valid=valid))
        values = [one["valid"] for one in history]
        if values.index(min(values)) == epoch:
            best = {name: one.clone() for name, one in model.state_dict().items()}
        if epoch - values.index(min(values)) >= patience:
            break
    model.load_state_dict(best)
    model.train() if was_training else model.eval()
    return history


@ALTERNATIVES.of("fit")
def keeps_all_weights(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, kept = model.training, [], []
    try:
        while len(history) < epochs:
            model.train()
            losses = []
            for batch in batches:
                losses += [train_step(model, batch, loss, optimizer, max_norm)]
            model.eval()
            with torch.no_grad():
                history.append({"valid": float(validate(model))})
            history[-1]["train"] = math.fsum(losses) / len(losses)
            kept.append(copy.deepcopy(model.state_dict()))
            best = min(range(len(history)), key=lambda n: history[n]["valid"])
            if len(history) - 1 - best == patience:
                break
        model.load_state_dict(kept[best])
    finally:
        model.train(mode)
    return history


@ALTERNATIVES.of("fit")
def saves_to_memory(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    import io

    training, best, left, history = model.training, None, patience, []
    for _ in range(epochs):
        model.train()
        mean = torch.tensor(
            [train_step(model, b, loss, optimizer, max_norm) for b in batches], dtype=torch.float64
        ).mean()
        with torch.no_grad():
            valid = float(validate(model.eval()))
        history.append({"train": mean.item(), "valid": valid})
        if best is None or valid < best:
            best, left, file = valid, patience, io.BytesIO()
            torch.save(model.state_dict(), file)
            continue
        left -= 1
        if not left:
            break
    file.seek(0)
    model.load_state_dict(torch.load(file))
    model.train(training)
    return history


# --- train_translator ---------------------------------------------------------------------------


@ALTERNATIVES.of("train_translator")
def warms_up_with_more_epochs(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        logits = model(source, lengths, target)[:, :-1]
        return cross_entropy(logits, target[:, 1:], mask[:, 1:], label_smoothing=0.05)

    def validate(model):
        return loss(model, valid[0])

    optimizer = torch.optim.AdamW(model.parameters(), lr=0.008, weight_decay=0.01)
    return fit(
        model, train, loss, optimizer, epochs=25, max_norm=2.0, validate=validate, patience=10
    )


@ALTERNATIVES.of("train_translator")
def counts_wrong_words(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        words, answers = (
            target.narrow(1, 0, target.shape[1] - 1),
            target.narrow(1, 1, -1 + len(target[0])),
        )
        return cross_entropy(model(source, lengths, words), answers, mask[:, 1:])

    def validate(model):
        wrong = 0
        for source, lengths, target, mask in valid:
            best = model(source, lengths, target[:, :-1]).argmax(dim=2)
            wrong += ((best != target[:, 1:]) & mask[:, 1:]).sum().item()
        return wrong + loss(model, valid[0]).item() / 100

    optimizer = torch.optim.NAdam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=20, max_norm=5.0, validate=validate, patience=8
    )


@ALTERNATIVES.of("train_translator")
def trains_in_two_rounds(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch) for batch in valid)

    history = []
    for rate in (0.012, 0.004):
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        history += fit(
            model, train, loss, optimizer, epochs=12, max_norm=1.0, validate=validate, patience=12
        )
    return history
