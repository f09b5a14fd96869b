#!/usr/bin/env bash
# Sees to it that every image which the compose file and the Dockerfile name is there: pulled where that works, else as a
# stand-in. Needs a Docker engine; debootstrap, Go, Maven and Cargo for the stand-ins. What is there already is kept.
# --without-builder: all but the one in which the Dockerfile compiles.
set -euo pipefail
builder=${1:-}
cd "$(dirname "$0")"
root=$PWD/../..
cache=${CHOREOGRAPHY_CACHE:-/var/cache/choreography}/stand-in
packages=ca-certificates,wget,busybox,gcc,g++,libc6-dev,make,perl,openjdk-17-jre-headless,prometheus
mkdir -p "$cache"

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

there() { docker image inspect "$1" >/dev/null 2>&1; }

# Whether images can be pulled at all is asked once.
can_pull() {
    if [ -z "${pulls:-}" ]; then
        pulls=no
        timeout 30 docker pull -q "$1" >/dev/null 2>&1 && pulls=yes
        [ $pulls = yes ] || say "no image can be pulled here: stand-ins are made"
    fi
    [ $pulls = yes ]
}

# A Debian file system as an image.
debian() { # tag, packages
    local tag=$1 packages=$2 dir mirror
    dir=$(mktemp -d "$cache/rootfs.XXXXXX")
    # From where this machine gets its own packages.
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -n 's/^URIs: *//p; s/^deb \([^ ]*\) .*/\1/p' | head -1) || true
    say "$tag by debootstrap"
    if ! debootstrap --variant=minbase --include="$packages" bookworm "$dir/root" "$mirror" >"$dir/log" 2>&1; then
        tail -20 "$dir/log" >&2
        return 1
    fi
    rm -rf "$dir"/root/var/cache/apt/archives/*.deb "$dir"/root/var/lib/apt/lists/*
    tar -C "$dir/root" -c . | docker import - "$tag" >/dev/null
    rm -rf "$dir"
}

# What a stand-in was made from, if the image is one.
made_from() { docker image inspect -f '{{index .Config.Labels "choreography.stand-in"}}' "$1"; }

# A stand-in from the folder of its name; `fill DIR` puts what it needs beside its Dockerfile. It is made anew when its
# folder, a further file or the packages below it have changed.
stand_in() { # tag, folder, fill, further file
    local tag=$1 folder=$2 fill=$3 further=${4:-/dev/null} base hash context found
    base=choreography-stand-in:$(echo $packages | sha256sum | cut -c1-16)
    hash=$(find "$folder" "$further" -type f | sort | xargs cat <(echo "$base") | sha256sum | cut -c1-16)
    if there "$tag"; then
        found=$(made_from "$tag")
        [ -z "$found" ] || [ "$found" = "$hash" ] && return
    fi
    can_pull "$tag" && docker pull -q "$tag" && return
    there $base || debian $base $packages
    say "$tag, a stand-in"
    context=$(mktemp -d "$cache/context.XXXXXX")
    cp -r "$folder"/. "$context"
    "$fill" "$context"
    docker tag "$base" choreography-stand-in
    docker build -t "$tag" --label "choreography.stand-in=$hash" "$context" >"$cache/build.log" 2>&1 ||
        { tail -30 "$cache/build.log" >&2; return 1; }
    rm -rf "$context"
}

nothing() { :; }

kafka() {
    (cd "$1" && cp "$root/deploy/kafka/pom.xml" . && cp "$root/deploy/kafka/log4j2.xml" . &&
        mvn -q -B dependency:copy-dependencies -DoutputDirectory=libs &&
        mvn -q -B dependency:copy -Dartifact="org.apache.kafka:kafka-tools:$(version_of kafka_2.13 pom.xml)" -DoutputDirectory=libs)
}

version_of() { # artifact, pom
    sed -n "/<artifactId>$1</{n; s|.*<version>\(.*\)</version>.*|\1|p}" "$2"
}

# The binaries that the launcher fetches.
postgres() {
    local found
    found=$(find /var/cache/choreography "$HOME/.cache/choreography" -path '*/postgresql-18*/bin/postgres' 2>/dev/null | head -1)
    if [ -z "$found" ]; then
        # It fetches them at its first start.
        (cd "$root" && cargo run --locked -- --once --broker embedded)
        found=$(find /var/cache/choreography "$HOME/.cache/choreography" -path '*/postgresql-18*/bin/postgres' | head -1)
    fi
    cp -r "$(dirname "$(dirname "$found")")" "$1/postgresql"
}

jaeger() {
    cp "$root"/deploy/jaeger/{go.mod,go.sum,tools.go} "$1"
    (cd "$1" && CGO_ENABLED=0 go build -mod=readonly -o jaeger github.com/jaegertracing/jaeger/cmd/jaeger)
}

# This machine's toolchain, and all sources that the lock file names: the build needs no network.
rust() {
    local sysroot
    sysroot=$(rustc --print sysroot)
    mkdir "$1/toolchain"
    cp -r "$sysroot"/{bin,lib} "$1/toolchain"
    (cd "$root" && cargo vendor --locked --quiet "$1/vendor" >/dev/null)
    cat >"$1/config.toml" <<'CONFIG'
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/usr/local/cargo/vendor"
CONFIG
}

tag_of() { sed -n "s|^ *image: \($1:.*\)|\1|p" ../compose/backing.yml; }

slim=debian:bookworm-slim
there $slim || { can_pull $slim && docker pull -q $slim; } || debian $slim ca-certificates
stand_in "$(tag_of apache/kafka)" kafka kafka
stand_in "$(tag_of postgres)" postgres postgres
stand_in "$(tag_of jaegertracing/jaeger)" jaeger jaeger
stand_in "$(tag_of prom/prometheus)" prometheus nothing
stand_in "$(tag_of grafana/grafana)" grafana nothing

# Its sources are those of one lock file.
[ "$builder" = --without-builder ] || stand_in rust:1.95-bookworm rust rust "$root/Cargo.lock"
# Without the limit it would take the layers that the next build goes on from.
docker image prune -f --filter until=72h >/dev/null
say "all images are there"
