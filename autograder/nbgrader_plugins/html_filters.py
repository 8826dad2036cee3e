"""The HTML that pages made from student notebooks may contain: text, not programs.

The formgrader puts a student's text into the page in which marks are given, so it must neither
look like a part of that page (an `id` or `class` of its own) nor send anything when it is shown.
"""

import re
from html import escape
from typing import Any
from urllib.parse import unquote

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.token import STANDARD_TYPES

TAGS = """
    a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p
    pre s span strong sub summary sup table tbody td tfoot th thead tr u ul
"""
LAYOUT = ("title", "align", "width", "height")
HIGHLIGHTING = {"highlight", *STANDARD_TYPES.values()}  # classes of highlighted code
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """A text cell as HTML without scripts. Whatever is wrong with it, there is a page."""
    cell = context.get("cell") or {}
    # Links to headings would need ids.
    renderer = IPythonRenderer(
        escape=False, exclude_anchor_links=True, attachments=_images(cell.get("attachments"))
    )
    try:
        html = MarkdownWithMath(renderer=renderer).render(source)
    except Exception:  # an image that is not attached, nesting too deep for the parser
        html = f"<pre>{escape(source)}</pre>"
    return clean_html(html)


def clean_html(html: str) -> str:
    """HTML with the tags of text alone, none of which can be taken for a part of the page."""
    cleaned: str = bleach.clean(
        html, TAGS.split(), _is_allowed, protocols=["http", "https", "mailto", "data"]
    )
    return cleaned


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return set(value.split()) <= HIGHLIGHTING
    if tag == "a" and name == "href":
        return value.lower().startswith(("http:", "https:", "mailto:", "#")) or _is_beside(value)
    if tag == "img" and name == "src":
        # From elsewhere it would tell its server who looks at the page, and when.
        return value.lower().startswith("data:image/") or _is_beside(value)
    return name in LAYOUT or (tag == "img" and name == "alt")


def _is_beside(url: str) -> bool:
    """Whether a URL is that of a file beside the notebook: not one of the server's own pages."""
    path = unquote(unquote(url)).replace("\\", "/").strip()
    return not SCHEME.match(path) and not path.startswith("/") and ".." not in path


def _images(attachments: Any) -> dict[str, dict[str, str]]:
    """A cell's attached images; malformed attachments are left out."""
    if not isinstance(attachments, dict):
        return {}
    return {
        str(name): images
        for name, images in attachments.items()
        if isinstance(images, dict) and all(isinstance(data, str) for data in images.values())
    }
