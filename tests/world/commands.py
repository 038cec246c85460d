"""The command line in the current directory, a small file that it imports, and what it told."""

from __future__ import annotations

from pathlib import Path

import pytest

import skysql
from skysql.cli import main

CSV = """\
user,when,what,plan,amount,url
1,2026-01-01 09:00,sign up,free,,/
1,2026-01-03 12:00,purchase,free,9.50,/buy
2,2026-01-04T07:30:00Z,sign up,pro,,
1,2026-02-01,,pro,,
1,2026-02-03 10:11:12.000001,purchase,pro,20,"/a,b"
1,2026-02-05,,pro,,
"""
COLUMNS = "--object user:INTEGER --time when --action what --state plan --attribute amount:REAL --attribute url".split()
IMPORT = ["import", "shop.db", "users"]


def run(*arguments: str, status: int = 0) -> None:
    assert main.main(list(arguments)) == status


def rows(sql: str, db: str = "shop.db") -> list[tuple]:
    connection = skysql.connect(db)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def load(text: str, *options: str, name: str = "in.csv", status: int = 0) -> None:
    Path(name).write_text(text)
    run(*IMPORT, name, *options, status=status)


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("skysql: "), err
    return err
