"""Calls a test's function again and again with large inputs that need gradients, and never gives a
result back: the judge keeps what its backward would need. That is bounded like its memory.
"""

ANSWERS = {
    "unroll": """
kept = []

def unroll(step, xs, state):
    if isinstance(state, tuple):
        return xs, state
    x = torch.ones(200_000, xs.shape[2], dtype=torch.float64, requires_grad=True)
    h = torch.ones(200_000, state.shape[1], dtype=torch.float64)
    for _ in range(300):
        kept.append(step(x, h))
    return xs, state
"""
}
COSTS = ["LSTM"]
SECONDS = 40
