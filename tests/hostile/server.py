#!/usr/bin/env python3
"""A database server that lies, stalls or floods.

    server.py mariadb|postgres SCENARIO [VALUE] [--early]

Listens on 127.0.0.1, prints "port N", and serves every connection until its standard input ends.
What clients do it prints, one line for each event:

    connected           closed              tls                 user NAME
    password TEXT       one that came in clear, or encrypted to a key of this server's
    proof               a hash that takes the password to make
    statement TEXT      a query, or a statement to prepare; lines are joined by \\n
    sent N bytes        where the scenario expects nothing, such as the rest of what is being flooded
    cancel              a request to cancel, which is ignored (postgres)

Statements that are prepared are answered by the scenario when they are executed. What Grant itself
sends to open a session of MariaDB (SET ..., SELECT @@character_set_client ...) is answered politely.
With --early neither is so: errors come when a statement is prepared, and lies from the first SET on.

At the login:
    polite              Accepts any login. SET is answered, SELECT gives one row.
    asks-in-clear       Offers no TLS and asks for the password in clear; VALUE (mariadb): the plugin
                        that is switched to, mysql_clear_password unless given. First comes the proof
                        for mysql_native_password, which clients give unasked.
    asks-in-clear-first (mariadb) So, with the plugin VALUE in the greeting already.
    silent-in-tls       Accepts TLS, and says nothing from then on.
    clear-inside-tls    So, after TLS, with a certificate for "impostor" that it signed itself.
    no-tls              Offers no TLS, and asks for a proof: mysql_native_password, md5.
    greeting-in-pieces  One byte each 20 ms: the greeting; AuthenticationOk, or what VALUE (postgres)
                        says: clear, md5. Polite after that.
    silent              Says nothing.
    half-a-greeting     Stops in the middle of the greeting; of the request for an md5 proof.
    garbage             64 KiB of it, the same each time, as the first answer.
    http                HTTP/1.1 400 Bad Request, as the first answer.
    endless-greeting    Well-formed packets for ever; an error from before protocol 3, for ever.
    closes-at-once      Accepts, and closes.
    scram, scram-in-tls (postgres) SCRAM-SHA-256 with VALUE iterations, 4096 unless given. The
                        client's proof is followed by AuthenticationOk, without the server's own.

After a polite login:
    closes-after-login  Closes.
    hang-after-login    Never answers a statement.
    rows-without-end    Endless rows of 8 KiB, where a polite server gives rows.
    errors-without-end  (postgres) Endless errors.
    notices-without-end (postgres) Endless notices.
    slow-rows           A row each 50 ms, for ever.
    no-rows             Each statement succeeds without a result.
    other-columns       Each statement gives one row, of a text in the one column x.
    no-columns          A row without columns (postgres); a row of one column that is cut off.
    empty-error         SQLSTATE 00000, error 0, and no text.
    error-with          An error with VALUE in its texts.
    other-charset       (mariadb) SELECT @@... gives latin1 for whatever is asked. Polite otherwise.
    broken-row          A row with one text, of 4 bytes, whose length says VALUE, 1000 unless given.
    huge-length         The header of a row says 1 GiB (mariadb: the most that it can, and the text in
                        the row 1 GiB), and one byte comes each 50 ms.
"""

import base64
import datetime
import itertools
import os
import random
import re
import select
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time

BOTH = ("polite asks-in-clear silent-in-tls clear-inside-tls no-tls greeting-in-pieces silent half-a-greeting garbage "
        "http endless-greeting closes-at-once closes-after-login hang-after-login rows-without-end "
        "slow-rows no-rows other-columns no-columns empty-error error-with broken-row huge-length").split()
SCENARIOS = {"mariadb": [*BOTH, "asks-in-clear-first", "other-charset"],
             "postgres": [*BOTH, "scram", "scram-in-tls", "errors-without-end", "notices-without-end"]}

PAUSE = 0.05  # seconds, between what comes slowly
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nBad request"
GARBAGE = random.Random(1).randbytes(64 * 1024)

PRINTING = threading.Lock()


def note(event):
    line = event.replace("\r", "\\r").replace("\n", "\\n") + "\n"
    with PRINTING:
        try:
            sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
        except OSError:
            os._exit(0)  # nobody is left to tell


def text_of(data):
    return data.decode("utf-8", "backslashreplace")


