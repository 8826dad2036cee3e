"""The capstone: the submitted weights, the unseen phrases, and what one half costs the other."""

import json
import re
import shutil
from copy import deepcopy
from io import BytesIO

import nbformat
import pytest
import torch
from conftest import ROOT, needs_jail
from nbclient import NotebookClient

from autograder.gradebook.course import Course
from autograder.gradebook.release import release
from autograder.grading.run import Graded, grade_assignment
from autograder.judging.problem_set import accepted_files, hidden_modules
from autograder.judging.scoring import grade
from autograder.judging.source_notebook import demonstrations
from autograder.rubrics import graded_properties
from autograder.rubrics.capstone import SOLUTION_FILES
from autograder.rubrics.capstone.load_translator import UNSEEN, bleu, rubric, unseen
from autograder.submissions.model import AssignmentCells, Submission
from autograder.submissions.sanitise import sanitise
from rnncourse.checks.harness.capstone import MAX_BYTES, WEIGHTS, problem_with
from rnncourse.checks.rng import Rng
from rnncourse.data import translation
from rnncourse.data.translation import phrases_held_back
from rnncourse.exercises.capstone import EXERCISES
from rnncourse.exercises.capstone.load_translator import THRESHOLDS, phrase_book
from rnncourse.exercises.capstone.Translator import V_SOURCE, V_TARGET, other_word
from rnncourse.reference.capstone import load_translator
from rnncourse.reference.checkpoint import load_checkpoint, save_checkpoint

CAPSTONE = "capstone"


@pytest.fixture
def submission(tmp_path, monkeypatch):
    """A working folder with the solution's weights."""
    (tmp_path / WEIGHTS).write_bytes(SOLUTION_FILES[WEIGHTS])
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- phrases that nobody has seen -----------------------------------------------------------------


@pytest.mark.slow
def test_what_is_graded_is_in_no_list_of_any_seed():
    graded = {" ".join(source) for source, _ in phrases_held_back("en", "fr", 300, seed=1)}
    assert len(graded) == 300
    for seed in (0, 1):
        lists = translation(train=1500, valid=150, test=150, seed=seed)
        assert not graded & {" ".join(source) for part in lists for source, _ in part}


@pytest.mark.slow
def test_every_run_has_phrases_of_its_own():
    first, other = unseen(1), unseen(2)
    assert len(first) == UNSEEN
    assert len(set(first) & set(other)) < 0.2 * UNSEEN  # some are as short as "3 days"
    assert unseen(1) == first


def test_the_lists_of_training_and_validation_are_what_they_were():
    """What is kept back comes out of the test list alone."""
    whole = translation(train=0, valid=50, test=0).valid
    assert whole == translation(train=30, valid=50, test=20).valid


# --- the network ----------------------------------------------------------------------------------


def test_the_facts_are_what_a_right_network_does():
    """Properties compare with the reference: so what that does must be what is meant."""
    exercise = EXERCISES["Translator"]
    facts = {}
    for prop in graded_properties("Translator"):
        for seed in range(5):
            for situation, fact in prop.observe(exercise.reference, Rng(seed, prop.name)).items():
                situation = re.sub(r"t = \d|word \d of \d", "…", situation)
                facts.setdefault(situation, set()).add(fact)
    same, other = {"stay the same"}, {"change"}
    assert facts == {
        "model(source (3, S), mask (3, S), target (3, T))": {"scores (3, T, V_target)"},
        "over the words, the scores add up to 1": {"not always"},
        "a batch of one word": {"scores (1, 1, V_target)"},
        "another target word at …: the scores before it": same,
        "another target word at …: the scores at it": other,
        "another source …: the scores": other,
        "two source words change places: the scores": other,
        "other words under the padding of the source: the scores": same,
        "two more columns of padding: the scores": same,
        "the shortest sentence alone, without padding: its scores": same,
        "another first sentence: its own scores": other,
        "another first sentence: the others' scores": same,
        "the scores of start and step at …": {"those of forward"},
        "going on with rows 2, 0, 0 of the state, the scores": {"those of these rows"},
        "a new model with the saved weights: its scores": {"the same"},
        "numbers of the model that get no gradient": {"few or none"},
    }


