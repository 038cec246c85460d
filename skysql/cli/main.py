"""The command line: arguments and printing only.

Answers go to standard output; progress, times and errors to standard error. Exit status 0, 1 for an error (one line:
what, where, hint), 2 for wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO

import apsw

from ..errors import DatabaseError, Error, OperationalError, ProgrammingError
from ..transfer.terminal import bare, shown_on, visible
from .version import told

if TYPE_CHECKING:
    from ..dbapi.connection import Connection
    from ..dbapi.cursor import Cursor
    from ..engine.info import TableInfo
    from ..transfer.load import LoadReport, Wanted

PREVIEW = 1000
"""Rows that a table's column widths are taken from; later, longer values stick out."""

Row = Sequence[Any]

_STEPS = 1 << 17
"""Steps of SQLite's between two looks at Ctrl-C: a millisecond or two."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    with redirect_stdout(shown_on(sys.stdout)), redirect_stderr(shown_on(sys.stderr)):
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as error:
        return _fail("; ".join(["interrupted", *_notes(error)]), 130)
    except BrokenPipeError:
        # The reader of our output has closed it. The interpreter would try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UnicodeError as error:  # of standard input, which may be any bytes
        return _fail(f"not UTF-8: {error}", 1)
    except (Error, OSError) as error:
        return _fail("; ".join([_message(error), *_notes(error)]), 1)
    except apsw.Error as error:  # of a file that is opened without a Connection
        from ..engine.sqlite_errors import translate

        return _fail("; ".join([str(translate(error)), *_notes(error)]), 1)


def _fail(message: str, status: int) -> int:
    print("skysql:", " ".join(message.split()), file=sys.stderr)
    return status


def _notes(error: BaseException) -> list[str]:
    """What became of the work, by those who were at it."""
    return getattr(error, "__notes__", [])


def _message(error: Error | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


# arguments

_CHANGES = (
    "ADD name TYPE [STATE], RENAME name TO new, DROP name, ALTER name TO STATE, ALTER name TO ATTRIBUTE, or"
    " ALTER name TYPE type"
)

def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="skysql", description="A behavioural event database that speaks SQL.")
    parser.add_argument("--version", action="version", version=told())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _import_arguments(_command(commands, "import", _import, "read a file of events into a table"))
    _query_arguments(_command(commands, "query", _query, "run one SQL statement"))
    _chart_arguments(_command(commands, "chart", _chart, "draw the rows of a statement"))
    _command(commands, "shell", _shell, "an SQL shell")
    _command(commands, "info", _info, "what the tables hold")
    alter = _command(commands, "alter", _alter, "change the properties of a table")
    _add_table(alter)
    alter.add_argument("change", metavar="CHANGE", nargs="+", help=_CHANGES)
    compact = _command(commands, "compact", _compact, "merge what was written since the last time")
    _add_table(compact, "?")
    compact.add_argument("--vacuum", action="store_true", help="leave nothing of what was deleted in the file")
    repair = _command(commands, "repair", _repair, "save all that is readable of a damaged file into a new one")
    repair.add_argument("target", metavar="NEWFILE", help="the file to make")
    _command(commands, "check", _check, "verify everything that is stored")
    export = _command(commands, "export", _export, "write a table into a file that imports again")
    _add_table(export)
    _add_file(export)
    demo = commands.add_parser("demo", help="a web shop of a million events, and ten questions")
    demo.add_argument("database", metavar="DB", nargs="?", help="a new file; without it, a temporary one")
    demo.add_argument("--events", type=int, default=None, help=argparse.SUPPRESS)
    demo.set_defaults(run=_demo)
    return parser


def _command(commands: Any, name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("database", metavar="DB", help="the database file")
    parser.set_defaults(run=run)
    return parser


def _add_table(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument("table", metavar="TABLE", nargs=nargs)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help=".csv, .tsv, .jsonl (each also .gz), .parquet; or -")
    parser.add_argument("--format", choices=["csv", "tsv", "jsonl", "parquet"], help="if the name does not tell")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    _add_table(parser)
    _add_file(parser)
    add = parser.add_argument
    add("--object", metavar="COL[:TYPE]", type=_wanted, required=True, help="whose event it is: a number or a text")
    add("--time", metavar="COL", required=True, help="when it happened, UTC unless it says otherwise")
    add("--time-unit", choices=["us", "ms", "s"], help="what numbers in it count since 1970")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--action", metavar="COL", help="what happened")
    action.add_argument("--action-name", metavar="TEXT", help="what happened, for every row")
    column: dict[str, Any] = {"metavar": "COL[:TYPE]", "type": _wanted, "action": "append", "default": []}
    add("--state", **column, help="a property that holds until it changes; may be given again")
    add("--attribute", **column, help="a property of the event alone; may be given again")
    add("--null", metavar="TEXT", action="append", default=[], help="a text that is NULL, as NA; may be given again")
    add("--on-error", choices=["stop", "skip"], default="stop", help="what to do at a line that cannot be read")


def _query_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one statement; - reads it from standard input")
    parser.add_argument("--format", choices=["table", "csv", "json", "jsonl"], default="table")
    parser.add_argument("--timing", action="store_true", help="print the number of rows and the time taken")
    parser.add_argument("--explain", action="store_true", help="print how it would run, and do not run it")


def _chart_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one statement; - reads it from standard input")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help=".svg, .png or .html")
    parser.add_argument("--kind", choices=["funnel", "retention", "flow", "lines"], help="if the columns do not tell")
    parser.add_argument("--title", metavar="TEXT")


def _wanted(text: str) -> Wanted:
    """COL or COL:TYPE; a colon that no type follows is part of the column's name."""
    from ..model.kinds import KINDS  # which the engine of a command has
    from ..transfer.load import Wanted

    column, colon, type = text.rpartition(":")
    kind = KINDS.find(type)
    return Wanted(column, kind) if colon and column and kind is not None else Wanted(text)


