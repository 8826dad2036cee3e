"""Returns a subclass of torch.Tensor with a __torch_function__ that answers every question with
"yes", and one that lies about its shape, dtype and numbers.

Only the bytes of a tensor cross the wall.
"""

SAFE = True
TOP = """
import torch

class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("isclose", "eq", "__eq__", "isfinite"):
            return torch.ones((), dtype=torch.bool)
        if name in ("allclose", "equal"):
            return True
        return super().__torch_function__(function, types, args, kwargs or {})

    @property
    def shape(self):
        return type("Any", (tuple,), {"__eq__": lambda *a: True, "__ne__": lambda *a: False})()

made = torch.zeros(1).as_subclass(Agreeable)
print("made", torch.equal(made, torch.ones(3)))
"""
ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    return torch.zeros_like(h).as_subclass(Agreeable)
"""
}
ALLOWED = {"gru_step": 1}  # as for the zeros that it holds
SHOWS = "made True"
SUSPICIOUS = "__torch_function__"
