"""Returns tensors of 2**40 numbers that take no memory: expanded views, strides of zero, huge empty
shapes. Sizes are looked at before anything is copied.
"""

ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    return torch.zeros(1).expand(2**40)
""",
    "nas_step": """
def nas_step(x, state, *weights):
    return torch.zeros(1).as_strided((2**20, 2**20), (0, 0)), torch.empty(0, 2**31, 2**31)
""",
    "additive_step": """
def additive_step(x, h):
    return torch.zeros((), dtype=torch.int8).expand(h.shape[0], 1 << 30)
""",
}
