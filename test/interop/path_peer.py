#!/usr/bin/env python3
"""A peer for test/interop/path.sh and for measuring a path by hand.

  path_peer.py echo ADDRESS PORT             answer UDP datagrams, for ever
  path_peer.py rtt ADDRESS PORT COUNT        round trips, one each 5 ms: received, then the least,
                                             median and 99th percentile in microseconds
  path_peer.py sink ADDRESS PORT             receive one TCP stream, print its SHA-256
  path_peer.py send ADDRESS PORT MIB CC      send MIB MiB by the controller CC: Mbit/s of the last
                                             three quarters, retransmissions, SHA-256
"""
import hashlib
import socket
import struct
import sys
import time


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def bound(kind, address, port):
    s = socket.socket(family(address), kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


def echo(address, port):
    s = bound(socket.SOCK_DGRAM, address, port)
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)


def rtt(address, port, count):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.connect((address, port))
    s.settimeout(1)
    took = []
    for i in range(int(count)):
        sent = time.perf_counter_ns()
        s.send(struct.pack('!I', i))
        try:
            while struct.unpack('!I', s.recv(64))[0] != i:
                pass
            took.append((time.perf_counter_ns() - sent) // 1000)
        except (TimeoutError, ConnectionError):
            pass
        time.sleep(0.005)
    took.sort()
    if not took:
        print(0)
        return
    print(len(took), took[0], took[len(took) // 2], took[len(took) * 99 // 100])


def sink(address, port):
    s = bound(socket.SOCK_STREAM, address, port)
    s.listen(1)
    connection, _ = s.accept()
    digest = hashlib.sha256()
    while data := connection.recv(1 << 20):
        digest.update(data)
    connection.close()
    print(digest.hexdigest())


def send(address, port, mib, controller):
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, controller.encode())
    s.connect((address, port))
    block = hashlib.sha256(b'path').digest() * 32768
    digest = hashlib.sha256()
    began = 0
    for i in range(int(mib)):
        if i == int(mib) // 4:
            began = time.monotonic()
        s.sendall(block)
        digest.update(block)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)
    took = time.monotonic() - began
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    resent = struct.unpack_from('I', info, 100)[0]
    mbits = (int(mib) - int(mib) // 4) * len(block) * 8 / took / 1e6
    print(f'{mbits:.1f}', resent, digest.hexdigest())


def main():
    calls = {'echo': echo, 'rtt': rtt, 'sink': sink, 'send': send}
    if len(sys.argv) < 4 or sys.argv[1] not in calls:
        sys.exit(__doc__)
    calls[sys.argv[1]](sys.argv[2], int(sys.argv[3]), *sys.argv[4:])


main()
