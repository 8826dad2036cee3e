"""The parts of `rnncourse.progress`: reading notebooks, running them, telling what came of it."""
