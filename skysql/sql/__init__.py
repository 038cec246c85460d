"""Statements -> the same statements, with plans in the place of what a scan answers. Only here is sqlglot imported.

    rewriter    rewrite(): a text, or a parsed statement, and a catalogue -> edits and plans
    dialect     parsing, with the place of every node in the text;  edits: the text, and the edits made to it
    catalog     which names are sky tables and views;  resolver: FROM items that a scan can produce
    names       what columns mean;  conversion: expressions, a function a class of nodes;  opaque, granularity: texts
    calls       which nodes call functions, and aggregates;  constants: values that are written out
    types, comparisons, times   which expressions are times, what is compared with them, and its form
    lists       long lists of literals, one token each
    idioms      the idioms of state at the time of the action
    path_order  the order of paths, for functions over a path that no scan answers
    lower       ASOF JOIN and IGNORE NULLS in SQLite's own terms
    rules/      each takes a select, and edits it or raises NotPushable
    match/      MATCH_RECOGNIZE, before anything else
    reads       the results that a statement reads, by name;  hidden_arguments: what a statement hands to them

The text outside of what is replaced stays as it was written. Nothing here has a connection, or publishes anything:
engine/ reads the catalogue (engine/schema.py) and publishes what a statement reads (engine/published.py).

Others take: catalog, conditions, edits, hidden_arguments, idioms, match.matching, reads, rewriter.
"""
