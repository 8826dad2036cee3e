"""What a student's text cell may be on the page of whoever marks it."""

import re
from types import SimpleNamespace

import pytest

from autograder.nbgrader_plugins.html_filters import clean_html, markdown2html

PIXEL = "iVBORw0KGgo="


def page(source: str, attachments: object = None) -> str:
    cell = {} if attachments is None else {"attachments": attachments}
    return markdown2html(SimpleNamespace(get={"cell": cell}.get), source)


@pytest.mark.parametrize(
    "html",
    [
        '<span id="score-box">5</span>',
        '<div class="modal-backdrop fixed-top" style="position:fixed">sheet</div>',
        '<div class="btn btn-primary">Full credit</div>',
        '<a name="grade">x</a>',
        '<b data-toggle="modal" onclick="x()">x</b>',
        "<form><input name=score><button>ok</button></form>",
    ],
)
def test_nothing_can_be_taken_for_a_part_of_the_page(html):
    tags = re.findall("<[^>]*>", clean_html(html))
    for word in ("id=", "class=", "style=", "name=", "data-", "onclick", "form", "input"):
        assert not any(word in tag for tag in tags)


@pytest.mark.parametrize(
    "src",
    [
        "https://evil.example/seen.png",
        "//evil.example/seen.png",
        "/logout",
        "../../logout",
        "%2e%2e/logout",
        "%252e%252e/logout",
        "..\\logout",
        "data:text/html,x",
        "javascript:x()",
    ],
)
def test_an_image_calls_nobody(src):
    assert "src=" not in clean_html(f'<img src="{src}">')
    assert "src=" not in page(f"![x]({src})")


@pytest.mark.parametrize(
    "src", ["figure.png", "figures/a%20b.png", f"data:image/png;base64,{PIXEL}"]
)
def test_images_beside_the_notebook_and_in_the_text_are_shown(src):
    assert f'src="{src}"' in clean_html(f'<img src="{src}" alt="x">')


@pytest.mark.parametrize("href", ["/logout", "javascript:x()", "data:text/html,x", "../formgrader"])
def test_no_link_leads_into_the_marker_s_server(href):
    assert "href=" not in clean_html(f'<a href="{href}">x</a>')


def test_links_to_the_world_stay():
    assert 'href="https://arxiv.org/abs/1409.0473"' in page(
        "[paper](https://arxiv.org/abs/1409.0473)"
    )


def test_code_is_still_highlighted():
    assert '<span class="k">' in page("```python\nreturn 1\n```")


def test_a_heading_has_no_id():
    assert "id=" not in page("# Answer") and "<h1" in page("# Answer")


def test_an_attached_picture_is_shown():
    assert f"data:image/png;base64,{PIXEL}" in page(
        "![x](attachment:x.png)", {"x.png": {"image/png": PIXEL}}
    )


@pytest.mark.parametrize("attachments", [None, {}, [], {"x.png": 3}, {"x.png": {"image/png": 3}}])
def test_a_picture_that_is_not_attached_stops_no_page(attachments):
    assert "attachment:x.png" in page("before\n\n![x](attachment:x.png)", attachments)


def test_text_too_deep_for_the_parser_stops_no_page():
    assert page(">" * 3000 + " deep")
