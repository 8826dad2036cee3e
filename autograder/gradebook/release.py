"""Makes what students get, and what they get back: nbgrader's generate steps, in one place."""

import shutil
import time
from pathlib import Path

from nbgrader.apps import NbGraderAPI

from ..judging.problem_set import accepted_files
from .course import Course, CourseError


def release(course: Course, assignment: str) -> Path:
    """Generate the released notebooks of an assignment; also enters it in the gradebook."""
    source = course.path("source", ".", assignment)
    if not any(source.glob("*.ipynb")):
        known = sorted(one.parent.name for one in source.parent.glob("*/*.ipynb"))
        there = f"; there are {', '.join(dict.fromkeys(known))}" if known else ""
        raise CourseError(f"there is no assignment {assignment!r} in {source.parent}{there}")
    # On a fresh machine there is no folder for the gradebook yet.
    if course.gradebook_file is not None:
        course.gradebook_file.parent.mkdir(parents=True, exist_ok=True)
    released = course.path("release", ".", assignment)
    before = _put_aside(course, assignment, released)
    try:
        _ask(course, assignment, "generate_assignment", force=True, create=True)
    except BaseException:
        _take_back(before, released)
        raise
    for name in accepted_files(assignment):  # made by whoever ran the solution where it lies
        (released / name).unlink(missing_ok=True)
    _keep_edits(course, assignment, before, released)
    return released


def _put_aside(course: Course, assignment: str, released: Path) -> Path:
    """A whole copy of what is released, beside it, until there is something newer."""
    before = released.with_name(f".{released.name}.before")
    if before.is_dir():  # a release was killed on its way, and somebody may have worked there since
        if released.is_dir():
            kept = _keep(course, assignment, released)
            print(f"a release of {assignment} had been killed: what it left is kept in {kept}")
        before.rename(released)
    unfinished = before.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if released.is_dir():
        shutil.copytree(released, unfinished)
        unfinished.rename(before)
    return before


def _take_back(before: Path, released: Path) -> None:
    if before.is_dir():
        shutil.rmtree(released, ignore_errors=True)
        before.rename(released)


def _keep_edits(course: Course, assignment: str, before: Path, released: Path) -> None:
    """Released notebooks are written over; should somebody have worked in them, that is kept."""
    if not before.is_dir():
        return
    old, new = (
        {one.name: one.read_bytes() for one in sorted(folder.glob("*.ipynb"))}
        for folder in (before, released)
    )
    if all(new.get(name) == content for name, content in old.items()):
        discarded = before.with_suffix(".unfinished")
        before.rename(discarded)  # in one step: nobody may take half of it for the last release
        shutil.rmtree(discarded)
        return
    kept = _keep(course, assignment, before)
    print(f"the {assignment} that was there before has changed: it is kept in {kept}")


def _keep(course: Course, assignment: str, folder: Path) -> Path:
    """Move a folder to where nothing is written over; where that is."""
    kept = course.results(assignment).parent.parent / "kept" / f"{assignment}-{time.time_ns()}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(folder, kept))


def feedback(course: Course, assignment: str) -> Path:
    """Generate a feedback page for every graded submission; the folder that holds them."""
    graded = course.root / course.directory().autograded_directory
    if not any(graded.glob(f"*/{assignment}/*.ipynb")):
        raise CourseError(f"nothing of {assignment} is graded yet: run `autograder grade`")
    _ask(course, assignment, "generate_feedback", force=True)
    return course.root / course.directory().feedback_directory


def _ask(course: Course, assignment: str, step: str, **options: bool) -> None:
    api = NbGraderAPI(course.directory(), config=course.config)
    answer = getattr(api, step)(assignment, **options)
    if not answer["success"]:
        log = (answer.get("log") or answer.get("error") or "").strip()
        raise CourseError(f"nbgrader's {step} failed for {assignment}:\n{log[-4000:]}")