@pytest.mark.parametrize("V", [V_SOURCE, V_TARGET])
def test_another_word_is_another_word(V):
    words = torch.arange(2, V)
    others = other_word(words, V)
    assert (others != words).all() and (others >= 4).all() and (others < V).all()


# --- the score ------------------------------------------------------------------------------------


def mixed(share):
    """A translator that knows this share of the phrases."""

    def load(path):
        book = phrase_book(path)
        return lambda sentences: [
            text if n % 10 < 10 * share else "" for n, text in enumerate(book(sentences))
        ]

    load._library = phrase_book._library
    return load


def test_points_follow_the_published_thresholds():
    report = grade("load_translator", mixed(0.5), seed=3).report
    (measured,) = [outcome.measured for outcome in report.outcomes if outcome.measured is not None]
    assert 10 < measured < 95
    got = sum(
        outcome.points
        for outcome in report.outcomes
        if outcome.name.startswith("bleu") and outcome.passed
    )
    assert got == sum(points for least, points in THRESHOLDS.items() if measured >= least)
    failed = next(outcome for outcome in report.outcomes if outcome.name == "bleu_95")
    assert failed.message == f"BLEU {measured:.1f}, needed: 95"


def test_the_notebook_publishes_these_thresholds():
    text = (ROOT / "assignments/capstone/capstone.ipynb").read_text()
    assert " | ".join(map(str, THRESHOLDS)) in text
    total = [sum(list(THRESHOLDS.values())[: n + 1]) for n in range(len(THRESHOLDS))]
    assert " | ".join(map(str, total)) in text
    assert f"at most {MAX_BYTES >> 20} MB" in text and f"on {UNSEEN} phrases" in text


@pytest.mark.slow
def test_a_copy_of_the_source_is_worth_nothing():
    def load(path):
        return lambda sentences: list(sentences)

    load._library = phrase_book._library
    report = grade("load_translator", load, seed=1).report
    assert not any(outcome.passed for outcome in report.outcomes if outcome.name.startswith("bleu"))


def test_vocabularies_in_another_order_are_found_out(submission):
    saved = load_checkpoint(WEIGHTS)
    saved["source"] = [*saved["source"][:4], *sorted(saved["source"][4:])]
    save_checkpoint(WEIGHTS, saved)
    assert grade("load_translator", load_translator, seed=1).report.points <= 4


def test_what_fails_costs_its_twenty_phrases():
    calls = 0

    def load(path):
        book = phrase_book(path)

        def translator(sentences):
            nonlocal calls
            calls += 1
            if calls == 3:
                raise ValueError("too much")
            return book(sentences)

        return translator

    load._library = phrase_book._library
    (observe,) = {prop.observe for prop in rubric.properties}
    got = observe(load, Rng(1))
    assert "too much" in got["failed"] and got["translations"].count("") == 20
    assert 60 < bleu(got) < 95
    assert "too much" in rubric.properties[-1].judge(got, got)


@pytest.mark.slow
@pytest.mark.parametrize("answer", [None, 7, ["a"], "text", [["a"], ["b"]], [1, 2]])
def test_invalid_answers_get_no_points(answer):
    def load(path):
        return lambda sentences: answer

    load._library = phrase_book._library
    report = grade("load_translator", load, seed=1).report
    assert report.points == 0
    assert all(outcome.message for outcome in report.outcomes)


def test_very_long_translations_are_cut():
    def load(path):
        return lambda sentences: ["a " * 50_000 for _ in sentences]

    load._library = phrase_book._library
    assert grade("load_translator", load, seed=1).report.points <= 1.5


# --- the file of weights --------------------------------------------------------------------------


