#!/bin/sh
# Replaces database, storage and inbox by a backup.
#   restore.sh NAME|latest      a folder in BACKUPS, or the newest
# Kestra and the door must not run. The current data are backed up first, if possible. Environment: as for backup.sh.
set -eu
umask 077
[ $# = 1 ] || { echo "restore: usage: restore.sh NAME|latest" >&2; exit 2; }
: "${STORAGE:?}" "${INBOX:?}" "${BACKUPS:?}" "${PGDATABASE:?}"
fail() { echo "restore: $*" >&2; exit 1; }

name=$1
[ "$name" != latest ] || name=$(find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '2*Z' -exec basename {} \; | sort | tail -n 1)
from=$BACKUPS/$name
[ -n "$name" ] && [ -r "$from/SHA256SUMS" ] || fail "there is no backup ${name:-at all} in $BACKUPS"
(cd "$from" && sha256sum --check --quiet --strict SHA256SUMS) || fail "$name is damaged; nothing was changed"
[ -e "$from/database.dump" ] && [ -e "$from/storage.tar" ] || fail "$name is not whole; nothing was changed"

others=$(psql -qtAXc "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
[ "$others" = 0 ] || fail "$others connections to the database: stop Kestra first; nothing was changed"

# The door has this lock as long as it runs.
[ ! -e "$INBOX.lock" ] || flock --nonblock "$INBOX.lock" true || fail "stop the door first; nothing was changed"

# This allows a way back from the wrong backup. Broken data may not allow a backup; then there is none. No old backup is deleted now.
BACKUP_DAYS=36500 "$(dirname "$0")/backup.sh" once >/dev/null || echo "restore: what was there could not be backed up" >&2

# All or nothing: one transaction empties and fills the database. It commits only after the end of the dump.
restored=$({
    echo 'set client_min_messages = warning; begin; drop schema if exists public cascade; create schema public;'
    pg_restore --no-owner --no-privileges --file=- "$from/database.dump" && printf '%s\n' 'commit;' '\echo restored'
} | psql -qAtX --set=ON_ERROR_STOP=1 | tail -n 1)
[ "$restored" = restored ] || fail "the database could not be restored; it is as it was"

find "$STORAGE" -mindepth 1 -delete
tar -C "$STORAGE" -xpf "$from/storage.tar"

rm -f "$INBOX" "$INBOX-wal" "$INBOX-shm"
if [ -e "$from/inbox.sqlite" ]; then
    cp "$from/inbox.sqlite" "$INBOX"
    # The same owner as the folder: the door.
    chown --reference="$(dirname "$INBOX")" "$INBOX"
fi
echo "restore: $name is back"
