"""check(): a test for each fault that it finds."""

import numpy as np
import pytest

import skysql
from skysql.arrays.batch import Batch, Sparse
from skysql.model.kinds import REAL, TEXT
from skysql.store import format as fmt
from tests.conftest import damage

ONE = Sparse(np.array([0], np.int32), np.array([1], np.uint32))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM users_column WHERE id & 65535 = 0", "block 1, column 'paths': it is missing"),
        ("DELETE FROM users_column WHERE id & 65535 = 1", "block 1, column 'timestamp': it is missing"),
        ("UPDATE users_block SET events = events + 1", "block 1"),
        ("UPDATE users_block SET last_object = 99", "column 'paths': its objects"),
        ("UPDATE users_block SET first_ts = 99", "column 'timestamp': its times"),
        ("UPDATE users_log SET events = 5", "log batch 1: 1 events, not 5"),
        ("DELETE FROM users_value", "'action': code 1 is not in the dictionary"),
        ("UPDATE users_value SET value = NULL WHERE property = 0", "'action': the text of code 1 was cleared"),
        ("UPDATE users_value SET code = code + 1 WHERE property = 0", "property 0, code 2: codes are missing"),
        ("INSERT INTO users_value SELECT property, (SELECT max(code) + 1 FROM users_value WHERE property = 0), value, 1"
         " FROM users_value WHERE property = 0 LIMIT 1", "dictionary of 'action': a text is there twice"),
        ("UPDATE users_block SET gone = 5", "block 1, column 'gone': it is missing"),
        ("INSERT INTO users_column SELECT 1 << 16 | 65535, data FROM users_column LIMIT 1",
         "block 1: events are listed"),
        ("INSERT INTO users_column VALUES(65535, x'00')", "log: events are listed as deleted"),
        ("INSERT INTO users_meta VALUES('gone', 7)", "log, column 'gone': it is missing"),
        ("INSERT INTO users_column SELECT 1 << 16 | 999, data FROM users_column LIMIT 1", "columns of property 997"),
        ("DELETE FROM users_column WHERE id & 65535 BETWEEN 2 AND 65534", "event 0 has neither an action nor a change"),
        ("DELETE FROM users_block", "columns of block 1, which does not exist"),
        ("UPDATE users_block SET run = NULL", "block 1: its row does not hold numbers"),
        ("UPDATE users_log SET stamp = 'x'", "log batch 1: its row does not hold numbers"),
        ("UPDATE users_log SET events = -1", "log batch 1: its row tells of a number or a count that"),
        ("DELETE FROM users_meta WHERE key = 'stamp'", "users_meta: there is no stamp"),
        ("DROP TABLE users_block", "there is no table users_block"),
        ("DROP TABLE users_column", "there is no table users_column"),
        ("DROP TABLE users_value", "there is no table users_value"),
        ("DROP TABLE users_meta", "users_meta"),
        ("INSERT INTO users_value VALUES (2, 1, 'x', 1)", "texts of property 2, which is no TEXT property"),
        ("INSERT INTO users_value VALUES (77, 1, 'x', 1)", "texts of property 77, which is no TEXT property"),
        ("INSERT INTO users_key VALUES (1, 'x', 1)", "there are keys, and objects have none"),
        ("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'users_sessions'",
         "there is no users_sessions"),
        ("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE users USING sky(plan TEXT)'"
         " WHERE name = 'users'", "its CREATE VIRTUAL TABLE says (\"plan\" TEXT), not (\"plan\" TEXT STATE,"),
    ],
)
def test_faults_that_check_and_integrity_check_find(stored: str, change: str, fault: str) -> None:
    damage(stored, change)
    db = skysql.connect(stored)
    faults = db.check()
    assert any(fault in text for text in faults), faults
    if "DROP TABLE" not in change:
        found = [text for (text,) in db.execute("PRAGMA integrity_check")]
        assert any(fault in text for text in found), found
    db.close()


FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999


@pytest.mark.parametrize(
    ("batch", "fault"),
    [
        (Batch(np.array([1]), np.array([LAST + 1]), {0: ONE}), "times are not between the years 1 and 9999"),
        (Batch(np.array([1]), np.array([FIRST - 1]), {0: ONE}), "times are not between the years 1 and 9999"),
        (Batch(np.array([0]), np.array([1]), {0: ONE}), "an object id is not positive"),
        (Batch(np.array([1]), np.array([1]), {0: ONE, 9: ONE}), "values of property 9, which does not exist"),
        (Batch(np.array([1]), np.array([1]), {0: ONE, 2: ONE}), "property 2 is of another type than INTEGER"),
        (Batch(np.array([1]), np.array([1]), {3: Sparse(ONE.positions, np.array([1.5]))}), "neither an action"),
    ],
)
def test_faults_of_a_batch_that_decodes(stored: str, batch: Batch, fault: str) -> None:
    kinds = {0: TEXT, 2: TEXT, 3: REAL, 9: TEXT}
    blob = bytes(fmt.encode_batch(batch, kinds))
    damage(stored, f"UPDATE users_log SET data = x'{blob.hex()}'")
    db = skysql.connect(stored)
    faults = db.check()
    assert any(fault in text and "log batch 1" in text for text in faults), faults
    db.close()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM users_column WHERE id = 4", "column 'seats', casts to TEXT: they are missing"),
        ("UPDATE users_column SET data = x'00' WHERE id = 4", "column 'seats', casts to TEXT: 1 bytes"),
        ("DELETE FROM users_value WHERE property = 2", "casts, column 'seats': code 1 is not in the dictionary"),
        ("UPDATE users_column SET data = (SELECT data FROM users_column WHERE id & 65535 = 5) WHERE id & 65535 = 4 AND"
         " id > 65536", "type REAL where TEXT was expected"),
    ],
)  # fmt: skip
def test_faults_of_an_altered_table(stored: str, change: str, fault: str) -> None:
    db = skysql.connect(stored, isolation_level=None)
    db.execute("SELECT sky_alter('users', 'ALTER seats TYPE TEXT')")
    assert db.check() == []
    db.close()
    damage(stored, change)
    db = skysql.connect(stored)
    faults = db.check()
    assert any(fault in text for text in faults), faults
    db.close()


@pytest.mark.parametrize("id", [-(1 << 63), -1, 0, 1 << 62])
def test_faults_of_keys(path: str, id: int) -> None:
    """Of an object that no key can have been given, whichever it is."""
    db = skysql.connect(path, isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, plan TEXT)")
    db.execute("INSERT INTO planes(tail, ts, action) VALUES ('N1', 1, 'a'), ('N2', 2, 'b')")
    db.close()
    damage(path, f"UPDATE planes_key SET id = {id} WHERE key = 'N1'")
    db = skysql.connect(path, isolation_level=None)
    assert any(f"object {id}: its key is no text, or its id none that is given" in text for text in db.check())
    with pytest.raises(skysql.CorruptError, match=f"object {id}: its key"):
        db.execute("INSERT INTO planes(tail, ts, action) VALUES ('N1', 3, 'a')")
    db.close()
