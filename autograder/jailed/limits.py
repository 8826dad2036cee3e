"""The limits that are enforced inside the sandbox, or by both ends of the RPC.

They are here because code in this folder can import nothing else of autograder. The limits that are
set per run, and those of the trusted side, are in `autograder.sandbox.limits`.
"""

MB = 1 << 20

# One message.
MAX_MESSAGE = 64 * MB  # bytes, tensors included; an encoder puts half of that into one
MAX_HEADER = 4 * MB  # bytes of JSON
MAX_DEPTH = 50  # nesting of lists in lists
MAX_NON_STRING_KEYS = 1000  # of a set or dictionary: strings cannot be made to collide, others can

# One call.
MAX_NESTED_CALLS = 30  # calls within calls within calls
MAX_CALLBACKS = 100_000  # calls that the other end may make during one of ours
MAX_GENERATOR_ITEMS = 100_000  # taken from a generator that a call returns
MAX_NAME = 100  # characters of a class's or function's name
MAX_MESSAGE_TEXT = 2000  # characters of an exception's message
MAX_LOCATION = 200  # characters of the line in which an exception was raised

# What one cell shows.
MAX_CELL_TEXT = 200_000  # characters printed
MAX_CELL_PICTURES = 4_000_000  # characters of encoded pictures
MAX_CELL_OUTPUTS = 1000  # displayed objects and pictures; printed text counts by its length
MAX_ERROR_NAME = 200  # characters of an exception's name

# What a submission may use, beside the rlimits and totals that come with each fork.
MAX_SCRATCH_FILES = 50_000  # files and folders; each takes a little of the machine's memory
MAX_EXTRA_THREADS = 256  # beside the first of each process, in all processes together
