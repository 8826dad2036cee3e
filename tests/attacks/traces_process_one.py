"""Attaches to process 1 with ptrace, reads and writes its memory with process_vm_readv and
pidfd_getfd. The kernel refuses all of it.
"""

TOP = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)

def tried(name, result):
    print(name, "DONE" if result >= 0 else "refused: " + os.strerror(ctypes.get_errno()))

tried("attach", libc.ptrace(16, 1, None, None))
tried("seize", libc.ptrace(0x4206, 1, None, None))
buffer = ctypes.create_string_buffer(64)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
there = (ctypes.c_void_p * 2)(0x400000, 64)
tried("read", libc.process_vm_readv(1, vector, 1, there, 1, 0))
tried("write", libc.process_vm_writev(1, vector, 1, there, 1, 0))
pidfd = os.pidfd_open(1)
for number in range(4):
    tried(f"descriptor {number}", libc.syscall(438, pidfd, number, 0))
"""
BLANK = ["gru_step"]
SHOWS = r"(?s)attach refused.*read refused.*write refused.*descriptor 1 refused"
ABSENT = "read DONE|write DONE|attach DONE|descriptor . DONE"
SUSPICIOUS = "ptrace"
