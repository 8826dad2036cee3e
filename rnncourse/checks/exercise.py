"""An exercise: its reference, the properties that are checked, the mistakes people make.

A property is an *observation* of a function: run it on inputs from a seeded generator and return
what happened, as plain data. The student's function and the reference are observed in the same
way; the property holds where the two agree. Where the student's observation agrees with that of a
catalogued wrong implementation, that is the mistake. So every property gives its own hint.
"""

import io
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from .answer_source import changed
from .compare import Raised, difference, kind, leaves
from .diagnosis import Evidence, diagnose
from .forbidden import forbidding
from .report import Outcome, Report
from .rng import Rng
from .status import Status


@dataclass(frozen=True)
class Property:
    """One thing that is checked of an exercise.

    observe(subject, rng) returns plain data (tensors, numbers, strings, lists, dictionaries whose
    keys say what was called). judge(got, expected) returns None or what is wrong, in words.
    Properties with the same `observe` judge one observation, made once.
    measure(got), if given, returns a number to record whether the property holds or not, or None.
    diagnose: whether a failure is compared with the misconceptions.
    """

    name: str
    title: str
    points: float
    observe: Callable[[Any, Rng], Any]
    judge: Callable[[Any, Any], str | None] = difference
    measure: Callable[[Any], float | None] | None = None
    diagnose: bool = True


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that people really write, and the sentence that corrects it."""

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
    # Observations of the reference and the misconceptions, for one seed: a class is graded with
    # one, so that each is made once. init=False: dataclasses.replace does not copy them.
    _known: dict[tuple[Any, Any], Any] = field(default_factory=dict, init=False, repr=False)
    _known_seed: int | None = field(default=None, init=False, repr=False)

    def misconception(self, sentence: str) -> Callable[[Any], Any]:
        """Decorator: add a wrong implementation to the catalogue, under its own name."""

        def add(wrong: Any) -> Any:
            self.misconceptions.append(Misconception(wrong.__name__, sentence, wrong))
            return wrong

        return add

    def canonical(self, answer: Any) -> Any:
        """Decorator: the right answer from which `near_miss` makes misconceptions."""
        self.canonical_answer = answer
        return answer

    def near_miss(self, name: str, sentence: str, change: str) -> None:
        """Add a misconception to the catalogue as a change of the canonical answer.

        change: reads like a diff, see `answer_source`.
        """
        wrong = changed(self.canonical_answer, change, name)
        self.misconceptions.append(Misconception(name, sentence, wrong))

    def evaluate(
        self, subject: Any, seed: int, properties: Iterable[Property] | None = None
    ) -> Report:
        """Check every property, even after one has failed. Never raises for what `subject` does."""
        printed = io.StringIO()
        properties = self.properties if properties is None else tuple(properties)
        with redirect_stdout(printed):
            # The reference runs before the subject, which may call back and leave little memory.
            # Its observations serve everyone who is graded with this seed.
            for prop in properties:
                self._expect(prop, self.reference, seed)
            observations: dict[Any, Any] = {}
            outcomes = [self._check(subject, seed, prop, observations) for prop in properties]
            outcomes = self._with_hints(properties, outcomes, observations, seed)
        return Report(self.name, outcomes, self.points, seed, printed.getvalue())

    def _usage_error(self, subject: Any) -> str | None:
        """What was given instead of a function or a class, in words."""
        # [-2]: the class below object, nn.Module, whatever library classes lie between.
        if isinstance(self.reference, type) and isinstance(subject, self.reference.__mro__[-2]):
            return f"you gave an object of the class; give the class itself, {self.name}"
        if not callable(subject):
            return f"you gave {kind(subject)}; give the function itself, without a call"
        return None

    def _origin(self, prop: Property) -> str:
        """The name that seeds a property's inputs: of the first with the same observation."""
        same = (other.name for other in self.properties if other.observe is prop.observe)
        return next(same, prop.name)

    def _observe(self, prop: Property, subject: Any, seed: int, rules: Any) -> Any:
        rng = Rng(seed, f"{self.name}/{self._origin(prop)}")
        # Modules draw their first weights from the global generator, whose state is restored.
        previous_state = torch.default_generator.get_state()
        torch.default_generator.manual_seed(seed)
        try:
            with rules:
                return prop.observe(subject, rng)
        except (Exception, SystemExit) as error:
            return Raised(error)
        finally:
            torch.default_generator.set_state(previous_state)

    def _expect(self, prop: Property, implementation: Any, seed: int) -> Any:
        """The observation of the reference or of a misconception."""
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
        observations: dict[Any, Any],
    ) -> Outcome:
        start = time.perf_counter()
        if error := self._usage_error(subject):
            return Outcome(prop.name, prop.title, prop.points, Status.FAILED, error)
        if prop.observe not in observations:
            rules = forbidding(self.forbids)
            observations[prop.observe] = self._observe(prop, subject, seed, rules)
        got = observations[prop.observe]
        expected = self._expect(prop, self.reference, seed)
        if isinstance(expected, Raised):
            raise RuntimeError(f"{self.name}, {prop.name}: the reference itself failed: {expected}")
        message: str | None
        if isinstance(got, Raised):
            message = "not written yet" if got.type == "NotImplementedError" else repr(got)
        else:
            message = prop.judge(got, expected)
        status, stopped_by = _status(got, message)
        return Outcome(
            name=prop.name,
            title=prop.title,
            points=prop.points,
            status=status,
            message=message,
            seconds=time.perf_counter() - start,
            measured=None if prop.measure is None or isinstance(got, Raised) else prop.measure(got),
            stopped_by=stopped_by,
        )

    def _with_hints(
        self,
        properties: Iterable[Property],
        outcomes: list[Outcome],
        observations: dict[Any, Any],
        seed: int,
    ) -> list[Outcome]:
        """The outcomes, with the mistake and its sentence where one explains them."""
        by_name = {prop.name: prop for prop in properties if prop.observe in observations}
        evidence = [
            Evidence(
                name=outcome.name,
                judge=by_name[outcome.name].judge,
                got=observations[by_name[outcome.name].observe],
                expected=self._expect(by_name[outcome.name], self.reference, seed),
                failed=outcome.status not in (Status.PASSED, Status.NOT_WRITTEN),
            )
            for outcome in outcomes
            if outcome.name in by_name and by_name[outcome.name].diagnose
        ]

        def observation_of(item: Evidence, suspect: Misconception) -> Any:
            return self._expect(by_name[item.name], suspect.wrong, seed)

        named = diagnose(evidence, self.misconceptions, observation_of)
        return [
            replace(
                outcome,
                misconception=named[outcome.name].name,
                hint=named[outcome.name].sentence,
            )
            if outcome.name in named
            else outcome
            for outcome in outcomes
        ]


def _status(got: Any, message: str | None) -> tuple[Status, str | None]:
    """The status of a property, and what stopped the student's process where something did.

    An observation often holds the results of several calls. A crash, an expired limit or an
    undefined name counts wherever it happened; ERROR means that every call raised.
    """
    if message is None:
        return Status.PASSED, None
    observed = list(leaves(got))
    exceptions = [leaf for leaf in observed if isinstance(leaf, Raised)]
    for raised in exceptions:
        if raised.status.stopped:
            return raised.status, raised.cause()
    for raised in exceptions:
        if raised.status is Status.NOT_DEFINED or len(exceptions) == len(observed):
            return raised.status, None
    return Status.FAILED, None