# databases


@contextmanager
def _open(
    path: str, create: bool = False, read_only: bool = False, cache_size: str | None = None
) -> Iterator[Connection]:
    """The database. A file that is made here stays, whatever happens: others may have committed to it since."""
    import skysql

    if not create and not path.startswith("file:") and path not in ("", ":memory:") and not os.path.exists(path):
        raise OperationalError(f"there is no database {path!r}", "skysql import and skysql shell make one")
    try:
        opened = skysql.connect(path, isolation_level=None, read_only=read_only, cache_size=cache_size)
    except DatabaseError as error:
        if "not a database" not in str(error):
            raise
        raise DatabaseError(f"{path!r} is not a database", "skysql import reads files into one") from None
    with closing(opened) as db:
        # Python sees Ctrl-C when it comes to run, which it does not while SQLite goes on by itself.
        db.sqlite.set_progress_handler(lambda: False, _STEPS)
        yield db


# commands


def _import(arguments: argparse.Namespace) -> int:
    from ..transfer.formats import Format, Input
    from ..transfer.load import Request, check_request, load

    request = Request(
        table=arguments.table,
        object=arguments.object,
        time=arguments.time,
        time_unit=arguments.time_unit,
        action=arguments.action,
        action_name=arguments.action_name,
        states=tuple(arguments.state),
        attributes=tuple(arguments.attribute),
        skip_faults=arguments.on_error == "skip",
        nulls=frozenset(arguments.null),
    )
    started = time.perf_counter()
    with Input(arguments.file, Format(arguments.format) if arguments.format else None) as source:
        if not os.path.exists(arguments.database):
            check_request(request, source)  # before there is a database
        # each column is read once or twice, to be merged
        with _open(arguments.database, create=True, cache_size="128 MB") as db, _progress(source.fraction) as progress:
            report = load(db, request, source, progress)
    _print_report(report, arguments.table, time.perf_counter() - started)
    return 0


