"""Scripts that are done to a table of another schema first, which is altered in the midst of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.world.oracle import Event, Property, Schema, Value, quote
from tests.world.worlds import Script


@dataclass
class Altered:
    """The schema that a script begins with, the write before which it is altered, and how."""

    initial: Schema
    at: int
    changes: list[str]
    former: dict[str, Property]  # what a property was, by its name at the end; absent: it was not there

    def event(self, event: Event) -> Event:
        """An event as it is written before the alterations."""
        values = {**event.attributes, **event.changes}
        attributes: dict[str, Value] = {}
        changes: dict[str, Value] = {}
        for name, value in values.items():
            was = self.former[name]
            kept = value if value is None or was.kind not in ("INTEGER", "BOOLEAN") else int(value)
            (changes if was.state else attributes)[was.name] = kept
        return replace(event, attributes=attributes, changes=changes)


def altered(rng: random.Random, script: Script) -> Altered | None:
    """Alterations that a script allows, at random; None if there are none."""
    if len(script.writes) < 2:
        return None
    at = rng.randrange(1, len(script.writes))
    before = [event for write in script.writes[:at] for event in write.events]
    properties, adds = list(script.schema.properties), []
    while properties and not any(_holds(event, properties[-1]) for event in before) and rng.random() < 0.5:
        new = properties.pop()
        adds.insert(0, f"ADD {quote(new.name)} {new.kind}{' STATE' if new.state else ''}")
    former, changes = {}, []
    for number, property in enumerate(properties):
        was = _former(rng, property, number, [event for event in before if _holds(event, property)])
        former[property.name] = was
        changes += _changes(rng, was, property)
    if not changes and not adds:
        return None
    initial = replace(script.schema, properties=tuple(former.values()))
    return Altered(initial, at, changes + adds, former)


def _holds(event: Event, property: Property) -> bool:
    return property.name in event.attributes or property.name in event.changes


def _former(rng: random.Random, property: Property, number: int, events: list[Event]) -> Property:
    """What the property may have been when these events were written, which are all that it is in."""
    was = property
    if rng.random() < 0.4:
        was = replace(was, name=f"former {number}")
    known = [value for e in events for value in [{**e.attributes, **e.changes}[property.name]] if value is not None]
    if rng.random() < 0.4 and all(e.action is not None for e in events):
        if not property.state or all(e.changes[property.name] is not None for e in events):
            was = replace(was, state=not was.state)
    narrower: dict[str, list[tuple[str, Callable[[Value], bool]]]] = {
        "TEXT": [("INTEGER", lambda value: str(value).lstrip("-").isdigit() and str(int(str(value))) == value)],
        "REAL": [("INTEGER", lambda value: isinstance(value, float) and value == int(value) and abs(value) < 2**53)],
        "DECIMAL(9,2)": [
            ("DECIMAL(7,1)", lambda value: isinstance(value, float) and value * 10 == int(value * 10)),
            ("INTEGER", lambda value: isinstance(value, float) and value == int(value)),
        ],
        "INTEGER": [("BOOLEAN", lambda value: value in (0, 1))],
    }
    for kind, fits in narrower.get(property.kind, []):
        if rng.random() < 0.6 and all(map(fits, known)):
            was = replace(was, kind=kind)
    return was


def _changes(rng: random.Random, was: Property, now: Property) -> list[str]:
    """The alterations from one to the other."""
    steps = []
    if was.state != now.state:
        steps.append(f"TO {'STATE' if now.state else 'ATTRIBUTE'}")
    if was.kind != now.kind:
        steps.append(f"TYPE {now.kind}")
    if was.name != now.name:
        steps.append("RENAME")
    rng.shuffle(steps)
    name, changes = was.name, []
    for step in steps:
        if step == "RENAME":
            changes.append(f"RENAME {quote(name)} TO {quote(now.name)}")
            name = now.name
        else:
            changes.append(f"ALTER {quote(name)} {step}")
    return changes
