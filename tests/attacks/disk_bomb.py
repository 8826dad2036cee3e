"""Fills every place that it can write to. Each is small, and they are empty for the next one."""

TOP = """
import os
written = {}
for place in (".", "/tmp", "/dev/shm", "/", "/dev", "/etc", "/home", "/root", "/run", "/var/tmp"):
    total = 0
    try:
        os.makedirs(place, exist_ok=True)
        for n in range(40):
            with open(os.path.join(place, f"fill-{n}"), "wb") as file:
                total += file.write(b"x" * (8 << 20))
    except OSError as error:
        pass
    written[place] = total >> 20
print("written", written, "all together", sum(written.values()), "MB")
print("too much" if sum(written.values()) > 256 else "bounded")
"""
BLANK = ["gru_step"]
SHOWS = "\nbounded"
