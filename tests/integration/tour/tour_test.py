#!/usr/bin/env python3
"""Runs examples/tour.cpp as `./dev demo` does, and checks what it prints.

    tour_test.py SOURCE_DIR TOUR sqlite|postgres
"""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1])
TOUR = sys.argv[2]
ENGINE = sys.argv[3]


def tour_output():
    done = subprocess.run([SOURCE / "dev", "demo", ENGINE], env={**os.environ, "GRANT_TOUR": TOUR},
                          capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"./dev demo {ENGINE} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


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
