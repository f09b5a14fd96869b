#!/usr/bin/env bash
# Tries what is forbidden, in the shop that compose has brought up, with each service's own credentials: to write another's
# topic, to enter another's database, to change its own tables.
#
#   docker compose -f deploy/docker-compose.yml up -d --wait && deploy/smoke/refusals.sh
set -euo pipefail
# shellcheck source=deploy/smoke/verbs.sh
source "$(dirname "$0")/verbs.sh"

# Starts the service itself at another's database.
enter() { # service, database
    # shellcheck disable=SC2016
    # A service that is let in runs on: that must not look like a refusal, nor go on for ever.
    timeout 60 ${COMPOSE:-docker compose} -f "$here/docker-compose.yml" ${COMPOSE_OVERRIDE:+-f "$COMPOSE_OVERRIDE"} run --rm --no-deps -T --entrypoint sh "$1" -c '
        export DATABASE_URL=$(sed "s|/$0?|/$1?|" /run/secrets/database-url)
        unset DATABASE_URL_FILE
        exec "$0"' "$1" "$2"
}

migrate() { compose run --rm --no-deps -T -e MIGRATIONS=only "$1"; } # service

refused() { # words that must be said, command…
    local words=$1 said
    shift
    said=$("$@" 2>&1) && fail "not refused: $*: $said"
    grep -q "$words" <<<"$said" || fail "$*: expected \"$words\", not: $said"
}

for service in "${services[@]}"; do
    say "what $service may not"
    for other in "${services[@]}"; do
        [ "$other" != "$service" ] || continue
        refused "permission denied for database" enter "$service" "$other"
    done
    for topic in "${topics[@]}"; do
        [ "$(owner_of "$topic")" != "$service" ] || continue
        refused "Not authorized to access topics: \[$topic\]" write "$service" "$topic"
    done
    refused "permission denied for schema" migrate "$service"
done
say "all of it is refused"
