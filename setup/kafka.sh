#!/usr/bin/env bash
# Apache Kafka's jars, from Maven Central, in the cache folder. Prints the folder.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

libs=$EVENTHUB_CACHE/kafka-$(sha256sum kafka/pom.xml | cut -c1-12)
if [ ! -f "$libs/.complete" ]; then
  say "fetching Apache Kafka from Maven Central, once (54 MB)"
  rm -rf "$libs"
  quietly "$EVENTHUB_CACHE/logs/kafka-maven.log" \
    mvn -q -B -f kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs"
  touch "$libs/.complete"
fi
echo "$libs"
