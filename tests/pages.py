"""Looks at built pages: links and pictures as they are written, and how a browser shows them."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def why_no_browser() -> str | None:
    """What is missing for `browser`, if anything is."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "needs playwright: pip install playwright"
    return None if CHROMIUM else "needs Chromium: install it, or name it in $CHROMIUM"


# --- as they are written --------------------------------------------------------------------------


class Page:
    """One HTML file: what it links to, and what can be linked to in it."""

    def __init__(self, path: Path):
        self.path = path
        self.html = BeautifulSoup(path.read_bytes(), "lxml")
        self.anchors = {one["id"] for one in self.html.find_all(id=True)}
        self.anchors |= {one["name"] for one in self.html.find_all("a", attrs={"name": True})}

    def loaded(self) -> list[str]:
        """The addresses of what a browser fetches for the page."""
        found = [one["src"] for one in self.html.find_all(["img", "script", "iframe"], src=True)]
        kinds = {"stylesheet", "icon", "preload", "modulepreload"}
        return found + [
            one["href"]
            for one in self.html.find_all("link", href=True)
            if kinds & set(one.get("rel", []))
        ]

    def links(self) -> list[str]:
        return [one["href"] for one in self.html.find_all("a", href=True)]


def faults(folder: Path) -> list[str]:
    """What is wrong with the HTML files of a folder: dead links, fetches from elsewhere, no alt."""
    pages = {path.resolve(): Page(path) for path in html_files(folder)}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for address in page.loaded():
            if address.startswith("data:"):
                continue
            if urlsplit(address).netloc or urlsplit(address).scheme:
                found.append(f"{name} fetches {address}")
            elif not target(path, address).is_file():
                found.append(f"{name} fetches {address}, which is not there")
        for address in page.links():
            if urlsplit(address).scheme or urlsplit(address).netloc:
                continue
            there, anchor = target(path, address), unquote(urlsplit(address).fragment)
            if not there.is_file():
                found.append(f"{name} links to {address}, which is not there")
            elif anchor and there in pages and anchor not in pages[there].anchors:
                found.append(f"{name} links to {address}: there is no such place on that page")
        for image in page.html.find_all("img"):
            if not image.get("alt", "").strip():
                found.append(f"{name} has a picture without alt text: {str(image)[:90]}")
    return found


def html_files(folder: Path) -> list[Path]:
    """The pages of a folder; the theme's own templates are none."""
    found = sorted(folder.rglob("*.html"))
    return [path for path in found if "_static" not in path.relative_to(folder).parts]


def target(page: Path, address: str) -> Path:
    """The file that an address means on a page."""
    path = unquote(urlsplit(address).path)
    return (page.parent / path).resolve() if path else page


# --- in a browser ---------------------------------------------------------------------------------


@contextmanager
def browser():
    """Chromium without a screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(browser, width=1280, height=800, colours="light"):
    """A tab without a network, and the list of what goes wrong in it."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours, offline=True
    )
    page = context.new_page()
    wrong: list[str] = []

    def request(one):
        if urlsplit(one.url).scheme not in ("file", "data", "blob", "about"):
            wrong.append(f"asks for {one.url}")

    page.on("request", request)
    page.on("requestfailed", lambda one: wrong.append(f"{one.url} failed: {one.failure}"))
    page.on("pageerror", lambda error: wrong.append(f"an error: {error}"))

    def console(said):
        if said.type in ("error", "warning"):
            wrong.append(f"says: {said.text}")

    page.on("console", console)
    yield page, wrong
    context.close()


# Formulas that MathJax did not draw, or drew as an error; text that looks like TeX.
RAW_MATHEMATICS = """() => {
  const found = [...document.querySelectorAll("mjx-merror")].map(one => "bad: " + one.textContent);
  for (const one of document.querySelectorAll("span.math, div.math"))
    if (!one.querySelector("mjx-container")) found.push("not drawn: " + one.textContent);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent, around = walker.currentNode.parentElement;
    if (around.closest("pre, code, script, style, mjx-container")) continue;
    if (/\\\\[(\\[]|\\\\(frac|sum|text|math|left)|\\$[^$\\n]+\\$/.test(text))
      found.push("raw: " + text.trim().slice(0, 80));
  }
  return found;
}"""
