"""The properties that only the grading tests, beside the visible ones of rnncourse.checks."""
