"""Hands in folders within folders, a thousand and more deep, as deep as a path can be.

Whoever walks them may leave them out; neither the grader nor the rest of the class stumbles.
"""

import os

BLANK = ["gru_step"]


def edit(notebook, folder, course):
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        with open("file.txt", "w") as file:
            file.write("x")
    finally:
        os.chdir(here)