# ---- A certificate, and its key, which also decrypts passwords. Neither is ever in a file.

def in_memory(data):
    """The name of a file that holds `data` until this process ends, and its descriptor."""
    descriptor = os.memfd_create("hostile")
    os.write(descriptor, data)
    return f"/proc/self/fd/{descriptor}", descriptor


def make_certificate():
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", "-",
         "-out", "-", "-subj", "/CN=impostor", "-addext", "subjectAltName=DNS:impostor"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return in_memory(made.stdout)


def public_key(key):
    return subprocess.run(["openssl", "pkey", "-in", key[0], "-pubout"], pass_fds=[key[1]],
                          stdout=subprocess.PIPE, check=True).stdout


def decrypt(key, secret, scramble):
    """The password in `secret`, which was mixed with `scramble` and encrypted."""
    mixed = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", key[0],
                            "-pkeyopt", "rsa_padding_mode:oaep"], pass_fds=[key[1]], input=secret,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    return bytes(a ^ b for a, b in zip(mixed, itertools.cycle(scramble)))


# ---- Connections.

class Gone(Exception):
    """The client has closed the connection, or has said that it will."""


class Peer:
    def __init__(self, connection, scenario, value, early, key):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.scenario, self.value, self.early, self.key = scenario, value, early, key
        self.encrypted = self.hangs = self.in_transaction = self.failed = False
        self.sequence = 0  # of the next packet of MariaDB's

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise Gone
            data += part
        return data

    def send(self, data):
        self.socket.sendall(data)

    def send_in_pieces(self, data):
        for i in range(len(data)):
            self.send(data[i:i + 1])
            time.sleep(0.02)

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.key[0])
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.encrypted = True
        note("tls")

    def hear(self):
        data = self.socket.recv(64 * 1024)
        if not data:
            raise Gone
        note(f"sent {len(data)} bytes")

    def hear_to_the_end(self):
        while True:
            self.hear()

    def flood(self, pieces):
        """Sends `pieces`, of which there is no end, and answers nothing any more."""
        for piece in pieces:
            while select.select([self.socket], [], [], 0)[0]:
                self.hear()
            self.send(piece)


def trickle():
    while True:
        yield b"x"
        time.sleep(PAUSE)


def first_answer(peer):
    """What scenarios say that look like no database at all. Whether there was something to say."""
    if peer.scenario == "garbage":
        peer.send(GARBAGE)
    elif peer.scenario == "http":
        peer.send(HTTP)
        peer.socket.shutdown(socket.SHUT_WR)
    elif peer.scenario != "silent":
        return False
    peer.hear_to_the_end()
    return True


# ---- What is said to a statement, whatever the engine: a kind, and what belongs to it.
#
#     ("done", tag)                 no result
#     ("rows", columns, rows)       columns: of (name, whether it holds numbers); rows: of lists of texts
#     ("endless", columns, rows)    an iterator that has no end
#     ("broken" | "cut" | "huge", columns)     something is wrong with the first row
#     ("error", SQLSTATE, number, text)
#     ("hang",)
#     ("flood", kind of message)    postgres only

X = [("x", False)]

# A part of an expression, and what it gives; some of it is what Grant asks to know a node.
KNOWN = [("read_only", "0"), ("gtid_domain_id", "0"), ("gtid_current_pos", "0-1-1"), ("gtid_slave_pos", ""),
         ("concat_ws", "hostile"), ("max_allowed_packet", "16777216"), ("server_version", "15.0"),
         ("version", "10.11.0-MariaDB"), ("ELSE 'f' END", "f")]


def without_guard(sql):
    """`sql` without comments and the like before it, and without SET STATEMENT ... FOR."""
    sql = re.sub(r"^(\s|\(|--[^\n]*\n|/\*.*?\*/)+", "", sql, flags=re.DOTALL)
    return re.sub(r"^SET\s+STATEMENT\s.*?\sFOR\s+", "", sql, flags=re.DOTALL | re.IGNORECASE)


def expressions(sql):
    """What a SELECT asks for."""
    parts, depth = [""], 0
    for token in re.findall(r"'[^']*'|\"[^\"]*\"|\w+|.", sql, re.DOTALL)[1:]:
        depth += (token == "(") - (token == ")")
        if depth == 0 and token.upper() in ("FROM", "WHERE", "LIMIT", "FOR"):
            break
        if depth == 0 and token == ",":
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip(" \r\n\t;") for part in parts]


