"""Reference implementations: the lecture as clear, correct code.

By section of the lecture:

    warmup                            tools for the rest
    cells, layers, state_tree         section 1: one step; whole sequences, fast; nested states
    inputs, masks                     section 3: words to vectors
    outputs                           section 4: what to do with the states
    attention                         sections 4 and 5
    training                          section 5: the loss, its gradient, one step
    minimal_loop, training_loop       section 5: the loop, as short as it can be; for long runs
    checkpoint                        section 5: a training run in one file
    decoding, exposure, rewards       section 6
    regularization                    section 7
    capstone                          all of it: a translator
"""
