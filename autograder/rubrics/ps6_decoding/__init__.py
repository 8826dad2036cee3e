"""Hidden tests of problem set 6, decoding."""
