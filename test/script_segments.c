/* Scripts: the peer's side of the wire. Composes what goes in, takes and judges what comes
 * out, and keeps what the peer has seen of each conversation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script_inside.h"

/* ---- Addresses and conversations ---- */

static struct hf_addr address(unsigned last)
{
    if (script.test->family == 4)
        return (struct hf_addr){.family = HF_IPV4, .bytes = {192, 0, 2, (uint8_t)last}};
    return (struct hf_addr){.family = HF_IPV6,
                            .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)last}};
}

struct hf_addr our_addr(void)
{
    return address(1);
}
struct hf_addr peer_addr(void)
{
    return address(2);
}
unsigned family(void)
{
    return script.test->family;
}

struct conversation *script_talk(void)
{
    return &script.conversations[script.conversation];
}

uint16_t our_port(void)
{
    return script_talk()->our_port;
}
uint16_t peer_port(void)
{
    return script_talk()->peer_port;
}
uint32_t our_iss(void)
{
    return script_talk()->iss;
}
uint32_t peer_iss(void)
{
    return script_talk()->peer_iss;
}

static void conversation_begin(struct conversation *c, uint16_t ours, uint16_t peers,
                               uint32_t iss, uint32_t peer_start)
{
    *c = (struct conversation){.our_port = ours,
                               .peer_port = peers,
                               .iss = iss,
                               .iss_known = !script.setup.random_iss,
                               .peer_iss = peer_start,
                               .snd_nxt = iss,
                               .snd_una = iss,
                               .peer_next = peer_start,
                               .our_wscale = WIRE_NONE,
                               .peer_wscale = WIRE_NONE};
}

void script_converse(uint16_t ours, uint16_t peers)
{
    for (size_t i = 0; i < script.conversation_count; i++) {
        if (script.conversations[i].our_port == ours &&
            script.conversations[i].peer_port == peers) {
            script.conversation = i;
            return;
        }
    }
    if (script.conversation_count == CONVERSATIONS)
        script_fail(script.line, "more than %d pairs of ports in one script", CONVERSATIONS);
    script.conversation = script.conversation_count++;
    conversation_begin(script_talk(), ours, peers, script.setup.iss, script.setup.peer_iss);
}

void another(uint16_t port)
{
    script_converse(script_talk()->our_port, port);
}

void back_to(uint16_t port)
{
    script_converse(script_talk()->our_port, port);
}

void peer_restart(uint32_t iss)
{
    struct conversation *c = script_talk();
    conversation_begin(c, c->our_port, c->peer_port, script.setup.iss, iss);
}

int64_t snd_nxt(void)
{
    return (uint32_t)(script_talk()->snd_nxt - script_talk()->iss);
}
int64_t snd_una(void)
{
    return (uint32_t)(script_talk()->snd_una - script_talk()->iss);
}
int64_t rcv_nxt(void)
{
    return (uint32_t)(script_talk()->rcv_nxt - script_talk()->peer_iss);
}
int64_t rcv_wnd(void)
{
    return script_talk()->wnd;
}
const uint8_t *last_cookie(void)
{
    return script.cookie;
}
int64_t last_tsval(void)
{
    return script_talk()->last_tsval;
}

uint32_t peer_clock(void)
{
    return PEER_CLOCK + (uint32_t)((script.now - START) / HF_MS);
}

int64_t our_mss(void)
{
    return (int64_t)script.setup.mtu - (script.test->family == 4 ? 40 : 60);
}

static bool ts_on(const struct conversation *c)
{
    return c->our_ts && c->peer_ts;
}

static bool ws_on(const struct conversation *c)
{
    return c->our_wscale != WIRE_NONE && c->peer_wscale != WIRE_NONE;
}

static bool after_or_at(uint32_t a, uint32_t b)
{
    return (uint32_t)(a - b) < 0x80000000u;
}

/* ---- What must hold of all that comes out ---- */

