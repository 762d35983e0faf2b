#!/usr/bin/env bash
# A PostgreSQL primary (node 0) with streaming replicas (nodes 1, 2, ...) on loopback, for tests and
# demonstrations. The data is not safe there: fsync is off, and passwords are in this file.
#
#   postgres.sh up                  build what is missing, start what is not running
#   postgres.sh down [MODE]         stop every node (MODE as for pg_ctl: fast, smart, immediate)
#   postgres.sh destroy             stop every node and delete BASE
#   postgres.sh status              what each node says it is
#   postgres.sh start|kill|hang|unhang|promote|pause|resume|port|url|pid I
#   postgres.sh stop I [MODE]
#   postgres.sh follow I J          replica I streams from J from now on
#   postgres.sh rejoin I J          a dead or old primary I becomes a replica of J
#   postgres.sh sql I SQL           as superuser in database app
#
# Environment: BASE      directory of everything        (default $TMPDIR/grant-postgres)
#              PORT      node I listens on PORT + I     (default 15432)
#              REPLICAS  how many                       (default 2)
#              CACHE     megabytes of tables that a node keeps in memory (default 16)
#              OWNER     a process: `up` notes it, so that tests can tell abandoned clusters
#              POSTGRES_DIR  an installation of PostgreSQL 14 or later, with bin/postgres in it; what
#                            it has no psql, pg_basebackup or pg_rewind for is done without them
#                            (default: the newest of Debian's)
set -euo pipefail
unset "${!PG@}" # a caller's PGHOST or PGPASSWORD must not reach another server

BASE=${BASE:-${TMPDIR:-/tmp}/grant-postgres}
PORT=${PORT:-15432}
REPLICAS=${REPLICAS:-2}
CACHE=${CACHE:-16}
readonly BASE PORT REPLICAS CACHE
readonly user=app password=app-secret database=app replication_password=repl-secret

die() {
  echo "postgres.sh: $*" >&2
  exit 1
}

# PostgreSQL refuses to run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups -- env HOME="$BASE" "$@"
  else
    "$@"
  fi
}

debian_programs() {
  find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1
}

programs() {
  local found program
  if [ -n "${POSTGRES_DIR:-}" ]; then
    found=$POSTGRES_DIR/bin
  else
    found=$(debian_programs)
    [ -n "$found" ] || found=$(dirname "$(command -v initdb)") || die "no PostgreSQL server found"
  fi
  for program in initdb pg_ctl postgres; do
    [ -x "$found/$program" ] || die "there is no program $found/$program"
    as_owner test -x "$found/$program" || die "the user postgres may not run $found/$program"
  done
  echo "$found"
}
bin=$(programs)
# The server's own programs bring libraries that others should not get.
server_program() {
  local name=$1
  shift
  as_owner env LD_LIBRARY_PATH="$bin/../lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$bin/$name" "$@"
}
version=$(server_program postgres --version | sed 's/^.*(PostgreSQL) \([0-9]*\).*/\1/') ||
  die "$bin/postgres does not run"
((version >= 14)) || die "$bin/postgres is version $version; Grant needs 14"
psql=$bin/psql
[ -x "$psql" ] || psql=$(debian_programs)/psql
[ -x "$psql" ] || psql=$(command -v psql) || die "there is no psql, in $bin or elsewhere"
readonly bin version psql

