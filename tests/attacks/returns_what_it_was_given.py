"""Returns the functions that the tests hand in, in place of results, and calls them with each
other, with handles and with nonsense. They are handles, and what they are called with is checked.
"""

SAFE = True
ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    for args in ((), (step,), (step, step), (xs,), (None, None), ([[]], {}), (xs, "state"),
                 (torch.zeros(0), torch.zeros(0)), (state, xs), (lambda: 1, object())):
        try:
            step(*args)
        except Exception:
            pass
    try:
        step.__globals__["grade"]
    except Exception as error:
        raise ValueError(type(error).__name__)
    return step, step
""",
    "elman_step": "def elman_step(x, h, W_x, W_h, g=None):\n    return g",
}
COSTS = ["LSTM"]
