#!/usr/bin/env python3
"""The hostile server must be a server first: the stock clients mariadb and psql take it for one."""

import os
import shutil
import subprocess
import sys
import threading
import unittest
from pathlib import Path

SERVER = Path(__file__).resolve().parent / "server.py"
LIMIT = 10  # seconds, for what takes less than two


def mariadb(port):
    return ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={port}", "--user=ada",
            "--password=secret", "--skip-column-names", "--batch", "--execute=select 1"]


def psql(port):
    return ["psql", "--no-psqlrc", "--host=127.0.0.1", f"--port={port}", "--username=ada",
            "--dbname=d", "--tuples-only", "--no-align", "--command=select 1"]


def run(client, port):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment.update(PGPASSWORD="secret", PGSSLMODE="disable")
    return subprocess.run(client(port), env=environment, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False, timeout=LIMIT)


class Case(unittest.TestCase):
    def events(self, client, *arguments):
        """What the server tells while `client` runs `select 1`, which must work."""
        if shutil.which(client(0)[0]) is None:
            self.skipTest(f"{client(0)[0]} is not installed")
        server = subprocess.Popen([sys.executable, SERVER, *arguments], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Reading from it ends at the latest then.
        limit = threading.Timer(2 * LIMIT, server.kill)
        limit.start()
        try:
            port = server.stdout.readline().removeprefix("port ").strip()
            done = run(client, port)
            events = []
            for line in server.stdout:
                events.append(line.rstrip("\n"))
                if events[-1] == "closed":
                    break
            rest, errors = server.communicate()  # which ends its standard input
        finally:
            limit.cancel()
            server.kill()
            server.wait()
        self.assertEqual((done.returncode, done.stdout), (0, "1\n"), done.stderr)
        self.assertEqual((server.returncode, rest, errors), (0, "", ""))
        return events


class Mariadb(Case):
    def test_polite(self):
        self.assertEqual(self.events(mariadb, "mariadb", "polite"),
                         ["connected", "user ada", "proof", "statement select 1", "closed"])

    def test_the_stock_client_tells_the_password_in_clear(self):
        self.assertEqual(self.events(mariadb, "mariadb", "asks-in-clear"),
                         ["connected", "user ada", "proof", "password secret", "statement select 1",
                          "closed"])

    def test_the_stock_client_encrypts_the_password_for_whoever_sends_a_key(self):
        events = self.events(mariadb, "mariadb", "asks-in-clear-first", "caching_sha2_password")
        self.assertEqual(events, ["connected", "user ada", "proof", "password secret",
                                  "statement select 1", "closed"])

    def test_greeting_in_pieces(self):
        self.assertEqual(self.events(mariadb, "mariadb", "greeting-in-pieces"),
                         ["connected", "user ada", "proof", "statement select 1", "closed"])


class Postgres(Case):
    def test_polite(self):
        self.assertEqual(self.events(psql, "postgres", "polite"),
                         ["connected", "user ada", "statement select 1", "closed"])

    def test_the_stock_client_tells_the_password_in_clear(self):
        self.assertEqual(self.events(psql, "postgres", "asks-in-clear"),
                         ["connected", "user ada", "password secret", "statement select 1",
                          "closed"])

    def test_greeting_in_pieces(self):
        self.assertEqual(self.events(psql, "postgres", "greeting-in-pieces"),
                         ["connected", "user ada", "statement select 1", "closed"])


class Program(unittest.TestCase):
    def test_refuses_a_scenario_of_the_other_engine(self):
        done = subprocess.run([sys.executable, SERVER, "mariadb", "scram"], text=True, check=False,
                              capture_output=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("server.py mariadb|postgres SCENARIO", done.stderr)


if __name__ == "__main__":
    unittest.main()
