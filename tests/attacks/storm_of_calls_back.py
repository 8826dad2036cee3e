"""Calls the function that a test hands in thousands of times, each time waiting for the answer, and
within its own calls. The number, the depth and the time of calls back are bounded.
"""

ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    last = state
    for _ in range(200_000):
        last = step(xs[:, 0], last)
    return xs, last
"""
}
COSTS = ["LSTM"]
SHOWS = "Timeout"
