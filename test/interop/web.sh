#!/bin/bash
# The lab's page in headless Chromium: over Handfast's own TCP on a TUN device, and over the kernel's,
# in a network namespace that goes when this ends.
#
#   test/interop/web.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed. What the browser is told to
# do is in web.js; its pictures of the page stay in BUILD-DIRECTORY/browser. What needs it is skipped,
# with the reason, where there is no Chromium, no Node.js, or no playwright-core to be had from npm.

# shellcheck disable=SC2015,SC2154
what="the lab's page" programs='curl python3' may_soak=
version=1.65.1
browser=$(command -v chromium || command -v chromium-browser)

# Before the namespace, from which no registry can be reached. Says why there is no browser to drive.
prepare() {
    local place=$1/browser
    command -v node > /dev/null || { echo "node is missing"; return; }
    [ -n "$browser" ] || { echo "chromium is missing"; return; }
    mkdir -p "$place"
    grep -qs "\"version\": \"$version\"" "$place/node_modules/playwright-core/package.json" && return
    command -v npm > /dev/null || { echo "npm is missing, and playwright-core with it"; return; }
    timeout 100 npm install --prefix "$place" --no-save --no-audit --no-fund --ignore-scripts \
        "playwright-core@$version" > "$place/npm.log" 2>&1 ||
        echo "npm could not get playwright-core $version: $(grep -im 1 error "$place/npm.log")"
}
if [ -z "${HANDFAST_INTEROP:-}" ]; then
    directory=$(dirname "$0")/../../build
    before=
    for word in "$@"; do
        case $before$word in --only* | -*) ;; *) directory=$word ;; esac
        before=$word
    done
    [ -d "$directory" ] && no_browser=$(prepare "$directory") && export no_browser
fi
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

own=http://10.77.0.2
serving() { grep -q 'serving the lab' server.log; }

# lab OPTIONS...: serve the page.
lab() {
    start timeout 120 "$handfast" lab --web "$@"
    until_true serving || { cat server.log; return 1; }
}
# kernel: over the kernel's TCP, at a port that is free; $url says where.
kernel() {
    lab --listen 0 "$@" && url=$(sed -n 's|.*\(http://[^/]*\)/$|\1|p' server.log)
}

# The browser's verdicts, a line each, once for each transport.
visit() {
    export NODE_PATH=$build/browser/node_modules HOME=$work
    timeout 100 node "$here/web.js" "$browser" "$1" "$2" "$build/browser" > "$2.verdicts" 2>&1
}
verdict() {
    grep -qx "ok $2" "$1.verdicts" && return
    grep -A 12 "^not ok $2" "$1.verdicts" || tail -12 "$1.verdicts"
    return 1
}

# ---- By hand ----

# answer STATUS WORDS URL...: status, and words in the body.
answer() {
    local got wanted=$1 text=$2
    shift 2
    got=$(curl -sg -m 10 -o body -w '%{http_code}' "$@") || true
    [ "$got" = "$wanted" ] && grep -qF "$text" body || { echo "$got, not $wanted: $*"; cat body; return 1; }
}

bad_requests() {
    kernel || return 1
    answer 400 'delay=999: a whole number from 1 to 400 is wanted (ms)' "$url/run?experiment=close&delay=999" &&
        answer 400 'delay=999：应为 1 到 400 的整数（毫秒）' "$url/run?experiment=close&lang=zh&delay=999" &&
        answer 400 'first=me: one of these is wanted: turns, client, server, both' "$url/run?experiment=close&first=me" &&
        answer 400 'guesses: no such knob; this experiment has delay, first' "$url/run?experiment=close&guesses=1" &&
        answer 400 'experiment=none: no such experiment' "$url/run?experiment=none" &&
        answer 400 'experiment: the name of one is wanted' "$url/run" &&
        answer 400 'experiment：应给出实验的名称' "$url/run?lang=zh" &&
        answer 400 'lang=fr: en or zh is wanted' "$url/run?experiment=open&lang=fr" &&
        answer 400 'width=9: a whole number from 320 to 1600' "$url/run?experiment=open&width=9" &&
        answer 400 'seed=-1: a whole number' "$url/run?experiment=open&seed=-1" &&
        answer 400 'a bad escape' "$url/run?experiment=%zz" &&
        answer 414 'too long' "$url/run?experiment=$(head -c 2000 /dev/zero | tr '\0' a)" &&
        answer 400 'x=1: this is not known here' "$url/live?x=1" &&
        answer 404 '404' "$url/absent" && answer 404 '404' "$url/../etc/passwd" --path-as-is &&
        answer 405 '405' "$url/" -X POST -d x && answer 400 '400' "$url/" -X GET -d x &&
        answer 431 '431' "$url/" -H "X: $(head -c 20000 /dev/zero | tr '\0' a)" &&
        answer 200 '"holds":true' "$url/run?experiment=open" &&
        answer 200 '"holds":false' "$url/run?experiment=open&lose=3" &&
        answer 200 'data-state="SYN-SENT"' "$url/states.svg" &&
        answer 200 '"kernel":true' "$url/live" && answer 200 '' -I "$url/"
}