data() { echo "$BASE/node$1"; }
port() { echo $((PORT + $1)); }
nodes() { find "$BASE" -maxdepth 1 -name 'node*' -type d -printf '%f\n' | sed s/node// | sort -n; }
exists() { [ -f "$(data "$1")/PG_VERSION" ]; }

# Empty when the node is not running. The pid alone could belong to somebody else by now.
pid() {
  local file pid
  file=$(data "$1")/postmaster.pid
  [ -f "$file" ] || return 0
  read -r pid <"$file"
  is_server "$pid" "$1" && echo "$pid"
  return 0
}

is_server() {
  [ "$(readlink "/proc/$1/cwd" 2>/dev/null)" = "$(realpath "$(data "$2")")" ]
}

psql_on() {
  local node=$1
  shift
  as_owner "$psql" -XAtq -h "$BASE/socket" -p "$(port "$node")" -U postgres \
    -v ON_ERROR_STOP=1 "$@"
}

upstream() { # upstream <of> <for>
  echo "host=127.0.0.1 port=$(port "$1") user=repl password=$replication_password" \
    "application_name=node$2"
}

make_certificates() {
  local tls=$BASE/tls
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=Grant test CA" -keyout "$tls/ca.key" -out "$tls/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -subj "/CN=localhost" -keyout "$tls/server.key" -out "$tls/server.csr"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial \
    -days 3650 -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$tls/server.crt"
  chmod 600 "$tls"/*.key
} >"$BASE/openssl.log" 2>&1

configure_primary() {
  as_owner tee -a "$(data 0)/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$BASE/socket'
max_connections = 300
shared_buffers = ${CACHE}MB
fsync = off
# Anonymous files instead of /dev/shm, which is small in containers.
dynamic_shared_memory_type = mmap
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '$BASE/tls/server.crt'
ssl_key_file = '$BASE/tls/server.key'
log_min_messages = warning
timezone = 'Europe/Berlin'        # neither UTC nor whole hours all year: conversions must show
hot_standby_feedback = on
wal_keep_size = 256MB
wal_log_hints = on                # for pg_rewind
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
include 'node.conf'
CONF
  as_owner tee "$(data 0)/pg_hba.conf" >/dev/null <<HBA
local all         all                  trust
local replication all                  trust
host  all         all     127.0.0.1/32 scram-sha-256
host  replication repl    127.0.0.1/32 scram-sha-256
HBA
}

# The settings in which nodes differ.
configure_node() {
  printf "port = %s\ncluster_name = 'node%s'\n" "$(port "$1")" "$1" |
    as_owner tee "$(data "$1")/node.conf" >/dev/null
}

start() {
  [ -z "$(pid "$1")" ] || return 0
  exists "$1" || die "node $1 was never built: run up"
  server_program pg_ctl start -D "$(data "$1")" -l "$BASE/node$1.log" -s -w -t 60 \
    2>>"$BASE/pg_ctl.log" || { tail -n 5 "$BASE/node$1.log" >&2 && die "node $1 did not start"; }
}

stop() {
  [ -n "$(pid "$1")" ] || return 0
  unhang "$1"
  server_program pg_ctl stop -D "$(data "$1")" -s -w -t 60 -m "${2:-fast}"
}

build_primary() {
  server_program initdb -D "$(data 0)" -U postgres -A trust -E UTF8 --no-locale --no-sync \
    >"$BASE/initdb.log"
  configure_primary
  configure_node 0
  start 0
  psql_on 0 -d postgres -c "create role repl replication login password '$replication_password'" \
    -c "create role $user login password '$password'" -c "grant pg_monitor to $user" \
    -c "create database $database owner $user"
}

copy_node() { # copy_node <from> <to>
  rm -rf "$(data "$2")"
  if [ -x "$bin/pg_basebackup" ]; then
    server_program pg_basebackup -d "$(upstream "$1" "$2")" -D "$(data "$2")" -R -X stream \
      -c fast --no-sync
  else
    back_up "$1" "$2"
    make_replica "$2" "$1"
  fi
  configure_node "$2"
}

make_replica() { # make_replica <node> <of>
  echo "primary_conninfo = '$(upstream "$2" "$1")'" |
    as_owner tee -a "$(data "$1")/postgresql.auto.conf" >/dev/null
  as_owner touch "$(data "$1")/standby.signal"
}

# What pg_basebackup does. Write-ahead log is not copied: the replica streams it. The session that
# begins the backup must end it, and files may change and go meanwhile.
back_up() { # back_up <from> <to>
  local begin="pg_backup_start('copy', true)" end='pg_backup_stop(false)' copy
  if ((version < 15)); then
    begin="pg_start_backup('copy', true, false)" end='pg_stop_backup(false, false)'
  fi
  copy="tar -C '$(data "$1")' -cf - --warning=no-file-changed --warning=no-file-removed"
  copy+=" --exclude='./pg_wal/*' --exclude='./pg_replslot/*' --exclude='./backup_label*'"
  copy+=" --exclude=./postmaster.pid --exclude=./postmaster.opts . | tar -C '$(data "$2")' -xf -"
  as_owner mkdir -m 700 "$(data "$2")"
  psql_on "$1" -d postgres >/dev/null <<SQL
select $begin;
\\! $copy
\\o '$(data "$2")/backup_label'
select labelfile from $end;
SQL
  [ -f "$(data "$2")/PG_VERSION" ] || die "node $1 was not copied to node $2"
}

up() {
  mkdir -p "$BASE/socket"
  [ -z "${OWNER:-}" ] || echo "$OWNER" >"$BASE/owner"
  if [ ! -f "$BASE/tls/server.crt" ]; then make_certificates; fi
  if [ "$(id -u)" = 0 ]; then chown -R postgres "$BASE/tls" && chown postgres "$BASE" "$BASE/socket"; fi
  if exists 0; then start 0; else build_primary; fi
  local node copies=()
  for node in $(seq 1 "$REPLICAS"); do
    { exists "$node" || copy_node 0 "$node"; start "$node"; } &
    copies+=($!)
  done
  for node in "${copies[@]}"; do wait "$node"; done
}

down() {
  local node
  for node in $(nodes); do stop "$node" "${1:-fast}" & done
  wait
}

destroy() {
  [ -d "$BASE" ] || return 0
  if [ ! -d "$BASE/socket" ]; then die "$BASE was not made by this script"; fi
  local node
  for node in $(nodes); do
    if [ -n "$(pid "$node")" ]; then kill_node "$node" & fi
  done
  wait
  for node in $(nodes); do free_shared_memory "$node"; done
  rm -rf "$BASE"
}

# A killed server leaves its System V segment; line 7 of postmaster.pid names it.
free_shared_memory() {
  local id
  id=$(awk 'NR == 7 { print $2 }' "$(data "$1")/postmaster.pid" 2>/dev/null) || return 0
  if [ -n "$id" ]; then ipcrm -m "$id" 2>/dev/null || true; fi
}

# The server's processes, the postmaster first.
family() {
  local postmaster
  postmaster=$(pid "$1")
  [ -n "$postmaster" ] || die "node $1 is not running"
  echo "$postmaster"
  ps -o pid= --ppid "$postmaster"
}

signal_family() { # signal_family <signal> <node>
  local pids
  pids=$(family "$2")
  # Some may have ended meanwhile.
  # shellcheck disable=SC2086
  kill "-$1" $pids 2>/dev/null || true
}

# Twice: the postmaster may have forked after it was asked for its children, and before it stopped.
# A process that has the signal may still run a little.
hang() {
  local process
  signal_family STOP "$1"
  signal_family STOP "$1"
  for process in $(family "$1"); do
    while is_awake "$process"; do sleep 0.01; done
  done
}
is_awake() {
  local state
  state=$(ps -o stat= -p "$1") && [[ $state != [TZ]* ]]
}
unhang() { signal_family CONT "$1"; }

# Frozen first: nobody gets to send a last message, as when a machine loses power.
kill_node() {
  local pids process file
  # Frozen first: a server that runs could start another process behind our back.
  hang "$1"
  pids=$(family "$1")
  # shellcheck disable=SC2086
  kill -KILL $pids 2>/dev/null || true
  for process in $pids; do
    while is_running "$process"; do sleep 0.01; done
  done
  # While a zombie has the pid, the next start would take it for the server. The file must stay: it
  # leads the next start to the old shared memory.
  file=$(data "$1")/postmaster.pid
  sed -i '1s/.*/4194304/' "$file"
  rm -f "$BASE/socket/.s.PGSQL.$(port "$1")"*
}

is_running() {
  local state
  state=$(ps -o stat= -p "$1") && [[ $state != Z* ]]
}

promote() {
  psql_on "$1" -d postgres -c "select pg_promote(true, 60)" | grep -qx t ||
    die "node $1 was not promoted within 60 s"
}

follow() {
  psql_on "$1" -d postgres -c "alter system set primary_conninfo = '$(upstream "$2" "$1")'" \
    -c "select pg_reload_conf()" >/dev/null
}

# Takes back what only the old primary has, or copies everything when that cannot be done.
rejoin() {
  stop "$1" fast
  # pg_rewind finds the new timeline in the control file, where a checkpoint puts it.
  psql_on "$2" -d postgres -c checkpoint
  if rewind "$1" "$2" >>"$BASE/node$1.log" 2>&1; then
    configure_node "$1" # pg_rewind brought the other node's
    make_replica "$1" "$2"
  else
    copy_node "$2" "$1"
  fi
  start "$1"
}

rewind() {
  [ -x "$bin/pg_rewind" ] || return 1
  rm -f "$(data "$1")/postmaster.pid"
  server_program pg_rewind -D "$(data "$1")" --no-sync \
    --source-server="host=$BASE/socket port=$(port "$2") user=postgres dbname=postgres"
}

pause() {
  psql_on "$1" -d postgres -c "select pg_wal_replay_pause()" >/dev/null
  # The request is granted between two records.
  until [ "$(psql_on "$1" -d postgres -c "select pg_get_wal_replay_pause_state()")" = paused ]; do
    sleep 0.02
  done
}

resume() { psql_on "$1" -d postgres -c "select pg_wal_replay_resume()" >/dev/null; }

status() {
  local node
  for node in $(nodes); do
    printf 'node %s, port %s: ' "$node" "$(port "$node")"
    if [ -z "$(pid "$node")" ]; then
      echo "down"
    else
      timeout 3 "$psql" -XAtq -h "$BASE/socket" -p "$(port "$node")" -U postgres -c "
        select case when pg_is_in_recovery() then 'replica, replayed ' || pg_last_wal_replay_lsn()
               else 'primary, at ' || pg_current_wal_lsn() end" 2>&1 || echo "no answer"
    fi
  done
}

url() { echo "postgres://$user:$password@127.0.0.1:$(port "$1")/$database"; }

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  exit 2
}

command=${1:-}
[ -n "$command" ] || usage
shift
case $command in
  up | destroy | status) "$command" ;;
  down) down "${1:-fast}" ;;
  start | hang | unhang | promote | pause | resume | port | url | pid)
    [ $# = 1 ] || usage
    "$command" "$1"
    ;;
  kill) kill_node "${1:?which node?}" ;;
  stop) stop "${1:?which node?}" "${2:-fast}" ;;
  follow | rejoin)
    [ $# = 2 ] || usage
    "$command" "$1" "$2"
    ;;
  sql)
    [ $# = 2 ] || usage
    psql_on "$1" -d "$database" -c "$2"
    ;;
  *) usage ;;
esac
