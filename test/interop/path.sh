#!/bin/bash
# handfast path between two network namespaces, with the kernel's TCP and UDP at both ends. All
# namespaces are this script's own and go when it ends.
#
#   test/interop/path.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed.

# shellcheck disable=SC2015,SC2317
set -u
here=$(cd "$(dirname "$0")" && pwd)
only='*'
while [ $# -gt 0 ]; do
    case $1 in
    --only) only=$2; shift ;;
    --help | -h) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "path.sh: $1: --only PATTERN is the option" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
build=$(realpath "${1:-$here/../../build}")
handfast=$build/tools/handfast
peer=$here/path_peer.py
[ -x "$handfast" ] || { echo "path.sh: $handfast: no such program; build it first" >&2; exit 2; }
for program in unshare nsenter ip python3 timeout; do
    command -v $program > /dev/null || { echo "path.sh: $program is missing" >&2; exit 2; }
done

# Once more, inside a namespace of our own.
if [ -z "${HANDFAST_INTEROP:-}" ]; then
    export HANDFAST_INTEROP=1
    ids=()
    [ "$(id -u)" = 0 ] || ids=(--user --map-root-user)
    if ! unshare "${ids[@]}" --net true 2> /dev/null; then
        echo "1..1"
        echo "ok 1 - a path # SKIP no network namespace can be made here"
        exit 0
    fi
    exec unshare "${ids[@]}" --net "$0" --only "$only" "$build"
fi

ip link set lo up || exit 2
work=$(mktemp -d) || exit 2
trap 'trap - EXIT; end_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2

passed=0
failed=0
started=()

end_all() {
    local pid
    for pid in "${started[@]:-}"; do
        [ -n "$pid" ] && kill -KILL "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
    done
    started=()
}

# check NAME COMMAND...
check() {
    local name=$1
    shift
    # shellcheck disable=SC2254
    case $name in $only) ;; *) return ;; esac
    if "$@" > log 2>&1; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name"
        sed 's/^/#   /' log | tail -30
    fi
    end_all
}

until_true() {
    for _ in $(seq 200); do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.05
    done
    echo "waited in vain for: $*"
    return 1
}

# usage COMMAND...: wrong: exit status 2, one line on stderr, nothing on stdout.
usage() {
    local status
    "$@" > out 2> said
    status=$?
    [ $status = 2 ] && [ "$(wc -l < said)" = 1 ] && [ ! -s out ] ||
        { echo "exit status $status: $*"; cat out said; return 1; }
}

