"""The site and the slides: built as `make site` and `make slides` do, and opened without a network.

The walkthroughs are not run here, other tests do that: tests/samples/walkthrough.ipynb, which has
all that they may have, stands in for them. To look at the pages with everything in them:

    make site slides
    RNNCOURSE_PAGES=build pytest tests/site/test_site.py
"""

import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from filelock import FileLock
from pages import RAW_MATHEMATICS, browser, faults, html_files, opened, why_no_browser

import rnncourse.reference

SAMPLE = ROOT / "tests" / "samples" / "walkthrough.ipynb"
BUILT = os.environ.get("RNNCOURSE_PAGES")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("sphinx_book_theme", "myst_nb")),
        reason="needs the site's packages: pip install -e '.[site]'",
    ),
]
needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=str(why_no_browser()))


def run(*command: object) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]


def once(tmp_path_factory, worker_id, name, make) -> Path:
    """A folder filled by `make(folder)`, once for all test workers."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    with FileLock(base / f"{name}.lock"):
        if not (base / name / "made").exists():
            (base / name).mkdir(exist_ok=True)
            make(base / name)
            (base / name / "made").touch()
    return base / name


@pytest.fixture(scope="session")
def worker(request) -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker) -> Path:
    def make(folder):
        strict = ["--quiet", "--fail-on-warning", "--keep-going", "--tag=sample"]
        where = ["--conf-dir=docs/site", f"--doctree-dir={folder}/doctrees"]
        cache = f"--define=nb_execution_cache_path={folder}/executed"
        run("-m", "sphinx", *strict, *where, cache, ROOT, folder / "site")

    if BUILT:
        return Path(BUILT, "site").resolve()
    return once(tmp_path_factory, worker, "pages", make) / "site"


@pytest.fixture(scope="session")
def slides(tmp_path_factory, worker) -> Path:
    def make(folder):
        program = ROOT / "docs" / "site" / "slides.py"
        run(program, f"--to={folder}/sample", SAMPLE)
        run(program, f"--to={folder}/course", "--no-execute")

    if BUILT:
        return Path(BUILT, "slides").resolve()
    return once(tmp_path_factory, worker, "slides", make)


# --- the site -------------------------------------------------------------------------------------


def test_links_of_the_site_lead_somewhere_and_its_pictures_have_words(site):
    assert faults(site) == []


def test_every_reference_module_has_a_place(site):
    text = "".join(path.read_text("utf-8") for path in (site / "docs" / "api").glob("*.html"))
    for module in pkgutil.iter_modules(rnncourse.reference.__path__):
        assert f'id="module-rnncourse.reference.{module.name}"' in text


@pytest.mark.browser
@needs_browser
def test_pages_open_without_a_network(site):
    by_page = {}
    with browser() as chromium, opened(chromium) as (page, problems):
        for path in html_files(site):
            name = str(path.relative_to(site))
            if name == "index.html":
                continue  # it leads to docs/index.html: see below
            if name.startswith("_modules/") and not name.endswith("cells.html"):
                continue  # code alone, one page like the other
            page.set_viewport_size({"width": 1280, "height": 900})
            page.emulate_media(color_scheme="light")
            page.goto(path.as_uri())
            page.evaluate("window.MathJax && MathJax.startup.promise")
            problems += page.evaluate(RAW_MATHEMATICS)
            page.set_viewport_size({"width": 390, "height": 844})
            page.emulate_media(color_scheme="dark")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > 390:
                problems.append(f"is {width} wide on a phone")
            if problems:
                by_page[name] = list(problems)
                problems.clear()
    assert by_page == {}


@pytest.mark.browser
@needs_browser
def test_search_and_front_door_work_without_a_network(site):
    with browser() as chromium, opened(chromium) as (page, problems):
        page.goto((site / "search.html").as_uri() + "?q=lstm_step")
        page.wait_for_selector("#search-results li a", timeout=20_000)
        assert "cells" in page.inner_text("#search-results")
        page.goto((site / "index.html").as_uri())
        page.wait_for_url("**/docs/index.html")
        assert problems == []


def test_with_a_repository_notebooks_open_in_colab_and_binder(tmp_path):
    course = tmp_path / "course"
    shutil.copytree(ROOT / "docs" / "site", tmp_path / "docs" / "site")
    course.mkdir()
    shutil.copy(ROOT / "course" / "00_start_here.ipynb", course)
    (tmp_path / "docs" / "index.md").write_text(
        "# Course\n\nSee [the folder](../course/).\n\n```{toctree}\n../course/00_start_here\n```\n"
    )
    settings = '[tool.rnncourse.site]\nrepository = "https://github.com/us/ours"\nbranch = "2026"\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    conf = f"--conf-dir={tmp_path}/docs/site"
    run("-m", "sphinx", "--quiet", "-D", "nb_execution_mode=off", conf, tmp_path, tmp_path / "site")
    page = (tmp_path / "site" / "course" / "00_start_here.html").read_text("utf-8")
    notebook = "course/00_start_here.ipynb"
    assert f"https://colab.research.google.com/github/us/ours/blob/2026/{notebook}" in page
    assert f"https://mybinder.org/v2/gh/us/ours/2026?urlpath=lab/tree/{notebook}" in page
    start = (tmp_path / "site" / "docs" / "index.html").read_text("utf-8")
    assert "https://github.com/us/ours/tree/2026/course" in start


def test_without_a_repository_no_page_speaks_of_colab(site):
    assert "colab" not in (site / "course" / "00_start_here.html").read_text("utf-8").lower()


# --- the slides -----------------------------------------------------------------------------------


def test_links_of_the_slides_lead_somewhere_and_their_pictures_have_words(slides):
    assert faults(slides) == []


@pytest.mark.browser
@needs_browser
def test_decks_open_without_a_network(slides):
    by_page = {}
    with browser() as chromium, opened(chromium, 1280, 720) as (page, problems):
        for path in html_files(slides):
            page.goto(path.as_uri())
            if path.name != "index.html":
                page.wait_for_selector("html[data-ready]", timeout=30_000)
                problems += page.evaluate(RAW_MATHEMATICS)
                executed = path.parent.name != "course"
                problems += page.evaluate(WALK, executed)
            if problems:
                by_page[path.name] = list(problems)
                problems.clear()
    assert by_page == {}


# Goes through all slides: each is there, shows something (which may be an output alone), and fits
# the screen or scrolls.
WALK = """async (executed) => {
  const found = [], slides = Reveal.getSlides();
  if (slides.length < 2) found.push("has " + slides.length + " slides");
  for (const slide of slides) {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v, 99);
    await new Promise(requestAnimationFrame);
    const start = slide.innerText.trim().slice(0, 40);
    if (Reveal.getCurrentSlide() !== slide) found.push("does not show " + start);
    if (executed && !slide.innerText.trim() && !slide.querySelector("img, svg"))
      found.push("an empty slide");
    if (slide.scrollHeight > 721 && !slide.classList.contains("scrolls"))
      found.push("too tall: " + start);
    for (const formula of slide.querySelectorAll("mjx-container[display]"))
      if (formula.scrollWidth > formula.clientWidth + 1) found.push("cut off: " + start);
    for (const image of slide.querySelectorAll("img"))
      if (!image.complete || !image.naturalWidth) found.push("no picture: " + image.alt);
  }
  return found;
}"""
