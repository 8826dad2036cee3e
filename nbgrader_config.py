"""nbgrader's configuration: the folders, and what runs the students' notebooks."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821
root = Path(__file__).resolve().parent
(root / "class").mkdir(exist_ok=True)
# A module with a rule for late work may lie beside this file.
if str(root) not in sys.path:
    sys.path.append(str(root))

c.CourseDirectory.course_id = "rnncourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# Everything that a class produces is in one folder, which git ignores.
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
c.CourseDirectory.solution_directory = "class/solution"
c.CourseDirectory.db_url = f"sqlite:///{root / 'class' / 'gradebook.db'}"

# nbgrader's own collect copies what a link in a submission leads to.
c.ExchangeFactory.collect = "autograder.nbgrader_plugins.collect.Collect"

# The wall: submissions run in a jail, grading cells outside it.
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_plugins.preprocessors.TrustedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.nbgrader_plugins.preprocessors.TrustedSave",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.OverwriteCells.add_missing_cells = True

# Students also write text cells: their HTML is shown without scripts.
c.HTMLExporter.filters = {"markdown2html": "autograder.nbgrader_plugins.html_filters.markdown2html"}

# Feedback shows the results of the tests, not their source.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
