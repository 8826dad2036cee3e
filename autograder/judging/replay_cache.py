"""What has been said across the wall, word for word, and what came of it.

What a grading cell says to a child depends on its seed and on the child's answers, on nothing else.
So where a child answers byte for byte as an earlier one did, the judge knows what it would say
next without computing it, and in the end the mark. In a class graded with one seed most answers
are no news: every correct solution that rounds alike gives the same ones.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

ROOM = 64 << 20  # bytes that are kept of conversations; when they are full all are forgotten
LONGEST = 16 << 20  # bytes of a conversation that is kept at all
OVERHEAD = 500  # bytes that a turn takes beside its words


@dataclass(frozen=True)
class Turn:
    """One message to the child and what came of it."""

    sent: bytes  # as it went, with what the child may forget before it
    said: bytes  # the message itself
    heard: bytes | Exception  # the message that answered it, or why there was none
    opens: bool  # it asks something; an answer to a call back shares the time of the call

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        return OVERHEAD + sum(len(one) for one in (self.said, self.heard) if type(one) is bytes)

    def digest(self) -> bytes:
        """What was heard, in short."""
        return hashlib.blake2b(self.heard, digest_size=16).digest()


@dataclass
class Point:
    """A point that conversations reach: what is said there, and where each answer leads to."""

    turn: Turn | None = None
    answers: dict[bytes, "Point"] = field(default_factory=dict)
    outcome: Any = None  # where the conversation ends

    def after(self, turn: Turn) -> "Point":
        """Where an answer leads to: a point at which nothing is known, where it is news."""
        known = None if isinstance(turn.heard, Exception) else self.answers.get(turn.digest())
        return known or Point()


class Conversations:
    """Those of one seed."""

    def __init__(self, room: int = ROOM):
        self.room = room
        self._seed: int | None = None
        self._starts: dict[Any, Point] = {}
        self._left = room

    def of(self, seed: int) -> None:
        """Go on with another seed: what was said under the last one is of no more use."""
        if seed != self._seed:
            self._seed = seed
            self._forget()

    def _forget(self) -> None:
        self._starts.clear()
        self._left = self.room

    def start(self, key: Any) -> Point:
        """Where the conversations about something begin."""
        return self._starts.get(key) or Point()

    def learn(self, key: Any, turns: list[Turn], outcome: Any) -> None:
        """Keep a conversation that went to its end."""
        point = self._starts.setdefault(key, Point())
        for turn in turns:
            if point.turn is None:
                # What it heard is kept in short, below.
                point.turn = Turn(turn.sent, turn.said, b"", turn.opens)
                self._left -= point.turn.size
            elif point.turn.said != turn.said:
                return  # the cell says now this, now that: nothing can be learnt from it
            point = point.answers.setdefault(turn.digest(), Point())
        point.outcome = outcome
        if self._left < 0:
            self._forget()
