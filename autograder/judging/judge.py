"""The judge: runs a submission's cells in a jail and its grading cells out here.

A grading cell that imports `autograder` runs on this side of the wall: in it, the names that the
*source* notebook's solution cells define are proxies of what the student wrote. Any other grading
cell runs in the jail, beside the student's code, as nbgrader runs it; the result says so.
"""

import ast
import contextlib
import hashlib
import io
import json
import os
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import determine_grade, is_grade, is_solution

from ..jailed.rpc import RemoteError, RemoteObject
from ..sandbox.jail import Jail, JailError
from ..sandbox.limits import LIMITS, Limits
from .replay_cache import Conversations, Point, Turn
from .scoring import Score, current_seed
from .session import Diverged, Lost, Named, Session


@dataclass
class CellResult:
    """The mark of one grading cell; points is None where a person must give it."""

    grade_id: str
    points: float | None
    max_points: float
    beside: bool  # its test ran in the jail, beside the student's code
    properties: list[dict[str, Any]] = field(default_factory=list)
    message: str | None = None
    seed: int | None = None
    seconds: float = 0.0
    record: dict[str, str] = field(default_factory=dict)  # what the grading cell keeps


@dataclass
class NotebookResult:
    """What the judge says of one notebook; the outputs are in the notebook itself."""

    cells: list[CellResult] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    student_seconds: float = 0.0
    judge_seconds: float = 0.0


class Missing:
    """Stands for a name that the notebook should define and does not, or that we cannot get."""

    def __init__(self, name: str, why: Exception | None = None):
        self.__name__ = name
        self._why = why

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._why or RemoteError(
            "NameError",
            f"your notebook does not define {self.__name__}: was it renamed or deleted, "
            "or did its cell fail?",
        )


