"""`nbgrader autograde` with our plugins gives the gradebook that `autograder grade` gives.

Other courses are graded as stock nbgrader grades them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import gradebook_rows, needs_jail
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

from autograder.demo import CLASS, Paper, Student, submit
from autograder.gradebook.course import Course
from autograder.gradebook.release import feedback, release
from autograder.grading.run import grade_assignment
from autograder.judging.results import SubmissionResult

pytestmark = needs_jail

NAMES = ("perfect", "mistake-gru", "blank", "patcher", "skipper")


def sample_class(course: Course) -> None:
    """Release ps1 and let some of the demo's students submit."""
    released = release(course, "ps1_cells") / "ps1_cells.ipynb"
    solved = course.sources("ps1_cells")["ps1_cells"]
    stub = nbformat.read(released, as_version=4)
    for student in CLASS:
        if student.name in NAMES:
            submit(course, student, stub if student.name == "blank" else solved)
            folder = course.path("submitted", student.name, "ps1_cells")
            (folder / "timestamp.txt").write_text("2026-11-02 10:00:00 UTC")


def with_late_penalties(course: Course) -> Course:
    """Whoever submits after the first of November gets half of the points."""
    (course.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n\n\n"
        "class Late(BasePlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n"
        "        return score / 2\n"
    )
    config = course.root / "nbgrader_config.py"
    config.write_text(
        config.read_text()
        + "\nimport sys\n\nsys.path.insert(0, str(root))\n"
        + "from late import Late\n\nc.AssignLatePenalties.plugin_class = Late\n"
    )
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_assignment("ps1_cells", duedate="2026-11-01 10:00:00 UTC")
    return Course(course.root)


def forgets_cells(paper: Paper) -> None:
    """An answer, a test and the question for a person are gone."""
    gone = ("elman_step", "test_gru_step", "why_gradients_live")
    paper.notebook.cells = [
        cell
        for cell in paper.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") not in gone
    ]


def mark_by_hand(course: Course, student: str) -> None:
    where = ("ps1_cells", "ps1_cells", student)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade("why_gradients_live", *where)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3, 1.5, False
        gradebook.find_grade("test_gru_step", *where).manual_score = 2
        gradebook.find_comment("gru_step", *where).manual_comment = "see me"
        gradebook.db.commit()


def test_nbgrader_and_the_formgrader_grade_behind_the_wall_with_the_same_rows(course, tmp_path):
    """The tables are equal: marks, late work, missing cells, manual marks and comments, regrades.

    What stock nbgrader does not grade at all, such as a file that is not a notebook, is left out.
    """
    sample_class(course)
    submit(
        course, Student("forgetful", "", 0, forgets_cells), course.sources("ps1_cells")["ps1_cells"]
    )
    early = course.path("submitted", "mistake-gru", "ps1_cells") / "timestamp.txt"
    early.write_text("2026-10-31 10:00:00 UTC")
    course = with_late_penalties(course)
    other = tmp_path / "other"
    shutil.copytree(course.root, other, ignore=shutil.ignore_patterns("other"))
    ours = grade_assignment(course, "ps1_cells", jobs=2)
    stock = Course(other)
    # What the formgrader's Autograde button calls, for one student, ...
    api = NbGraderAPI(stock.directory(), config=stock.config)
    answer = api.autograde("ps1_cells", "perfect")
    assert answer["success"], answer.get("log")
    # ... and the command line for the rest.
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "ps1_cells"],
        cwd=other,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first = gradebook_rows(course)
    assert first == gradebook_rows(stock)
    assert any("'late_submission_penalty': 25.0" in row for row in first["submitted_notebook"])
    assert any("No response." in row for row in first["comment"])
    expected = {student.name: student.expected for student in CLASS if student.name in NAMES}
    points = {graded.student: graded.result.points for graded in ours}
    assert 0 < points.pop("forgetful") < 50
    assert points == expected

    mark_by_hand(course, "perfect")
    mark_by_hand(stock, "perfect")
    grade_assignment(course, "ps1_cells", ["perfect"], force=True)
    assert api.autograde("ps1_cells", "perfect", force=True)["success"]
    second = gradebook_rows(course)
    assert second == gradebook_rows(stock)
    assert second["grade"] != first["grade"] and second["comment"] != first["comment"]
    # The pages of both show the table of properties and no hidden test.
    feedback(course, "ps1_cells")
    page = (course.root / "class/feedback/mistake-gru/ps1_cells/ps1_cells.html").read_text()
    assert "1 - z the other way round" in page and "from autograder" not in page


