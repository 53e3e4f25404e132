#!/bin/sh
# Installs this package into a virtual environment of its own; the Dockerfile runs it, and so does tests/deploy.
#   install.sh SOURCE VENV LOCK     what it is made of, where it goes, the locked packages that it needs
# A virtual environment, because the system's Python belongs to the system (pip refuses to install into it), and because
# the image's own one belongs to Kestra.
set -eu
[ $# = 3 ] || { echo "install: usage: install.sh SOURCE VENV LOCK" >&2; exit 2; }
source=$1 venv=$2 lock=$3
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "install: Python 3.11 or later is needed; here is $("$python" --version)" >&2; exit 2; }
"$python" -c 'import ensurepip, venv' ||
    { echo "install: Python's venv module is missing (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 2; }
[ -r "$lock" ] || { echo "install: $lock is missing" >&2; exit 2; }

"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-cache-dir "$@"; }
# Hashes are checked; the build of the package itself uses the locked setuptools and fetches nothing.
pip install --require-hashes -r "$lock"
# The build writes beside what it reads, so it gets a copy, which goes away again.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for part in pyproject.toml README.md LICENSE src content examples flows; do cp -RP "$source/$part" "$copy"; done
pip install --no-deps --no-build-isolation "$copy"
# What only installs is not needed any more.
pip uninstall --yes setuptools
pip uninstall --yes pip
# Tried here, and not in the middle of the first e-mail. -I: the package that is installed, not one in this folder.
"$venv/bin/python" -I -c 'from zoneinfo import ZoneInfo; ZoneInfo("America/Toronto"); import christmas_campaign.steps'