class Submission:
    """One student's notebook in its jail; a new process takes over when one is lost."""

    def __init__(self, jail: Jail, seed: int, files: dict[str, bytes], limits: Limits):
        self.jail, self.seed, self.files, self.limits = jail, seed, files, limits
        self.result = NotebookResult()
        self.done: list[str] = []  # cells to repeat in a new process
        self.until = time.monotonic() + limits.submission
        self.budget = self.until
        self.lives = limits.max_restarts
        self.room = limits.outputs_size
        self.testing = False
        self.dirty = False
        self._session: Session | None = None
        self._names: list[str] = []  # that the tests of this grading cell use
        self._found: dict[str, Any] = {}  # their values

    def session(self) -> Session:
        """The child that is alive, started anew where the last one was lost."""
        if self._session is None or not self._session.usable:
            if self._session is not None:
                if self.testing:
                    raise Lost("not tried again: an earlier call of this exercise had crashed")
                if self.lives == 0:
                    raise Lost("your notebook ended its process too often; the rest was not run")
                self.lives -= 1
                self._close()
            self._session = Session(self.jail, self.seed, self.limits, self.result.suspicious)
            self._session.budget = self.until
            self._hand_out()
            for source in list(self.done):
                self._session.run_cell(source, self.limits.cell)
            if self._names:
                self._found = self._session.begin(self._names, self.limits.call)
        self._session.budget = self.budget
        return self._session

    def _hand_out(self) -> None:
        """Put the files that were handed in into the working folder."""
        for path, content in self.files.items():
            self._session.write(path, content)

    def _begin_tests(self) -> None:
        """Tested is what was handed in: where a cell has written over a file, it is put back."""
        with contextlib.suppress(Lost, RemoteError):
            self.session()
            self._hand_out()
        with contextlib.suppress(Lost, RemoteError):
            self.session().begin_tests()

    @contextlib.contextmanager
    def tests(self) -> Iterator[None]:
        """While a grading cell runs: a time limit of its own, and one crash at most.

        A function that has crashed would crash again: the next exercise gets the next process.
        """
        self.budget = min(time.monotonic() + self.limits.grade_cell, self.until)
        self._names, self._found = [], {}
        self._begin_tests()
        self.testing = True
        try:
            yield
        finally:
            self.testing = False
            self.budget = self.until

    def handle(self, name: str) -> RemoteObject:
        """The student's function or class of this name, in the child that is alive."""
        self.session()
        found = self._found.get(name)
        if not isinstance(found, RemoteObject):
            Missing(name)()
        return found

    def follow(self, start: Point) -> Any:
        """What has come of an earlier conversation in which a child answered as this one does."""
        with contextlib.suppress(Lost, RemoteError):
            return self.session().follow(start)
        return None

    @property
    def turns(self) -> list[Turn] | None:
        """What was said in this grading cell; None where it did not go to its end in peace."""
        session = self._session
        if session is None or not session.alive or session.timed_out or session.turns is None:
            return None
        return session.turns if all(type(one.heard) is bytes for one in session.turns) else None

    def run_cell(self, source: str) -> list[dict[str, Any]]:
        """Run one of the student's cells; whatever happens, outputs come back."""
        self.budget = self.until
        if time.monotonic() >= self.until:
            limit = f"the {self.limits.submission:g} s of the whole notebook were used up"
            return [_error_output("CellTimeoutError", f"{limit}: this cell was not run")]
        try:
            ran = self.session().run_cell(source, self.limits.cell)
        except (Lost, RemoteError) as error:
            if error.student_type == "MemoryError":
                self.session().end()
            return [_error_output(type(error).__name__, _words(error))]
        if any(one.get("ename") == "MemoryError" for one in ran["outputs"]):
            # What it holds may leave too little to answer with. Like a crash: the cells after it
            # run in a new process, in which it is not repeated.
            self.session().end()
            return ran["outputs"]
        if ran["interrupted"]:
            limit = f"this cell was stopped after {self.limits.cell:g} s"
            return [*ran["outputs"], _error_output("CellTimeoutError", limit)]
        # A cell that ended its process or ran out of time would do so again: it is not repeated.
        self.done.append(source)
        if ran["cut"]:
            self.result.notes.append("the output of a cell was too long and has been cut")
        self.room -= len(json.dumps(ran["outputs"]))
        if self.room < 0:
            self.result.notes.append("the notebook's outputs were too long and have been left out")
            return []
        return ran["outputs"]

    def names(self, wanted: Iterable[str]) -> dict[str, Any]:
        """What the grading cell sees under the student's names: data, proxies, or Missing."""
        self._names, why = sorted(wanted), None
        try:
            self._found = self.session().begin(self._names, self.limits.call)
        except (Lost, RemoteError) as error:
            self._found, why = {}, error
        space: dict[str, Any] = {}
        for name in self._names:
            value = self._found.get(name, Missing(name, why))
            space[name] = Named(self, name) if isinstance(value, RemoteObject) else value
        return space

    def _close(self) -> None:
        if self._session is not None:
            self._session.end()
            self._session.reset()  # what it was lent is in cycles, which nobody would free
            self.dirty = self.dirty or self._session.dirty
            self.result.student_seconds += self._session.seconds

    def restart(self) -> None:
        """Go on in a new process, by no fault of the student's."""
        self._close()
        self._session, testing = None, self.testing
        self.testing = False
        self._begin_tests()
        self.testing = testing

    def close(self) -> NotebookResult:
        """End the submission; nothing of it stays in the jail."""
        self._close()
        self._session = None
        return self.result


