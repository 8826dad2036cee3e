"""The class report as one HTML page."""

from html import escape

from .attention import attention_items, urgent_students
from .class_report import EPSILON, ClassReport, ExerciseMarks, MisconceptionCount, StudentMarks
from .html_document import html_document
from .svg_plots import heat_plot, marks_plot, misconceptions_plot
from .wording import format_points, percent, pluralise

MISCONCEPTIONS = 10  # that are shown at once; the others are folded
UNFOLDED_STUDENTS = 40  # up to so large a class the table of students is open

STYLE = """
summary { cursor: pointer; }
figure, .tiles div, .lecture li, .attention > li {
  margin: 0; padding: .7rem .9rem; background: var(--card); border-radius: .5rem;
}
figcaption { margin-top: .6rem; }
.private {
  margin: 0 0 1.25rem; padding: .5rem .8rem; border-radius: .4rem; font-size: .9rem;
  border: 1px solid var(--warn); background: var(--warn-page);
}
nav { display: flex; flex-wrap: wrap; gap: .6rem 1.1rem; margin: 1rem 0 0; }
.tiles { margin: 1.25rem 0; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.25; white-space: nowrap; }
dd small { font-size: .8rem; }
.plots {
  display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
}
svg { display: block; width: 100%; height: auto; max-width: var(--natural); margin: 0 auto; }
svg text { font-family: inherit !important; }
svg.heat { min-width: calc(.82 * var(--natural)); }
.lecture li { display: grid; grid-template-columns: 5rem 1fr; gap: 0 1rem; align-items: start; }
.lecture .count { font-size: 1.7rem; font-weight: 650; line-height: 1.1; }
.lecture small { display: block; }
.lecture p { margin: 0; max-width: 52rem; text-wrap: pretty; }
.exercises b { display: inline-block; min-width: min(11rem, 30vw); }
.exercises table { margin: .3rem 0 .8rem; }
.exercises th { font-weight: 400; }
.people { max-height: 80vh; padding: 0; }
.people table { width: 100%; }
.people th:first-child { position: sticky; left: 0; }
.people thead th:first-child { z-index: 2; }
.people tbody th { overflow-wrap: anywhere; width: 100%; min-width: 9.5rem; }
.people tbody th small, .urgent b { color: var(--warn); }
.none { background: var(--low); } .all { background: var(--high); }
.attention > li, .tiles .urgent { box-shadow: inset .25rem 0 var(--rule); }
.attention > .urgent, .tiles .urgent { box-shadow: inset .25rem 0 var(--warn); }
.urgent summary { font-weight: 600; }
.attention ul { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .92rem; }
.attention ul li::before { content: "· "; }
@media (max-width: 34rem) {
  figure, .people { padding: .5rem; }
  .lecture li { grid-template-columns: 3.9rem 1fr; gap: 0 .6rem; }
}
@media print { .people { max-height: none; } }
"""


def class_report_page(report: ClassReport) -> str:
    """The whole page; every text from outside is escaped."""
    sections = {
        "At a glance": _glance(report),
        "Start the next lecture here": _misconceptions(report),
        "Exercises": _exercises(report),
        "What needs attention": _attention(report),
        "Similar code, as a hint": _similar_code(report),
        "Students": _students(report),
    }
    links, body = "", ""
    for title, content in sections.items():
        anchor = title.split()[-1].lower()
        links += f'<a href="#{anchor}">{title}</a>'
        body += f'<section id="{anchor}"><h2>{title}</h2>{content}</section>\n'
    return html_document(
        f"Class report: {report.assignment}",
        f"""<header>
<p class="private"><b>For staff only.</b> This page holds personal data: the names and marks of
students. Do not publish it, project it or pass it on.</p>
<p class="soft">Class report</p>
<h1>{escape(report.assignment)}</h1>
<p class="soft">{escape(report.course)} · last graded {report.graded_at:%Y-%m-%d %H:%M}</p>
<nav>{links}</nav>
</header>
<main>
{body}</main>""",
        STYLE,
    )


def _glance(report: ClassReport) -> str:
    tiles = ""
    for name, value in {"students": f"{report.marks.count:,}", **report.summary}.items():
        number, _, rest = value.partition(" ")
        tiles += f"<div><dt>{name}</dt><dd>{number} <small>{rest}</small></dd></div>"
    urgent = len(urgent_students(report))
    tiles += '<div class="urgent">' if urgent else "<div>"
    tiles += f'<dt>urgent students</dt><dd><a href="#attention">{urgent:,}</a></dd></div>'
    caption = f"A mark on the border of two bars counts in the right one. {report.footnote}"
    plots = f"<figure>{marks_plot(report)}<figcaption>{caption}</figcaption></figure>"
    if report.misconceptions:
        caption = "Every student is counted once for each misconception."
        plot = misconceptions_plot(report, MISCONCEPTIONS)
        plots += f"<figure>{plot}<figcaption>{caption}</figcaption></figure>"
    return f'<dl class="tiles">{tiles}</dl><div class="plots">{plots}</div>'


def _misconceptions(report: ClassReport) -> str:
    if not report.misconceptions:
        return "<p>No catalogued mistake was recognised in any submission.</p>"
    size = pluralise(len(report.students), "student")
    items = [_misconception(count, size) for count in report.misconceptions]
    intro = "The mistakes recognised in most submissions, with what the students were told."
    html = f'<p class="soft">{intro}</p>'
    html += f'<ol class="lecture">{"".join(items[:MISCONCEPTIONS])}</ol>'
    if more := items[MISCONCEPTIONS:]:
        summary = f"{len(more)} more misconceptions"
        html += _fold(summary, f'<ol class="lecture">{"".join(more)}</ol>')
    return html