static const char *describe(const struct wire_segment *s, char *text, size_t room)
{
    const struct conversation *c = script_talk();
    bool ours = s->source_port == c->our_port;
    char flags[12];
    int n = snprintf(text, room, "%-4s seq %ld", wire_flags(s->flags, flags),
                     (long)(int32_t)(s->seq - (ours ? c->iss : c->peer_iss)));
    if ((s->flags & ACK) != 0 && n > 0)
        n += snprintf(text + n, room - (size_t)n, " ack %ld",
                      (long)(int32_t)(s->ack - (ours ? c->peer_iss : c->iss)));
    n += snprintf(text + n, room - (size_t)n, " len %zu wnd %u", s->text_len, s->window);
    if ((s->flags & URG) != 0)
        n += snprintf(text + n, room - (size_t)n, " urg %u", s->urgent);
    if (s->mss != WIRE_NONE)
        n += snprintf(text + n, room - (size_t)n, " mss %d", s->mss);
    if (s->wscale != WIRE_NONE)
        n += snprintf(text + n, room - (size_t)n, " ws %d", s->wscale);
    if (s->sack_permitted)
        n += snprintf(text + n, room - (size_t)n, " sackok");
    if (s->has_ts)
        n += snprintf(text + n, room - (size_t)n, " ts %u ecr %u", s->tsval, s->tsecr);
    if (s->cookie_len != WIRE_NONE)
        n += snprintf(text + n, room - (size_t)n, " %s %d", s->experimental ? "foexp" : "fo",
                      s->cookie_len);
    for (unsigned i = 0; i < s->sacks; i++)
        n += snprintf(text + n, room - (size_t)n, " sack %ld-%ld",
                      (long)(int32_t)(s->sack[i].start - (ours ? c->peer_iss : c->iss)),
                      (long)(int32_t)(s->sack[i].end - (ours ? c->peer_iss : c->iss)));
    return text;
}

const char *script_first(char *text, size_t room)
{
    const struct packet *p = &script.queue[0];
    return p->wrong != NULL ? p->wrong : describe(&p->segment, text, room);
}

static void journal_segment(const char *way, const struct wire_segment *s)
{
    char text[256];
    script_journal("          %s %s", way, describe(s, text, sizeof text));
    script_journal("   (%08x, %08x)\n", s->seq, s->ack);
}

static struct conversation *conversation_of(const struct wire_segment *s)
{
    for (size_t i = 0; i < script.conversation_count; i++)
        if (script.conversations[i].our_port == s->source_port &&
            script.conversations[i].peer_port == s->destination_port)
            return &script.conversations[i];
    return NULL;
}

/* A window that is offered may not be taken back (RFC 9293 3.8.6), but an entry in TIME-WAIT
 * takes no text and may offer what it likes, and a SYN that is sent again cannot say more than 16
 * bits. */
static void police_edge(int line, struct conversation *c, const struct wire_segment *s)
{
    uint32_t window = s->window;
    if ((s->flags & SYN) == 0 && ws_on(c))
        window <<= c->our_wscale;
    uint32_t edge = s->ack + window;
    /* RFC 7323 2.4: rounding to units of the scale may look like a step back. */
    uint32_t unit = (s->flags & SYN) == 0 && ws_on(c) ? 1u << c->our_wscale : 1;
    bool full = s->flags & SYN && s->window == 65535;
    if (c->has_edge && !full && !after_or_at(edge + unit - 1, c->edge) &&
        script_traced_state() != HF_TIME_WAIT)
        script_fail(line, "the right edge of the window went back by %u", c->edge - edge);
    if (!full || !c->has_edge || after_or_at(edge, c->edge))
        c->edge = edge;
    c->has_edge = true;
    c->rcv_nxt = s->ack;
    c->wnd = window;
}

static void police_options(int line, const struct conversation *c, const struct wire_segment *s)
{
    if ((s->flags & SYN) == 0 &&
        (s->mss != WIRE_NONE || s->wscale != WIRE_NONE || s->sack_permitted ||
         s->cookie_len != WIRE_NONE))
        script_fail(line, "an option of SYN segments on another");
    if ((s->flags & (SYN | RST)) != 0)
        return;
    if (ts_on(c) && !s->has_ts)
        script_fail(line, "no timestamp though they were agreed (RFC 7323 3.2)");
    if (!ts_on(c) && s->has_ts)
        script_fail(line, "a timestamp though they were not agreed");
    if (s->sacks > 0 && !(c->our_sack && c->peer_sack))
        script_fail(line, "a SACK block though SACK was not agreed");
}

