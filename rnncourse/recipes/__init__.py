"""Recipes: the course's models, trained end to end with the reference implementations.

    python -m rnncourse.recipes --list
    python -m rnncourse.recipes translation --data multi30k --minutes 40
    python -m rnncourse.recipes report

One module for each recipe. It has ABOUT, a line; SETTINGS, by data set, where the first data set
is built in; MINUTES of training, by data set; `build(settings, words)`, the untrained model; and
`train(run, settings)`, which does the rest and returns an `Outcome`. `run.py` is what they share.
"""

RECIPES = ("characters", "words", "sentiment", "translation", "vectors")
