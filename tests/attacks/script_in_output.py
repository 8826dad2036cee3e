"""Shows scripts in every way that a cell can show something: HTML, SVG, LaTeX, Markdown, widgets,
pictures that are none, error messages. Only text and pictures are kept, and text is escaped.
"""

SAFE = True
TOP = """
from IPython.display import display, HTML, SVG, Markdown, Javascript
script = "<script>alert(document.cookie)</" + "script>"
display(HTML(script), Javascript("alert(1)"), Markdown(script))
display({"text/html": script, "image/svg+xml": "<svg onload=alert(1)>", "text/latex": script,
         "image/png": '"><' + "script>alert(1)</script>", "image/jpeg": script,
         "application/javascript": "alert(1)", "text/plain": script,
         "application/vnd.jupyter.widget-view+json": {"model_id": script}}, raw=True)
print("shown", script)
raise ValueError(script)
"""
BLANK = ["gru_step"]
ABSENT = r"<script>alert\((document|1)"
SHOWS = "shown <"
