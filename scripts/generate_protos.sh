#!/bin/sh
# Regenerates pager_grpc/gen from protos/; `make protos` calls it, tests/house compares its output.
# Usage: generate_protos.sh [OUTPUT_ROOT]   (the generated tree appears under OUTPUT_ROOT/pager_grpc/gen)
#
# protoc sees a copy of protos/ as pager_grpc/gen/, its own imports too, so that generated imports need no rewriting.
set -eu
cd "$(dirname "$0")/.."
out=${1:-.}
bin=${VENV:-.venv}/bin
seen=$(mktemp -d)
trap 'rm -rf "$seen"' EXIT
for proto in $(find protos -name '*.proto' | sort); do
    copy="$seen/pager_grpc/gen${proto#protos}"
    mkdir -p "$(dirname "$copy")"
    sed 's|^import "\([a-z]*/v[0-9]*/\)|import "pager_grpc/gen/\1|' "$proto" >"$copy"
done
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc -I"$seen" \
    --python_out="$out" --grpc_python_out="$out" --mypy_out="$out" --mypy_grpc_out=only_async:"$out" \
    $(find protos -name '*.proto' | sort | sed 's|^protos|pager_grpc/gen|')
find "$out/pager_grpc/gen" -type d -exec sh -c 'for d; do [ -f "$d/__init__.py" ] || : >"$d/__init__.py"; done' _ {} +
