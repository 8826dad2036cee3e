"""The course on disk and nbgrader's gradebook: what is recorded, released, marked by hand."""
