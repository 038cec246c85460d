"""stddev and its kin, corr, percentiles and mode over lists of values, in rational arithmetic: slow and plain."""

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import apsw

import skysql
from skysql.arrays.vectors import sort_key

Values = Sequence[Any]


def variance(values: Values, less: int) -> Fraction | None:
    numbers = [Fraction(value) for value in values]
    if len(numbers) <= less:
        return None
    mean = sum(numbers, Fraction()) / len(numbers)
    return sum(((number - mean) ** 2 for number in numbers), Fraction()) / (len(numbers) - less)


def rounded(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def root(value: Fraction | None) -> float | None:
    """By decimals of 400 digits, of which a double takes 17."""
    if value is None:
        return None
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 400, 10**6, -(10**6)
        return float((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def corr(pairs: Sequence[tuple[Any, Any]]) -> float | None:
    pairs = [(Fraction(y), Fraction(x)) for y, x in pairs if y is not None and x is not None]
    if not pairs:
        return None
    mean_y, mean_x = (sum(each, Fraction()) / len(pairs) for each in zip(*pairs, strict=True))
    both = sum(((y - mean_y) * (x - mean_x) for y, x in pairs), Fraction())
    below = Fraction(1)
    for each, mean in zip(zip(*pairs, strict=True), (mean_y, mean_x), strict=True):
        below *= sum(((value - mean) ** 2 for value in each), Fraction())
    if not below:
        return None
    found = root(both**2 / below)
    return found if both >= 0 or found is None else -found


def percentile(values: Values, p: float, discrete: bool = False) -> float | None:
    numbers = sorted(map(float, values))
    if not numbers:
        return None
    at = p * (len(numbers) - 1)
    low = int(at)
    if discrete:
        return numbers[low]
    high = low if at == low else low + 1
    return numbers[low] + (numbers[high] - numbers[low]) * (at - low)


def mode(values: Values) -> Any:
    """Of one type."""
    times = [(-values.count(value), sort_key(value), value) for value in values]
    return min(times)[2] if times else None


STATISTICS: dict[str, Callable[[Values], Any]] = {
    "stddev(x)": lambda values: root(variance(values, 1)),
    "stddev_samp(x)": lambda values: root(variance(values, 1)),
    "stddev_pop(x)": lambda values: root(variance(values, 0)),
    "var_samp(x)": lambda values: rounded(variance(values, 1)),
    "var_pop(x)": lambda values: rounded(variance(values, 0)),
    "median(x)": lambda values: percentile(values, 0.5),
    "percentile(x, 12.5)": lambda values: percentile(values, 0.125),
    "percentile_cont(x, 0.9)": lambda values: percentile(values, 0.9),
    "percentile_disc(x, 0.9)": lambda values: percentile(values, 0.9, discrete=True),
    "mode(x)": mode,
}
"""By the call, over the values that are not NULL."""


# as aggregates of plain SQLite


def cents(values: Values) -> Fraction:
    """The sum of what are decimals of two digits."""
    return Fraction(sum(round(Fraction(value) * 100) for value in values), 100)


PLAIN: dict[str, tuple[int, Callable[..., Any]]] = {
    **{name: (1, STATISTICS[f"{name}(x)"]) for name in ("stddev", "stddev_samp", "stddev_pop", "var_samp", "var_pop")},
    "median": (1, STATISTICS["median(x)"]),
    "percentile": (2, lambda values, p: percentile(values, p / 100)),
    "percentile_cont": (2, percentile),
    "percentile_disc": (2, lambda values, p: percentile(values, p, discrete=True)),
    "mode": (1, mode),
    "corr": (2, corr),
    "sum_of_cents": (1, lambda values: rounded(cents(values)) if values else None),
    "total_of_cents": (1, lambda values: rounded(cents(values))),
    "avg_of_cents": (1, lambda values: rounded(cents(values) / len(values)) if values else None),
}
"""By the name: how many arguments it has, and what it is of the values that are not NULL, and the other argument."""


class _Aggregate:
    """One of these, as SQLite feeds it."""

    def __init__(self, name: str) -> None:
        self.name, self.rows = name, list[tuple[Any, ...]]()

    def step(self, *values: Any) -> None:
        if self.name != "mode" and any(isinstance(value, str | bytes) for value in values):
            raise skysql.DataError(f"{self.name}() is of numbers")
        if self.name == "corr" or values[0] is not None:
            self.rows.append(values)

    def final(self) -> Any:
        count, compute = PLAIN[self.name]
        if self.name == "corr":
            return compute(self.rows)
        return compute([row[0] for row in self.rows], *(self.rows[0][1:] if self.rows else [0.5] * (count - 1)))


def register(sqlite: apsw.Connection) -> None:
    """Let the connection have all of them, in place of what SQLite has of these names."""
    for name, (count, _) in PLAIN.items():
        functions = (lambda name=name: _Aggregate(name)), _Aggregate.step, _Aggregate.final
        sqlite.create_aggregate_function(name, lambda functions=functions: (functions[0](), *functions[1:]), count)
