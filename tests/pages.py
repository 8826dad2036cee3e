"""Checks built pages: links and images in the HTML, and how a browser shows the page."""

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
        self.anchors = {element["id"] for element in self.html.find_all(id=True)}
        self.anchors |= {link["name"] for link in self.html.find_all("a", attrs={"name": True})}

    def loaded(self) -> list[str]:
        """The addresses of what a browser fetches for the page."""
        elements = self.html.find_all(["img", "script", "iframe"], src=True)
        addresses = [element["src"] for element in elements]
        kinds = {"stylesheet", "icon", "preload", "modulepreload"}
        for link in self.html.find_all("link", href=True):
            if kinds & set(link.get("rel", [])):
                addresses.append(link["href"])
        return addresses

    def links(self) -> list[str]:
        return [link["href"] for link in self.html.find_all("a", href=True)]


def faults(folder: Path) -> list[str]:
    """Faults of the HTML files of a folder: dead links, fetches from elsewhere, no alt text."""
    pages = {path.resolve(): Page(path) for path in html_files(folder)}
    problems = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for address in page.loaded():
            if address.startswith("data:"):
                continue
            if urlsplit(address).netloc or urlsplit(address).scheme:
                problems.append(f"{name} fetches {address}")
            elif not target(path, address).is_file():
                problems.append(f"{name} fetches {address}, which does not exist")
        for address in page.links():
            if urlsplit(address).scheme or urlsplit(address).netloc:
                continue
            file, anchor = target(path, address), unquote(urlsplit(address).fragment)
            if not file.is_file():
                problems.append(f"{name} links to {address}, which does not exist")
            elif anchor and file in pages and anchor not in pages[file].anchors:
                problems.append(f"{name} links to {address}: no such anchor on that page")
        for image in page.html.find_all("img"):
            if not image.get("alt", "").strip():
                problems.append(f"{name} has an image without alt text: {str(image)[:90]}")
    return problems


def html_files(folder: Path) -> list[Path]:
    """The pages of a folder, without the theme's own templates."""
    paths = sorted(folder.rglob("*.html"))
    return [path for path in paths if "_static" not in path.relative_to(folder).parts]


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
    problems: list[str] = []

    def on_request(request):
        if urlsplit(request.url).scheme not in ("file", "data", "blob", "about"):
            problems.append(f"asks for {request.url}")

    def on_failure(request):
        problems.append(f"{request.url} failed: {request.failure}")

    def on_message(message):
        if message.type in ("error", "warning"):
            problems.append(f"says: {message.text}")

    page.on("request", on_request)
    page.on("requestfailed", on_failure)
    page.on("pageerror", lambda error: problems.append(f"an error: {error}"))
    page.on("console", on_message)
    yield page, problems
    context.close()


# Formulas that MathJax did not draw, or drew as an error; text that looks like TeX.
RAW_MATHEMATICS = """() => {
  const found = [...document.querySelectorAll("mjx-merror")].map(e => "bad: " + e.textContent);
  for (const node of document.querySelectorAll("span.math, div.math"))
    if (!node.querySelector("mjx-container")) found.push("not drawn: " + node.textContent);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent, around = walker.currentNode.parentElement;
    if (around.closest("pre, code, script, style, mjx-container")) continue;
    if (/\\\\[(\\[]|\\\\(frac|sum|text|math|left)|\\$[^$\\n]+\\$/.test(text))
      found.push("raw: " + text.trim().slice(0, 80));
  }
  return found;
}"""
