"""Hidden tests of problem set 2, inputs."""
