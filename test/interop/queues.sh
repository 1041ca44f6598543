#!/bin/bash
# `handfast serve --queues N`: several stacks on one TUN device, in a network namespace that goes when
# this ends. What each queue had of the work is told at the end of a server's life.
#
#   test/interop/queues.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed.

# shellcheck disable=SC2015,SC2016
what='several queues' programs='curl python3 nsenter sha256sum' may_soak=
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

serving() { grep -q serving server.log; }
serve() {
    start "$handfast" serve "$@"
    server=$started
    until_true serving || { cat server.log; return 1; }
}

# over: end the server in order; its exit status must be 0 within ten seconds.
over() {
    kill -INT "$server"
    until_true gone "$server" || return 1
    wait "$server" || { cat server.log; return 1; }
    grep -E '^(queue|[0-9]+ connection)' server.log
}

# shared N [LOSSES]: each of N queues had connections of its own and packets went to others; no more
# than LOSSES (none) found no room on their way.
shared() {
    awk '/^queue/ { n++; if ($3 > 0) served++; handed += $11; lost += $(NF - 1) }
         END { exit !(n == '"$1"' && served == n && handed > 0 && lost <= '"${2:-0}"') }' server.log ||
        { echo "not shared by $1 queues"; return 1; }
}

limit=120
mkdir www
head -c 300000 /dev/urandom > www/some
head -c 50M /dev/urandom > www/big
sum=$(sha256sum < www/some)
big=$(sha256sum < www/big)

bad_values() {
    usage "$handfast" serve --queues 0 &&
        usage "$handfast" serve --queues 65 &&
        usage "$handfast" serve --queues x &&
        usage "$handfast" serve --queues &&
        usage "$handfast" serve --queues 2 --pcap two.pcapng &&
        usage "$handfast" serve --queues 2 --trace &&
        usage "$handfast" serve --queues 2 --link tap:hf9
}

# all_at_once N URL [far]: every answer is the file; asked for from here, or from the network behind.
all_at_once() {
    local pids=() i
    for i in $(seq "$1"); do
        ${3:-} curl -sS -m 60 "$2" -o "got.$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || return 1; done
    for i in $(seq "$1"); do
        [ "$(sha256sum < "got.$i")" = "$sum" ] || { echo "got.$i differs"; return 1; }
    done
    rm -f got.*
}

many() {
    serve --http www --queues "$1" "${@:2}" || return 1
    all_at_once 200 http://10.77.0.2/some || return 1
    all_at_once 200 'http://[fd77::2]/some' || return 1
    over && shared "$1" && grep -q '^400 connections' server.log
}

bulk() {
    serve --http www --queues 2 "$@" || return 1
    local i pids=()
    for i in 1 2 3 4; do
        local host=10.77.0.2
        [ $((i % 2)) = 1 ] || host='[fd77::2]'
        curl -sS -m 100 "http://$host/big" -o "big.$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || return 1; done
    for i in 1 2 3 4; do
        [ "$(sha256sum < "big.$i")" = "$big" ] || { echo "big.$i differs"; return 1; }
    done
    rm -f big.*
    over
}

as_before() {
    serve --http www --queues 1 || return 1
    all_at_once 20 http://10.77.0.2/some && over || return 1
    ! grep -q '^queue' server.log
}

stats() {
    serve --http www --queues 3 --stats || return 1
    all_at_once 30 http://10.77.0.2/some && over || return 1
    [ "$(grep -c '^traffic' server.log)" = 1 ] &&
        grep -Eq 'opened by peers +30$' server.log || { cat server.log; return 1; }
}

interrupted_twice() {
    serve --chargen --queues 2 || return 1
    curl -s -m 20 telnet://10.77.0.2:19 > /dev/null < /dev/zero &
    local client=$!
    sleep 0.3
    kill -INT "$server"
    sleep 0.3
    kill -INT "$server" 2> /dev/null
    until_true gone "$server" && wait "$server"
    local status=$?
    kill "$client" 2> /dev/null
    wait "$client"
    [ $status = 0 ]
}

# A network behind this one, reached through a link of 1280 octets that its hosts do not know of.
behind() {
    unshare --net sleep 120 &
    there=$!
    running+=("$there")
    until_true differs || return 1
    ip link add va mtu 1280 type veth peer name vb mtu 1500 && ip link set vb netns "$there" &&
        ip addr add 10.99.0.1/24 dev va && ip addr add fd99::1/64 dev va nodad &&
        ip link set va up && far ip link set lo up && far ip addr add 10.99.0.2/24 dev vb &&
        far ip addr add fd99::2/64 dev vb nodad && far ip link set vb up &&
        far ip route add default via 10.99.0.1 && far ip route add default via fd99::1 &&
        echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
}
differs() { [ "$(readlink /proc/"$there"/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }

# The router's "too big" comes by any queue; without it, a transfer takes seconds to find out.
too_big() {
    behind || return 1
    serve --http www --queues 4 --stats --offload off || return 1
    local began=$SECONDS
    all_at_once 20 http://10.99.0.1:1/some far 2> /dev/null # nobody there: the way is known
    all_at_once 40 http://10.77.0.2/some far && all_at_once 40 'http://[fd77::2]/some' far &&
        over || { cat server.log; return 1; }
    shared 4 && grep -E 'ICMP' server.log || { cat server.log; return 1; }
    ! grep -E 'ICMP_QUOTE' server.log || return 1
    echo "$((SECONDS - began)) s"
    [ $((SECONDS - began)) -lt 60 ]
}

# Segments that a router has cut: their parts have no ports but the first.
in_fragments() {
    behind || return 1
    ip link set va mtu 1500
    far sh -c 'echo 1 > /proc/sys/net/ipv4/ip_no_pmtu_disc'
    serve --echo --queues 4 --stats --tun hf7 || return 1
    ip link set hf7 mtu 600 # we have told the larger one
    far python3 - << 'PY' || return 1
import socket, threading, os
data = os.urandom(60000)
bad = []
def one():
    s = socket.create_connection(("10.77.0.2", 7), 20)
    s.settimeout(30)
    threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
    got = b""
    while len(got) < len(data):
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
    if got != data:
        bad.append(len(got))
threads = [threading.Thread(target=one) for _ in range(20)]
[t.start() for t in threads]
[t.join() for t in threads]
print("bad:", bad)
raise SystemExit(bool(bad))
PY
    over && shared 4 1000 || { cat server.log; return 1; }
    ! grep -E 'NO_CONNECTION|FRAGMENT' server.log || { cat server.log; return 1; }
}

check 'bad values: one line, exit 2' bad_values
check '200 at once over two queues, both families' many 2
check '200 at once over three queues without offload' many 3 --offload off
check 'four large files at once' bulk
check 'four large files at once without offload' bulk --offload off
check 'one queue is as before' as_before
check 'the counters of all queues are one table' stats
check 'a second interrupt ends all' interrupted_twice
check 'a router says "too big" to any queue' too_big
check 'fragments reach the owner of their flow' in_fragments
total
