"""Asks for another kernel, one that does not exist and one that is a shell command.

Which kernel runs is not the submission's choice.
"""

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
ABSENT = "PWNED"


def edit(notebook, folder, course):
    notebook.metadata["kernelspec"] = {
        "name": "../../evil",
        "display_name": "evil",
        "language": "bash",
        "argv": ["/bin/sh", "-c", "echo PWNED"],
    }
    notebook.metadata["language_info"] = {"name": "bash", "file_extension": "/../../x.sh"}
