#!/bin/sh
# Prints the folder that holds `prometheus` and `promtool`, 2.42 or newer; the tests of tests/windows use them.
#
# That is the folder of $PROMETHEUS if it is set, else where they are installed, else .prometheus/: the two programs of
# Debian's package, taken out of it once, for which no root is needed.
set -eu
cd "$(dirname "$0")/.."
cache=$PWD/.prometheus
oldest_usable=2.42

fail() {
    echo "find_prometheus.sh: $1" >&2
    exit 1
}

version_of() {
    "$1/prometheus" --version 2>&1 | sed -n 's/^prometheus, version \([0-9]*\.[0-9]*\).*/\1/p'
}

# Whether the folder $1 has both programs, new enough.
holds() {
    [ -x "$1/prometheus" ] && [ -x "$1/promtool" ] || return 1
    found=$(version_of "$1")
    [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$oldest_usable" "$found" | sort -V | head -n 1)" = "$oldest_usable" ]
}

if [ -n "${PROMETHEUS:-}" ]; then
    folder=$(dirname "$PROMETHEUS")
    holds "$folder" || fail "PROMETHEUS=$PROMETHEUS: no prometheus and promtool of version $oldest_usable or newer there"
    echo "$folder"
    exit
fi
installed=$(command -v prometheus || true)
if [ -n "$installed" ] && holds "$(dirname "$installed")"; then
    dirname "$installed"
    exit
fi
if ! holds "$cache"; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
        fail "install Prometheus $oldest_usable or newer (with promtool), or set PROMETHEUS=/path/to/prometheus"
    rm -rf "$cache"
    mkdir -p "$cache.parts"
    unpacked=$(mktemp -d -p "$cache.parts")
    trap 'rm -rf "$unpacked"; rmdir "$cache.parts" 2>/dev/null || true' EXIT
    (
        cd "$unpacked"
        # Where the lists of packages were never fetched, only root can fetch them.
        apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }
        dpkg -x prometheus_*.deb package
        mv package/usr/bin/prometheus package/usr/bin/promtool .
        rm -r package prometheus_*.deb
    ) >&2 || fail "the package prometheus cannot be had; run: sudo apt-get update && sudo apt-get install prometheus"
    chmod 755 "$unpacked"
    holds "$unpacked" || fail "the package prometheus is older than $oldest_usable; set PROMETHEUS=/path/to/prometheus"
    # Whoever comes first stays: tests that run side by side may all have looked for it.
    mv -T "$unpacked" "$cache" 2>/dev/null || holds "$cache" || fail "$cache cannot be used; remove it"
fi
echo "$cache"
