/* ip/icmp.c: echo, complaints, and what ICMP errors come to. */
#include "env.h"

#include <stdlib.h>

static struct bytes b, reply;

static const struct family {
    const char *us, *peer;
    uint8_t icmp, echo, echo_reply;
    uint32_t header;
} families[2] = {
    {"10.1.0.2", "192.0.2.1", 1, 8, 0, 20},
    {"fd01::2", "2001:db8::1", 58, 128, 129, 40},
};

static void echo(const struct family *f, const char *src, const char *dst, uint32_t rest,
                 const void *text, uint32_t len)
{
    static uint8_t message[65600];
    uint32_t n = write_icmp(message, src, dst, f->echo, 0, rest, text, len);
    WRITE_IP(&b, message, n, .src = src, .dst = dst, .protocol = f->icmp, .tos = 0x28);
}

/* ---- Echo ---- */

TEST(echo_returns_what_was_sent, none, "")
{
    uint8_t text[1400];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)check_random();
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        world_up(&w);
        for (uint32_t len = 0; len <= sizeof text; len += len < 10 ? 1 : 139) {
            echo(f, f->peer, f->us, 0x12340000 + len, text, len);
            bool cut = len % 2;
            assert_int_equal(cut ? give_cut(&w, 1, &b, f->header + 8) : give(&w, 1, &b),
                             HF_IP_CONSUMED);
            assert_true(take_reply(&w, 1, &reply));
            assert_checksums(&reply);
            assert_int_equal(reply.len, f->header + 8 + len);
            const uint8_t *icmp = reply.data + f->header;
            assert_int_equal(icmp[0], f->echo_reply);
            assert_int_equal(icmp[1], 0);
            assert_int_equal(get32(icmp + 4), 0x12340000 + len);
            assert_memory_equal(icmp + 8, text, len);
            uint32_t at = f->header == 20 ? 12 : 8, size = f->header == 20 ? 4 : 16;
            assert_memory_equal(reply.data + at, key(f->us) + 16 - size, size);
            assert_memory_equal(reply.data + at + size, key(f->peer) + 16 - size, size);
            uint32_t tos = f->header == 20 ? reply.data[1] : get16(reply.data) >> 4 & 0xff;
            assert_int_equal(tos, 0x28);
            w.env.now += HF_SEC;
        }
        assert_int_equal(all_drops(&w), 0);
        no_reply(&w);
        world_down(&w);
    }
}

TEST(echo_to_many_is_not_answered, none, "")
{
    static const char *const to[] = {"10.1.0.255",      "10.1.0.0", "224.0.0.1",
                                     "255.255.255.255", "ff02::1",  "ff0e::1"};
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        const struct family *f = &families[strchr(to[i], ':') != NULL];
        echo(f, f->peer, to[i], 1, "ping", 4);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    }
    assert_int_equal(drops(&w, HF_DROP_IP_DESTINATION), sizeof to / sizeof to[0]);
    no_reply(&w);
    world_down(&w);
}

TEST(echo_with_a_bad_checksum_or_cut_short, none, "")
{
    struct world w;
    world_up(&w);
    for (const struct family *f = families; f < families + 2; f++) {
        echo(f, f->peer, f->us, 1, "ping", 4);
        b.data[b.len - 1] ^= 1;
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        for (uint32_t len = 0; len < 8; len++) {
            uint8_t zero[8] = {f->echo};
            WRITE_IP(&b, zero, len, .src = f->peer, .dst = f->us, .protocol = f->icmp);
            assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        }
    }
    assert_int_equal(drops(&w, HF_DROP_ICMP_CHECKSUM), 2);
    assert_int_equal(drops(&w, HF_DROP_ICMP_SHORT), 16);
    no_reply(&w);
    world_down(&w);
}

/* A request that came in fragments is answered whole, in fragments; read back by another
 * host. */
