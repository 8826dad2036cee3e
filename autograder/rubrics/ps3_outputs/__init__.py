"""Hidden tests of problem set 3, outputs."""
