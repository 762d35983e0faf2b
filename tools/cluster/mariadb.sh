#!/usr/bin/env bash
# A MariaDB primary (node 0) and replicas (nodes 1, 2, ...) that follow it by GTID, on loopback, for
# tests and demonstrations. The data is not safe there: nothing is flushed to the disk, and passwords
# are in this file.
#
#   mariadb.sh up                   build what is missing, start what is not running
#   mariadb.sh down                 stop every node
#   mariadb.sh destroy              stop every node and delete BASE
#   mariadb.sh status               what each node says it is
#   mariadb.sh start I [OPTION...]  OPTION as for mariadbd, until the node stops
#   mariadb.sh stop|kill|hang|unhang|promote|pause|resume|port|url|pid I
#   mariadb.sh follow I J           I, a replica or an old primary, replicates from J from now on
#   mariadb.sh sql I SQL            as an administrator in database app
#
# Environment: BASE      directory of everything        (default $TMPDIR/grant-mariadb)
#              PORT      node I listens on PORT + I     (default 13306)
#              REPLICAS  how many                       (default 2)
#              CACHE     megabytes of tables that a node keeps in memory (default 16)
#              OWNER     a process: `up` notes it, so that tests can tell abandoned clusters
set -euo pipefail

BASE=${BASE:-${TMPDIR:-/tmp}/grant-mariadb}
PORT=${PORT:-13306}
REPLICAS=${REPLICAS:-2}
CACHE=${CACHE:-16}
readonly BASE PORT REPLICAS CACHE
readonly user=app password=app-secret database=app replication_password=repl-secret

die() {
  echo "mariadb.sh: $*" >&2
  exit 1
}

command -v mariadbd >/dev/null || die "no MariaDB server found"

# The server runs as whoever calls, but not as root.
if [ "$(id -u)" = 0 ]; then
  readonly owner=mysql
  as_owner() {
    setpriv --reuid=mysql --regid=mysql --clear-groups -- env HOME="$BASE" "$@"
  }
else
  owner=$(id -un)
  readonly owner
  as_owner() { "$@"; }
fi

