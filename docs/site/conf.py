"""Configuration of the site (`make site`), which reads notebooks and pages in place."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from docstrings import to_rst
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from where import BRANCH, MATHJAX, REPOSITORY, ROOT, executed_notebooks, repository_url

import rnncourse

project = "rnncourse"
version = release = rnncourse.__version__
copyright = "the authors of rnncourse. MIT licence"
html_title = "rnncourse"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_book_theme",
]

# --- what is read ---------------------------------------------------------------------------------
root_doc = "docs/index"
include_patterns = ["docs/**", "course/*.ipynb", "assignments/*/*.ipynb", "*.md"]
exclude_patterns = [".*", "build", "class", "runs", "docs/site", "**/.ipynb_checkpoints"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# --- notebooks ------------------------------------------------------------------------------------
nb_execution_mode = "cache"
nb_execution_cache_path = str(executed_notebooks())
nb_execution_excludepatterns = ["assignments/*/*.ipynb"]
nb_execution_timeout = 300
nb_execution_show_tb = True  # an error is a warning, and --fail-on-warning ends the build
nb_merge_streams = True
nb_render_markdown_format = "myst"

# tests/site/test_site.py runs a single notebook.
if tags.has("sample"):  # noqa: F821 (Sphinx hands `tags` to this file)
    include_patterns.append("tests/samples/*.ipynb")
    nb_execution_excludepatterns += ["course/*.ipynb", "docs/*.ipynb"]

# --- the library's reference ----------------------------------------------------------------------
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "ignore-module-all": True,  # keeps the order of the source, which is the reading order
}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"

# --- appearance; nothing is fetched from other sites ----------------------------------------------
html_theme = "sphinx_book_theme"
html_static_path = ["static", str(MATHJAX)]
html_show_search_summary = False  # it would be fetched, which pages opened from disk cannot do
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
mathjax_path = MATHJAX.name
mathjax3_config = {"options": {"enableMenu": False}}
html_theme_options = {
    "logo": {"text": "rnncourse"},
    "navbar_persistent": [],  # the search is in the sidebar
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": True,
    "footer_content_items": ["copyright.html"],
}
if REPOSITORY:
    html_theme_options |= {
        "repository_url": REPOSITORY,
        "repository_branch": BRANCH,
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
    }


def docstring(app, what, name, obj, options, lines):
    lines[:] = to_rst(lines)


def only_public(app, what, name, obj, skip, options):
    """Skip what a module's `__all__` does not name."""
    module = sys.modules.get(getattr(obj, "__module__", None))
    public = getattr(module, "__all__", None)
    return True if what == "module" and public is not None and name not in public else None


class OtherFiles(SphinxPostTransform):
    """Point links to folders, and to files that are not pages, into the repository.

    Without a repository, files are offered as downloads and links to folders become plain text.
    """

    default_priority = 8  # before MyST looks for pages

    def run(self):
        folder = Path(self.env.doc2path(self.env.docname)).parent
        for node in [
            *self.document.findall(addnodes.pending_xref),
            *self.document.findall(addnodes.download_reference),
        ]:
            path = folder / node["reftarget"].split("#")[0]
            if node.get("reftype") != "myst" and not isinstance(node, addnodes.download_reference):
                continue
            url = repository_url(path) if path.exists() else None
            if url:
                node.replace_self(nodes.reference("", "", *node.children, refuri=url))
            elif path.is_dir():
                node.replace_self(node.children)


def finish(app, exception):
    """Write an index.html that leads to the first page, in docs/, and copy the README's images."""
    if exception is None:
        for image in (ROOT / "docs").glob("*.png"):
            shutil.copy(image, Path(app.outdir) / "docs")
        page = f'<!doctype html><meta charset="utf-8"><title>{project}</title>' + (
            f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
            f'<a href="{root_doc}.html">{project}</a>\n'
        )
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app):
    app.connect("autodoc-process-docstring", docstring)
    app.connect("autodoc-skip-member", only_public)
    app.add_post_transform(OtherFiles)
    app.connect("build-finished", finish)
