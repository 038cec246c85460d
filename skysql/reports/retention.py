"""sky_retention: of the objects that began together, how many came back, period by period.

    sky_retention(table, first, again, unit, periods, options)        a row a cohort and period

- An object is *born* at the first event of its path that is `first`: the name of an action, {"when": SQL}, or NULL for
  any event. It *returns* with every later event of the path (of the same timestamp, too) that is `again`, given alike.
- Periods are counted from 0, that of the birth, to `periods` (12 if left out). They are calendar units (UTC; weeks
  begin on Monday): an object born on Sunday is in its week 1 on Monday. With {"rolling": true} they are counted from
  the moment of birth, each one unit long, its end not included; then the unit has to be of a fixed length.
- `objects` is how many of the cohort's `size` returned in the period; with {"on_or_after": true}, in it or ever after;
  with {"brackets": [1, 4, 8]} there is a row for the periods 1 ... 3 and one for 4 ... 7, each called by its first.
- A cohort is those born in one calendar unit, called by its first day; {"cohort": "month"} takes another unit than that
  of the periods, {"cohort": "all"} puts everyone together, and {"by": SQL} goes by a value at the birth, like a state.
- "from", "to": born at from <= timestamp < to. An earlier birth is one all the same: who was born before is left out.
- A period that begins after the table's last event (or after {"until": timestamp}) for all of a cohort is left out.

Rows are sorted by cohort and period. WHERE on `cohort` leaves the others out early.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import compiled, kernels
from ..arrays.pending import Pending
from ..arrays.vectors import Numbers, Vector, compact_codes, joined, sort_ranks
from ..errors import OperationalError, ProgrammingError
from ..interruption import looking
from ..lazily import cached_property
from ..model import timestamps
from ..model.dtypes import Array, Bool, Int64
from ..model.timestamps import MAX_US, MIN_US
from ..model.values import Value
from ..plan.path_scan import Expr
from ..plan.tree import Tree
from ..store.shard import Shard
from .asked import Asked, Condition
from .design import branch, events, expression, within_times
from .options import Options
from .periods import MONDAY, MOST_PERIODS, Unit, last_of_each, parse_unit
from .report import MOST_ROWS, Call, Columns, Declared
from .subject import Occurrences, may_equal

_OPTIONS = ("rolling", "on_or_after", "brackets", "cohort", "by", "from", "to", "until")
_MOST = 10_000
_MOST_DATED = 1 << 14
"""The most counts (cohorts times periods) that are made for a shard whether they are needed or not."""

MOST_COUNTS = 1 << 22
"""The most rows of all cohorts together. Partials that have more are merged before the next shards are read."""
_OPS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class RetentionDesign:
    """A retention as it was asked for. edges: the first period of each row of a cohort, and the one after the last."""

    first: Condition | None
    again: Condition | None
    unit: Unit
    edges: tuple[int, ...]
    rolling: bool
    on_or_after: bool
    cohort: Unit | None
    by: Expr | None
    begin: int | None
    end: int | None
    until: int | None

    def branches(self) -> Sequence[Tree]:
        """See Design."""
        return [
            *branch("first", events(self.first)),
            *branch("again", events(self.again)),
            *branch("unit", self.unit),
            *branch(*self._periods()),
            *branch("rolling", self.rolling),
            *branch("on or after", self.on_or_after),
            *branch("cohort", (self.cohort or "all") if self.by is None else None),
            *branch("by", expression(self.by)),
            *within_times(self.begin, self.end),
            *branch("until", None if self.until is None else timestamps.format(self.until)),
        ]

    def _periods(self) -> tuple[str, str]:
        if self.edges == tuple(range(len(self.edges))):
            return "periods", f"0 to {self.edges[-2]}"
        return "brackets", ", ".join(map(str, self.edges))


def parse_design(asked: Asked) -> RetentionDesign:
    """Read the arguments. Raises ProgrammingError."""
    given = asked.arguments
    options = Options(asked.report, given["options"], _OPTIONS)
    unit = parse_unit(given["unit"], asked.what("unit"))
    by, cohort = options.text("by"), options.text("cohort")
    if by is not None and cohort is not None:
        raise ProgrammingError(f'{asked.report}: cohorts go by "by" or by "cohort", not by both')
    if options.flag("rolling") and not unit.us:
        raise ProgrammingError(f"{asked.report}: rolling periods are all of one length", "take '30 days' or '7 days'")
    if options.flag("on_or_after") and options.get("brackets") is not None:
        raise ProgrammingError(f'{asked.report}: "brackets" and "on_or_after" do not go together')
    by_date = by is None and cohort != "all"
    return RetentionDesign(
        first=asked.named(given["first"], asked.what("first")),
        again=asked.named(given["again"], asked.what("again")),
        unit=unit,
        edges=_edges(asked, options),
        rolling=options.flag("rolling"),
        on_or_after=options.flag("on_or_after"),
        cohort=parse_unit(cohort, options.what("cohort"))
        if cohort is not None and by_date
        else unit
        if by_date
        else None,
        by=None if by is None else asked.expression(by, options.what("by")),
        begin=options.moment("from"),
        end=options.moment("to"),
        until=options.moment("until"),
    )


def _edges(asked: Asked, options: Options) -> tuple[int, ...]:
    brackets, periods = options.get("brackets"), asked.arguments["periods"]
    if brackets is None:
        periods = 12 if periods is None else periods
        if not isinstance(periods, int) or not 0 <= periods < _MOST:
            raise ProgrammingError(f"{asked.what('periods')} is a number from 0 to {_MOST - 1}, and not {periods!r}")
        return tuple(range(periods + 2))
    whole = isinstance(brackets, list) and all(isinstance(b, int) and not isinstance(b, bool) for b in brackets)
    if whole and brackets and brackets[-1] > MOST_PERIODS:
        what = options.what("brackets")
        raise OperationalError(f"{what}: {brackets[-1]:,} periods, and {MOST_PERIODS:,} are the most")
    if not whole or len(brackets) < 2 or brackets[0] < 0 or sorted(set(brackets)) != brackets:
        raise options.refuse("brackets", "a list of periods, ascending, each the first of a bracket, and the end")
    return tuple(brackets)


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Some cohorts: a partial. keys: [g]; sizes, earliest (the first birth, ts): int64[g]; returned: int64[g, rows]."""

    keys: Vector
    sizes: Int64
    earliest: Int64
    returned: Int64


