"""Catches the interrupt and every other exception, and goes on for ever; in a finally, in __del__
and in a handler of its own as well.
"""

SAFE = True
ANSWERS = {
    "gru_step": """
class Stubborn:
    def __del__(self):
        while True:
            pass

def gru_step(*args):
    one = Stubborn()
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
        finally:
            del one
            one = Stubborn()
""",
}
SHOWS = "could not be interrupted"