node_dir() { echo "$BASE/node$1"; }
data() { echo "$BASE/node$1/data"; }
socket() { echo "$BASE/node$1/socket"; }
port() { echo $((PORT + $1)); }
nodes() { find "$BASE" -maxdepth 1 -name 'node*' -type d -printf '%f\n' | sed s/node// | sort -n; }
exists() { [ -f "$(node_dir "$1")/role" ]; }

# Empty when the node is not running. The pid alone could belong to somebody else by now.
pid() {
  local file pid
  file=$(node_dir "$1")/pid
  [ -s "$file" ] || return 0
  read -r pid <"$file"
  if [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(realpath "$(data "$1")")" ]; then
    echo "$pid"
  fi
}

# The account of the same name lets in whoever owns the server, through the socket.
client() {
  local node=$1
  shift
  as_owner mariadb --no-defaults --batch --skip-column-names --socket="$(socket "$node")" \
    --user="$owner" "$@"
}

ask() { client "$1" --execute "$2"; }

make_certificates() {
  local tls=$BASE/tls key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  mkdir -p "$tls"
  openssl req -x509 "${key[@]}" -subj "/CN=Grant test CA" -days 3650 \
    -keyout "$tls/ca.key" -out "$tls/ca.crt"
  openssl req "${key[@]}" -subj "/CN=localhost" -keyout "$tls/server.key" -out "$tls/server.csr"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -days 3650 -out "$tls/server.crt"
  chmod 600 "$tls"/*.key
} >"$BASE/openssl.log" 2>&1

# A server that starts deletes the temporary tables that it finds in its tmpdir, of other servers too:
# each has one of its own.

# System tables are not in the binary log, so a node may start as a copy of an empty server and get
# everything else by replication. One such server is made for all: that takes most of the time.
make_template() {
  as_owner mariadb-install-db --no-defaults --datadir="$BASE/template" --tmpdir="$BASE" --skip-test-db \
    --skip-name-resolve --auth-root-authentication-method=socket \
    --auth-root-socket-user="$owner" --innodb-log-file-size=8M \
    --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=16M \
    >"$BASE/install.log" 2>&1 || {
    # It closes with where to report a bug; what went wrong stands before that.
    grep -i -m 5 error "$BASE/install.log" >&2 || cat "$BASE/install.log" >&2
    die "no template"
  }
}

write_settings() {
  as_owner tee "$BASE/server.cnf" >/dev/null <<CONF
[mariadbd]
bind_address = 127.0.0.1
skip_name_resolve = ON
character_set_server = utf8mb4
default_time_zone = '+05:45'      # not UTC, and not whole hours: conversions must show
max_connections = 300
connect_timeout = 60
ssl_cert = $BASE/tls/server.crt
ssl_key = $BASE/tls/server.key

log_bin = bin
binlog_format = ROW
log_slave_updates = ON
relay_log = relay
gtid_strict_mode = ON
slave_net_timeout = 4

sync_binlog = 0
innodb_flush_log_at_trx_commit = 2 # a killed server must have what its binary log has
innodb_buffer_pool_size = ${CACHE}M
innodb_log_file_size = 8M
aria_pagecache_buffer_size = 8M
key_buffer_size = 1M
performance_schema = OFF
CONF
}

start() {
  local node=$1 dir process
  dir=$(node_dir "$1")
  shift
  [ -z "$(pid "$node")" ] || return 0
  exists "$node" || die "node $node was never built: run up"
  rm -f "$dir/socket" "$dir/pid"
  as_owner setsid mariadbd --defaults-file="$BASE/server.cnf" --datadir="$dir/data" \
    --tmpdir="$dir" \
    --socket="$dir/socket" --pid-file="$dir/pid" --port="$(port "$node")" \
    --server-id=$((node + 1)) --read-only="$(cat "$dir/role")" "$@" \
    >>"$dir/log" 2>&1 </dev/null &
  process=$!
  until ask "$node" "do 0" >/dev/null 2>&1; do
    kill -0 "$process" 2>/dev/null || { tail -n 5 "$dir/log" >&2 && die "node $node did not start"; }
    sleep 0.02
  done
}

# stop_by <signal> <node>: returns when the process is gone.
stop_by() {
  local process
  process=$(pid "$2")
  [ -n "$process" ] || return 0
  kill "-$1" "$process"
  kill -CONT "$process" 2>/dev/null || true # a hung one hears no other signal
  while [ -n "$(pid "$2")" ]; do sleep 0.01; done
  rm -f "$(socket "$2")"
}

stop() { stop_by TERM "$1"; }
kill_node() { stop_by KILL "$1"; }

signal() { # signal <name> <node>
  local process
  process=$(pid "$2")
  [ -n "$process" ] || die "node $2 is not running"
  kill "-$1" "$process"
}
# The signal stops one thread at a time, and one that still runs could answer.
hang() {
  local process
  process=$(pid "$1")
  signal STOP "$1"
  while grep -qhv '^T' <(sed -n 's/^State:[[:space:]]*//p' "/proc/$process/task/"*/status); do
    sleep 0.01
  done
}
unhang() { signal CONT "$1"; }

# The role outlives a restart of the node.
set_role() { # set_role <node> ON|OFF, which is read_only
  echo "$2" | as_owner tee "$(node_dir "$1")/role" >/dev/null
}

build_node() {
  local dir
  dir=$(node_dir "$1")
  as_owner mkdir -p "$dir"
  as_owner cp -r "$BASE/template" "$dir/data"
  if [ "$1" = 0 ]; then set_role "$1" OFF; else set_role "$1" ON; fi
  start "$1"
  if [ "$1" = 0 ]; then create_accounts; else follow "$1" 0; fi
}

create_accounts() {
  ask 0 "create user repl@'127.0.0.1' identified by '$replication_password';
    grant replication slave on *.* to repl@'127.0.0.1';
    create user $user@'127.0.0.1' identified by '$password';
    create user $user@localhost identified by '$password';
    create database $database;
    grant all on $database.* to $user@'127.0.0.1', $user@localhost"
}

# A replica's own position is @@gtid_slave_pos; a primary's writes count only once they are there.
follow() {
  local own=
  if [ "$(cat "$(node_dir "$1")/role")" = OFF ]; then
    own="set global gtid_slave_pos = @@global.gtid_binlog_pos;"
  fi
  ask "$1" "stop slave; set global read_only = 1; $own
    change master to master_host = '127.0.0.1', master_port = $(port "$2"), master_user = 'repl',
      master_password = '$replication_password', master_use_gtid = slave_pos,
      master_connect_retry = 1, master_heartbeat_period = 1;
    start slave"
  set_role "$1" ON
}

await_position() { # await_position <replica> <gtid>
  [ -z "$2" ] || [ "$(ask "$1" "select master_gtid_wait('$2', 60)")" = 0 ] ||
    die "node $1 did not reach $2 within 60 s"
}

# What it has received is replayed first, and then writes are let in.
promote() {
  local received
  ask "$1" "stop slave io_thread"
  received=$(ask "$1" "show replica status\G" | sed -n 's/^ *Gtid_IO_Pos: //p')
  await_position "$1" "$received"
  ask "$1" "stop slave; reset slave all; set global read_only = 0"
  set_role "$1" OFF
}

pause() { ask "$1" "stop slave sql_thread"; }
resume() { ask "$1" "start slave sql_thread"; }

up() {
  mkdir -p "$BASE"
  [ -z "${OWNER:-}" ] || echo "$OWNER" >"$BASE/owner"
  touch "$BASE/.made-by-mariadb.sh"
  if [ ! -f "$BASE/tls/server.crt" ]; then make_certificates; fi
  if [ "$(id -u)" = 0 ]; then chown -R mysql "$BASE"; fi
  [ -d "$BASE/template" ] || make_template
  write_settings
  local node jobs=() built=()
  for node in $(seq 0 "$REPLICAS"); do
    if exists "$node"; then
      start "$node" &
    else
      built+=("$node")
      build_node "$node" &
    fi
    jobs+=($!)
  done
  for node in "${jobs[@]}"; do wait "$node"; done
  local position
  for node in "${built[@]}"; do
    [ "$node" = 0 ] && continue
    position=$(ask 0 "select @@global.gtid_binlog_pos")
    await_position "$node" "$position"
  done
}

down() {
  local node
  for node in $(nodes); do stop "$node" & done
  wait
}

destroy() {
  [ -d "$BASE" ] || return 0
  [ -f "$BASE/.made-by-mariadb.sh" ] || die "$BASE was not made by this script"
  local node
  for node in $(nodes); do kill_node "$node" & done
  wait
  rm -rf "$BASE"
}

status() {
  local node
  for node in $(nodes); do
    printf 'node %s, port %s: ' "$node" "$(port "$node")"
    if [ -z "$(pid "$node")" ]; then
      echo "down"
    else
      timeout 3 mariadb --no-defaults --host=127.0.0.1 --port="$(port "$node")" --user="$user" \
        --password="$password" --batch --skip-column-names --execute "
        select if(@@global.read_only, concat('replica, replayed ', @@global.gtid_slave_pos),
                  concat('primary, at ', @@global.gtid_current_pos))" 2>&1 || echo "no answer"
    fi
  done
}

url() { echo "mariadb://$user:$password@127.0.0.1:$(port "$1")/$database"; }

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  exit 2
}

command=${1:-}
[ -n "$command" ] || usage
shift
case $command in
  up | down | destroy | status) "$command" ;;
  start) start "${1:?which node?}" "${@:2}" ;;
  stop | hang | unhang | promote | pause | resume | port | url | pid)
    [ $# = 1 ] || usage
    "$command" "$1"
    ;;
  kill) kill_node "${1:?which node?}" ;;
  follow)
    [ $# = 2 ] || usage
    follow "$1" "$2"
    ;;
  sql)
    [ $# = 2 ] || usage
    client "$1" --database="$database" --execute "$2"
    ;;
  *) usage ;;
esac