/* What must hold of every segment, and what the peer learns from it. */
static void police(int line, const struct wire_segment *s)
{
    struct conversation *c = conversation_of(s);
    struct hf_addr ours = our_addr(), peers = peer_addr();
    if (memcmp(s->source, ours.bytes, s->family == 4 ? 4 : 16) != 0 ||
        memcmp(s->destination, peers.bytes, s->family == 4 ? 4 : 16) != 0)
        script_fail(line, "a packet between addresses that are not the script's");
    if (c == NULL || (s->flags & RST) != 0)
        return;
    if ((s->flags & SYN) != 0) {
        c->our_ts = s->has_ts;
        c->our_wscale = s->wscale;
        c->our_sack = s->sack_permitted;
        if (!c->iss_known) {
            c->iss = c->snd_una = c->snd_nxt = s->seq;
            c->iss_known = true;
        }
    }
    police_options(line, c, s);
    if (s->cookie_len > 0)
        memcpy(script.cookie, s->cookie, sizeof script.cookie);
    if ((s->flags & ACK) != 0)
        police_edge(line, c, s);
    if (s->has_ts)
        c->last_tsval = s->tsval;
    uint32_t end = s->seq + (uint32_t)s->text_len + ((s->flags & SYN) != 0);
    /* A probe of a zero window is one byte beyond the edge, RFC 9293 3.8.6.1. */
    if (s->text_len > 0 && c->has_peer_edge && !after_or_at(c->peer_edge + 1, end))
        script_fail(line, "text %u bytes beyond the peer's window", end - c->peer_edge);
    end += (s->flags & FIN) != 0;
    if (after_or_at(end, c->snd_nxt))
        c->snd_nxt = end;
}

void script_enqueue(int line, const struct hf_packet *packet)
{
    if (script.queued == QUEUE)
        script_fail(line, "%d packets wait: the stack talks without end", QUEUE);
    struct packet *p = &script.queue[script.queued];
    *p = (struct packet){.bytes = malloc(packet->len + 1)};
    if (p->bytes == NULL)
        script_fail(line, "no memory for the script's own use");
    script.queued++;
    p->len = hf_packet_copy(packet, p->bytes, packet->len);
    if (p->len != packet->len || packet->len == 0)
        script_fail(line, "a packet of %u bytes could not be copied", packet->len);
    wire_capture_add(&script.capture, p->bytes, p->len, script.now);
    p->wrong = wire_parse(p->bytes, p->len, &p->segment);
    if (p->wrong != NULL) {
        script_journal("          out: %zu bytes: %s\n", p->len, p->wrong);
        if (strcmp(p->wrong, "not TCP") != 0)
            script_fail(line, "a malformed packet came out: %s", p->wrong);
        return;
    }
    journal_segment("out", &p->segment);
    police(line, &p->segment);
}

void script_drop_first(void)
{
    free(script.queue[0].bytes);
    script.queued--;
    memmove(&script.queue[0], &script.queue[1], script.queued * sizeof script.queue[0]);
}

/* ---- Segments in ---- */

uint8_t script_pattern(uint64_t place, bool ours)
{
    uint64_t mixed = place * 31 + (place >> 8) * 7 + (place >> 16) * 3;
    return (uint8_t)(mixed ^ (ours ? 0x5a : 0xa5));
}

void script_fill(uint8_t *bytes, size_t len, uint64_t place, bool ours)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = script_pattern(place + i, ours);
}

static void deliver(int line, const uint8_t *bytes, size_t len)
{
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, bytes, (uint32_t)len);
    hf_stack_input(script.stack, 1, &packet, 1, script.now);
    script_finish(line);
}

