#!/bin/bash
# Handfast against Linux: curl, python3's http.server and nc over a TUN device, in both roles and
# both families, in a network namespace that goes when this ends.
#
#   test/interop/linux.sh [--soak] [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed. --soak takes 1 GiB files
# instead of 100 MiB. What a failed test printed is shown behind its line.

# shellcheck disable=SC2015,SC2016
what='with Linux' programs='curl python3 nc sha256sum' may_soak=yes
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

serving() { grep -q serving server.log; }

serve() {
    start "$handfast" serve "$@"
    until_true serving || { cat server.log; return 1; }
}

four=10.77.0.2
six='[fd77::2]'
host_four=10.77.0.1
host_six=fd77::1

mib=100
limit=60 # seconds, for one program
[ $soak = 1 ] && mib=1024 && limit=300
mkdir www www/dir
head -c "${mib}M" /dev/urandom > www/big
head -c 65536 /dev/urandom > www/small
echo '<p>index</p>' > www/dir/index.html
: > www/empty
echo secret > secret
ln -s ../secret www/link

# ---- The command line ----

bad_options() {
    usage "$handfast" frob &&
        usage "$handfast" demo --loss 1.5 &&
        usage "$handfast" demo --loss -1 &&
        usage "$handfast" demo --bytes 1x &&
        usage "$handfast" demo --seed &&
        usage "$handfast" demo --no-such-option &&
        usage "$handfast" demo left-over &&
        usage "$handfast" demo --simultaneous --server-closes &&
        usage "$handfast" serve --port 0 &&
        usage "$handfast" serve --port 65536 &&
        usage "$handfast" serve --echo --chargen &&
        usage "$handfast" serve --http "$work/absent" &&
        usage "$handfast" serve --addr 10.77.0.2 &&
        usage "$handfast" serve --addr 10.77.0.2/33 &&
        usage "$handfast" serve --addr fd77::2/129 &&
        usage "$handfast" serve --addr 224.0.0.1/24 &&
        usage "$handfast" serve --host-addr 10.77.0/24 &&
        usage "$handfast" serve --mtu 67 &&
        usage "$handfast" serve --mtu 1000 --addr fd77::2/64 &&
        usage "$handfast" serve --msl 0 &&
        usage "$handfast" serve --tun a-name-much-too-long &&
        usage "$handfast" get &&
        usage "$handfast" get ftp://10.77.0.1/ &&
        usage "$handfast" get http://10.77.0.1:99999/ &&
        usage "$handfast" get 'http://[fd77::1/' &&
        usage "$handfast" nc 10.77.0.1 &&
        usage "$handfast" nc 10.77.0.1 http &&
        usage "$handfast" nc 224.0.0.1 80
}

helps() {
    local c
    for c in '' demo serve get nc path perf; do
        # shellcheck disable=SC2086
        status 0 "$handfast" $c --help > help || return 1
        grep -q '^Usage: handfast' help || return 1
    done
}

# Without a capability the device cannot be made.
no_privilege() {
    status 1 setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all \
        bash -c 'exec setpriv --no-new-privs "$0" serve --echo' "$handfast" 2> said
    cat said
    grep -q 'root' said && [ "$(wc -l < said)" = 1 ]
}

check 'wrong options: one line, exit 2' bad_options
check 'help of the command and of each subcommand' helps
check 'no privilege: says so and how, exit 1' no_privilege

# ---- demo ----

demo_in_memory() {
    local o
    for o in '' --server-closes --simultaneous --half-close --ipv6 '--half-close --server-closes' \
        '--loss 0.05 --seed 3' '--bytes 0' '--bytes 1' '--bytes 3000000' '--ipv6 --loss 0.02'; do
        # shellcheck disable=SC2086
        status 0 "$handfast" demo $o > ladder || { tail -4 ladder; return 1; }
    done
}

demo_repeats() {
    status 0 "$handfast" demo --loss 0.1 --seed 7 --pcap one.pcapng > one &&
        status 0 "$handfast" demo --loss 0.1 --seed 7 --pcap two.pcapng > two &&
        cmp one two && cmp one.pcapng two.pcapng
}

