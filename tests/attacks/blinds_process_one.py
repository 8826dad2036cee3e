"""Takes all descriptors away from process 1, so that it cannot look at anything any more and fails.

Another process's limits cannot be changed.
"""

TOP = """
import resource, time
try:
    resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))
    print("process 1 BLINDED")
except OSError as error:
    print("process 1 refused:", error.strerror)
time.sleep(0.5)
"""
BLANK = ["gru_step"]
SHOWS = "process 1 refused"
