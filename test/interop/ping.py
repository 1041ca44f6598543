"""One echo request to an address, IPv4 or IPv6, from a raw socket. Exit status 0: it was answered."""
import os
import socket
import struct
import sys

TEXT = bytes(range(256)) * 4


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def main():
    six = ":" in sys.argv[1]
    kind, answer = (128, 129) if six else (8, 0)
    family = socket.AF_INET6 if six else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    ident = os.getpid() & 0xffff
    s = socket.socket(family, socket.SOCK_RAW, protocol)
    s.settimeout(1)
    for number in range(5):
        rest = struct.pack("!HH", ident, number) + TEXT
        head = struct.pack("!BBH", kind, 0, 0)  # IPv6: the kernel fills in the checksum
        if not six:
            head = struct.pack("!BBH", kind, 0, checksum(head + rest))
        s.sendto(head + rest, (sys.argv[1], 0))
        try:
            while True:
                got, _ = s.recvfrom(4096)
                got = got if six else got[20:]
                if got[0] == answer and got[4:] == rest:
                    return 0
        except TimeoutError:
            continue
    print("no answer from", sys.argv[1])
    return 1


if __name__ == "__main__":
    sys.exit(main())
