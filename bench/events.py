"""The seeded workload of the benchmarks: a year of one web shop, as arrays.

    python -m bench.events --events 1e6      describes what is made

A visitor (object) comes in sessions of five events on average, a minute between two of them. The visitors' activity is
skewed: a few come hundreds of times, most a handful. Every event has one of 12 actions; 3 % of events change `plan`
(4 values), 1 % change `country` (30 values), and a `purchase` (one event in 12) carries an `amount` of two decimals.
Before its first change a visitor's plan, or country, is NULL. No two events of a visitor share a timestamp, so that a
peer that knows no order of arrival has the same answers.

The same (events, seed) gives the same arrays, byte for byte, with one version of numpy.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

YEAR_START = 1_735_689_600_000_000  # 2025-01-01, microseconds
SECOND = 1_000_000
DAY = 86_400 * SECOND
EVENTS_A_SESSION = 5
EVENTS_AN_OBJECT = 40
PLAN_CHANGES, COUNTRY_CHANGES = 0.03, 0.01

ACTIONS = {  # name -> share of events
    "view product": 0.30, "search": 0.16, "view category": 0.13, "purchase": 1 / 12, "add to cart": 0.09,
    "open mail": 0.07, "remove from cart": 0.05, "sign in": 0.04, "begin checkout": 0.03, "write review": 0.02,
    "contact support": 0.015, "share": 1 - 0.905 - 1 / 12,
}  # fmt: skip
PLANS = {"free": 0.6, "basic": 0.25, "pro": 0.12, "enterprise": 0.03}
COUNTRIES = "US DE GB FR CA BR IN JP AU IT ES NL SE PL MX CH AT BE DK NO FI PT IE CZ GR NZ ZA KR SG AR".split()
"""The most frequent first."""

_ACTION_NAMES = tuple(ACTIONS)
_PURCHASE = _ACTION_NAMES.index("purchase")


@dataclass(frozen=True, slots=True)
class Events:
    """n events, in path order (by object, then timestamp) unless shuffled.

    objects, ts: int64[n], ids from 1 and microseconds UTC.
    action:      uint8[n], index into ACTIONS.
    plan, country: int8[n], index into PLANS, COUNTRIES where the event changes it, else -1.
    amount:      float64[n], NaN where the event is no purchase.
    """

    objects: Array
    ts: Array
    action: Array
    plan: Array
    country: Array
    amount: Array

    def __len__(self) -> int:
        return len(self.objects)

    def take(self, index: Array | slice) -> Events:
        """The events at these places."""
        return Events(*(getattr(self, field.name)[index] for field in fields(self)))

    def shuffled(self, seed: int = 2) -> Events:
        """The same events in a random order."""
        return self.take(np.random.default_rng(seed).permutation(len(self)))

    def columns(self) -> dict[str, Any]:
        """Named columns, texts as pandas Categoricals: what `Connection.append` takes."""
        import pandas

        def categorical(codes: Array, names: Any) -> Any:
            return pandas.Categorical.from_codes(codes, list(names))

        return {
            "object_id": self.objects, "timestamp": self.ts, "action": categorical(self.action, ACTIONS),
            "plan": categorical(self.plan, PLANS), "country": categorical(self.country, COUNTRIES),
            "amount": self.amount,
        }  # fmt: skip

    def rows(self) -> Iterator[tuple[int, int, str, str | None, str | None, float | None]]:
        """(object_id, ts, action, plan, country, amount), None where there is no value."""
        plans, countries = [*PLANS, None], [*COUNTRIES, None]  # a code of -1 is the last: None
        for at in range(0, len(self), 1 << 16):
            part = self.take(slice(at, at + (1 << 16)))
            yield from zip(
                part.objects.tolist(),
                part.ts.tolist(),
                [_ACTION_NAMES[code] for code in part.action.tolist()],
                [plans[code] for code in part.plan.tolist()],
                [countries[code] for code in part.country.tolist()],
                [None if amount != amount else amount for amount in part.amount.tolist()],
                strict=True,
            )


@dataclass(frozen=True, slots=True)
class Orders:
    """m rows of an ordinary table: int64[m] each, sorted by id, which counts from 1.

    A customer is as often in it as active; an order comes up to 30 days after one of the customer's events, every tenth
    in the same microsecond as the event. So every order has a state.
    """

    ids: Array
    customers: Array
    created: Array

    def columns(self) -> dict[str, Array]:
        """The columns by their names in the table of orders."""
        return {"id": self.ids, "customer_id": self.customers, "created_at": self.created}

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """(id, customer_id, created_at)."""
        return zip(self.ids.tolist(), self.customers.tolist(), self.created.tolist(), strict=True)


def generate(events: int, seed: int = 1) -> Events:
    """`events` events in path order."""
    rng = np.random.default_rng(seed)
    objects, ts = _paths(events, rng)
    action = _pick(rng, list(ACTIONS.values()), events).astype(np.uint8)
    amount = np.full(events, np.nan)
    bought = np.flatnonzero(action == _PURCHASE)
    amount[bought] = np.round(np.minimum(np.exp(rng.normal(3.4, 0.9, len(bought))) + 0.99, 5000), 2)
    ranks = 1 / np.arange(1, len(COUNTRIES) + 1)
    return Events(
        objects,
        ts,
        action,
        _changes(rng, events, PLAN_CHANGES, np.array(list(PLANS.values()))),
        _changes(rng, events, COUNTRY_CHANGES, ranks / ranks.sum()),
        amount,
    )


def generate_orders(events: Events, count: int, seed: int = 3) -> Orders:
    """`count` (object, time) pairs for the point-in-time join."""
    rng = np.random.default_rng(seed)
    near = rng.integers(0, len(events), count)
    delay = rng.integers(0, 30 * DAY, count)
    delay[::10] = 0
    return Orders(np.arange(1, count + 1, dtype=np.int64), events.objects[near], events.ts[near] + delay)


def _paths(events: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(objects, ts), sorted and without two equal pairs."""
    population = max(1, events // EVENTS_AN_OBJECT)
    lengths = rng.geometric(1 / EVENTS_A_SESSION, max(population, events // EVENTS_A_SESSION)).astype(np.int64)
    while (total := int(lengths.sum())) < events:
        lengths = np.append(lengths, rng.geometric(1 / EVENTS_A_SESSION, 1 + (events - total) // EVENTS_A_SESSION))
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), events)) + 1]
    lengths[-1] -= int(lengths.sum()) - events
    visitors = _visitors(rng, population, len(lengths))
    begins = rng.integers(0, 364 * DAY, len(lengths))
    firsts = np.cumsum(lengths) - lengths
    gaps = (rng.exponential(60, events) * SECOND).astype(np.int64) + 1
    gaps[firsts] = 0
    elapsed = np.cumsum(gaps)
    offsets = elapsed + np.repeat(begins - elapsed[firsts], lengths)
    return _sorted_apart(np.repeat(visitors, lengths), offsets)


def _visitors(rng: np.random.Generator, population: int, sessions: int) -> Array:
    """Who each session belongs to: everyone once, and the rest by a log-normal activity."""
    everyone = rng.permutation(population)[:sessions]
    activity = np.cumsum(rng.lognormal(0, 1.3, population))
    others = np.searchsorted(activity, rng.random(sessions - len(everyone)) * activity[-1], side="right")
    return np.concatenate((everyone, np.minimum(others, population - 1))).astype(np.int64) + 1


def _sorted_apart(objects: Array, offsets: Array) -> tuple[Array, Array]:
    """Sorted as one integer of object and offset; of two equal ones, one is moved on by a microsecond."""
    bits = int(offsets.max(initial=0) + len(offsets)).bit_length()
    if bits + int(objects.max(initial=0)).bit_length() > 64:  # too many objects for one integer: half of them, twice
        middle = int(objects.max()) // 2
        lower, upper = objects <= middle, objects > middle
        low = _sorted_apart(objects[lower], offsets[lower])
        high = _sorted_apart(objects[upper] - middle, offsets[upper])
        return np.concatenate((low[0], high[0] + middle)), np.concatenate((low[1], high[1]))
    keys = (objects.astype(np.uint64) << np.uint64(bits)) | offsets.astype(np.uint64)
    keys.sort()
    while len(equal := np.flatnonzero(keys[1:] == keys[:-1])):
        keys[equal + 1] += np.uint64(1)
        keys.sort()
    mask = np.uint64((1 << bits) - 1)
    return (keys >> np.uint64(bits)).astype(np.int64), (keys & mask).astype(np.int64) + YEAR_START


def _pick(rng: np.random.Generator, shares: Any, count: int) -> Array:
    """`count` indexes of shares, each as often as its share."""
    bounds = np.cumsum(shares)
    return np.minimum(np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right"), len(bounds) - 1)


def _changes(rng: np.random.Generator, events: int, share: float, shares: Array) -> Array:
    codes = np.full(events, -1, np.int8)
    places = np.flatnonzero(rng.random(events, np.float32) < share)
    codes[places] = _pick(rng, shares, len(places))
    return codes


def first_objects(events: Events, count: int) -> Events:
    """The whole paths of the first objects, about `count` events."""
    if count >= len(events):
        return replace(events)
    return events.take(slice(0, int(np.searchsorted(events.objects, events.objects[count]))))


def main() -> None:
    """Describe the workload."""
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=main.__doc__)
    parser.add_argument("--events", type=float, default=1e6)
    events = generate(int(parser.parse_args().events))
    lengths = np.bincount(events.objects)[1:]
    print(f"{len(events):,} events of {len(lengths):,} objects; events an object: ", end="")
    print(", ".join(f"p{p} {int(np.percentile(lengths, p)):,}" for p in (0, 50, 90, 99, 100)))
    gaps = np.diff(events.ts)[np.diff(events.objects) == 0]
    print(f"gaps of 30 minutes and more: {np.mean(gaps >= 1800 * SECOND):.1%}; least gap {int(gaps.min())} us")
    for name, count in zip(ACTIONS, np.bincount(events.action, minlength=len(ACTIONS)).tolist(), strict=True):
        print(f"  {name:18}{count / len(events):7.2%}")
    print(f"plan changes {np.mean(events.plan >= 0):.2%}, country changes {np.mean(events.country >= 0):.2%}")


if __name__ == "__main__":
    main()
