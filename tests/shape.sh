#!/usr/bin/env bash
# Prints the files of every service side by side: one line a file, one column a service.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t services < <(python3 - <<'PY'
import re
manifest = open("wadm.yaml").read()
for name, body in re.findall(r"^    - name: (\S+)\n((?:      .*\n|\n)*)", manifest, re.M):
    if f"target: {{ name: {name} }}" in manifest or f"name: {name}\n" in manifest:
        if "type: component" in body and __import__("os").path.exists(f"components/{name}/openapi.yaml"):
            if name != "api-gateway":
                print(name)
PY
)
printf '%-28s' ''
printf '%-16s' "${services[@]}"
echo
for service in "${services[@]}"; do
  (cd "components/$service" && find openapi.yaml src tests -maxdepth 1 | sed 's/\.rs$//; s/\.yaml$//')
done | sort -u | while read -r file; do
  printf '%-28s' "$file"
  for service in "${services[@]}"; do
    mark=-
    for found in "components/$service/$file"{,.rs,.yaml}; do [ -e "$found" ] && mark=x; done
    printf '%-16s' $mark
  done
  echo
done
