#!/bin/sh
# Installs this package into its own virtual environment. The Dockerfile and tests/deploy run it.
#   install.sh SOURCE VENV LOCK     the project's folder, the target folder, the file of locked packages
# A virtual environment, because pip refuses to install into the system's Python, and the image's own environment belongs to
# Kestra.
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
# pip checks the hashes. The build of the package itself uses the locked setuptools and downloads nothing.
pip install --require-hashes -r "$lock"
# The build writes into its source folder, so it gets a copy, which is deleted afterwards.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for part in pyproject.toml README.md LICENSE src content examples flows; do cp -RP "$source/$part" "$copy"; done
pip install --no-deps --no-build-isolation "$copy"
# Packages that are needed only for the installation.
pip uninstall --yes setuptools
pip uninstall --yes pip
# Try it now, not during the first e-mail. -I: use the installed package, not one in this folder.
"$venv/bin/python" -I -c 'from zoneinfo import ZoneInfo; ZoneInfo("America/Toronto"); import christmas_campaign.steps'
