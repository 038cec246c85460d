"""What tests generate, and what judges the answers; nothing here is collected.

worlds, histories       random schemas and events;  expressions, statements: random SQL over them, in two spellings
match_worlds, runs      inputs of MATCH_RECOGNIZE, and of the functions over a path
oracle, oracle_sessions, paths_oracle, match_oracle, reports_oracle   what each means, by lists and for-loops
databases, sides        one world with pushdown, without, and in plain SQLite;  answers: whether two are the same
scripts                 golden files, and the small world that their statements ask about;  commands: the command line
walk, changes           random steps on a file beside a model;  alterations: of its schema;  deeds: as transactions
memory_tables           the shadow tables of a store in a dict, which must do what SQLite's do
beside, crash_writer    writers in other processes;  disk: one that fails and loses power
crafted, broken         files that lie, and files that lead nowhere
"""
