"""The walkthroughs as slides: `make slides`. Notebooks of course/ become reveal.js decks.

The decks open from disk and need no internet: reveal.js and MathJax are copied next to them. A
cell's `slideshow` metadata says where it goes: slide, subslide, fragment, notes (for the speaker's
view), skip. A notebook without slides makes no deck.
"""

import argparse
import copy
import shutil
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from nbconvert.exporters import SlidesExporter
from traitlets.config import Config
from where import BUILD, MATHJAX, ROOT, executed_notebooks, files_of, repository_url

HERE = Path(__file__).parent
REVEAL = files_of("sphinx_revealjs") / "_static" / "revealjs"
ASSETS = {
    "reveal.js": REVEAL / "dist" / "reveal.js",
    "reveal.css": REVEAL / "dist" / "reveal.css",
    "notes.js": REVEAL / "plugin" / "notes" / "notes.js",
    "mathjax.js": MATHJAX,
    "deck.css": HERE / "deck" / "deck.css",
    "deck.js": HERE / "deck" / "deck.js",
}
LIMIT = 300  # seconds for a cell


def build(paths: list[Path], folder: Path, execute: bool = True) -> int:
    """Write a deck for each notebook with slides, and an index.html that leads to them.

    execute: run notebooks that have not been run since a cell or the library changed.
    Returns the number of decks.
    """
    notebooks = {path.resolve(): nbformat.read(path, as_version=4) for path in paths}
    notebooks = {path: notebook for path, notebook in notebooks.items() if has_slides(notebook)}
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for name, source in ASSETS.items():
        shutil.copyfile(source, folder / "assets" / name)
    decks = {}
    for path, notebook in notebooks.items():
        if execute:
            take_outputs(notebook, path)
        name = path.with_suffix(".html").name
        decks[name] = title_of(notebook, path.stem)
        page = to_deck(notebook, path, set(notebooks))
        (folder / name).write_text(page, encoding="utf-8")
    (folder / "index.html").write_text(index(decks), encoding="utf-8")
    return len(decks)


def has_slides(notebook: nbformat.NotebookNode) -> bool:
    places = (cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook.cells)
    return "slide" in places


def take_outputs(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Add outputs to the cells, from the cache shared with the site."""
    cache = get_cache(executed_notebooks())
    try:
        _, executed = cache.merge_match_into_notebook(notebook)
    except KeyError:
        print(f"running {path.name}")
        executed = copy.deepcopy(notebook)
        result = single_nb_execution(
            executed, cwd=str(path.parent), timeout=LIMIT, allow_errors=False
        )
        if result.err is not None:
            raise SystemExit(f"{path}: {result.exc_string}") from None
        record = cache.add_nb_to_project(str(path))
        cache.cache_notebook_bundle(
            CacheBundleIn(executed, record.uri, data={"execution_seconds": result.time}),
            check_validity=False,
            overwrite=True,
        )
    for cell, executed_cell in zip(notebook.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = executed_cell.outputs


def title_of(notebook: nbformat.NotebookNode, default: str) -> str:
    """The first heading of a notebook."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    lines = (line for text in texts for line in text.split("\n"))
    return next((line[2:].strip() for line in lines if line.startswith("# ")), default)


def to_deck(notebook: nbformat.NotebookNode, path: Path, decks: set[Path]) -> str:
    """The deck as one HTML page.

    decks: notebooks that have a deck; links to them lead to it.
    """
    # Empty cells would become empty slides.
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    notebook.metadata.title = title_of(notebook, path.stem)
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input", "hide-input"}
    config.TagRemovePreprocessor.remove_all_outputs_tags = {"remove-output", "hide-output"}
    config.TagRemovePreprocessor.remove_cell_tags = {"remove-cell", "hide-cell"}
    exporter = SlidesExporter(
        config=config,
        template_name="deck",
        extra_template_basedirs=[str(HERE)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    page = BeautifulSoup(exporter.from_notebook_node(notebook)[0], "html.parser")
    for link in page.find_all("a", href=True):
        rewrite_link(link, path, decks)
    return str(page)


def rewrite_link(link, path: Path, decks: set[Path]) -> None:
    """Point a relative link to a deck or into the repository; otherwise make it plain text."""
    target, _, anchor = link["href"].partition("#")
    if ":" in target or not target:
        return
    linked = (path.parent / target).resolve()
    if linked in decks:
        link["href"] = linked.with_suffix(".html").name
    elif url := repository_url(linked):
        link["href"] = url + (f"#{anchor}" if anchor else "")
    else:
        link.unwrap()


def index(decks: dict[str, str]) -> str:
    """The page with links to the decks. decks: {file: title}."""
    links = "".join(
        f'<li><a href="{name}">{escape(title.replace("`", ""))}</a></li>\n'
        for name, title in decks.items()
    )
    page = (HERE / "deck" / "index.html").read_text(encoding="utf-8")
    return page.replace("<!-- decks -->", links)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of course/")
    parser.add_argument("--to", type=Path, default=BUILD / "slides", metavar="FOLDER")
    parser.add_argument("--no-execute", action="store_true", help="slides without outputs")
    options = parser.parse_args()
    notebooks = options.notebooks or sorted((ROOT / "course").glob("*.ipynb"))
    count = build(notebooks, options.to, not options.no_execute)
    print(f"{count} decks: {options.to / 'index.html'}")


if __name__ == "__main__":
    main()
