#!/bin/sh
# The command against the TCP of Linux, over a TUN device in a network namespace of its own: curl,
# python3 -m http.server and nc, both families, both roles. TAP.
# usage: test/interop/linux.sh BUILD [MEGABYTES]
set -u
handfast=$(realpath "$1/tools/handfast")
megabytes=${2:-32}

number=0
status=0
room=$(mktemp -d)
space=handfast-$$
pids=

clean() {
    # shellcheck disable=SC2086 # a list of words
    [ -z "$pids" ] || kill -9 $pids 2>/dev/null
    ip netns del "$space" 2>/dev/null
    rm -rf "$room"
}
trap clean EXIT
trap 'exit 1' INT TERM

# In the background the command is written out instead, so that $! is the program's own process.
inside() { ip netns exec "$space" "$@"; }

# run NAME COMMAND...: one test case; what it printed is shown when it fails.
run() {
    name=$1
    shift
    number=$((number + 1))
    if "$@" >"$room/said" 2>&1; then
        echo "ok $number - $name"
    else
        status=1
        echo "not ok $number - $name"
        tail -n 30 "$room/said" | sed 's/^/# /'
        for log in "$room"/*.log; do
            [ -s "$log" ] && sed "s|^|# ${log##*/}: |" "$log" | tail -n 10
        done
    fi
}

skip_all() {
    echo "1..1"
    echo "ok 1 - against_linux # SKIP $1"
    exit 0
}

[ "$(id -u)" = 0 ] || skip_all "needs root for a TUN device"
[ -c /dev/net/tun ] || skip_all "there is no /dev/net/tun"
ip netns add "$space" 2>"$room/said" || skip_all "no network namespace: $(cat "$room/said")"
inside ip link set lo up

# up COMMAND...: start handfast in the background and wait for its device; its log is up.log.
up() {
    ip netns exec "$space" "$handfast" "$@" >"$room/up.out" 2>"$room/up.log" &
    up_pid=$!
    pids="$pids $up_pid"
    tries=0
    until inside ip -br addr show dev hf0 2>/dev/null | grep -q fd77; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || return 1
        sleep 0.05
    done
    sleep 0.2
}

# down: interrupt it as a person would; it must end by itself, in order.
down() {
    kill -INT "$up_pid"
    (sleep 10 && kill -9 "$up_pid") 2>/dev/null &
    watch_pid=$!
    wait "$up_pid"
    ended=$?
    kill "$watch_pid" 2>/dev/null
    [ $ended = 0 ] && cat "$room/up.out" "$room/up.log"
}

same() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]; }

fetch_by_curl() {
    inside curl -sS --max-time 60 -o "$room/got" "$1" && same "$room/got" "$room/www/file"
}

many_curls() {
    rm -f "$room"/many.*
    i=0
    curls=
    while [ $i -lt 200 ]; do
        i=$((i + 1))
        ip netns exec "$space" curl -sS --max-time 60 -o "$room/many.$i" http://10.77.0.2/small &
        curls="$curls $!"
    done
    for pid in $curls; do
        wait "$pid" || return 1
    done
    for i in "$room"/many.*; do
        same "$i" "$room/www/small" || return 1
    done
}

fetch_by_handfast() {
    rm -f "$room/got"
    inside "$handfast" get "$1" -o "$room/got" && same "$room/got" "$room/www/file"
}

# Both send all they have and close; each must have what the other sent.
nc_handfast_opens() {
    ip netns exec "$space" nc -l -N "$1" 7000 <"$room/www/file" >"$room/at_linux" &
    pid=$!
    pids="$pids $pid"
    inside "$handfast" nc "$2" 7000 <"$room/www/small" >"$room/at_handfast" && wait "$pid" &&
        same "$room/at_linux" "$room/www/small" && same "$room/at_handfast" "$room/www/file"
}

nc_linux_opens() {
    ip netns exec "$space" "$handfast" nc -l 7001 <"$room/www/file" >"$room/at_handfast" 2>"$room/nc.log" &
    pid=$!
    pids="$pids $pid"
    sleep 0.5
    inside nc -N "$1" 7001 <"$room/www/small" >"$room/at_linux" && wait "$pid" &&
        same "$room/at_handfast" "$room/www/small" && same "$room/at_linux" "$room/www/file"
}

peer_is_killed() {
    ip netns exec "$space" curl -sS --limit-rate 100k -o /dev/null http://10.77.0.2/file &
    pid=$!
    sleep 0.5
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    fetch_by_curl http://10.77.0.2/file
}

refused() {
    inside curl -sS --max-time 5 -o /dev/null http://10.77.0.2:81/ 2>"$room/curl"
    [ $? = 7 ]
}

mkdir "$room/www"
head -c "$megabytes"M /dev/urandom >"$room/www/file"
head -c 100000 /dev/urandom >"$room/www/small"

run serve_comes_up up serve --http "$room/www" --msl 0.5 --stats
run linux_fetches_over_ipv4 fetch_by_curl http://10.77.0.2/file
run linux_fetches_over_ipv6 fetch_by_curl 'http://[fd77::2]/file'
run two_hundred_at_once many_curls
run peer_killed_in_mid_transfer peer_is_killed
run closed_port_refuses refused
run serve_ends_when_interrupted down

ip netns exec "$space" python3 -m http.server --bind :: --directory "$room/www" 8000 >"$room/http.log" 2>&1 &
pids="$pids $!"
sleep 1
run handfast_fetches_over_ipv4 fetch_by_handfast http://10.77.0.1:8000/file
run handfast_fetches_over_ipv6 fetch_by_handfast 'http://[fd77::1]:8000/file'
run nc_opened_by_handfast_ipv4 nc_handfast_opens -4 10.77.0.1
run nc_opened_by_handfast_ipv6 nc_handfast_opens -6 fd77::1
run nc_opened_by_linux_ipv4 nc_linux_opens 10.77.0.2
run nc_opened_by_linux_ipv6 nc_linux_opens fd77::2
echo "1..$number"
exit $status