TEST(long_echo_leaves_in_fragments, none, "B10")
{
    static uint8_t text[65000], message[65100];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)check_random();
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        world_up(&w);
        uint32_t ids[8] = {0};
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t len = k < 7 ? 2000 + 700 * k : 65000;
            uint32_t n = write_icmp(message, f->peer, f->us, f->echo, 0, k, text, len);
            for (uint32_t at = 0; at < n; at += 1400) {
                uint32_t piece = n - at < 1400 ? n - at : 1400;
                WRITE_IP(&b, message + at, piece, .src = f->peer, .dst = f->us,
                         .protocol = f->icmp, .id = k, .offset = at, .more = at + piece < n);
                assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
            }
            static uint8_t got[66000];
            uint32_t received = 0;
            bool more = true;
            while (more) {
                assert_true(take_reply(&w, 1, &reply));
                assert_true(reply.len <= 1500);
                assert_checksums(&reply);
                uint32_t field, header = f->header;
                if (f->header == 20) {
                    field = get16(reply.data + 6);
                    more = field & 0x2000;
                    assert_int_equal((field & 0x1fff) * 8, received);
                    ids[k] = get16(reply.data + 4);
                } else {
                    assert_int_equal(reply.data[6], 44);
                    assert_int_equal(reply.data[40], 58);
                    field = get16(reply.data + 42);
                    more = field & 1;
                    assert_int_equal(field & ~7u, received);
                    ids[k] = get32(reply.data + 44);
                    header += 8;
                }
                memcpy(got + received, reply.data + header, reply.len - header);
                received += reply.len - header;
            }
            assert_int_equal(received, 8 + len);
            assert_int_equal(got[0], f->echo_reply);
            assert_memory_equal(got + 8, text, len);
            w.env.now += HF_SEC;
        }
        unsigned steps = 0; /* no counter: neither equal nor one more */
        for (uint32_t k = 1; k < 8; k++)
            steps += ids[k] - ids[k - 1] <= 1;
        assert_true(steps <= 1);
        no_reply(&w);
        world_down(&w);
    }
}

/* ---- Complaints ---- */

static void expect_error(struct world *w, const struct family *f, uint8_t type, uint8_t code,
                         uint32_t rest)
{
    struct bytes *sent = &b;
    assert_true(take_reply(w, 1, &reply));
    assert_checksums(&reply);
    const uint8_t *icmp = reply.data + f->header;
    assert_int_equal(icmp[0], type);
    assert_int_equal(icmp[1], code);
    assert_int_equal(get32(icmp + 4), rest);
    uint32_t most = f->header == 20 ? 576 - 28 : 1280 - 48;
    uint32_t quoted = sent->len < most ? sent->len : most;
    assert_int_equal(reply.len, f->header + 8 + quoted);
    assert_memory_equal(icmp + 8, sent->data, quoted);
    no_reply(w);
}

TEST(udp_and_unknown_protocols_are_refused, none, "")
{
    static uint8_t text[1400];
    struct world w;
    world_up(&w);
    for (uint32_t len = 0; len <= sizeof text; len += 200) {
        const struct family *v4 = &families[0], *v6 = &families[1];
        WRITE_IP(&b, text, len, .src = v4->peer, .dst = v4->us, .protocol = 17);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        expect_error(&w, v4, 3, 3, 0); /* port unreachable */
        WRITE_IP(&b, text, len, .src = v6->peer, .dst = v6->us, .protocol = 17);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        expect_error(&w, v6, 1, 4, 0);
        WRITE_IP(&b, text, len, .src = v4->peer, .dst = v4->us, .protocol = 132);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        expect_error(&w, v4, 3, 2, 0); /* protocol unreachable */
        WRITE_IP(&b, text, len, .src = v6->peer, .dst = v6->us, .protocol = 132);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        expect_error(&w, v6, 4, 1, 6); /* unrecognized next header, named at byte 6 */
        w.env.now += HF_SEC;
    }
    assert_int_equal(drops(&w, HF_DROP_IP_PROTOCOL), 32);
    world_down(&w);
}

TEST(ipv6_parameter_problems, none, "A9")
{
    static const struct {
        uint8_t kind;
        uint8_t header[8];
        bool answer;
        uint8_t code;
        uint32_t pointer;
    } rows[] = {
        {60, {6, 0, 0x80, 4, 0, 0, 0, 0}, true, 2, 42}, /* option of the kind "discard, tell" */
        {60, {6, 0, 0xc0, 4, 0, 0, 0, 0}, true, 2, 42}, /* "tell unless multicast"            */
        {60, {6, 0, 0x40, 4, 0, 0, 0, 0}, false, 0, 0}, /* "discard"                          */
        {43, {6, 0, 0, 1, 0, 0, 0, 0}, true, 0, 42},    /* routing with somewhere to go       */
        {60, {0, 0, 1, 4, 0, 0, 0, 0}, true, 1, 40},    /* hop-by-hop that is not the first   */
        {60, {200, 0, 1, 4, 0, 0, 0, 0}, true, 1, 40},  /* unknown, named by an extension     */
        {60, {59, 0, 1, 4, 0, 0, 0, 0}, false, 0, 0},   /* nothing follows                    */
    };
    struct world w;
    world_up(&w);
    uint8_t tcp[20];
    write_tcp(tcp, 1, 2, 3, HF_SYN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        WRITE_IP(&b, tcp, 20, .src = families[1].peer, .dst = families[1].us, .protocol = 6,
                 .options = rows[i].header, .options_len = 8, .options_kind = rows[i].kind);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        if (rows[i].answer)
            expect_error(&w, &families[1], 4, rows[i].code, rows[i].pointer);
        no_reply(&w);
    }
    world_down(&w);
}

