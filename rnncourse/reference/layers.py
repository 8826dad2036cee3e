"""Lecture section 1 for whole sequences: the cells of `cells` as modules, written to be fast.

    hs, state = LSTM(D, H)(xs, lengths, state)

They have the mathematics, parameters and interface of the `*_step` functions under `unroll`, and of
`cells.LSTM`. The difference is when things are computed:

- The contribution of the inputs, xs @ W_x + b, needs no state: one product for all steps at once.
- Only h_{t-1} @ W_h depends on the step before and stays in the loop.
- The gradient of W_h is a sum over steps, sum_t h_{t-1}^T dz_t. Added up step by step, it reads and
  writes a matrix of the size of W_h at every step. As one product of all h_{t-1} and all dz_t, it
  is computed at once, after the loop. Autograd cannot do that by itself, so back-propagation
  through time is written by hand below: each `backward` is the chain rule, line by line.

In every `backward`, dv means "the gradient of the loss with respect to v".
"""

import math

import torch
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .cells import length_mask

__all__ = ["GRU", "LSTM", "Bidirectional", "Elman"]


def uniform(*shape, size):
    """A new parameter, drawn from uniform(-1/sqrt(size), 1/sqrt(size)).

    When size is that of the vector which the parameter multiplies, products neither grow nor fade
    much.
    """
    bound = 1 / math.sqrt(size)
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


class _Recurrent(nn.Module):
    """What the networks share: everything but f.

    A subclass sets how many states it carries, and defines `_scan(xs, *states)` for xs (B, T, D).
    It returns each state before the first step and after every step, (T+1, B, H), the hidden output
    first.
    """

    states = 1

    def __init__(self, D, H, bias):
        super().__init__()
        self.D, self.H, self.bias = D, H, bias

    def _parameter(self, *shape):
        return uniform(*shape, size=self.H)  # as torch.nn's recurrent modules do

    def forward(self, xs, lengths=None, state=None):
        """Run over xs; sequence b ends after lengths[b] steps, and what follows is padding.

        Shapes: xs (B, T, D), lengths (B,) integers from 0 to T (None: all are T), state as the
        step function has it (None: zeros) -> (hs, state): hs (B, T, H) is 0 at t >= lengths[b];
        state is each sequence's state after its own last step.
        Errors: ValueError when xs is not (B, T, D), or lengths or state is not as described.
        """
        if xs.dim() != 3:
            raise ValueError(f"xs is {tuple(xs.shape)}, not (B, T, D)")
        B, T, _ = xs.shape
        if state is None:
            before = (xs.new_zeros(B, self.H),) * self.states
        else:
            if isinstance(state, (tuple, list)) != (self.states > 1):
                expected = "a tuple (h, c)" if self.states > 1 else "a tensor (B, H)"
                raise ValueError(
                    f"the state of {type(self).__name__} is {expected}, "
                    f"not a {type(state).__name__}"
                )
            before = (state,) if self.states == 1 else tuple(state)
            for tensor in before:  # a size of 1 would be broadcast
                if tensor.shape != (B, self.H):
                    raise ValueError(
                        f"the state has {tuple(tensor.shape)}, not (B, H) = {(B, self.H)}"
                    )

        if lengths is None:
            sequences = self._scan(xs, *before)  # each (T+1, B, H)
            hs, after = sequences[0][1:], [sequence[T] for sequence in sequences]
        else:
            mask = length_mask(lengths, xs)  # (B, T)
            # Junk in the padding must not reach a product: 0 * NaN in the backward pass is NaN.
            # The steps after a sequence's end are computed as well. They change nothing before
            # them, and the state is taken from where the sequence ended.
            sequences = self._scan(xs.masked_fill(~mask.unsqueeze(2), 0), *before)
            hs = sequences[0][1:].masked_fill(~mask.T.unsqueeze(2), 0)  # (T, B, H)
            end = mask.sum(dim=1), torch.arange(B, device=xs.device)
            after = [sequence[end] for sequence in sequences]
        return hs.transpose(0, 1), after[0] if self.states == 1 else tuple(after)

    def extra_repr(self):
        return f"D={self.D}, H={self.H}, bias={self.bias}"


