#!/bin/bash
# Handfast on Ethernet: a TAP device, and a packet socket and AF_XDP on one end of a veth pair, with Linux
# at the other end in a namespace of its own. All namespaces are this script's and go when it ends.
#
#   test/interop/ether.sh [--soak] [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed. --soak takes 1 GiB files
# instead of 50 MiB. What is not available here is skipped with a reason.

# shellcheck disable=SC2015,SC2317
what='on Ethernet' programs='curl nsenter python3 sha256sum' may_soak=yes
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

four=10.5.0.2
six='[fd05::2]'
linux_four=10.5.0.9
linux_six='[fd05::9]'

mib=50
limit=60 # seconds, for one program
[ $soak = 1 ] && mib=1024 && limit=300
mkdir www
head -c "${mib}M" /dev/urandom > www/big
head -c 70000 /dev/urandom > www/small

# ---- Who is there ----

# link_to KIND: `link` is what Handfast is told; behind `far` is the Linux host that it is to meet.
link_to() {
    link=$1:va
    addrs=(--addr $four/24 --addr fd05::2/64)
    case $1 in
    tun | tap)
        addrs+=(--host-addr $linux_four/24 --host-addr fd05::9/64)
        far() { "$@"; }
        return
        ;;
    esac
    unshare --net sleep 300 &
    there=$!
    running+=("$there")
    far() { nsenter -t "$there" --net "$@"; }
    until_true another_namespace || return 1
    ip link add va type veth peer name vb && ip link set vb netns "$there" &&
        ip addr add 10.5.0.1/24 dev va && ip -6 addr add fd05::1/64 dev va nodad &&
        ip link set va up && far ip link set lo up &&
        far ip addr add $linux_four/24 dev vb && far ip -6 addr add fd05::9/64 dev vb nodad &&
        far ip link set vb up || return 1
    # A frame does not tell AF_XDP that its checksum is not filled in.
    [ "$1" != xdp ] || far ethtool -K vb tx off > /dev/null
}
another_namespace() {
    [ "$(readlink /proc/"$there"/ns/net)" != "$(readlink /proc/self/ns/net)" ]
}

serving() { grep -q serving server.log; }
serve() {
    start "$handfast" serve --link "$link" "${addrs[@]}" "$@"
    until_true serving || { cat server.log; return 1; }
}

# ---- Each link ----

fetch() {
    link_to "$1" && serve --http www &&
        far timeout "$limit" curl -sS -o got "http://$four/big" && same got www/big &&
        far timeout "$limit" curl -sS -o got "http://$six/big" && same got www/big &&
        interrupt "$started"
}

listens() { far ss -Hltn 'sport = :8000' | grep -q .; }
get() {
    link_to "$1" || return 1
    start far python3 -m http.server --bind :: --directory www 8000
    until_true listens || return 1
    status 0 "$handfast" get --link "$link" "${addrs[@]}" -o got "http://$linux_four:8000/big" &&
        same got www/big &&
        status 0 "$handfast" get --link "$link" "${addrs[@]}" -o got "http://$linux_six:8000/big" &&
        same got www/big
}

# One echo request and its answer, by a raw socket: ping(8) is not everywhere.
ping() { far timeout 10 python3 "$here/ping.py" "$1"; }
pings() {
    link_to "$1" && serve --echo && ping $four && ping fd05::2 && interrupt "$started"
}

# Linux knows one station for both of our addresses, the one that it should be, and has asked it.
neighbours() {
    local device=vb wanted
    link_to "$1" && serve --echo && ping $four && ping fd05::2 || return 1
    case $1 in
    tap) device=va ;;
    *) wanted=$(cat /sys/class/net/va/address) ;;
    esac
    far ip neigh show dev $device > neighbours
    cat neighbours
    grep -q "^$four .*\(REACHABLE\|DELAY\|STALE\)" neighbours &&
        grep -q '^fd05::2 .*\(REACHABLE\|DELAY\|STALE\)' neighbours || return 1
    [ "$(grep -o 'lladdr [0-9a-f:]*' neighbours | sort -u | wc -l)" = 1 ] || return 1
    if [ "$1" = tap ]; then # another than the kernel's own
        [ "$(sed -n 's/^10.5.0.2 .*lladdr \([0-9a-f:]*\).*/\1/p' neighbours)" != \
            "$(cat /sys/class/net/va/address)" ] || return 1
    else
        grep -q "$wanted" neighbours || return 1
    fi
    interrupt "$started"
}

