"""Keeps every input of every call in a table, in a file and in the environment, to answer the next
call with what it learnt from the last. No two calls have the same inputs.
"""

SAFE = True
TOP = """
import os, pickle, torch
memory = {}

def remembered(key, value):
    seen = memory.get(key)
    memory[key] = value
    with open("memory.pkl", "wb") as file:
        pickle.dump(memory, file)
    os.environ["MEMORY"] = str(len(memory))
    return seen
"""
ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    return remembered(tuple(x.shape), h)
"""
}
ALLOWED = {"gru_step": 0.5}
END = "print('shapes remembered:', len(memory))"
SHOWS = "shapes remembered"
