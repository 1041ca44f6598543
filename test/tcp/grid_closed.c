/* CLOSED: what a stack answers when nobody is there (docs/states.md, CLD; RFC 9293 3.10.7.1,
 * and 3.10.1 to 3.10.6 for calls on a connection that does not exist). */
/* clang-format off: scripts */
#include <string.h>

#include "cells.h"

TEST(closed_syn_is_refused, rfc, "CLD.SYN")
{
    in(SYN, .seq = 0);
    out(RST|ACK, .raw_seq = 0, .ack = 1);
    dropped(HF_DROP_NO_CONNECTION);
    state(HF_CLOSED);
}

TEST(closed_syn_with_text_and_fin_counts_all_of_it, rfc, "CLD.SYN CLD.no-ACK")
{
    in(SYN, .seq = 0, .len = 10);
    out(RST|ACK, .raw_seq = 0, .ack = 11);
    in(SYN|FIN, .seq = 0, .len = 10);
    out(RST|ACK, .raw_seq = 0, .ack = 12);
}

TEST(closed_segment_without_ack, rfc, "CLD.no-ACK")
{
    in(0, .seq = 700);
    out(RST|ACK, .raw_seq = 0, .ack = 700);
    in(PSH, .seq = 700, .len = 10);
    out(RST|ACK, .raw_seq = 0, .ack = 710);
    in(FIN, .seq = 700, .len = 10);
    out(RST|ACK, .raw_seq = 0, .ack = 711);
}

TEST(closed_syn_ack, rfc, "CLD.SYN-ACK-ok CLD.SYN-ACK-bad")
{
    in(SYN|ACK, .seq = 0, .raw_ack = 12345);
    out(RST, .raw_seq = 12345);
    in(SYN|ACK, .seq = 0, .raw_ack = 0);
    out(RST, .raw_seq = 0);
}

TEST(closed_segment_with_ack, rfc, "CLD.A-new CLD.A-dup CLD.A-old CLD.A-unsent CLD.out")
{
    const uint32_t acks[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        in(ACK, .seq = 1, .raw_ack = acks[i]);
        out(RST, .raw_seq = acks[i]);
    }
}

TEST(closed_text, rfc, "CLD.data CLD.data-gap")
{
    in(PSH|ACK, .seq = 1, .raw_ack = 300, .len = 10);
    out(RST, .raw_seq = 300);
    in(ACK, .seq = 5000, .raw_ack = 300, .len = 10);
    out(RST, .raw_seq = 300);
}

TEST(closed_fin, rfc, "CLD.FIN CLD.FIN-again")
{
    in(FIN|ACK, .seq = 1, .raw_ack = 300);
    out(RST, .raw_seq = 300);
    in(FIN|ACK, .seq = 1, .raw_ack = 300);
    out(RST, .raw_seq = 300);
}

TEST(closed_reset_is_never_answered, rfc, "CLD.RST-exact CLD.RST-win CLD.RST-out")
{
    in(RST, .seq = 0);
    nothing();
    in(RST|ACK, .seq = 1, .raw_ack = 300);
    nothing();
    in(SYN|RST, .seq = 1);
    nothing();
    in(SYN|FIN|RST|PSH|ACK|URG, .seq = 1, .raw_ack = 300, .len = 10);
    nothing();
}

TEST(closed_bad_checksum_is_not_answered, rfc, "MUST-3 A7")
{
    in(SYN, .seq = 0, .bad_checksum = true);
    nothing();
    dropped(HF_DROP_TCP_CHECKSUM);
    in(ACK, .seq = 0, .raw_ack = 1, .len = 10, .bad_checksum = true);
    nothing();
}

TEST(closed_port_0_is_not_answered, rfc, "")
{
    in(SYN, .seq = 0, .our_port = 0);
    nothing();
    in(SYN, .seq = 0, .peer_port = 0);
    nothing();
}

TEST(closed_open_passive, rfc, "CLD.OPEN-p")
{
    app_listen();
    nothing();
    state(HF_LISTEN);
}

TEST(closed_open_active, rfc, "CLD.OPEN-a MUST-44")
{
    app_open();
    out(SYN, .seq = 0, .mss = our_mss());
    state(HF_SYN_SENT);
}

TEST(closed_open_active_needs_a_remote, rfc, "CLD.OPEN-a MUST-46")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open};
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_UNSPECIFIED);
    open.remote.addr = peer_addr();
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_UNSPECIFIED);
    open.remote.port = 80;
    if (family() == 4)
        memcpy(open.remote.addr.bytes, (uint8_t[]){224, 0, 0, 1}, 4);
    else
        memcpy(open.remote.addr.bytes, (uint8_t[]){0xff, 2}, 2);
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ADDRESS);
    nothing();
}

TEST(closed_open_active_without_room, rfc, "CLD.OPEN-a")
{
    script_setup()->connections_max = 1;
    app_open();
    out(SYN, .seq = 0);
    hf_conn handle;
    struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 81}};
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_LIMIT);
    nothing();
}

TEST(closed_calls, rfc, "CLD.SEND CLD.RECEIVE CLD.CLOSE CLD.ABORT CLD.STATUS N-10")
{
    char byte = 0;
    struct hf_tcp_status status_now = {.size = sizeof status_now};
    const hf_conn handles[] = {0, 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
        expect(hf_tcp_send(stack(), handles[i], &byte, 1, 0), HF_ERR_STALE);
        expect(hf_tcp_recv(stack(), handles[i], &byte, 1), HF_ERR_STALE);
        expect(hf_tcp_shutdown(stack(), handles[i]), HF_ERR_STALE);
        expect(hf_tcp_close(stack(), handles[i]), HF_ERR_STALE);
        expect(hf_tcp_abort(stack(), handles[i]), HF_ERR_STALE);
        expect(hf_tcp_status(stack(), handles[i], &status_now), HF_ERR_STALE);
        expect(hf_listener_close(stack(), handles[i]), HF_ERR_STALE);
    }
    nothing();
}
