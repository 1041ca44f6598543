#!/bin/bash
# Goodput of each link with Linux's iperf3 at the other end, in turns: TUN and TAP devices, a packet socket
# and AF_XDP on a veth pair. Up is what Handfast sends. Ratios to TUN are of the same round.
#
#   bench/links.sh [--rounds N] [--seconds N] [BUILD-DIRECTORY]
#
# Root, or a user who may make namespaces. Load averages stand beside: on a busy machine only the ratios
# tell anything.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rounds=5
seconds=3
words=("$@")
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    -*) echo "${0##*/}: $1: it takes --rounds N and --seconds N" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
build=$(realpath "${1:-$here/../build}")
if [ -z "${HANDFAST_LINKS:-}" ]; then
    export HANDFAST_LINKS=1
    ids=()
    [ "$(id -u)" = 0 ] || ids=(--user --map-root-user)
    exec unshare "${ids[@]}" --net "$0" "${words[@]}"
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
ip link set lo up

# one KIND: fresh devices; prints "up down" in Gbit/s.
one() {
    local link=$1:va far=() there='' server up down
    local addrs=(--addr 10.5.0.2/24)
    case $1 in
    tun | tap) addrs+=(--host-addr 10.5.0.9/24) ;;
    *)
        unshare --net sleep 120 &
        there=$!
        sleep 0.3
        far=(nsenter -t "$there" --net)
        ip link add va type veth peer name vb && ip link set vb netns "$there" &&
            ip link set va up && "${far[@]}" ip link set lo up &&
            "${far[@]}" ip addr add 10.5.0.9/24 dev vb && "${far[@]}" ip link set vb up
        [ "$1" = xdp ] && "${far[@]}" ethtool -K vb tx off > /dev/null
        ;;
    esac
    "$build/tools/handfast" perf -s --link "$link" "${addrs[@]}" > "$work/server" 2>&1 &
    server=$!
    sleep 1
    up=$(measure -R "${far[@]}")
    down=$(measure '' "${far[@]}")
    kill -INT $server
    wait $server
    [ -z "$there" ] || { kill "$there"; wait "$there" 2> /dev/null; }
    ip link del va 2> /dev/null
    echo "$up $down"
}

# measure DIRECTION PREFIX...
measure() {
    local direction=$1
    shift
    "$@" timeout $((seconds + 10)) iperf3 -c 10.5.0.2 -C cubic -t "$seconds" -J $direction \
        2> /dev/null | python3 -c '
import json, sys
try:
    print("%.3f" % (json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9))
except Exception:
    print("nan")'
}

for round in $(seq "$rounds"); do
    for kind in tun tap packet xdp; do
        echo "$round $kind $(one $kind 2> /dev/null) $(cut -d' ' -f1 /proc/loadavg)"
    done
done | tee "$work/all" >&2
python3 - "$work/all" << 'END'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
kinds = ["tun", "tap", "packet", "xdp"]
print(f"load average {statistics.median(float(r[4]) for r in rows):.1f}; Gbit/s, medians")
print(f"{'':8}{'up':>8}{'to TUN':>8}{'down':>8}{'to TUN':>8}")
for kind in kinds:
    line = f"{kind:8}"
    for column in (2, 3):
        mine = {r[0]: float(r[column]) for r in rows if r[1] == kind}
        tun = {r[0]: float(r[column]) for r in rows if r[1] == "tun"}
        ratio = statistics.median(mine[k] / tun[k] for k in mine if tun[k] > 0)
        line += f"{statistics.median(mine.values()):8.2f}{ratio:8.2f}"
    print(line)
END
