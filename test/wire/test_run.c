/* What may join a run and what may not: one difference a row. */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/run.h"
#include "wire/tcp.h"

#define TEXT 100u

struct made {
    uint8_t bytes[400];
    struct hf_packet packet;
    uint32_t ip, headers;
};

static struct hf_flow flow_of(bool six)
{
    struct hf_flow flow = {.local_port = 80, .remote_port = 4000};
    struct hf_addr a = {.family = HF_IPV4, .bytes = {10, 0, 0, 1}};
    if (six)
        a = (struct hf_addr){.family = HF_IPV6, .bytes = {0xfd, 0, [15] = 1}};
    hf_key_from_addr(flow.local, &a);
    a.bytes[six ? 15 : 3] = 2;
    hf_key_from_addr(flow.remote, &a);
    return flow;
}

static void sum_up(struct made *m)
{
    uint8_t *tcp = m->bytes + m->ip;
    struct hf_flow flow = flow_of(m->ip == 40);
    uint32_t len = m->packet.len - m->ip;
    if (m->ip == 20) {
        memcpy(flow.remote + 12, m->bytes + 12, 4);
        hf_put16(m->bytes + 10, 0);
        hf_put16(m->bytes + 10, hf_checksum_finish(hf_checksum_add(m->bytes, 20, 0)));
    } else {
        memcpy(flow.remote, m->bytes + 8, 16);
    }
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, 0);
    hf_put16(tcp + HF_TCP_CHECKSUM_AT,
             hf_checksum_finish(hf_checksum_add(tcp, len, hf_tcp_pseudo_sum(&flow, len))));
}

/* A segment of the flow that is sent to port 80. */
static void make(struct made *m, bool six, hf_seq seq, uint32_t text, unsigned flags)
{
    struct hf_flow flow = flow_of(six), back = flow;
    struct hf_segment_head head = {.seq = seq, .ack = 7, .flags = (uint16_t)flags, .window = 500};
    memcpy(back.local, flow.remote, 16);
    memcpy(back.remote, flow.local, 16);
    back.local_port = flow.remote_port;
    back.remote_port = flow.local_port;
    head.options =
        (struct hf_tcp_options){.wscale = HF_NO_WSCALE, .has_ts = true, .tsval = 11, .tsecr = 12};
    memset(m, 0, sizeof *m);
    m->ip = six ? 40 : 20;
    m->headers = m->ip + hf_tcp_build(m->bytes + m->ip, &back, &head);
    for (uint32_t i = 0; i < text; i++)
        m->bytes[m->headers + i] = (uint8_t)(seq + i);
    hf_ip_build(m->bytes, &back, HF_PROTO_TCP, 0, 64, 0, 0x12345, m->headers - m->ip + text);
    hf_packet_wrap(&m->packet, 1, m->bytes, m->headers + text);
    sum_up(m);
}

static bool look(const struct made *m, struct hf_run_part *part)
{
    return hf_run_look(&m->packet, part);
}

static bool joins(const struct made *first, const struct made *second, bool trusted)
{
    struct hf_run run;
    struct hf_run_part a, b;
    if (!look(first, &a) || !look(second, &b) || !a.may_join)
        return false;
    hf_run_begin(&run, &a);
    if (!hf_run_same_flow(&run, &b))
        return false;
    return hf_run_join(&run, &b, trusted, hf_checksum_add);
}

/* What is changed in one of the two; `six`: 1 only IPv6, 0 only IPv4, -1 both. */
struct change {
    const char *what;
    int six;
    bool of_tcp; /* `at` counts from the TCP header                                            */
    uint32_t at;
    uint8_t with; /* exclusive or                                                              */
    bool no_sums; /* left as they were                                                         */
    bool joins;
};

static const struct change changes[] = {
    {"nothing", -1, false, 0, 0, false, true},
    {"DSCP", 0, false, 1, 0x20, false, false},
    {"ECN bits", 0, false, 1, 0x02, false, false},
    {"ID", 0, false, 5, 9, false, true},
    {"more fragments", 0, false, 6, 0x20, false, false},
    {"fragment offset", 0, false, 7, 1, false, false},
    {"DF", 0, false, 6, 0x40, false, false},
    {"reserved flag", 0, false, 6, 0x80, false, false},
    {"TTL", 0, false, 8, 1, false, false},
    {"protocol", 0, false, 9, 1, false, false},
    {"header checksum", 0, false, 10, 1, true, false},
    {"source", 0, false, 15, 8, false, false},
    {"total length", 0, false, 3, 1, false, false},
    {"IPv6 traffic class", 1, false, 1, 0x20, false, false},
    {"IPv6 flow label", 1, false, 3, 1, false, false},
    {"next header", 1, false, 6, 1, false, false},
    {"hop limit", 1, false, 7, 1, false, false},
    {"IPv6 source", 1, false, 20, 1, false, false},
    {"source port", -1, true, 1, 1, false, false},
    {"destination port", -1, true, 3, 1, false, false},
    {"sequence number", -1, true, 7, 1, false, false},
    {"ACK", -1, true, 11, 1, false, false},
    {"header length", -1, true, 12, 0x10, false, false},
    {"reserved bits", -1, true, 12, 2, false, false},
    {"FIN", -1, true, 13, HF_FIN, false, true},
    {"SYN", -1, true, 13, HF_SYN, false, false},
    {"RST", -1, true, 13, HF_RST, false, false},
    {"PSH", -1, true, 13, HF_PSH, false, true},
    {"no ACK", -1, true, 13, HF_ACK, false, false},
    {"URG", -1, true, 13, HF_URG, false, false},
    {"ECE", -1, true, 13, HF_ECE, false, false},
    {"CWR", -1, true, 13, HF_CWR, false, false},
    {"window", -1, true, 15, 1, false, false},
    {"checksum", -1, true, 17, 1, true, false},
    {"urgent pointer without URG", -1, true, 19, 1, false, true},
    {"timestamp", -1, true, 27, 1, false, false},
    {"echo", -1, true, 31, 1, false, false},
    {"text", -1, true, 40, 1, true, false},
};

