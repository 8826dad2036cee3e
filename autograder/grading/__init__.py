"""Grading a class: a pool of judges, on this machine or on a cluster, and one recorder."""
