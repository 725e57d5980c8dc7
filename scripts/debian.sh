#!/bin/sh
# Installs Debian packages that are missing, where this machine lets it, and says so; says what to do where it does not.
set -eu

missing=
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "Please install:$missing   (Debian: apt-get install$missing)" >&2
    exit 1
fi

case "$missing" in
*postgresql*) # the programs are wanted, not a server that runs from now on
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/no-main.conf
    ;;
esac

echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of names, to be split
apt-get install -o DPkg::Lock::Timeout=300 -y -qq $missing >/dev/null 2>&1 || {
    apt-get update -o DPkg::Lock::Timeout=300 -qq && apt-get install -o DPkg::Lock::Timeout=300 -y -qq $missing >/dev/null
}