/* What the peer remembers of what it sent. */
static void peer_sent(struct conversation *c, const struct wire_segment *s)
{
    if (s->bad_checksum)
        return;
    uint32_t len = (uint32_t)s->text_len + ((s->flags & SYN) != 0) + ((s->flags & FIN) != 0);
    if ((s->flags & RST) == 0 && s->seq == c->peer_next)
        c->peer_next += len;
    if ((s->flags & SYN) != 0 && !c->has_edge) {
        c->peer_ts = s->has_ts;
        c->peer_wscale = s->wscale;
        c->peer_sack = s->sack_permitted;
    }
    if ((s->flags & (ACK | RST)) != ACK)
        return;
    if (after_or_at(s->ack, c->snd_una) && after_or_at(c->snd_nxt, s->ack))
        c->snd_una = s->ack;
    uint32_t window = s->window;
    if ((s->flags & SYN) == 0 && ws_on(c))
        window <<= c->peer_wscale > 14 ? 14 : c->peer_wscale;
    if (!c->has_peer_edge || after_or_at(s->ack + window, c->peer_edge))
        c->peer_edge = s->ack + window;
    c->has_peer_edge = true;
}

static uint32_t number(int64_t raw, int64_t relative, uint32_t start, uint32_t usual)
{
    return raw != ANY ? (uint32_t)raw : relative != ANY ? start + (uint32_t)relative : usual;
}

static struct wire_segment compose(const struct script_segment *want, uint8_t *text)
{
    const struct conversation *c = script_talk();
    struct hf_addr ours = our_addr(), peers = peer_addr();
    struct wire_segment s = {
        .family = script.test->family,
        .ttl = (uint8_t)(want->ttl == ANY ? 64 : want->ttl),
        .tos = (uint8_t)(want->tos == ANY ? 0 : want->tos),
        .source_port = (uint16_t)(want->peer_port == ANY ? c->peer_port : want->peer_port),
        .destination_port = (uint16_t)(want->our_port == ANY ? c->our_port : want->our_port),
        .seq = number(want->raw_seq, want->seq, c->peer_iss, c->peer_next),
        .flags = (uint16_t)want->flags,
        .window = (uint16_t)(want->wnd == ANY ? script.peer_wnd : want->wnd),
        .urgent = (uint16_t)(want->urg == ANY ? 0 : want->urg),
        .mss = want->mss == ANY ? WIRE_NONE : (int32_t)want->mss,
        .wscale = want->ws == ANY ? WIRE_NONE : (int32_t)want->ws,
        .sack_permitted = want->sackok == 1,
        .has_ts = (want->tsval != ANY || ts_on(c)) && !want->no_ts,
        .cookie_len = want->cookie_len == ANY ? WIRE_NONE : (int32_t)want->cookie_len,
        .experimental = want->experimental,
        .options = want->options,
        .options_len = want->options_len,
        .text = text,
        .text_len = want->text != NULL ? strlen(want->text) : (size_t)want->len,
        .bad_checksum = want->bad_checksum};
    memcpy(s.source, peers.bytes, 16);
    memcpy(s.destination, ours.bytes, 16);
    if (s.cookie_len > 0)
        memcpy(s.cookie, want->cookie, (size_t)s.cookie_len);
    if ((s.flags & ACK) != 0 || want->raw_ack != ANY || want->ack != ANY)
        s.ack = number(want->raw_ack, want->ack, c->iss, c->snd_nxt);
    s.tsval = want->tsval == ANY ? peer_clock() : (uint32_t)want->tsval;
    s.tsecr = want->tsecr == ANY ? c->last_tsval : (uint32_t)want->tsecr;
    for (; s.sacks < 4 && want->sack[s.sacks].end != want->sack[s.sacks].start; s.sacks++) {
        s.sack[s.sacks].start = c->iss + (uint32_t)want->sack[s.sacks].start;
        s.sack[s.sacks].end = c->iss + (uint32_t)want->sack[s.sacks].end;
    }
    if (want->text != NULL)
        memcpy(text, want->text, s.text_len);
    else if (want->junk)
        memset(text, '#', s.text_len);
    else
        script_fill(text, s.text_len,
                    (uint32_t)(s.seq + ((s.flags & SYN) != 0) - c->peer_iss - 1), false);
    return s;
}

