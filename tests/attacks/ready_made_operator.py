"""Computes an LSTM step with the operator that torch.nn.LSTM calls, past the class that is out of
reach. A person sees it in the code; no one else does.
"""

SAFE = True
ANSWERS = {
    "lstm_step": """
def lstm_step(x, state, W):
    D = x.shape[-1]
    i, f, o, g = W.chunk(4, dim=1)
    packed = torch.cat([i, f, g, o], dim=1)
    weights = [packed[:D].T.contiguous(), packed[D:].T.contiguous()]
    hx = [one.unsqueeze(0) for one in state]
    _, h, c = torch.ops.aten.lstm.input(
        x.unsqueeze(1), hx, weights, False, 1, 0.0, False, False, True)
    return h[0], c[0]
"""
}
KNOWN = "code in the jail can reach every function of torch; a reader of the code is the remedy"
