# What the scripts of this folder share: their options, a network namespace of their own, counting.
# A script says what it is and needs, sources this with its own arguments, and ends with `total`:
#
#   what='a path' programs='ip nsenter' may_soak=
#   . "$(dirname "$0")/common.bash"
#
# It then stands in an empty folder inside a namespace that goes when it ends, and knows $handfast,
# $build and $here. What it puts into `running` is ended after each check.

# shellcheck shell=bash disable=SC2015,SC2034,SC2154
set -u
here=$(cd "$(dirname "$0")" && pwd)
script=${0##*/}
words=("$@")
only='*'
soak=0
while [ $# -gt 0 ]; do
    case $1$may_soak in
    --soakyes) soak=1 ;;
    --only | --onlyyes) only=${2:?a pattern is wanted behind --only}; shift ;;
    --help* | -h*) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "$script: $1: it takes ${may_soak:+--soak and }--only PATTERN" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
build=$(realpath "${1:-$here/../../build}")
handfast=$build/tools/handfast
[ -x "$handfast" ] || { echo "$script: $handfast: no such program; build it first" >&2; exit 2; }
for program in unshare ip timeout $programs; do
    command -v "$program" > /dev/null || { echo "$script: $program is missing" >&2; exit 2; }
done

# Once more, inside a namespace of our own.
if [ -z "${HANDFAST_INTEROP:-}" ]; then
    export HANDFAST_INTEROP=1
    ids=()
    [ "$(id -u)" = 0 ] || ids=(--user --map-root-user)
    if ! unshare "${ids[@]}" --net true 2> /dev/null; then
        echo "1..1"
        echo "ok 1 - $what # SKIP no network namespace can be made here"
        exit 0
    fi
    exec unshare "${ids[@]}" --net "$0" "${words[@]}"
fi

ip link set lo up || exit 2
work=$(mktemp -d) || exit 2
trap 'trap - EXIT; end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2

passed=0
failed=0
skipped=0
running=()

# The children of `timeout` first: it would leave them behind.
end_all() {
    local pid
    for pid in "${running[@]:-}"; do
        [ -n "$pid" ] || continue
        pkill -KILL -P "$pid" 2> /dev/null
        kill -KILL "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
    done
    running=()
}

# check NAME COMMAND...: the command is a function of the script; bounded by the timeouts in it.
check() {
    local name=$1
    shift
    # shellcheck disable=SC2254
    case $name in $only) ;; *) return ;; esac
    if "$@" > log 2>&1; then
        passed=$((passed + 1))
        echo "ok $((passed + failed + skipped)) - $name"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed + skipped)) - $name"
        sed 's/^/#   /' log | tail -30
    fi
    end_all
}

# skip NAME REASON: a check that cannot be made here.
skip() {
    # shellcheck disable=SC2254
    case $1 in $only) ;; *) return ;; esac
    skipped=$((skipped + 1))
    echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"
}

total() {
    echo "1..$((passed + failed + skipped))"
    [ $skipped = 0 ] || echo "# $skipped skipped"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}

# start COMMAND...: in the background; its pid in $started, what it says in server.out and .log.
start() {
    rm -f server.out server.log # nobody is to find what the last one said
    "$@" <&0 > server.out 2> server.log &
    started=$!
    running+=("$started")
}

# until_true COMMAND...: try for ten seconds.
until_true() {
    for _ in $(seq 200); do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.05
    done
    echo "waited in vain for: $*"
    return 1
}
gone() { ! kill -0 "$1" || grep -q '^State:.Z' "/proc/$1/status"; }

# interrupt PID: end it in order. Its exit status must be 0 within ten seconds.
interrupt() {
    kill -INT "$1"
    until_true gone "$1" || return 1
    wait "$1"
}

# same FILE FILE: the same octets.
same() {
    local a b
    a=$(sha256sum < "$1")
    b=$(sha256sum < "$2")
    [ "$a" = "$b" ] || { echo "$1 and $2 differ ($(stat -c %s "$1" "$2" | xargs))"; return 1; }
}

# status WANTED COMMAND...
status() {
    local wanted=$1 got
    shift
    timeout "${limit:-30}" "$@"
    got=$?
    [ $got = "$wanted" ] || { echo "exit status $got, not $wanted: $*"; return 1; }
}

# usage COMMAND...: wrong: exit status 2, one line on stderr, nothing on stdout.
usage() {
    local lines
    status 2 "$@" 2> said > out || { cat said; return 1; }
    lines=$(wc -l < said)
    [ "$lines" = 1 ] && [ ! -s out ] || { echo "$lines lines: $*"; cat said; return 1; }
}

# joined OPTIONS...: a path from device pa, here, to pb in a namespace of $there's, moved and
# configured only when it runs already.
joined() {
    timeout 120 "$handfast" path "$@" pa pb > stats 2> said &
    path=$!
    unshare --net sleep 120 &
    there=$!
    running+=("$path" "$there")
    until_true grep -q joined said || { cat said; return 1; }
    until_true moved || return 1
    ip addr add 10.1.0.1/24 dev pa && ip -6 addr add fd01::1/64 dev pa nodad &&
        ip link set pa up &&
        far ip link set lo up && far ip addr add 10.1.0.2/24 dev pb &&
        far ip -6 addr add fd01::2/64 dev pb nodad && far ip link set pb up
}
moved() {
    [ "$(readlink /proc/"$there"/ns/net)" != "$(readlink /proc/self/ns/net)" ] &&
        ip link set pb netns "$there"
}
far() { nsenter -t "$there" --net "$@"; }
