#!/bin/sh
# Installs Debian packages where this machine lets it, and says so; says what to do where it does not.
set -eu
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "Please install: $*   (Debian: apt-get install $*)" >&2
    exit 1
fi
echo "Installing Debian packages: $*"
apt-get install -y -qq "$@" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq "$@" >/dev/null; }
