"""Changes everything that it is handed: tensors in place, and the graph of a cell, whose parts it
deletes and replaces, so that the tests after it meet other inputs and other references.

A test's own data is not the judge's: the next student meets it as it was.
"""

SAFE = True
ANSWERS = {
    "enas_step": """
def enas_step(x, h, W_0, W, graph):
    x.zero_(), h.zero_(), W_0.zero_(), W.zero_()
    graph.clear()
    graph["nodes"] = ()
    graph["output"] = (0,)
    graph["evil"] = enas_step
    return torch.zeros_like(h)
""",
    "gru_step": """
def gru_step(x, h, *weights):
    for one in (x, h, *weights):
        one.fill_(0)
    return h
""",
}
ALLOWED = {"enas_step": 1.5, "gru_step": 1.25}