class _Reading:
    """A retention over shards."""

    def __init__(self, design: RetentionDesign, call: Call[RetentionDesign]) -> None:
        self.design = design
        self.call = call
        self.subject = call.subject

    def begin(self, shard: Shard) -> Pending[Cohorts]:
        """The cohorts of a shard."""
        looped = compiled.available() and not self.design.unit.months
        dated = self._dated
        if looped and dated is not None:
            return self._by_loop(shard, *dated)
        births, keys = self._births(shard)
        numbers, bound = compact_codes(keys)
        used, numbers = kernels.group_numbers(numbers, bound)
        _check_counts(len(used), len(self.design.edges) - 1)
        one_of_each = np.zeros(len(used), np.int64)
        one_of_each[numbers] = np.arange(len(numbers))
        keys = keys.take(one_of_each)
        if looped:
            cohort_of = np.full(len(shard.paths()[0]), -1, np.int32)
            cohort_of[births.paths] = numbers
            return self._by_loop(shard, keys, compiled.CohortRule(len(used), MIN_US, MAX_US + 1, of=cohort_of))
        earliest = np.full(len(used), np.iinfo(np.int64).max)
        np.minimum.at(earliest, numbers, births.ts)
        sizes = np.bincount(numbers, minlength=len(used))
        returned = self._returned(shard, births, numbers, len(used))
        return Pending.known(Cohorts(keys, sizes, earliest, returned))

    @cached_property
    def _dated(self) -> tuple[Vector, compiled.CohortRule] | None:
        """All cohorts that there can be, if they go by the date of birth and are not too many for an array of them."""
        design, range = self.design, self.subject.time_range()
        if design.by is not None or range is None:
            return None
        begin = MIN_US if design.begin is None else design.begin
        end = MAX_US + 1 if design.end is None else design.end
        if design.cohort is None:
            return Numbers(np.zeros(1, np.int64)), compiled.CohortRule(1, begin, end, compiled.LIMIT, MIN_US)
        first, last = map(design.cohort.number, range)
        number = last - first + 1
        if design.cohort.months or number * (len(design.edges) - 1) > _MOST_DATED:
            return None
        origin = first * design.cohort.us + MONDAY
        return Numbers(np.arange(first, last + 1)), compiled.CohortRule(number, begin, end, design.cohort.us, origin)

    @cached_property
    def _periods(self) -> compiled.Periods:
        edges = self.design.edges
        rows = np.full(edges[-1], -1, np.int64)
        rows[edges[0] :] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        return compiled.Periods(self.design.unit.us, None if self.design.rolling else MONDAY, rows, len(edges) - 1)

    def _by_loop(self, shard: Shard, keys: Vector, cohorts: compiled.CohortRule) -> Pending[Cohorts]:
        """Those of these cohorts in which any object of the shard was born."""
        design = self.design
        first, again = (self.subject.by_path(shard, condition) for condition in (design.first, design.again))
        counts = compiled.retention(first, again, cohorts, self._periods, design.on_or_after)

        def finish(counted: tuple[Int64, Int64, Int64]) -> Cohorts:
            sizes, earliest, returned = counted
            used = np.flatnonzero(sizes)
            wanted = self._wanted(keys.take(used))
            used = used if wanted is None else used[wanted]
            return Cohorts(keys.take(used), sizes[used], earliest[used], returned[used])

        return counts.then(finish)

    def _births(self, shard: Shard) -> tuple[Occurrences, Vector]:
        """The birth of each object of the shard that counts, and its cohort."""
        design = self.design
        found = self.subject.occurrences(shard, design.first)
        births = found.take(np.flatnonzero(kernels.changes(found.paths)))
        if design.begin is not None:
            births = births.take(births.ts >= design.begin)
        if design.end is not None:
            births = births.take(births.ts < design.end)
        if design.by is not None:
            keys = self.subject.vector(shard, design.by, births.positions)
        elif design.cohort is not None:
            keys = Numbers(design.cohort.numbers(births.ts))
        else:
            keys = Numbers(np.zeros(len(births.ts), np.int64))
        wanted = self._wanted(keys)
        return (births, keys) if wanted is None else (births.take(wanted), keys.take(np.flatnonzero(wanted)))

    def _wanted(self, keys: Vector) -> Bool | None:
        """Which births WHERE on `cohort` may select; None for all."""
        if self.design.by is not None:
            text = self.call.equal("cohort")
            return None if text is None else may_equal(keys, text)
        limits = [(limit.op, limit.value) for limit in self.call.limits if limit.column == "cohort"]
        texts = [(op, value) for op, value in limits if isinstance(value, str)]
        if self.design.cohort is None or not texts or not isinstance(keys, Numbers):
            return None
        used, places = np.unique(keys.data, return_inverse=True)
        labels = [self.design.cohort.label(number) for number in used.tolist()]
        return np.array([all(_OPS[op](label, text) for op, text in texts) for label in labels], bool)[places]

    def _returned(self, shard: Shard, births: Occurrences, cohorts: Array, number: int) -> Int64:
        """How many of each cohort returned in each row: int64[number, rows]."""
        numbers, at = self._returns(shard, births, cohorts)
        shape = number, len(self.design.edges) - 1
        counts = np.bincount(numbers * shape[1] + at, minlength=shape[0] * shape[1]).reshape(shape)
        return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] if self.design.on_or_after else counts

    def _returns(self, shard: Shard, births: Occurrences, cohorts: Array) -> tuple[Array, Array]:
        """For each return that counts, the cohort's number, and the row of the cohort; with on_or_after, the last."""
        paths, periods = self._periods_of(shard, births)
        cohort_of = np.zeros(len(shard.paths()[0]), np.int64)
        cohort_of[births.paths] = cohorts
        if self.design.on_or_after:
            last = np.flatnonzero(np.diff(paths, append=-1))
            return cohort_of.take(paths[last]), np.minimum(periods[last], len(self.design.edges) - 2)
        at = self._rows(periods)
        inside = np.flatnonzero(at >= 0)
        at, paths = at[inside], paths[inside]
        chosen = last_of_each(paths, at)
        return cohort_of.take(paths[chosen]), at[chosen]

    def _periods_of(self, shard: Shard, births: Occurrences) -> tuple[Array, Int64]:
        """The returns of each object, in order of time: path numbers, and periods since the birth."""
        design, paths = self.design, len(shard.paths()[0])
        born, base = np.full(paths, len(shard)), np.zeros(paths, np.int64)
        born[births.paths] = births.positions
        base[births.paths] = births.ts if design.rolling else design.unit.numbers(births.ts)
        found = self.subject.occurrences(shard, design.again)
        times = found.ts
        if not design.rolling:  # of the returns in a period the last is enough: if any is after the birth, it is
            times = design.unit.numbers(times)
            last = last_of_each(found.paths, times)
            found, times = found.take(last), times[last]
        after = found.positions > born.take(found.paths)
        where = found.paths[after]
        since = times[after] - base.take(where)
        return where, since // design.unit.us if design.rolling else since

    def _rows(self, periods: Int64) -> Int64:
        """The row of each period; -1 for none."""
        edges = self.design.edges
        rows = np.full(edges[-1] + 1, -1, np.int64)
        rows[edges[0] : edges[-1]] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        return rows.take(np.minimum(periods, edges[-1]))


