"""The class report, on result files that are written here, with counts that are done by hand."""

import io
import json
import re
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.gradebook.course import Course, CourseError
from autograder.judging.results import (
    CellResult,
    ManualMarks,
    PropertyResult,
    SubmissionResult,
    overall_status,
)
from autograder.reports.attention import attention_items, urgent_students
from autograder.reports.class_report import ClassReport, MarkStatistics
from autograder.reports.html_page import class_report_page
from autograder.reports.terminal_view import print_class_report
from autograder.reports.wording import join_with_and, percent, pluralise, printable
from rnncourse.checks.status import Status
from rnncourse.files import write_text

EVIL = "<script>alert(1)</script>"
TITLES = {"shape": "the shape is right", "values": "the values are right"}


def prop(
    name,
    passed=True,
    misconception=None,
    hint=None,
    message="got 1, expected 2",
    status=Status.FAILED,
    title=None,
):
    return PropertyResult(
        name=name,
        title=title or TITLES.get(name, name),
        points=1,
        status=Status.PASSED if passed else status,
        message=None if passed else message,
        misconception=misconception,
        hint=hint,
    )


def cell(grade_id, points, max_points, *properties, **more):
    fields = {
        "notebook": "ps",
        "status": overall_status(prop.status for prop in properties),
        "properties": list(properties),
    }
    return CellResult(grade_id, points, max_points, **{**fields, **more})


def result(*cells, **more):
    return SubmissionResult("x", "ps", seed=1, cells=list(cells), **more)


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def put(course, **results):
    """Write results by student; a string is written unchanged, None is a folder without a file."""
    for student, content in results.items():
        folder = course.results("ps") / student
        folder.mkdir(parents=True)
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content.to_json())
            (folder / "result.json").write_text(text, encoding="utf-8")


def load(course, **results):
    put(course, **results)
    return ClassReport.load(course, "ps")


def good():
    return cell("test_lstm", 2.0, 2.0, prop("shape"), prop("values"))


def wrong(name="swaps_gates", hint="The order is i, f, o, g.", points=1.0):
    return cell("test_lstm", points, 2.0, prop("shape"), prop("values", False, name, hint))


def blank(status):
    return cell("test_lstm", 0.0, 2.0, *(prop(name, False, status=status) for name in TITLES))


def unwritten():
    return blank(Status.NOT_WRITTEN)


def undefined():
    return blank(Status.NOT_DEFINED)


def shown(report, width=80):
    file = io.StringIO()
    print_class_report(report, Console(file=file, width=width))
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
    assert [student.name for student in report.students] == [
        "Ada",
        "bob",
        "cyd",
        "dan",
        "eve",
        "fay",
        "gus",
    ]
    assert [student.points for student in report.students] == [2.0, 1.0, 0.5, 1.0, 0, 0, 0]
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
    assert report.misconceptions == sorted(report.misconceptions, key=lambda count: -count.students)
    marks = report.marks
    assert (marks.count, marks.lowest, marks.highest, marks.median) == (7, 0, 2, 0.5)
    assert marks.mean == pytest.approx(4.5 / 7)
    assert (marks.lower_quartile, marks.upper_quartile) == (0, 1)


def test_quartiles():
    assert MarkStatistics.of([3.0]) == MarkStatistics(1, 3, 3, 3, 3, 3, 3)
    five = MarkStatistics.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (five.lower_quartile, five.median, five.upper_quartile) == (2, 3, 4)


def test_a_misconception_counts_once_for_a_student_and_apart_for_each_exercise(course):
    twice = [prop(name, False, "same_name", "A hint.") for name in TITLES]
    both = result(cell("test_a", 0.0, 2.0, *twice), cell("test_b", 0.0, 2.0, *twice))
    report = load(course, Ada=both, bob=result(cell("test_a", 0.0, 2.0, *twice)))
    counts = [(count.exercise, count.students) for count in report.misconceptions]
    assert counts == [("a", 2), ("b", 1)]


def test_a_misconception_of_a_property_that_passes_is_not_counted(course):
    passed = prop("values", True, "swaps_gates", "A hint.")
    assert load(course, Ada=result(cell("test_a", 1.0, 1.0, passed))).misconceptions == []


def test_a_sentence_may_be_missing(course):
    report = load(course, a=result(wrong(hint=None)), b=result(wrong(hint="Late.")))
    assert report.misconceptions[0].sentence == "Late."
    lone = ClassReport.load(course, "ps")
    lone.misconceptions[0].sentence = ""
    assert "swaps gates" in class_report_page(lone) and "swaps gates" in shown(lone)