# joined OPTIONS...: a path from device pa, here, to pb in a namespace of $there's, both moved or
# configured only when it runs already.
joined() {
    timeout 120 "$handfast" path "$@" pa pb > stats 2> said &
    path=$!
    unshare --net sleep 120 &
    there=$!
    started+=("$path" "$there")
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

# finish: end the path in order; what it counted is in the file stats.
finish() {
    local status
    pkill -INT -P $path # below timeout
    wait $path
    status=$?
    [ $status = 0 ] || { echo "path: exit status $status"; cat said; return 1; }
}

# counted DIRECTION NAME: a number of the JSON.
counted() {
    python3 -c 'import json, sys; print(json.load(open("stats"))[sys.argv[1]][sys.argv[2]])' "$@"
}

bad_options() {
    usage "$handfast" path &&
        usage "$handfast" path one &&
        usage "$handfast" path one one &&
        usage "$handfast" path one a-name-much-too-long &&
        usage "$handfast" path one two three &&
        usage "$handfast" path --rate 100 one two &&
        usage "$handfast" path --rate 1mbit,delay=1ms one two &&
        usage "$handfast" path --delay 10 one two &&
        usage "$handfast" path --loss 2 one two &&
        usage "$handfast" path --queue 10 --rate 1mbit one two &&
        usage "$handfast" path --queue bdp one two &&
        usage "$handfast" path --back loss=x one two &&
        usage "$handfast" path --spin 1001 one two &&
        usage "$handfast" path --seconds 0 one two &&
        usage "$handfast" demo --path loss=2 &&
        usage "$handfast" demo --path 'loss=1%,'
}

# The kernel's round trip takes the delays, and not much more (the machine may be busy).
delay() {
    local count least
    joined --delay 20ms --json || return 1
    far "$peer" echo 10.1.0.2 7 &
    started+=($!)
    until_true answers 10.1.0.2 || return 1
    read -r count least _ < <(timeout 60 "$peer" rtt 10.1.0.2 7 40)
    echo "$count answers, the fastest after $least us"
    finish || return 1
    [ "$count" = 40 ] && [ "$least" -ge 40000 ] && [ "$least" -lt 45000 ]
}
answers() { [ "$(timeout 5 "$peer" rtt "$1" 7 1)" != 0 ]; }

# stream ADDRESS: TCP arrives whole. What path_peer.py send says is in the file sent.
stream() {
    far timeout 60 "$peer" sink "$1" 9 > sunk &
    local sink=$!
    started+=($sink)
    until_true listening || return 1
    timeout 60 "$peer" send "$1" 9 "$2" cubic > sent || return 1
    wait $sink
    cat sent sunk
    [ "$(cut -d' ' -f3 sent)" = "$(cat sunk)" ]
}
listening() { far grep -q ':0009 .* 0A ' /proc/net/tcp /proc/net/tcp6; }

rate() {
    local reached
    joined --rate 20mbit --delay 2ms --queue 30kb --json || return 1
    stream 10.1.0.2 8 && finish || return 1
    cat stats
    reached=$(cut -d. -f1 sent)
    [ "$reached" -ge 12 ] && [ "$reached" -le 20 ] && [ "$(counted a_to_b lost_queue)" -gt 0 ]
}

faults() {
    local name
    joined --delay 1ms --jitter 500us --loss 1% --reorder 1% --duplicate 1% --corrupt 0.5% \
        --seed 3 --json || return 1
    stream 10.1.0.2 4 && stream fd01::2 4 && finish || return 1
    cat stats
    for name in lost reordered duplicated corrupted; do
        [ "$(counted a_to_b $name)" -gt 0 ] || return 1
    done
}

asymmetric() {
    local count least
    joined --delay 1ms --back delay=5ms,rate=10mbit --stats --seconds 3 || return 1
    far "$peer" echo 10.1.0.2 7 &
    started+=($!)
    until_true answers 10.1.0.2 || return 1
    read -r count least _ < <(timeout 60 "$peer" rtt 10.1.0.2 7 40)
    wait $path || return 1
    cat stats
    echo "$count answers, the fastest after $least us"
    grep -q 'pa to pb' stats && [ "$least" -ge 6000 ] && [ "$least" -lt 10000 ]
}

# Eight stories over Handfast's own link, each byte checked.
wrapped() {
    timeout 100 "$handfast" demo --with-linux --bytes 50000 \
        --path rate=50mbit,delay=2ms,loss=1%,reorder=1%,seed=2 | tail -1 | tee last
    grep -q '^8 stories' last
}

# The real-time benchmark: one short run of each, which must carry something.
recovery() {
    "$build/bench/handfast-recovery" --real --controllers reno --cells 20/0.1/0 --seeds 1 \
        --seconds 1 --json runs.json || return 1
    cat runs.json
    python3 -c 'import json
for run in json.load(open("runs.json")):
    assert run["outcome"]["mbits"] > 2, run["sender"]'
}

check 'wrong options are named' bad_options
check 'a path adds its delay' delay
check 'a path holds its rate and its queue' rate
check 'TCP arrives whole over every fault, IPv4 and IPv6' faults
check 'two ways, an end, and what was counted' asymmetric
check 'demo --with-linux behind a path' wrapped
[ -x "$build/bench/handfast-recovery" ] && [ "$(id -u)" = 0 ] &&
    check 'the recovery benchmark in real time' recovery

echo "1..$((passed + failed))"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
