"""Lowers the limits, the priority and the choice of processors of process 1, from which every later
submission would inherit them: they would run out of time, of memory and of files.

Another process's limits cannot be changed; where they can, the jail is replaced.
"""

COPIES = 2
TOP = """
import os, resource

def tried(name, change):
    try:
        change()
        print(name, "LOWERED")
    except OSError as error:
        print(name, "refused:", error.strerror)

print("inherited", resource.getrlimit(resource.RLIMIT_STACK)[0] == 12345678, os.getpriority(0, 0),
      open("/proc/self/oom_score_adj").read().strip() == "777")
tried("stack", lambda: resource.prlimit(1, resource.RLIMIT_STACK, (12345678, 12345678)))
tried("memory", lambda: resource.prlimit(1, resource.RLIMIT_AS, (1 << 31, 1 << 31)))
tried("time", lambda: resource.prlimit(1, resource.RLIMIT_CPU, (5, 6)))
tried("priority", lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))
tried("scheduler", lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)))
tried("survival", lambda: open("/proc/1/oom_score_adj", "w").write("777"))
tried("processors", lambda: os.sched_setaffinity(1, {min(os.sched_getaffinity(0))}))
"""
BLANK = ["gru_step"]
SHOWS = r"inherited False 0 False\n"
