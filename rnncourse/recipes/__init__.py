"""Recipes: the course's models, trained end to end with the reference implementations.

    python -m rnncourse.recipes --list
    python -m rnncourse.recipes translation --data multi30k --minutes 40
    python -m rnncourse.recipes report

One file a recipe. Each has ABOUT, a line; SETTINGS, by data set, the first one built in;
`build(settings, words)`, the untrained model; and `train(run, settings)`, which does the rest and
returns an `Outcome`. What they share is in `run.py`.
"""

RECIPES = ("characters", "words", "sentiment", "translation", "vectors")