def test_misconceptions_that_are_classes_are_named_in_words(course):
    report = load(course, a=result(wrong("MasksTheOutputsOnly")))
    assert report.misconceptions[0].title == "masks the outputs only"


def test_exercises_of_the_same_name_are_told_apart(course):
    other = cell("test_lstm", 0.0, 2.0, notebook="extra")
    report = load(course, a=result(good(), other))
    assert [exercise.name for exercise in report.exercises] == ["ps: lstm", "extra: lstm"]


def test_the_order_is_that_of_the_most_complete_result(course):
    cells = [cell(f"test_{name}", 1.0, 1.0) for name in "zyx"]
    report = load(course, a=result(cells[2]), b=result(*cells))
    assert [exercise.name for exercise in report.exercises] == ["z", "y", "x"]
    assert report.mixed_versions
    assert "different versions" in shown(report)


def test_one_version_is_not_mixed(course):
    assert not load(course, a=result(good()), b=result(unwritten())).mixed_versions


# --- what needs attention -----------------------------------------------------------------------


def texts(report):
    return [item.text for item in attention_items(report)]


def test_a_manual_cell_waits_and_has_no_mean_yet(course):
    essay = cell("why", None, 4.0)
    empty = cell("why", 0.0, 4.0)
    report = load(course, a=result(good(), essay), b=result(good(), empty))
    assert [student.name for student in report.students if student.needs_manual] == ["a"]
    why = report.exercises[1]
    assert (why.waiting, why.mean_points, why.full_share) == (1, None, None)
    assert (report.max_points, report.manual_points) == (2.0, 4.0)
    assert texts(report) == ["To be marked by hand: 1 student, in why."]
    assert report.students[0].cells["ps", "why"] is None
    assert "by hand" in class_report_page(report)
    assert "4 points · by hand 1" in shown(report)


def test_a_mark_that_is_awaited_for_an_unknown_cell_is_reported(course):
    report = load(course, a=result(good(), manual_marks=ManualMarks(waiting=["why"])))
    assert texts(report) == ["To be marked by hand: 1 student."]


def test_tests_beside_the_code_are_named_in_one_sentence(course):
    in_sandbox = [cell(f"test_{name}", 1.0, 1.0, in_sandbox=True) for name in "abc"]
    report = load(course, x=result(good(), *in_sandbox))
    sentence = "The tests of a, b and c ran beside the students' code, which could have forged"
    assert any(text.startswith(sentence) for text in texts(report))


def test_an_unwritten_exercise_beside_the_code_is_counted(course):
    stub = cell("test_a", 0.0, 1.0, in_sandbox=True, status=Status.NOT_WRITTEN)
    assert load(course, x=result(stub)).exercises[0].unwritten == 1


def test_suspicious_submissions_are_grouped(course):
    skip = ["a cell is tagged skip-execution", "the submission holds a link"]
    report = load(
        course,
        a=result(good(), suspicious=skip),
        b=result(good(), suspicious=skip[:1]),
        c=result(good()),
    )
    first, second = attention_items(report)[:2]
    assert (first.text, first.details) == (f"Suspicious: {skip[0]}.", ["a", "b"])
    assert (second.text, second.details) == (f"Suspicious: {skip[1]}.", ["a"])
    assert first.urgent and second.urgent


def stopped(status, why, **more):
    """An exercise whose first test was ended; the second was not tried."""
    failed = [prop("shape", False, status=status), prop("values", False, status=Status.CRASHED)]
    return cell("test_lstm", 0.0, 2.0, *failed, **{"stopped_by": why, **more})


def test_urgent_are_the_students_whose_mark_may_be_wrong(course):
    why = "ps.ipynb could not be read"
    essay = cell("why", None, 4.0, status=Status.NOT_GRADED)
    lost = cell("test_lstm", 0.0, 2.0, status=Status.NOT_GRADED, message=why)
    timeout = cell("test_lstm", 0.0, 2.0, status=Status.TIMEOUT, in_sandbox=True)
    strange = ["one thing", "another"]
    put(
        course,
        fine=result(good(), essay),
        mistaken=result(wrong(), essay),
        blank=result(unwritten(), essay),
        odd=result(good(), essay, suspicious=strange),
        lost=result(lost, essay, problems={"ps": why}),
        crash=result(stopped(Status.CRASHED, "your code was ended by SIGSEGV"), essay),
        slow=result(stopped(Status.TIMEOUT, "it took too long (line 2)"), essay),
        stopped=result(timeout, essay),
        broken="{",
    )
    (course.root / "submitted" / "late" / "ps").mkdir(parents=True)
    report = ClassReport.load(course, "ps")
    expected = ["crash", "lost", "odd", "slow", "stopped", "broken", "late"]
    assert urgent_students(report) == expected
    items = attention_items(report)
    urgent = [item.urgent for item in items]
    assert urgent == sorted(urgent, reverse=True)
    details = {item.text: item.details for item in items if item.urgent}
    assert details["Suspicious in 2 ways: odd."] == strange
    assert details["A crash or a limit ended the tests of these."] == [
        "crash: lstm, your code was ended by SIGSEGV",
        "slow: lstm, it took too long (line 2)",
        "stopped: lstm, timeout",
    ]
    assert len(details) == 5
    assert any("by hand" in item.text and not item.urgent for item in items)
    assert report.exercises[0].unrecognised == []
    assert "urgent: 7 students" in shown(report)
    assert "urgent students7" in Page(class_report_page(report)).text


