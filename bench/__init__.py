"""Measurements beside the peers: seeded inputs, the same questions to each, equal answers asserted.

Not part of the library, and not installed with it. Needs the `[bench]` extra (`pip install -e '.[bench]'`).
"""
