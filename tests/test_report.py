"""The class report, on result files that are written here, with counts that are done by hand."""

import io
import json
import re
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.gradebook.course import Course, CourseError
from autograder.jailed.rpc import RemoteError
from autograder.judging.session import WorkerLost
from autograder.judging.student_process import UndefinedName
from autograder.reports.class_report import UNDEFINED, ClassReport, MarkStatistics, clean
from rnncourse.checks.compare import Raised

EVIL = "<script>alert(1)</script>"
UNWRITTEN = "not written yet"
UNDEFINED_MESSAGE = "it raised NameError: your notebook does not define lstm: was it renamed?"
TITLES = {"shape": "the shape is right", "values": "the values are right"}


def prop(name, passed=True, misconception=None, hint=None, message="got 1, expected 2"):
    return {
        "name": name,
        "title": TITLES.get(name, name),
        "points": 1,
        "message": None if passed else message,
        "misconception": misconception,
        "hint": hint,
        "seconds": 0.0,
        "passed": passed,
    }


def cell(grade_id, points, most, *properties, **more):
    found = {
        "notebook": "ps",
        "grade_id": grade_id,
        "points": points,
        "max_points": most,
        "beside": False,
        "properties": list(properties),
        "message": None,
        "seed": 1,
        "seconds": 0.0,
    }
    return {**found, **more}


def result(*cells, **more):
    found = {
        "student": "x",
        "assignment": "ps",
        "seed": 1,
        "points": sum(one["points"] or 0 for one in cells),
        "max_points": sum(one["max_points"] for one in cells),
        "needs_manual_grade": any(one["points"] is None for one in cells),
        "cells": list(cells),
        "problems": {},
        "notes": [],
        "suspicious": [],
        "seconds": {"student": 0.0, "judge": 0.0},
    }
    return {**found, **more}


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def put(course, **results):
    """Write results by student; a string is written as it is."""
    for student, content in results.items():
        folder = course.results("ps") / student
        folder.mkdir(parents=True)
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / "result.json").write_text(text, encoding="utf-8")


def load(course, **results):
    put(course, **results)
    return ClassReport.load(course, "ps")


def good():
    return cell("test_lstm", 2.0, 2.0, prop("shape"), prop("values"))


def wrong(name="swaps_gates", hint="The order is i, f, o, g.", points=1.0):
    return cell("test_lstm", points, 2.0, prop("shape"), prop("values", False, name, hint))


def unwritten():
    blank = [prop(one, False, message=UNWRITTEN) for one in TITLES]
    return cell("test_lstm", 0.0, 2.0, *blank)


def undefined():
    blank = [prop(one, False, message=UNDEFINED_MESSAGE) for one in TITLES]
    return cell("test_lstm", 0.0, 2.0, *blank)


def shown(report, width=80):
    file = io.StringIO()
    report.print(Console(file=file, width=width))
    return file.getvalue()


class Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def assert_harmless(html):
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "link", "img"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href", "xlink:href", "data", "action"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    assert not re.search(r"https?://|//[a-z]+\.|@import", html)
    assert not re.search(r"url\((?!#)", html)
    return page


# --- counts -------------------------------------------------------------------------------------


def test_counts_of_a_small_class(course):
    report = load(
        course,
        bob=result(wrong(points=1.0)),
        Ada=result(good()),
        cyd=result(wrong(points=0.5)),
        dan=result(wrong("forgets_the_state", "Keep the state.", points=1.0)),
        eve=result(unwritten()),
        fay=result(undefined()),
        gus=result(cell("test_lstm", 0.0, 2.0, prop("shape", False), prop("values", False))),
    )
    assert [one.name for one in report.students] == [
        "Ada",
        "bob",
        "cyd",
        "dan",
        "eve",
        "fay",
        "gus",
    ]
    assert [one.points for one in report.students] == [2.0, 1.0, 0.5, 1.0, 0, 0, 0]
    (lstm,) = report.exercises
    assert (lstm.name, lstm.max_points, lstm.mean_points) == ("lstm", 2.0, 4.5 / 7)
    assert (lstm.full, lstm.full_share) == (1, 1 / 7)
    assert lstm.unwritten == 1
    assert lstm.undefined == ["fay"]
    assert lstm.unrecognised == ["gus"]
    shape, values = lstm.properties.values()
    assert (shape.title, shape.passed, shape.tested) == ("the shape is right", 4, 5)
    assert (values.passed, values.tested, values.rate) == (1, 5, 0.2)
    assert lstm.weakest is values
    first, second = report.misconceptions
    assert (first.exercise, first.name, first.students) == ("lstm", "swaps_gates", 2)
    assert (first.sentence, first.title) == ("The order is i, f, o, g.", "swaps gates")
    assert (second.name, second.students) == ("forgets_the_state", 1)
    assert report.misconceptions == sorted(report.misconceptions, key=lambda one: -one.students)
    marks = report.marks
    assert (marks.n, marks.lowest, marks.highest, marks.median) == (7, 0, 2, 0.5)
    assert marks.mean == pytest.approx(4.5 / 7)
    assert (marks.lower_quartile, marks.upper_quartile) == (0, 1)


