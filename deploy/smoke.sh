#!/usr/bin/env bash
# Places orders of every outcome at the shop that compose has brought up, and checks their ends, a trace, and the metrics.
#
#   docker compose -f deploy/docker-compose.yml up -d --wait && deploy/smoke.sh
set -euo pipefail
# shellcheck source=deploy/smoke/verbs.sh
source "$(dirname "$0")/smoke/verbs.sh"

ready() { curl -fsS "http://$(compose port "$1" 8080)/readyz"; }

all_services_are_in_the_trace() { # trace
    curl -sS "http://127.0.0.1:16686/api/traces/$1" | python3 -c '
import json, sys
processes = json.load(sys.stdin)["data"][0]["processes"].values()
found = {process["serviceName"] for process in processes}
missing = set(sys.argv[1:]) - found
sys.exit(f"in the trace: {sorted(found)}" if missing else 0)' "${busy[@]}"
}

is_told_by() { # how many, query
    local answer
    answer=$(curl -sS -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=count($2)")
    [ "$(json data result 0 value 1 <<<"$answer")" = "$1" ] || { echo "$answer"; return 1; }
}

answers() { # status, url, curl options
    local status=$1 url=$2 got
    shift 2
    got=$(curl -sS -o /dev/null -w '%{http_code}' "$@" "$url")
    [ "$got" = "$status" ] || fail "$url answers $got, not $status"
}

say "waiting for the services"
for service in "${services[@]}"; do until_seen "$service is ready" ready "$service"; done
mapfile -t busy < <(taking_part_in order.placed inventory.reserved payment.succeeded shipping.dispatched order.completed)
log_in

say "orders of every outcome"
stock smoke-chair 1000
stock smoke-none 0
read -r completed trace < <(place smoke-chair tok_visa Vienna)
read -r declined _ < <(place smoke-chair tok_declined Vienna)
read -r refused _ < <(place smoke-chair tok_visa Nowhere)
read -r rejected _ < <(place smoke-none tok_visa Vienna)
ends "$completed" completed
for order in "$declined" "$refused" "$rejected"; do ends "$order" cancelled; done

say "no client gets in without a token, nor at another's order"
answers 401 "http://127.0.0.1:8080/orders/$completed"
answers 404 "http://127.0.0.1:8080/orders/$completed" -H @<(bearer "$(token mallory)")
answers 403 http://127.0.0.1:8081/stock -H @<(bearer "$customer")
answers 401 http://127.0.0.1:9080/admin/deferred

say "one trace from ${busy[*]}: http://127.0.0.1:16686/trace/$trace"
until_seen "trace $trace has all of them" all_services_are_in_the_trace "$trace"

say "metrics of all: http://127.0.0.1:9090, http://127.0.0.1:3000"
until_seen "Prometheus reaches all" is_told_by ${#services[@]} 'up == 1'
until_seen "all of them count inputs" is_told_by ${#busy[@]} 'sum by (job) (saga_inputs_total{verdict="applied"}) > 0'
say "all is well"
