"""The command line, as its user sees it: files in, answers out, one line for an error."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import apsw
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import skysql
from skysql.cli import demo, main
from skysql.repair import salvage as rescue
from skysql.transfer import formats, save
from tests.world.commands import COLUMNS, CSV, IMPORT, failure, load, rows, run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# import


def test_import_makes_the_table_and_keeps_only_changes(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    assert "5 events imported into users" in capsys.readouterr().out
    assert rows("SELECT user, timestamp, action, plan, amount, url, changes FROM users") == [
        (1, "2026-01-01 09:00:00.000000", "sign up", "free", None, "/", '{"plan":"free"}'),
        (1, "2026-01-03 12:00:00.000000", "purchase", "free", 9.5, "/buy", None),
        (1, "2026-02-01 00:00:00.000000", None, "pro", None, None, '{"plan":"pro"}'),
        (1, "2026-02-03 10:11:12.000001", "purchase", "pro", 20.0, "/a,b", None),
        (2, "2026-01-04 07:30:00.000000", "sign up", "pro", None, None, '{"plan":"pro"}'),
    ]


def test_types_are_inferred_without_loss() -> None:
    header = "k,t,i,r,b,zero,big,e\n"
    load(header + "a,2026-01-01,1,1.5,true,007,9223372036854775808,\nb,2026-01-02,-2,3,false,1,1,\n",
         "--object", "k", "--time", "t", "--action-name", "x",
         *(word for c in ("i", "r", "b", "zero", "big", "e") for word in ("--attribute", c)))  # fmt: skip
    (sql,) = rows("SELECT sql FROM sqlite_schema WHERE name = 'users'")[0]
    for column in ("k TEXT OBJECT", "i INTEGER", "r REAL", "b BOOLEAN", "zero TEXT", "big TEXT", "e TEXT"):
        assert column in sql.replace('"', "")
    assert rows("SELECT k, i, r, b, zero, big, e FROM users") == [
        ("a", 1, 1.5, 1, "007", "9223372036854775808", None),
        ("b", -2, 3.0, 0, "1", "1", None),
    ]


def test_what_decided_a_type_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    header = "k,t,delay,mixed,real,flag,none,code,given\n"
    lines = ["7,2026-01-01,-3,1,1,true,,007,x", "8,2026-01-02,NA,x,2.5,no,,1,y", "9,2026-01-03,n/a,2,3,true,,2,z"]
    options = ["--object", "k", "--time", "t", "--action-name", "x", "--attribute", "given:TEXT"]
    options += [word for c in ("delay", "mixed", "real", "flag", "none", "code") for word in ("--attribute", c)]
    load(header + "\n".join(lines), *options)
    assert [line for line in capsys.readouterr().out.splitlines() if "type" in line] == [
        "type by the file: k INTEGER (line 2: '7')",
        "type by the file: delay TEXT (line 3: 'NA'; with --null NA it is NULL)",
        "type by the file: mixed TEXT (line 3: 'x'; with --null x it is NULL)",
        "type by the file: real REAL (line 3: '2.5')",
        "type by the file: flag TEXT (line 3: 'no')",
        "type by the file: none TEXT (no line has one)",
        "type by the file: code TEXT (line 2: '007')",
    ]
    load(header + "\n".join(lines), *options)
    assert "type" not in capsys.readouterr().out  # they are the table's by now


@pytest.mark.parametrize(
    "cells, told",
    [
        ("NA -3 n/a", "line 2: 'NA'; with --null NA it is NULL"),
        ("NA NA NA", "line 2: 'NA'"),
        ("NA DE 5", "line 2: 'NA'"),
        ("1 9223372036854775808 2", "line 3: '9223372036854775808'"),
        ("1 1e400 2", "line 3: '1e400'"),
        ("1 1,234 2", "line 3: '1,234'"),
    ],
)
def test_what_may_stand_for_null_is_told(cells: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A text among numbers; not one with digits, which may be a number."""
    load("k;t;x\n".replace(";", "\t") + "".join(f"1\t2026-01-01\t{cell}\n" for cell in cells.split()),
         "--object", "k", "--time", "t", "--action-name", "a", "--attribute", "x", name="in.tsv")  # fmt: skip
    assert f"type by the file: x TEXT ({told})\n" in capsys.readouterr().out
    assert [cell for (cell,) in rows("SELECT x FROM users")] == cells.split()


JSON_CELLS = [("1e400", "1e400"), ("-1e400", "-1e400"), ('{"a": [1e400]}', '{"a": ["1e400"]}'),
              ('["\\"Infinity", 9e999, -9e999]', '["\\"Infinity", 9e999, -9e999]')]  # fmt: skip


@pytest.mark.parametrize("kind", ["", ":TEXT"])
@pytest.mark.parametrize("number, text", JSON_CELLS)
def test_numbers_of_json_that_no_double_holds(number: str, text: str, kind: str) -> None:
    line = f'{{"k": 1, "t": "2026-01-01", "x": {number}}}\n'
    load(line, "--object", "k", "--time", "t", "--action-name", "a", "--attribute", f"x{kind}", name="in.jsonl")
    assert rows("SELECT x FROM users") == [(text,)]


@pytest.mark.parametrize("name, text", [("in.csv", "k,t,x\n1,2026-01-01,1e400\n"),
                                        ("in.jsonl", '{"k": 1, "t": "2026-01-01", "x": 1e400}\n')])  # fmt: skip
