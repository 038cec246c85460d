"""MATCH_RECOGNIZE: row pattern recognition (ISO/IEC 9075-2, 19075-5) over the rows of any table expression.

    clause       the text, parsed with pattern, expressions and lexer
    recognition  the plan of it: everything that is to be done, frozen;  program: the pattern as positions
    run          all of it, chunk by chunk: inputs, masks, search, measures. Begin here
    search       the matches of a chunk: by regex where that is safe, else by matcher

Not here: how a statement becomes a Recognition (sql/match), and how SQLite reads the matches (relations/matches).

Others take: clause, expressions, inputs, lexer, recognition, regex, run.
"""
