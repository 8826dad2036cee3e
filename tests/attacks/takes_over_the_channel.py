"""Never returns from its first cell: it reads the judge's requests itself and answers each with
what looks best, in the right form: handles for names, its arguments for results.

It is asked for values that it would have to compute.
"""

from attacks import CHANNEL

TOP = (
    CHANNEL
    + """
sock = channel()
sock.sendall(frame({"value": ["list"], "interrupted": False, "cut": False}))
while True:
    asked = listen(sock)
    if asked["op"] == "begin":
        pairs = [[name, ["object", n, "function", name]] for n, name in enumerate(asked["names"])]
        sock.sendall(frame({"value": ["dict", *pairs]}))
    elif asked["op"] == "cell":
        shown = ["dict", ["output_type", "execute_result"], ["execution_count", 1],
                 ["data", ["dict", ["text/plain", "1000"], ["text/html", "1000"]]],
                 ["metadata", ["dict"]]]
        sock.sendall(frame({"value": ["list", shown]}))
    else:
        sock.sendall(frame({"value": 1000.0, "score": 1000, "passed": True}))
"""
)
BLANK = ["gru_step"]
COSTS = "all"
SHOWS = "got 1000|got float"
