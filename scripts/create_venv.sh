#!/bin/sh
# Creates the virtualenv and installs what requirements-dev.lock names, each file checked against its hash.
# Usage: create_venv.sh VENV
set -eu
cd "$(dirname "$0")/.."
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; $python is $("$python" --version 2>&1). Set PYTHON=/path/to/python3." >&2
    exit 1
}
# Debian packs ensurepip separately, as python3-venv.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install="apt-get install -y python3-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "python3-venv is missing; running: $install"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq
    else
        echo "python3 cannot create virtualenvs here. Run this, then make again:  sudo $install" >&2
        exit 1
    fi
fi
[ -x "$venv/bin/pip" ] || "$python" -m venv --clear "$venv"
echo "Installing the locked requirements into $venv ..."
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
