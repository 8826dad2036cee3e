"""Reference implementations: the lecture as clear, correct code, one module per section."""
