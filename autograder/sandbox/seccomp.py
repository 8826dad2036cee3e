"""The seccomp filter of a sandbox: system calls that no answer needs are refused."""

import platform
import struct

# What these calls make outlives a process, belongs to no process's memory, or reaches into another
# process. Their numbers on x86_64 (asm/unistd_64.h) and on aarch64 (asm-generic).
REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    # These could reach the zygote, whose limits and priority the next submission inherits.
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
PRLIMIT = (302, 261)  # refused for any process but the caller's own, which is number 0
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH

# BPF instruction codes, and the offsets of fields in struct seccomp_data.
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW = (RETURN, 0, 0, 0x7FFF0000)
REFUSE = (RETURN, 0, 0, 0x00050001)  # with EPERM
X32 = 0x40000000  # numbers from here on are those of the x32 ABI


def seccomp_filter() -> bytes | None:
    """A BPF program that answers REFUSED with EPERM; None where the call numbers are unknown."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    refused = sorted(numbers[column] for numbers in REFUSED.values())
    # A jump names how many instructions to skip: where it is true, and where it is not.
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, architecture),  # another one, such as 32 bits, can do nothing
        REFUSE,
        (LOAD, 0, 0, NUMBER),
        (JUMP_IF_AT_LEAST, len(refused) + 4, 0, X32),
    ]
    for index, number in enumerate(refused):
        program.append((JUMP_IF_EQUAL, len(refused) + 3 - index, 0, number))
    program += [
        (JUMP_IF_EQUAL, 0, 2, PRLIMIT[column]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_IF_EQUAL, 0, 1, 0),
        ALLOW,
        REFUSE,
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)
