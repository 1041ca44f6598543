#!/bin/bash
# handfast path between two network namespaces, with the kernel's TCP and UDP at both ends. All
# namespaces are this script's own and go when it ends.
#
#   test/interop/path.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed.

# shellcheck disable=SC2015,SC2317
what='a path' programs='nsenter python3 pkill' may_soak=
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"
peer=$here/path_peer.py

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
    running+=($!)
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
    running+=($sink)
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
    running+=($!)
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

total