def _from_inputs(xs, W_x, b):
    """xs @ W_x + b for all steps at once, time first so that each step is contiguous in memory."""
    zs = xs.transpose(0, 1) @ W_x  # (T, B, K)
    # Under torch.autocast the product is in half precision; the sums over time are not.
    zs = zs.to(W_x.dtype)
    return zs if b is None else zs + b


def _weight_gradient(inputs, dzs):
    """sum_t inputs_t^T @ dz_t as one product; inputs (T, B, H), dzs (T, B, K) -> (H, K)."""
    return inputs.flatten(0, 1).T @ dzs.flatten(0, 1)


# --- Elman --------------------------------------------------------------------------------------


class Elman(_Recurrent):
    """`elman_step` with g = tanh over whole sequences: h_t = tanh(x_t @ W_x + h_{t-1} @ W_h + b).

    Parameters: W_x (D, H), W_h (H, H), and b (H,) when bias is True.
    Source: lecture section 1, example 2.
    """

    def __init__(self, D, H, bias=False):
        super().__init__(D, H, bias)
        self.W_x, self.W_h = self._parameter(D, H), self._parameter(H, H)
        self.b = self._parameter(H) if bias else None

    def _scan(self, xs, h_0):
        return (_ElmanScan.apply(_from_inputs(xs, self.W_x, self.b), h_0, self.W_h),)


class _ElmanScan(Function):
    """h_t = tanh(z_t + h_{t-1} @ W_h); zs (T, B, H), h_0 (B, H) -> hs (T+1, B, H)."""

    @staticmethod
    def forward(ctx, zs, h_0, W_h):
        hs = [h_0]
        for z in zs:
            hs.append(torch.addmm(z, hs[-1], W_h).tanh_())
        hs = torch.stack(hs)
        ctx.save_for_backward(hs, W_h)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs):
        hs, W_h = ctx.saved_tensors
        slope = 1 - hs * hs  # tanh' at every step
        dzs = torch.empty_like(hs[1:])
        dh = dhs[-1]
        for t in reversed(range(len(dzs))):  # step t leads from hs[t] to hs[t+1]
            torch.mul(dh, slope[t + 1], out=dzs[t])
            dh = torch.addmm(dhs[t], dzs[t], W_h.T)
        return dzs, dh, _weight_gradient(hs[:-1], dzs)


# --- LSTM ---------------------------------------------------------------------------------------


class LSTM(_Recurrent):
    """`lstm_step` over whole sequences; the state is (h, c).

    Parameters: W (D+H, 4H), gates i, f, o, g, and b (4H,) when bias is True:
    z = [x, h] @ W + b.
    Source: lecture section 1, example 3 and eq. 1, corrected (see `cells.slide_bugs`).
    """

    states = 2

    def __init__(self, D, H, bias=False):
        super().__init__(D, H, bias)
        self.W = self._parameter(D + H, 4 * H)
        self.b = self._parameter(4 * H) if bias else None

    def _scan(self, xs, h_0, c_0):
        W_x, W_h = self.W.split([self.D, self.H])
        return _LSTMScan.apply(_from_inputs(xs, W_x, self.b), h_0, c_0, W_h)