def test_quartiles():
    assert MarkStatistics.of([3.0]) == MarkStatistics(1, 3, 3, 3, 3, 3, 3)
    five = MarkStatistics.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (five.lower_quartile, five.median, five.upper_quartile) == (2, 3, 4)


def test_a_misconception_counts_once_for_a_student_and_apart_for_each_exercise(course):
    twice = [prop(one, False, "same_name", "A hint.") for one in ("shape", "values")]
    both = result(cell("test_a", 0.0, 2.0, *twice), cell("test_b", 0.0, 2.0, *twice))
    report = load(course, one=both, two=result(cell("test_a", 0.0, 2.0, *twice)))
    assert [(one.exercise, one.students) for one in report.misconceptions] == [("a", 2), ("b", 1)]


def test_a_misconception_of_a_property_that_holds_is_none(course):
    passed = prop("values", True, "swaps_gates", "A hint.")
    assert load(course, one=result(cell("test_a", 1.0, 1.0, passed))).misconceptions == []


def test_a_sentence_may_be_missing(course):
    report = load(course, a=result(wrong(hint=None)), b=result(wrong(hint="Late.")))
    assert report.misconceptions[0].sentence == "Late."
    lone = ClassReport.load(course, "ps")
    lone.misconceptions[0].sentence = ""
    assert "swaps gates" in lone.html() and "swaps gates" in shown(lone)


def test_misconceptions_that_are_classes_are_named_in_words(course):
    report = load(course, a=result(wrong("MasksTheOutputsOnly")))
    assert report.misconceptions[0].title == "masks the outputs only"


def test_what_the_judge_says_of_a_missing_name_is_recognised():
    try:
        UndefinedName("lstm")()
    except Exception as error:
        assert UNDEFINED in repr(Raised(error))


def test_exercises_of_the_same_name_are_told_apart(course):
    other = cell("test_lstm", 0.0, 2.0, notebook="extra")
    report = load(course, a=result(good(), other))
    assert [one.name for one in report.exercises] == ["ps: lstm", "extra: lstm"]


def test_the_order_is_that_of_the_most_complete_result(course):
    cells = [cell(f"test_{name}", 1.0, 1.0) for name in "zyx"]
    report = load(course, a=result(cells[2]), b=result(*cells))
    assert [one.name for one in report.exercises] == ["z", "y", "x"]
    assert report.mixed
    assert "different versions" in shown(report)


def test_one_version_is_not_mixed(course):
    assert not load(course, a=result(good()), b=result(unwritten())).mixed


# --- what needs attention -----------------------------------------------------------------------


def texts(report):
    return [one.text for one in report.attention()]


def test_a_manual_cell_waits_and_has_no_mean_yet(course):
    essay = cell("why", None, 4.0)
    blank = cell("why", 0.0, 4.0)
    report = load(course, a=result(good(), essay), b=result(good(), blank))
    assert report.waiting() == ["a"]
    why = report.exercises[1]
    assert (why.waiting, why.mean_points, why.full_share) == (1, None, None)
    assert (report.top, report.by_hand) == (2.0, 4.0)
    assert texts(report) == ["To be marked by hand: 1 student, in why."]
    assert report.students[0].cells["ps", "why"] is None
    assert "by hand" in report.html()
    assert "4 points · by hand 1" in shown(report)


def test_a_manual_flag_without_a_cell_is_told_all_the_same(course):
    report = load(course, a=result(good(), needs_manual_grade=True))
    assert texts(report) == ["To be marked by hand: 1 student."]