# The host's own stack goes on with its own address on the same interface.
beside_the_kernel() {
    link_to "$1" && serve --http www || return 1
    python3 -m http.server --bind 10.5.0.1 --directory www 8001 > /dev/null 2>&1 &
    running+=($!)
    until_true far timeout 5 curl -sS -o got http://10.5.0.1:8001/small && same got www/small &&
        far timeout 20 curl -sS -o got "http://$four/small" && same got www/small &&
        ping 10.5.0.1 && ping $four && interrupt "$started"
}

# A host behind a router: Linux at the other end forwards between two devices.
behind_a_gateway() {
    link_to "$1" || return 1
    far ip addr add 192.0.2.1/32 dev lo && far ip -6 addr add 2001:db8::1/128 dev lo || return 1
    start far python3 -m http.server --bind :: --directory www 8000
    until_true listens || return 1
    addrs+=(--gateway $linux_four --gateway fd05::9)
    status 0 "$handfast" get --link "$link" "${addrs[@]}" -o got http://192.0.2.1:8000/small &&
        same got www/small &&
        status 0 "$handfast" get --link "$link" "${addrs[@]}" -o got \
            'http://[2001:db8::1]:8000/small' && same got www/small
}

# A TAP device on a bridge, with Linux as another station of it.
on_a_bridge() {
    link=tap:va
    addrs=(--addr $four/24 --addr fd05::2/64)
    unshare --net sleep 300 &
    there=$!
    running+=("$there")
    far() { nsenter -t "$there" --net "$@"; }
    until_true another_namespace &&
        ip link add br0 type bridge && ip link add vc type veth peer name vb &&
        ip link set vb netns "$there" && ip link set vc master br0 && ip link set vc up &&
        ip tuntap add dev va mode tap && ip link set va master br0 && ip link set va up &&
        ip link set br0 up && far ip link set lo up && far ip addr add $linux_four/24 dev vb &&
        far ip -6 addr add fd05::9/64 dev vb nodad && far ip link set vb up || return 1
    serve --http www || return 1
    ip addr show dev va > addresses
    ! grep -q 'inet 10.77' addresses || { cat addresses; return 1; }
    ping $four && ping fd05::2 &&
        far timeout 20 curl -sS -o got "http://$four/small" && same got www/small &&
        far timeout 20 curl -sS -o got "http://$six/small" && same got www/small &&
        interrupt "$started"
}

# Nobody has this address: it is asked for, and what waits for it is given up and counted. (Whether that
# ends an attempt to connect is a setting; MUST-56 says that it does not.)
nobody_there() {
    link_to "$1" || return 1
    start "$handfast" get --stats --link "$link" "${addrs[@]}" http://10.5.0.77/
    sleep 4
    kill -INT "$started"
    until_true gone "$started" || return 1
    cat server.log
    grep -q 'NEIGHBOUR_SILENT' server.log
}

# The interface is deleted under it, or set down and up again.
vanishes() {
    link_to "$1" && serve --http www || return 1
    ip link del va
    until_true gone "$started" || return 1
    wait "$started"
    [ $? = 1 ] && grep -q 'va is gone' server.log
}
down_and_up() {
    local used
    link_to "$1" && serve --http www || return 1
    ip link set va down
    sleep 1
    used=$(cut -d' ' -f14,15 "/proc/$started/stat" | tr ' ' +)
    [ $((used)) -lt 50 ] || { echo "it spins: $used ticks"; return 1; }
    ip link set va up
    [ "$1" != tap ] || { ip addr replace $linux_four/24 dev va; }
    until_true far timeout 5 curl -sS -m 4 -o got "http://$four/small" && same got www/small &&
        interrupt "$started"
}

# A frame larger than the link takes is lost and counted; the rest goes on.
smaller_mtu() {
    link_to "$1" || return 1
    usage_one "MTU" "$handfast" serve --link "$link" "${addrs[@]}" --mtu 9000 --echo || return 1
    serve --http www --mtu 1400 || return 1
    far timeout 20 curl -sS -o got "http://$four/small" && same got www/small &&
        interrupt "$started"
}

