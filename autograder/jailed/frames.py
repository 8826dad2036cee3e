"""Frames between a jail and its zygote: kind (1 byte), length of the payload (u32), payload."""

import struct

HEADER = struct.Struct("!cI")
MAX_PAYLOAD = 1 << 20  # bytes of a frame from the zygote, which relays a worker's bytes in chunks

# From the jail. START and REPORT frames carry JSON; DATA frames carry bytes of the RPC.
START = b"F"  # fork a worker with these limits
DATA = b"D"  # in both directions: bytes for the worker, or from it
INTERRUPT = b"I"  # send the worker SIGINT
END = b"K"  # kill the worker and everything that it has started

# From the zygote.
READY = b"R"  # everything is imported
STARTED = b"S"  # the worker runs; its socket comes with this frame where one can be passed
INTERRUPTED = b"I"
REPORT = b"X"  # the worker has ended: how, and what it left behind


def pack(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame, ready to be sent."""
    return HEADER.pack(kind, len(payload)) + payload