def _print_report(report: LoadReport, table: str, seconds: float) -> None:
    rate = report.rows / max(seconds, 1e-9)
    print(f"{report.events:,} events imported into {table} in {seconds:.1f} s ({rate:,.0f} rows/s)")
    if report.dropped:
        print(f"rows dropped for having neither an action nor a change: {report.dropped:,}")
    for guess in report.guesses:
        print("type by the file:", guess)
    if report.absent:
        print("note: no line has", ", ".join(report.absent), file=sys.stderr)
    if report.unused:
        print("columns not imported:", ", ".join(report.unused))
    if report.faulty:
        print(f"{report.faulty:,} lines could not be imported and were skipped:", file=sys.stderr)
        for fault in report.faults:
            print(f"  line {fault.line}: {fault.reason}", file=sys.stderr)
        if report.faulty > len(report.faults):
            print(f"  and {report.faulty - len(report.faults):,} more", file=sys.stderr)


@contextmanager
def _progress(fraction: Callable[[], float | None]) -> Iterator[Callable[[int], None]]:
    """A progress bar with rate and time left, on a terminal only; told the number of rows so far."""
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f} rows/s, left:"),
        bars.TimeRemainingColumn(),
    )
    started = time.perf_counter()
    with bars.Progress(*columns, console=Console(file=bare(sys.stderr)), transient=True) as bar:
        task = bar.add_task("rows", total=None, rows=0, rate=0.0)

        def update(rows: int) -> None:
            done = fraction()
            rate = rows / (time.perf_counter() - started)
            bar.update(task, total=None if done is None else 1.0, completed=done or 0, rows=rows, rate=rate)

        yield update


def _query(arguments: argparse.Namespace) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    with _open(arguments.database, create=sql.lstrip()[:6].upper() == "CREATE") as db:
        if arguments.explain:
            _print_explanation(db, sql)
            return 0
        started = time.perf_counter()
        cursor = db.execute(sql)
        rows = 0
        if cursor.description is not None:
            rows = print_rows(cursor, [column[0] for column in cursor.description], arguments.format, sys.stdout)
        if arguments.timing:
            print(f"{rows:,} rows in {time.perf_counter() - started:.3f} s", file=sys.stderr)
    return 0


def _chart(arguments: argparse.Namespace) -> int:
    from . import charts

    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    with _open(arguments.database) as db:
        cursor = db.execute(sql)
        if cursor.description is None:
            raise ProgrammingError("this statement has no rows to draw")
        data = charts.Data(tuple(column[0] for column in cursor.description), cursor.fetchall())
    kind = charts.draw(data, arguments.output, arguments.kind, arguments.title, sql.strip())
    print(f"{arguments.output}: {kind}, {len(data.rows):,} rows", file=sys.stderr)
    return 0


def _print_explanation(db: Connection, sql: str) -> None:
    """SQLite's plan as a tree, with the path scans in it; those that it does not show, after it."""
    depth, lines = {0: -1}, []
    for id, parent, _, detail in db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall():
        depth[id] = depth.get(parent, -1) + 1
        lines += ["  " * depth[id] + line for line in detail.splitlines()]
    plan = db.engine.prepare(sql).plan
    if plan is not None and not any(word in line for line in lines for word in ("PATH SCAN", "REPORT ")):
        lines += ["", str(plan)]
    print("\n".join(lines))


def _shell(arguments: argparse.Namespace) -> int:
    from .shell import run

    with _open(arguments.database, create=True) as db:
        return run(db)


def _info(arguments: argparse.Namespace) -> int:
    with _open(arguments.database) as db:
        tables = db.info()
    if not tables:
        print("no sky tables")
    print("\n\n".join(map(_description, tables)))
    print(f"\n{told()}")
    return 0


