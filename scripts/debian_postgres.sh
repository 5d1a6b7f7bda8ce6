#!/usr/bin/env bash
# Install Debian's PostgreSQL with pgvector, on which tests run: the package where the release has one, else built from Debian 13's source.
# Where something cannot be had it says so and ends well: those tests are left out by name.
set -euo pipefail

left_out() {
    echo "$1: the tests on Debian's PostgreSQL are left out" >&2
    exit 0
}

has_vector() {
    compgen -G "/usr/lib/postgresql/$1/bin/initdb" >/dev/null && compgen -G "/usr/share/postgresql/$1/extension/vector.control" >/dev/null
}

has_vector '*' && exit 0
command -v apt-get >/dev/null || left_out "no apt-get"
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || left_out "neither root nor sudo"
    as_root=(sudo)
fi

install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

echo "installing PostgreSQL and pgvector ..."
"${as_root[@]}" apt-get update -qq || left_out "apt-get update failed"
install postgresql || left_out "no package postgresql"
major=$(basename "$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -name '[0-9]*' | sort --version-sort | tail -n 1)")
if install "postgresql-$major-pgvector" 2>/dev/null && has_vector "$major"; then
    exit 0
fi

install "postgresql-server-dev-$major" build-essential || left_out "no package postgresql-server-dev-$major"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p sources lists/partial
# the machine's own list of sources stays as it is, and names the mirror
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Component: main' | awk '/\/debian\/$/ && !found {found = 1; print}')
[ -n "$mirror" ] || left_out "apt has no mirror of Debian"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >sources/trixie.list
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$folder/sources" -o "Dir::State::Lists=$folder/lists" -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" update || left_out "Debian 13's list of sources cannot be had"
"${apt[@]}" source --download-only pgvector || left_out "Debian 13's source of pgvector cannot be had"
tar --extract --file pgvector_*.orig.tar.gz
build=(make --silent --directory pgvector-* PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" OPTFLAGS= with_llvm=no)
"${build[@]}" >/dev/null || left_out "pgvector was not built"
"${as_root[@]}" "${build[@]}" install >/dev/null
has_vector "$major" || left_out "pgvector was not installed"