# More connections than it takes: those beyond the limit wait and are served when others go.
many_connections() {
    kernel || return 1
    timeout 30 python3 - "$url" << 'END'
import socket, sys
host, port = sys.argv[1].removeprefix("http://").split(":")
ask = b"GET /states.svg HTTP/1.1\r\nHost: x\r\n\r\n"
taken = [socket.create_connection((host, int(port)), 5) for _ in range(64)]
for s in taken:
    s.sendall(ask)
    assert s.recv(12) == b"HTTP/1.1 200", "one of the 64"
late = socket.create_connection((host, int(port)), 5)
late.sendall(ask)
late.settimeout(0.7)
try:
    late.recv(1)
    raise SystemExit("the 65th was served while 64 were there")
except TimeoutError:
    pass
taken.pop().close()
late.settimeout(10)
assert late.recv(12) == b"HTTP/1.1 200", "the 65th, when there was room"
half = taken.pop()
half.sendall(b"GET / HT")  # half a request, and then the end
half.shutdown(socket.SHUT_WR)
while half.recv(65536):
    pass
END
}

# One asks for a hundred long experiments at once; another is served meanwhile.
greedy() {
    timeout 60 python3 - "$1" << 'END'
import socket, sys
from urllib.parse import urlsplit
at = urlsplit(sys.argv[1])
where = at.hostname, at.port or 80
many = socket.create_connection(where, 5)
many.sendall(b"GET /run?experiment=syn-flood&flood=5000 HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
assert many.recv(12) == b"HTTP/1.1 200"
one = socket.create_connection(where, 10)
one.sendall(b"GET /experiments HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
one.settimeout(20)
assert one.recv(12) == b"HTTP/1.1 200"
got = 12
many.settimeout(0)
try:
    while piece := many.recv(1 << 20):
        got += len(piece)
except BlockingIOError:
    pass
assert got < 90 * 10000, f"all was answered before: {got} bytes"
END
}
greedy_own() { lab --tun hfweb && greedy "$own"; }
greedy_kernel() { kernel && greedy "$url"; }

interrupted() {
    kernel --lang zh --seed 5 || return 1
    answer 200 'Handfast' "$url/" || return 1
    answer 200 '{"language":"zh","seed":"5"' "$url/experiments" || return 1
    pkill -INT -P "$started"
    until_true gone "$started" || return 1
    wait "$started"
}

# Its own TCP, seen from outside: the same bytes, and its connection drawn.
own_by_hand() {
    lab --tun hfweb || return 1
    answer 200 '"live":true' "$own/live?width=400" && grep -q 'ESTABLISHED' body &&
        answer 200 'SYN-RECEIVED' "http://[fd77::2]/live?lang=zh" &&
        answer 400 'delay=0' "$own/run?experiment=close&delay=0" &&
        curl -s "$own/" > one && kernel && curl -s "$url/" | cmp - one
}

check "bad requests are answered, in the language asked for" bad_requests
check "64 connections at once, and no more" many_connections
check "who asks much keeps nobody waiting, over its own TCP" greedy_own
check "who asks much keeps nobody waiting, over the kernel's" greedy_kernel
check "an interrupt ends it in order" interrupted
check "over its own TCP: page, JSON, its own connection" own_by_hand

# ---- In the browser ----

own_tests='load pick step walk knobs refused language keyboard phone dark live'
kernel_tests='load step live'

# browse TRANSPORT NAME TEST...: visit once, if any of the tests is wanted, and tell of each.
browse() {
    local transport=$1 name=$2 url=$own wanted='' test
    shift 2
    for test in "$@"; do
        # shellcheck disable=SC2254
        case "browser, $name: $test" in $only) wanted=yes ;; esac
    done
    [ -n "$wanted" ] || return
    if [ -n "${no_browser:-}" ]; then
        for test in "$@"; do
            skip "browser, $name: $test" "$no_browser"
        done
        return
    fi
    if [ "$transport" = own ]; then lab --tun hfweb; else kernel; fi && visit "$url/" "$transport"
    [ -s "$transport.verdicts" ] || cp server.log "$transport.verdicts"
    end_all
    for test in "$@"; do
        check "browser, $name: $test" verdict "$transport" "$test"
    done
}
# shellcheck disable=SC2086 # lists of words
browse own 'its own TCP' $own_tests
# shellcheck disable=SC2086
browse kernel "the kernel's TCP" $kernel_tests
total
