"""Keeps one judge between notebooks, because nbgrader makes its preprocessors anew for each."""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..gradebook.course import Course
from ..judging.judge import Judge

MAX_IDLE = 120  # seconds until an unused judge is closed and its jail released


class WarmJudge:
    """The judge that was used last, with its jail."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._judge: Judge | None = None
        self._key: tuple[str, str, str] | None = None
        self._timer: threading.Timer | None = None
        atexit.register(self.close)

    @contextmanager
    def lend(self, course: Course, assignment: str, jail: str) -> Iterator[Judge]:
        """The judge of an assignment, for one user at a time."""
        with self._lock:
            judge = self._get(course, assignment, jail)
            try:
                yield judge
            finally:
                self._release_after_idle()

    def close(self) -> None:
        if self._judge is not None:
            self._judge.close()
        self._judge = self._key = None

    def _get(self, course: Course, assignment: str, jail: str) -> Judge:
        if self._timer is not None:
            self._timer.cancel()
        key = (str(course.root), assignment, jail)
        if self._judge is None or key != self._key:
            self.close()
            self._judge = Judge.for_assignment(assignment, jail, [course.root])
            self._key = key
        return self._judge

    def _release_after_idle(self) -> None:
        self._timer = threading.Timer(MAX_IDLE, self._close_if_unused)
        self._timer.daemon = True
        self._timer.start()

    def _close_if_unused(self) -> None:
        with self._lock:
            self.close()


warm_judge = WarmJudge()