def test_tests_beside_the_code_are_named_in_one_sentence(course):
    beside = [cell(f"test_{name}", 1.0, 1.0, beside=True) for name in "abc"]
    report = load(course, x=result(good(), *beside))
    assert [one.name for one in report.beside()] == ["a", "b", "c"]
    sentence = "The tests of a, b and c ran beside the students' code, which could have forged"
    assert [one for one in texts(report) if one.startswith(sentence)]


def test_an_unwritten_exercise_beside_the_code_is_counted(course):
    blank = cell("test_a", 0.0, 1.0, beside=True, message="NotImplementedError: ")
    assert load(course, x=result(blank)).exercises[0].unwritten == 1


def test_suspicious_submissions_are_grouped(course):
    skip = ["a cell is tagged skip-execution", "the submission holds a link"]
    report = load(
        course,
        a=result(good(), suspicious=skip),
        b=result(good(), suspicious=skip[:1]),
        c=result(good()),
    )
    assert report.suspicious() == {skip[0]: ["a", "b"], skip[1]: ["a"]}
    first = report.attention()[0]
    assert (first.text, first.details, first.urgent) == (
        f"Suspicious: {skip[0]}.",
        ["a", "b"],
        True,
    )


def test_urgent_are_the_students_whose_mark_may_be_wrong(course):
    why = "ps.ipynb could not be read"
    crashed = "it raised Crashed: the process that ran your code was ended by SIGSEGV"
    slow = "shape (2,): it raised Timeout: it took too long (line 2: `while True:`)"
    again = "it raised Crashed: not tried again: an earlier call of this exercise had crashed"
    essay = cell("why", None, 4.0)
    strange = ["one thing", "another"]
    put(
        course,
        fine=result(good(), essay),
        mistaken=result(wrong(), essay),
        blank=result(unwritten(), essay),
        odd=result(good(), essay, suspicious=strange),
        lost=result(cell("test_lstm", 0.0, 2.0, message=why), essay, problems={"ps": why}),
        crash=result(
            cell(
                "test_lstm",
                0.0,
                2.0,
                prop("shape", False, message=crashed),
                prop("values", False, message=again),
            ),
            essay,
        ),
        slow=result(cell("test_lstm", 0.0, 2.0, prop("shape", False, message=slow)), essay),
        stopped=result(
            cell(
                "test_lstm",
                0.0,
                2.0,
                beside=True,
                message="CellTimeoutError: this cell was stopped after 9 s",
            ),
            essay,
        ),
        broken="{",
    )
    (course.root / "submitted" / "late" / "ps").mkdir(parents=True)
    report = ClassReport.load(course, "ps")
    assert report.urgent() == ["crash", "lost", "odd", "slow", "stopped", "broken", "late"]
    matters = report.attention()
    assert [one.urgent for one in matters] == sorted((one.urgent for one in matters), reverse=True)
    found = {one.text: one.details for one in matters if one.urgent}
    assert found["Suspicious in 2 ways: odd."] == strange
    assert found["A crash or a time limit ended the tests of these."] == [
        "crash: lstm, the process that ran your code was ended by SIGSEGV",
        "slow: lstm, it took too long (line 2: `while True:`)",
        "stopped: lstm, this cell was stopped after 9 s",
    ]
    assert len(found) == 5
    assert [one.text for one in matters if "by hand" in one.text and not one.urgent]
    assert report.exercises[0].unrecognised == []
    assert "urgent: 7 students" in shown(report)
    assert "urgent students7" in Page(report.html()).text


@pytest.mark.parametrize("name", ["CPU", "gone", "late", "own"])
def test_whatever_the_judge_says_of_lost_code_is_recognised(course, name):
    said = {
        "CPU": WorkerLost("your code used more than 60 s of processor time"),
        "gone": WorkerLost("the process that ran your code ended itself"),
        "late": RemoteError("Timeout", "it took too long"),
        "own": ValueError("wrong shape"),
    }[name]
    checked = cell("test_a", 0.0, 1.0, prop("shape", False, message=repr(Raised(said))))
    plain = cell("test_b", 0.0, 1.0, message=str(said))
    ended = load(course, x=result(checked, plain)).students[0].ended
    assert len(ended) == (0 if name == "own" else 2)


def test_a_notebook_without_a_mark_is_told_and_its_properties_are_not_counted(course):
    why = "ps.ipynb was not handed in"
    lost = cell("test_lstm", 0.0, 2.0, message=why)
    report = load(course, a=result(lost, problems={"ps": why}), b=result(good()))
    assert report.exercises[0].properties["shape"].tested == 1
    assert report.exercises[0].unwritten == 0
    matter = report.attention()[0]
    assert matter.details == [f"a: {why}"]
    assert "no mark for a notebook" in report.html()


