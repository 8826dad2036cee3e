"""Makes everything that is shown say "all right": the display hook, the formatters, the traceback.

Marks are not read from what a cell of the attacker's shows.
"""

SAFE = True
TOP = """
import sys
shell = get_ipython()
shell.showtraceback = shell._showtraceback = lambda *args, **kwargs: print("all right")
plain = shell.display_formatter.formatters["text/plain"]
plain.for_type(object, lambda value, printer, cycle: printer.text("all right"))
shell.display_formatter.format = lambda *args, **kwargs: ({"text/plain": "all right"}, {})
sys.excepthook = lambda *args: None
sys.displayhook = lambda value: print("all right")
shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
print("hooked")
"""
END = "1 / 0"
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
SHOWS = "hooked"
