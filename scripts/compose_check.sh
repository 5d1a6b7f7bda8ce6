#!/usr/bin/env bash
# Proves docker-compose.yml on a real engine: an empty machine's way from `up` to the first search, over a restart with three
# workers and the CLAP service, over the death of each service, and over a backup that is restored.
#
#   scripts/compose_check.sh           leaves the stack running, to be looked at
#   scripts/compose_check.sh --down    removes its containers and volumes, however the check ends
#
# It needs bash, curl and Docker with `docker compose` (or `docker-compose` 1.29). Images are built if need be. The
# stack is a project of its own: a stack that runs from this folder keeps its data. Both want a port, though; choose
# another one with HTTP_PORT.
#
# Variables, all optional:
#   COMPOSE_OVERRIDE    a compose file read after docker-compose.yml, for what a machine needs (a proxy, a network)
#   HTTP_PORT           port on 127.0.0.1 (8000)
#   POSTGRES_PASSWORD   password of the new database's owner (random)
#   VIBE_APP_PASSWORD   password of the role as which the application uses it (random)
#   WAIT_SECONDS        how long each wait may take at most (300)
#
# Exits with 0 if everything held; otherwise with 1 after one line that says what did not, with 2 on a wrong argument.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly project=vibe-search-check
readonly wait_seconds=${WAIT_SECONDS:-300}
# the characters are those that would end a password in a URL
export VIBE_APP_PASSWORD=${VIBE_APP_PASSWORD:-"$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')@:/?#%&"}
export POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-"$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')@:/?#%&"}

fail() {
  compose logs --no-color --tail=50 >>"$log" 2>&1 || true
  echo "compose check failed: $* (log: $log)" >&2
  exit 1
}

say() { printf '%7.1f s  %s\n' "$(seconds_since "$started")" "$*"; }

now() { date +%s.%N; }

seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

compose() { "${compose_command[@]}" --project-name "$project" "${compose_files[@]}" "$@" </dev/null; }

quietly() { compose "$@" >>"$log" 2>&1 || fail "'compose $*' ended with $?: $(grep -iE 'error|denied|no such' "$log" | grep -v 'Encountered errors' | tail -n 1)"; }

# wait_until WHAT COMMAND...: until the command succeeds
wait_until() {
  local what=$1 deadline=$((SECONDS + wait_seconds))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "$what: not within $wait_seconds s"
    sleep 0.2
  done
}

query() { compose exec -T db psql --no-psqlrc --quiet --tuples-only --no-align --username "$user" --dbname "$database" --command "$1" 2>>"$log"; }

get() { curl --silent --show-error --fail --max-time 10 --get "$@" 2>>"$log"; }

is_ready() { get "$url/readyz" >/dev/null; }

is_embedded() {
  is_ready || return 1
  local counts
  counts=$(query "select count(*), count(*) filter (where embedded and classified), count(failures) from search.track_processing") || return 1
  [[ $counts == *'|'*'|0' ]] || fail "jobs failed (tracks|done|failed): $counts"
  [ "$counts" = "$imported|$imported|0" ]
}

# expect WHAT TEXT PYTHON: TEXT must be JSON of which the expression holds; the image has a python, this machine may not
expect() {
  compose exec -T -e "ANSWER=$2" api python -c "import json, os, sys; answer = json.loads(os.environ['ANSWER']); sys.exit(not ($3))" >>"$log" 2>&1 \
    || fail "$1: $2"
}

