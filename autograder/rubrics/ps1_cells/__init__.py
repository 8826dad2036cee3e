"""Hidden tests of problem set 1, cells."""
