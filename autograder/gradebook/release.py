"""Generates what students get: the released notebooks and, after grading, the feedback."""

import shutil
import time
from pathlib import Path

from nbgrader.apps import NbGraderAPI

from ..judging.problem_set import accepted_files
from .course import Course, CourseError


def release(course: Course, assignment: str) -> Path:
    """Generate the released notebooks of an assignment and enter it in the gradebook.

    Returns their folder. If students' work was done in an earlier release there, it is kept.
    """
    source = course.path("source", ".", assignment)
    if not any(source.glob("*.ipynb")):
        known = sorted({path.parent.name for path in source.parent.glob("*/*.ipynb")})
        hint = f"; there are {', '.join(known)}" if known else ""
        raise CourseError(f"there is no assignment {assignment!r} in {source.parent}{hint}")
    # On a new machine the gradebook's folder does not exist yet.
    if course.gradebook_file is not None:
        course.gradebook_file.parent.mkdir(parents=True, exist_ok=True)
    released = course.path("release", ".", assignment)
    backup = _back_up(course, assignment, released)
    try:
        _run_nbgrader(course, assignment, "generate_assignment", force=True, create=True)
    except BaseException:
        _restore(backup, released)
        raise
    for name in accepted_files(assignment):  # made when the solution was run in its own folder
        (released / name).unlink(missing_ok=True)
    _keep_edits(course, assignment, backup, released)
    return released


def _back_up(course: Course, assignment: str, released: Path) -> Path:
    """Copy what is released; the copy is there as a whole or not at all."""
    backup = released.with_name(f".{released.name}.before")
    if backup.is_dir():  # a release was killed, and somebody may have worked in what it left
        if released.is_dir():
            kept_folder = _keep(course, assignment, released)
            print(
                f"an earlier release of {assignment} was killed; "
                f"what it left was moved to {kept_folder}"
            )
        backup.rename(released)
    unfinished = backup.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if released.is_dir():
        shutil.copytree(released, unfinished)
        unfinished.rename(backup)
    return backup


def _restore(backup: Path, released: Path) -> None:
    if backup.is_dir():
        shutil.rmtree(released, ignore_errors=True)
        backup.rename(released)


def _keep_edits(course: Course, assignment: str, backup: Path, released: Path) -> None:
    """Keep the backup if its notebooks differ: somebody may have worked in them."""
    if not backup.is_dir():
        return
    new = _notebooks(released)
    if all(new.get(name) == content for name, content in _notebooks(backup).items()):
        discarded = backup.with_suffix(".unfinished")
        backup.rename(discarded)  # in one step: half a backup must not be taken for a whole one
        shutil.rmtree(discarded)
        return
    kept_folder = _keep(course, assignment, backup)
    print(
        f"the earlier release of {assignment} differs from the new one; "
        f"it was moved to {kept_folder}"
    )


def _notebooks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.ipynb")}


def _keep(course: Course, assignment: str, folder: Path) -> Path:
    """Move a folder to where nothing is overwritten; returns the new path."""
    name = f"{assignment}-{time.time_ns()}"
    kept_folder = course.results(assignment).parent.parent / "kept" / name
    kept_folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(folder, kept_folder))


def feedback(course: Course, assignment: str) -> Path:
    """Generate a feedback page for every graded submission. Returns the folder of all pages."""
    graded = course.root / course.directory().autograded_directory
    if not any(graded.glob(f"*/{assignment}/*.ipynb")):
        raise CourseError(f"no submission of {assignment} is graded yet: run `autograder grade`")
    _run_nbgrader(course, assignment, "generate_feedback", force=True)
    return Path(course.root, course.directory().feedback_directory)


def _run_nbgrader(course: Course, assignment: str, step: str, **options: bool) -> None:
    api = NbGraderAPI(course.directory(), config=course.config)
    answer = getattr(api, step)(assignment, **options)
    if not answer["success"]:
        log = (answer.get("log") or answer.get("error") or "").strip()
        raise CourseError(f"nbgrader's {step} failed for {assignment}:\n{log[-4000:]}")
