"""The properties that most exercises share, observed on inputs that an exercise knows how to draw.

Each method of `Cases` makes one Property: shape, values, gradient, dtype, batch rows, purity,
refusal of bad input. What is particular to an exercise stays in its own module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch

from .compare import Raised, difference, kind
from .exercise import Property
from .pytree import copied, map_tensors, tensors
from .rng import ONES, Rng, Sizes


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What function(*args, **kwargs) returns, or the exception that it raised, as a result.

    NotImplementedError goes through: it says that nothing has been written yet.
    """
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raised = Raised(error)
        if raised.type == "NotImplementedError":
            raise
        return raised


def using(result: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """attempt(function, result, ...) with the result of an earlier attempt; a failure is passed on.

    using(model, call, x) calls a model that was built in an attempt.
    """
    return result if isinstance(result, Raised) else attempt(function, result, *args, **kwargs)


def call(subject: Any, *args: Any, **kwargs: Any) -> Any:
    """subject(*args, **kwargs): the usual way to run a subject."""
    return subject(*args, **kwargs)


def part(result: Any, *path: int) -> Any:
    """A piece of a nested result, such as part(result, 1, 0); in words where it has none."""
    for index in path:
        if isinstance(result, Raised):
            return result
        if not isinstance(result, (tuple, list)):
            return f"no tuple but {kind(result)}"
        if index >= len(result):
            return f"no entry {index} in a {kind(result)}"
        result = result[index]
    return result


@dataclass(frozen=True)
class Cases:
    """How to draw the arguments of an exercise and how to run it on them.

    name: the student's function; arguments: their names, for the reports.
    draw(rng, sizes): a tuple of arguments; tensors in float64.
    batched: which of the arguments have the batch as the first axis of all their tensors.
    run(subject, *arguments): calls the subject (a class is built first).
    """

    name: str
    arguments: tuple[str, ...]
    draw: Callable[[Rng, Sizes], tuple[Any, ...]]
    batched: tuple[str, ...]
    run: Callable[..., Any] = call

    def text(self, args: tuple[Any, ...]) -> str:
        """The call as a student reads it: `elman_step(x (3, 4), h (3, 5), …)`."""

        def short(value: Any) -> str:
            if isinstance(value, torch.Tensor):
                return str(tuple(value.shape))
            if isinstance(value, tuple):
                return f"({', '.join(short(item) for item in value)})"
            return "…" if isinstance(value, dict) else getattr(value, "__name__", str(value))

        pairs = zip(self.arguments, args, strict=False)
        return f"{self.name}({', '.join(f'{name} {short(value)}' for name, value in pairs)})"

    def _three(self, rng: Rng) -> list[tuple[Any, ...]]:
        """Arguments of three sizes: all different, a batch of one, everything one."""
        return [self.draw(rng, sizes) for sizes in (rng.sizes(), rng.sizes(B=1), ONES)]

    @cached_property
    def _observe_values(self) -> Callable[[Any, Rng], Any]:
        """What comes back for three sizes. `shape` and `values` judge the same observation."""

        def observe(subject: Any, rng: Rng) -> Any:
            return {self.text(args): attempt(self.run, subject, *args) for args in self._three(rng)}

        return observe

    def shape(self, points: float) -> Property:
        def shapes(seen: dict[str, Any]) -> dict[str, Any]:
            return {
                text: _described(result, lambda tensor: f"tensor of shape {tuple(tensor.shape)}")
                for text, result in seen.items()
            }

        def judge(got: Any, expected: Any) -> str | None:
            return difference(shapes(got), shapes(expected))

        title = "the result has the right shape"
        return Property("shape", title, points, self._observe_values, judge)

    def values(self, points: float, title: str = "the values are right") -> Property:
        return Property("values", title, points, self._observe_values)

    def gradient(self, points: float) -> Property:
        def observe(subject: Any, rng: Rng) -> Any:
            args = map_tensors(_leaf, self.draw(rng, rng.sizes()))
            inputs = [tensor for tensor in tensors(args) if tensor.requires_grad]
            result = self.run(subject, *args)
            results = tensors(result)
            if not results:
                return {self.text(args): f"no gradient flows back from {kind(result)}"}
            # A random weight for every number of the result: no two mistakes cancel.
            loss: Any = sum((tensor * rng.normal(*tensor.shape)).sum() for tensor in results)
            if not loss.requires_grad:
                return {self.text(args): "no gradient flows back: the result was detached"}
            gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
            names = [
                f"gradient of {name}{'' if len(tensors(arg)) == 1 else f'[{index}]'}"
                for name, arg in zip(self.arguments, args, strict=False)
                for index, tensor in enumerate(tensors(arg))
                if tensor.requires_grad
            ]
            return {
                name: "none arrives" if gradient is None else gradient
                for name, gradient in zip(names, gradients, strict=True)
            }

        def judge(got: Any, expected: Any) -> str | None:
            detached = [text for text in got.values() if isinstance(text, str)]
            if got.keys() != expected.keys() and detached:
                return f"{next(iter(got))}: {detached[0]}"
            return difference(got, expected)

        return Property("gradient", "gradients flow back to every input", points, observe, judge)

    def dtype(self, points: float) -> Property:
        def observe(subject: Any, rng: Rng) -> Any:
            def describe_dtypes(args: tuple[Any, ...]) -> Any:
                result = self.run(subject, *args)
                return _described(result, lambda tensor: str(tensor.dtype).removeprefix("torch."))

            seen = {}
            for dtype in (torch.float32, torch.float64):
                args = map_tensors(partial(_cast, dtype=dtype), self.draw(rng, rng.sizes()))
                seen[f"{str(dtype)[6:]} inputs"] = attempt(describe_dtypes, args)
            return seen

        return Property("dtype", "float32 stays float32, float64 stays float64", points, observe)

    def rows(self, points: float) -> Property:
        """One sequence of a batch must not change another's result."""

        def observe(subject: Any, rng: Rng) -> Any:
            # Wide enough that no row is silenced by a relu in every place.
            args = self.draw(rng, rng.sizes(H=9))
            other = tuple(
                map_tensors(partial(_replace_first_row, rng=rng), arg)
                if name in self.batched
                else arg
                for name, arg in zip(self.arguments, args, strict=False)
            )
            before = tensors(self.run(subject, *args))
            after = tensors(self.run(subject, *other))
            if not before or any(a.shape != b.shape for a, b in zip(before, after, strict=True)):
                return "the results of two calls with the same sizes have different shapes"
            # To the last digit: a probability of 1e-9 changes as well.
            first = any(not _close(a[:1], b[:1], 0, 0) for a, b in zip(before, after, strict=True))
            rest = all(_close(a[1:], b[1:]) for a, b in zip(before, after, strict=True))
            return {
                "after a change of row 0 of the batch, row 0 of the result": (
                    "changes" if first else "stays the same"
                ),
                "after a change of row 0 of the batch, the other rows": (
                    "stay the same" if rest else "change"
                ),
                # Not judged here, but a mistake must have it in common to be named.
                "shapes": str([tuple(tensor.shape) for tensor in before]),
            }

        def judge(got: Any, expected: Any) -> str | None:
            if isinstance(got, str):
                return got
            return difference({**got, "shapes": expected["shapes"]}, expected)

        return Property("rows", "the rows of a batch do not mix", points, observe, judge)

    def pure(self, points: float) -> Property:
        """Neither the inputs nor anything else is changed by a call."""

        def observe(subject: Any, rng: Rng) -> Any:
            args = self.draw(rng, rng.sizes())
            originals = copied(args)
            first = copied(self.run(subject, *args))
            changed = [
                name
                for name, now, before in zip(self.arguments, args, originals, strict=False)
                if not all(
                    a.shape == b.shape and torch.equal(a.detach(), b)
                    for a, b in zip(tensors(now), tensors(before), strict=True)
                )
            ]
            second = copied(self.run(subject, *originals))
            same = len(tensors(first)) == len(tensors(second)) and all(
                a.shape == b.shape and _close(a, b)
                for a, b in zip(tensors(first), tensors(second), strict=True)
            )
            again = "the same result" if same else "another result"
            return {
                "the call changed": ", ".join(changed) or "none of its inputs",
                "a second call with the same inputs gives": (
                    again if tensors(first) else f"no tensor but {kind(first)}"
                ),
            }

        return Property("pure", "the inputs are left as they were", points, observe)

    def refuses(self, points: float, bad: Callable[[Rng], dict[str, tuple[Any, ...]]]) -> Property:
        """Bad input gets an exception, not a number. bad(rng): fault, in words -> arguments."""

        def observe(subject: Any, rng: Rng) -> Any:
            seen = {}
            for fault, args in bad(rng).items():
                result = attempt(self.run, subject, *args)
                if isinstance(result, Raised):
                    seen[f"{self.text(args)}, {fault}"] = "refused with an exception"
                else:
                    seen[f"{self.text(args)}, {fault}"] = f"accepted: {kind(result)}"
            # A function that refuses everything refuses nothing.
            result = attempt(self.run, subject, *self.draw(rng, rng.sizes()))
            seen["good input"] = repr(result) if isinstance(result, Raised) else "accepted"
            return seen

        return Property("refuses", "bad input is refused with an exception", points, observe)


def _described(tree: Any, describe: Callable[[torch.Tensor], str]) -> Any:
    """A result with every tensor replaced by its description, anything else by its kind."""
    if isinstance(tree, torch.Tensor):
        return describe(tree)
    if isinstance(tree, (tuple, list)):
        described = [_described(item, describe) for item in tree]
        return tuple(described) if isinstance(tree, tuple) else described
    return tree if isinstance(tree, Raised) else kind(tree)


def _leaf(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that asks for a gradient, where its dtype can have one."""
    return tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor


def _cast(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _close(a: torch.Tensor, b: torch.Tensor, rtol: float = 1e-6, atol: float = 1e-7) -> bool:
    return torch.allclose(a.double(), b.double(), rtol=rtol, atol=atol, equal_nan=True)


def _replace_first_row(tensor: torch.Tensor, rng: Rng) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor
    return torch.cat([rng.normal(1, *tensor.shape[1:]), tensor[1:]])
