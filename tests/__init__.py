"""Tests: a folder a room, as the rooms of skysql/ are.

promises/   what the README promises, each by the test that it names
world/      what generates and judges: random worlds and statements, models by lists and for-loops, faulty disks
golden/     statements with their plans and rows, as they have to stay;  data/: files of every format version

fuzz.py, guided.py and sanitized.py are commands: what is read from outside under mutations, and the compiled loops
under sanitizers. A test takes nothing from another test's module: what two of them need is in world/.
"""
