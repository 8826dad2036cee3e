"""Nested tuples, lists and dictionaries of tensors, walked in one way everywhere."""

from collections.abc import Callable
from typing import Any

import torch


def map_tensors(function: Callable[[torch.Tensor], Any], tree: Any) -> Any:
    """The same nesting with every tensor replaced by function(tensor); other leaves are kept."""
    if isinstance(tree, torch.Tensor):
        return function(tree)
    if isinstance(tree, (tuple, list)):
        mapped = [map_tensors(function, item) for item in tree]
        return tuple(mapped) if isinstance(tree, tuple) else mapped
    if isinstance(tree, dict):
        return {key: map_tensors(function, item) for key, item in tree.items()}
    return tree


def tensors(tree: Any) -> list[torch.Tensor]:
    """All tensors of a nesting, from left to right."""
    result: list[torch.Tensor] = []
    map_tensors(result.append, tree)
    return result


def copied(tree: Any) -> Any:
    """A deep copy: changing it in place leaves the original alone."""
    return map_tensors(lambda tensor: tensor.detach().clone(), tree)
