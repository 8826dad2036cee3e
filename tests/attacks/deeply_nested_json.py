"""Hands in JSON that is nested a hundred thousand deep. It is refused in words."""

BLANK = ["gru_step"]
COSTS = "all"
SHOWS = "could not be read"


def edit(notebook, folder, course):
    return b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
