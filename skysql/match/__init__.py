"""MATCH_RECOGNIZE: row pattern recognition (ISO/IEC 9075-2, 19075-5) over the rows of any table expression.

    lexer.py, pattern.py, expressions.py, clause.py   the text becomes a Clause
    program.py    a pattern as positions and what may follow each
    recognition.py  a Recognition: everything that is to be done, frozen; skysql/sql/match/recognise.py makes it
    inputs.py     the input, some whole partitions at a time
    search.py     the matches of a chunk: by regex.py where that is safe, else by matcher.py
    running.py, tests.py, aggregates.py   conditions that look back
    measures.py   what measures look up among the rows of a match
    run.py        all of it, chunk by chunk; relations/matches.py hands the result to SQLite

Decisions where the standard leaves a choice, or SQLite's ways differ from its own
- Names of variables are compared without regard to case; CLASSIFIER() gives an unquoted one in capitals.
- An empty repetition is the last one, once there are as many as a quantifier's minimum (19075-5, 7.2.8; as in
  Perl): `(A??)*` prefers the empty match.
- Rows with equal ORDER BY keys come in path order from a sky table, else as SQLite's stable sort leaves them.
- After an empty match the search goes on at the next row, whatever AFTER MATCH SKIP says.
- Of a row WITH UNMATCHED ROWS that is in no match, every measure is NULL.
- A plain column that is looked up keeps its affinity and collation; any other expression has none, as in a function.

Others take: clause, expressions, inputs, lexer, recognition, regex, run.
"""
