"""Returns objects that lie about their class: __class__ is torch.Tensor, isinstance believes it.

The worker cannot send them, and what it says instead is compared with a tensor.
"""

SAFE = True
ANSWERS = {
    "gru_step": """
class Liar:
    __class__ = torch.Tensor
    shape, dtype, layout, is_leaf, grad = (2, 2), torch.float64, torch.strided, True, None
    is_meta = requires_grad = False
    def detach(self): return self
    cpu = contiguous = clone = double = detach
    def numel(self): return 10**18
    def __getattr__(self, name): return lambda *a, **k: self

def gru_step(*args):
    return Liar()
""",
    "nas_step": """
class Both(tuple):
    __class__ = property(lambda self: torch.Tensor)

def nas_step(*args):
    return Both((1, 2)), Both()
""",
}