# one search of each kind, and the bytes of what it found
search_everything() {
  local by_name by_sound file_id bytes
  by_name=$(get "$url/search/" --data-urlencode 'q=theodolite' --data-urlencode 'limit=1') || fail "the search by name got no answer"
  expect "the search by name found something else" "$by_name" "answer['results'][0]['title'] == 'Theodolite' and answer['results'][0]['tier'] == 'exact'"
  by_sound=$(get "$url/search/semantic" --data-urlencode 'q=calm acoustic guitar' --data-urlencode 'limit=3') || fail "the search by sound got no answer"
  expect "the search by sound found nothing" "$by_sound" "answer['available'] and len(answer['results']) == 3"
  file_id=$(sed -n 's/.*"file_id": *"\([^"]*\)".*/\1/p' <<<"$by_name")
  bytes=$(get --output /dev/null --write-out '%{size_download}' "$url/audio/$file_id") || fail "the audio of the found track cannot be played"
  ((bytes > 10000)) || fail "the audio of the found track has $bytes bytes"
  say "searched by name: $(sed 's/.*"title": *"\([^"]*\)".*/\1/' <<<"$by_name") ($bytes bytes of audio);" \
    "by sound: $(grep -o '"title": *"[^"]*"' <<<"$by_sound" | sed 's/.*: *"\(.*\)"/\1/' | paste -sd, | sed 's/,/, /g')"
}

sounds_are_compared() { get "$url/search/semantic" --data-urlencode "q=calm acoustic guitar $RANDOM" | grep '"available": *true' >/dev/null; }

# has_restarted CONTAINER COUNT: whether the engine has started it again since it had been started again COUNT times
has_restarted() { [ "$(docker inspect --format '{{.RestartCount}} {{.State.Running}}' "$1")" = "$(($2 + 1)) true" ]; }

# kill_container CONTAINER: its first process, from outside; what `docker kill` ends stays ended
kill_container() {
  local pid
  pid=$(docker inspect --format '{{.State.Pid}}' "$1")
  docker run --rm --pid host --user 0 --cap-drop ALL --cap-add KILL vibe-search python -c "import os; os.kill($pid, 9)" >>"$log" 2>&1 \
    || fail "process $pid could not be killed"
}

# kill_role ROLE: every container of a service; afterwards all must work again
kill_role() {
  local container count killed
  killed=$(now)
  for container in $(compose ps -q "$1"); do
    count=$(docker inspect --format '{{.RestartCount}}' "$container")
    kill_container "$container"
    wait_until "$1 starts again" has_restarted "$container" "$count"
  done
  wait_until "the api is ready after the death of $1" is_ready
  wait_until "sounds are compared after the death of $1" sounds_are_compared
  query "delete from search.embeddings where track_id in (select min(id) from tracks); select search.enqueue_missing_embeddings()" >>"$log" \
    || fail "psql in the db container got no answer after the death of $1"
  wait_until "a worker works after the death of $1" is_embedded
  say "$1 killed: started again, searched and embedded after $(seconds_since "$killed") s"
}

remove_stack() {
  compose down --volumes --remove-orphans >>"$log" 2>&1 || echo "compose check: the stack could not be removed (log: $log)" >&2
  rm -rf "$backups"
  [ -z "$passed" ] || rm -f "$log"
}

embeddings() { query 'select count(*) from search.track_embeddings' || fail "psql in the db container got no answer"; }

# restore_backup: into an empty database and an empty store, as docs/how-to/run-in-containers.md does
restore_backup() {
  local dump=$backups/vibe.dump audio=$backups/audio.tar begun
  begun=$(now)
  compose exec -T db pg_dump --username "$user" --format=custom "$database" >"$dump" 2>>"$log" || fail "pg_dump failed"
  compose exec -T api tar --create --directory /data audio >"$audio" 2>>"$log" || fail "the audio could not be copied"
  quietly stop api worker
  quietly run --rm -T worker sh -c 'rm -r /data/audio'
  quietly exec -T db dropdb --username "$user" --force "$database"
  quietly exec -T db createdb --username "$user" "$database"
  compose_with "$dump" exec -T db pg_restore --username "$user" --dbname "$database" --no-owner --no-privileges --exit-on-error \
    || fail "pg_restore failed: $(tail -n 1 "$log")"
  quietly run --rm -T migrate
  compose_with "$audio" run --rm -T worker tar --extract --directory /data || fail "the audio could not be restored"
  quietly up --detach
  wait_until "the api is ready after the restore" is_ready
  wait_until "sounds are compared after the restore" sounds_are_compared
  say "backup restored: $(du -ch "$dump" "$audio" | tail -n 1 | cut -f1) in all, ready after $(seconds_since "$begun") s"
}

# compose_with FILE ARGUMENTS...: with the file as its input
compose_with() { "${compose_command[@]}" --project-name "$project" "${compose_files[@]}" "${@:2}" <"$1" >>"$log" 2>&1; }

# refuse_password: what a POSTGRES_PASSWORD says that is not the one of the volume, and that its remedy works
refuse_password() {
  local said wrong="$POSTGRES_PASSWORD-changed"
  if said=$(POSTGRES_PASSWORD=$wrong compose run --rm -T --no-deps migrate 2>&1); then fail "a wrong POSTGRES_PASSWORD was taken"; fi
  [[ $said == *"POSTGRES_PASSWORD is not the password of the role \"$user\""* ]] || fail "a wrong POSTGRES_PASSWORD got: $said"
  [[ $said != *"$wrong"* ]] || fail "the message shows the password"
  query "alter role $user password '$wrong'" >>"$log" || fail "the password could not be changed"
  export POSTGRES_PASSWORD=$wrong
  quietly up --detach
  wait_until "the api is ready with a new owner's password" is_ready
  say "a wrong POSTGRES_PASSWORD is refused by name; changed in the database, it is taken"
}

compose_command=(docker compose)
docker compose version >/dev/null 2>&1 || compose_command=(docker-compose)
compose_files=(--file docker-compose.yml)
[ -z "${COMPOSE_OVERRIDE:-}" ] || compose_files+=(--file "$COMPOSE_OVERRIDE")
readonly compose_command

passed='' started=$(now)
case ${1:-} in
  '') at_end="still running: ${compose_command[*]} --project-name $project ${compose_files[*]} down --volumes (with any two passwords) removes it" ;;
  --down)
    at_end="removing its containers and volumes"
    trap remove_stack EXIT
    ;;
  *) sed -n '2,21s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