TEST(never_about_errors_later_fragments_or_many, none, "")
{
    struct world w;
    world_up(&w);
    uint8_t text[200] = {0}, message[300];
    for (const struct family *f = families; f < families + 2; f++) {
        const char *many = f->header == 20 ? "10.1.0.255" : "ff02::1";
        WRITE_IP(&b, text, 40, .src = f->peer, .dst = many, .protocol = 17);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        WRITE_IP(&b, text, 40, .src = f->peer, .dst = many, .protocol = 132);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        WRITE_IP(&b, text, 40, .src = f->peer, .dst = f->us, .protocol = 132, .offset = 80);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        /* An error that waits in vain for the rest of itself. */
        uint32_t n = write_icmp(message, f->peer, f->us, f->header == 20 ? 3 : 1, 1, 0, text, 56);
        WRITE_IP(&b, message, n, .src = f->peer, .dst = f->us, .protocol = f->icmp, .id = 7,
                 .more = true);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    }
    static const uint8_t bad_option[8] = {6, 0, 0xc0, 4, 0, 0, 0, 0};
    WRITE_IP(&b, text, 40, .src = families[1].peer, .dst = "ff02::1", .protocol = 6,
             .options = bad_option, .options_len = 8, .options_kind = 60);
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    w.env.now += 31 * HF_SEC;
    hf_ip_timers(&w.env, &w.ip);
    assert_int_equal(drops(&w, HF_DROP_FRAGMENT_TIMEOUT), 4);
    no_reply(&w);
    world_down(&w);
}

TEST(messages_of_no_use, none, "MUST-55 B13")
{
    struct world w;
    world_up(&w);
    uint8_t quoted[28] = {0}, message[64];
    static const uint8_t v4[] = {0, 1, 2, 4, 5, 6, 7, 9, 10, 13, 14, 15, 16, 17, 18, 30, 255};
    static const uint8_t v6[] = {0, 5, 100, 127, 129, 130, 133, 134, 135, 136, 137, 143, 255};
    for (size_t i = 0; i < sizeof v4 + sizeof v6; i++) {
        const struct family *f = &families[i >= sizeof v4];
        uint8_t type = i < sizeof v4 ? v4[i] : v6[i - sizeof v4];
        uint32_t n = write_icmp(message, f->peer, f->us, type, 0, 0, quoted, sizeof quoted);
        WRITE_IP(&b, message, n, .src = f->peer, .dst = f->us, .protocol = f->icmp);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    }
    assert_int_equal(drops(&w, HF_DROP_ICMP_TYPE), sizeof v4 + sizeof v6);
    no_reply(&w);
    world_down(&w);
}

/* ---- Errors about TCP ---- */

/* The packet of ours that the error quotes, in `quoted`: its length. */
static uint32_t quote(const struct family *f, struct bytes *quoted, uint32_t seq)
{
    uint8_t tcp[520] = {0};
    write_tcp(tcp, 5555, 80, seq, HF_ACK);
    WRITE_IP(quoted, tcp, sizeof tcp, .src = f->us, .dst = f->peer, .protocol = 6);
    return quoted->len;
}

static enum hf_ip_verdict give_error(struct world *w, const struct family *f, const char *router,
                                     uint8_t type, uint8_t code, uint32_t rest,
                                     const void *quoted, uint32_t len)
{
    static uint8_t message[70000];
    uint32_t n = write_icmp(message, router, f->us, type, code, rest, quoted, len);
    WRITE_IP(&b, message, n, .src = router, .dst = f->us, .protocol = f->icmp);
    return give(w, 1, &b);
}

