"""The parts of `rnncourse.progress`: reads notebooks, runs them, and reports the status."""
