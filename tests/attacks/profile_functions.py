"""Sets trace and profile functions and an audit hook, to look into and rewrite whatever runs next
to the attacker's code: the tests' frames, their expected values.

No frame of a test ever runs in the attacker's process.
"""

SAFE = True
TOP = """
import sys, threading

seen = set()

def spy(frame, event, arg):
    name = frame.f_code.co_filename + ":" + frame.f_code.co_name
    if "expected" in frame.f_locals or "rubrics" in frame.f_code.co_filename:
        seen.add(name)
        if event == "return" and isinstance(frame.f_locals.get("expected"), object):
            frame.f_locals["got"] = frame.f_locals.get("expected")
    return spy

sys.setprofile(spy)
threading.setprofile(spy)
sys.addaudithook(lambda event, args: None)
print("spying")
"""
END = "sys.setprofile(None)\nprint('frames with expected values:', len(seen))"
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
SHOWS = "frames with expected values: 0"