def test_a_number_that_no_double_holds_is_no_real(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(text, "--object", "k", "--time", "t", "--action-name", "a", "--attribute", "x:REAL", name=name, status=1)
    assert "'1e400' cannot be stored as REAL" in failure(capsys)
    load(text.replace("1e400", "9e999"), "--object", "k", "--time", "t", "--action-name", "a", "--attribute", "x:REAL",
         name=name)  # fmt: skip
    assert rows("SELECT x FROM users") == [(float("inf"),)]


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.jsonl"])
def test_texts_that_are_null(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [("k", "t", "delay", "plan"), ("7", "2026-01-01", "-3", "NA"), ("8", "2026-01-02", "NA", "n/a"),
             ("9", "2026-01-03", "n/a", "NAN")]  # fmt: skip
    text = "".join(("\t" if name == "in.tsv" else ",").join(row) + "\n" for row in cells)
    if name == "in.jsonl":
        texts = {"NA", "n/a"}
        values = [[int(c) if i == 2 and c not in texts else c for i, c in enumerate(row)] for row in cells[1:]]
        text = "".join(json.dumps(dict(zip(cells[0], row, strict=True))) + "\n" for row in values)
    load(text, "--object", "k:INTEGER", "--time", "t", "--action-name", "x", "--attribute", "delay", "--state", "plan",
         "--null", "NA", "--null", "n/a", name=name)  # fmt: skip
    line = 1 if name == "in.jsonl" else 2
    assert f"delay INTEGER (line {line}: " in capsys.readouterr().out
    assert rows("SELECT k, delay, plan FROM users") == [(7, -3, None), (8, None, None), (9, None, "NAN")]


def test_truth_values_and_numbers_of_json_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    lines = '{"k": 1, "t": "2026-01-01", "a": 1}\n{"k": 1, "t": "2026-01-01", "a": true}\n'
    load(lines, "--object", "k", "--time", "t", "--action-name", "x", "--attribute", "a", name="in.jsonl", status=1)
    assert "True cannot be stored as TEXT" in failure(capsys)


def test_a_key_that_no_line_has_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--object", "k", "--time", "t", "--state", "plan", "--attribute", "rare", "--attribute", "never:REAL"]
    load('{"k": 1, "t": "2026-01-01", "plan": "free"}\n', *options, name="in.jsonl")
    captured = capsys.readouterr()
    assert captured.err == "note: no line has rare, never\n" and "rare TEXT (no line has one)" in captured.out
    assert rows("SELECT plan, rare, never FROM users") == [("free", None, None)]
    load('{"k": 1, "t": "2026-01-01"}\n', "--object", "k", "--time", "t", "--action", "what", name="in.jsonl", status=1)
    assert "says what happened" in failure(capsys)


def test_given_types_win() -> None:
    load("k,t,i\n1,2026-01-01,12\n", "--object", "k:TEXT", "--time", "t", "--action-name", "x", "--attribute", "i:TEXT")
    assert rows("SELECT k, i FROM users") == [("1", "12")]


def test_unsorted_file_gives_what_the_sorted_one_gives() -> None:
    header, *lines = CSV.splitlines(keepends=True)
    load(CSV, *COLUMNS)
    expected = rows("SELECT * FROM users")
    Path("shop.db").unlink()
    load(header + "".join(reversed(lines)), *COLUMNS)
    assert rows("SELECT * FROM users") == expected


def test_second_import_of_a_file_changes_no_state() -> None:
    load(CSV, *COLUMNS)
    before = rows("SELECT * FROM users_changes")
    load(CSV, *COLUMNS)
    assert rows("SELECT * FROM users_changes") == before


@pytest.mark.parametrize("name", ["in.tsv", "in.tsv.gz", "in.csv.gz", "in.jsonl", "in.ndjson.gz", "in.parquet"])
def test_formats_agree(name: str) -> None:
    load(CSV, *COLUMNS)
    expected = rows("SELECT * FROM users")
    records = [dict(zip(CSV.split("\n")[0].split(","), r, strict=True)) for r in csv_rows(CSV)]
    if "parquet" in name:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        typed = [{**r, "user": int(r["user"]), "amount": float(r["amount"]) if r["amount"] else None} for r in records]
        parquet.write_table(pyarrow.Table.from_pylist([{k: v or None for k, v in r.items()} for r in typed]), name)
    else:
        text = CSV if "csv" in name else "".join("\t".join(r) + "\n" for r in [records[0].keys(), *csv_rows(CSV)])
        if "json" in name:
            text = "".join(json.dumps({k: v for k, v in r.items() if v}) + "\n" for r in records)
            text = text.replace('"9.50"', "9.5").replace('"20"', "20")
        data = text.encode()
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    run("import", "other.db", "users", name, *COLUMNS)
    assert rows("SELECT * FROM users", "other.db") == expected


def csv_rows(text: str) -> list[list[str]]:
    import csv

    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize(
    "unit, number", [("us", "1767225600000001"), ("ms", "1767225600000.001"), ("s", "1767225600.000001")]
)
def test_time_units(unit: str, number: str) -> None:
    load(f"o,t\n1,{number}\n", "--object", "o", "--time", "t", "--time-unit", unit, "--action-name", "x")
    assert rows("SELECT ts FROM users") == [(1767225600000001,)]


@pytest.mark.parametrize("name, text", [
    ("in.csv", "o,t\n1,1467331200\n1,1467331205\n"), ("in.tsv", "o\tt\n1\t 1467331205 \n"),
    ("in.jsonl", '{"o": 1, "t": 1467331205}\n{"o": 1, "t": "2026-01-01"}\n'),
    ("in.jsonl", '{"o": 1, "t": 1467331205.0}\n'),
])  # fmt: skip
def test_numbers_without_a_unit_stop_the_import(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(text, "--object", "o", "--time", "t", "--action-name", "x", name=name, status=1)
    told = failure(capsys)
    assert "1467331205 may be 1970-01-01 00:24:27.331205 (us)" in told and "2016-07-01 00:00:05.000000 (s)" in told
    assert "say what they count: --time-unit us, ms or s)" in told
    load(text, "--object", "o", "--time", "t", "--action-name", "x", "--time-unit", "us", name=name)
    assert rows("SELECT min(timestamp) FROM users")[0][0].startswith("1970-01-01")


@pytest.mark.parametrize("name, text", [
    ("in.csv", "o,t\n1,1970-01-01 00:00:05\n"), ("in.tsv", "o\tt\n1\t1970-01-01T01:00:05+01:00\n"),
    ("in.jsonl", '{"o": 1, "t": "1970-01-01T00:00:05Z"}\n'),
])  # fmt: skip
def test_dates_of_any_year_are_imported(name: str, text: str) -> None:
    load(text, "--object", "o", "--time", "t", "--action-name", "x", name=name)
    assert rows("SELECT timestamp FROM users") == [("1970-01-01 00:00:05.000000",)]


@pytest.mark.parametrize("name, text", [
    ("in.csv", "o,t\n1,1767225600.5\n"), ("in.csv", "o,t\n1,2026-01-01\n1, 1767225600.25 \n"),
    ("in.jsonl", '{"o": 1, "t": 1767225600.5}\n'),
])  # fmt: skip
def test_numbers_with_a_fraction_ask_for_a_unit(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(text, "--object", "o", "--time", "t", "--action-name", "x", name=name, status=1)
    assert "since 1970; if they count something else, say what: --time-unit us, ms or s)" in failure(capsys)
    load(text, "--object", "o", "--time", "t", "--action-name", "x", "--time-unit", "s", name=name)
    assert rows("SELECT max(timestamp) FROM users")[0][0].startswith("2026-01-01 00:00:00.")


@pytest.mark.parametrize("state", [[], ["--state", "p"]])
def test_the_unit_is_asked_for_where_the_numbers_begin(
    state: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file of several chunks; and not again, where some lie near 1970."""
    monkeypatch.setattr(formats, "CHUNK", 2)
    monkeypatch.setattr(formats, "PIECE", 1)
    options = ["--object", "o", "--time", "t", "--action-name", "x", *state]
    times = ["2026-01-01"] * 4 + [str(10**15)] * 3 + [str(10**6)] * 3
    load("o,t,p\n" + "".join(f"1,{t},\n" for t in times), *options)
    capsys.readouterr()
    load("o,t,p\n" + "".join(f"1,{t},\n" for t in times[:4] + times[7:]), *options, status=1)
    assert "say what they count" in failure(capsys)
    assert rows("SELECT count(*) FROM users") == [(10,)]


def test_parquet_times_are_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    moments = np.array(["2026-01-01T00:00:00.000001", "2026-01-01T00:00:00.000001002", "NaT"], "M8[ns]")
    whole = np.array(["2026-01-01T00:00:00.000001"] * 3, "M8[ns]")
    for times, notes in ((moments[:2], whole[:2]), (whole[:2], moments[:2])):
        parquet.write_table(pa.table({"o": [1, 2], "t": times, "n": notes}), "in.parquet")
        run(*IMPORT, "in.parquet", "--object", "o", "--time", "t", "--action-name", "x", "--attribute", "n", status=1)
        told = failure(capsys)
        assert "line 2: " in told and "2026-01-01T00:00:00.000001002" in told and "round it first" in told
    parquet.write_table(pa.table({"o": [1, 2, 3], "t": whole, "n": moments[[0, 2, 0]]}), "in.parquet")
    run(*IMPORT, "in.parquet", "--object", "o", "--time", "t", "--action-name", "x", "--attribute", "n")
    text = "2026-01-01 00:00:00.000001"
    assert rows("SELECT timestamp, n FROM users") == [(text, text), (text, None), (text, text)]


def test_parquet_decimals_are_exact() -> None:
    """As ids, numbers and times they are whole numbers of 64 bits; as REAL the nearest there is, as in CSV."""
    names = "o", "t", "n", "price"
    r = random.Random(0)
    ids = [2**53, 2**53 + 1, 2**62 + 1, *(r.randrange(1, 2**63) for _ in range(200))]
    times = [r.randrange(10**15, 10**17) for _ in ids]
    numbers = [2**63 - 1, None, *(r.randrange(-(2**63), 2**63) for _ in ids[2:])]
    prices = [Decimal("34181720.41"), None, *(Decimal(r.randrange(10**10)).scaleb(-2) for _ in ids[2:])]
    types = pa.decimal128(38, 0), pa.decimal128(20), pa.decimal256(60, 0), pa.decimal128(10, 2)
    columns = [pa.array(column, type) for column, type in zip((ids, times, numbers, prices), types, strict=True)]
    parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), "in.parquet")
    roles = ["--object", "o", "--time", "t", "--action-name", "x", "--attribute", "n", "--attribute", "price"]
    run(*IMPORT, "in.parquet", *roles)
    stored = [None if price is None else float(price) for price in prices]
    assert sorted(rows("SELECT o, ts, n, price FROM users")) == sorted(zip(ids, times, numbers, stored, strict=True))


@pytest.mark.parametrize("finest", ["1700000000.1234560000000000000000000000000001", "1700000000.12345604"])
def test_parquet_decimal_times_are_not_cut(finest: str, capsys: pytest.CaptureFixture[str]) -> None:
    times = pa.array([Decimal("1700000000.123456"), Decimal(finest)], pa.decimal256(60, 40))
    for rows_, status in ((1, 0), (2, 1)):
        parquet.write_table(pa.table({"o": [1, 2][:rows_], "t": times[:rows_]}), "in.parquet")
        options = ["--object", "o", "--time", "t", "--action-name", "x"]
        run(*IMPORT, "in.parquet", *options, "--time-unit", "s", status=status)
    assert "line 2: " in (told := failure(capsys)) and "round it first" in told
    run(*IMPORT, "in.parquet", *options, status=1)
    assert rows("SELECT ts FROM users") == [(1700000000123456,)]


def test_standard_input() -> None:
    command = [sys.executable, "-m", "skysql", *IMPORT, "-", *COLUMNS]
    packed = gzip.compress(CSV.encode())
    done = subprocess.run(command, input=packed, capture_output=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert rows("SELECT count(*) FROM users") == [(5,)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(skysql.__file__).parent.parent)}


FAULTY = (
    CSV
    + "x,2026-01-01,visit,,,\n3,yesterday,visit,,,\n3,2026-01-01,visit,,cheap,\n"
    + "3,2026-01-01,visit\n\n0,2026-01-01,visit,,,\n"
)


@pytest.mark.parametrize(
    "bad, reason",
    [
        ("x,2026-01-01,visit,,,", "'x'"),
        ("-1,2026-01-01,visit,,,", "-1"),
        (",2026-01-01,visit,,,", "needs an object"),
        ("3,yesterday,visit,,,", "yesterday"),
        ("3,,visit,,,", "timestamp"),
        ("3,10000-01-01,visit,,,", "10000-01-01"),
        ("3,2026-01-01,visit,,cheap,", "cheap"),
        ("3,2026-01-01,visit", "3 cells"),
        ('3,2026-01-01,"visit"s,,,', "split"),
        ('3,2026-01-01,"visit,,,', "split"),
    ],
)
def test_a_bad_line_stops_the_import_and_nothing_is_left(
    bad: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load(CSV + bad + "\n", *COLUMNS, status=1)
    message = failure(capsys)
    assert "in.csv, line 8:" in message and reason.lower() in message.lower()
    assert message.endswith("; nothing of it was stored\n")
    assert rows("SELECT * FROM sqlite_schema") == []


def test_a_bad_line_leaves_a_table_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    before = rows("SELECT * FROM users")
    load(FAULTY, *COLUMNS, status=1)
    assert rows("SELECT * FROM users") == before


def test_bad_lines_can_be_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    load(FAULTY, *COLUMNS, "--on-error", "skip")
    captured = capsys.readouterr()
    assert "5 events imported" in captured.out
    assert "5 lines could not be imported" in captured.err
    for line in (8, 9, 10, 11, 13):
        assert f"line {line}:" in captured.err


def test_bytes_that_are_not_utf8_are_a_fault_of_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_bytes(b"o,t,a\n1,2026-01-01,x\n2,2026-01-01,caf\xe9\n")
    run(*IMPORT, "in.csv", "--object", "o", "--time", "t", "--action", "a", status=1)
    assert "line 3: is not UTF-8" in failure(capsys)


def test_statements_that_are_not_utf8(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("query", "shop.db", "CREATE TABLE t(x)")
    capsys.readouterr()
    run("query", "shop.db", "SELECT '\udcff'", status=1)  # as Python has the bytes of an argument
    assert "'\\udcff' stands in no text" in failure(capsys)
    for errors in ("strict", "surrogateescape"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'"), "utf-8", errors))
        run("query", "shop.db", "-", status=1)
        failure(capsys)


@pytest.mark.parametrize("command", [["-m", "skysql"], ["main.py"]])
@pytest.mark.parametrize("module", ["apsw", "numpy"])
def test_an_interrupt_while_modules_are_imported(here: Path, module: str, command: list[str]) -> None:
    """The first lines of a module are interrupted, at whatever time they run."""
    (here / f"{module}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    (here / "main.py").write_text("from skysql.__main__ import main\nraise SystemExit(main())\n")
    done = start(sys.executable, *command, "info", "shop.db", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.communicate() == (b"", b"")
    assert done.returncode == 130


def test_an_interrupt_before_there_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "_wanted", Mock(side_effect=KeyboardInterrupt))
    run(*IMPORT, "in.csv", "--object", "o", "--time", "t", status=130)
    assert failure(capsys) == "skysql: interrupted\n"


def test_line_numbers_count_lines_in_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    load('o,t,a\n1,2026-01-01,"a\nb\nc"\n\n2,never,d\n', "--object", "o", "--time", "t", "--action", "a", status=1)
    assert "line 6:" in failure(capsys)


@pytest.mark.parametrize(
    "line, reason", [("{", "not JSON"), ("[1]", "not a JSON object"), ('{"o": 1.5, "t": 1, "a": "x"}', "1.5")]
)
def test_bad_json_lines(line: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = '{"o": 1, "t": 1, "a": "x"}\n\n' + line + "\n"
    load(text, "--object", "o", "--time", "t", "--action", "a", name="in.jsonl", status=1)
    message = failure(capsys)
    assert "line 3:" in message and reason in message


@pytest.mark.parametrize(
    "options, reason",
    [
        ("--object who --time when --action what", "who"),
        ("--object user --time when", "what happened"),
        ("--object user --time when --action what --state events", "events"),
        ("--object user --time when --action what --state plan:TXT", "DECIMAL(p,s), and 'TXT' is none)"),
    ],
)
def test_requests_that_do_not_fit(options: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *options.split(), status=1)
    assert reason in failure(capsys)
    assert not Path("shop.db").exists()


def test_a_table_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text(CSV)
    run("import", "shop.db", "", "in.csv", *COLUMNS, status=1)
    assert "'' names no table (give the sky table a name)" in failure(capsys)
    assert not Path("shop.db").exists()
    load(CSV, *COLUMNS)
    for name in ("", "main."):
        capsys.readouterr()
        run("import", "shop.db", name, "in.csv", *COLUMNS, status=1)
        assert f"{name!r} names no table" in failure(capsys)


def test_names_of_files_that_are_not_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made of one."""
    load(CSV, *COLUMNS)
    before, name = set(os.listdir()), "new\udcff.db"  # as Python has the bytes of an argument
    for command in (["repair", "shop.db", name], ["import", name, "users", "in.csv", *COLUMNS], ["demo", name]):
        capsys.readouterr()
        run(*command, status=1)
        assert "(give it a name that is UTF-8)" in failure(capsys)
    assert set(os.listdir()) == before


@pytest.mark.parametrize(
    "name, contents, reason",
    [
        ("in.csv", "o,t,a\n".encode("utf-16"), "line 1, is not UTF-8 text (convert the file to UTF-8)"),
        ("in.json", b'[{"o": 1, "t": 1, "a": "x"}]', "(it has none; of JSON, each line has to be an object)"),
        ("in.jsonl", b"", "(it has none; of JSON, each line has to be an object)"),
        ("in.txt", b"o,t,a\n", "(give --format: csv, tsv, jsonl, parquet)"),
    ],
)
def test_files_that_are_no_tables(name: str, contents: bytes, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_bytes(contents)
    run(*IMPORT, name, "--object", "o", "--time", "t", "--action", "a", status=1)
    assert reason in failure(capsys)


def test_a_property_of_a_table_that_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    text, columns = "o,t,a,n\n1,2026-01-01,x,1\n", ("--object", "o", "--time", "t", "--action", "a")
    load(text, *columns)
    capsys.readouterr()
    load(text, *columns, "--attribute", "n", status=1)
    assert "no property 'n' (it has none)" in failure(capsys)


def test_requests_that_do_not_fit_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    for options in ("--attribute plan", "--state plan:INTEGER", "--state color"):
        capsys.readouterr()
        load(CSV + "", "--object", "user", "--time", "when", "--action", "what", *options.split(), status=1)
        assert options.split()[1].split(":")[0] in failure(capsys)


@pytest.mark.parametrize("name", ["missing.csv", "in.xlsx", "empty.csv", "broken.csv.gz", "fake.parquet"])
def test_files_that_cannot_be_read(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name != "missing.csv":
        contents = {"empty.csv": b"", "broken.csv.gz": gzip.compress(CSV.encode() * 99)[:-20]}
        Path(name).write_bytes(contents.get(name, b"not much"))
    run(*IMPORT, name, *COLUMNS, status=1)
    failure(capsys)
    if name == "broken.csv.gz":  # it is found to be broken when the import is at it
        assert rows("SELECT * FROM sqlite_schema") == []
    else:
        assert not Path("shop.db").exists()


def test_a_file_that_is_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop.db").write_bytes(b"this is no database, though it is long enough" * 100)
    for arguments in (["info", "shop.db"], ["query", "shop.db", "SELECT 1 FROM sqlite_schema"]):
        run(*arguments, status=1)
        failure(capsys)
    load(CSV, *COLUMNS, status=1)
    failure(capsys)
    assert Path("shop.db").stat().st_size == 4500


# a database that others write to


STARTED: list[subprocess.Popen[bytes]] = []


def start(*command: str, **pipes: Any) -> subprocess.Popen[bytes]:
    """A process that SIGINT interrupts, whatever it does to this one; it ends with the test, however that ends."""
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    STARTED.append(subprocess.Popen(command, env={**environment(), "PYTHONUNBUFFERED": "1"}, **pipes))
    signal.signal(signal.SIGINT, ignored)
    return STARTED[-1]


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            with suppress(BrokenPipeError):
                pipe.close()


def skysql_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "skysql", *arguments]


MUCH = CSV.splitlines(keepends=True)[0] + "".join(f"{i},2026-01-01,buy,,,\n" for i in range(1, 100_000))
"""More than a pipe holds: who has written it knows that the import has begun."""


@pytest.mark.parametrize("first", [False, True])
def test_an_interrupted_import_is_rolled_back(first: bool) -> None:
    if not first:
        load(CSV, *COLUMNS)
    importing = start(*skysql_command(*IMPORT, "-", *COLUMNS), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert importing.stdin and importing.stderr
    importing.stdin.write(MUCH.encode())
    importing.send_signal(signal.SIGINT)
    assert importing.wait() == 130
    assert importing.stderr.read() == b"skysql: interrupted; nothing of it was stored\n"
    importing.stderr.close()
    with suppress(BrokenPipeError):
        importing.stdin.close()
    if first:
        run("info", "shop.db")
    else:
        assert rows("SELECT count(*) FROM users") == [(5,)]


WHEN_TOLD = """
import os, sys, skysql
from skysql.cli import main
connect = skysql.connect
def when_told(*arguments, **options):
    os.write(2, b"ready"), os.read(0, 1)
    return connect(*arguments, **{**options, "timeout": 0.0})
skysql.connect = when_told
sys.exit(main.main())
"""
"""The command line, which looks for the database, says "ready" and opens it when it gets a byte."""


def test_the_second_of_two_first_imports_leaves_the_file_of_the_first() -> None:
    Path("in.csv").write_text(CSV)
    Path("much.csv").write_text(MUCH)
    command = [sys.executable, "-c", WHEN_TOLD, *IMPORT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with start(*command, "in.csv", *COLUMNS, **pipes) as one, start(*command, "much.csv", *COLUMNS, **pipes) as two:
        assert one.stdin and one.stderr and two.stdin and two.stderr
        assert one.stderr.read(5) == two.stderr.read(5) == b"ready"
        assert not Path("shop.db").exists()
        with skysql.connect("shop.db", isolation_level=None) as db:
            db.execute("BEGIN IMMEDIATE")  # the other import, for as long as the first one tries
            one.stdin.write(b"!")
            one.stdin.close()
            assert one.wait() == 1 and b"locked" in one.stderr.read()
            db.execute("COMMIT")
        db.close()
        assert Path("shop.db").exists()
        two.stdin.write(b"!")
        two.stdin.close()
        assert two.wait() == 0
    assert rows("SELECT count(*) FROM users") == [(99_999,)]


def test_whoever_reads_no_further_takes_no_data_away() -> None:
    sql = "CREATE TABLE t(x); INSERT INTO t VALUES (1);"
    sql += "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n;\n"
    Path("s.sql").write_text(sql)
    with Path("s.sql").open() as script:
        shell = start(*skysql_command("shell", "new.db"), stdin=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert shell.stdout and shell.stderr
        assert shell.stdout.readline() == b"1\n"
        shell.stdout.close()
        shell.stderr.read()
        shell.stderr.close()
        shell.wait()
    assert rows("SELECT x FROM t", "new.db") == [(1,)]


def test_an_interrupted_shell_keeps_what_was_committed() -> None:
    shell = start(*skysql_command("shell", "new.db"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE)  # fmt: skip
    assert shell.stdin and shell.stdout and shell.stderr
    shell.stdin.write(b"CREATE TABLE t(x);\nINSERT INTO t VALUES (1);\nSELECT 'done';\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == b"done\n"
    shell.send_signal(signal.SIGINT)
    _, told = shell.communicate()
    assert b"nothing" not in told
    assert rows("SELECT x FROM t", "new.db") == [(1,)]


def test_a_repair_that_has_no_room_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()

    def fail(*arguments: Any) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr("skysql.repair.repair.repair", fail)
    run("repair", "shop.db", "new.db", status=1)
    assert failure(capsys) == "skysql: database or disk is full\n"


def test_a_command_without_an_output() -> None:
    load(CSV, *COLUMNS)
    command = " ".join(map(shlex.quote, skysql_command("query", "shop.db", "SELECT 1")))
    done = subprocess.run(f"{command} >&-", shell=True, env=environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


ENDLESS = b"SELECT 'begun';\nWITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c;\n"


def test_an_endless_statement_is_interrupted() -> None:
    shell = start(*skysql_command("shell", "new.db"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE)  # fmt: skip
    assert shell.stdin and shell.stdout and shell.stderr
    shell.stdin.write(ENDLESS)
    shell.stdin.flush()
    assert shell.stdout.readline() == b"begun\n"
    shell.send_signal(signal.SIGINT)
    _, told = shell.communicate()
    assert shell.returncode and b"Traceback" not in told


def test_a_repair_that_fails_leaves_the_new_file(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()

    def fail(*arguments: Any) -> None:
        with skysql.connect("new.db") as other:
            other.execute("CREATE TABLE t(x)")
        other.close()
        raise skysql.OperationalError("the disk is full")

    monkeypatch.setattr(rescue, "copy_rest", fail)
    run("repair", "shop.db", "new.db", status=1)
    assert failure(capsys) == "skysql: the disk is full; what was saved until then is in 'new.db'\n"
    assert rows("SELECT count(*) FROM t", "new.db") == [(0,)]
    run("repair", "shop.db", "new.db", status=1)
    assert "there already" in failure(capsys)


def test_the_demo_wants_a_database_with_nothing_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    skysql.connect("shop.db").close()
    run("demo", "shop.db", "--events", "1000")
    run("demo", "shop.db", status=1)
    assert "there already" in capsys.readouterr().err


# export


def test_carriage_returns_come_back() -> None:
    texts = ["a\rb", "\r", "a\r\nb", "\n", 'x"\r,y', "plain", None]
    for name in ("out.csv", "out.tsv", "out.csv.gz", "out.jsonl"):
        with skysql.connect("shop.db") as db:
            db.execute("CREATE VIRTUAL TABLE notes USING sky(who TEXT OBJECT, s TEXT STATE, n TEXT)")
            db.executemany("INSERT INTO notes(who, timestamp, action, s, n) VALUES (?, '2026-01-01', 'a', ?, ?)",
                           [(f"k{i}\r", text, text) for i, text in enumerate(texts)])  # fmt: skip
        db.close()
        before = rows("SELECT * FROM notes")
        run("export", "shop.db", "notes", name)
        Path("shop.db").unlink()
        run("import", "shop.db", "notes", name, "--object", "who:TEXT", "--time", "timestamp", "--action", "action",
            "--state", "s:TEXT", "--attribute", "n:TEXT")  # fmt: skip
        assert rows("SELECT * FROM notes") == before
        Path("shop.db").unlink()


def test_csv_of_a_query_keeps_carriage_returns(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", "SELECT 'a' || char(13) || 'b' AS x, 5 AS y UNION ALL SELECT 'c', NULL", "--format", "csv")
    assert capsys.readouterr().out == 'x,y\n"a\rb","5"\nc,\n'


@pytest.mark.parametrize("seed", range(3))
def test_random_texts_come_back_from_csv(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(300):
        columns = rng.randint(2, 3)
        texts = [["".join(rng.choices("a,\t\"'\r\n \x00\x1b\ufeff\u2028", k=rng.randint(0, 4))) for _ in range(columns)]
                 for _ in range(rng.randint(1, 4))]  # fmt: skip
        delimiter, out = rng.choice(",\t"), io.StringIO(newline="")
        formats.Csv(out, delimiter).write(texts)
        assert list(csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter, strict=True)) == texts


@pytest.mark.parametrize("there", [True, False])
def test_export_writes_to_what_a_link_leads_to(there: bool) -> None:
    load(CSV, *COLUMNS)
    Path("real").mkdir()
    if there:
        Path("real/out.csv").write_text("old")
        Path("real/out.csv").chmod(0o640)
    Path("out.csv").symlink_to("real/out.csv")
    Path("out.csv.part").write_text("of somebody else")
    run("export", "shop.db", "users", "out.csv")
    assert Path("out.csv").is_symlink() and Path("real/out.csv").read_text().startswith("user,timestamp,")
    assert not there or Path("real/out.csv").stat().st_mode & 0o777 == 0o640
    assert [p.name for p in Path("real").iterdir()] == ["out.csv"]
    assert Path("out.csv.part").read_text() == "of somebody else"


def test_export_into_a_pipe() -> None:
    load(CSV, *COLUMNS)
    os.mkfifo("out.csv")
    reader = start(sys.executable, "-c", "print(open('out.csv').read(), end='')", stdout=subprocess.PIPE)
    run("export", "shop.db", "users", "out.csv")
    run("export", "shop.db", "users", "file.csv")
    told, _ = reader.communicate()
    assert told.decode() == Path("file.csv").read_text() and Path("out.csv").is_fifo()


def test_export_to_devices_and_directories(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    run("export", "shop.db", "users", "/dev/null", "--format", "csv")
    assert Path("/dev/null").is_char_device()
    Path("out.csv").mkdir()
    capsys.readouterr()
    run("export", "shop.db", "users", "out.csv", status=1)
    assert "'out.csv' is no file" in failure(capsys)
    assert Path("out.csv").is_dir()


@pytest.mark.parametrize("name", ["shop.db", "./shop.db", "link.csv", "hard.csv", "other.db"])
def test_no_export_replaces_a_database(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    shutil.copy("shop.db", "other.db")
    os.link("shop.db", "hard.csv")
    Path("link.csv").symlink_to("shop.db")
    before = rows("SELECT * FROM users")
    capsys.readouterr()
    run("export", "shop.db", "users", name, "--format", "csv", status=1)
    assert f"{name!r} is a database" in failure(capsys)
    assert rows("SELECT * FROM users") == before and Path("other.db").read_bytes()[:6] == b"SQLite"


def test_an_export_that_fails_leaves_the_file_that_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    load(CSV, *COLUMNS)
    Path("out.csv").write_text("old")
    def fail(self: Any, row: Any) -> None:
        raise skysql.OperationalError("no more")

    monkeypatch.setattr(save._Cut, "row", fail)
    run("export", "shop.db", "users", "out.csv", status=1)
    assert [p.name for p in Path().glob("out*")] == ["out.csv"]
    assert Path("out.csv").read_text() == "old"


@pytest.mark.parametrize("name", ["my.shop", "main.x", "a.b.c", ".", "x."])
@pytest.mark.parametrize("state", ["--state", "--attribute"])
def test_tables_with_dots_in_their_names(name: str, state: str) -> None:
    command = [*COLUMNS[:6], state, "plan"]
    Path("in.csv").write_text(CSV.replace("1,2026-02-01,,pro,,\n", "").replace("1,2026-02-05,,pro,,\n", ""))
    for _ in range(2):
        run("import", "shop.db", name, "in.csv", *command)
    run("export", "shop.db", name, "out.csv")
    assert Path("out.csv").read_text().count("\n") == len(rows(f'SELECT * FROM "{name.removeprefix("main.")}"')) + 1
    run("compact", "shop.db", name)
    run("import", "copy.db", name, "out.csv", "--object", "user:INTEGER", "--time", "timestamp", "--action", "action",
        state, "plan")  # fmt: skip


# texts on a terminal

EVIL = "\x1b]0;title\x07\x1b[31mred\x9b2J\r\x7f é漢\ttab"
SHOWN = "\\x1b]0;title\\x07\\x1b[31mred\\x9b2J\\x0d\\x7f é漢"


def on_a_terminal(*arguments: str, status: int = 0) -> str:
    """What is told there."""
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with redirect_stdout(stream), redirect_stderr(stream):
        run(*arguments, status=status)
    return stream.getvalue()


CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.mark.parametrize("format", ["table", "csv", "jsonl", "json"])
def test_escapes_are_shown_on_a_terminal(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    told = on_a_terminal("query", ":memory:", f"SELECT '{EVIL}' AS \"{EVIL}\"", "--format", format)
    assert not CONTROLS.search(re.sub(r"\x1b\[[0-9;]*m", "", told) if format == "table" else told)
    assert (SHOWN if format in ("table", "csv") else "2J") in told
    assert SHOWN[:30] in on_a_terminal("query", ":memory:", f'SELECT * FROM "{EVIL}"', status=1)


@pytest.mark.parametrize("mode", ["box", "column", "list", "insert", "line", "csv", "json", "python", "tcl", "html"])
def test_the_shell_shows_escapes_on_a_terminal(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = f".color off\n.mode {mode}\n.header on\nSELECT '{EVIL}' AS \"{EVIL}\";\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(sql))
    told = on_a_terminal("shell", ":memory:")
    assert "red" in told and not CONTROLS.search(told)


def test_escapes_go_into_files_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", f"SELECT '{EVIL}' AS x", "--format", "csv")
    assert EVIL in capsys.readouterr().out



@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.tsv", "out.jsonl", "out.jsonl.gz", "out.parquet"])
@pytest.mark.parametrize("key", ["device TEXT OBJECT", "device INTEGER OBJECT", None])
def test_export_imports_again(name: str, key: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    properties = "plan TEXT STATE, level INTEGER STATE, ok BOOLEAN STATE, load REAL STATE"
    properties += ", due TIMESTAMP STATE, fee DECIMAL(18,3) STATE"
    properties += ", note TEXT, n INTEGER, x REAL, b BOOLEAN, seen TIMESTAMP, price DECIMAL(9,2)"
    db = skysql.connect("shop.db")
    db.execute(f"CREATE VIRTUAL TABLE users USING sky({key + ', ' if key else ''}{properties})")
    object = "device" if key else "object_id"
    rng = random.Random(name)
    states = {
        "plan": [None, "free", 'p,r"o\n', ""],
        "level": [None, 0, 2**62],
        "ok": [None, True, False],
        "load": [None, 0.1, -1e300],
        "due": [None, "2026-01-02 03:04:05.678", "0001-01-01", "9999-12-31 23:59:59.999999"],
        "fee": [None, "123456789012345.678", "-0.001", 7],
    }
    for i in range(300):
        changes = {name: rng.choice(values) for name, values in states.items() if rng.random() < 0.3}
        values = (
            *(rng.randint(1, 20), rng.randint(-(10**15), 10**15)),
            rng.choice([None, "a", "bé"]) if changes else "c",
            json.dumps(changes) if changes else None,
            *(rng.choice([None, "\t", "ü", " x "]), rng.choice([None, -5])),
            *(rng.choice([None, 1 / 3, float("inf"), i * 1.0]), rng.choice([None, 0, 1])),
            *(rng.choice([None, -1, rng.randint(-(10**15), 10**15)]), rng.choice([None, "-9999999.99", 0.29])),
        )
        names = f"{object}, timestamp, action, changes, note, n, x, b, seen, price"
        db.execute(f"INSERT INTO users({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    db.commit()
    columns = f"{object}, timestamp, action, changes, plan, level, ok, load, due, fee, note, n, x, b, seen, price"
    expected = db.execute(f"SELECT {columns} FROM users").fetchall()
    db.close()
    run("export", "shop.db", "users", name)
    command = shlex.split(capsys.readouterr().err.splitlines()[-1])
    run("import", "copy.db", *command[3:])
    actual = rows(f"SELECT {columns} FROM users", "copy.db")
    if key and "TEXT" in key:  # ids are given anew, so paths come in another order
        actual, expected = ([sorted(r, key=lambda row: row[0]) for r in (actual, expected)])
    assert actual == expected


def test_export_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    load(CSV, *COLUMNS)
    capfdbinary.readouterr()
    command = [sys.executable, "-m", "skysql", "export", "shop.db", "users", "-", "--format", "jsonl"]
    done = subprocess.run(command, capture_output=True, env=environment())
    first = json.loads(done.stdout.splitlines()[0])
    when = "2026-01-01 09:00:00.000000"
    assert first == {"user": 1, "timestamp": when, "action": "sign up", "plan": "free", "url": "/"}


def test_export_of_no_such_table(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()
    run("export", "shop.db", "user", "out.csv", status=1)
    assert "users" in failure(capsys)
    assert not list(Path().glob("out*"))


# query and the rest


def test_query_formats(capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT 1 AS a, 'x,y' AS b, NULL AS c, 1.5 AS d, x'00ff' AS e"
    expected = {
        "csv": "a,b,c,d,e\n1,\"x,y\",,1.5,x'00ff'\n",
        "json": '[\n  {"a": 1, "b": "x,y", "c": null, "d": 1.5, "e": "00ff"}\n]\n',
        "jsonl": '{"a": 1, "b": "x,y", "c": null, "d": 1.5, "e": "00ff"}\n',
        "table": "a  b    c       d  e\n-  ---  ----  ---  -------\n1  x,y  NULL  1.5  x'00ff'\n",
    }
    for format, text in expected.items():
        run("query", ":memory:", sql, "--format", format)
        assert capsys.readouterr().out == text


def test_query_of_infinities_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", "SELECT 9e999 AS a, -9e999 AS b, ': Infinity' AS c", "--format", "jsonl")
    assert capsys.readouterr().out == '{"a": 9e999, "b": -9e999, "c": ": Infinity"}\n'


def test_query_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", "SELECT 1 AS a WHERE 0", "--format", "json")
    assert json.loads(capsys.readouterr().out) == []
    run("query", ":memory:", "SELECT 1 AS a WHERE 0")
    assert capsys.readouterr().out == "a\n-\n"


def test_query_writes(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", "new.db", "CREATE VIRTUAL TABLE t USING sky(plan TEXT STATE)")
    run("query", "new.db", "INSERT INTO t(object_id, timestamp, plan) VALUES (1, '2026-01-01', 'free')")
    assert rows("SELECT plan FROM t", "new.db") == [("free",)]


def test_timing_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", "VALUES (1), (2)", "--timing")
    assert "2 rows in" in capsys.readouterr().err


def test_explain_shows_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()
    run("query", "shop.db", "SELECT plan, count(*) FROM users WHERE action = 'purchase' GROUP BY plan", "--explain")
    assert "PATH SCAN users" in capsys.readouterr().out


@pytest.mark.parametrize(
    "sql, reason",
    [("SELEC 1", "syntax error"), ("SELECT * FROM absent", "no such table"), ("SELECT 1; SELECT 2", "one statement")],
)
def test_query_errors(sql: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("query", ":memory:", sql, status=1)
    assert reason in failure(capsys)


def test_commands_on_a_database_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["query", "x.db", "SELECT 1"], ["info", "x.db"], ["check", "x.db"], ["compact", "x.db"],
                      ["export", "x.db", "t", "t.csv"]):  # fmt: skip
        run(*arguments, status=1)
        assert "x.db" in failure(capsys)
        assert not Path("x.db").exists()


def test_info_compact_check(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()
    run("compact", "shop.db", "users")
    run("check", "shop.db")
    run("info", "shop.db")
    out = capsys.readouterr().out
    assert "no faults" in out
    for text in ("events      5\n", "objects     2\n", "2026-01-01 09:00:00.000000 to 2026-02-03", '"plan" TEXT STATE'):
        assert text in out
    run("compact", "shop.db", "nothing", status=1)
    failure(capsys)


def test_alter(capsys: pytest.CaptureFixture[str]) -> None:
    run("query", "shop.db", "CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    capsys.readouterr()
    run("alter", "shop.db", "users", "ADD", "seats", "INTEGER", "STATE")
    run("alter", "shop.db", "users", "RENAME plan TO tier")
    assert capsys.readouterr().out == "seats INTEGER STATE added to users\nplan of users renamed to tier\n"
    run("alter", "shop.db", "users", "ADD", "COLUMN", "my city", "TEXT")
    assert capsys.readouterr().out == "my city TEXT added to users\n"
    run("alter", "shop.db", "users", "DROP plan", status=1)
    assert "no property 'plan'" in capsys.readouterr().err
    run("info", "shop.db")
    out = capsys.readouterr().out
    assert '    "tier" TEXT STATE      0 distinct\n    "seats" INTEGER STATE  about 0 distinct\n' in out


def test_check_reports_faults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    load(CSV, *COLUMNS)
    capsys.readouterr()
    monkeypatch.setattr(skysql.Connection, "check", lambda self, table=None: ["main.users: block 1: flipped"])
    run("check", "shop.db", status=1)
    captured = capsys.readouterr()
    assert "flipped" in captured.out and captured.err.startswith("skysql: shop.db: 1 fault")


def test_an_export_to_no_directory_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    run("export", "shop.db", "users", "absent/out.csv", status=1)
    assert failure(capsys) == "skysql: absent/out.csv: No such file or directory\n"


def test_an_export_into_a_file_of_two_names() -> None:
    load(CSV, *COLUMNS)
    Path("one.csv").write_text("old")
    os.link("one.csv", "two.csv")
    run("export", "shop.db", "users", "one.csv")
    assert Path("one.csv").samefile("two.csv") and "purchase" in Path("two.csv").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever there is")
def test_an_export_into_a_file_that_is_only_to_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    load(CSV, *COLUMNS)
    Path("out.csv").write_text("old")
    Path("out.csv").chmod(0o444)
    run("export", "shop.db", "users", "out.csv", status=1)
    assert "Permission denied" in failure(capsys) and Path("out.csv").read_text() == "old"


def test_a_shell_shows_no_names_of_results() -> None:
    load(CSV, *COLUMNS)
    sql = "SELECT plan, count(*) FROM users GROUP BY plan"
    script = f"{sql};\nEXPLAIN {sql};\nEXPLAIN QUERY PLAN {sql};\nPRAGMA module_list;\n".encode()
    done = subprocess.run(skysql_command("shell", "shop.db"), input=script, capture_output=True, env=environment())
    assert b"users" in done.stdout and done.stderr == b""
    assert re.search(rb"sky [0-9a-f]{32}", done.stdout) is None


def test_a_number_beyond_its_unit_says_which_one_would_do(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--object", "o", "--time", "t", "--action", "a", "--time-unit"]
    load("o,t,a\n1,1767225600000,x\n", *options, "s", status=1)
    assert "numbers count seconds (s) here, up to year 9999; as ms it is 2026-01-01 00:00:00" in failure(capsys)
    load("o,t,a\n1,17672256000000000000,x\n", *options, "s", status=1)
    assert "up to year 9999)" in failure(capsys)


def test_a_file_that_is_no_database_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("orders.csv").write_text(CSV)
    run("query", "orders.csv", "SELECT 1", status=1)
    assert failure(capsys).startswith("skysql: 'orders.csv' is not a database (")
    assert Path("orders.csv").read_text() == CSV


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--version"])
    assert re.fullmatch(r"skysql \d+\.\d+\.\d+, compiled loops: .*\n", capsys.readouterr().out)


def test_a_shell_whose_reader_has_had_enough_ends_quietly() -> None:
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n;\n"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    shell = start(*skysql_command("shell", "new.db"), **pipes)
    assert shell.stdin and shell.stdout and shell.stderr
    shell.stdout.close()
    shell.stdin.write(long.encode())
    shell.stdin.close()
    assert (shell.wait(), shell.stderr.read()) == (1, b"")
    shell.stderr.close()


def test_shell() -> None:
    load(CSV, *COLUMNS)
    script = b".mode list\nSELECT user FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-02';\n"
    command = [sys.executable, "-m", "skysql", "shell", "shop.db"]
    done = subprocess.run(command, input=script, capture_output=True, env=environment())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
    done = subprocess.run(command, input=b"SELECT 1;\nSELEC 2;\nSELECT 3;\n", capture_output=True, env=environment())
    assert done.returncode == 1 and done.stdout == b"1\n" and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["import", "a.db"], ["query", "a.db"], ["import", "a.db", "t", "f"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main.main(arguments)
    assert left.value.code == 2


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    run("demo", "demo.db", "--events", "20000")
    out = capsys.readouterr().out
    assert out.count("PATH SCAN") >= 5
    for question in demo.QUESTIONS:
        assert question.title in out
    assert rows("SELECT count(*) FROM shop", "demo.db") == [(20000,)]
    run("demo", "demo.db", status=1)
    assert "demo.db" in failure(capsys)
    for question in demo.QUESTIONS:
        reference = skysql.connect("demo.db", pushdown=False)
        answer = reference.execute(question.sql).fetchall()
        reference.close()
        assert len(answer) >= 2
        for row, expected in zip(rows(question.sql, "demo.db"), answer, strict=True):
            assert row == expected


WITHOUT_LOOPS = """
import sys, warnings
sys.modules["skysql._loops"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "skysql._loops" else find(name, *rest)
import skysql
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        skysql.connect(":memory:").close()
    print([f"{type(each.message) is skysql.Warning} {each.message}" for each in caught])
"""


@pytest.mark.parametrize("pure", ["", "1"])
def test_loops_that_are_missing_are_said_once(pure: str) -> None:
    environment = {**os.environ, "SKYSQL_PURE": pure}
    command = [sys.executable, "-c", WITHOUT_LOOPS]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert ("True the compiled loops are missing" in done.stdout) == (not pure)
    assert done.stdout.count("missing") == (0 if pure else 1)
    command = [sys.executable, "-m", "skysql", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert re.fullmatch(r"skysql [\d.]+, compiled loops: (yes|turned off by SKYSQL_PURE)\n", told.stdout)
    assert ("turned off" in told.stdout) == bool(pure)