class Judge:
    """Grades notebooks of one assignment, one after the other, in one jail."""

    def __init__(
        self,
        jail: str = "auto",
        hidden: Iterable[str] = (),
        forbid: Iterable[str] = (),
        private: Iterable[Path] = (),
        limits: Limits = LIMITS,
    ):
        self.limits = limits
        self._make = lambda: Jail(jail, hidden, forbid, private)
        self.jail = self._make()
        self.conversations = Conversations()

    def grade(
        self,
        notebook: NotebookNode,
        source: NotebookNode | None,
        seed: int,
        files: dict[str, bytes] | None = None,
    ) -> NotebookResult:
        """Run and grade a sanitised notebook. Fills in its outputs.

        source: the instructor's notebook, which says what the student was asked to define.
        seed: of the random inputs. Nobody who has seen what came of one may be graded with it
        again, but for the same work.
        """
        self.conversations.of(seed)
        if self.jail.process.poll() is not None:  # it died: that is not this student's fault
            self.jail.close()
            self.jail = self._make()
        started = time.perf_counter()
        defined = student_names(source) if source else frozenset()
        walled = walled_tests(source) if source else frozenset()
        imports = instructor_imports(source) if source else {}
        demos = demonstrations(source) if source else frozenset()
        # The jail's own seed says nothing of the tests'.
        submission = Submission(self.jail, derive(seed, "jail"), files or {}, self.limits)
        count = 0
        try:
            for cell in notebook.cells:
                if cell.cell_type == "code" and not is_grade(cell) and cell.source in demos:
                    continue
                if cell.cell_type == "code":
                    count += 1
                    cell.execution_count = count
                if is_grade(cell):
                    submission.result.cells.append(
                        self._grade_cell(submission, cell, defined, imports, seed, walled)
                    )
                elif cell.cell_type == "code":
                    cell.outputs = _nodes(submission.run_cell(cell.source))
        except BaseException:
            # Whatever went wrong, the next submission starts in a jail that knows nothing of it.
            self.jail.close()
            raise
        result = submission.close()
        if self.jail.process.poll() is not None:
            # What its end did to the tests looks like the student's failures.
            raise JailError("the jail ended while it was in use")
        if submission.dirty:
            result.suspicious.append("left traces in the jail, which was replaced")
            self.jail.close()
        result.judge_seconds = time.perf_counter() - started - result.student_seconds
        return result

    def _grade_cell(
        self,
        submission: Submission,
        cell: NotebookNode,
        defined: frozenset[str],
        imports: dict[str, str],
        seed: int,
        walled: frozenset[str],
    ) -> CellResult:
        started = time.perf_counter()
        grade_id = cell.metadata.nbgrader["grade_id"]
        behind = grade_id in walled and cell.cell_type == "code" and is_walled(cell.source)
        if behind:
            result = self._walled(submission, cell, defined, imports, derive(seed, grade_id))
        else:
            if cell.cell_type == "code":
                cell.outputs = _nodes(submission.run_cell(cell.source))
            points, most = determine_grade(cell)
            beside = cell.cell_type == "code" and not is_solution(cell)
            result = CellResult(grade_id, points, most, beside)
            if cell.cell_type == "code":
                result.message = next(
                    (f"{one.ename}: {one.evalue}" for one in cell.outputs if "ename" in one), None
                )
        result.seconds = time.perf_counter() - started
        return result

    def _walled(
        self,
        submission: Submission,
        cell: NotebookNode,
        defined: frozenset[str],
        imports: dict[str, str],
        seed: int,
    ) -> CellResult:
        most = float(cell.metadata.nbgrader["points"])
        with submission.tests():
            # All on which this side of the conversation depends, beside the answers.
            key = (cell.source, seed, most)
            verdict = submission.follow(self.conversations.start(key))
            if verdict is None:
                try:
                    verdict = _examine(submission, cell.source, defined, imports, seed, most)
                except Diverged:
                    submission.restart()
                    verdict = _examine(submission, cell.source, defined, imports, seed, most)
                if turns := submission.turns:
                    self.conversations.learn(key, turns, verdict)
        cell.outputs = _nodes(verdict.outputs)
        return CellResult(
            cell.metadata.nbgrader["grade_id"],
            verdict.points,
            most,
            beside=False,
            properties=verdict.properties,
            message=verdict.message,
            seed=seed,
            record=verdict.record,
        )

    def close(self) -> None:
        self.jail.close()


# --- what the source notebook says ----------------------------------------------------------------


def is_walled(source: str) -> bool:
    """Whether a grading cell is one for this side of the wall: it imports autograder."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        if any(module.split(".")[0] == "autograder" for module in modules):
            return True
    return False


def walled_tests(source: NotebookNode) -> frozenset[str]:
    """The grading cells that run on this side: the source notebook says which, not a submission,
    where a student's own cell may claim to be one."""
    return frozenset(
        cell.metadata.nbgrader["grade_id"]
        for cell in source.cells
        if cell.cell_type == "code"
        and is_grade(cell)
        and not is_solution(cell)
        and is_walled(cell.source)
    )


