"""The class report as one HTML page that needs nothing else: no script, no file, no network."""

from html import escape

from .class_report import (
    EPSILON,
    TOP,
    ClassReport,
    ExerciseMarks,
    StudentMarks,
    many,
    percent,
    short,
)
from .svg_plots import heat_plot, marks_plot, misconceptions_plot

OPEN = 40  # students up to whom the table is unfolded

# Nothing on the page may load or run anything, even if some text got through unescaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f7f4; --card: #ffffff; --ink: #1c2126; --soft: #59626b; --rule: #c9ced3;
  --bar: #0072b2; --track: #e4e7ea; --warn: #b34700; --warn-page: #fdf0e4;
  --low: #f9d8bd; --high: #cfe3f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1d2125; --ink: #e6e9ec; --soft: #a3adb6; --rule: #454d55;
    --bar: #56b4e9; --track: #343a40; --warn: #ffa657; --warn-page: #33251a;
    --low: #593216; --high: #173a54;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 4rem; max-width: 74rem;
  background: var(--page); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { margin: .2rem 0 0; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.15; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.3rem; }
p { margin: .4rem 0; }
a { color: inherit; text-underline-offset: .2em; }
small, nav, figcaption, .soft, dt { font-size: .875rem; }
small, figcaption, .soft, dt { color: var(--soft); font-weight: 400; }
dl, ol, ul { margin: 0; padding: 0; list-style: none; display: grid; gap: .6rem; }
summary { cursor: pointer; }
figure, .card, .tiles div, .lecture li, .matters > li {
  margin: 0; padding: .7rem .9rem; background: var(--card); border-radius: .5rem;
}
figcaption, .card { margin-top: .6rem; }
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
.scroll { overflow: auto; }
.lecture li { display: grid; grid-template-columns: 5rem 1fr; gap: 0 1rem; align-items: start; }
.lecture .count { font-size: 1.7rem; font-weight: 650; line-height: 1.1; }
.lecture small { display: block; }
.lecture p { margin: 0; max-width: 52rem; text-wrap: pretty; }
.exercises b { display: inline-block; min-width: min(11rem, 30vw); }
table { border-collapse: separate; border-spacing: 0; font-size: .9rem; }
th, td { padding: .35rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { white-space: normal; line-height: 1.25; background: var(--card); }
th:first-child { text-align: left; }
tr + tr > * { border-top: 1px solid var(--track); }
td { font-variant-numeric: tabular-nums; }
.exercises table { margin: .3rem 0 .8rem; }
.exercises th { font-weight: 400; }
.people { max-height: 80vh; padding: 0; }
.people table { width: 100%; }
thead th { position: sticky; top: 0; z-index: 1; border-bottom: 2px solid var(--rule); }
.people th:first-child { position: sticky; left: 0; }
.people thead th:first-child { z-index: 2; }
.people tbody th { overflow-wrap: anywhere; width: 100%; min-width: 9.5rem; }
.people tbody th small, .urgent b { color: var(--warn); }
.none { background: var(--low); } .all { background: var(--high); }
.matters > li, .tiles .urgent { box-shadow: inset .25rem 0 var(--rule); }
.matters > .urgent, .tiles .urgent { box-shadow: inset .25rem 0 var(--warn); }
.urgent summary { font-weight: 600; }
.matters ul { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .92rem; }
.matters ul li::before { content: "· "; }
@media (max-width: 34rem) {
  figure, .card { padding: .5rem; }
  .lecture li { grid-template-columns: 3.9rem 1fr; gap: 0 .6rem; }
}
@media print { .people { max-height: none; } }
"""


def page(report: ClassReport) -> str:
    """All of it; every text from outside is escaped."""
    sections = {
        "At a glance": _glance(report),
        "Start the next lecture here": _lecture(report),
        "Exercises": _exercises(report),
        "What needs attention": _attention(report),
        "Similar code, as a hint": _alike(report),
        "Students": _people(report),
    }
    links, body = "", ""
    for title, content in sections.items():
        where = title.split()[-1].lower()
        links += f'<a href="#{where}">{title}</a>'
        body += f'<section id="{where}"><h2>{title}</h2>{content}</section>\n'
    name = escape(report.assignment)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>Class report: {name}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<p class="private"><b>For staff only.</b> This page holds personal data: the names and marks of
students. Do not publish it, project it or pass it on.</p>
<p class="soft">Class report</p>
<h1>{name}</h1>
<p class="soft">{escape(report.course)} · last graded {report.graded_at:%Y-%m-%d %H:%M}</p>
<nav>{links}</nav>
</header>
<main>
{body}</main>
</body>
</html>
"""


def _glance(report: ClassReport) -> str:
    tiles = ""
    for name, value in {"students": f"{report.marks.n:,}", **report.facts}.items():
        number, _, rest = value.partition(" ")
        tiles += f"<div><dt>{name}</dt><dd>{number} <small>{rest}</small></dd></div>"
    urgent = len(report.urgent())
    tiles += f"<div{' class=urgent' * bool(urgent)}><dt>urgent students</dt>"
    tiles += f'<dd><a href="#attention">{urgent:,}</a></dd></div>'
    caption = f"A mark on the border of two bars counts in the right one. {report.footnote}"
    plots = f"<figure>{marks_plot(report)}<figcaption>{caption}</figcaption></figure>"
    if report.misconceptions:
        caption = "Every student is counted once for each misconception."
        plots += f"<figure>{misconceptions_plot(report)}<figcaption>{caption}</figcaption></figure>"
    return f'<dl class="tiles">{tiles}</dl><div class="plots">{plots}</div>'


def _lecture(report: ClassReport) -> str:
    if not report.misconceptions:
        return "<p>No catalogued mistake was recognised in any submission.</p>"
    of = f"<small>of {many(len(report.students), 'student')}</small>"
    items = [
        f'<li><div class="count">{one.students:,}{of}</div><div><p class="soft">'
        f"<b>{escape(one.exercise)}</b> · {escape(one.title)}</p><p>{escape(one.sentence)}</p>"
        "</div></li>"
        for one in report.misconceptions
    ]
    first, rest = (f'<ol class="lecture">{"".join(x)}</ol>' for x in (items[:TOP], items[TOP:]))
    intro = "The mistakes recognised in most submissions, with what the students were told."
    more = _fold(f"{len(items) - TOP} more misconceptions", rest) if len(items) > TOP else ""
    return f'<p class="soft">{intro}</p>{first}{more}'


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


def _exercise(one: ExerciseMarks) -> str:
    facts = one.facts
    if weakest := one.weakest:
        counts = f"{weakest.passed:,} of {weakest.tested:,}"
        facts += f" · weakest: {escape(weakest.title)} ({counts})"
    line = f"<b>{escape(one.name)}</b> <small>{facts}</small>"
    rows = "".join(
        f'<tr><th scope="row">{escape(each.title)}</th><td>{each.passed:,} of {each.tested:,}</td>'
        f"<td>{percent(each.passed, each.tested)}</td></tr>"
        for each in one.properties.values()
    )
    return f"<li>{_fold(line, f'<table>{rows}</table>') if rows else line}</li>"


def _attention(report: ClassReport) -> str:
    intro = f"Urgent: {many(len(report.urgent()), 'student')} whose mark is missing or may be wrong"
    items = ""
    for one in report.attention():
        kind, mark = (' class="urgent"', "<b>!</b> ") if one.urgent else ("", "")
        text = mark + escape(one.text)
        lines = "".join(f"<li>{escape(line)}</li>" for line in one.details)
        items += f"<li{kind}>{_fold(text, f'<ul>{lines}</ul>', one.urgent) if lines else text}</li>"
    return f'<p class="soft">{intro}.</p><ul class="matters">{items}</ul>'


def _alike(report: ClassReport) -> str:
    items = "".join(
        f'<li><div class="count">{percent(one.share, 1)}</div><div><p><b>{escape(one.one)}</b> and '
        f"<b>{escape(one.other)}</b></p>"
        f'<p class="soft">mostly in {escape(", ".join(one.cells[:3]))}</p></div></li>'
        for one in report.alike or []
    )
    listing = f'<ol class="lecture">{items}</ol>' if items else ""
    return f'<p class="soft">{escape(report.alike_note)}</p>{listing}'


def _people(report: ClassReport) -> str:
    exercises = report.exercises
    heads = [(one.name, one.max_points) for one in exercises]
    heads.insert(0, ("points", sum(most for _, most in heads)))
    head = "".join(
        f'<th scope="col">{escape(name).replace("_", "_<wbr>")}<br><small>{short(most)}</small>'
        for name, most in heads
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}{_flags(one)}</th>'
        f"<td><b>{short(one.points)}</b></td>{''.join(_cell(one, each) for each in exercises)}</tr>"
        for one in report.students
    )
    return _fold(
        f"{many(len(report.students), 'student')}, with the points of each exercise",
        '<p class="soft">Blue: all points. Orange: none. “by hand”: a person marks it.</p>'
        '<div class="card scroll people" tabindex="0" role="region" aria-label="Students"><table>'
        f'<thead><tr><th scope="col">student</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>",
        unfolded=len(report.students) <= OPEN,
    )


def _flags(one: StudentMarks) -> str:
    flags = ["suspicious"] * bool(one.suspicious)
    flags += ["no mark for a notebook"] * bool(one.problems)
    flags += ["crash or time limit"] * bool(one.ended)
    return f"<br><small>! {', '.join(flags)}</small>" if flags else ""


def _cell(student: StudentMarks, exercise: ExerciseMarks) -> str:
    if exercise.key not in student.cells:
        return "<td>—</td>"
    points, most = student.cells[exercise.key], exercise.max_points
    if points is None:
        return "<td><small>by hand</small></td>"
    kind = "none" if points <= 0 else "all" if points >= most - EPSILON else ""
    return f'<td class="{kind if most else ""}">{short(points)}</td>'


def _fold(summary: str, content: str, unfolded: bool = False) -> str:
    return f"<details{' open' * unfolded}><summary>{summary}</summary>{content}</details>"
