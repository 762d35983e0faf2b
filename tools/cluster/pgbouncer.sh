#!/usr/bin/env bash
# pgbouncer on loopback in front of one PostgreSQL server that postgres.sh has started, for tests.
#
#   pgbouncer.sh up         start it, if it is not running
#   pgbouncer.sh destroy    stop it and delete BASE
#   pgbouncer.sh port|url|pid
#
# Environment: BASE      directory of everything            (default $TMPDIR/grant-pgbouncer)
#              PORT      where it listens                   (default 16432)
#              SERVER    the server's port                  (default 15432)
#              MODE      session, transaction or statement  (default transaction)
#              POOL      sessions on the server             (default 4)
#              OWNER     a process: `up` notes it, so that tests can tell abandoned ones
set -euo pipefail

BASE=${BASE:-${TMPDIR:-/tmp}/grant-pgbouncer}
PORT=${PORT:-16432}
SERVER=${SERVER:-15432}
MODE=${MODE:-transaction}
POOL=${POOL:-4}
readonly BASE PORT SERVER MODE POOL

die() {
  echo "pgbouncer.sh: $*" >&2
  exit 1
}

# pgbouncer refuses to run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
  else
    exec "$@"
  fi
}

pid() {
  local pid
  [ -f "$BASE/pid" ] || return 0
  read -r pid <"$BASE/pid"
  if [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(realpath "$BASE")" ]; then echo "$pid"; fi
}

up() {
  [ -z "$(pid)" ] || return 0
  command -v pgbouncer >/dev/null || die "no pgbouncer found"
  mkdir -p "$BASE"
  echo "${OWNER:-}" >"$BASE/owner"
  cat >"$BASE/pgbouncer.ini" <<CONF
[databases]
app = host=127.0.0.1 port=$SERVER dbname=app user=app password=app-secret
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PORT
unix_socket_dir =
auth_type = any
pool_mode = $MODE
default_pool_size = $POOL
server_round_robin = 1
ignore_startup_parameters = extra_float_digits,options
CONF
  if [ "$(id -u)" = 0 ]; then chown -R postgres "$BASE"; fi
  cd "$BASE"
  (as_owner setsid pgbouncer pgbouncer.ini) >"$BASE/log" 2>&1 </dev/null &
  echo $! >"$BASE/pid"
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return 0
    [ -n "$(pid)" ] || break
    sleep 0.05
  done
  die "it does not answer: $(tail -5 "$BASE/log")"
}

destroy() {
  local pid
  pid=$(pid)
  if [ -n "$pid" ]; then
    kill "$pid"
    while [ -n "$(pid)" ]; do sleep 0.02; done
  fi
  rm -rf "$BASE"
}

case ${1:-} in
  up | destroy | pid) "$1" ;;
  port) echo "$PORT" ;;
  url) echo "postgres://app@127.0.0.1:$PORT/app" ;;
  *)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
    ;;
esac
