"""How long a visible check takes in a warm kernel: right answers and the slowest mistakes.

python benchmarks/checks.py
"""

import statistics
import time

from rnncourse import check
from rnncourse.exercises import exercises


def seconds(name: str, subject: object, times: int = 5) -> float:
    """The median time of a check, its report's table included."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        check(name, subject)._repr_html_()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def main() -> None:
    print(f"{'exercise':14} {'right':>9} {'wrong, median':>14} {'wrong, slowest':>15}")
    everything = []
    for name, exercise in exercises().items():
        right = seconds(name, exercise.reference)
        wrong = [seconds(name, one.wrong) for one in exercise.misconceptions]
        everything += [right, *wrong]
        print(
            f"{name:14} {right * 1000:6.1f} ms {statistics.median(wrong) * 1000:11.1f} ms "
            f"{max(wrong) * 1000:12.1f} ms"
        )
    print(f"median of all  {statistics.median(everything) * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