TEST(errors_are_classified_and_traced_to_their_segment, none, "MUST-54 MUST-56")
{
    static const struct {
        int family;
        uint8_t type, code;
        uint8_t kind;
    } rows[] = {
        {0, 3, 0, HF_ICMP_SOFT},    {0, 3, 1, HF_ICMP_SOFT},    {0, 3, 2, HF_ICMP_HARD},
        {0, 3, 3, HF_ICMP_HARD},    {0, 3, 4, HF_ICMP_TOO_BIG}, {0, 3, 5, HF_ICMP_SOFT},
        {0, 3, 6, HF_ICMP_SOFT},    {0, 3, 13, HF_ICMP_SOFT},   {0, 3, 200, HF_ICMP_SOFT},
        {0, 11, 0, HF_ICMP_SOFT},   {0, 11, 1, HF_ICMP_SOFT},   {0, 12, 0, HF_ICMP_SOFT},
        {1, 1, 0, HF_ICMP_SOFT},    {1, 1, 1, HF_ICMP_HARD},    {1, 1, 2, HF_ICMP_SOFT},
        {1, 1, 3, HF_ICMP_SOFT},    {1, 1, 4, HF_ICMP_HARD},    {1, 1, 5, HF_ICMP_SOFT},
        {1, 2, 0, HF_ICMP_TOO_BIG}, {1, 3, 0, HF_ICMP_SOFT},    {1, 3, 1, HF_ICMP_SOFT},
        {1, 4, 0, HF_ICMP_SOFT},    {1, 4, 1, HF_ICMP_SOFT},    {1, 4, 2, HF_ICMP_SOFT},
    };
    static struct bytes quoted;
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct family *f = &families[rows[i].family];
        const char *router = f->header == 20 ? "203.0.113.9" : "2001:db8:ffff::9";
        uint32_t len = quote(f, &quoted, 0xfffffff0u + (uint32_t)i);
        const struct hf_ip_error *e = &w.error;
        assert_int_equal(
            give_error(&w, f, router, rows[i].type, rows[i].code, 1300, quoted.data, len),
            HF_IP_TCP_ERROR);
        if (e->kind != rows[i].kind)
            fail_msg("type %u code %u: kind %u", rows[i].type, rows[i].code, e->kind);
        assert_int_equal(e->type, rows[i].type);
        assert_int_equal(e->code, rows[i].code);
        assert_memory_equal(e->flow.local, key(f->us), 16);
        assert_memory_equal(e->flow.remote, key(f->peer), 16);
        assert_int_equal(e->flow.local_port, 5555);
        assert_int_equal(e->flow.remote_port, 80);
        assert_true(e->seq == 0xfffffff0u + (uint32_t)i);
        assert_int_equal(e->quoted_len, len);
        assert_int_equal(e->mtu, rows[i].kind == HF_ICMP_TOO_BIG ? 1300 : 0);
        assert_int_equal(e->link, 1);
    }
    assert_int_equal(all_drops(&w), 0);
    no_reply(&w);
    world_down(&w);
}

TEST(too_big_reports_its_mtu, none, "MUST-54 B14")
{
    static struct bytes quoted;
    struct world w;
    world_up(&w);
    uint32_t len = quote(&families[0], &quoted, 1);
    /* RFC 1191 4: the upper half is unused; an old router sends 0. */
    give_error(&w, &families[0], "203.0.113.9", 3, 4, 0xabcd0000u + 1400, quoted.data, len);
    assert_int_equal(w.error.mtu, 1400);
    give_error(&w, &families[0], "203.0.113.9", 3, 4, 0, quoted.data, len);
    assert_int_equal(w.error.mtu, 0);
    len = quote(&families[1], &quoted, 1);
    give_error(&w, &families[1], "2001:db8::9", 2, 0, 70000, quoted.data, len);
    assert_int_equal(w.error.mtu, 70000);
    world_down(&w);
}