def _check_counts(cohorts: int, rows: int) -> None:
    """Raise OperationalError if cohorts with `rows` rows each have too many rows together."""
    if cohorts * rows > MOST_COUNTS:
        raise OperationalError(
            f"sky_retention: {cohorts:,} cohorts of {rows:,} periods are {cohorts * rows:,} rows,"
            f" and {MOST_COUNTS:,} are the most",
            "ask for fewer periods, or for larger cohorts, as with '{\"cohort\": \"month\"}'",
        )


def _merged(begun: Iterator[Pending[Cohorts]]) -> list[Cohorts]:
    """The partials of all shards, merged as soon as they are many."""
    parts: list[Cohorts] = []
    held = 0
    for cohorts in compiled.ahead(begun):
        parts.append(cohorts.result())
        held += parts[-1].returned.size
        if held > MOST_COUNTS:
            parts = [merge(parts)]
            held = 0
    return parts


def merge(parts: Sequence[Cohorts]) -> Cohorts:
    """Partials of different objects as one, the cohorts in SQLite's order."""
    keys = joined([part.keys for part in parts])
    used, places = kernels.group_numbers(*compact_codes(keys))
    one_of_each = np.zeros(len(used), np.int64)
    one_of_each[places] = np.arange(len(places))
    values = keys.take(one_of_each)
    order = np.argsort(sort_ranks(values))
    size = len(used)
    _check_counts(size, parts[0].returned.shape[1])
    earliest = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(earliest, places, np.concatenate([part.earliest for part in parts]))
    every = np.concatenate([part.returned for part in parts])
    returned = np.zeros((size, every.shape[1]), np.int64)
    np.add.at(returned, places, every)
    sizes = kernels.group_sum(places, np.concatenate([part.sizes for part in parts]), size)
    return Cohorts(values.take(order), sizes[order], earliest[order], returned[order])


