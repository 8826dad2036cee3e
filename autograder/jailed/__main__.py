"""`python -m jailed OPTIONS`: the zygote, spoken to over its standard streams."""

import json
import signal
import sys

from .zygote import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, Zygote, prctl


def main() -> None:
    options = json.loads(sys.argv[1])
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Zygote(options["scratch"], options["forbid"]).serve()


if __name__ == "__main__":
    main()