def test_dead_spots_need_some_students(course):
    mixed = cell("test_a", 1.0, 2.0, prop("shape"), prop("values", False))
    put(course, a=result(mixed), b=result(mixed))
    assert not ClassReport.load(course, "ps").failed_by_all()
    report = load(course, c=result(mixed))
    assert [(e.name, one.name) for e, one in report.failed_by_all()] == [("a", "values")]
    assert [(e.name, one.name) for e, one in report.passed_by_all()] == [("a", "shape")]
    found = {one.text: one.details for one in report.attention()}
    assert found["Nobody passes these: perhaps the exercise is unclear."] == [
        "a: the values are right"
    ]
    assert found["Everyone passes these: they tell nobody apart."] == ["a: the shape is right"]


def test_an_exercise_that_half_the_class_left_out_is_told(course):
    report = load(
        course, a=result(good()), b=result(unwritten()), c=result(unwritten()), d=result(good())
    )
    found = {one.text: one.details for one in report.attention()}
    assert found["Half of the class or more has not written these: too hard, or too late?"] == [
        "lstm: 2 of 4 students"
    ]


def test_submissions_without_a_result_are_told(course):
    put(course, a=result(good()))
    (course.root / "submitted" / "late" / "ps").mkdir(parents=True)
    (course.root / "submitted" / "a" / "ps").mkdir(parents=True)
    report = ClassReport.load(course, "ps")
    assert report.ungraded == ["late"]
    assert "1 submission is not graded yet. Run `autograder grade ps`." in texts(report)


def test_notes_are_grouped(course):
    report = load(course, **{f"s{n}": result(good(), notes=["too long"]) for n in range(5)})
    assert report.attention()[-1].details == ["too long: 5 students (s0, s1, s2, …)"]


# --- files that are no results --------------------------------------------------------------------

