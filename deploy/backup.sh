#!/bin/sh
# Backs up Kestra's database, Kestra's storage (with the KV store's values) and the door's inbox.
#   backup.sh         a backup at once, then every BACKUP_HOURS, without end
#   backup.sh once    one backup; prints the name of its folder
#   backup.sh fresh   exit code 0 if the newest backup is recent
# Environment: PGHOST, PGDATABASE, PGUSER, PGPASSWORD … (libpq's own), STORAGE (folder), INBOX (file), BACKUPS (folder),
# BACKUP_HOURS (6), BACKUP_DAYS (14).
set -eu
# A backup has people's addresses and their e-mails in it.
umask 077
hours=${BACKUP_HOURS:-6} days=${BACKUP_DAYS:-14}
: "${STORAGE:?}" "${INBOX:?}" "${BACKUPS:?}"
case $hours$days in *[!0-9]*) echo "backup: BACKUP_HOURS and BACKUP_DAYS must be whole numbers" >&2; exit 2 ;; esac
[ "$hours" -ge 1 ] && [ "$days" -ge 1 ] || { echo "backup: BACKUP_HOURS and BACKUP_DAYS must be 1 or more" >&2; exit 2; }

once() {
    # The remains of an interrupted backup.
    find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '.partial.*' -mmin +1440 -exec rm -rf {} +
    partial=$(mktemp -d "$BACKUPS/.partial.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    # The database first, then the files that it refers to: an extra file does no harm, a missing file is a lost value. E-mails
    # that are recorded as sent meanwhile are in the storage, so the older database does not send them again.
    pg_dump --format=custom --file="$partial/database.dump"
    # 1: a file appeared, disappeared or grew meanwhile, which is normal.
    tar -C "$STORAGE" -cf "$partial/storage.tar" . || [ $? = 1 ]
    # A copy of an open SQLite file may be broken. SQLite's own backup waits while the door writes.
    if [ -e "$INBOX" ]; then
        sqlite3 "$INBOX" ".timeout 10000" ".backup '$partial/inbox.sqlite'"
        [ "$(sqlite3 "$partial/inbox.sqlite" 'pragma integrity_check')" = ok ]
    fi
    # A backup counts only if it can be read.
    pg_restore --list "$partial/database.dump" >/dev/null
    (cd "$partial" && sha256sum -- * >SHA256SUMS)
    sync
    name=$(date -u +%Y-%m-%dT%H%M%SZ)
    while [ -e "$BACKUPS/$name" ]; do
        sleep 1
        name=$(date -u +%Y-%m-%dT%H%M%SZ)
    done
    mv "$partial" "$BACKUPS/$name"
    # The newest backup always stays, even if it is old.
    find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '2*Z' -mtime "+$((days - 1))" ! -name "$name" -exec rm -rf {} +
    echo "$name"
}

newest() { find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '2*Z' | sort | tail -n 1; }

case ${1:-loop} in
once) once ;;
fresh)
    found=$(newest)
    # Twice the interval: one backup may fail, and one takes some time.
    [ -n "$found" ] && [ -n "$(find "$found" -maxdepth 0 -mmin "-$((hours * 120))")" ] ||
        { echo "backup: none of the last $((hours * 2)) hours" >&2; exit 1; }
    ;;
loop)
    while :; do
        if name=$("$0" once); then
            echo "backup: $name"
            sleep "$((hours * 3600))"
        else
            echo "backup: failed; again in five minutes" >&2
            sleep 300
        fi
    done
    ;;
*) echo "backup: usage: backup.sh [once|fresh]" >&2; exit 2 ;;
esac
