"""Array in, array out: what events look like in memory, and the operations on them that numpy lacks.

    batch, vectors   events as columns, and the values of an expression;  masks: which events meet a condition
    kernels, replay  groups, orders and sessions, and the state at each event from its changes
    sums             sums of doubles as pairs, so that the order of adding never shows
    compiled         the loops of loops.c and sums.c, on threads; each has a twin in numpy, for where no compiler is
    pending          values that other threads may still be working out

Everything is pure. Not here: what a column means (model/), files, tables, SQL.

Others take: batch, compiled, exact_sums, kernels, masks, pending, replay, sums, vectors.
"""