class SkyRetention:
    """sky_retention."""

    name = "sky_retention"
    arguments = ("table", "first", "again", "unit", "periods", "options")
    columns = (
        Declared("cohort"),
        Declared("size", "INTEGER"),
        Declared("period", "INTEGER"),
        Declared("objects", "INTEGER"),
        Declared("share", "REAL"),
    )
    hidden: tuple[Declared, ...] = ()
    takes = frozenset({"cohort"})
    order = ("cohort", "period")

    def design(self, asked: Asked) -> RetentionDesign:
        """What is asked."""
        return parse_design(asked)

    def rows(self, call: Call[RetentionDesign]) -> Iterator[Columns]:
        """A row a cohort and period."""
        design = call.design
        range = call.subject.time_range()
        if range is None:
            return
        until = range[1] if design.until is None else design.until
        begun = max(bisect_right(design.edges, _begun(design, range[0], until)), 1)
        design = replace(design, edges=design.edges[: begun + 1])  # without the periods that no cohort shows
        cohorts = merge(_merged(map(_Reading(design, call).begin, call.subject.snapshot.shards())))
        per_cohort = zip(
            _labels(design, cohorts.keys), cohorts.sizes.tolist(), cohorts.earliest.tolist(), cohorts.returned.tolist(),
            strict=True,
        )  # fmt: skip
        columns: dict[str, list[Value]] = {column.name: [] for column in self.columns}
        for label, size, earliest, returned in looking(per_cohort):
            shown = bisect_right(design.edges, _begun(design, earliest, until), hi=len(returned))
            columns["cohort"] += [label] * shown
            columns["size"] += [size] * shown
            columns["period"] += design.edges[:shown]
            columns["objects"] += returned[:shown]
            columns["share"] += [objects / size for objects in returned[:shown]]
            if len(columns["size"]) >= MOST_ROWS:
                yield dict(columns)
                columns = {column.name: [] for column in self.columns}
        yield dict(columns)


def _labels(design: RetentionDesign, keys: Vector) -> list[Value]:
    if design.by is not None:
        return keys.tolist()
    if design.cohort is None:
        return [None] * len(keys)
    return [design.cohort.label(number) for number in looking(keys.tolist())]  # type: ignore[arg-type]


def _begun(design: RetentionDesign, born: int, until: int) -> int:
    """The last period that has begun by `until`, for an object born at `born`."""
    if design.rolling:
        return (until - born) // design.unit.us
    return design.unit.number(until) - design.unit.number(born)