def _description(info: TableInfo) -> str:
    from ..model import timestamps

    name = info.name if info.database == "main" else f"{info.database}.{info.name}"
    arguments = info.table.arguments()
    bounds = [timestamps.format(ts) for ts in (info.first_ts, info.last_ts) if ts is not None]
    lines = [
        name,
        f"  events      {info.events:,}",
        f"  objects     {info.objects:,}",
        f"  time range  {' to '.join(bounds) or 'none'}",
        f"  stored      {info.bytes:,} bytes, {info.bytes / max(info.events, 1):.1f} an event, {info.blocks:,} blocks",
        f"  log         {info.log_events:,} events, {info.log_bytes:,} bytes",
        "  columns",
    ]
    counted = ["action", *(property.name for property in info.table.properties)]
    declared = ["action TEXT", *arguments[len(arguments) - len(info.table.properties) :]]
    width = max(map(len, arguments + declared))
    lines += [f"    {argument}" for argument in arguments[: len(arguments) - len(info.table.properties)]]
    for name, argument in zip(counted, declared, strict=True):
        lines.append(f"    {argument:<{width}}  {_distinct(info.distinct[name], ' TEXT' in argument)}")
    return "\n".join(lines)


def _distinct(count: int | None, exact: bool) -> str:
    if count is None:
        return "not counted before the next compact"
    return f"{'' if exact else 'about '}{count:,} distinct"


def _alter(arguments: argparse.Namespace) -> int:
    from ..model.quoting import quote

    words = arguments.change  # of several, one with a space is a name, whose quotes the shell has taken
    change = " ".join(quote(word) if len(words) > 1 and " " in word else word for word in words)
    with _open(arguments.database) as db:
        ((done,),) = db.execute("SELECT sky_alter(?, ?)", (arguments.table, change)).fetchall()
    print(done)
    return 0


def _compact(arguments: argparse.Namespace) -> int:
    with _open(arguments.database) as db:
        started = time.perf_counter()
        db.compact(arguments.table, vacuum=arguments.vacuum)
        print(f"compacted in {time.perf_counter() - started:.1f} s")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    with _open(arguments.database) as db:
        faults = db.check()
    for fault in faults:
        print(fault)
    if faults:
        return _fail(f"{arguments.database}: {len(faults)} faults (restore it from a copy)", 1)
    print("no faults")
    return 0


def _repair(arguments: argparse.Namespace) -> int:
    from ..repair.repair import repair

    report = repair(arguments.database, arguments.target)
    for table, events in report.events.items():
        print(f"{table}: {events:,} events saved")
    for table, count in report.rows.items():
        print(f"{table}: {count:,} rows saved")
    for loss in report.losses:
        print(f"lost: {loss}")
    if report.losses:
        return _fail(f"{arguments.target}: not all could be saved ({len(report.losses)} losses)", 1)
    print("nothing was lost")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from ..transfer.formats import Format, format_of
    from ..transfer.save import command, find, save

    path = arguments.file
    format = Format(arguments.format) if arguments.format else format_of(path)
    with _open(arguments.database) as db:
        total = max(find(db, arguments.table).events, 1)
        done = [0]

        def told(report: Callable[[int], None]) -> Callable[[int], None]:
            def progress(rows: int) -> None:
                done[0] = rows
                report(rows)

            return progress

        with _progress(lambda: done[0] / total) as report:
            exported = save(db, arguments.table, path, format, told(report))
    print(f"{exported.events:,} events exported; to read them back:", file=sys.stderr)
    words = command(exported.table, "DB", arguments.table, path)
    words += ["--format", format.value] if arguments.format else []
    print("  skysql", shlex.join(words), file=sys.stderr)
    if exported.empty_texts:
        lost = f"{exported.empty_texts:,} rows hold empty texts, which read back as NULL"
        print(f"note: {lost}; .jsonl and .parquet keep them", file=sys.stderr)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    if arguments.database is not None:
        if os.path.exists(arguments.database):
            with _open(arguments.database, read_only=True) as db:
                if db.execute("SELECT * FROM sqlite_schema LIMIT 1").fetchall():
                    raise OperationalError(f"{arguments.database!r} is there already", "the demo wants a new file")
        return _run_demo(arguments.database, arguments.events)
    with tempfile.TemporaryDirectory(prefix="skysql-demo-") as directory:
        return _run_demo(os.path.join(directory, "shop.db"), arguments.events)