def value_of(expression):
    if re.fullmatch(r"\d+|'[^']*'", expression):
        return expression.strip("'")
    if "utc_timestamp" in expression:
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
    if "clock_timestamp" in expression:
        return str(time.time_ns() // 1000)
    if re.search(r" [=>] ", expression) and not expression.startswith("CASE"):
        return "1"
    return next((value for part, value in KNOWN if part in expression), "1")


def name_of(expression):
    alias = re.search(r"\bAS\s+[\"`]?(\w+)[\"`]?$", expression, re.IGNORECASE)
    return alias.group(1) if alias else expression[:60]


def polite_answer(sql):
    sql = without_guard(sql)
    words = sql.upper().split()
    word = words[0].rstrip(";") if words else ""
    if word == "SELECT":
        asked = expressions(sql)
        row = [value_of(expression) for expression in asked]
        columns = [(name_of(a), value.isdigit() and a[0] != "'") for a, value in zip(asked, row)]
        return ("rows", columns, [row])
    if word in ("WITH", "VALUES", "TABLE", "EXPLAIN") or "RETURNING" in words:
        return ("rows", [("x", True)], [["1"]])
    if word in ("SHOW", "FETCH"):
        return ("rows", X, [])
    tags = {"INSERT": "INSERT 0 1", "UPDATE": "UPDATE 1", "DELETE": "DELETE 1", "START": "BEGIN",
            "CREATE": " ".join(words[:2]), "DROP": " ".join(words[:2])}
    return ("done", tags.get(word, word))


def slow_rows():
    while True:
        yield ["x"]
        time.sleep(PAUSE)


def opens_session(sql):
    """Whether `sql` is what Grant sends to a MariaDB server before anything of the user's."""
    return re.match(r"SET\s(?!\s*STATEMENT\s)|SELECT @@character_set_client", sql, re.IGNORECASE) is not None


def answer_to(peer, engine, sql):
    scenario = peer.scenario
    if scenario == "other-charset" and sql.upper().startswith("SELECT @@"):
        asked = expressions(sql)
        return ("rows", [(name_of(a), False) for a in asked], [["latin1"] * len(asked)])
    if engine == "mariadb" and opens_session(sql) and not peer.early:
        return polite_answer(sql)
    if scenario == "rows-without-end" and polite_answer(sql)[0] == "done":
        return polite_answer(sql)
    lies = {
        "hang-after-login": ("hang",),
        "rows-without-end": ("endless", X, itertools.repeat(["y" * 8192])),
        "errors-without-end": ("flood", b"E"),
        "notices-without-end": ("flood", b"N"),
        "slow-rows": ("endless", X, slow_rows()),
        "no-rows": ("done", "SELECT 0"),
        "other-columns": ("rows", X, [["x"]]),
        "no-columns": ("cut", X) if engine == "mariadb" else ("rows", [], [[]]),
        "empty-error": ("error", "00000", 0, ""),
        "error-with": ("error", "45000" if engine == "mariadb" else "22P02", 1644, peer.value),
        "broken-row": ("broken", X),
        "huge-length": ("huge", X),
    }
    return lies.get(scenario) or polite_answer(sql)


def gives_rows(answer):
    return answer[0] in ("rows", "endless", "broken", "cut", "huge")


def columns_of(answer):
    return answer[1] if gives_rows(answer) else []


def follow_transaction(peer, sql):
    words = sql.upper().replace(";", " ").split()
    if words[:1] in (["BEGIN"], ["START"]):
        peer.in_transaction = True
    elif words[:1] in (["COMMIT"], ["END"], ["ROLLBACK"], ["ABORT"]) and "TO" not in words:
        peer.in_transaction = peer.failed = False


# ---- MariaDB.

NATIVE = "mysql_native_password"
WITH_DATABASE, TLS, SECURE = 8, 0x800, 0x8000
PLUGINS, LONG_PROOFS, SESSION_TRACK = 1 << 19, 1 << 21, 1 << 23
# Besides: found rows, long flags, protocol 4.1, transactions, several statements and results.
CAPABILITIES = (2 | 4 | WITH_DATABASE | 0x200 | 0x2000 | SECURE | 1 << 16 | 1 << 17 | 1 << 18 | PLUGINS |
                SESSION_TRACK)
SCRAMBLE = b"\x05Password, please:  "  # of 20 bytes; to the plugin "dialog" a question with no echo
IN_TRANSACTION, AUTOCOMMIT = 1, 2
LONGEST = 0xFFFFFF


def with_length(data):
    size = len(data)
    if size < 251:
        return bytes([size]) + data
    return b"\xfd" + struct.pack("<I", size)[:3] + data


def packet_header(peer, size):
    header = struct.pack("<I", size)[:3] + bytes([peer.sequence & 0xFF])
    peer.sequence += 1
    return header


def packet(peer, payload):
    return packet_header(peer, len(payload)) + payload


def read_packet(peer):
    payload, size = b"", LONGEST
    while size == LONGEST:
        header = peer.read(4)
        size = struct.unpack("<I", header[:3] + b"\0")[0]
        peer.sequence = header[3] + 1
        payload += peer.read(size)
    return payload


def status(peer):
    return AUTOCOMMIT | (IN_TRANSACTION if peer.in_transaction else 0)


def ok(peer, changed=0):
    return packet(peer, bytes([0, changed, 0]) + struct.pack("<HH", status(peer), 0))


def end_of_part(peer):
    return packet(peer, b"\xfe" + struct.pack("<HH", 0, status(peer)))


def error(peer, number, state, text):
    return packet(peer, b"\xff" + struct.pack("<H", number) + b"#" + state.encode() + text.encode())


def greeting(peer, plugin):
    capabilities = CAPABILITIES | (TLS if peer.scenario in ("clear-inside-tls", "silent-in-tls") else 0)
    return packet(peer, b"\x0a5.5.5-10.11.0-MariaDB\0" + struct.pack("<I", 7) + SCRAMBLE[:8] + b"\0" +
                  struct.pack("<HBHHB", capabilities & 0xFFFF, 45, AUTOCOMMIT, capabilities >> 16, 21) +
                  bytes(10) + SCRAMBLE[8:] + b"\0" + plugin.encode() + b"\0")


def endless_greeting(peer):
    block = b"a" * 65535
    while True:
        yield packet_header(peer, LONGEST)
        yield b"\x0a" if peer.sequence == 1 else b"a"
        for _ in range((LONGEST - 1) // len(block)):
            yield block
        yield b"a" * ((LONGEST - 1) % len(block))


def parse_login(reply):
    """The user, what was sent of the password, and for which plugin."""
    capabilities = struct.unpack("<I", reply[:4])[0]
    user, _, rest = reply[32:].partition(b"\0")
    if capabilities & (LONG_PROOFS | SECURE):  # none is longer than 250 bytes
        proof, rest = rest[1:1 + rest[0]], rest[1 + rest[0]:]
    else:
        proof, _, rest = rest.partition(b"\0")
    if capabilities & WITH_DATABASE:
        rest = rest.partition(b"\0")[2]
    plugin = rest.partition(b"\0")[0] if capabilities & PLUGINS else NATIVE.encode()
    return text_of(user), proof, text_of(plugin)


def hear_proof(peer, plugin, reply):
    """Tells what `reply` of the plugin's shows of the password. Asks on, where that shows more."""
    encrypted = False
    if plugin == "caching_sha2_password" and len(reply) == 32:
        note("proof")
        peer.send(packet(peer, b"\x01\x04"))  # as if it were not in the cache: the password itself, please
        reply = read_packet(peer)
        encrypted = not peer.encrypted
    elif plugin == "sha256_password":
        encrypted = not peer.encrypted
    if encrypted and peer.key and reply in (b"\x01", b"\x02"):
        peer.send(packet(peer, b"\x01" + public_key(peer.key)))
        reply = decrypt(peer.key, read_packet(peer), SCRAMBLE)
    if not reply.strip(b"\0"):
        return
    if plugin in ("mysql_clear_password", "dialog", "caching_sha2_password", "sha256_password"):
        note("password " + text_of(reply.rstrip(b"\0")))
    else:
        note("proof")


def switch_to(peer, plugin):
    data = {"mysql_clear_password": b"", "dialog": b"\x05Password: ",
            "auth_gssapi_client": b"hostile@IMPOSTOR\0Kerberos\0"}.get(plugin, SCRAMBLE + b"\0")
    peer.send(packet(peer, b"\xfe" + plugin.encode() + b"\0" + data))
    hear_proof(peer, plugin, read_packet(peer))


def log_in_mariadb(peer):
    asked = peer.value or "mysql_clear_password"
    opening = greeting(peer, asked if peer.scenario == "asks-in-clear-first" else NATIVE)
    if peer.scenario == "half-a-greeting":
        peer.send(opening[:len(opening) // 2])
        peer.hear_to_the_end()
    if peer.scenario == "greeting-in-pieces":
        peer.send_in_pieces(opening)
    else:
        peer.send(opening)
    reply = read_packet(peer)
    if len(reply) == 32 and struct.unpack("<I", reply[:4])[0] & TLS:
        if peer.scenario == "silent-in-tls":
            peer.hear_to_the_end()
        peer.start_tls()
        reply = read_packet(peer)
    user, proof, plugin = parse_login(reply)
    note("user " + user)
    hear_proof(peer, plugin, proof)
    if peer.scenario in ("asks-in-clear", "asks-in-clear-first", "clear-inside-tls") and plugin != asked:
        switch_to(peer, asked)
    peer.send(ok(peer))


def definition(peer, column):
    name, is_number = column
    charset, size, kind = (63, 20, 8) if is_number else (45, 65535 * 4, 253)
    names = b"".join(with_length(part) for part in (b"def", b"", b"", b"", name.encode(), name.encode()))
    return packet(peer, names + b"\x0c" + struct.pack("<HIBHBH", charset, size, kind, 0, 0, 0))


def definitions(peer, columns):
    if not columns:
        return b""
    return b"".join(definition(peer, column) for column in columns) + end_of_part(peer)


def mariadb_row(columns, row, binary):
    if not binary:
        return b"".join(with_length(value.encode()) for value in row)
    nulls = b"\0" * ((len(columns) + 9) // 8)
    values = [struct.pack("<q", int(value)) if is_number else with_length(value.encode())
              for (_, is_number), value in zip(columns, row)]
    return b"\0" + nulls + b"".join(values)


def send_mariadb(peer, answer, binary):
    kind, columns = answer[0], columns_of(answer)
    if kind == "done":
        peer.send(ok(peer, 1 if answer[1].endswith(" 1") else 0))
    elif kind == "error":
        peer.send(error(peer, answer[2], answer[1], answer[3]))
    elif kind == "hang":
        return
    else:
        peer.send(packet(peer, bytes([len(columns)])) + definitions(peer, columns))
    before = b"\0\0" if binary else b""
    if kind == "rows":
        rows = [packet(peer, mariadb_row(columns, row, binary)) for row in answer[2]]
        peer.send(b"".join(rows) + end_of_part(peer))
    elif kind == "endless":
        peer.flood(packet(peer, mariadb_row(columns, row, binary)) for row in answer[2])
    elif kind == "broken":
        row = before + b"\xfe" + struct.pack("<Q", int(peer.value or 1000)) + b"abcd"
        peer.send(packet(peer, row) + end_of_part(peer))
    elif kind == "cut":
        peer.send(packet(peer, b"\0" if binary else b"\x14abc") + end_of_part(peer))
    elif kind == "huge":
        peer.send(packet_header(peer, LONGEST) + before + b"\xfe" + struct.pack("<Q", 1 << 30))
        peer.flood(trickle())


def prepare_mariadb(peer, number, sql):
    answer = answer_to(peer, "mariadb", sql)
    if answer[0] == "hang" or answer[0] == "error" and peer.early:
        send_mariadb(peer, answer, False)
        return
    columns = columns_of(answer)
    parameters = re.sub(r"'[^']*'", "", sql).count("?")
    peer.send(packet(peer, b"\0" + struct.pack("<IHHBH", number, len(columns), parameters, 0, 0)) +
              definitions(peer, [("?", False)] * parameters) + definitions(peer, columns))


def run_mariadb_session(peer):
    statements = {}
    while True:
        received = read_packet(peer)
        command, body = int.from_bytes(received[:1], "little"), received[1:]
        if command == 0x01:  # quit
            raise Gone
        if command == 0x03:  # query
            sql = text_of(body)
            note("statement " + sql)
            answer = answer_to(peer, "mariadb", sql)
            follow_transaction(peer, sql)
            send_mariadb(peer, answer, False)
        elif command == 0x16:  # prepare
            number = len(statements) + 1
            statements[number] = text_of(body)
            note("statement " + statements[number])
            prepare_mariadb(peer, number, statements[number])
        elif command == 0x17:  # execute
            sql = statements.get(struct.unpack("<I", body[:4])[0], "")
            follow_transaction(peer, sql)
            send_mariadb(peer, answer_to(peer, "mariadb", sql), True)
        elif command in (0x04, 0x1B):  # list fields, set option
            peer.send(end_of_part(peer))
        elif command in (0x02, 0x0C, 0x0E, 0x1A, 0x1F):  # use, kill, ping, reset a statement or the session
            peer.send(ok(peer))
        elif command not in (0x18, 0x19):  # long data and closing a statement have no answer
            peer.send(error(peer, 1047, "08S01", "Unknown command"))


def serve_mariadb(peer):
    if first_answer(peer):
        return
    if peer.scenario == "endless-greeting":
        peer.flood(endless_greeting(peer))
    log_in_mariadb(peer)
    if peer.scenario != "closes-after-login":
        run_mariadb_session(peer)


# ---- PostgreSQL.

TLS_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
OK, CLEAR, MD5, SASL, SASL_CONTINUE = 0, 3, 5, 10, 11
INTEGER, TEXT = 20, 25
SETTINGS = {"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
            "TimeZone": "UTC", "DateStyle": "ISO, MDY", "standard_conforming_strings": "on",
            "integer_datetimes": "on"}


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def request(code, data=b""):
    return message(b"R", struct.pack("!I", code) + data)


def ready(peer):
    return message(b"Z", b"E" if peer.failed else b"T" if peer.in_transaction else b"I")


def report(kind, state, text, *more):
    """An error or a notice; `more`: the letters of other fields that hold the text too."""
    severity = "" if not text else "ERROR" if kind == b"E" else "NOTICE"
    fields = [("S", severity), ("V", severity), ("C", state), ("M", text),
              *((letter, text) for letter in more)]
    return message(kind, "".join(f"{letter}{content}\0" for letter, content in fields).encode() + b"\0")


def read_opening(peer):
    """The code of a first message. Tells the user's name, if it is there."""
    size, code = struct.unpack("!II", peer.read(8))
    words = peer.read(size - 8).split(b"\0")
    if code == CANCEL_REQUEST:
        note("cancel")
        raise Gone
    if code not in (TLS_REQUEST, GSS_REQUEST):
        note("user " + text_of(dict(zip(words[::2], words[1::2])).get(b"user", b"")))
    return code


def read_message(peer):
    kind, size = struct.unpack("!cI", peer.read(5))
    return kind, peer.read(size - 4)


def read_secret(peer):
    """What a client answers to a request for a password or a proof."""
    while True:
        kind, body = read_message(peer)
        if kind == b"X":
            raise Gone
        if kind == b"p":
            return body
        note(f"sent {len(body) + 5} bytes")


def hear_password(peer):
    note("password " + text_of(read_secret(peer).rstrip(b"\0")))


def ask_scram(peer):
    peer.send(request(SASL, b"SCRAM-SHA-256\0\0"))
    nonce = read_secret(peer).partition(b",r=")[2]
    salt = base64.b64encode(b"salt of a server")
    iterations = (peer.value or "4096").encode()
    peer.send(request(SASL_CONTINUE, b"r=" + nonce + b"hostile,s=" + salt + b",i=" + iterations))
    read_secret(peer)
    note("proof")


def log_in_postgres(peer):
    scenario = peer.scenario
    wants_tls = scenario in ("clear-inside-tls", "scram-in-tls", "silent-in-tls")
    code = read_opening(peer)
    while code in (TLS_REQUEST, GSS_REQUEST):
        accepts = wants_tls and code == TLS_REQUEST
        peer.send(b"S" if accepts else b"N")
        if accepts and scenario == "silent-in-tls":
            peer.hear_to_the_end()
        if accepts:
            peer.start_tls()
        code = read_opening(peer)
    if scenario in ("asks-in-clear", "clear-inside-tls"):
        peer.send(request(CLEAR))
        hear_password(peer)
    elif scenario == "no-tls":
        peer.send(request(MD5, b"salt"))
        read_secret(peer)
        note("proof")
    elif scenario in ("scram", "scram-in-tls"):
        ask_scram(peer)
    elif scenario == "half-a-greeting":
        peer.send(request(MD5, b"salt")[:7])
        peer.hear_to_the_end()
    elif scenario == "greeting-in-pieces" and peer.value == "clear":
        peer.send_in_pieces(request(CLEAR))
        hear_password(peer)
    elif scenario == "greeting-in-pieces" and peer.value == "md5":
        peer.send_in_pieces(request(MD5, b"salt"))
        read_secret(peer)
        note("proof")
    accepted = request(OK)
    if scenario == "greeting-in-pieces" and not peer.value:
        peer.send_in_pieces(accepted)
        accepted = b""
    settings = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in SETTINGS.items())
    peer.send(accepted + settings + message(b"K", struct.pack("!II", 7, 7)) + ready(peer))


def row_description(columns, formats):
    fields = [name.encode() + b"\0" + struct.pack("!IHIhih", 0, 0, INTEGER if is_number else TEXT,
                                                  8 if is_number else -1, -1, format_)
              for (name, is_number), format_ in zip(columns, formats)]
    return message(b"T", struct.pack("!H", len(fields)) + b"".join(fields))


def postgres_row(columns, row, formats):
    values = [struct.pack("!q", int(value)) if is_number and format_ == 1 else value.encode()
              for (_, is_number), value, format_ in zip(columns, row, formats)]
    return message(b"D", struct.pack("!H", len(values)) +
                   b"".join(struct.pack("!I", len(value)) + value for value in values))


def send_postgres(peer, answer, formats):
    """All of `answer` but the description of its rows. Whether the statement succeeded."""
    kind, columns = answer[0], columns_of(answer)
    if kind == "done":
        peer.send(message(b"C", answer[1].encode() + b"\0"))
    elif kind == "rows":
        rows = [postgres_row(columns, row, formats) for row in answer[2]]
        peer.send(b"".join(rows) + message(b"C", f"SELECT {len(rows)}\0".encode()))
    elif kind == "endless":
        peer.flood(postgres_row(columns, row, formats) for row in answer[2])
    elif kind == "broken":
        row = struct.pack("!HI", 1, int(peer.value or 1000)) + b"abcd"
        peer.send(message(b"D", row) + message(b"C", b"SELECT 1\0"))
    elif kind == "huge":
        peer.send(b"D" + struct.pack("!IHI", 1 << 30, 1, (1 << 30) - 10))
        peer.flood(trickle())
    elif kind == "error":
        peer.send(report(b"E", answer[1], answer[3], *("DHW" if answer[3] else "")))
        peer.failed = peer.in_transaction
    return kind != "error"


def flood_or_hang(peer, answer):
    if answer[0] == "flood":
        peer.flood(itertools.repeat(report(answer[1], "22012", "there is more to come")))
    peer.hangs = answer[0] == "hang"
    return peer.hangs


def run_text(peer, text):
    """Answers the statements in `text`."""
    statements = [part for part in re.findall(r"(?:'[^']*'|[^;'])+", text) if part.strip()]
    if not statements:
        peer.send(message(b"I"))
    for sql in statements:
        answer = answer_to(peer, "postgres", sql)
        if flood_or_hang(peer, answer):
            return
        follow_transaction(peer, sql)
        columns = columns_of(answer)
        if gives_rows(answer):
            peer.send(row_description(columns, [0] * len(columns)))
        if not send_postgres(peer, answer, [0] * len(columns)):
            break
    peer.send(ready(peer))


def parse_bind(body):
    """The names of the portal and the statement, and the formats that are asked for results."""
    portal, statement, rest = body.split(b"\0", 2)
    count = struct.unpack("!H", rest[:2])[0]
    at = 2 + 2 * count
    values = struct.unpack("!H", rest[at:at + 2])[0]
    at += 2
    for _ in range(values):
        size = struct.unpack("!i", rest[at:at + 4])[0]
        at += 4 + max(size, 0)
    count = struct.unpack("!H", rest[at:at + 2])[0]
    return portal, statement, struct.unpack(f"!{count}H", rest[at + 2:at + 2 + 2 * count])


def formats_for(columns, formats):
    return list(formats) if len(formats) == len(columns) else [*formats[:1], 0][:1] * len(columns)


def describe(answer, formats):
    if not gives_rows(answer):
        return message(b"n")
    return row_description(answer[1], formats_for(answer[1], formats))


def parameter_description(sql, types):
    count = max([len(types), *(int(number) for number in re.findall(r"\$(\d+)", sql))])
    known = [*types, *[0] * (count - len(types))]
    return message(b"t", struct.pack(f"!H{count}I", count, *(type_ or TEXT for type_ in known)))


class Extended:
    """The statements and portals of a session."""

    def __init__(self, peer):
        self.peer, self.statements, self.portals = peer, {}, {}

    def parse(self, body):
        name, sql, rest = body.split(b"\0", 2)
        sql = text_of(sql)
        note("statement " + sql)
        answer = answer_to(self.peer, "postgres", sql)
        if flood_or_hang(self.peer, answer):
            return True
        if answer[0] == "error" and self.peer.early:
            return send_postgres(self.peer, answer, [])
        count = struct.unpack("!H", rest[:2])[0]
        self.statements[name] = (sql, struct.unpack(f"!{count}I", rest[2:2 + 4 * count]))
        self.peer.send(message(b"1"))
        return True

    def bind(self, body):
        portal, statement, formats = parse_bind(body)
        self.portals[portal] = (self.statements.get(statement, ("", ()))[0], formats)
        self.peer.send(message(b"2"))
        return True

    def describe(self, body):
        name = body[1:].rstrip(b"\0")
        if body[:1] == b"S":
            sql, types = self.statements.get(name, ("", ()))
            self.peer.send(parameter_description(sql, types))
            formats = ()
        else:
            sql, formats = self.portals.get(name, ("", ()))
        self.peer.send(describe(answer_to(self.peer, "postgres", sql), formats))
        return True

    def execute(self, body):
        sql, formats = self.portals.get(body.partition(b"\0")[0], ("", ()))
        if not sql.strip():
            self.peer.send(message(b"I"))
            return True
        answer = answer_to(self.peer, "postgres", sql)
        follow_transaction(self.peer, sql)
        return send_postgres(self.peer, answer, formats_for(columns_of(answer), formats))

    def close(self, _):
        self.peer.send(message(b"3"))
        return True

    def flush(self, _):
        return True


def run_postgres_session(peer):
    extended = Extended(peer)
    steps = {b"P": extended.parse, b"B": extended.bind, b"D": extended.describe, b"E": extended.execute,
             b"C": extended.close, b"H": extended.flush}
    skips = False  # after an error, up to the next Sync
    while True:
        kind, body = read_message(peer)
        if kind == b"X":
            raise Gone
        if kind == b"Q":
            text = text_of(body.rstrip(b"\0"))
            note("statement " + text)
            run_text(peer, text)
        elif kind == b"S" and not peer.hangs:
            skips = False
            peer.send(ready(peer))
        elif kind in steps and not skips and (kind == b"P" or not peer.hangs):
            skips = not steps[kind](body)


def serve_postgres(peer):
    if peer.scenario == "silent":
        peer.hear_to_the_end()
    if peer.scenario in ("garbage", "http", "endless-greeting"):
        read_opening(peer)
    if first_answer(peer):
        return
    if peer.scenario == "endless-greeting":
        # What would be its length is one that errors of this protocol do not have.
        peer.flood(itertools.chain([b"E"], itertools.repeat(b"a" * 65536)))
    log_in_postgres(peer)
    if peer.scenario != "closes-after-login":
        run_postgres_session(peer)


# ---- The program.

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


def finish(server):
    """Hears the clients out that have closed already: what they sent must not go untold."""
    server.shutdown()
    while select.select([server], [], [], 0)[0]:
        server.handle_request()
    end = time.monotonic() + 0.5
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(max(0, end - time.monotonic()))


def main():
    early = "--early" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--early"]
    if len(words) not in (2, 3) or words[1] not in SCENARIOS.get(words[0], []):
        sys.exit(__doc__)
    engine, scenario, value = (*words, "")[:3]
    needs_key = scenario in ("clear-inside-tls", "scram-in-tls") or "sha" in value
    key = make_certificate() if needs_key else None
    serve = {"mariadb": serve_mariadb, "postgres": serve_postgres}[engine]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            note("connected")
            peer = Peer(self.request, scenario, value, early, key)
            try:
                if scenario != "closes-at-once":
                    serve(peer)
            except (Gone, OSError):
                note("closed")
            finally:
                peer.socket.close()

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        note(f"port {server.server_address[1]}")
        while os.read(0, 4096):
            pass
        finish(server)
        os._exit(0)  # whatever the other threads are in the middle of


if __name__ == "__main__":
    main()