class _LSTMScan(Function):
    """zs (T, B, 4H), h_0 and c_0 (B, H), W_h (H, 4H) -> hs and cs, both (T+1, B, H).

    i, f, o, g = sigmoid, sigmoid, sigmoid, tanh of z_t + h_{t-1} @ W_h
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)
    """

    @staticmethod
    def forward(ctx, zs, h_0, c_0, W_h):
        T, (B, H) = len(zs), h_0.shape
        gates = torch.empty_like(zs)  # (T, B, 4H)
        hs, cs = zs.new_empty(T + 1, B, H), zs.new_empty(T + 1, B, H)
        hs[0], cs[0] = h_0, c_0
        for t in range(T):  # step t leads from hs[t], cs[t] to hs[t+1], cs[t+1]
            gate = torch.addmm(zs[t], hs[t], W_h, out=gates[t])
            gate[:, : 3 * H].sigmoid_()
            gate[:, 3 * H :].tanh_()
            i, f, o, g = gate.chunk(4, dim=1)
            torch.addcmul(f * cs[t], i, g, out=cs[t + 1])
            torch.mul(o, cs[t + 1].tanh(), out=hs[t + 1])
        ctx.save_for_backward(gates, hs, cs, W_h)
        return hs, cs

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs, dcs):
        gates, hs, cs, W_h = ctx.saved_tensors
        i, f, o, g = gates.chunk(4, dim=2)
        # dh and dc depend on the step after. The slopes do not: here they are, for all steps at
        # once, each (T, B, H).
        tanh_cs = cs[1:].tanh()
        dh_dc = o * (1 - tanh_cs * tanh_cs)
        dc_di, dc_df = g * i * (1 - i), cs[:-1] * f * (1 - f)
        dh_do, dc_dg = tanh_cs * o * (1 - o), i * (1 - g * g)
        dzs = torch.cat([dc_di, dc_df, dh_do, dc_dg], dim=2)  # (T, B, 4H)
        dh, dc = dhs[-1], dcs[-1]
        for t in reversed(range(len(dzs))):
            dc = torch.addcmul(dc, dh, dh_dc[t])
            dzs[t] *= torch.cat([dc, dc, dh, dc], dim=1)  # the chain rule, all four at once
            dc = torch.addcmul(dcs[t], dc, f[t])
            dh = torch.addmm(dhs[t], dzs[t], W_h.T)
        return dzs, dh, dc, _weight_gradient(hs[:-1], dzs)


# --- GRU ----------------------------------------------------------------------------------------


class GRU(_Recurrent):
    """`gru_step` over whole sequences. Not torch.nn.GRU, which has another formula.

    Parameters, in the order of `gru_step`: W_xz, W_hz, W_xr, W_hr, W_x, W_h, each W_x* (D, H), each
    W_h* (H, H); then b_z, b_r, b, each (H,), when bias is True: one for each product with x.
    Source: lecture section 1, example 4 and eq. 2, corrected (see `cells.slide_bugs`).
    """

    def __init__(self, D, H, bias=False):
        super().__init__(D, H, bias)
        self.W_xz, self.W_hz = self._parameter(D, H), self._parameter(H, H)
        self.W_xr, self.W_hr = self._parameter(D, H), self._parameter(H, H)
        self.W_x, self.W_h = self._parameter(D, H), self._parameter(H, H)
        self.b_z = self._parameter(H) if bias else None
        self.b_r = self._parameter(H) if bias else None
        self.b = self._parameter(H) if bias else None

    def _scan(self, xs, h_0):
        W_x = torch.cat([self.W_xz, self.W_xr, self.W_x], dim=1)
        b = torch.cat([self.b_z, self.b_r, self.b]) if self.bias else None
        W_zr = torch.cat([self.W_hz, self.W_hr], dim=1)
        return (_GRUScan.apply(_from_inputs(xs, W_x, b), h_0, W_zr, self.W_h),)