def _run_demo(path: str, events: int | None) -> int:
    from . import demo

    with _open(path, create=True) as db:
        started = time.perf_counter()
        demo.build(db, events or demo.EVENTS)
        (info,) = db.info()
        size = f"{info.bytes / info.events:.1f} bytes an event"
        print(f"A web shop: {info.events:,} events of {info.objects:,} customers, {size},", end=" ")
        print(f"made and stored in {time.perf_counter() - started:.1f} s.")
        for number, question in enumerate(demo.QUESTIONS, 1):
            print(f"\n{number}. {question.title}\n   {question.comment}\n")
            print(_indent(question.sql + ";"))
            started = time.perf_counter()
            cursor = db.execute(question.sql)
            rows = cursor.fetchall()
            seconds = time.perf_counter() - started
            print(f"\n{_indent(_plan_of(db, cursor, question.sql))}\n")
            print_rows(rows, [column[0] for column in cursor.description or ()], "table", sys.stdout, "    ")
            print(f"\n    {len(rows)} rows in {seconds * 1000:.0f} ms")
    return 0


def _plan_of(db: Connection, cursor: Cursor, sql: str) -> str:
    """The scans of a statement, or, of a report, what SQLite says that it reads."""
    if cursor.plan is not None:
        return str(cursor.plan)
    details = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return "\n".join(detail.partition(":")[2] or detail for detail in details if "VIRTUAL TABLE" in detail)


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


# rows


def print_rows(rows: Iterable[Row] | Cursor, names: Sequence[str], format: str, out: TextIO, margin: str = "") -> int:
    """Print the rows; returns how many. The rows are not held, but for the first PREVIEW of a table."""
    counted = _Counted(rows)
    match format:
        case "csv":
            _print_csv(names, counted, out)
        case "json":
            separator = "["
            for row in counted:
                out.write(f"{separator}\n  {_json(names, row)}")
                separator = ","
            out.write("[]\n" if separator == "[" else "\n]\n")
        case "jsonl":
            out.writelines(_json(names, row) + "\n" for row in counted)
        case _:
            _print_table(counted, names, out, margin)
    return counted.rows


def _print_csv(names: Sequence[str], rows: Iterator[Row], out: TextIO) -> None:
    from ..transfer.formats import Csv

    writer = Csv(out)
    writer.write([names])
    while some := list(itertools.islice(rows, PREVIEW)):
        writer.write([[_cell(v, "") for v in row] for row in some])


class _Counted:
    """Counts what passes through."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._iterator = iter(rows)
        self.rows = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> Row:
        row = next(self._iterator)
        self.rows += 1
        return row


def _json(names: Sequence[str], row: Row) -> str:
    from ..transfer.formats import json_object

    return json_object({n: v.hex() if isinstance(v, bytes) else v for n, v in zip(names, row, strict=True)})


def _cell(value: Any, null: str) -> str:
    if value is None:
        return null
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)


def _print_table(rows: Iterator[Row], names: Sequence[str], out: TextIO, margin: str) -> None:
    first = list(itertools.islice(rows, PREVIEW))
    if out.isatty() and len(first) < PREVIEW:
        _print_rich(first, names, margin)
        return
    numbers = [_is_number([row[i] for row in first]) for i in range(len(names))]
    texts = [[_cell(v, "NULL") for v in row] for row in first]
    widths = [max([len(n), *(len(row[i]) for row in texts)]) for i, n in enumerate(names)]

    def line(cells: Sequence[str]) -> str:
        aligned = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cells, widths, numbers, strict=True)]
        return (margin + "  ".join(aligned)).rstrip() + "\n"

    out.write(line(names))
    out.write(line(["-" * width for width in widths]))
    out.writelines(map(line, texts))
    out.writelines(line([_cell(v, "NULL") for v in row]) for row in rows)


def _is_number(cells: Sequence[Any]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(isinstance(cell, int | float) for cell in known)


def _print_rich(rows: Sequence[Row], names: Sequence[str], margin: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(names):
        number = _is_number([row[i] for row in rows])
        table.add_column(Text(visible(name)), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("NULL", "dim") if v is None else Text(visible(_cell(v, ""))) for v in row))
    Console(file=bare(sys.stdout)).print(Padding(table, (0, 0, 0, len(margin))))