log=$(mktemp "${TMPDIR:-/tmp}/$project.XXXXXX")
backups=$(mktemp --directory "${TMPDIR:-/tmp}/$project-backups.XXXXXX")
readonly log backups
command -v curl >/dev/null || fail "curl is missing"
docker info >>"$log" 2>&1 || fail "no Docker engine answers"
"${compose_command[@]}" version >>"$log" 2>&1 || fail "neither 'docker compose' nor 'docker-compose' is there"

quietly down --volumes --remove-orphans
quietly build
say "image built (in less time if its layers were there)"

started=$(now)
quietly up --detach
published=$(compose port api 8000 2>>"$log") || fail "the api publishes no port"
readonly url=http://$published
wait_until "the api is ready" is_ready
say "up and ready at $url, empty database migrated"

user=$(compose exec -T db printenv POSTGRES_USER) && database=$(compose exec -T db printenv POSTGRES_DB) || fail "the db container does not run"
imported=$(compose run --rm -T api vibe-search sample import 2>>"$log" | tee -a "$log" | grep -oE '[0-9]+' | head -n 1) || fail "'vibe-search sample import' failed"
tracks=$(query 'select count(*) from tracks') || fail "psql in the db container got no answer"
{ [ "$tracks" = "$imported" ] && ((tracks > 0)); } || fail "'vibe-search sample import' said $imported tracks, the database has $tracks"
say "$tracks tracks imported"

get "$url/search/" --data-urlencode 'q=theodolite' | grep '"title": *"Theodolite"' >/dev/null || fail "an imported track is not found by name"
first_search=$(seconds_since "$started")
say "first search answered"

wait_until "all tracks are embedded" is_embedded
say "all tracks embedded and classified by one worker"
search_everything
before=$(embeddings)
say "select count(*) from search.track_embeddings: $before"
[ "$before" = "$tracks" ] || fail "$before of $tracks tracks have an embedding"

restarted=$(now)
quietly down
# the model is asked over HTTP from now on
export CLAP_MODEL=musicnn-tags MODAL_ENABLED=true MODAL_MODEL=musicnn-tags
export MODAL_EMBED_TEXT_URL=http://clap:8001/embed_text MODAL_EMBED_AUDIO_URL=http://clap:8001/embed_audio
compose_files+=(--profile clap)
quietly up --detach --scale worker=3
wait_until "the api is ready again" is_ready
wait_until "sounds are compared by the CLAP service" sounds_are_compared
workers=$(compose ps -q worker | wc -l)
[ "$workers" = 3 ] || fail "$workers workers run instead of 3"
say "containers removed and made anew, three workers, CLAP service: searched after $(seconds_since "$restarted") s"
after=$(embeddings)
[ "$after" = "$before" ] || fail "$before embeddings before the restart, $after after it"
search_everything
say "select count(*) from search.track_embeddings: $after"

for role in clap worker api db; do kill_role "$role"; done
search_everything
[ "$(embeddings)" = "$before" ] || fail "$before embeddings before services were killed, $(embeddings) after it"

restore_backup
search_everything
[ "$(embeddings)" = "$before" ] || fail "$before embeddings before the backup, $(embeddings) after the restore"
refuse_password
search_everything

for role in db api worker; do
  container=$(compose ps -q "$role" | head -n 1)
  image=$(docker inspect --format '{{.Config.Image}}' "$container")
  printf '%s\t%s\n' "$image" "$(docker image inspect --format '{{.Size}}' "$image")"
done | sort -u | awk -F '\t' '{ printf "           image %s: %.0f MB\n", $1, $2 / 1e6 }'
echo "           seconds to the first search, from up on empty volumes: $first_search"
echo "compose check passed; $at_end"
passed=yes
[ -n "${1:-}" ] || rm -rf "$log" "$backups"
