"""Registers what runs when its process ends: atexit, threads that are not daemons, weak references,
a finalizer that never ends. The process is not asked, it is killed.
"""

SAFE = True
TOP = """
import atexit, threading, time, weakref

def forever():
    while True:
        time.sleep(0.1)

atexit.register(forever)
threading.Thread(target=forever, daemon=False).start()
weakref.finalize(atexit, forever)
print("registered")
"""
BLANK = ["gru_step"]
SHOWS = "registered"
