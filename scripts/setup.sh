#!/bin/sh
# Builds .venv from the lock file and installs Keystead into it. Needs Python 3.11 or newer; says what it installs.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Keystead needs Python 3.11 or newer (set PYTHON to name one)." >&2
    exit 1
}

python=$(find_python)
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    if ! "$python" -m venv .venv 2>/dev/null; then
        rm -rf .venv
        sh scripts/debian.sh "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
        "$python" -m venv .venv
    fi
fi
echo "Installing the locked dependencies into .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
.venv/bin/python -m compileall -q src  # also where the environment keeps Python from writing it: a start would compile all of it
touch .venv/installed