/* An error is about us only if it quotes a packet that we could have sent. */
TEST(quotes_of_others_are_not_ours, none, "MUST-54 A10")
{
    static struct bytes quoted;
    struct world w;
    for (int any = 0; any < 2; any++) {
        world_up(&w);
        w.ip.any_address = any;
        for (const struct family *f = families; f < families + 2; f++) {
            const char *other = f->header == 20 ? "10.1.0.77" : "fd01::77";
            uint8_t tcp[20];
            write_tcp(tcp, 5555, 80, 1, HF_ACK);
            WRITE_IP(&quoted, tcp, 20, .src = other, .dst = f->peer, .protocol = 6);
            assert_int_equal(give_error(&w, f, f->peer, f->header == 20 ? 3 : 1, 1, 0,
                                        quoted.data, quoted.len),
                             HF_IP_CONSUMED);
            WRITE_IP(&quoted, tcp, 20, .src = f->us, .dst = f->peer, .protocol = 17);
            assert_int_equal(give_error(&w, f, f->peer, f->header == 20 ? 3 : 1, 1, 0,
                                        quoted.data, quoted.len),
                             HF_IP_CONSUMED);
            WRITE_IP(&quoted, tcp, 20, .src = f->us, .dst = f->peer, .protocol = 6, .offset = 64);
            assert_int_equal(give_error(&w, f, f->peer, f->header == 20 ? 3 : 1, 1, 0,
                                        quoted.data, quoted.len),
                             HF_IP_CONSUMED);
        }
        /* IPv4 in ICMPv6 and the other way round */
        uint32_t len = quote(&families[0], &quoted, 1);
        assert_int_equal(
            give_error(&w, &families[1], families[1].peer, 1, 1, 0, quoted.data, len),
            HF_IP_CONSUMED);
        len = quote(&families[1], &quoted, 1);
        assert_int_equal(
            give_error(&w, &families[0], families[0].peer, 3, 1, 0, quoted.data, len),
            HF_IP_CONSUMED);
        assert_int_equal(drops(&w, HF_DROP_ICMP_QUOTE), 8);
        no_reply(&w);
        world_down(&w);
    }
}

/* For an address that we stand in for, its own quotes count. */
TEST(errors_for_an_address_that_we_stand_in_for, none, "MUST-54")
{
    static const struct family foreign[2] = {
        {"198.51.100.1", "192.0.2.1", 1, 8, 0, 20},
        {"2001:db8:2::1", "2001:db8::1", 58, 128, 129, 40},
    };
    static struct bytes quoted;
    struct world w;
    world_up(&w);
    for (int any = 0; any < 2; any++) {
        w.ip.any_address = any;
        for (const struct family *f = foreign; f < foreign + 2; f++) {
            uint32_t len = quote(f, &quoted, 9);
            assert_int_equal(
                give_error(&w, f, f->peer, f->header == 20 ? 3 : 1, 1, 0, quoted.data, len),
                any ? HF_IP_TCP_ERROR : HF_IP_CONSUMED);
        }
    }
    world_down(&w);
}

/* Cut anywhere: used only when ports and sequence number are there. */
TEST(quotes_cut_short, none, "A10")
{
    static struct bytes quoted;
    struct world w;
    world_up(&w);
    for (const struct family *f = families; f < families + 2; f++) {
        quote(f, &quoted, 0x01020304);
        for (uint32_t len = 0; len <= 80; len++) {
            uint8_t *exact = test_malloc(len + 1); /* a guard byte behind it, watched by cmocka */
            memcpy(exact, quoted.data, len);
            enum hf_ip_verdict verdict =
                give_error(&w, f, f->peer, f->header == 20 ? 3 : 1, 1, 0, exact, len);
            assert_int_equal(verdict, len >= f->header + 8 ? HF_IP_TCP_ERROR : HF_IP_CONSUMED);
            if (verdict == HF_IP_TCP_ERROR)
                assert_int_equal(w.error.seq, 0x01020304);
            test_free(exact);
        }
    }
    no_reply(&w);
    world_down(&w);
}

TEST(lying_quotes_do_no_harm, none, "A10")
{
    static struct bytes quoted;
    struct world w;
    world_up(&w);
    for (int k = 0; k < 20000; k++) {
        const struct family *f = &families[k % 2];
        uint32_t len = quote(f, &quoted, 7);
        len = (uint32_t)check_random_below(100);
        for (uint64_t n = check_random_below(6); n > 0; n--)
            quoted.data[check_random_below(60)] = (uint8_t)check_random();
        uint8_t *packet = malloc(f->header + 8 + len); /* exact, for the address sanitizer */
        uint8_t message[128];
        uint32_t n =
            write_icmp(message, f->peer, f->us, f->header == 20 ? 3 : 1, 1, 0, quoted.data, len);
        WRITE_IP(&b, message, n, .src = f->peer, .dst = f->us, .protocol = f->icmp);
        memcpy(packet, b.data, b.len);
        struct hf_packet p;
        hf_packet_wrap(&p, 1, packet, b.len);
        if (hf_ip_input(&w.env, &w.ip, 1, &p, &w.datagram, &w.error) == HF_IP_TCP_ERROR) {
            assert_memory_equal(w.error.flow.local, key(f->us), 16);
            assert_true(len >= f->header + 8);
        }
        free(packet);
    }
    no_reply(&w);
    world_down(&w);
}