class _GRUScan(Function):
    """us (T, B, 3H), h_0 (B, H), W_zr (H, 2H), W_h (H, H) -> hs (T+1, B, H).

    u_z, u_r, u_n = u_t
    z, r = sigmoid([u_z, u_r] + h_{t-1} @ W_zr)
    n = tanh(u_n + (r * h_{t-1}) @ W_h)
    h_t = h_{t-1} + z * (n - h_{t-1})
    """

    @staticmethod
    def forward(ctx, us, h_0, W_zr, W_h):
        T, (B, H) = len(us), h_0.shape
        gates = torch.empty_like(us)  # (T, B, 3H)
        hs, rhs = us.new_empty(T + 1, B, H), us.new_empty(T, B, H)
        hs[0] = h_0
        for t in range(T):  # step t leads from hs[t] to hs[t+1]
            h, zr, n = hs[t], gates[t, :, : 2 * H], gates[t, :, 2 * H :]
            torch.addmm(us[t, :, : 2 * H], h, W_zr, out=zr).sigmoid_()
            z, r = zr.chunk(2, dim=1)
            rh = torch.mul(r, h, out=rhs[t])
            torch.addmm(us[t, :, 2 * H :], rh, W_h, out=n).tanh_()
            torch.lerp(h, n, z, out=hs[t + 1])
        ctx.save_for_backward(gates, hs, rhs, W_zr, W_h)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs):
        gates, hs, rhs, W_zr, W_h = ctx.saved_tensors
        H = len(W_h)
        dus = torch.empty_like(gates)
        dh = dhs[-1]
        for t in reversed(range(len(dus))):
            h, (z, r, n) = hs[t], gates[t].chunk(3, dim=1)
            du_z, du_r, du_n = dus[t].chunk(3, dim=1)
            torch.mul(dh * z, 1 - n * n, out=du_n)
            drh = du_n @ W_h.T
            torch.mul(dh * (n - h), z * (1 - z), out=du_z)
            torch.mul(drh * h, r * (1 - r), out=du_r)
            dh = dhs[t] + dh * (1 - z) + drh * r
            dh.addmm_(dus[t, :, : 2 * H], W_zr.T)
        dW_zr = _weight_gradient(hs[:-1], dus[:, :, : 2 * H])
        return dus, dh, dW_zr, _weight_gradient(rhs, dus[:, :, 2 * H :])


# --- both directions ----------------------------------------------------------------------------


class Bidirectional(nn.Module):
    """Two networks over the same sequences, one from each end, side by side.

        hs_t = [forwards_t, backwards_t],   state = [state of one, state of the other]

    Each sequence is read backwards from its own last word, not from the padding. The interface is
    that of one network whose H is the sum of the two, so it can be an encoder for a decoder of that
    size. It needs the whole sequence, so it cannot be a decoder or a language model.
    Source: Schuster & Paliwal 1997; as an encoder, Bahdanau et al. 2015.
    """

    def __init__(self, forwards, backwards):
        super().__init__()
        self.forwards, self.backwards = forwards, backwards

    def forward(self, xs, lengths=None):
        """Shapes: xs (B, T, D), lengths (B,) or None -> (hs, state): hs (B, T, H_1 + H_2), state
        as one network's, with H_1 + H_2 numbers for each sequence. Both start from zeros.
        Errors: those of the two networks."""
        hs, state = self.forwards(xs, lengths)  # (B, T, H_1)
        back, back_state = self.backwards(_reverse(xs, lengths), lengths)  # (B, T, H_2)
        return torch.cat([hs, _reverse(back, lengths)], dim=2), _side_by_side(state, back_state)


def _reverse(xs, lengths):
    """Each sequence reversed, its padding left in place."""
    if lengths is None:
        return xs.flip(1)
    times = torch.arange(xs.shape[1], device=xs.device)
    lengths = torch.as_tensor(lengths, device=xs.device).unsqueeze(1)
    index = torch.where(times < lengths, lengths - 1 - times, times)  # (B, T)
    return xs.gather(1, index.unsqueeze(2).expand_as(xs))


def _side_by_side(a, b):
    if isinstance(a, torch.Tensor):
        return torch.cat([a, b], dim=1)
    return tuple(_side_by_side(*pair) for pair in zip(a, b, strict=True))
