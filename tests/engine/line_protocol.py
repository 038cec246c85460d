"""A second front of a session: commands and answers as JSON lines over a socket.

    {"run": "SELECT ?", "with": [1]}     -> {"result": 1, "columns": [["?", null]], "rowcount": -1, "lastrowid": 0}
    {"fetch": 1, "size": 100}            -> {"rows": [[1]], "rowcount": -1}       size 0: all that are left
    {"close": 1}                         -> {}
    {"many": "INSERT ...", "with": [..]} -> {"rowcount": 2}
    {"script": "..."}  {"commit": 1}  {"rollback": 1}                             -> {}
    {"state": 1}                         -> {"in_transaction": false, "total_changes": 0}
    {"define": "ask", "as": "SELECT ?"}  -> {}       a function: the first value of what that finds, or its rowcount
    {"interrupt": 1}                     no answer: it is about the command under way
    any that fails                       -> {"error": "OperationalError", "message": "...", "hint": null}

A blob is {"blob": "00ff"}.
"""

from __future__ import annotations

import json
import socket
import threading
from queue import SimpleQueue
from typing import Any

import skysql
from skysql.engine.session import Result, Session


class Server:
    """Answers one client: a thread reads what comes, so that an interrupt is heard, and another one works."""

    def __init__(self, path: str, line: socket.socket) -> None:
        self.session = Session.open(path)
        self.results: dict[int, Result] = {}
        self.line = line
        self.asked: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.threads = [threading.Thread(target=run) for run in (self.read, self.work)]
        for thread in self.threads:
            thread.start()

    def read(self) -> None:
        with self.line.makefile("r") as lines:
            for text in lines:
                command = json.loads(text, object_hook=_blob)
                if "interrupt" in command:
                    self.session.interrupt()
                else:
                    self.asked.put(command)
        self.asked.put(None)

    def work(self) -> None:
        while (command := self.asked.get()) is not None:
            try:
                with self.session.guard:
                    answer = self.answer(command)
            except Exception as error:
                hint, name = getattr(error, "hint", None), type(error).__name__
                answer = {"error": name, "message": str(error.args[0]) if error.args else "", "hint": hint}
            self.line.sendall(json.dumps(answer, default=_hex).encode() + b"\n")
        for result in self.results.values():
            result.close()
        self.session.close()
        self.line.close()

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        match command:
            case {"run": sql, "with": parameters}:
                result = self.session.run(sql, parameters)
                number = max(self.results, default=0) + 1
                self.results[number] = result
                told = {"columns": result.columns, "rowcount": result.rowcount, "lastrowid": result.lastrowid}
                return {"result": number, **told}
            case {"fetch": number, "size": size}:
                result = self.results[number]
                rows = result.take_some(size) if size else result.take_all()
                return {"rows": rows, "rowcount": result.rowcount}
            case {"close": number}:
                self.results.pop(number).close()
            case {"many": sql, "with": rows}:
                return {"rowcount": self.session.run_many(sql, rows).rowcount}
            case {"script": text}:
                self.session.run_script(text)
            case {"commit": _}:
                self.session.commit()
            case {"rollback": _}:
                self.session.rollback()
            case {"state": _}:
                session = self.session
                return {"in_transaction": session.in_transaction, "total_changes": session.total_changes}
            case {"define": name, "as": sql}:
                self.session.engine.sqlite.create_scalar_function(name, lambda *given: self.called(sql, given))
                self.session.engine.functions_changed(name)
        return {}

    def called(self, sql: str, given: tuple[Any, ...]) -> Any:
        """What a function of the client's gives, within a statement of its."""
        with self.session.guard:
            result = self.session.run(sql, given)
            rows = result.take_all()
            return rows[0][0] if rows else result.rowcount


def _blob(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value["blob"]) if value.keys() == {"blob"} else value


def _hex(value: bytes) -> dict[str, str]:
    return {"blob": value.hex()}


class LineRows:
    """What a client knows of a result."""

    def __init__(self, client: LineClient, told: dict[str, Any]) -> None:
        self.client, self.number = client, told["result"]
        self.columns = [tuple(column) for column in told["columns"]]
        self.rowcount, self.lastrowid = told["rowcount"], told["lastrowid"]

    def take(self, size: int = 0) -> list[tuple[Any, ...]]:
        told = self.client.ask(fetch=self.number, size=size)
        self.rowcount = told["rowcount"]
        return [tuple(row) for row in told["rows"]]

    def close(self) -> None:
        self.client.ask(close=self.number)


class LineClient:
    """The other end of the line; errors are raised as those that they are."""

    def __init__(self, path: str) -> None:
        self.line, far = socket.socketpair()
        self.server = Server(path, far)
        self.lines = self.line.makefile("r")

    def ask(self, **command: Any) -> dict[str, Any]:
        self.line.sendall(json.dumps(command, default=_hex).encode() + b"\n")
        answer = json.loads(self.lines.readline(), object_hook=_blob)
        if "error" in answer:
            raise getattr(skysql, answer["error"])(answer["message"], answer["hint"])
        return answer

    def run(self, sql: str, parameters: Any = ()) -> LineRows:
        return LineRows(self, self.ask(run=sql, **{"with": parameters}))

    def run_many(self, sql: str, rows: Any) -> int:
        return self.ask(many=sql, **{"with": list(rows)})["rowcount"]

    def script(self, text: str) -> None:
        self.ask(script=text)

    def commit(self) -> None:
        self.ask(commit=1)

    def rollback(self) -> None:
        self.ask(rollback=1)

    @property
    def in_transaction(self) -> bool:
        return self.ask(state=1)["in_transaction"]

    @property
    def total_changes(self) -> int:
        return self.ask(state=1)["total_changes"]

    def define(self, name: str, sql: str) -> None:
        self.ask(define=name, **{"as": sql})

    def interrupt(self) -> None:
        self.line.sendall(b'{"interrupt": 1}\n')

    def close(self) -> None:
        self.line.shutdown(socket.SHUT_WR)
        for thread in self.server.threads:
            thread.join()
        self.lines.close()
        self.line.close()