@pytest.mark.parametrize("status", Status)
def test_only_a_crash_or_a_limit_makes_a_status_urgent(course, status):
    report = load(course, x=result(cell("test_a", 0.0, 1.0, status=status)))
    assert bool(report.students[0].stopped) == status.stopped
    assert (urgent_students(report) == ["x"]) == status.stopped


def test_a_notebook_without_a_mark_is_reported_and_its_properties_are_not_counted(course):
    why = "ps.ipynb was not submitted"
    lost = cell("test_lstm", 0.0, 2.0, status=Status.NOT_GRADED, message=why)
    report = load(course, a=result(lost, problems={"ps": why}), b=result(good()))
    assert report.exercises[0].properties["shape"].tested == 1
    assert report.exercises[0].unwritten == 0
    assert attention_items(report)[0].details == [f"a: {why}"]
    assert "no mark for a notebook" in class_report_page(report)


def test_dead_spots_need_some_students(course):
    mixed = cell("test_a", 1.0, 2.0, prop("shape"), prop("values", False))
    put(course, a=result(mixed), b=result(mixed))
    assert not ClassReport.load(course, "ps").failed_by_all()
    report = load(course, c=result(mixed))
    failed, passed = report.failed_by_all(), report.passed_by_all()
    assert [(exercise.name, prop.name) for exercise, prop in failed] == [("a", "values")]
    assert [(exercise.name, prop.name) for exercise, prop in passed] == [("a", "shape")]
    details = {item.text: item.details for item in attention_items(report)}
    assert details["Nobody passes these: perhaps the exercise is unclear."] == [
        "a: the values are right"
    ]
    assert details["Everyone passes these: they tell nobody apart."] == ["a: the shape is right"]


def test_an_exercise_that_half_the_class_left_out_is_reported(course):
    report = load(
        course, a=result(good()), b=result(unwritten()), c=result(unwritten()), d=result(good())
    )
    details = {item.text: item.details for item in attention_items(report)}
    assert details["Half of the class or more has not written these: too hard, or too late?"] == [
        "lstm: 2 of 4 students"
    ]


def test_submissions_without_a_result_are_reported(course):
    put(course, a=result(good()))
    (course.root / "submitted" / "late" / "ps").mkdir(parents=True)
    (course.root / "submitted" / "a" / "ps").mkdir(parents=True)
    report = ClassReport.load(course, "ps")
    assert report.ungraded == ["late"]
    assert "1 submission is not graded yet. Run `autograder grade ps`." in texts(report)


def test_notes_are_grouped(course):
    report = load(course, **{f"s{n}": result(good(), notes=["too long"]) for n in range(5)})
    assert attention_items(report)[-1].details == ["too long: 5 students (s0, s1, s2, …)"]


# --- files that are not results -------------------------------------------------------------------


def malformed(**changes):
    return json.dumps(result(good()).to_json() | changes)


