"""Hidden tests of problem set 4, attention."""
