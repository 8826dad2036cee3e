"""Writes /etc/ld.so.preload and tools into folders of the search path, so that programs that later
submissions start would run the attacker's code first. None of these places can be written to.
"""

TOP = """
import os, shutil
evil = "/evil.so"
for path, text in (("/etc/ld.so.preload", evil), (evil, "x"), ("/usr/local/bin/env", "#!/bin/sh"),
                   ("/bin/sh", "x"), ("/etc/passwd", "x"), ("/jail/torch.py", "x"),
                   ("/etc/ipython/ipython_config.py", "x"), ("/lib/x.so", "x")):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x") as file:
            file.write(text)
        print(path, "WRITTEN")
        os.unlink(path)
    except OSError as error:
        print(path, "refused:", error.strerror)
"""
BLANK = ["gru_step"]
SHOWS = "/etc/ld.so.preload refused"
ABSENT = "(so|py|env|preload|passwd) WRITTEN"
