"""Puts scripts into what the report quotes: the message of an exception, the name of a function,
the keys of a result. In a page they are text.
"""

SAFE = True
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    raise ValueError("<script>alert(document.cookie)</script>")
""",
    "nas_step": """
def nas_step(*args):
    return {"<script>alert(document.cookie)</script>": 1}
""",
}
ABSENT = r"<script>alert\(doc"
SHOWS = "alert"
