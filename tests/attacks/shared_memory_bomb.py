"""Takes memory that is shared, and so belongs to no process alone: anonymous shared pages, files in
memory, System V segments. It is counted, or it cannot be had.
"""

TOP = """
import ctypes, mmap, os, time

def shared():
    pages = mmap.mmap(-1, 2400 << 20)
    for start in range(0, len(pages), 4096):
        pages[start] = 1
    return pages

def files_in_memory():
    kept = []
    for _ in range(36):
        kept.append(os.memfd_create("file"))
        os.write(kept[-1], b"x" * (64 << 20))
    return kept

def segments():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    number = libc.shmget(0, 2400 << 20, 0o1600)
    if number < 0:
        raise OSError(ctypes.get_errno(), "no segment")
    place = libc.shmat(number, None, 0)
    libc.shmctl(number, 0, None)
    ctypes.memset(place, 1, 2400 << 20)

def bomb(take):
    kept = take()
    time.sleep(0.5)
    return "TAKEN"
"""
ANSWERS = {
    "gru_step": "def gru_step(*args):\n    raise ValueError(bomb(shared))",
    "nas_step": "def nas_step(*args):\n    raise ValueError(bomb(files_in_memory))",
    "elman_step": "def elman_step(*args):\n    raise ValueError(bomb(segments))",
}
ABSENT = "ValueError: TAKEN"
SUSPICIOUS = "ctypes"