def test_weights_that_are_good(submission):
    assert problem_with() is None
    assert load_translator(WEIGHTS)(["3 days ago"]) == ["il y a 3 jours"]


def test_what_is_said_of_weights_that_are_not(submission):
    path = submission / WEIGHTS
    path.write_bytes(SOLUTION_FILES[WEIGHTS][:1000])
    assert "is damaged" in problem_with()
    buffer = BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)  # a pickle
    path.write_bytes(buffer.getvalue())
    assert "not a safetensors file" in problem_with()
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "at most 16 MB are accepted" in problem_with()
    path.rename(submission / "weights (1).safetensors")
    assert "there is no weights.safetensors" in problem_with()
    assert "'weights (1).safetensors': rename it" in problem_with()


def test_the_solution_s_weights_are_small():
    """They are in git, so that audit and tests need not train."""
    assert len(SOLUTION_FILES[WEIGHTS]) < 300_000


# --- the course's side ----------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_beside_the_source_are_nobodys(course):
    """Whoever runs the solution where it lies makes weights there: they must not be given out."""
    path = course.path("source", ".", CAPSTONE) / WEIGHTS
    path.write_bytes(b"of the instructor")
    assert accepted_files(CAPSTONE) == {WEIGHTS: MAX_BYTES}
    assert course.source_files(CAPSTONE) == {}
    assert not (release(course, CAPSTONE) / WEIGHTS).exists()


@pytest.mark.slow
def test_nothing_of_earlier_sections_is_hidden():
    assert hidden_modules(CAPSTONE) == [
        "rnncourse.exercises.capstone.load_translator",
        "rnncourse.reference.capstone",
    ]


@pytest.mark.notebooks
def test_the_notebook_of_a_student_runs_without_weights(tmp_path):
    """Training is only for the student: see `train` below."""
    notebook = nbformat.read(ROOT / "solutions/capstone/capstone.ipynb", as_version=4)
    demos = demonstrations(notebook)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (cell.source not in demos) and "grade(" not in cell.source
    ]
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            'history = train("tiny.safetensors", epochs=1, pairs=64)\n'
            'print(len(history), load_translator("tiny.safetensors")([]))'
        )
    )
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    assert notebook.cells[-1].outputs[-1]["text"] == "1 []\n"
    assert (tmp_path / "tiny.safetensors").exists() and not (tmp_path / WEIGHTS).exists()


# --- a class --------------------------------------------------------------------------------------


def with_training(notebook):
    """Trains in the cell that is not run only where it is left as it was."""
    (cell,) = [cell for cell in notebook.cells if cell.id == "train-run"]
    cell.source = "train(epochs=1, pairs=64)"


def with_a_name(notebook):
    (cell,) = [cell for cell in notebook.cells if cell.id == "leaderboard-name"]
    cell.source = 'leaderboard_name = "Ada <b>L.</b>"'


def without_a_name(notebook):
    notebook.cells = [cell for cell in notebook.cells if cell.id != "leaderboard-name"]


def no_change(notebook):
    pass


