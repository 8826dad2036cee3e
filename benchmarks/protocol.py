"""Arbitrary messages from a worker to the judge: does any crash it, delay it, or fill its memory?

    python benchmarks/protocol.py                    # ten thousand messages
    python benchmarks/protocol.py --messages 100000 --seed 7

The messages are those of tests/jail/test_protocol.py: arbitrary bytes, well-formed messages of
arbitrary content, honest answers that have been tampered with, callbacks. A failure is printed by
hypothesis with the smallest script that shows it.
"""

import argparse
import sys
import time
from pathlib import Path

import psutil
from hypothesis import HealthCheck, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "jail"))

from test_protocol import Script, conversation, scripts

BATCH = 250  # scripts between two measurements of memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sent = accepted = 0
    slowest = 0.0
    memory: list[int] = []
    batch = 0

    @settings(
        max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(scripts)
    def trial(messages) -> None:
        nonlocal sent, accepted, slowest
        script, started = Script(messages), time.perf_counter()
        session = conversation(script)
        slowest = max(slowest, time.perf_counter() - started)
        sent += script.sent
        accepted += not session.suspicious

    started = time.perf_counter()
    while sent < options.messages:
        seed(options.seed + batch)(trial)()
        batch += 1
        memory.append(psutil.Process().memory_info().rss >> 20)
    print(f"messages               {sent:10,} in {batch * BATCH:,} conversations, and no crash")
    print(f"not noted as malformed {accepted:10,} conversations")
    print(f"slowest conversation   {slowest:10.2f} s")
    print(f"all                    {time.perf_counter() - started:10.1f} s")
    print(f"memory after each {BATCH}   {memory[0]} MB at first, {max(memory)} MB at most")


if __name__ == "__main__":
    main()
