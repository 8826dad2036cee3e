"""Searches all of its memory, which it has inherited from process 1, for what the judge knows:
objects, sources of tests, the words of a solution; and for what went through process 1 when those
before it were graded: their code. Process 1 never knew the one and keeps nothing of the other.
"""

SAFE = True
COPIES = 3
TOP = r"""
import gc, re, sys
names = {"Judge", "Exercise", "Assignment", "Gradebook", "Recorder", "Property", "Misconception"}
print("objects", sorted({type(one).__name__ for one in gc.get_objects()} & names))
frame, stack = sys._getframe(), []
while frame:
    stack.append(frame.f_code.co_filename)
    frame = frame.f_back
print("frames of the grader", [one for one in stack if "autograder" in one or "rubrics" in one])
# Patterns that do not match themselves, because they are in this memory as well.
secret = [re.compile(rb"BEGIN SOLUTIO[N]"), re.compile(rb"observe_paddin[g]")]
others = [re.compile(rb"canary-\w+-[0-9a-f]+"), re.compile(rb"h_tilde = torch[.]tanh.{,80}")]
hits, seen = set(), set()
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        found = re.match(r"(\w+)-(\w+) rw.. \S+ \S+ 0", line)
        if found:
            start, end = (int(one, 16) for one in found.groups())
            try:
                memory.seek(start)
                data = memory.read(min(end - start, 300 << 20))
            except (OSError, ValueError, OverflowError):
                continue
            hits |= {found for one in secret for found in one.findall(data)}
            seen |= {found for one in others for found in one.findall(data)}
print("hits", hits, "of others:", seen)
"""
BLANK = ["gru_step"]
SHOWS = r"(?s)objects \[\].*frames of the grader \[\].*hits set\(\) of others: set\(\)"
SUSPICIOUS = "gc.get_objects"
