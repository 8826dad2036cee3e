"""Replay cache: verdicts keyed by the exact answers that a worker gave.

What a grading cell asks depends on its seed and on the worker's answers, on nothing else. So where
a worker answers byte for byte as an earlier one did, the judge knows its next question without
computing it, and in the end the mark. In a class graded with one seed most answers repeat: all
correct solutions that round alike give the same ones.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

CAPACITY = 64 << 20  # bytes of all exchanges that are kept; when they are exceeded, all are dropped
MAX_RECORDING = 16 << 20  # bytes of one grading cell's exchanges; a longer one is not kept
OVERHEAD = 500  # bytes that an exchange takes besides its messages


@dataclass(frozen=True)
class Exchange:
    """One message to the worker and the answer."""

    sent: bytes  # the message as sent, after a notice of what the worker may free
    message: bytes
    answer: bytes | Exception  # or why there was none
    starts_call: bool  # the answer to a callback shares the time limit of the call
    timed_out: bool = False  # the worker was interrupted while it made the answer

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        answer_size = len(self.answer) if isinstance(self.answer, bytes) else 0
        return OVERHEAD + len(self.message) + answer_size

    def digest(self) -> bytes:
        """A short name for the answer."""
        assert isinstance(self.answer, bytes)
        return hashlib.blake2b(self.answer, digest_size=16).digest()


@dataclass
class Node:
    """A state of a grading cell: what it asks there, and the state that each answer leads to."""

    exchange: Exchange | None = None  # without the answer
    answers: dict[bytes, "Node"] = field(default_factory=dict)  # by digest
    verdict: Any = None  # where the grading cell ends


class ReplayCache:
    """The exchanges of all grading cells under one seed."""

    def __init__(self, capacity: int = CAPACITY):
        self.capacity = capacity
        self._seed: int | None = None
        self._roots: dict[Hashable, Node] = {}
        self._bytes_left = capacity

    def use_seed(self, seed: int) -> None:
        """Switch to a seed; entries of another one are useless and dropped."""
        if seed != self._seed:
            self._seed = seed
            self._clear()

    def _clear(self) -> None:
        self._roots.clear()
        self._bytes_left = self.capacity

    def root(self, key: Hashable) -> Node:
        """The first state of a grading cell."""
        return self._roots.get(key) or Node()

    def add(self, key: Hashable, exchanges: list[Exchange], verdict: Any) -> None:
        """Keep the exchanges of a grading cell that ran to its end.

        Without an exchange a verdict would be everybody's: ValueError.
        """
        if not exchanges:
            raise ValueError("a verdict without exchanges says nothing of anybody's answers")
        node = self._roots.setdefault(key, Node())
        for exchange in exchanges:
            if node.exchange is None:
                node.exchange = Exchange(exchange.sent, exchange.message, b"", exchange.starts_call)
                self._bytes_left -= node.exchange.size
            elif node.exchange.message != exchange.message:
                return  # the grading cell is not deterministic
            node = node.answers.setdefault(exchange.digest(), Node())
        node.verdict = verdict
        if self._bytes_left < 0:
            self._clear()
