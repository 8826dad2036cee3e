"""Hands in what Python and IPython run at their start: sitecustomize, a .pth file, start-up files,
configuration of IPython, Jupyter and nbgrader, a conftest.

Nothing of the grader starts in the submission's folder, or with it on the path.
"""

SAFE = True
NBGRADER = True
evil = "import pathlib\nprint('STARTED')\npathlib.Path('@COURSE@/PWNED').write_text(__name__)\n"
FILES = {
    "sitecustomize.py": evil,
    "usercustomize.py": evil,
    "evil.pth": "import os; os.system('echo STARTED > @COURSE@/PWNED')\n",
    "conftest.py": evil,
    "nbgrader_config.py": evil + "c = get_config()\nc.CourseDirectory.db_url = 'sqlite:///x.db'\n",
    "jupyter_config.py": evil,
    "ipython_config.py": evil,
    ".ipython/profile_default/startup/00.py": evil,
    ".ipython/profile_default/ipython_config.py": evil,
    ".jupyter/jupyter_nbconvert_config.py": evil,
    ".python-version": "9.9",
    "pyvenv.cfg": "home = /scratch\n",
}
TOP = "!python3 -c 'print(1 + 1)'"
BLANK = ["gru_step"]