static void change(struct made *m, const struct change *c)
{
    m->bytes[(c->of_tcp ? m->ip : 0) + c->at] ^= c->with;
    if (!c->no_sums)
        sum_up(m);
}

TEST(one_difference_and_they_do_not_join, none, "")
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        for (int six = 0; six < 2; six++)
            for (int of_first = 0; of_first < 2; of_first++) {
                const struct change *c = &changes[i];
                struct made m[2];
                if (c->six >= 0 && c->six != six)
                    continue;
                bool wanted = c->joins;
                if (of_first && strcmp(c->what, "FIN") == 0)
                    wanted = false; /* nothing follows it */
                make(&m[0], six, 1000, TEXT, HF_ACK);
                make(&m[1], six, 1000 + TEXT, TEXT, HF_ACK);
                change(&m[!of_first], c);
                if (joins(&m[0], &m[1], false) != wanted)
                    fail_msg("IPv%d: %s of the %s segment: %s", six ? 6 : 4, c->what,
                             of_first ? "first" : "second", wanted ? "not joined" : "joined");
            }
}

TEST(a_run_ends_with_a_short_segment_and_at_64_kib, none, "")
{
    struct made m[2];
    struct hf_run run;
    struct hf_run_part a, b;
    make(&m[0], false, 1000, TEXT, HF_ACK);
    make(&m[1], false, 1000 + TEXT, TEXT + 1, HF_ACK);
    assert_false(joins(&m[0], &m[1], false)); /* longer than the first */
    make(&m[1], false, 1000 + TEXT, 0, HF_ACK | HF_FIN);
    assert_false(joins(&m[0], &m[1], false)); /* no text */
    make(&m[1], false, 1000 + TEXT, TEXT - 1, HF_ACK);
    assert_true(look(&m[0], &a) && look(&m[1], &b));
    hf_run_begin(&run, &a);
    assert_true(hf_run_join(&run, &b, false, hf_checksum_add));
    assert_int_equal(run.text, 2 * TEXT - 1);
    assert_int_equal(run.segments, 2);
    make(&m[1], false, 1000 + 2 * TEXT - 1, TEXT - 1, HF_ACK);
    assert_true(look(&m[1], &b));
    assert_false(hf_run_join(&run, &b, false, hf_checksum_add));

    hf_run_begin(&run, &a);
    uint32_t joined = 0;
    do {
        make(&m[1], false, run.next, TEXT, HF_ACK);
        assert_true(look(&m[1], &b));
    } while (hf_run_join(&run, &b, false, hf_checksum_add) && ++joined < 10000);
    assert_int_equal(joined, (65535 - m[0].headers) / TEXT - 1);
}

/* A link's word counts when it is trusted, and never for a checksum that was left open. */
TEST(whose_word_counts, none, "A7 A8")
{
    struct made m[2];
    for (int which = 0; which < 2; which++)
        for (int state = HF_CHECKSUM_UNKNOWN; state <= HF_CHECKSUM_PARTIAL; state++)
            for (int trusted = 0; trusted < 2; trusted++) {
                make(&m[0], false, 1000, TEXT, HF_ACK);
                make(&m[1], false, 1000 + TEXT, TEXT, HF_ACK);
                m[which].bytes[m[which].headers] ^= 1; /* its text is damaged */
                m[which].packet.checksum = (uint8_t)state;
                assert_int_equal(joins(&m[0], &m[1], trusted),
                                 trusted && state == HF_CHECKSUM_VERIFIED);
            }
}

/* Text in several slices, at odd lengths too; padding behind the datagram; headers cut short. */
TEST(slices_of_any_length, none, "")
{
    struct made m[2];
    make(&m[0], true, 1000, TEXT, HF_ACK);
    for (uint32_t cut = 1; cut < TEXT; cut++) {
        make(&m[1], true, 1000 + TEXT, TEXT, HF_ACK);
        struct hf_packet *p = &m[1].packet;
        p->slices = 3;
        p->slice[0].len = m[1].headers;
        p->slice[1] = (struct hf_slice){.data = m[1].bytes + m[1].headers, .len = cut};
        p->slice[2] =
            (struct hf_slice){.data = m[1].bytes + m[1].headers + cut, .len = TEXT - cut};
        assert_true(joins(&m[0], &m[1], false));
        struct hf_run_part part;
        p->slice[0].len = cut < m[1].headers ? m[1].headers - cut : 0;
        assert_false(look(&m[1], &part));
    }
    make(&m[1], true, 1000 + TEXT, TEXT, HF_ACK);
    m[1].packet.len += 2;
    m[1].packet.slice[0].len += 2;
    assert_false(joins(&m[0], &m[1], false));
}
