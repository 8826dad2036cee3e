"""The inside of a cell, drawn from what it really computes."""

from .picture import Picture

__all__ = ["cell", "searched_cell"]


def cell(step, *inputs, names=None, title=None, alt=None):
    """The operations of any step function, as they really run on these inputs.

        plots.cell(lstm_step, x, (h, c), W)

    step: a function of an input, a state and whatever else it needs, such as weights; or a module.
    inputs: what it is called with; tensors, tuples of tensors, functions. Names are those of the
    step's parameters and variables.
    names: other names for the inputs, one for each (a tuple of names for a tuple).
    Only what reaches the result is drawn: checks of shapes, copies and changes of view are not.
    Errors: ValueError when the result is not a tensor or a tuple of them, or does not depend on the
    inputs, or there is too much to draw; whatever step raises.
    """
    raise NotImplementedError


def searched_cell(graph, *, title=None, alt=None):
    """A cell that a search has found, given as data: the "Pokémon".

    graph: {"nodes": ((previous, activation), …), "output": (node, …)}, such as
    `reference.cells.ENAS_PUBLISHED`; see `reference.cells.enas_step`.
    Errors: ValueError when the graph is not such a one.
    """
    raise NotImplementedError