/* ---- The meters ---- */

static unsigned pings_answered(struct world *w, const char *from, unsigned n)
{
    unsigned answered = 0;
    const struct family *f = &families[strchr(from, ':') != NULL];
    for (unsigned i = 0; i < n; i++) {
        echo(f, from, f->us, i, "ping", 4);
        give(w, 1, &b);
        answered += take_reply(w, 1, &reply);
    }
    return answered;
}

TEST(replies_are_limited_for_each_destination, none, "B11")
{
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        world_up(&w);
        w.settings.icmp_rate = 100;
        unsigned total = pings_answered(&w, f->peer, 1000);
        assert_in_range(total, 17, 40); /* a quarter of a second's worth */
        assert_int_equal(drops(&w, HF_DROP_ICMP_RATE), 1000 - total);
        total = 0;
        for (int ms = 0; ms < 10000; ms++) {
            w.env.now += HF_MS;
            total += pings_answered(&w, f->peer, 1);
        }
        assert_in_range(total, 900, 1100);
        w.settings.icmp_rate = 0;
        w.env.now += 10 * HF_SEC;
        assert_int_equal(pings_answered(&w, f->peer, 10), 0);
        world_down(&w);
    }
}

/* What an attacker gets does not depend on what is sent to anyone else: the same host, with and
 * without traffic that is answered to others, answers him packet for packet the same. */
TEST(one_destination_learns_nothing_of_another, none, "B11")
{
    uint64_t trials = check_soak() ? 100000 : 300;
    for (uint64_t trial = 0; trial < trials; trial++) {
        struct world alone, shared;
        world_up(&alone);
        world_up(&shared);
        shared.ip.icmp_key = alone.ip.icmp_key; /* as of the same seed */
        alone.settings.icmp_rate = shared.settings.icmp_rate = 100;

        char attacker[40], victim[40];
        const char *form = trial % 2 ? "2001:db8::%x" : "192.0.2.%u";
        unsigned a = 1 + (unsigned)check_random_below(250);
        snprintf(attacker, sizeof attacker, form, a);
        snprintf(victim, sizeof victim, form, a == 7 ? 8 : 7);
        for (int round = 0; round < 60; round++) {
            unsigned probes = (unsigned)check_random_below(3);
            pings_answered(&shared, victim, 1 + probes * 4); /* a right guess draws answers */
            assert_int_equal(pings_answered(&alone, attacker, probes),
                             pings_answered(&shared, attacker, probes));
            hf_time step = (hf_time)check_random_below(20) * HF_MS;
            alone.env.now += step;
            shared.env.now += step;
        }
        world_down(&alone);
        world_down(&shared);
    }
}

/* More destinations than there are meters: bounded, and it passes. */
TEST(flood_of_destinations_is_bounded, none, "B11")
{
    struct world w;
    world_up(&w);
    w.settings.icmp_rate = 10;
    unsigned answered = 0;
    char from[40];
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(from, sizeof from, "172.16.%u.%u", i / 250, 1 + i % 250);
        answered += pings_answered(&w, from, 1);
    }
    assert_true(answered <= HF_ICMP_SETS * HF_ICMP_WAYS * 3);
    assert_true(answered >= HF_ICMP_SETS);
    w.env.now += HF_SEC;
    assert_int_equal(pings_answered(&w, "192.0.2.1", 1), 1);
    world_down(&w);
}

TEST(no_memory_or_no_room_for_a_reply, none, "C22")
{
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        world_up(&w);
        for (size_t k = 1; k <= 4; k++) {
            w.allocations = 0;
            w.fail_at = k;
            pings_answered(&w, f->peer, 1);
        }
        w.fail_at = 0;
        assert_int_equal(pings_answered(&w, f->peer, 1), 1);
        assert_true(drops(&w, HF_DROP_MEMORY) >= 1);

        w.settings.icmp_rate = 1000000;
        for (unsigned i = 0; i < HF_REPLIES_MAX + 44; i++) { /* nobody takes them */
            echo(f, f->peer, f->us, i, "ping", 4);
            give(&w, 1, &b);
        }
        assert_true(drops(&w, HF_DROP_REPLY_QUEUE) >= 44);
        world_down(&w);
    }
}
