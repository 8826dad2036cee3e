"""Hidden tests of problem set 0, warm-up."""
