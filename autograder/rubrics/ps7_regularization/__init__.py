"""Hidden tests of problem set 7, regularization."""
