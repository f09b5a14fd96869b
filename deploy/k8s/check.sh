#!/usr/bin/env bash
# Renders every overlay and refuses what the API server, KEDA or the rules in check/ would not want. Needs Go 1.24 or
# newer and Python 3.10 or newer with pip; kustomize, the schemas and KEDA's definitions are fetched once.
set -euo pipefail
cd "$(dirname "$0")"

kustomize_version=v5.8.1
keda_version=v2.21.0
keda_sum='h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps='
# The oldest Kubernetes that the manifests are for: the first in which `preStop: sleep` needs no feature gate.
oldest_kubernetes=1.30
newest_kubernetes=1.37

cache="${XDG_CACHE_HOME:-$HOME/.cache}/choreography"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# once DIR COMMAND…: the command fills the directory that is appended to it; half a filling is never taken for a whole one.
once() {
    local dir="$1"
    shift
    [ -d "$dir" ] && return
    mkdir -p "$cache"
    local partial
    partial="$(mktemp -d "$dir.XXXXXX")"
    "$@" "$partial"
    mv -T "$partial" "$dir" 2>/dev/null || rm -rf "$partial"
    [ -d "$dir" ]
}

build_kustomize() {
    GOBIN="$1" go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize_version"
}

install_schemas() {
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
        --requirement check/requirements.txt --target "$1"
}

# Its resource definitions, and the source of the trigger: the only place that says which settings it takes.
take_keda() {
    local told dir
    told="$(cd "$work" && go mod download -json "github.com/kedacore/keda/v2@$keda_version")"
    grep -qF "\"Sum\": \"$keda_sum\"" <<<"$told" || { echo "KEDA $keda_version is not what it was: $told" >&2; exit 1; }
    dir="$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$told")"
    install -m 644 "$dir"/config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml \
        "$dir/pkg/scalers/apache_kafka_scaler.go" "$1"
}

libraries="$cache/k8s-schemas-$(sha256sum check/requirements.txt | cut -c1-12)"
once "$cache/kustomize-$kustomize_version" build_kustomize
once "$cache/keda-$keda_version" take_keda
once "$libraries" install_schemas

for overlay in overlays/*/; do
    "$cache/kustomize-$kustomize_version/kustomize" build "$overlay" >"$work/$(basename "$overlay").yaml"
done
export PYTHONPATH="$libraries" PYTHONDONTWRITEBYTECODE=1
python3 check/main.py --keda "$cache/keda-$keda_version" --kubernetes "$oldest_kubernetes" "$newest_kubernetes" -- "$work"/*.yaml
RENDERED="$work/production.yaml" KEDA="$cache/keda-$keda_version" python3 check/broken.py