def _misconception(count: MisconceptionCount, class_size: str) -> str:
    return (
        f'<li><div class="count">{count.students:,}<small>of {class_size}</small></div>'
        f'<div><p class="soft"><b>{escape(count.exercise)}</b> · {escape(count.title)}</p>'
        f"<p>{escape(count.sentence)}</p></div></li>"
    )


def _exercises(report: ClassReport) -> str:
    if not report.exercises:
        return "<p>The results hold no exercise.</p>"
    caption = (
        "Each tile: the share of students who pass the property, of those whose code for the "
        "exercise could be tested; under “full marks”, of all. Orange: few do; blue: most do. "
        "Below, an exercise opens to show its properties."
    )
    return (
        '<figure><div class="scroll" tabindex="0" role="region" aria-label="Pass rates">'
        f"{heat_plot(report)}</div><figcaption>{caption}</figcaption></figure>"
        f'<ul class="card exercises">{"".join(map(_exercise, report.exercises))}</ul>'
    )


def _exercise(exercise: ExerciseMarks) -> str:
    summary = exercise.summary
    if weakest := exercise.weakest:
        counts = f"{weakest.passed:,} of {weakest.tested:,}"
        summary += f" · weakest: {escape(weakest.title)} ({counts})"
    line = f"<b>{escape(exercise.name)}</b> <small>{summary}</small>"
    rows = "".join(
        f'<tr><th scope="row">{escape(prop.title)}</th><td>{prop.passed:,} of {prop.tested:,}</td>'
        f"<td>{percent(prop.passed, prop.tested)}</td></tr>"
        for prop in exercise.properties.values()
    )
    return f"<li>{_fold(line, f'<table>{rows}</table>') if rows else line}</li>"


def _attention(report: ClassReport) -> str:
    count = pluralise(len(urgent_students(report)), "student")
    items = ""
    for item in attention_items(report):
        start, mark = ('<li class="urgent">', "<b>!</b> ") if item.urgent else ("<li>", "")
        content = mark + escape(item.text)
        if item.details:
            lines = "".join(f"<li>{escape(line)}</li>" for line in item.details)
            content = _fold(content, f"<ul>{lines}</ul>", unfolded=item.urgent)
        items += f"{start}{content}</li>"
    intro = f"Urgent: {count} whose mark is missing or may be wrong."
    return f'<p class="soft">{intro}</p><ul class="attention">{items}</ul>'


def _similar_code(report: ClassReport) -> str:
    html = f'<p class="soft">{escape(report.similarity_note)}</p>'
    if report.similar:
        items = "".join(
            f'<li><div class="count">{percent(pair.share, 1)}</div>'
            f"<div><p><b>{escape(pair.first)}</b> and <b>{escape(pair.second)}</b></p>"
            f'<p class="soft">mostly in {escape(", ".join(pair.cells[:3]))}</p></div></li>'
            for pair in report.similar
        )
        html += f'<ol class="lecture">{items}</ol>'
    return html


def _students(report: ClassReport) -> str:
    columns = [(exercise.name, exercise.max_points) for exercise in report.exercises]
    columns.insert(0, ("points", sum(points for _, points in columns)))
    head = "".join(
        f'<th scope="col">{escape(name).replace("_", "_<wbr>")}<br>'
        f"<small>{format_points(points)}</small>"
        for name, points in columns
    )
    rows = "".join(_student(student, report.exercises) for student in report.students)
    return _fold(
        f"{pluralise(len(report.students), 'student')}, with the points of each exercise",
        '<p class="soft">Blue: all points. Orange: none. “by hand”: a person marks it.</p>'
        '<div class="card scroll people" tabindex="0" role="region" aria-label="Students"><table>'
        f'<thead><tr><th scope="col">student</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>",
        unfolded=len(report.students) <= UNFOLDED_STUDENTS,
    )


def _student(student: StudentMarks, exercises: list[ExerciseMarks]) -> str:
    cells = "".join(_points_cell(student, exercise) for exercise in exercises)
    return (
        f'<tr><th scope="row">{escape(student.name)}{_flags(student)}</th>'
        f"<td><b>{format_points(student.points)}</b></td>{cells}</tr>"
    )


def _flags(student: StudentMarks) -> str:
    flags = []
    if student.suspicious:
        flags.append("suspicious")
    if student.problems:
        flags.append("no mark for a notebook")
    if student.stopped:
        flags.append("crash or limit")
    return f"<br><small>! {', '.join(flags)}</small>" if flags else ""


def _points_cell(student: StudentMarks, exercise: ExerciseMarks) -> str:
    if exercise.key not in student.cells:
        return "<td>—</td>"
    points = student.cells[exercise.key]
    if points is None:
        return "<td><small>by hand</small></td>"
    colour = ""
    if exercise.max_points and points <= 0:
        colour = "none"
    elif exercise.max_points and points >= exercise.max_points - EPSILON:
        colour = "all"
    return f'<td class="{colour}">{format_points(points)}</td>'


def _fold(summary: str, content: str, unfolded: bool = False) -> str:
    start = "<details open>" if unfolded else "<details>"
    return f"{start}<summary>{summary}</summary>{content}</details>"
