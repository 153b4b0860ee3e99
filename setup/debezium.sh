#!/usr/bin/env bash
# Debezium's PostgreSQL connector, from Maven Central, in the cache folder. Prints the plugin folder for Kafka Connect, which
# itself is among the jars of kafka.sh.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

plugins=$EVENTHUB_CACHE/debezium-$(sha256sum debezium/pom.xml | cut -c1-12)
if [ ! -f "$plugins/.complete" ]; then
  say "fetching Debezium from Maven Central, once (7 MB)"
  rm -rf "$plugins"
  quietly "$EVENTHUB_CACHE/logs/debezium-maven.log" \
    mvn -q -B -f debezium/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$plugins/debezium"
  touch "$plugins/.complete"
fi
echo "$plugins"
