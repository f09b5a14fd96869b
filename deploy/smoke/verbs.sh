# Verbs for scripts that try the shop as compose runs it. Sourced; needs bash, curl and python3.
# COMPOSE: the command, if it is not `docker compose`. COMPOSE_OVERRIDE: a file over docker-compose.yml.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
patience=${PATIENCE:-180}

compose() { ${COMPOSE:-docker compose} -f "$here/docker-compose.yml" ${COMPOSE_OVERRIDE:+-f "$COMPOSE_OVERRIDE"} "$@"; }

say() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }

fail() {
    say "FAILED: $*"
    exit 1
}

# The services that take part and have a file in compose/, and the topics.
services=()
for service in $("$here/programs.sh" --services); do [ ! -f "$here/compose/$service.yml" ] || services+=("$service"); done
mapfile -t topics < <(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$here/choreography/owners.json")

# What a service says of itself: a list's entries, one a line.
described() { # service, field
    python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))[sys.argv[2]], sep="\n")' "$here/choreography/$1.json" "$2"
}

owner_of() { json "$1" <"$here/choreography/owners.json"; } # topic

# The services that do something for an order that goes well: they publish, or handle what is published on its way.
taking_part_in() { # event types…
    local service
    for service in "${services[@]}"; do
        if printf '%s\n' "$@" | grep -qxFf <(described "$service" handles; described "$service" publishes); then
            echo "$service"
        fi
    done
}

# Where compose has put a service's port for operators.
admin_address() { compose port "$1" 9464; } # service

# The value at a path of keys in the JSON on standard input; empty if there is none.
json() {
    python3 -c '
import json, sys
try:
    value = json.load(sys.stdin)
    for key in sys.argv[1:]:
        value = value[int(key)] if isinstance(value, list) else value[key]
    print(value)
except (KeyError, IndexError, TypeError, ValueError):
    pass' "$@"
}

# Repeats a command until it succeeds; a time-out says what it said last.
until_seen() { # what, command…
    local what=$1 since=$SECONDS seen=
    shift
    until seen=$("$@" 2>&1); do
        [ $((SECONDS - since)) -lt "$patience" ] || fail "not seen within $patience s: $what; last seen: $seen"
        sleep 0.5
    done
}

token() { # user, further options
    compose --profile tools run --rm -T tools token --lifetime 1h --user "$@" | tr -d '\r'
}

# The callers: a customer, and a clerk of the shop.
log_in() {
    customer=$(token ada)
    clerk=$(token clerk --scope back-office)
    [ -n "$customer" ] && [ -n "$clerk" ] || fail "no tokens: does the service \`secrets\` of compose end well?"
}

# A header for `curl -H @file`: on a command line every user of the machine could read the token.
bearer() { printf 'authorization: Bearer %s' "$1"; }

stock() { # sku, pieces
    curl -fsS -X PUT "http://127.0.0.1:8081/stock/$1" -H @<(bearer "$clerk") -d "{\"onHand\": $2}" >/dev/null ||
        fail "stock of $1 could not be set"
}

# Prints the order's id and its trace's.
place() { # sku, payment method, city
    local answer id
    answer=$(curl -sS -i -X POST http://127.0.0.1:8080/orders -H @<(bearer "$customer") \
        -H 'content-type: application/json' -d "{
            \"userId\": \"ada\", \"currency\": \"EUR\", \"paymentMethod\": \"$2\",
            \"items\": [{\"sku\": \"$1\", \"quantity\": 1, \"price\": 4900}],
            \"shippingAddress\": {\"name\": \"Ada\", \"line1\": \"Main Street 1\", \"postalCode\": \"1010\",
                                  \"city\": \"$3\", \"country\": \"AT\"}}" | tr -d '\r')
    id=$(sed -n 's|^location: /orders/||Ip' <<<"$answer")
    [ -n "$id" ] || { echo "not placed: $answer" >&2; return 1; }
    echo "$id $(sed -n 's|^trace-id: ||Ip' <<<"$answer")"
}

# Like `place`, as often as it takes while the order service is away.
place_at_last() {
    local since=$SECONDS placed
    until placed=$(place "$@" 2>/dev/null); do
        [ $((SECONDS - since)) -lt "$patience" ] || fail "no order could be placed within $patience s"
        sleep 0.5
    done
    echo "$placed"
}

status_is() { # order, status
    local body
    body=$(curl -sS "http://127.0.0.1:8080/orders/$1" -H @<(bearer "$clerk"))
    [ "$(json status <<<"$body")" = "$2" ] || { echo "$body"; return 1; }
}

ends() { # order, status
    until_seen "order $1 is $2" status_is "$1" "$2"
}

# Writes with Kafka's own tool, in a container that has nothing but the service's secrets.
write() { # service, topic
    local image
    image=$(docker inspect -f '{{.Config.Image}}' "$(compose ps -q kafka)")
    # shellcheck disable=SC2016 # the container's shell expands it
    docker run --rm --network choreography_default --user 10001:10001 --cap-drop ALL --env LOG_DIR=/tmp \
        -v "choreography_secrets-$1:/run/secrets:ro" --entrypoint bash "$image" -c '
            cat >/tmp/client <<PROPERTIES
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location=/run/secrets/ca.pem
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="$0" password="$(cat /run/secrets/kafka-password)";
PROPERTIES
            echo forged | /opt/kafka/bin/kafka-console-producer.sh --sync \
                --bootstrap-server kafka:9092 --command-config /tmp/client --topic "$1"' "$1" "$2"
}

# Asks a service's operator API.
admin() { # service, path, curl options…
    local token
    token=$(compose --profile tools run --rm -T --entrypoint cat tools "/run/secrets/$1.admin-token")
    curl -sS "http://$(admin_address "$1")/admin/$2" -H @<(bearer "$token") "${@:3}"
}