BROKEN = {
    "blank": "",
    "cut": '{"cells": [',
    "a list": "[]",
    "null": "null",
    "no cells": json.dumps({"points": 1, "max_points": 1}),
    "text points": json.dumps({**result(good()), "points": "2"}),
    "NaN": json.dumps({**result(good()), "points": float("nan")}),
    "infinite": json.dumps({**result(good()), "max_points": float("inf")}),
    "a huge number": json.dumps({**result(good()), "points": 10**400}),
    "a broken cell": json.dumps(result() | {"cells": [3]}),
    "a cell without an id": json.dumps(result() | {"cells": [{"points": 1, "max_points": 1}]}),
    "a broken property": json.dumps(result(cell("a", 1.0, 1.0, "shape"))),
    "broken problems": json.dumps(result(good(), problems=["x"])),
    "deep": "[" * 100_000,
    "missing": None,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_skipped_and_counted(course, name):
    report = load(course, ok=result(good()), **{name: BROKEN[name]})
    assert [one.name for one in report.students] == ["ok"]
    assert [one for one, _ in report.unreadable] == [name]
    assert report.exercises[0].marked == 1
    assert any("1 result could not be read" in one for one in texts(report))
    assert_harmless(report.html())


def test_bytes_that_are_not_utf8_are_skipped(course):
    put(course, ok=result(good()), bad="")
    (course.results("ps") / "bad" / "result.json").write_bytes(b'{"\xff": 1}')
    assert len(ClassReport.load(course, "ps").unreadable) == 1


def test_no_results_say_what_to_run(course):
    with pytest.raises(CourseError, match="run `autograder grade ps`"):
        ClassReport.load(course, "ps")
    put(course, a="{", b="")
    with pytest.raises(CourseError, match=r"none of the 2 results of 'ps' .*autograder grade ps"):
        ClassReport.load(course, "ps")


def test_files_beside_the_students_are_left_alone(course):
    put(course, a=result(good()))
    (course.results("ps") / "seed.json").write_text('{"seed": 1}')
    (course.results("ps") / ".hidden").mkdir()
    report = ClassReport.load(course, "ps")
    assert (len(report.students), report.unreadable) == (1, [])


# --- hostile text -------------------------------------------------------------------------------


def test_nothing_from_outside_becomes_markup(course):
    evil = EVIL.replace("/", "\u2215")  # a folder's name has no slash
    image = '"><img src=x onerror=alert(1)>'
    bad = prop("<b>p</b>", False, f"m{EVIL}", f"h{EVIL}{image}", message=f"{EVIL}")
    bad["title"] = f"t{EVIL}"
    hostile = result(
        cell(f"test_{EVIL}", 0.0, 1.0, bad, prop("shape", False), notebook=image),
        cell("why", None, 1.0, message=EVIL),
        problems={EVIL: f"p{EVIL}"},
        suspicious=[f"s{EVIL}", image],
        notes=[f"n{EVIL}"],
    )
    report = load(course, **{evil: hostile, f"{image}": hostile, f"<i>{evil}": "{"})
    page = assert_harmless(report.html())
    for prefix in "mhtpsn":
        assert f"{prefix}{EVIL}" in page.text
    assert evil in page.text and image in page.text


def test_text_that_rich_or_matplotlib_would_read_is_left_as_it_is(course):
    odd = "[red]$x_1$[/red] :smile: {0} %s &amp; \\1"
    named = prop("values", False, "$a_{b}$ [/x]", odd)
    report = load(
        course, **{odd.replace("/", "|"): result(cell("test_$y$ #010101", 0.0, 1.0, named))}
    )
    page = assert_harmless(report.html())
    assert odd in page.text and "$a {b}$ [/x]" in page.text
    assert odd in " ".join(shown(report, 200).split())


def test_control_and_direction_characters_are_written_out(course):
    name = "a\x1b[31mb\u202ec\udcff"
    report = load(course, **{name: "{", "b": result(good(), notes=[name])})
    assert "\x1b" not in report.html() and "\x1b" not in shown(report)
    assert "\u202e" not in report.html() and "\u202e" not in shown(report)
    assert clean(name) == "a\\u001b[31mb\\u202ec\\udcff"
    assert clean("two\n lines\t") == "two lines"
    assert clean("नमस्\u200dते") == "नमस्\u200dते"
    assert clean("x" * 1000) == "x" * 399 + "…"


def test_a_folder_name_that_is_not_text_is_shown_and_written(course, tmp_path):
    report = load(course, **{"caf\udce9": result(good(), notes=["\ud800"])})
    report.write(tmp_path / "page.html")
    assert "caf\\udce9" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_names_that_look_the_same_stay_two_students(course):
    report = load(course, **{"a b": result(good()), "a  b": result(unwritten())})
    assert report.marks.n == 2


# --- the page -----------------------------------------------------------------------------------


def test_the_page_holds_what_it_should(course):
    report = load(course, Ada=result(good()), bob=result(wrong()), cyd=result(unwritten()))
    html = report.html()
    page = assert_harmless(html)
    assert [tag for tag, _ in page.tags].count("svg") == 3
    metas = [attributes for tag, attributes in page.tags if tag == "meta"]
    assert any(one.get("name") == "viewport" for one in metas)
    assert any("default-src 'none'" in one.get("content", "") for one in metas)
    assert "prefers-color-scheme: dark" in html
    text = page.text
    for one in (
        "For staff only.",
        "personal data",
        "Start the next lecture here",
        "The order is i, f, o, g.",
        "What needs attention",
        "Ada",
        "bob",
        # The plots: their titles and axes.
        "Most held misconceptions",
        "Pass rate by exercise and property",
        "points, of 2",
        "students, of 3",
        "exercise",
    ):
        assert one in text, one
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert "1 from 0 to 0.25" in labels[0]
    assert "lstm, swaps gates: 1 student" in labels[1]
    assert "shape 100 %, values 50 %" in labels[2]


def test_the_plots_take_their_colours_from_the_page(course):
    html = load(course, a=result(good()), b=result(wrong())).html()
    assert "currentColor" in html and "var(--bar)" in html
    assert not re.search(r"#01010|#02020|#03030", html)


def test_a_misconception_of_one_does_not_fill_the_axis(course):
    svg = load(course, **{f"s{n}": result(good() if n else wrong()) for n in range(12)}).html()
    assert ">10</text>" in svg[svg.index('<svg class="misconceptions"') : svg.index('class="heat"')]


def test_ids_are_unique(course):
    html = load(course, a=result(good()), b=result(wrong())).html()
    ids = [attributes["id"] for _, attributes in Page(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_no_misconception_no_plot_of_them(course):
    html = load(course, a=result(good())).html()
    assert [tag for tag, _ in Page(html).tags].count("svg") == 2
    assert "No catalogued mistake was recognised" in html


def test_exercises_without_points_or_properties(course):
    zero = cell("test_zero", 0.0, 0.0)
    report = load(course, a=result(zero), b=result(zero))
    (exercise,) = report.exercises
    assert (exercise.full_share, exercise.mean_points, report.top) == (None, 0, 0)
    assert sum(count for *_, count in report.bins()) == 2
    assert_harmless(report.html())
    assert "zero" in shown(report)


def test_a_result_without_any_cell(course):
    report = load(course, a=result())
    assert report.exercises == []
    assert_harmless(report.html())
    assert "1 student" in shown(report)


def test_bonus_and_negative_points_find_a_bin(course):
    report = load(
        course,
        a=result(good(), points=3.0),
        b=result(good(), points=-1.0),
        c=result(good(), points=2.0),
    )
    assert report.top == 3.0
    bins = report.bins()
    assert (bins[0][2], bins[-1][2], sum(count for *_, count in bins)) == (1, 1, 3)


@pytest.mark.parametrize("top, expected", [(54, 11), (1, 10), (10, 10), (0.3, 3), (100, 10)])
def test_bins_cover_all_marks(course, top, expected):
    report = load(course, a=result(cell("test_a", float(top), float(top))))
    bins = report.bins()
    assert len(bins) == expected
    assert (bins[0][0], bins[-1][1], bins[-1][2]) == (0, top, 1)


def test_the_table_of_a_large_class_is_folded(course):
    many = {f"s{n:03}": result(wrong() if n % 3 else good()) for n in range(200)}
    report = load(course, **many)
    assert report.marks.n == 200
    assert report.misconceptions[0].students == 133
    html = report.html()
    assert_harmless(html)
    assert "<details><summary>200 students" in html
    assert len(html) < 150_000
    few = ClassReport.load(course, "ps")
    few.students = few.students[:10]
    assert "<details open><summary>10 students" in few.html()


def test_writing_is_whole_or_not_at_all(course, tmp_path, monkeypatch):
    report = load(course, a=result(good()))
    path = tmp_path / "new" / "report.html"
    report.write(path)
    assert path.read_text(encoding="utf-8") == report.html()
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    monkeypatch.setattr(ClassReport, "html", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_drawing_leaves_no_trace_in_matplotlib(course):
    import matplotlib

    before = dict(matplotlib.rcParams)
    load(course, a=result(good())).html()
    assert dict(matplotlib.rcParams) == before


# --- the terminal -------------------------------------------------------------------------------


def test_the_terminal_shows_the_class(course):
    report = load(course, Ada=result(good()), bob=result(wrong()), cyd=result(unwritten()))
    text = shown(report)
    for one in (
        "ps · 3 students",
        "mean 1 of 2 (50 %) · median 1",
        "1 of 3  lstm: swaps gates",
        "The order is i, f, o, g.",
        "lstm  2 points · mean 1 · full marks 33 % · not written 1",
        "██████░░░░░░   50 %        1/2",
        "████████████  100 %        2/2",
    ):
        assert one in text, one
    assert "\x1b" not in text


def test_a_single_student(course):
    report = load(course, a=result(wrong()))
    text = shown(report)
    assert "ps · 1 student" in text and "mean 1 of 2 (50 %)\n" in re.sub(" +\n", "\n", text)
    assert_harmless(report.html())


@pytest.mark.parametrize("width", [80, 200])
def test_the_terminal_keeps_within_its_columns(course, width):
    long = "W" * 150
    wide = "名" * 60
    bad = prop("values", False, f"m_{long}", f"{wide} {long}")
    bad["title"] = f"{long} {wide}"
    hostile = result(
        cell(f"test_{long}", 0.0, 1.0, bad),
        cell("why", None, 1.0),
        suspicious=[long],
        notes=[wide],
        problems={"ps": f"{wide}{long}"},
    )
    report = load(course, **{long: hostile, wide: hostile, f"{wide}x": "{", "ok": result(good())})
    lines = shown(report, width).splitlines()
    assert max(cell_len(line) for line in lines) <= min(width, 100)


def test_a_bar_is_full_only_for_all_and_empty_only_for_none(course):
    many = {f"s{n:03}": result(good() if n else wrong()) for n in range(200)}
    text = shown(load(course, **many))
    assert "███████████░   99 %    199/200" in text
    assert "████████████  100 %    200/200" in text
