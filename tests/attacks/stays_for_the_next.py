"""Leaves notes for later submissions and looks for those of earlier ones: files wherever one can
be written, the environment, a patched torch, shared memory, semaphores, message queues, keys.

A submission begins with nothing of those before it.
"""

COPIES = 5
TOP = """
import ctypes, os, torch
libc = ctypes.CDLL(None, use_errno=True)
places = [top + "/.note" for top in ("/", "/scratch", "/tmp", "/dev/shm", "/dev", "/etc", "/run",
          "/var", "/home", "/root", "/var/tmp", os.getcwd(), os.path.expanduser("~"), "/jail",
          "/proc/sys/kernel", "/usr/local", "/opt", "/mnt", "/dev/mqueue")]
found, left = [], []
for path in sorted(set(places)):
    if os.path.lexists(path):
        found.append(path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write("note")
        left.append(path)
    except OSError:
        pass
for name, value in (("hostname", "note"), ("domainname", "note")):
    try:
        if open("/proc/sys/kernel/" + name).read().strip() == value:
            found.append(name)
        open("/proc/sys/kernel/" + name, "w").write(value)
    except OSError:
        pass
if hasattr(torch, "note") or "NOTE" in os.environ:
    found.append("torch")
torch.note = os.environ["NOTE"] = "note"
for name, get, call in (("memory", 0o600, lambda flag: libc.shmget(4242, 4096, flag)),
                        ("semaphore", 0o600, lambda flag: libc.semget(4242, 1, flag)),
                        ("queue", 0o600, lambda flag: libc.msgget(4242, flag))):
    if call(0) >= 0:
        found.append(name)
    if call(0o1000 | get) >= 0:
        left.append(name)
keep, search = 248, 250  # add_key and keyctl
if libc.syscall(search, 10, -4, b"user", b"note", 0) > 0:
    found.append("key")
if libc.syscall(keep, b"user", b"note", b"note", 4, -4) > 0:
    left.append("key")
others = [one for one in os.listdir("/proc") if one.isdigit() and int(one) not in (1, os.getpid())]
found += [f"process {one}" for one in others]
print("left notes:", sorted(left))
print("FOUND", found)
if os.fork() == 0:
    os.setsid()
    import signal, time
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    for _ in range(600):
        time.sleep(0.5)
    os._exit(0)
"""
BLANK = ["gru_step"]
SHOWS = r"left notes: \[.*\]\nFOUND \[\]"
SUSPICIOUS = "processes running"