# The three segments of the open and the four of the close, numbers relative to each ISN.
demo_capture() {
    command -v tshark > /dev/null || { echo "tshark is not here: not looked at"; return 0; }
    status 0 "$handfast" demo --pcap demo.pcapng > ladder || return 1
    tshark -r demo.pcapng -Y 'tcp.analysis.flags || _ws.malformed' 2> /dev/null > bad
    [ ! -s bad ] || { cat bad; return 1; }
    tshark -r demo.pcapng -T fields -e tcp.flags.str -e tcp.seq -e tcp.ack -e tcp.len \
        2> /dev/null | tr -d '·' > rows
    sed -n 1,3p rows | tr '\t' ' ' > opening
    printf 'S 0 0 0\nAS 0 1 0\nA 1 1 0\n' | cmp - opening || { cat opening; return 1; }
    [ "$(tail -4 rows | cut -f1 | tr '\n' ' ')" = 'AF A AF A ' ] || { tail -4 rows; return 1; }
}

demo_with_linux() {
    status 0 "$handfast" demo --with-linux > ladder || { grep -v '|' ladder | tail -20; return 1; }
}

check 'demo in memory, in all its forms' demo_in_memory
check 'demo: the same seed, the same output' demo_repeats
check 'demo: tshark sees the open, the close, nothing wrong' demo_capture
check 'demo --with-linux' demo_with_linux

# ---- serve --http, for curl ----

fetch_big() {
    serve --http www || return 1
    timeout "$limit" curl -sS -o got "http://$1/big" && same got www/big && interrupt "$started"
}

many_at_once() {
    local i pids=() bad=0
    serve --http www || return 1
    for i in $(seq 200); do
        timeout 60 curl -sS -o "got.$i" "http://$1/small" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || bad=$((bad + 1)); done
    for i in $(seq 200); do cmp -s "got.$i" www/small || bad=$((bad + 1)); done
    rm -f got.*
    [ $bad = 0 ] || { echo "$bad of 200 went wrong"; cat server.log; return 1; }
    interrupt "$started"
}

answer() { timeout 10 curl -sS --path-as-is -o got -w '%{http_code}' "$@"; }

# expect STATUS CURL-ARGUMENTS...
expect() {
    local wanted=$1 got
    shift
    got=$(answer "$@")
    [ "$got" = "$wanted" ] || { echo "status $got, not $wanted: $*"; return 1; }
}

http_statuses() {
    local url="http://$four"
    serve --http www || return 1
    expect 200 "$url/small" && same got www/small &&
        expect 200 "$url/empty" && [ ! -s got ] &&
        expect 200 "$url/dir/" && same got www/dir/index.html &&
        expect 301 "$url/dir" &&
        expect 200 -L "$url/dir" && same got www/dir/index.html &&
        expect 404 "$url/" &&
        expect 404 "$url/absent" &&
        expect 404 "$url/small/under" &&
        expect 403 "$url/../secret" &&
        expect 403 "$url/dir/../../secret" &&
        expect 403 "$url/%2e%2e/secret" &&
        expect 403 "$url/..%2fsecret" &&
        expect 403 "$url/%2fetc/passwd" &&
        expect 403 "$url/link" &&
        expect 400 "$url/%zz" &&
        expect 400 "$url/%00" &&
        expect 405 -X POST -d x "$url/small" &&
        expect 405 -X DELETE "$url/small" &&
        expect 200 -I "$url/small" &&
        expect 206 -r 100-199 "$url/small" && [ "$(stat -c %s got)" = 100 ] &&
        expect 206 -r -100 "$url/small" && tail -c 100 www/small | cmp - got &&
        expect 206 -r 65000- "$url/small" && tail -c 536 www/small | cmp - got &&
        expect 416 -r 70000- "$url/small" &&
        [ "$(printf 'nonsense\r\n\r\n' | timeout 5 nc -N $four 80 | head -1)" = \
            "$(printf 'HTTP/1.1 400 Bad Request\r')" ] &&
        [ "$(timeout 10 curl -sS -w '%{num_connects} ' -o got -o got "$url/small" "$url/dir/")" = \
            '1 0 ' ] &&
        [ "$(printf 'GET /dir/ HTTP/1.1\r\nHost: a\r\n\r\n%.0s' 1 2 3 |
            timeout 5 nc -N $four 80 | grep -c index)" = 3 ] &&
        interrupt "$started"
}