BROKEN = {
    "blank": "",
    "cut": '{"cells": [',
    "a list": "[]",
    "null": "null",
    "no cells": '{"version": 2}',
    "text points": malformed(cells=[{**good().__dict__, "properties": [], "points": "2"}]),
    "NaN": malformed(cells=[{**good().__dict__, "properties": [], "points": float("nan")}]),
    "a huge number": malformed(cells=[{**good().__dict__, "properties": [], "points": 10**400}]),
    "a broken cell": malformed(cells=[3]),
    "a cell without an id": malformed(cells=[{"points": 1, "max_points": 1}]),
    "broken problems": malformed(problems=["x"]),
    "a later version": malformed(version=3),
    "deep": "[" * 100_000,
    "missing": None,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_skipped_and_counted(course, name):
    report = load(course, ok=result(good()), **{name: BROKEN[name]})
    assert [student.name for student in report.students] == ["ok"]
    assert [student for student, _ in report.unreadable] == [name]
    assert report.exercises[0].marked == 1
    assert any("1 result could not be read" in text for text in texts(report))
    assert_harmless(class_report_page(report))


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
    bad = prop("<b>p</b>", False, f"m{EVIL}", f"h{EVIL}{image}", EVIL, title=f"t{EVIL}")
    hostile = result(
        cell(f"test_{EVIL}", 0.0, 1.0, bad, prop("shape", False), notebook=image),
        cell("why", None, 1.0, message=EVIL),
        problems={EVIL: f"p{EVIL}"},
        suspicious=[f"s{EVIL}", image],
        notes=[f"n{EVIL}"],
    )
    report = load(course, **{evil: hostile, f"{image}": hostile, f"<i>{evil}": "{"})
    page = assert_harmless(class_report_page(report))
    for prefix in "mhtpsn":
        assert f"{prefix}{EVIL}" in page.text
    assert evil in page.text and image in page.text


def test_text_that_rich_or_matplotlib_would_read_is_left_as_it_is(course):
    odd = "[red]$x_1$[/red] :smile: {0} %s &amp; \\1"
    named = prop("values", False, "$a_{b}$ [/x]", odd)
    report = load(
        course, **{odd.replace("/", "|"): result(cell("test_$y$ #010101", 0.0, 1.0, named))}
    )
    page = assert_harmless(class_report_page(report))
    assert odd in page.text and "$a {b}$ [/x]" in page.text
    assert odd in " ".join(shown(report, 200).split())


def test_control_and_direction_characters_are_written_out(course):
    name = "a\x1b[31mb\u202ec\udcff"
    report = load(course, **{name: "{", "b": result(good(), notes=[name])})
    assert "\x1b" not in class_report_page(report) and "\x1b" not in shown(report)
    assert "\u202e" not in class_report_page(report) and "\u202e" not in shown(report)
    assert printable(name) == "a\\u001b[31mb\\u202ec\\udcff"
    assert printable("two\n lines\t") == "two lines"
    assert printable("नमस्\u200dते") == "नमस्\u200dते"
    assert printable("x" * 1000) == "x" * 399 + "…"


def test_a_folder_name_that_is_not_text_is_shown_and_written(course, tmp_path):
    report = load(course, **{"caf\udce9": result(good(), notes=["\ud800"])})
    write_text(tmp_path / "page.html", class_report_page(report))
    assert "caf\\udce9" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_names_that_look_the_same_stay_two_students(course):
    report = load(course, **{"a b": result(good()), "a  b": result(unwritten())})
    assert report.marks.count == 2


@pytest.mark.parametrize(
    "part, whole, expected", [(0, 0, "—"), (0, 9, "0 %"), (1, 999, "1 %"), (998, 999, "99 %")]
)
def test_a_share_is_0_or_100_percent_only_where_it_is_exact(part, whole, expected):
    assert percent(part, whole) == expected


def test_words_are_joined_and_counted():
    assert [join_with_and(words) for words in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [pluralise(count, "point") for count in (0, 1, 1.5, 1200)] == [
        "0 points",
        "1 point",
        "1.5 points",
        "1,200 points",
    ]


# --- the page -----------------------------------------------------------------------------------


def test_the_page_holds_what_it_should(course):
    report = load(course, Ada=result(good()), bob=result(wrong()), cyd=result(unwritten()))
    html = class_report_page(report)
    page = assert_harmless(html)
    assert [tag for tag, _ in page.tags].count("svg") == 3
    metas = [attributes for tag, attributes in page.tags if tag == "meta"]
    assert any(meta.get("name") == "viewport" for meta in metas)
    assert any("default-src 'none'" in meta.get("content", "") for meta in metas)
    assert "prefers-color-scheme: dark" in html
    text = page.text
    for words in (
        "For staff only.",
        "personal data",
        "Start the next lecture here",
        "The order is i, f, o, g.",
        "What needs attention",
        "Ada",
        "bob",
        # The plots: their titles and axes.
        "Most common misconceptions",
        "Pass rate by exercise and property",
        "points, of 2",
        "students, of 3",
        "exercise",
    ):
        assert words in text, words
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert "1 from 0 to 0.25" in labels[0]
    assert "lstm, swaps gates: 1 student" in labels[1]
    assert "shape 100 %, values 50 %" in labels[2]


def test_the_plots_take_their_colours_from_the_page(course):
    html = class_report_page(load(course, a=result(good()), b=result(wrong())))
    assert "currentColor" in html and "var(--bar)" in html
    assert not re.search(r"#01010|#02020|#03030", html)


def test_a_misconception_of_one_does_not_fill_the_axis(course):
    svg = class_report_page(
        load(course, **{f"s{n}": result(good() if n else wrong()) for n in range(12)})
    )
    assert ">10</text>" in svg[svg.index('<svg class="misconceptions"') : svg.index('class="heat"')]


def test_ids_are_unique(course):
    html = class_report_page(load(course, a=result(good()), b=result(wrong())))
    ids = [attributes["id"] for _, attributes in Page(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_no_misconception_no_plot_of_them(course):
    html = class_report_page(load(course, a=result(good())))
    assert [tag for tag, _ in Page(html).tags].count("svg") == 2
    assert "No catalogued mistake was recognised" in html


def test_exercises_without_points_or_properties(course):
    zero = cell("test_zero", 0.0, 0.0)
    report = load(course, a=result(zero), b=result(zero))
    (exercise,) = report.exercises
    assert (exercise.full_share, exercise.mean_points, report.max_points) == (None, 0, 0)
    assert sum(students for *_, students in report.histogram()) == 2
    assert_harmless(class_report_page(report))
    assert "zero" in shown(report)


def test_a_result_without_any_cell(course):
    report = load(course, a=result())
    assert report.exercises == []
    assert_harmless(class_report_page(report))
    assert "1 student" in shown(report)


def test_bonus_and_negative_points_find_a_bin(course):
    report = load(
        course,
        a=result(cell("test_lstm", 3.0, 2.0)),
        b=result(cell("test_lstm", -1.0, 2.0)),
        c=result(cell("test_lstm", 2.0, 2.0)),
    )
    assert report.max_points == 3.0
    bins = report.histogram()
    assert (bins[0][2], bins[-1][2], sum(students for *_, students in bins)) == (1, 1, 3)


@pytest.mark.parametrize("top, expected", [(54, 11), (1, 10), (10, 10), (0.3, 3), (100, 10)])
def test_bins_cover_all_marks(course, top, expected):
    report = load(course, a=result(cell("test_a", float(top), float(top))))
    bins = report.histogram()
    assert len(bins) == expected
    assert (bins[0][0], bins[-1][1], bins[-1][2]) == (0, top, 1)


def test_the_table_of_a_large_class_is_folded(course):
    students = {f"s{n:03}": result(wrong() if n % 3 else good()) for n in range(200)}
    report = load(course, **students)
    assert report.marks.count == 200
    assert report.misconceptions[0].students == 133
    html = class_report_page(report)
    assert_harmless(html)
    assert "<details><summary>200 students" in html
    assert len(html) < 150_000
    few = ClassReport.load(course, "ps")
    few.students = few.students[:10]
    assert "<details open><summary>10 students" in class_report_page(few)


def test_drawing_leaves_no_trace_in_matplotlib(course):
    import matplotlib

    before = dict(matplotlib.rcParams)
    class_report_page(load(course, a=result(good())))
    assert dict(matplotlib.rcParams) == before


# --- the terminal -------------------------------------------------------------------------------


def test_the_terminal_shows_the_class(course):
    report = load(course, Ada=result(good()), bob=result(wrong()), cyd=result(unwritten()))
    text = shown(report)
    for words in (
        "ps · 3 students",
        "mean 1 of 2 (50 %) · median 1",
        "1 of 3  lstm: swaps gates",
        "The order is i, f, o, g.",
        "lstm  2 points · mean 1 · full marks 33 % · not written 1",
        "██████░░░░░░   50 %        1/2",
        "████████████  100 %        2/2",
    ):
        assert words in text, words
    assert "\x1b" not in text


def test_a_single_student(course):
    report = load(course, a=result(wrong()))
    text = shown(report)
    assert "ps · 1 student" in text and "mean 1 of 2 (50 %)\n" in re.sub(" +\n", "\n", text)
    assert_harmless(class_report_page(report))


@pytest.mark.parametrize("width", [80, 200])
def test_the_terminal_keeps_within_its_columns(course, width):
    long = "W" * 150
    wide = "名" * 60
    bad = prop("values", False, f"m_{long}", f"{wide} {long}", title=f"{long} {wide}")
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
    students = {f"s{n:03}": result(good() if n else wrong()) for n in range(200)}
    text = shown(load(course, **students))
    assert "███████████░   99 %    199/200" in text
    assert "████████████  100 %    200/200" in text
