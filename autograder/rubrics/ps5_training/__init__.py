"""Hidden tests of problem set 5, training."""