PICKLE = BytesIO()
torch.save({"a": torch.zeros(1)}, PICKLE)
GOOD = SOLUTION_FILES[WEIGHTS]
SUBMISSIONS = {
    # student: what they do to the notebook, and the files
    "good": (with_a_name, {WEIGHTS: GOOD}),
    "retrains": (with_training, {WEIGHTS: GOOD}),
    "nameless": (without_a_name, {WEIGHTS: GOOD}),
    "missing": (no_change, {}),
    "misnamed": (no_change, {"weights (1).safetensors": GOOD}),
    "too-large": (no_change, {WEIGHTS: GOOD + bytes(MAX_BYTES)}),
    "damaged": (no_change, {WEIGHTS: GOOD[: len(GOOD) // 2]}),
    "pickle": (no_change, {WEIGHTS: PICKLE.getvalue()}),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> tuple[Course, dict[str, Graded]]:
    """The results of a class in which every submission is different."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    shutil.copytree(ROOT / "solutions" / CAPSTONE, root / "solutions" / CAPSTONE)
    course = Course(root)
    release(course, CAPSTONE)
    source = course.sources(CAPSTONE)[CAPSTONE]
    for student, (change, files) in SUBMISSIONS.items():
        notebook = deepcopy(source)
        change(notebook)
        folder = course.path("submitted", student, CAPSTONE)
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{CAPSTONE}.ipynb")
        for name, content in files.items():
            (folder / name).write_bytes(content)
    entries = grade_assignment(course, CAPSTONE, seed=4)
    return course, {entry.student: entry for entry in entries}


LOADING = "test_load_translator"


def cells_of(course: Course, student: str) -> list[dict]:
    """What was recorded of each graded cell."""
    return json.loads((course.results(CAPSTONE) / student / "result.json").read_text())["cells"]


@pytest.mark.slow
@needs_jail
def test_good_weights_get_all_points(graded):
    for student in ("good", "retrains", "nameless"):
        entry = graded[1][student]
        assert entry.error is None and entry.result.points == 38, (student, entry.result.cells)


@needs_jail
def test_nobody_is_suspected_for_using_the_library(graded):
    """The notebook itself imports of it, and nothing but the capstone's own answers is hidden."""
    assert [entry.result.suspicious for entry in graded[1].values()] == [[]] * len(SUBMISSIONS)


@pytest.mark.parametrize(
    ("source", "suspicious"),
    [
        ("from rnncourse.reference.capstone import translate", True),
        ("from rnncourse.reference import capstone as c", True),
        ("from rnncourse.reference import (\n    attention,\n    capstone,\n)", True),
        ("importlib.import_module('rnncourse.reference.capstone')", True),
        ("import rnncourse.reference as r", True),
        ("from rnncourse.reference.attention import attend", False),
        ("from rnncourse.reference import attention\n\ncapstone = 1", False),
    ],
)
def test_naming_what_is_hidden_is_worth_a_look(source, suspicious):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    submission = Submission("student")
    sanitise(notebook, AssignmentCells(CAPSTONE, {}, ()), submission, hidden_modules(CAPSTONE))
    assert bool(submission.suspicious) == suspicious


@needs_jail
@pytest.mark.parametrize(
    ("student", "message"),
    [
        ("missing", "there is no weights.safetensors beside the notebook"),
        ("misnamed", "There is 'weights (1).safetensors': rename it."),
        ("too-large", "at most 16 MB are accepted"),
        ("damaged", "weights.safetensors is damaged"),
        ("pickle", "weights.safetensors is damaged, or not a safetensors file"),
    ],
)
def test_bad_weights_cost_what_depends_on_them(graded, student, message):
    result = graded[1][student].result
    assert result.points == 18
    (cell,) = [
        cell for cell in cells_of(graded[0], student) if cell["grade_id"] == "test_load_translator"
    ]
    assert cell["points"] == 0
    assert all(message in prop["message"] for prop in cell["properties"])
    if student == "too-large":
        assert any("was left out" in note for note in result.notes)


@needs_jail
def test_results_hold_what_a_leaderboard_needs(graded):
    course, entries = graded
    result = json.loads((course.results(CAPSTONE) / "good" / "result.json").read_text())
    assert result["submitted_files"] == {WEIGHTS: len(GOOD)}
    (cell,) = [cell for cell in result["cells"] if cell["grade_id"] == LOADING]
    assert cell["record"] == {"leaderboard_name": "Ada <b>L.</b>"}
    (score,) = [prop["measured"] for prop in cell["properties"] if prop["measured"] is not None]
    assert score > 98
    assert entries["missing"].result.submitted_files == {}
    nameless = cells_of(course, "nameless")
    assert [cell["record"] for cell in nameless] == [{}] * len(nameless)


def test_rubrics_are_complete():
    assert {name: sum(prop.points for prop in graded_properties(name)) for name in EXERCISES} == {
        "Translator": 10,
        "translate": 8,
        "load_translator": 20,
    }
