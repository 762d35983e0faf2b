#!/usr/bin/env python3
"""Runs examples/tour.cpp and checks what it prints.

    tour_test.py SOURCE_DIR TOUR sqlite|postgres
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1])
TOUR = sys.argv[2]
ENGINE = sys.argv[3]
SERVER = SOURCE / "tools/cluster/postgres.sh"
DATABASES = {"ANALYTICS_DATABASE_URL": "analytics", "ORDERS_US_EAST_URL": "orders_us_east",
             "ORDERS_US_WEST_URL": "orders_us_west", "ORDERS_EU_URL": "orders_eu"}


def sqlite_environment():
    urls = {"PRIMARY_DATABASE_URL": "primary", "PRIMARY_REPLICA_1_URL": "replica-1",
            "PRIMARY_REPLICA_2_URL": "replica-2", **DATABASES}
    return {variable: f"sqlite:{name}.db" for variable, name in urls.items()}


class Postgres:
    """A primary with two replicas, and the other databases beside it."""

    def __init__(self, base):
        # Below the ports that the system hands out, and elsewhere in each process.
        port = 11000 + os.getpid() % 600 * 10
        self.environment = {"BASE": base, "PORT": str(port), "REPLICAS": "2",
                            "OWNER": str(os.getpid())}

    def script(self, *arguments):
        done = subprocess.run([SERVER, *arguments], env={**os.environ, **self.environment},
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def tour_environment(self):
        self.script("up")
        url = self.script("url", "0")
        for name in DATABASES.values():
            self.script("sql", "0", f"CREATE DATABASE {name} OWNER app")
        urls = {variable: url.rsplit("/", 1)[0] + "/" + name
                for variable, name in DATABASES.items()}
        return {**self.environment, **urls, "PRIMARY_DATABASE_URL": url,
                "PRIMARY_REPLICA_1_URL": self.script("url", "1"),
                "PRIMARY_REPLICA_2_URL": self.script("url", "2"),
                "GRANT_TOUR_STOP": f"{SERVER} stop 1", "GRANT_TOUR_START": f"{SERVER} start 1"}


def run_tour(environment, directory):
    done = subprocess.run([TOUR, SOURCE / "examples/grant.toml"], cwd=directory,
                          env={**os.environ, **environment}, capture_output=True, text=True,
                          check=False, timeout=100)
    if done.returncode != 0:
        raise RuntimeError(f"the tour ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def tour_output():
    with tempfile.TemporaryDirectory(prefix="grant-tour-") as directory:
        os.chmod(directory, 0o755)  # a server may run as another user
        if ENGINE == "sqlite":
            return run_tour(sqlite_environment(), directory)
        servers = Postgres(directory + "/servers")
        try:
            return run_tour(servers.tour_environment(), directory)
        finally:
            servers.script("destroy")


class Tour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = tour_output()

    def served(self, what):
        """The nodes and reasons of all lines that begin with `what`."""
        return re.findall(rf"^  {re.escape(what)} {{2,}}(\S.*)$", self.text, re.MULTILINE)

    def test_databases_come_from_code_and_from_the_file(self):
        self.assertIn("from code: 4 databases", self.text)
        self.assertRegex(self.text, r"from .*grant\.toml: 4 databases")

    def test_records_are_written_to_the_primary(self):
        self.assertEqual(self.served("create ada"), ["primary/writer (write)"])
        self.assertEqual(self.served("save the record"), ["primary/writer (write)"])
        self.assertIn("1 user left", self.text)
        self.assertEqual(self.served('an event on page "/"'),
                         ["analytics/writer (sticky after a write)"])

    def test_reads_take_turns_over_both_replicas(self):
        nodes = self.served("count users")
        self.assertEqual(len(nodes), 4)
        self.assertEqual(set(nodes), {"primary/reader-1 (replica)", "primary/reader-2 (replica)"})
        self.assertNotEqual(nodes[0], nodes[1])
        self.assertEqual(nodes[:2], nodes[2:])

    def test_session_reads_its_own_write_and_others_read_replicas(self):
        self.assertEqual(self.served("read her back at once"),
                         ["primary/writer (sticky after a write)"])
        self.assertRegex(self.served("another session's count")[0],
                         r"primary/reader-[12] \(replica\)")

    def test_contexts(self):
        self.assertEqual(self.served("count in the writing role"), ["primary/writer (writing role)"])
        self.assertRegex(self.served("count in the reading role, nested")[0],
                         r"primary/reader-[12] \(replica\)")
        self.assertIn("users in the analytics database: 0", self.text)
        self.assertRegex(self.text, "refused: .*writes are prevented")
        self.assertIn("rolled back (changed my mind): exists = false", self.text)

    def test_records_go_home_to_their_shards(self):
        self.assertEqual(self.served("create an order"),
                         [f"orders@{shard}/writer (write)" for shard in ("us_east", "us_west", "eu")])
        self.assertEqual(self.served("save the order from eu"), ["orders@eu/writer (write)"])

    def test_replica_goes_away_and_comes_back(self):
        self.assertEqual(len(re.findall(r"primary/reader-1 +unknown +UNHEALTHY", self.text)), 1)
        nodes = self.served("count with a replica gone")
        self.assertEqual(len(nodes), 4)
        if ENGINE == "postgres":  # open SQLite files can be read when they have no name any more
            self.assertEqual(set(nodes), {"primary/reader-2 (replica)"})
        self.assertIn("load balancer: 1 of 2 replicas", self.text)
        self.assertIn("back: system healthy: true", self.text)

    def test_no_password_is_printed(self):
        self.assertNotIn("secret", self.text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
