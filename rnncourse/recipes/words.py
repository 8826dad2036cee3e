"""A language model over words, with the regularisers of lecture section 7.

Without them: --set regularize=no.
"""

from rnncourse.recipes import language_models
from rnncourse.recipes.language_models import Settings

ABOUT = "word language model: tied LSTM, variational dropout, weight drop, AR and TAR"
SETTINGS = {
    "python_manual": Settings(H=200, min_count=2, epochs=15, p_output=0.5),
    "penn_treebank": Settings(H=300, epochs=8),
    "wikitext2": Settings(H=300, epochs=8),
}
MINUTES = {"python_manual": 2, "penn_treebank": 40, "wikitext2": 150}
build = language_models.build_model


def train(run, settings):
    measure = "perplexity", language_models.perplexity
    return language_models.train_model(run, settings, "word", "<eos>", measure)
