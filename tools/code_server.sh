#!/bin/bash
# Installs code-server, a Visual Studio Code in the browser, and the Node.js that it needs into a folder.
# It takes some minutes, 0.8 GB, a C++ compiler and Node.js' headers; what is there in these versions is kept.
set -euo pipefail

folder=$1
node_version=24.21.0
code_server_version=4.139.1

wanted="node $node_version, code-server $code_server_version"
stamp=$folder/installed
[[ "$(cat "$stamp" 2> /dev/null || true)" != "$wanted" ]] || exit 0

# npm does not mend what an installation that was cut short has left.
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$folder"
echo '{"private": true}' > package.json
install=(npm install --no-audit --no-fund --loglevel=error --save-exact)

echo "installing Node.js $node_version and code-server $code_server_version in $folder"
"${install[@]}" "node@$node_version"
# Its own Node.js comes first, so that native modules are built for that one.
if ! PATH="$folder/node_modules/node/bin:$PATH" nice "${install[@]}" "code-server@$code_server_version" \
    > install.log 2>&1; then
    cat install.log >&2
    exit 1
fi
echo "$wanted" > installed
