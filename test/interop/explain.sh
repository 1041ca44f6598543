#!/bin/bash
# handfast explain on captures of the kernel's TCP at both ends, in two network namespaces joined by
# handfast path. All namespaces are this script's own and go when it ends.
#
#   test/interop/explain.sh [--only PATTERN] [BUILD-DIRECTORY]
#
# Prints TAP, a line a test, and a count; exit status 0 when all passed.

# shellcheck disable=SC2015,SC2317
what='an explanation' programs='nsenter python3 pkill' may_soak=
# shellcheck source=test/interop/common.bash
. "$(dirname "$0")/common.bash"

export LC_ALL=C # what is looked for is English, unless asked for otherwise

# scenes NAME FAR SCENE...: play them, captured into NAME.pcap, and explain them into NAME.json.
scenes() {
    local name=$1 address=$2
    shift 2
    "$here/explain_scenes.py" pa "$there" "$address" "$work/$name.pcap" "$@"
    local status=$?
    pkill -INT -P $path # below timeout; its devices go with it
    wait $path
    [ $status = 0 ] && "$handfast" explain --json "$name.pcap" > "$name.json"
}

named() {
    joined --delay 2ms || return 1
    scenes named 10.1.0.2 refused unread window half_close keep_alive reuse abort late_data \
        no_answer outage &&
        "$here/explain_check.py" scenes named.json &&
        "$here/explain_check.py" tshark named.pcap named.json
}

named_six() {
    joined --delay 2ms || return 1
    scenes six fd01::2 refused unread window half_close keep_alive reuse abort late_data no_answer outage &&
        "$here/explain_check.py" scenes six.json && "$here/explain_check.py" tshark six.pcap six.json
}

lossy() {
    joined --delay 5ms --rate 50mbit --loss 2% --seed 4 || return 1
    scenes lossy 10.1.0.2 bulk && "$here/explain_check.py" scenes lossy.json &&
        "$here/explain_check.py" tshark lossy.pcap lossy.json &&
        grep -q '"fast": ' lossy.json
}

# Line by line the same in Chinese, and no English word but units and names of the protocol.
chinese() {
    [ -s named.pcap ] || named || return 1
    local how
    for how in '' --list '-c 3' '-c 4'; do
        # shellcheck disable=SC2086 # an option and its value
        "$handfast" explain --lang en $how named.pcap > en && "$handfast" explain --lang zh $how named.pcap > zh &&
            [ "$(wc -l < en)" = "$(wc -l < zh)" ] || return 1
        ! sed -E 's/\b(us|ms|seq|ack|win|len|sack|end)\b//g; s/[KMG]iB//g' zh | grep '[a-z][a-z]' || return 1
    done
    "$handfast" explain --lang zh named.pcap > zh && grep -q '原因很可能是它的应用关闭时还有数据未读' zh &&
        grep -q '零窗口' zh && LC_ALL=zh_CN.UTF-8 "$handfast" explain named.pcap | cmp - zh &&
        "$handfast" explain --lang zh -c 4 --svg zh.svg --html zh.html named.pcap > text &&
        grep -q 'lang="zh-CN"' zh.html && grep -q '连接 4' zh.html && grep -q '逐个报文段' zh.svg &&
        usage "$handfast" explain --lang fr named.pcap
}

# The same words from a pipe, from pcapng, and of one connection; no connection, no capture.
forms() {
    [ -s named.pcap ] || named || return 1
    "$handfast" explain named.pcap > text && "$handfast" explain - < named.pcap | cmp - text &&
        grep -q 'most likely because its application closed with data unread' text &&
        "$handfast" explain --list named.pcap | grep -q ' refused$' &&
        "$handfast" explain -c 3 named.pcap > three && grep -q '^ .* A > B  SYN ' three &&
        grep -q '^connection 3: ' three || return 1
    if command -v editcap > /dev/null; then
        editcap -F pcapng named.pcap named.pcapng && "$handfast" explain named.pcapng | cmp - text &&
            editcap -s 54 named.pcap short.pcap && "$handfast" explain --json short.pcap > short.json &&
            "$here/explain_check.py" scenes short.json > /dev/null || return 1
    fi
    "$handfast" explain -c 99 named.pcap 2> said
    [ $? = 1 ] && [ "$(wc -l < said)" = 1 ]
}

