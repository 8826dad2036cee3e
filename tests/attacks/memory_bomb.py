"""Takes memory without end. It gets an error, or its process is ended."""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    return [torch.ones(1 << 27) for _ in range(64)]
"""
}
SHOWS = "memory"
