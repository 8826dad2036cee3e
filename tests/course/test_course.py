"""The walkthroughs: each has all its parts, is a deck of slides too, and leads nowhere wrong.

That they run is tested in test_notebooks.py.
"""

import ast
import re
import sys
from urllib.parse import unquote

import nbformat
import pytest
from conftest import ROOT

COURSE = ROOT / "course"
# Section numbers and names are the lecture's; rnncourse.reference and the problem sets share them.
SECTIONS = {
    "01_cells": ["ps1_cells"],
    "02_models": ["ps2_inputs"],
    "03_inputs": ["ps2_inputs"],
    "04_outputs": ["ps3_outputs", "ps4_attention"],
    "05_training": ["ps5_training", "ps4_attention"],
    "06_decoding": ["ps6_decoding"],
    "07_regularization": ["ps7_regularization"],
}
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
WALKTHROUGHS = [path for path in NOTEBOOKS if path.stem in SECTIONS]
ALLOWED = {"rnncourse", "torch", "numpy", "matplotlib", *sys.stdlib_module_names}
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
LINK = re.compile(r"\]\(([^)\s]+)\)")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_walkthrough = pytest.mark.parametrize("path", WALKTHROUGHS, ids=lambda path: path.stem)


def cells(path, kind=None):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if kind in (None, cell.cell_type)]


def text(path, kind):
    return "\n\n".join(cell.source for cell in cells(path, kind))


def tree(path):
    """The code of a notebook, parsed."""
    return ast.parse(text(path, "code"))


def calls(path):
    """The names of all functions that are called, as they are written: plots.states, show."""
    return {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}


def headings(path):
    return re.findall(r"^#+ (.+)$", text(path, "markdown"), flags=re.MULTILINE)


def links(path):
    """Addresses of all links outside code."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text(path, "markdown"), flags=re.DOTALL)
    return LINK.findall(prose)


def test_there_is_a_start_page_and_one_walkthrough_for_each_section():
    assert [path.stem for path in NOTEBOOKS] == ["00_start_here", *SECTIONS]


@each_walkthrough
def test_it_has_all_its_parts(path):
    prose, code = text(path, "markdown"), tree(path)
    number, first = int(path.stem[:2]), cells(path)[0]
    assert re.match(rf"# .*\b{number}\b", first.source), "the title has the section's number"
    assert re.search(r"\$[^$]*=[^$]*\$", prose), "an equation"
    assert any(name.startswith("plots.") for name in calls(path)), "a picture"
    assert "show" in calls(path), "code of the reference, shown"
    assert any(isinstance(node, ast.Assert) for node in ast.walk(code)), "claims are asserted"
    for part in ("what goes wrong", "questions", "history", "what to do next"):
        assert any(part in heading.lower() for heading in headings(path)), part


@each_walkthrough
def test_answers_are_folded(path):
    opened = 0
    for cell in cells(path, "markdown"):
        assert cell.source.count("<details>") == cell.source.count("</details>"), cell.id
        assert cell.source.count("<details>") == cell.source.count("<summary>"), cell.id
        # Without an empty line after it, Markdown inside is not read as Markdown.
        assert "</summary>\n\n" in cell.source or "<summary>" not in cell.source, cell.id
        opened += cell.source.count("<details>")
    assert opened >= 3


@each_walkthrough
def test_it_leads_to_its_problem_sets_and_to_papers(path):
    targets = links(path)
    for name in SECTIONS[path.stem]:
        assert f"../assignments/{name}/{name}.ipynb" in targets
    papers = [link for link in targets if re.match(r"https://(doi|arxiv|aclanthology)\.org/", link)]
    assert len(papers) >= 2


@each_walkthrough
def test_what_goes_wrong_is_shown_by_a_run(path):
    seen = False
    for cell in cells(path):
        if cell.cell_type == "markdown" and re.search(
            r"^#+ .*what goes wrong", cell.source, flags=re.MULTILINE | re.IGNORECASE
        ):
            seen = True
        elif seen and cell.cell_type == "code":
            return
    pytest.fail("no code cell comes after the heading")


@each_walkthrough
def test_it_is_a_deck_of_slides(path):
    for cell in cells(path):
        assert cell.metadata.get("slideshow", {}).get("slide_type") in SLIDES, cell.id
    assert cells(path)[0].metadata.slideshow.slide_type == "slide"
    for cell in cells(path, "markdown"):
        if cell.source.startswith(("## Questions", "## History")):
            assert cell.metadata.slideshow.slide_type == "skip", f"{cell.id}: not on a slide"


@each_notebook
def test_its_links_resolve(path):
    for link in links(path):
        if re.match(r"https?://", link):
            assert link.startswith("https://"), link
        else:
            place, _, _ = link.partition("#")
            assert not place or (path.parent / unquote(place)).resolve().exists(), link


@each_notebook
def test_it_needs_nothing_but_the_course_and_its_tools(path):
    for node in ast.walk(tree(path)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module]
        for module in modules:
            assert module.split(".")[0] in ALLOWED, module
    assert "plt.show" not in calls(path), "pictures are the library's, with a text for everybody"


@each_notebook
def test_its_cells_have_readable_names(path):
    for cell in cells(path):
        assert re.fullmatch(r"[a-z][a-z0-9-]*", cell.id), cell.id
        assert not re.fullmatch(r"[0-9a-f]{8,}", cell.id), cell.id