bad_files() {
    [ -s named.pcap ] || named || return 1
    : > empty
    echo 'no capture at all' > words
    echo HANDFAST > recording
    head -c 24 named.pcap > none
    printf '\223' | dd of=none bs=1 seek=20 conv=notrunc 2> /dev/null # link type 147
    head -c 5000 named.pcap > cut
    head -c 100 named.pcap > absurd
    printf '\377\377\377\177' >> absurd
    printf '\377\377\377\177%.0s' 1 2 3 >> absurd
    gzip -c named.pcap > packed.gz
    usage "$handfast" explain packed.gz && grep -q 'gzip -dc FILE | handfast explain -' said &&
        gzip -dc packed.gz | "$handfast" explain - | grep -q '^connection 1' || return 1
    usage "$handfast" explain && usage "$handfast" explain empty &&
        usage "$handfast" explain words && usage "$handfast" explain recording &&
        usage "$handfast" explain none && usage "$handfast" explain / &&
        usage "$handfast" explain no-such-file && usage "$handfast" explain cut words &&
        usage "$handfast" explain --connection 0 cut || return 1
    "$handfast" explain cut > out 2> said && [ "$(wc -l < said)" = 1 ] &&
        grep -q 'after packet' said && grep -q '^connection 1' out || return 1
    head -c 24 named.pcap > nothing
    "$handfast" explain nothing | grep -q '^0 packets'
}

pictures() {
    [ -s named.pcap ] || named || return 1
    local n
    for n in 1 3 4 11; do
        "$handfast" explain -c $n --svg picture.svg --html picture.html named.pcap > /dev/null &&
            grep -q '</svg>' picture.svg && grep -q '</html>' picture.html || return 1
        ! command -v xmllint > /dev/null || xmllint --noout picture.svg || return 1
    done
    "$handfast" explain -c 4 --svg picture.svg named.pcap > /dev/null && grep -q CLOSE-WAIT picture.svg &&
        ! "$handfast" explain --svg /no/where named.pcap > /dev/null 2>&1
}

# The flight recorder of Handfast's own side: asked for, after a reset, and at the end.
recorder() {
    timeout 60 "$handfast" serve --echo --record rec 2> said &
    local serve=$!
    running+=($serve)
    until_true timeout 2 nc -N 10.77.0.2 7 < /dev/null || { cat said; return 1; }
    python3 -c 'import socket, struct
s = socket.create_connection(("10.77.0.2", 7))
s.sendall(b"question")
s.recv(8)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))' || return 1
    until_true test -s rec.trouble || return 1
    pkill -USR1 -P $serve
    until_true grep -q closed <("$handfast" explain rec) || return 1
    pkill -INT -P $serve
    wait $serve || { cat said; return 1; }
    "$handfast" explain rec.trouble | tee text &&
        grep -q 'Reset by A (#[0-9]*)' text && grep -q '^flight recorder: the last' text &&
        "$handfast" explain --json rec | grep -q '"cause": "RESET"' &&
        "$handfast" explain -c 2 rec | grep -q 'ESTABLISHED' &&
        usage_failed "$handfast" serve --record /no/where
}
usage_failed() {
    "$@" > out 2> said
    [ $? = 1 ] && [ "$(wc -l < said)" = 1 ]
}

check 'each scene is named as what it is' named
check 'the same over IPv6' named_six
check 'retransmissions under loss, beside tshark' lossy
check 'text, list, one connection, a pipe, other forms of capture' forms
check 'the same in Chinese' chinese
check 'ladders as SVG and HTML' pictures
[ -w /dev/net/tun ] && check 'the flight recorder, asked for, in trouble and at the end' recorder
check 'what is no capture, or damaged, in one line' bad_files

total