def test_a_second_run_does_only_what_has_changed(course):
    sample_class(course)
    first = grade_assignment(course, "ps1_cells", ["perfect", "blank"])
    again = grade_assignment(course, "ps1_cells", ["perfect", "blank"])
    assert [graded.skipped for graded in first + again] == [False, False, True, True]
    submitted = course.path("submitted", "blank", "ps1_cells") / "ps1_cells.ipynb"
    solved = course.path("source", ".", "ps1_cells") / "ps1_cells.ipynb"
    shutil.copy(solved, submitted)
    last = grade_assignment(course, "ps1_cells", ["perfect", "blank"])
    skipped = [(graded.skipped, graded.result.points) for graded in last]
    assert skipped == [(True, 50), (False, 50)]
    forced = grade_assignment(course, "ps1_cells", ["perfect"], force=True)
    assert forced[0].result.seed == first[0].result.seed


def test_a_person_s_marks_and_comments_survive_a_regrade(course):
    sample_class(course)
    grade_assignment(course, "ps1_cells", ["perfect"])
    where = ("ps1_cells", "ps1_cells", "perfect")
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_grade("test_gru_step", *where).manual_score = 1.5
        gradebook.find_comment("gru_step", *where).manual_comment = "see me"
        gradebook.db.commit()
    grade_assignment(course, "ps1_cells", ["perfect"], force=True)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade("test_gru_step", *where)
        assert (grade.manual_score, grade.auto_score, grade.needs_manual_grade) == (1.5, 6, True)
        assert gradebook.find_comment("gru_step", *where).comment == "see me"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory) -> Path:
    """nbgrader's own example course, with submissions of its own instruction notebooks."""
    folder = tmp_path_factory.mktemp("quickstart")
    run = [sys.executable, "-m", "nbgrader"]
    subprocess.run(
        [*run, "quickstart", "course101", "--force"], cwd=folder, check=True, capture_output=True
    )
    root = folder / "course101"
    subprocess.run(
        [*run, "generate_assignment", "ps1", "--force"], cwd=root, check=True, capture_output=True
    )
    answers = {
        "solved": root / "source" / "ps1",
        "untouched": root / "release" / "ps1",
        "half": root / "release" / "ps1",
    }
    for student, source in answers.items():
        shutil.copytree(source, root / "submitted" / student / "ps1", dirs_exist_ok=True)
    half = root / "submitted" / "half" / "ps1" / "problem1.ipynb"
    notebook = nbformat.read(half, as_version=4)
    for cell in notebook.cells:
        if "def squares" in cell.source:
            cell.source = "def squares(n):\n    return [i**2 for i in range(1, n + 1)]"
    nbformat.write(notebook, half)
    return root


def test_nbgrader_s_own_course_gets_the_marks_that_stock_nbgrader_gives(quickstart, tmp_path):
    ours = tmp_path / "ours"
    shutil.copytree(quickstart, ours)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "ps1"],
        cwd=quickstart,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "grade", "ps1", "--course", ours, "--json", out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert gradebook_rows(Course(ours)) == gradebook_rows(Course(quickstart))
    results = map(SubmissionResult.from_json, json.loads(out.read_text()))
    by_student = {result.student: result for result in results}
    solved, half, untouched = (by_student[name] for name in ("solved", "half", "untouched"))
    assert solved.points > half.points > untouched.points
    assert any(cell.in_sandbox for cell in solved.cells)
    assert "beside the student" in done.stdout


def test_each_run_draws_its_own_inputs_and_an_interrupted_one_goes_on_with_them(course):
    sample_class(course)

    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_assignment(course, "ps1_cells", ["perfect", "blank"], progress=interrupted)
    first = grade_assignment(course, "ps1_cells", ["perfect", "blank"])
    assert [graded.skipped for graded in first] == [True, False]
    before = {graded.result.seed for graded in first}
    assert len(before) == 1
    submitted = course.path("submitted", "blank", "ps1_cells") / "ps1_cells.ipynb"
    solved = course.path("source", ".", "ps1_cells") / "ps1_cells.ipynb"
    shutil.copy(solved, submitted)
    (again,) = grade_assignment(course, "ps1_cells", ["blank"])
    assert again.result.seed not in before
