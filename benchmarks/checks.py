"""How long a visible check takes in a warm kernel: right answers and the slowest mistakes.

python benchmarks/checks.py
"""

import statistics
import time

from rnncourse import check
from rnncourse.exercises import exercises


def seconds(name: str, subject: object, times: int = 5) -> float:
    """The median time of a check, its report's table included."""
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        check(name, subject)._repr_html_()
        durations.append(time.perf_counter() - started)
    return statistics.median(durations)


def main() -> None:
    print(f"{'exercise':14} {'right':>9} {'wrong, median':>14} {'wrong, slowest':>15}")
    all_durations = []
    for name, exercise in exercises().items():
        right = seconds(name, exercise.reference)
        wrong = [seconds(name, misconception.wrong) for misconception in exercise.misconceptions]
        all_durations += [right, *wrong]
        print(
            f"{name:14} {right * 1000:6.1f} ms {statistics.median(wrong) * 1000:11.1f} ms "
            f"{max(wrong) * 1000:12.1f} ms"
        )
    print(f"median of all  {statistics.median(all_durations) * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
