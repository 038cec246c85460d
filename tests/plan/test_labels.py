"""Columns that no table has: each name stands for one of them, and for itself alone."""

import pytest

from skysql.plan.labels import KeyOf, LeafOf, RowOf, ValueOf, label_of

NAMES = {
    "key 1": KeyOf(1),
    "value 12": ValueOf(12),
    "row 0": RowOf(0),
    "row 3 moved -1": RowOf(3, -1),
    "row 3 moved 20": RowOf(3, 20),
    "leaf 1": LeafOf(0),
}


@pytest.mark.parametrize(("name", "label"), NAMES.items())
def test_a_label_is_told_and_read_in_one_place(name, label):
    assert label.name == name
    assert label_of(name) == label


@pytest.mark.parametrize("name", ["key", "key 1 moved 2", "key one", "row", "rows 3", "leaf -1", "plan", "my key 1"])
def test_columns_of_tables_are_no_labels(name):
    assert label_of(name) is None
