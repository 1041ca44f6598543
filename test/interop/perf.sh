#!/bin/bash
# handfast perf against iperf3 in both roles, and against itself, over TUN devices in a network
# namespace that goes when this ends.
#
#   test/interop/perf.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed. What a failed test printed
# is shown behind its line.

# shellcheck disable=SC2015
what='perf with iperf3' programs='iperf3 python3' may_soak=
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

# serve OPTIONS...: our server. finish: interrupted, it must end in order.
serve() {
    start "$handfast" perf -s -i 0 --stats "$@"
    until_true grep -q serving server.log || { cat server.log; return 1; }
}
finish() {
    kill -INT "$started"
    until_true gone "$started" && wait "$started" && grep -q 'now  *0 open, 0 half-open' server.log ||
        { cat server.log; return 1; }
}

listens() { ss -Hltn 'sport = :5201' | grep -q .; }
linux_server() {
    start iperf3 -s
    until_true listens
}

four=10.77.0.2
six=fd77::2
host_four=10.77.0.1
host_six=fd77::1

# json EXPRESSION FILE: must be true of the document d.
json() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[2]))
if "error" in d:
    sys.exit(d["error"])
if not eval("(" + sys.argv[1] + ")"):
    sys.exit("not so: %s; end: %s" % (sys.argv[1], json.dumps(d.get("end"))[-1500:]))' "$1" "$2"
}

# ---- iperf3 tests us ----

iperf_forward() {
    serve && status 0 iperf3 -c "$1" -t 1 -J > got &&
        json 'd["end"]["sum_received"]["bytes"] > 1e6' got && finish
}
iperf_reverse() {
    serve && status 0 iperf3 -c "$1" -t 1 -R -J > got &&
        json 'd["end"]["sum_received"]["bytes"] > 1e6 and d["end"]["sum_sent"]["bytes"] > 1e6' got &&
        finish
}
iperf_both() {
    serve && status 0 iperf3 -c "$1" -t 1 --bidir -J > got &&
        json 'd["end"]["sum_received"]["bytes"] > 1e6 and
              d["end"]["sum_received_bidir_reverse"]["bytes"] > 1e6' got && finish
}
iperf_eight() {
    serve && status 0 iperf3 -c "$1" -P 8 -n 20M -J > got &&
        json 'len(d["end"]["streams"]) == 8' got &&
        status 0 iperf3 -c "$1" -P 8 -n 20M -R -J > got &&
        json 'len(d["end"]["streams"]) == 8 and d["end"]["sum_received"]["bytes"] == 20 << 20' got &&
        finish
}
iperf_options() {
    serve && status 0 iperf3 -c "$1" -n 1M -M 1000 -w 64K -N -S 16 &&
        status 0 iperf3 -c "$1" -R -b 40M -t 1 -J > got &&
        json '20e6 < d["end"]["sum_received"]["bits_per_second"] < 48e6' got &&
        status 0 iperf3 -c "$1" -C cubic -n 1M -R -J > got &&
        json 'd["end"]["sender_tcp_congestion"] == "cubic"' got &&
        status 0 iperf3 -c "$1" -k 10 && status 0 iperf3 -c "$1" -O 1 -t 1 -J > got &&
        json 'd["end"]["sum_received"]["seconds"] < 1.5' got && finish
}

for to in $four $six; do
    check "iperf3 -c $to" iperf_forward $to
    check "iperf3 -c $to -R" iperf_reverse $to
    check "iperf3 -c $to --bidir" iperf_both $to
    check "iperf3 -c $to -P 8, and -R" iperf_eight $to
done
check 'iperf3 with -M -w -N -S, -b, -k, -O' iperf_options $four

# ---- We test iperf3 ----

ours() {
    linux_server && status 0 "$handfast" perf "$@" --json > got || { cat got; return 1; }
}
we_forward() {
    ours -c "$1" -t 1 && json 'd["end"]["sum_received"]["bytes"] > 1e6 and
        0 <= d["end"]["sum_sent"]["spurious_retransmits"] <= d["end"]["sum_sent"]["retransmits"] and
        0.9 < d["end"]["sum_received"]["bytes"] / d["end"]["sum_sent"]["bytes"] < 1.1' got
}
we_reverse() { ours -c "$1" -t 1 -R && json 'd["end"]["sum_received"]["bytes"] > 1e6' got; }
we_both() {
    ours -c "$1" -n 5M --bidir && json 'd["end"]["sum_sent"]["bytes"] == 5 << 20 and
        d["end"]["sum_received_bidir_reverse"]["bytes"] >= 5 << 20' got
}
we_eight() {
    ours -c "$1" -P 8 -n 20M && json 'd["end"]["sum_sent"]["bytes"] == 20 << 20 and
        len(d["end"]["streams"]) == 8 and len(d["start"]["connected"]) == 8' got &&
        status 0 "$handfast" perf -c "$1" -P 8 -t 1 -R --json > got &&
        json 'len(d["end"]["streams"]) == 8' got
}
we_choose() {
    ours -c "$1" -C reno -n 1M && json 'd["end"]["sender_tcp_congestion"] == "reno"' got
}
we_print() {
    linux_server && status 0 "$handfast" perf -c "$1" -t 1.2 -i 0.5 > got && cat got &&
        [ "$(grep -c '^1 out' got)" = 3 ] && [ "$(grep -c '^here out' got)" = 1 ] &&
        [ "$(grep -c '^there in' got)" = 1 ]
}

for to in $host_four $host_six; do
    check "perf -c $to" we_forward $to
    check "perf -c $to -R" we_reverse $to
    check "perf -c $to --bidir" we_both $to
    check "perf -c $to -P 8, and -R" we_eight $to
done
check 'perf -c -C reno' we_choose $host_four
check 'perf -c, lines for people' we_print $host_four