check "curl, ${mib} MiB over IPv4" fetch_big $four
check "curl, ${mib} MiB over IPv6" fetch_big "$six"
check '200 curls at once over IPv4' many_at_once $four
check '200 curls at once over IPv6' many_at_once "$six"
check 'HTTP: statuses, ranges, keep-alive, no way out' http_statuses

# ---- get, from python3 ----

listens() { ss -Hltn "sport = :$1" | grep -q .; }

# The kernel's side of the device has its address only while Handfast runs: listen on any.
python_server() {
    local bind=0.0.0.0
    [ "$1" = "$host_six" ] && bind=::
    start python3 -m http.server --bind $bind --directory www 8000
    until_true listens 8000
}

url_of() { case $1 in *:*) echo "http://[$1]:$2" ;; *) echo "http://$1:$2" ;; esac; }

get_big() {
    python_server "$1" || return 1
    status 0 "$handfast" get -o got "$(url_of "$1" 8000)/big" && same got www/big
}

get_pieces() {
    local url
    url=$(url_of $host_four 8000)
    python_server $host_four || return 1
    status 0 "$handfast" get "$url/small" > got && same got www/small &&
        status 0 "$handfast" get "$url/empty" > got && [ ! -s got ] &&
        status 1 "$handfast" get "$url/absent" &&
        status 1 "$handfast" get http://$host_four:1/ 2> said && cat said && grep -q refused said
}

get_framings() {
    start python3 "$here/framings.py" 8001
    until_true listens 8001 || return 1
    local url
    url=$(url_of $host_four 8001)
    status 0 "$handfast" get "$url/chunked" > got && same got www/small &&
        status 0 "$handfast" get "$url/until-close" > got && same got www/small &&
        status 0 "$handfast" get "$url/interim" > got && same got www/small &&
        status 1 "$handfast" get "$url/short" > got &&
        status 1 "$handfast" get "$url/bad-chunk" > got &&
        status 1 "$handfast" get "$url/no-http" > got
}

get_kill() {
    python_server $host_four || return 1
    "$handfast" get "$(url_of $host_four 8000)/big" 2> said | (
        head -c 1000000 > /dev/null
        kill -KILL "$started"
        cat > /dev/null
    )
    local result=${PIPESTATUS[0]}
    cat said
    [ "$result" = 1 ] && [ "$(wc -l < said)" = 1 ]
}

check "get from python3, ${mib} MiB over IPv4" get_big $host_four
check "get from python3, ${mib} MiB over IPv6" get_big $host_six
check 'get: small, empty, absent, refused' get_pieces
check 'get: chunked, until close, cut short, malformed' get_framings
check 'get: the server killed in mid-transfer, a cause' get_kill

# ---- nc ----

head -c 10M /dev/urandom > question
head -c 7M /dev/urandom > response

# We connect; each side sends all, then closes its own direction.
nc_connects() {
    local flag=-4
    [ "$1" = "$host_six" ] && flag=-6
    timeout 60 nc $flag -N -l 9000 < response > got.question &
    local peer=$!
    running+=("$peer")
    until_true listens 9000 || return 1
    status 0 "$handfast" nc "$1" 9000 < question > got.response &&
        wait "$peer" && same question got.question && same response got.response
}

# It listens as soon as the device is there; the kernel's SYN is sent again if need be.
device_is_up() { ip link show dev hf0 up | grep -q hf0; }

# nc connects to us.
nc_listens() {
    start timeout 60 "$handfast" nc -l "$1" 9000 < response
    until_true device_is_up || return 1
    status 0 nc -N "$1" 9000 < question > got.response || return 1
    wait "$started" && same question server.out && same response got.response
}

