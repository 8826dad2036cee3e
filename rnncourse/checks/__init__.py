"""The engine of the checks: an exercise and its properties, how they are compared and reported."""
