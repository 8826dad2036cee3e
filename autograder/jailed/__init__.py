"""What runs inside the jail: the warm parent, the child of each submission, their messages.

Nothing here imports the rest of autograder: this folder and rnncourse are all of the course that
the jail can see. The trusted side uses `wire` and `peer` too, to speak the same language.
"""
