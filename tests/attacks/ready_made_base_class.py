"""Computes an LSTM with the base class of torch.nn.LSTM, which is not out of reach."""

SAFE = True
ANSWERS = {
    "lstm_step": """
def lstm_step(x, state, W):
    D, H = x.shape[-1], state[0].shape[-1]
    i, f, o, g = W.chunk(4, dim=1)
    packed = torch.cat([i, f, g, o], dim=1)
    lstm = nn.modules.rnn.RNNBase("LSTM", D, H, bias=False, batch_first=True).to(x.dtype)
    weights = {"weight_ih_l0": packed[:D].T, "weight_hh_l0": packed[D:].T}
    hx = tuple(one.unsqueeze(0) for one in state)
    from torch.func import functional_call
    lstm.forward = lambda *a: nn.LSTM.forward(lstm, *a)
    _, (h, c) = functional_call(lstm, weights, (x.unsqueeze(1), hx))
    return h[0], c[0]
"""
}
KNOWN = "code in the jail can reach every function of torch; a reader of the code is the remedy"
