"""An exercise: its reference, the properties that are checked, the mistakes people make.

A property is an *observation* of a function: run it on inputs drawn from a seeded source and
return what was seen, as plain data. The same observation is made of the student's function and
of the reference; the property holds where the two agree. Made of a catalogued wrong
implementation, it tells which mistake the student made. So every property gives its own hint.
"""

import io
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from .answer_source import changed
from .compare import Raised, difference, kind
from .forbidden import forbidding
from .report import Outcome, Report
from .rng import Rng


@dataclass(frozen=True)
class Property:
    """One thing that is checked of an exercise.

    observe(subject, rng) returns plain data (tensors, numbers, strings, lists, dictionaries whose
    keys say what was called). judge(got, expected) returns None or what is wrong, in words.
    Properties with the same `observe` judge one observation, made once.
    measure(got), if given, is a number that is recorded whether the property holds or not; None
    where there is none. named: whether a mistake is looked for where the property fails.
    """

    name: str
    title: str
    points: float
    observe: Callable[[Any, Rng], Any]
    judge: Callable[[Any, Any], str | None] = difference
    measure: Callable[[Any], float | None] | None = None
    named: bool = True


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that people really write, and the sentence that puts it right."""

    name: str
    sentence: str
    wrong: Any


@dataclass
class Exercise:
    """What a student is asked to write, known by the name of the function or class."""

    name: str
    problem_set: str
    reference: Any
    points: float
    properties: tuple[Property, ...] = ()
    forbids: tuple[str, ...] = ()
    misconceptions: list[Misconception] = field(default_factory=list)
    canonical_answer: Any = None
    # Observations of what does not change, for the seed that was asked for last: a class is graded
    # with one, and then each is made once.
    # init=False: what dataclasses.replace makes begins with its own.
    _known: dict[tuple[Any, Any], Any] = field(default_factory=dict, init=False, repr=False)
    _known_seed: int | None = field(default=None, init=False, repr=False)

    def misconception(self, sentence: str) -> Callable[[Any], Any]:
        """Decorator: enter a wrong implementation in the catalogue, under its own name."""

        def enter(wrong: Any) -> Any:
            self.misconceptions.append(Misconception(wrong.__name__, sentence, wrong))
            return wrong

        return enter

    def canonical(self, answer: Any) -> Any:
        """Decorator: the right answer of which `near_miss` makes mistakes."""
        self.canonical_answer = answer
        return answer

    def near_miss(self, name: str, sentence: str, change: str) -> None:
        """Enter a mistake in the catalogue as a change of the canonical answer, which reads like
        a diff: see `answer_source`."""
        wrong = changed(self.canonical_answer, change, name)
        self.misconceptions.append(Misconception(name, sentence, wrong))

    def evaluate(
        self, subject: Any, seed: int, properties: Iterable[Property] | None = None
    ) -> Report:
        """Check every property, even after one has failed. Never raises for what `subject` does."""
        outcomes: list[Outcome] = []
        printed = io.StringIO()
        seen: dict[Any, Any] = {}
        # A mistake that explains one failure is the first suspect for the next.
        suspects = list(self.misconceptions)
        properties = self.properties if properties is None else tuple(properties)
        with redirect_stdout(printed):
            # Before the subject runs, which may call back and leave little memory: what is known of
            # the reference is known for everyone who is graded with this seed.
            for one in properties:
                self._expect(one, self.reference, seed)
            for one in properties:
                outcomes.append(self._check(subject, seed, one, suspects, seen))
                suspects.sort(key=lambda suspect: suspect.name != outcomes[-1].misconception)
        outcomes = self._settle(properties, outcomes, seen, seed)
        return Report(self.name, outcomes, self.points, seed, printed.getvalue())

    def _is_no_subject(self, subject: Any) -> str | None:
        """What was given in place of a function or a class, in words."""
        # [-2]: the root of its bases, nn.Module, whatever class of the library lies between.
        if isinstance(self.reference, type) and isinstance(subject, self.reference.__mro__[-2]):
            return f"you gave an object of the class; give the class itself, {self.name}"
        if not callable(subject):
            return f"you gave {kind(subject)}; give the function itself, without a call"
        return None

    def _origin(self, prop: Property) -> str:
        """The name under which a property draws its inputs: that of the first to observe so."""
        alike = (one.name for one in self.properties if one.observe is prop.observe)
        return next(alike, prop.name)

    def _observe(self, prop: Property, subject: Any, seed: int, rules: Any) -> Any:
        rng = Rng(seed, f"{self.name}/{self._origin(prop)}")
        # Modules draw their first weights from the global source: lend it, and give it back.
        kept = torch.default_generator.get_state()
        torch.default_generator.manual_seed(seed)
        try:
            with rules:
                return prop.observe(subject, rng)
        except (Exception, SystemExit) as error:
            return Raised(error)
        finally:
            torch.default_generator.set_state(kept)

    def _expect(self, prop: Property, implementation: Any, seed: int) -> Any:
        """What the reference or a catalogued mistake is observed to do."""
        if seed != self._known_seed:
            self._known.clear()
            self._known_seed = seed
        key = (prop.observe, implementation)
        if key not in self._known:
            self._known[key] = self._observe(prop, implementation, seed, nullcontext())
        return self._known[key]

    def _check(
        self,
        subject: Any,
        seed: int,
        prop: Property,
        suspects: list[Misconception],
        seen: dict[Any, Any],
    ) -> Outcome:
        start = time.perf_counter()
        if wrong := self._is_no_subject(subject):
            return Outcome(prop.name, prop.title, prop.points, wrong)
        if prop.observe not in seen:
            seen[prop.observe] = self._observe(prop, subject, seed, forbidding(self.forbids))
        got = seen[prop.observe]
        expected = self._expect(prop, self.reference, seed)
        if isinstance(expected, Raised):
            raise RuntimeError(f"{self.name}, {prop.name}: the reference itself failed: {expected}")
        if isinstance(got, Raised):
            message = "not written yet" if got.type == "NotImplementedError" else repr(got)
        else:
            message = prop.judge(got, expected)
        named = None
        if prop.named and message is not None and message != "not written yet":
            named = self._name_mistake(prop, got, seed, suspects)
        return Outcome(
            name=prop.name,
            title=prop.title,
            points=prop.points,
            message=message,
            misconception=named.name if named else None,
            hint=named.sentence if named else None,
            seconds=time.perf_counter() - start,
            measured=None if prop.measure is None or isinstance(got, Raised) else prop.measure(got),
        )

    def _name_mistake(
        self, prop: Property, got: Any, seed: int, suspects: list[Misconception]
    ) -> Misconception | None:
        """The first suspect that is observed to do just what the student's code did."""
        return next((one for one in suspects if self._does_so(one, prop, got, seed)), None)

    def _does_so(self, suspect: Misconception, prop: Property, got: Any, seed: int) -> bool:
        """Whether a mistake is observed to do just what the student's code did."""
        seen = self._expect(prop, suspect.wrong, seed)
        return difference(got, seen) is None and difference(seen, got) is None

    def _settle(
        self,
        properties: Iterable[Property],
        outcomes: list[Outcome],
        seen: dict[Any, Any],
        seed: int,
    ) -> list[Outcome]:
        """Of the mistakes that were named, the one that explains most is named for all of that.

        Two forms that were swapped, say: where the first fails, it may look as if a factor of it
        were left out, and only the second tells.
        """
        names = {one.misconception for one in outcomes if one.misconception}
        if len(names) < 2:
            return outcomes
        explained = {
            suspect: {
                prop.name
                for prop, one in zip(properties, outcomes, strict=True)
                if one.misconception and self._does_so(suspect, prop, seen[prop.observe], seed)
            }
            for suspect in self.misconceptions
            if suspect.name in names
        }
        most = sorted(explained, key=lambda suspect: -len(explained[suspect]))
        settled = []
        for one in outcomes:
            better = next((suspect for suspect in most if one.name in explained[suspect]), None)
            if better:
                one = replace(one, misconception=better.name, hint=better.sentence)
            settled.append(one)
        return settled
