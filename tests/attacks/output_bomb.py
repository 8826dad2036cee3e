"""Prints a gigabyte, shows thousands of pictures and tables, and lets a program do the same.

What is kept of a cell's output is bounded.
"""

TOP = """
from IPython.display import display
for _ in range(100):
    print("x" * 10_000_000)
for _ in range(3000):
    display({"image/png": "x" * 100_000, "text/plain": "x" * 1000}, raw=True)
!head -c 20000000 /dev/zero | tr '\\\\0' y
"""
END = "\n".join(f"print('y' * 3_000_000, {n})" for n in range(20))
BLANK = ["gru_step"]
SHOWS = "too long"
