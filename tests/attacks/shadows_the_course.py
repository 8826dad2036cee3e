"""Hands in packages named rnncourse, autograder and jailed, with checks that give full marks.

The grader's come from where they are installed; a submission's folder is not on its path.
"""

SAFE = True
NBGRADER = True
grade = "class S(float):\n    pass\n\ndef grade(*a, **k):\n    return S(1000)\n\ncheck = grade\n"
FILES = {
    "autograder.py": grade,
    "autograder/__init__.py": grade,
    "autograder/judging/__init__.py": grade,
    "autograder/judging/scoring.py": grade,
    "rnncourse/__init__.py": grade,
    "rnncourse/checks/__init__.py": grade,
    "rnncourse/reference/cells.py": "def gru_step(*args): return args[1]\n",
    "jailed/__init__.py": "",
    "jailed/__main__.py": "print('SHADOWED')\n",
    "jailed/wire.py": "def pack(*args): raise SystemExit\n",
}
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
ABSENT = "SHADOWED"
