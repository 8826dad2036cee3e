"""The catalogue: every rubric is fair to correct work, and catches and names the known mistakes.

Every misconception and alternative is run from its source alone, with only what a student's
notebook holds, as if it had been submitted. That nearly every mistake is named is for the audit to
say, which `make test` runs as well, through the jail.
"""

import copy
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from conftest import ROOT
from nbgrader.utils import is_grade

from autograder.gradebook.course import Course
from autograder.judging.source_notebook import demonstrations
from autograder.rubrics import graded_properties, rubric_of, solution_files
from rnncourse.checks.answer_source import source_of
from rnncourse.checks.report import Report
from rnncourse.exercises import exercises, exercises_of
from rnncourse.visible_checks import VISIBLE_SEED

EXERCISES = exercises()
ALTERNATIVES = {name: rubric_of(name).alternatives for name in EXERCISES}
MISTAKES = [
    pytest.param(name, mistake, id=f"{name}-{mistake.name}")
    for name, exercise in EXERCISES.items()
    for mistake in exercise.misconceptions
]
CORRECT = [
    pytest.param(name, solution, id=f"{name}-{solution.__name__}")
    for name, solutions in ALTERNATIVES.items()
    for solution in solutions
]
each_exercise = pytest.mark.parametrize("name", EXERCISES)


@pytest.fixture(autouse=True)
def in_folder_with_solution_files(tmp_path, monkeypatch):
    """Run in a folder with the files that solutions submit beside their notebooks."""
    for problem_set in {exercise.problem_set for exercise in EXERCISES.values()}:
        for name, content in solution_files(problem_set).items():
            (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)


@cache
def notebook_space(problem_set: str) -> dict[str, Any]:
    """What a student's kernel holds when every cell of the solution has been run."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for notebook in Course(ROOT).sources(problem_set).values():
        demos = demonstrations(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "code" and not is_grade(cell) and cell.source not in demos:
                exec(compile(cell.source, f"<{cell.id}>", "exec"), space)
    return space


def submitted(name: str, solution: Any) -> Any:
    """A function or class made from its source, in a student's kernel."""
    space = copy.copy(notebook_space(EXERCISES[name].problem_set))
    exec(compile(source_of(solution, name), f"<{solution.__name__}>", "exec"), space)
    return space[name]


def graded(name: str, subject: Any, seed: int) -> Report:
    return EXERCISES[name].evaluate(subject, seed, graded_properties(name))


def points(name: str, subject: Any, seed: int) -> float:
    """The points alone: without looking for the mistake's name, which takes longer."""
    nameless = replace(EXERCISES[name], misconceptions=[])
    return nameless.evaluate(subject, seed, graded_properties(name)).points


# --- the rubric ---------------------------------------------------------------------------------


def test_a_name_belongs_to_one_exercise():
    sets = sorted(path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb"))
    names = [name for problem_set in sets for name in exercises_of(problem_set)]
    assert sorted(names) == sorted(EXERCISES)
    assert [exercise.name for exercise in EXERCISES.values()] == list(EXERCISES)


@each_exercise
def test_points_add_up(name):
    properties = graded_properties(name)
    assert sum(prop.points for prop in properties) == EXERCISES[name].points
    assert all(prop.points > 0 for prop in properties)
    assert all(count == 1 for count in Counter(prop.name for prop in properties).values())


@each_exercise
def test_some_properties_are_visible_and_some_are_not(name):
    visible = sum(prop.points for prop in EXERCISES[name].properties)
    assert 0 < visible < EXERCISES[name].points


# --- correct work -------------------------------------------------------------------------------


@each_exercise
def test_the_reference_and_the_solution_get_full_marks(name):
    exercise = EXERCISES[name]
    assert points(name, exercise.reference, 0) == exercise.points
    solution = notebook_space(exercise.problem_set)[name]
    assert points(name, solution, 11) == exercise.points


@pytest.mark.slow
@each_exercise
def test_the_reference_gets_full_marks_whatever_the_seed(name):
    exercise = EXERCISES[name]
    marks = [points(name, exercise.reference, seed) for seed in range(1, 10)]
    assert marks == [exercise.points] * 9


@each_exercise
def test_there_are_several_alternatives(name):
    assert len(ALTERNATIVES[name]) >= 3


@pytest.mark.parametrize(("name", "solution"), CORRECT)
def test_an_alternative_gets_full_marks(name, solution):
    report = graded(name, submitted(name, solution), 0)
    assert report.points == EXERCISES[name].points, report


@pytest.mark.slow
@pytest.mark.parametrize(("name", "solution"), CORRECT)
def test_an_alternative_gets_full_marks_whatever_the_seed(name, solution):
    subject = submitted(name, solution)
    for seed in range(1, 5):
        report = graded(name, subject, seed)
        assert report.points == EXERCISES[name].points, report


# --- no work ------------------------------------------------------------------------------------


def unwritten(*args, **kwargs):
    raise NotImplementedError


def nothing(*args, **kwargs):
    return None


@pytest.mark.slow
@pytest.mark.parametrize("stub", [unwritten, nothing])
@each_exercise
def test_no_work_gets_no_points_and_no_hint(name, stub):
    report = graded(name, stub, seed=1)
    assert report.points == 0
    assert not any(outcome.passed for outcome in report.outcomes)
    assert report.hints == []
    assert report.unwritten == (stub is not nothing)


@pytest.mark.parametrize(
    "name", [name for name, exercise in EXERCISES.items() if isinstance(exercise.reference, type)]
)
def test_a_class_that_is_not_written_gets_no_points(name):
    class Unwritten(EXERCISES[name].reference.__mro__[-2]):
        def __init__(self, *args, **kwargs):
            super().__init__()
            raise NotImplementedError

    report = graded(name, Unwritten, seed=1)
    assert report.points == 0 and report.unwritten and report.hints == []


# --- known mistakes -----------------------------------------------------------------------------


@each_exercise
def test_there_are_enough_misconceptions_each_under_its_own_name(name):
    names = [mistake.name for mistake in EXERCISES[name].misconceptions]
    assert len(names) >= 4
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_the_sentence_is_short_and_speaks_to_the_reader(name, mistake):
    sentence = mistake.sentence
    assert sentence[0].isupper() or sentence[0] == "`"
    assert sentence.endswith(".") and len(sentence) <= 200
    others = [other.sentence for other in EXERCISES[name].misconceptions if other is not mistake]
    assert sentence not in others


@pytest.mark.slow
@each_exercise
def test_most_mistakes_are_recognised_while_a_student_works(name):
    """By the visible checks alone, which see fewer of them."""
    exercise = EXERCISES[name]
    shown = [
        mistake.sentence in exercise.evaluate(submitted(name, mistake.wrong), VISIBLE_SEED).hints
        for mistake in exercise.misconceptions
    ]
    assert sum(shown) >= 0.6 * len(shown)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_a_mistake_loses_the_same_points_whatever_the_seed(name, mistake):
    """Fresh inputs must never be luck, good or bad."""
    subject = submitted(name, mistake.wrong)
    marks = {points(name, subject, seed) for seed in range(3)}
    assert len(marks) == 1, f"{sorted(marks)}"
    assert marks.pop() < EXERCISES[name].points
