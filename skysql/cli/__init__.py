"""The command line: arguments, printing, nothing that a program could not do as well.

    main   the commands;  shell: statements typed or piped;  demo: a shop to try it on;  charts: rows as pictures

Not here: files in and out (transfer/), and statements (dbapi/).

Others take: main.
"""