# ---- Both ends are ours, the kernel forwards ----

between_ours() {
    echo 1 > /proc/sys/net/ipv4/ip_forward
    start "$handfast" perf -s -1 --tun hf1 --addr 10.78.0.2/24 --host-addr 10.78.0.1/24
    until_true grep -q serving server.log || return 1
    status 0 "$handfast" perf -c 10.78.0.2 -P 2 -n 3M --bidir --json > got &&
        json 'd["end"]["sum_sent"]["bytes"] == 3 << 20 and
              d["end"]["sum_received"]["bytes"] == 3 << 20 and
              d["end"]["sum_received_bidir_reverse"]["bytes"] == 3 << 20' got &&
        until_true gone "$started" && wait "$started" || { cat server.out server.log; return 1; }
}
check 'perf -c to perf -s' between_ours

# ---- What goes wrong ----

wrong() { usage "$handfast" perf "$@"; }

wrong_options() {
    wrong && wrong -s -c host && wrong -s -R && wrong -s -t 5 && wrong -c h -R --bidir &&
        wrong -c h -t 5 -n 5 && wrong -c h -t 0 && wrong -c h -n 0 && wrong -c h -n 5X &&
        wrong -c h -P 129 && wrong -c h -p 65536 && wrong -c h --one-off && wrong -c h -i 0.01 &&
        wrong -c h -w 1 && wrong -c h -M 20 && wrong -c h -C no-such-controller-at-all &&
        wrong -c 224.0.0.1 && wrong -c h left-over
}

refused() {
    status 1 "$handfast" perf -c $host_four 2> said
    cat said
    grep -q 'refused' said && [ "$(wc -l < said)" = 1 ]
}

no_udp() {
    serve && status 1 iperf3 -u -c $four -t 1 && grep -q UDP server.log &&
        status 0 iperf3 -c $four -n 1M && finish
}

busy() {
    serve || return 1
    timeout 20 iperf3 -c $four -t 2 > first &
    local peer=$!
    sleep 0.7
    status 1 iperf3 -c $four -t 1 2> said && cat said && grep -q busy said && wait "$peer" ||
        { cat first server.log; return 1; }
}

# What strangers say: the server answers with an error or closes, says why, and serves on.
strangers() {
    serve && python3 - $four << 'END' && status 0 iperf3 -c $four -n 1M && finish ||
import socket, struct, sys
COOKIE = b"c" * 36 + b"\0"
def say(*parts):
    s = socket.create_connection((sys.argv[1], 5201), 5)
    s.settimeout(10)
    got = b""
    try:
        for p in parts:
            s.sendall(p)
        while True:
            b = s.recv(4096)
            if not b:
                break
            got += b
    except ConnectionResetError:
        pass
    s.close()
    return got
def error(got, number):
    assert got[:1] == b"\x09" and got[-9:] == b"\xfe" + struct.pack(">ii", number, 0), got
def json(text):
    return struct.pack(">I", len(text)) + text
error(say(COOKIE, struct.pack(">I", 0xffffffff)), 110)
error(say(COOKIE, struct.pack(">I", 0)), 110)
error(say(COOKIE, struct.pack(">I", 8193)), 110)
error(say(COOKIE, json(b"[" * 8192)), 114)
error(say(COOKIE, json(b'{"parallel":1e99}')), 6)
error(say(COOKIE, json(b'{"tcp":true,"time":1}') + b"\x04"), 110)
error(say(COOKIE, json(b'{"reverse":true,"congestion":"nonsense"}')), 134)
END
        { cat server.log; return 1; }
    [ "$(grep -c '^handfast perf: 10.77.0.1' server.log)" -ge 7 ] || { cat server.log; return 1; }
}

# A hundred that say nothing, or half a cookie, do not keep anybody away.
silent() {
    serve && python3 - $four << 'END' && finish
import socket, subprocess, sys
held = []
for i in range(100):
    s = socket.create_connection((sys.argv[1], 5201), 5)
    s.sendall(b"c" * (i % 37))
    held.append(s)
sys.exit(subprocess.call(["timeout", "20", "iperf3", "-c", sys.argv[1], "-n", "1M"]))
END
}

killed_client() {
    serve || return 1
    iperf3 -c $four -t 5 > out &
    local peer=$!
    sleep 0.7
    kill -KILL "$peer"
    wait "$peer"
    until_true grep -q '^handfast perf: 10.77' server.log && status 0 iperf3 -c $four -n 1M &&
        finish || { cat server.log; return 1; }
}

killed_server() {
    linux_server || return 1
    timeout 20 "$handfast" perf -c $host_four -t 10 > out 2> said &
    local peer=$!
    sleep 0.7
    kill -KILL "$started"
    wait "$peer"
    [ $? = 1 ] && [ "$(wc -l < said)" = 1 ] && grep -q '^here out' out || { cat said out; return 1; }
}

interrupted_client() {
    linux_server || return 1
    "$handfast" perf -c $host_four -t 10 > out 2> said &
    local peer=$!
    running+=("$peer")
    sleep 0.7
    kill -INT "$peer"
    wait "$peer"
    [ $? = 130 ] && grep -q '^here out' out && until_true grep -q 'client has terminated' server.out server.log ||
        { cat said out server.out server.log; return 1; }
}

check 'perf: wrong options: one line, exit 2' wrong_options
check 'perf -c: nobody listens' refused
check 'perf -s: UDP is refused, and it serves on' no_udp
check 'perf -s: one test at a time' busy
check 'perf -s: strangers' strangers
check 'perf -s: a hundred silent ones' silent
check 'perf -s: the client killed in mid-test' killed_client
check 'perf -c: the server killed in mid-test' killed_server
check 'perf -c: interrupted' interrupted_client

total
