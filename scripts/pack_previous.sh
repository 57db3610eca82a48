#!/bin/sh
# Packs the services of a commit as the build that the next upgrade begins with; run at a release.
# Usage: pack_previous.sh COMMIT
set -eu
cd "$(dirname "$0")/.."
commit=$(git rev-parse --short=7 "$1^{commit}")
git archive "$commit" pager_domain pager_grpc | xz -9e >tests/upgrade/previous.tar.xz
sed -i "s/^COMMIT = \".*\"/COMMIT = \"$commit\"/" tests/upgrade/previous.py
