"""Replaces the shell's ways to run a cell: nothing runs any more, and every cell shows nothing.

The attacker's answers are then never defined, which is the attacker's loss.
"""

SAFE = True
TOP = """
shell = get_ipython()
kind = type(shell)

def run_cell(raw_cell, *args, **kwargs):
    return kind.run_cell(shell, "", *args, **kwargs)

async def run_cell_async(raw_cell, *args, **kwargs):
    kwargs["transformed_cell"] = ""
    return await kind.run_cell_async(shell, "", *args, **kwargs)

shell.run_cell, shell.run_cell_async = run_cell, run_cell_async
"""
BLANK = ["gru_step"]
COSTS = "all"
