"""Writes frames of the parent's protocol, forged marks and rubbish to every descriptor it has
inherited and can reopen. Its standard streams lead nowhere; only its own channel is a way out.
"""

TOP = """
import io, os, stat, struct
forged = struct.pack("!cI", b"X", 2) + b"{}" + struct.pack("!cI", b"R", 2) + b"{}" + b"1000.0\\n"
seen = []
for descriptor in range(256):
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    except OSError:
        continue
    if kind != stat.S_IFSOCK:
        seen.append((descriptor, os.readlink(f"/proc/self/fd/{descriptor}")))
        for path in (descriptor, f"/proc/self/fd/{descriptor}"):
            try:
                with io.open(path, "wb", closefd=False) as file:
                    file.write(forged * 100)
            except (OSError, ValueError):
                pass
for path in ("/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/console", "/dev/kmsg", "/dev/ptmx"):
    try:
        with io.open(path, "wb", buffering=0) as file:
            file.write(forged)
    except OSError:
        pass
print("descriptors", {path for _, path in seen})
"""
BLANK = ["gru_step"]
SHOWS = r"descriptors \{'/dev/null'\}"
SUSPICIOUS = "/proc/"
