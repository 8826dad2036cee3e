"""The loss of a softmax over a large vocabulary, without holding all probabilities at once.

For 1,000 tokens and 10,000 words, the logits are 40 MB. Softmax, logarithm and their gradients each
read and write as much again, which is slow. But the gradient with respect to the logits has a
closed form, p - target distribution, so it is computed together with the loss, in chunks of tokens.
"""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["softmax_loss"]

CHUNK = 256  # tokens: the product is large enough to be fast, and its result fits the cache


def softmax_loss(hs, E, b, targets, label_smoothing=0.0):
    """`training.cross_entropy` of the logits hs @ E.T + b, which are not kept.

    Shapes: hs (N, D) for N tokens (of a batch hs (B, T, D): hs[mask]), E (V, D), b (V,),
    targets (N,) -> a scalar, the mean over the tokens.
    Its gradient can be taken once, not a second time.
    """
    return _SoftmaxLoss.apply(hs, E, b, targets, label_smoothing)


class _SoftmaxLoss(Function):
    @staticmethod
    def forward(ctx, hs, E, b, targets, s):
        N, V = len(hs), len(E)
        total = hs.new_zeros(())
        dhs, dE, db = torch.empty_like(hs), torch.zeros_like(E), torch.zeros_like(b)
        chunks = zip(hs.split(CHUNK), targets.split(CHUNK), dhs.split(CHUNK), strict=True)
        for h, target, dh in chunks:
            target = target.unsqueeze(1)
            logits = torch.addmm(b, h, E.T)
            log_sum = logits.logsumexp(dim=1, keepdim=True)
            loss = log_sum - (1 - s) * logits.gather(1, target)
            if s:
                loss -= s * logits.mean(dim=1, keepdim=True)
            total += loss.sum()
            # From here on the same memory holds d loss / d logits.
            logits.sub_(log_sum).exp_()
            if s:
                logits -= s / V
            logits[torch.arange(len(h), device=h.device), target.squeeze(1)] += s - 1
            torch.mm(logits, E, out=dh)
            dE.addmm_(logits.T, h)
            db += logits.sum(dim=0)
        ctx.save_for_backward(dhs / N, dE / N, db / N)
        return total / N

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        dhs, dE, db = ctx.saved_tensors
        return grad * dhs, grad * dE, grad * db, None, None
