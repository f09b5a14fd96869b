#!/usr/bin/env bash
# A message that is no event: Prometheus alerts, the operator API says what it is, and the alert ends once an operator has
# discarded it.
#
#   docker compose -f deploy/docker-compose.yml up -d --wait && deploy/smoke/alerts.sh
set -euo pipefail
# shellcheck source=deploy/smoke/verbs.sh
source "$(dirname "$0")/verbs.sh"
# They read what order writes.
readers=()
for service in "${services[@]}"; do
    ! described "$service" reads | grep -qx order-events || readers+=("$service")
done

is_firing() { # alert, service, how many of it
    local query answer
    query="count(ALERTS{alertname=\"$1\",job=\"$2\",alertstate=\"firing\"}) or vector(0)"
    answer=$(curl -sS -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$query")
    [ "$(json data result 0 value 1 <<<"$answer")" = "$3" ] || { echo "$answer"; return 1; }
}

say "a message that is no event raises an alert"
write order order-events >/dev/null
for service in "${readers[@]}"; do
    until_seen "SagaDeadLetters fires for $service" is_firing SagaDeadLetters "$service" 1
done

say "it is discarded, and the alert ends"
for service in "${readers[@]}"; do
    dead=$(admin "$service" dead-messages)
    number=$(json deadMessages 0 number <<<"$dead")
    [ "$(json deadMessages 0 errorClass <<<"$dead")" = envelope ] || fail "$service keeps something else: $dead"
    admin "$service" "dead-messages/$number/discard" -X POST -H 'content-type: application/json' \
        -d '{"reason": "typed in by the smoke test"}' >/dev/null
    until_seen "SagaDeadLetters of $service ends" is_firing SagaDeadLetters "$service" 0
done
say "no alert is left of it"
