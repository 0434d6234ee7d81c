#!/bin/bash
# Installs those of the named Debian packages that are missing.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${Status}' "$package" 2> /dev/null || true)
    [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "this is no Debian: install what these packages hold yourself: ${missing[*]}" >&2
    exit 0
fi
run=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo > /dev/null; then
        echo "these Debian packages are missing, and only root can install them: ${missing[*]}" >&2
        exit 1
    fi
    run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}"
"${run[@]}" apt-get update -qq -o Acquire::Retries=3
"${run[@]}" apt-get install -qq --yes -o Acquire::Retries=3 --no-install-recommends "${missing[@]}" > /dev/null