# usage_one WORD COMMAND...: cannot be: exit status 1, one line that has the word.
usage_one() {
    local word=$1
    shift
    status 1 "$@" 2> said
    cat said
    [ "$(wc -l < said)" = 1 ] && grep -q "$word" said
}

wrong_names() {
    usage "$handfast" serve --echo --link va &&
        usage "$handfast" serve --echo --link tap: &&
        usage "$handfast" serve --echo --link bridge:va &&
        usage "$handfast" serve --echo --link tap:a-name-much-too-long &&
        usage "$handfast" serve --echo --link packet:lo &&
        usage "$handfast" serve --echo --link packet:lo --addr 10.1.0.1/24 --host-addr 10.1.0.2/24 &&
        usage "$handfast" serve --echo --gateway 10.77.0.1 &&
        usage "$handfast" serve --echo --link tap:va --gateway 10.77 &&
        usage "$handfast" serve --echo --link tap:va --gateway 10.99.0.1 &&
        usage "$handfast" serve --echo --link tap:va --path loss=1% || return 1
    local kind
    for kind in packet xdp; do
        usage_one 'absent0' "$handfast" serve --echo --link $kind:absent0 --addr 10.1.0.1/24 &&
            usage_one 'Ethernet' "$handfast" serve --echo --link $kind:lo --addr 10.1.0.1/24 ||
            return 1
    done
    ip link add vdown type veth peer name vother &&
        usage_one 'down' "$handfast" serve --echo --link packet:vdown --addr 10.1.0.1/24 &&
        ip link del vdown
}

no_privilege() {
    ip link add va type veth peer name vb && ip link set va up || return 1
    local kind
    for kind in packet xdp; do
        usage_one 'root' setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all \
            bash -c 'exec setpriv --no-new-privs "$0" serve --echo --link '"$kind"':va \
                --addr 10.1.0.1/24' "$handfast" || return 1
    done
}

second_xdp() {
    link_to xdp && serve --echo || return 1
    usage_one 'va' "$handfast" serve --link xdp:va --addr 10.5.0.3/24 --echo &&
        ping $four && interrupt "$started"
}
xdp_of_large_frames() {
    link_to xdp && ip link set va mtu 9000 || return 1
    usage_one 'MTU' "$handfast" serve --link xdp:va --addr 10.5.0.3/24 --echo
}

# after each: no devices are left for the next
clean() {
    local d
    for d in va vb vc vdown br0; do ip link del $d 2> /dev/null; done
    :
}

# Whether a kind of link works here at all; else why it does not, in the file why.
available() {
    [ "$1" != xdp ] || command -v ethtool > /dev/null || { echo 'no ethtool' > why; return 1; }
    link_to "$1" > why 2>&1 && serve --echo > why 2>&1
    local good=$?
    [ -s server.log ] && grep -v serving server.log > why
    end_all
    clean
    return $good
}

run() {
    check "$@"
    clean
}

run 'wrong names and options: one line' wrong_names
run 'no privilege: says so, exit 1' no_privilege
for kind in tun tap packet xdp; do
    if ! available $kind; then
        check "$kind: # SKIP $(head -1 why)" true
        continue
    fi
    run "$kind: curl, ${mib} MiB over IPv4 and IPv6" fetch $kind
    run "$kind: get, ${mib} MiB over IPv4 and IPv6" get $kind
    run "$kind: Linux pings" pings $kind
    [ $kind != tun ] || continue
    run "$kind: Linux's neighbour entries" neighbours $kind
    run "$kind: through a gateway" behind_a_gateway $kind
    run "$kind: nobody has the address" nobody_there $kind
    run "$kind: the interface is deleted" vanishes $kind
    run "$kind: the interface is set down, and up again" down_and_up $kind
    case $kind in packet | xdp)
        run "$kind: beside the kernel's own stack" beside_the_kernel $kind
        run "$kind: another MTU than told" smaller_mtu $kind
        ;;
    esac
    [ $kind != tap ] || run 'tap: on a bridge' on_a_bridge
    [ $kind != xdp ] || run 'xdp: a second one on an interface' second_xdp
    [ $kind != xdp ] || run 'xdp: an MTU that it does not take' xdp_of_large_frames
done
total
