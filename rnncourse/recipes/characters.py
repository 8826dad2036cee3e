"""A language model over characters, which writes text."""

from rnncourse.recipes import language_models
from rnncourse.recipes.language_models import Settings

ABOUT = "character language model: LSTM, truncated BPTT; writes text"
SETTINGS = {
    "python_manual": Settings(
        H=256, epochs=15, steps=64, p_word=0.0, p_input=0.1, p_output=0.2, p_weight=0.2
    ),
    "tiny_shakespeare": Settings(
        H=384, epochs=12, steps=64, p_word=0.0, p_input=0.1, p_output=0.3, p_weight=0.3
    ),
    "penn_treebank": Settings(
        H=384, epochs=5, steps=100, p_word=0.0, p_input=0.1, p_output=0.1, p_weight=0.1
    ),
}
MINUTES = {"python_manual": 4, "tiny_shakespeare": 15, "penn_treebank": 30}
build = language_models.build_model


def train(run, settings):
    measure = "bits per character", language_models.bits
    return language_models.train_model(run, settings, "char", "\n", measure)
