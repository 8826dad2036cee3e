"""Runs programs that change who they run as, files with capabilities, and asks for capabilities.

There are none in the jail, and no way to get any.
"""

TOP = """
import os, subprocess
print(open("/proc/self/status").read())
for command in ("su -c id", "sudo -n id", "mount", "newgrp root -c id", "chsh -s /bin/sh",
                "unshare -Ur id", "bwrap --ro-bind / / id", "ping -c1 127.0.0.1", "dmesg"):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=2,
                          stdin=subprocess.DEVNULL)
    print(command, "uid=0(root)" in done.stdout and "ROOT")
for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
               lambda: os.chown("/jail", 0, 0), lambda: os.mknod("disk", 0o60600, 2048)):
    try:
        change()
        print("CHANGED")
    except OSError as error:
        print("refused:", error.strerror)
"""
BLANK = ["gru_step"]
SHOWS = r"(?s)CapEff:\s+0000000000000000.*CapBnd:\s+0000000000000000.*NoNewPrivs:\s+1.*refused"
ABSENT = "(id|mount|sh) ROOT|CHANGED\n"
SUSPICIOUS = "/proc/"
