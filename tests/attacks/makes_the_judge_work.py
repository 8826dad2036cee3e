"""Calls a test's function with arguments that make it work hard: tensors that broadcast to a
billion numbers. What the judge may use of memory is bounded; it survives and goes on.
"""

ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    D = xs.shape[2]
    if isinstance(state, tuple):
        return xs, state
    x = torch.ones(12_000, 1, D, dtype=torch.float64)
    h = torch.ones(1, 12_000, state.shape[1], dtype=torch.float64)
    return step(x, h), state
"""
}
COSTS = ["LSTM"]
SECONDS = 40