@lru_cache(maxsize=1024)
def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def student_names(source: NotebookNode) -> frozenset[str]:
    """The names that the source notebook's solution cells define: what students are asked for."""
    names: set[str] = set()
    for cell in source.cells:
        if cell.cell_type != "code" or not is_solution(cell):
            continue
        for node in _tree(cell.source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                names |= {one.id for one in ast.walk(node) if _is_stored(one)}
    return frozenset(names)


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def instructor_imports(source: NotebookNode) -> dict[str, str]:
    """Names imported by the instructor's own cells → the import, repeated in grading cells."""
    found: dict[str, str] = {}
    for cell in source.cells:
        if cell.cell_type != "code" or is_solution(cell) or is_grade(cell):
            continue
        for node in _tree(cell.source).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for one in node.names:
                    found[one.asname or one.name.split(".")[0]] = ast.unparse(node)
    return found


def demonstrations(source: NotebookNode) -> frozenset[str]:
    """Cells that the instructor has tagged "demo": they show something and nothing needs them.

    While a student leaves such a cell as it was, grading saves the time to run it.
    """
    return frozenset(
        cell.source
        for cell in source.cells
        if cell.cell_type == "code" and "demo" in cell.metadata.get("tags", [])
    )


def derive(seed: int, *parts: str) -> int:
    """A seed of its own for each part, from one that is recorded."""
    digest = hashlib.sha256("/".join([str(seed), *parts]).encode()).digest()
    return int.from_bytes(digest[:6], "big")


# --- running a grading cell here ------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What came of a grading cell that ran here."""

    points: float
    properties: list[dict[str, Any]]
    message: str | None
    outputs: list[dict[str, Any]]
    record: dict[str, str]


def _examine(
    submission: Submission,
    source: str,
    defined: frozenset[str],
    imports: dict[str, str],
    seed: int,
    most: float,
) -> Verdict:
    """Run a grading cell on what the student defined."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    space: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    points, properties, message, record = 0.0, [], None, {}
    outputs: list[dict[str, Any]] = []
    token = current_seed.set(seed)
    kept = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        with contextlib.redirect_stdout(printed), _autograding():
            for statement in sorted({imports[name] for name in used if name in imports}):
                exec(statement, space)
            space |= submission.names(used & defined)
            value = _run(tree, space)
    except Exception as error:
        message = _words(error)
        outputs = [_error_output(type(error).__name__, message, error)]
    else:
        points = most
        if isinstance(value, Score):
            report = value.report
            properties, record = report.to_dict()["properties"], value.record
            # The instructor may have weighed the exercise otherwise than its author.
            scale = most / report.max_points if report.max_points else 0.0
            points = min(most, report.points * scale)
            outputs = [_score_output(value, points)]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            points = min(most, max(0.0, float(value)))
    finally:
        torch.set_rng_state(kept)
        current_seed.reset(token)
    if text := printed.getvalue():
        outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
    return Verdict(points, properties, message, outputs, record)


def _run(tree: ast.Module, space: dict[str, Any]) -> Any:
    """Execute a cell; the value of its last expression, or None."""
    *body, last = tree.body or [ast.Pass()]
    if not isinstance(last, ast.Expr):
        body, last = [*body, last], None
    exec(compile(ast.Module(body, []), "<grading cell>", "exec"), space)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "<grading cell>", "eval"), space)


@contextlib.contextmanager
def _autograding() -> Iterator[None]:
    kept = os.environ.get("NBGRADER_EXECUTION")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    try:
        yield
    finally:
        if kept is None:
            del os.environ["NBGRADER_EXECUTION"]
        else:
            os.environ["NBGRADER_EXECUTION"] = kept


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _error_output(name: str, message: str, error: BaseException | None = None) -> dict[str, Any]:
    lines = [f"{name}: {message}"]
    if error is not None:
        # Where in the grading cell; nothing of the frames below it, which are not the student's.
        frames = traceback.extract_tb(error.__traceback__)
        line = next((one.lineno for one in frames if one.filename == "<grading cell>"), None)
        if line:
            lines.insert(0, f"in line {line} of this cell")
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": lines}


def _score_output(score: Score, points: float) -> dict[str, Any]:
    data = {"text/plain": f"{points:g}", "text/html": score._repr_html_()}
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "data": data,
        "metadata": {},
    }


def _nodes(outputs: list[dict[str, Any]]) -> list[NotebookNode]:
    from nbformat import from_dict

    return [from_dict(one) for one in outputs]