void script_in(int line, const char *words, struct script_segment want)
{
    static uint8_t text[WIRE_PACKET_MAX], packet[WIRE_PACKET_MAX];
    script_begin(line, "in", words);
    struct wire_segment s = compose(&want, text);
    size_t len = wire_build(packet, &s);
    wire_capture_add(&script.capture, packet, len, script.now);
    journal_segment("in ", &s);
    peer_sent(script_talk(), &s);
    if (!script.in_batch) {
        deliver(line, packet, len);
        return;
    }
    if (script.batched == BATCH)
        script_fail(line, "more than %d segments in a batch", BATCH);
    uint8_t *copy = malloc(len);
    if (copy == NULL)
        script_fail(line, "no memory for the script's own use");
    memcpy(copy, packet, len);
    script.batch[script.batched] = copy;
    script.batch_len[script.batched++] = len;
}

void script_batch(int line, bool start)
{
    script_begin(line, start ? "batch_begin" : "batch_end", "");
    script.in_batch = start;
    if (start)
        return;
    struct hf_packet packets[BATCH];
    for (size_t i = 0; i < script.batched; i++)
        hf_packet_wrap(&packets[i], 1, script.batch[i], (uint32_t)script.batch_len[i]);
    hf_stack_input(script.stack, 1, packets, script.batched, script.now);
    for (size_t i = 0; i < script.batched; i++)
        free(script.batch[i]);
    script.batched = 0;
    script_finish(line);
}

/* ---- Segments out ---- */

static void differ(int line, const char *field, int64_t expected, int64_t seen)
{
    if (expected == ANY || expected == seen)
        return;
    char text[256];
    script_fail(line, "%s: expected %lld, seen %lld\n#   in %s", field, (long long)expected,
                (long long)seen, describe(&script.queue[0].segment, text, sizeof text));
}

static void differ_option(int line, const char *field, int64_t expected, bool there, int64_t seen)
{
    if (expected == ANY || (expected == NONE && !there))
        return;
    if (expected == NONE)
        script_fail(line, "%s: expected no such option, seen %lld", field, (long long)seen);
    if (!there)
        script_fail(line, "%s: expected %lld, seen no such option", field, (long long)expected);
    differ(line, field, expected, seen);
}

static int64_t relative(int64_t expected, uint32_t seen, uint32_t start)
{
    return expected == ANY                                    ? ANY
           : (int64_t)(int32_t)(seen - start) - expected == 0 ? expected
                                                              : (int64_t)(int32_t)(seen - start);
}

static void compare_text(int line, const struct script_segment *want,
                         const struct wire_segment *s)
{
    size_t len = want->text != NULL ? strlen(want->text) : (size_t)want->len;
    differ(line, "length", (int64_t)len, (int64_t)s->text_len);
    uint64_t place = (uint32_t)(s->seq + ((s->flags & SYN) != 0) - script_talk()->iss - 1);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte =
            want->text != NULL ? (uint8_t)want->text[i] : script_pattern(place + i, true);
        if (byte != s->text[i])
            script_fail(line, "text: byte %zu of the segment is %02x, expected %02x", i,
                        s->text[i], byte);
    }
}

static void compare_sacks(int line, const struct script_segment *want,
                          const struct wire_segment *s)
{
    int64_t named = 0;
    while (named < 4 && want->sack[named].start != want->sack[named].end)
        named++;
    if (named > 0 || want->sacks != ANY)
        differ(line, "SACK blocks",
               named > 0             ? named
               : want->sacks == NONE ? 0
                                     : want->sacks,
               s->sacks);
    for (unsigned i = 0; i < named; i++) {
        differ(line, "SACK block start", want->sack[i].start,
               relative(want->sack[i].start, s->sack[i].start, script_talk()->peer_iss));
        differ(line, "SACK block end", want->sack[i].end,
               relative(want->sack[i].end, s->sack[i].end, script_talk()->peer_iss));
    }
}