# One direction ends long before the other begins. (nc -l would leave at our FIN; nc stays.)
nc_half_close() {
    start timeout 60 "$handfast" nc -l 9000 < response
    until_true device_is_up || return 1
    (sleep 1; cat question) | status 0 nc -N $four 9000 > got.response || return 1
    wait "$started" && same question server.out && same response got.response
}

nc_ours_last() {
    timeout 60 nc -4 -N -l 9000 < response > got.question &
    local peer=$!
    running+=("$peer")
    until_true listens 9000 || return 1
    (sleep 1; cat question) | status 0 "$handfast" nc $host_four 9000 > got.response &&
        wait "$peer" && same question got.question && same response got.response
}

nc_refused() {
    status 1 "$handfast" nc $host_four 1 < /dev/null 2> said
    cat said
    grep -q refused said
}

check 'nc to nc -l over IPv4, both directions' nc_connects $host_four
check 'nc to nc -l over IPv6, both directions' nc_connects $host_six
check 'nc -l from nc over IPv4, both directions' nc_listens $four
check 'nc -l from nc over IPv6, both directions' nc_listens fd77::2
check 'nc: our end closed, data still comes' nc_half_close
check 'nc: the peer closed, data still goes' nc_ours_last
check 'nc: refused' nc_refused

# ---- The small services, and endings ----

small_services() {
    serve --echo || return 1
    timeout 30 nc -N $four 7 < response > got && same got response && interrupt "$started" &&
        end_all && serve --discard &&
        timeout 30 nc -N $four 9 < response > got && [ ! -s got ] && interrupt "$started" &&
        end_all && serve --chargen --port 1919 || return 1
    timeout 30 nc $four 1919 < /dev/null | head -c 148 > got
    [ "$(head -1 got | wc -c)" = 74 ] && [ "$(head -c 3 got)" = ' !"' ] && interrupt "$started"
}

kill_mid_transfer() {
    serve --http www --stats || return 1
    curl -sS --limit-rate 1M -o got "http://$four/big" &
    local peer=$!
    sleep 0.7
    kill -KILL $peer
    wait $peer 2> /dev/null
    until_true grep -q 'reset by the peer' server.log || { cat server.log; return 1; }
    expect 200 http://$four/small && interrupt "$started" || return 1
    cat server.log
    grep -q 'now  *0 open, 0 half-open' server.log
}

# Many clients at once, each cut off somewhere, some with a request under way.
kill_many() {
    local i pids=()
    serve --http www --stats || return 1
    for i in $(seq 60); do
        curl -sS -o /dev/null --limit-rate 20M "http://$four/big" "http://$four/small" 2> /dev/null &
        pids+=($!)
    done
    for i in $(seq 0 59); do
        kill -KILL "${pids[i]}"
        sleep "0.0$((i % 5))"
    done
    wait "${pids[@]}" 2> /dev/null
    expect 200 http://$four/small && interrupt "$started" || return 1
    tail -20 server.log
    grep -q 'now  *0 open, 0 half-open' server.log
}

interrupt_in_order() {
    serve --http www || return 1
    curl -sS --limit-rate 100k -o got "http://$four/big" 2> curl.said &
    local peer=$!
    running+=("$peer")
    sleep 0.7
    kill -INT "$started"
    until_true gone "$started" || return 1
    wait "$started" || return 1
    wait "$peer"
    cat curl.said server.log
    grep -q '1 connection in' server.log
}

interrupt_twice() {
    serve --chargen || return 1
    nc $four 19 < /dev/null > /dev/null &
    local peer=$!
    running+=("$peer")
    sleep 0.5
    kill -STOP $peer # it takes no more, so it never closes
    sleep 0.3
    kill -INT "$started"
    sleep 0.5
    gone "$started" && { echo "it did not wait for the peer"; return 1; }
    kill -INT "$started"
    until_true gone "$started" && wait "$started"
}

check 'echo, discard, chargen' small_services
check 'kill -9 of curl in mid-transfer: a cause, others unharmed' kill_mid_transfer
check 'kill -9 of sixty curls' kill_many
check 'SIGINT: closes in order, totals' interrupt_in_order
check 'SIGINT twice: aborts' interrupt_twice

total
