"""Reads what students submit, without trusting it, and makes notebooks to grade from it."""