static void compare(int line, const struct script_segment *want, const struct packet *p)
{
    const struct wire_segment *s = &p->segment;
    struct conversation *c = script_talk();
    char text[256];
    if (p->wrong != NULL)
        script_fail(line, "expected a segment, seen a packet that is %s", p->wrong);
    int seen = s->flags, expected = want->flags;
    if ((expected & PSH) == 0)
        seen &= ~PSH;
    if (seen != expected) {
        char a[12], b[12];
        script_fail(line, "flags: expected %s, seen %s\n#   in %s",
                    wire_flags((unsigned)expected, a), wire_flags(s->flags, b),
                    describe(s, text, sizeof text));
    }
    differ(line, "our port", want->our_port == ANY ? c->our_port : want->our_port,
           s->source_port);
    differ(line, "the peer's port", want->peer_port == ANY ? c->peer_port : want->peer_port,
           s->destination_port);
    if (want->new_iss) {
        c->iss = c->snd_una = s->seq;
        c->snd_nxt = s->seq + 1;
    }
    differ(line, "seq", want->seq, relative(want->seq, s->seq, c->iss));
    differ(line, "ack", want->ack, relative(want->ack, s->ack, c->peer_iss));
    differ(line, "raw seq", want->raw_seq, s->seq);
    differ(line, "raw ack", want->raw_ack, s->ack);
    compare_text(line, want, s);
    differ(line, "window", want->wnd, s->window);
    differ(line, "urgent pointer", want->urg, s->urgent);
    differ(line, "TTL", want->ttl, s->ttl);
    differ(line, "TOS", want->tos, s->tos);
    differ_option(line, "mss", want->mss, s->mss != WIRE_NONE, s->mss);
    differ_option(line, "ws", want->ws, s->wscale != WIRE_NONE, s->wscale);
    differ_option(line, "sackok", want->sackok, s->sack_permitted, s->sack_permitted);
    differ_option(line, "tsval", want->tsval, s->has_ts, s->tsval);
    differ_option(line, "tsecr", want->tsecr, s->has_ts, s->tsecr);
    differ_option(line, "cookie", want->cookie_len, s->cookie_len != WIRE_NONE, s->cookie_len);
    if (want->cookie_len != ANY && want->cookie_len != NONE) {
        differ(line, "experimental", want->experimental, s->experimental);
        if (want->cookie != NULL && memcmp(want->cookie, s->cookie, (size_t)s->cookie_len) != 0)
            script_fail(line, "the cookie is another");
    }
    compare_sacks(line, want, s);
}

static void take_first(int line, const struct script_segment *want)
{
    if (script.queued == 0)
        script_fail(line, "expected a packet, seen none");
    compare(line, want, &script.queue[0]);
    script_drop_first();
}

void script_out(int line, const char *words, struct script_segment want)
{
    stack();
    script_word(line, "out", words);
    take_first(line, &want);
}

void script_within(int line, const char *words, hf_time limit, struct script_segment want)
{
    stack();
    if (script.queued > 0) {
        script_word(line, "within", words);
        take_first(line, &want);
        return;
    }
    script_begin(line, "within", words);
    script_run_until(line, script.now + limit, true);
    script_gather_news();
    if (script.queued == 0)
        script_fail(line, "expected a packet within %.3f ms, seen none", (double)limit / 1e6);
    take_first(line, &want);
}

int script_take(struct script_segment *taken)
{
    if (script.queued == 0)
        return -1;
    const struct wire_segment *s = &script.queue[0].segment;
    const struct conversation *c = script_talk();
    int flags = s->flags;
    *taken = segment(flags, .seq = (int32_t)(s->seq - c->iss),
                     .ack = (int32_t)(s->ack - c->peer_iss), .raw_seq = s->seq, .raw_ack = s->ack,
                     .len = (int64_t)s->text_len, .wnd = s->window, .sacks = s->sacks);
    for (unsigned i = 0; i < s->sacks; i++) {
        taken->sack[i].start = (int32_t)(s->sack[i].start - c->peer_iss);
        taken->sack[i].end = (int32_t)(s->sack[i].end - c->peer_iss);
    }
    script_drop_first();
    return flags;
}
