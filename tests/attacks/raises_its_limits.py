"""Raises its limits, its priority and its claim to survive a lack of memory. It is not allowed."""

TOP = """
import os, resource
for name in ("DATA", "FSIZE", "NOFILE", "CPU", "CORE"):
    kind = getattr(resource, "RLIMIT_" + name)
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(name, "RAISED")
    except (OSError, ValueError) as error:
        print(name, "refused:", error)
try:
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    print("priority", "RAISED")
except OSError as error:
    print("priority refused:", error.strerror)
try:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    print("memory", "RAISED")
except OSError as error:
    print("memory refused:", error.strerror)
"""
BLANK = ["gru_step"]
SHOWS = "(?s)DATA refused.*NOFILE refused.*priority refused"
ABSENT = "(DATA|FSIZE|NOFILE|CPU|CORE|priority|memory) RAISED"
