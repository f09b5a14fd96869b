#!/bin/sh
# The programs of the image, one a line: every service that is described in choreography/ and has its folder in services/, and
# what is no service. `--services`: the services alone.
set -eu
cd "$(dirname "$0")/.."
for described in deploy/choreography/*.json; do
    service=$(basename "$described" .json)
    # Another team's has its folder, and its image, elsewhere.
    [ ! -d "services/$service" ] || echo "$service"
done
[ "${1:-}" = --services ] || printf '%s\n' sandbox provision traffic healthcheck
