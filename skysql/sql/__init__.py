"""Statements become the same statements, with plans in the place of what a scan answers. Only here is sqlglot imported.

    rewriter    a text, or a parsed statement, and a catalogue -> edits and plans. Begin here
    dialect     parsing, with the place of every node in the text;  edits: the edits made to that text
    catalog     which names are sky tables and views;  resolver: FROM items that a scan can produce
    conversion  expressions of SQL as those of plans
    rules/      each takes a select, and edits it or raises NotPushable;  idioms: idioms of state
    match/      MATCH_RECOGNIZE, before anything else

The text outside of what is replaced stays as it was written. Not here: a connection, or anything published (engine/).

Others take: catalog, conditions, edits, hidden_arguments, idioms, match.matching, reads, rewriter.
"""
