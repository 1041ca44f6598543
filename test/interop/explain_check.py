#!/usr/bin/env python3
"""What handfast explain --json says of a capture that explain_scenes.py made.

explain_check.py scenes JSON            each scene is named as what it is
explain_check.py tshark CAPTURE JSON    its counts beside those of tshark
"""
import collections
import json
import subprocess
import sys

from explain_scenes import PORTS


def counts(connection, end):
    return connection["ends"]["AB".index(end)]["counts"]


def refused(c):
    return c["ending"] == "refused" and c["reset"]["by"] == "B"


def unread(c):
    return c["ending"] == "reset" and c["reset"] == {
        "by": "B", "packet": c["reset"]["packet"], "cause": "unread_data", "between": False}


def window(c):
    stall = [e for e in c["events"] if e["event"] == "stall_window"]
    return (c["ending"] == "closed" and counts(c, "B")["zero_window"] > 0
            and counts(c, "A")["window_probe"] > 0 and stall and stall[0]["end"] == "A"
            and stall[0]["duration"] > 1)


def half_close(c):
    return c["ending"] == "closed" and counts(c, "B")["half_close"] == 1


def keep_alive(c):
    return (counts(c, "A")["keep_alive"] == 1 and counts(c, "B")["keep_alive_ack"] == 1
            and c["ending"] == "closed")


def reuse(c):
    return c["ending"] == "closed"


def abort(c):
    return c["ending"] == "reset" and c["reset"]["by"] == "A" and c["reset"]["cause"] == "abrupt"


def late_data(c):
    return c["ending"] == "reset" and c["reset"]["cause"] == "data_after_close"


def no_answer(c):
    return c["ending"] == "no_answer" and counts(c, "A")["rto"] >= 1


def outage(c):
    stall = [e for e in c["events"] if e["event"] == "stall_ack"]
    return (c["ending"] == "closed" and counts(c, "A")["rto"] >= 2 and stall
            and stall[0]["end"] == "A" and c["ends"][0]["bytes"] == 200)


def bulk(c):
    return c["ending"] == "closed" and c["ends"][0]["bytes"] == 1200000


def check_scenes(name):
    with open(name, encoding="utf-8") as file:
        document = json.load(file)
    found = collections.defaultdict(list)
    for connection in document["connections"]:
        found[connection["ends"][1]["port"]].append(connection)
    wrong = 0
    for scene, port in PORTS.items():
        for connection in found[port]:
            good = globals()[scene](connection)
            wrong += not good
            print(scene, "as it is:" if good else "MISNAMED:", connection["sentence"])
            if not good:
                print(json.dumps(connection, indent=1))
    again = found[PORTS["reuse"]]
    if len(again) == 2 and again[1].get("ports_of") != again[0]["number"]:
        print("reuse: the second connection does not name the first")
        wrong += 1
    if len(again) == 1:
        print("reuse: one connection only")
        wrong += 1
    return wrong


def tshark(capture, condition):
    run = subprocess.run(["tshark", "-r", capture, "-Y", condition, "-T", "fields", "-e",
                          "frame.number"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True, text=True)
    return len(run.stdout.split())


def check_tshark(capture, name):
    """The differences, which docs/explain.md states: tshark takes a retransmission that comes soon
    after others for out of order, of a duplicate ACK with another window it says window update, and
    some probes of a closed window are keep-alives to it."""
    with open(name, encoding="utf-8") as file:
        document = json.load(file)
    ours = collections.Counter()
    for connection in document["connections"]:
        for end in connection["ends"]:
            ours.update(end["counts"])
            ours["retransmissions"] += end["retransmissions"]
    a = "tcp.analysis."
    theirs = {
        "retransmissions and reordering": tshark(
            capture, f"{a}retransmission || {a}out_of_order"),
        "duplicate ACKs": tshark(capture, f"{a}duplicate_ack || "
                                          f"({a}window_update && tcp.options.sack_le)"),
        "zero windows": tshark(capture, f"{a}zero_window"),
        "probes": tshark(capture, f"{a}zero_window_probe || {a}keep_alive"),
    }
    mine = {
        "retransmissions and reordering": ours["retransmissions"] + ours["reordering"],
        "duplicate ACKs": ours["duplicate_ack"],
        "zero windows": ours["zero_window"],
        "probes": ours["window_probe"] + ours["keep_alive"],
    }
    wrong = 0
    for what, count in theirs.items():
        far = abs(count - mine[what]) > max(2, count // 100)
        wrong += far
        print(f"{what}: {mine[what]}, tshark {count}{' TOO FAR' if far else ''}")
    return wrong


def main():
    if sys.argv[1] == "scenes":
        return check_scenes(sys.argv[2])
    return check_tshark(sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
