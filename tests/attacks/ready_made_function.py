"""Computes an LSTM step with torch's own lstm_cell, under the class that is out of reach.

A person sees it in the code. The functions of torch cannot be hidden from code
that runs in the same process.
"""

SAFE = True
ANSWERS = {
    "lstm_step": """
def lstm_step(x, state, W):
    D = x.shape[-1]
    i, f, o, g = W.chunk(4, dim=1)
    packed = torch.cat([i, f, g, o], dim=1)
    return torch.lstm_cell(x, state, packed[:D].T, packed[D:].T)
"""
}
KNOWN = "code in the jail can reach every function of torch; a reader of the code is the remedy"
