#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from pyproject.toml; versions already locked stay (UPGRADE=1: newest).
# Usage: lock_requirements.sh [--check]   (--check changes nothing and fails if a lock would change)
#
# The locks name no host, so that any index and plain pip can serve them.
set -eu
cd "$(dirname "$0")/.."
uv=${VENV:-.venv}/bin/uv
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

compile() {
    lock=$1
    shift
    [ -n "${UPGRADE:-}" ] || cp "$lock" "$fresh/$lock"
    "$uv" pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet "$@" \
        --output-file "$fresh/$lock" >/dev/null
}
compile requirements.lock --extra tracing
compile requirements-dev.lock --extra tracing --extra dev
if [ "${1:-}" = --check ]; then
    for lock in requirements.lock requirements-dev.lock; do
        diff -u "$lock" "$fresh/$lock" || { echo "$lock is stale; run: make lock" >&2; exit 1; }
    done
    echo "Locks are fresh."
else
    cp "$fresh/requirements.lock" "$fresh/requirements-dev.lock" .
fi
