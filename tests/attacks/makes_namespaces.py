"""Makes itself namespaces of its own, in which it is root, to mount a file system without
limits, to see other processes, to change the network. No new ones can be made.
"""

TOP = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)

def tried(name, result):
    print(name, "DONE" if result >= 0 else "refused: " + os.strerror(ctypes.get_errno()))

tried("user", libc.unshare(0x10000000))
tried("user and mount", libc.unshare(0x10020000))
tried("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, b"size=50g"))
tried("remount", libc.mount(b"none", b"/jail", None, 0x20 | 0x1000, None))
tried("unmount", libc.umount2(b"/scratch", 2))
tried("bind", libc.mount(b"/proc/1/root", b"/tmp", None, 0x1000, None))
tried("network", libc.unshare(0x40000000))
tried("join", libc.setns(os.open("/proc/self/ns/user", os.O_RDONLY), 0))
tried("chroot", libc.chroot(b"/tmp"))
tried("pivot", libc.syscall(155, b"/tmp", b"/tmp"))
"""
BLANK = ["gru_step"]
SUSPICIOUS = "ctypes"
SHOWS = "(?s)user refused.*mount refused.*unmount refused"
ABSENT = "(user|mount|remount|unmount|bind|network|join|chroot|pivot) DONE"
