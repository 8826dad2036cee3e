"""What runs inside a sandbox. The judge imports `rpc`, `wire` and `outputs` too.

Nothing here imports the rest of autograder: this folder and the staged part of rnncourse are all
that a sandbox can see of the course.

Theory of operation
-------------------
Three processes take part in grading a submission. Only the first is trusted with anything.

judge    Outside the sandbox. Holds the hidden tests and gives the marks. A `Jail` is its handle of
         a sandbox, a `Session` its handle of a worker.
zygote   `python -m jailed`, process 1 of the sandbox (an ordinary process with `--jail none`), and
         not dumpable: a worker can neither stop nor read it. It imports torch once (about 1.4 s)
         and forks a worker for each submission (about 5 ms), one at a time. It runs no student's
         code.
worker   Runs the cells of one submission and serves calls of its functions. The student can rewrite
         everything in it, so nothing that it says is believed: it can only be wrong.

judge <-> zygote   `frames` over the zygote's standard input and output. It sends READY once; START
                   is answered by STARTED, INTERRUPT by INTERRUPTED, and each worker's end, whether
                   asked for by END or not, by one REPORT. It exits when its input is closed.
judge <-> worker   Messages of plain data (`wire`), which are calls and gradients in both directions
                   (`rpc`). Where the zygote's standard streams are a socket, the worker's own
                   socket is passed to the judge with STARTED and they speak without the zygote.
                   Where they are pipes (containers), it relays the bytes unread in DATA frames.

A worker ends when it exits, when the judge sends END, or when the zygote finds it above a limit.
Then the zygote kills every process that is left, whoever started it, and empties the scratch
folders. Its REPORT says whether the sandbox is as it was before; if not, the judge replaces it.
"""
