#!/usr/bin/env bash
# Builds the image and its test image: hexagonal-pager and hexagonal-pager:test.
# Usage: image.sh      variables: ENGINE=docker|podman|buildah (default: the first that is there)
#                                 BASE=IMAGE, or BASE=debootstrap: a Debian made here, where no registry can be had (as root)
set -euo pipefail
cd "$(dirname "$0")/.."
image=hexagonal-pager
base=${BASE:-python:3.12-slim-bookworm}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} # needs neither namespaces nor a runtime

engine() {
    [ -z "${ENGINE:-}" ] || { echo "$ENGINE"; return; }
    if docker info >/dev/null 2>&1; then echo docker; return; fi
    for found in podman buildah; do
        if command -v "$found" >/dev/null; then echo "$found"; return; fi
    done
    echo "No docker, podman or buildah is here; on Debian: apt-get install buildah" >&2
    exit 1
}

# A pip.conf and a list of certificate authorities of this machine are lent to the build, as secrets.
secrets() {
    local pip=${PIP_CONFIG_FILE:-/etc/pip.conf} certificates=${SSL_CERT_FILE:-${PIP_CERT:-}}
    [ ! -s "$pip" ] || echo "--secret=id=pip.conf,src=$pip"
    [ ! -s "$certificates" ] || echo "--secret=id=certificates,src=$certificates"
}

# Bookworm with Python, and nothing that only people read; about 130 MB.
debian_base() {
    local root container
    root=$(mktemp -d)
    trap 'rm -rf "$root"' RETURN
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >&2
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/debconf "$root"/var/lib/apt/lists/* \
        "$root"/var/log/*.log "$root"/usr/share/{doc,info,lintian,locale,man}
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$root" / >/dev/null
    buildah config --cmd python3 "$container"
    buildah commit --quiet --rm "$container" localhost/debian-python:bookworm >/dev/null
    echo localhost/debian-python:bookworm
}

engine=$(engine)
if [ "$base" = debootstrap ]; then base=$(debian_base); fi
mapfile -t options < <(secrets)
options+=(--build-arg "BASE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
case $engine in
docker) build=(docker build) ;;
podman) build=(podman build --layers --format docker) ;; # the image format that knows health checks
buildah) build=(buildah build --layers --format docker) ;;
*) echo "ENGINE: must be docker, podman or buildah" >&2; exit 2 ;;
esac
"${build[@]}" "${options[@]}" --target test --tag "$image:test" .
"${build[@]}" "${options[@]}" --target runtime --tag "$image" .
"$engine" images | grep "$image"
