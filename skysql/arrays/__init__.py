"""Array in, array out: what events look like in memory, and the operations on them that numpy has not.

    batch      events as columns: Batch, Sparse, Lists
    vectors    the values of an expression: Coded, Numbers;  masks: which of the events meet a condition, a bit each
    kernels    groups, orders, sessions, positions;  replay: the state at each event, from its changes
    sums       sums of doubles as pairs, so that no order of adding shows
    compiled   the loops of loops.c and sums.c, called by threads; each has a twin in numpy, for where no compiler is
    pending    values that other threads may still be working out

Everything is pure: no file, no table, no SQL. What a column means is told in model/.

Others take: batch, compiled, exact_sums, kernels, masks, pending, replay, sums, vectors.
"""
