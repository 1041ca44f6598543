/* The wire police: what two ends may say to each other, judged by what went over the wire alone.
 *
 * For each pair of endpoints it keeps two sides. Of a side it knows what it sent (judged) and what
 * of that arrived at the other (by which the other is judged): a host may acknowledge what has
 * arrived, send what an arrived window allows, and never take back what it sent itself.
 *
 * A SYN with a new sequence number begins a new incarnation. While a side has not yet sent its SYN
 * in this incarnation it is a stranger, and what depends on its numbers is not judged.
 *
 * RFC 9293 3.4, 3.8.6; RFC 7323 2, 3.2; RFC 2018 4; RFC 2883 4; RFC 3168 6.1. */
#include <handfast/sim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/segment.h"

#define RESENT_ROUNDS 2 /* see goes_on_resending                                              */
#define COMPLAINT 256
#define SIDE_TEXT 64
#define FORGOTTEN_AFTER (600 * HF_SEC) /* a pair that was silent for so long                  */
#define MSS_FLOOR 48u /* a peer's MSS below this may be raised: Linux's TCP_MIN_SND_MSS       */

/* Pure ACKs, in tenths of one: each arriving segment that occupies sequence space, or that must
 * be answered, is worth 1.1; a start and a most keep the account honest and short. */
#define CREDIT_ACK 10
#define CREDIT_SEGMENT 11
#define CREDIT_START 200
#define CREDIT_MAX 4000

struct side {
    /* What it sent. */
    uint32_t sent;         /* packets, RST not counted                                        */
    bool syn, strange;     /* its SYN was seen; it contradicted itself: numbers are not judged */
    bool reset;            /* it sent or was sent a reset: it may have forgotten all this     */
    uint32_t iss, snd_max; /* snd_max: behind the last octet ever sent                        */
    bool fin;
    uint32_t fin_seq;
    bool acked, has_edge;
    uint32_t ack, edge; /* the furthest ones                                               */
    uint16_t mss;
    int wscale;
    bool sack_permitted, timestamps;
    bool fast_open;     /* its SYN had the option                                          */
    bool ecn, ecn_once; /* each of its SYNs asked for ECN, or agreed; one of them did      */
    /* What of it arrived at the other side. */
    bool arrived, arrived_syn, has_arrived_edge;
    uint16_t syn_window; /* of the SYN that arrived                                         */
    uint32_t arrived_max, arrived_ack, arrived_edge;
    bool marked;         /* "congestion experienced" stood on text of it,                   */
    bool to_echo;        /* which the other has to echo: no CWR came since.                 */
    uint32_t marked_end; /* behind that text                                                */
    /* What it may still answer to. */
    int32_t credit;  /* for pure ACKs: see CREDIT_...                                   */
    uint32_t owed;   /* segments that arrived here and have not drawn a pure ACK        */
    uint8_t rounds;  /* in which it sent things again since anything moved forward,     */
    uint32_t resent; /* in the last of them up to here                                  */
};

struct pair {
    struct pair *next;
    uint8_t version;
    uint8_t address[2][16];
    uint16_t port[2];
    struct side side[2];
    hf_time last; /* when anything was seen of it                                    */
    hf_time silent_since;
    uint32_t silent_packets;
};

struct hf_sim_police {
    struct pair **buckets; /* a power of two                                                  */
    size_t bucket_count, pairs;
    uint32_t silence_packets;
    char complaint[COMPLAINT];
};

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static void raise_to(uint32_t *most, bool *known, uint32_t value)
{
    if (!*known || after(value, *most))
        *most = value;
    *known = true;
}

/* ---- Pairs ---- */

struct hf_sim_police *hf_sim_police_new(uint32_t silence_packets)
{
    struct hf_sim_police *police = calloc(1, sizeof *police);
    if (!police)
        return NULL;
    police->bucket_count = 64;
    police->buckets = calloc(police->bucket_count, sizeof(struct pair *));
    police->silence_packets = silence_packets;
    if (!police->buckets) {
        free(police);
        return NULL;
    }
    return police;
}

void hf_sim_police_free(struct hf_sim_police *police)
{
    if (!police)
        return;
    for (size_t i = 0; i < police->bucket_count; i++) {
        while (police->buckets[i]) {
            struct pair *pair = police->buckets[i];
            police->buckets[i] = pair->next;
            free(pair);
        }
    }
    free(police->buckets);
    free(police);
}

/* Which side of the pair sent the segment: the lower endpoint is side 0. */
static int sender_of(const struct segment *s)
{
    int order = memcmp(s->source, s->destination, sizeof s->source);
    if (order == 0)
        return s->source_port > s->destination_port;
    return order > 0;
}

static bool is_pair(const struct pair *pair, const struct segment *s, int from)
{
    return pair->version == s->version && pair->port[from] == s->source_port &&
           pair->port[1 - from] == s->destination_port &&
           memcmp(pair->address[from], s->source, sizeof s->source) == 0 &&
           memcmp(pair->address[1 - from], s->destination, sizeof s->destination) == 0;
}

static uint64_t mix(uint64_t hash, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static size_t bucket_of(const struct hf_sim_police *police, const struct pair *pair)
{
    uint64_t hash = mix(0xcbf29ce484222325u, pair->address[0], 16);
    hash = mix(hash, pair->address[1], 16);
    hash = (hash ^ pair->port[0]) * 0x100000001b3u;
    hash = (hash ^ pair->port[1]) * 0x100000001b3u;
    return (size_t)(hash ^ hash >> 32) & (police->bucket_count - 1);
}

/* Twice the buckets, without the pairs that have been silent. Keeps what there is when there is
 * no memory for more. */
static void grow(struct hf_sim_police *police, hf_time now)
{
    struct pair **old = police->buckets;
    size_t old_count = police->bucket_count;
    struct pair **buckets = calloc(old_count * 2, sizeof(struct pair *));
    if (!buckets)
        return;
    police->buckets = buckets;
    police->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct pair *pair = old[i];
            old[i] = pair->next;
            if (now - pair->last > FORGOTTEN_AFTER) {
                free(pair);
                police->pairs--;
                continue;
            }
            struct pair **at = &buckets[bucket_of(police, pair)];
            pair->next = *at;
            *at = pair;
        }
    }
    free(old);
}

static void begin_side(struct side *side)
{
    memset(side, 0, sizeof *side);
    side->wscale = -1;
    side->credit = CREDIT_START;
}

static struct pair *find_pair(struct hf_sim_police *police, const struct segment *s, int from,
                              hf_time now)
{
    struct pair key = {.version = s->version};
    memcpy(key.address[from], s->source, sizeof s->source);
    memcpy(key.address[1 - from], s->destination, sizeof s->destination);
    key.port[from] = s->source_port;
    key.port[1 - from] = s->destination_port;

    struct pair *pair = police->buckets[bucket_of(police, &key)];
    while (pair && !is_pair(pair, s, from))
        pair = pair->next;
    if (pair) {
        pair->last = now;
        return pair;
    }
    if (police->pairs >= police->bucket_count)
        grow(police, now);
    pair = malloc(sizeof *pair);
    if (!pair)
        return NULL;
    *pair = key;
    pair->last = pair->silent_since = now;
    begin_side(&pair->side[0]);
    begin_side(&pair->side[1]);
    struct pair **at = &police->buckets[bucket_of(police, &key)];
    pair->next = *at;
    *at = pair;
    police->pairs++;
    return pair;
}

/* ---- What a segment says ---- */

static uint32_t length_of(const struct segment *s)
{
    return s->text + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
}

/* By how many bits the window of this segment is to be shifted (RFC 7323 2.2). */
static int scale_of(const struct segment *s, const struct side *me, const struct side *peer)
{
    bool scaled = !(s->flags & TCP_SYN) && me->wscale >= 0 && peer->wscale >= 0;
    return scaled ? me->wscale : 0;
}

static uint32_t edge_of(const struct segment *s, const struct side *me, const struct side *peer)
{
    return s->ack + ((uint32_t)s->window << scale_of(s, me, peer));
}

/* Numbers of a side are judged and believed. */
static bool known(const struct side *side)
{
    return side->syn && !side->strange;
}

/* RFC 3168 6.1.1: both flags on a SYN, ECE alone on a SYN+ACK. */
static bool asks_for_ecn(const struct segment *s)
{
    uint8_t setup = s->flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR;
    return (s->flags & (TCP_ECE | TCP_CWR)) == setup;
}

/* A new SYN: a new incarnation, or a listener's answer to one. */
static void note_syn(struct pair *pair, int from, const struct segment *s)
{
    struct side *me = &pair->side[from];
    bool goes_back = (s->flags & TCP_ACK) && me->acked && after(me->ack, s->ack);
    bool forgot = me->reset || me->fin || goes_back;

    if (me->syn && me->iss == s->seq && !forgot) {
        me->ecn = me->ecn && asks_for_ecn(s);
        me->ecn_once = me->ecn_once || asks_for_ecn(s);
        if (s->mss > me->mss) /* the first SYN may be lost, and its sender set another since */
            me->mss = s->mss;
        return;
    }
    if (!(s->flags & TCP_ACK)) {
        if (me->syn || forgot) {
            begin_side(&pair->side[0]);
            begin_side(&pair->side[1]);
        }
    } else if (forgot) {
        /* It has forgotten the connection and answers an old SYN; the other has perhaps not. */
        begin_side(me);
        me->strange = true;
    } else if (me->arrived_syn) {
        me->strange = true;
        return;
    } else if (me->syn) {
        begin_side(me);
    }
    me->syn = true;
    me->iss = s->seq;
    me->snd_max = s->seq + 1;
    me->mss = s->mss;
    me->wscale = s->wscale;
    me->sack_permitted = s->sack_permitted;
    me->timestamps = s->timestamps;
    me->fast_open = s->fast_open;
    me->ecn = me->ecn_once = asks_for_ecn(s);
}

/* ---- Judging ---- */

static const char *judge_syn_options(const struct segment *s, const struct side *peer)
{
    if (!(s->flags & TCP_ACK) || !peer->arrived_syn)
        return NULL;
    if (s->wscale >= 0 && peer->wscale < 0)
        return "window scale on a SYN+ACK whose SYN had none";
    if (s->sack_permitted && !peer->sack_permitted)
        return "SACK-permitted on a SYN+ACK whose SYN had none";
    if (s->timestamps && !peer->timestamps)
        return "timestamps on a SYN+ACK whose SYN had none";
    if (s->fast_open && !peer->fast_open)
        return "Fast Open on a SYN+ACK whose SYN had none";
    return NULL;
}

static const char *judge_sack(const struct segment *s, const struct side *peer)
{
    for (unsigned i = 0; i < s->sacks; i++) {
        uint32_t left = s->sack[i][0], right = s->sack[i][1];
        if (!after(right, left))
            return "SACK block that is empty or the wrong way round";
        if (after(right, peer->arrived_max))
            return "SACK block with bytes that did not arrive";
        if (i == 0)
            continue;
        if (!after(left, s->ack))
            return "SACK block at or below the acknowledgement number";
        for (unsigned j = 1; j < i; j++)
            if (after(right, s->sack[j][0]) && after(s->sack[j][1], left))
                return "SACK blocks that overlap";
    }
    return NULL;
}

/* The first block may report a duplicate (RFC 2883): below the ACK, or within the second block. */
static const char *judge_first_sack(const struct segment *s)
{
    if (s->sacks == 0)
        return NULL;
    bool below = !after(s->sack[0][1], s->ack);
    if (!below && !after(s->sack[0][0], s->ack))
        return "SACK block that begins at or below the acknowledgement number";
    for (unsigned i = 1; i < s->sacks && !below; i++) {
        bool apart = !after(s->sack[0][1], s->sack[i][0]) || !after(s->sack[i][1], s->sack[0][0]);
        bool inside =
            !after(s->sack[i][0], s->sack[0][0]) && !after(s->sack[0][1], s->sack[i][1]);
        if (!apart && !(inside && i == 1))
            return "first SACK block neither apart from the others nor a duplicate within the "
                   "next";
    }
    return NULL;
}

static const char *judge_options(const struct segment *s, const struct side *me,
                                 const struct side *peer)
{
    if (s->mss != 0 || s->wscale >= 0 || s->sack_permitted)
        return "MSS, window scale or SACK-permitted without SYN";
    if (!known(me) || !known(peer))
        return NULL;
    if (s->timestamps != (me->timestamps && peer->timestamps))
        return s->timestamps ? "timestamps that were not agreed on" : "agreed timestamps missing";
    if (s->sacks == 0)
        return NULL;
    if (!me->sack_permitted || !peer->sack_permitted)
        return "SACK blocks that were not agreed on";
    const char *wrong = judge_first_sack(s);
    return wrong ? wrong : judge_sack(s, peer);
}

static const char *judge_ecn_of_syn(const struct segment *s, const struct side *peer)
{
    bool answer = (s->flags & TCP_ACK) != 0;

    if (s->ecn != ECN_NOT_ECT && asks_for_ecn(s))
        return "a SYN that asks for ECN and may itself be marked";
    if (!asks_for_ecn(s) && s->flags & (TCP_ECE | TCP_CWR))
        return "one of ECE and CWR on a SYN, or CWR on a SYN+ACK";
    if (answer && asks_for_ecn(s) && peer->arrived_syn && !peer->ecn_once)
        return "a SYN+ACK that agrees to ECN, whose SYN did not ask";
    return NULL;
}

/* What may be marked, what is echoed, and what tells of it (RFC 3168 6.1.2 to 6.1.6). */
static const char *judge_ecn(const struct segment *s, const struct side *me,
                             const struct side *peer)
{
    bool new_text = s->text > 0 && after(s->seq + s->text, me->snd_max);

    /* A cookie may be of the SYN+ACK that agreed, before one that did not. */
    if (!me->ecn || !peer->ecn_once)
        return s->flags & (TCP_ECE | TCP_CWR) && !(me->ecn_once && peer->ecn_once)
                   ? "ECE or CWR that was not agreed on"
                   : NULL;
    if (s->ecn != ECN_NOT_ECT && s->ecn != ECN_ECT0)
        return "sent with ECT(1) or CE";
    if (s->ecn == ECN_ECT0 && !new_text)
        return "ECT on something other than new text";
    if (s->flags & TCP_CWR && !new_text)
        return "CWR on something other than new text";
    if (s->flags & TCP_ECE && !peer->marked)
        return "ECE without a mark that arrived";
    /* Who has acknowledged a FIN hears no more that could be answered. */
    bool over = peer->fin && s->ack == peer->fin_seq + 1;
    if (!over && peer->ecn && peer->to_echo && s->flags & TCP_ACK && !(s->flags & TCP_ECE) &&
        !after(peer->marked_end, s->ack))
        return "acknowledges marked text without ECE";
    return NULL;
}

/* Sequence numbers: nothing skipped, nothing behind the FIN, nothing the peer has no room for. */
static const char *judge_sequence(const struct segment *s, const struct side *me,
                                  const struct side *peer)
{
    uint32_t text_end = s->seq + s->text;

    if (after(s->seq, me->snd_max))
        return "sequence number beyond what was sent so far";
    if (me->fin && ((s->text > 0 && after(text_end, me->fin_seq)) ||
                    ((s->flags & TCP_FIN) && text_end != me->fin_seq)))
        return "text or another FIN behind the FIN";
    if (s->text == 0 || peer->strange || s->flags & TCP_SYN)
        return NULL;
    if (!peer->has_arrived_edge && !peer->arrived_syn)
        return "text before the peer offered a window";
    /* RFC 7413: before the SYN+ACK is acknowledged the SYN's window counts. */
    uint32_t edge = peer->has_arrived_edge ? peer->arrived_edge : me->iss + 1 + peer->syn_window;
    bool probe = s->text == 1 && s->seq == edge;
    if (after(text_end, edge) && !probe)
        return "text beyond the right edge of every window that the peer offered";
    uint32_t mss = s->version == 4 ? 536 : 1220;
    if (peer->mss != 0)
        mss = peer->mss < MSS_FLOOR ? MSS_FLOOR : peer->mss;
    if (peer->arrived_syn && s->text + s->options > mss)
        return "segment larger than the peer's MSS";
    return NULL;
}

static const char *judge_ack(const struct segment *s, const struct side *me,
                             const struct side *peer)
{
    uint32_t edge = edge_of(s, me, peer);
    bool all_received = peer->fin && s->ack == peer->fin_seq + 1;
    /* RFC 7323 2.4: what the scale cuts off may make the edge seem to retreat. */
    uint32_t cut_off = (1u << scale_of(s, me, peer)) - 1;

    if (peer->arrived && known(peer) && after(s->ack, peer->arrived_max))
        return "acknowledges what did not arrive";
    if (me->acked && after(me->ack, s->ack))
        return "acknowledgement number goes back";
    /* A SYN+ACK that is sent again cannot say more than 16 bits. */
    bool full = s->flags & TCP_SYN && s->window == 65535;
    if (me->has_edge && after(me->edge, edge + cut_off) && !all_received && !full)
        return "right edge of the window retreats";
    return NULL;
}

/* A pure ACK must be owed to something that arrived, or open the window, or be a probe. */
static const char *judge_ack_rate(const struct segment *s, struct side *me,
                                  const struct side *peer)
{
    uint32_t edge = edge_of(s, me, peer);
    bool update = me->has_edge && after(edge, me->edge) && s->ack == me->ack;
    bool probe = s->seq != me->snd_max;

    if (length_of(s) > 0 || update || probe || !me->acked)
        return NULL;
    me->credit -= CREDIT_ACK;
    if (me->credit < 0)
        return "more pure ACKs than 1.1 for each segment that asked for one";
    return NULL;
}

static const char *judge(struct pair *pair, int from, const struct segment *s)
{
    struct side *me = &pair->side[from], *peer = &pair->side[1 - from];
    const char *wrong;

    if (s->flags & TCP_RST)
        return NULL;
    wrong = s->flags & TCP_SYN ? judge_syn_options(s, peer) : judge_options(s, me, peer);
    if (!wrong && s->flags & TCP_SYN)
        wrong = judge_ecn_of_syn(s, peer);
    if (wrong || !known(me))
        return wrong;
    if (!(s->flags & TCP_SYN) && known(peer))
        wrong = judge_ecn(s, me, peer);
    if (wrong)
        return wrong;
    wrong = judge_sequence(s, me, peer);
    if (!wrong && (s->flags & TCP_ACK))
        wrong = judge_ack(s, me, peer);
    if (!wrong && (s->flags & TCP_ACK))
        wrong = judge_ack_rate(s, me, peer);
    return wrong;
}

/* Remember what was sent; true when it moved anything forward. */
static bool note_sent(struct pair *pair, int from, const struct segment *s)
{
    struct side *me = &pair->side[from], *peer = &pair->side[1 - from];
    struct side before = *me;

    if (s->flags & TCP_RST) {
        me->reset = true;
        return false;
    }
    me->sent++;
    if (!known(me))
        return me->sent == 1;
    if (s->flags & TCP_FIN) {
        me->fin = true;
        me->fin_seq = s->seq + s->text;
    }
    if (after(s->seq + length_of(s), me->snd_max))
        me->snd_max = s->seq + length_of(s);
    if (s->flags & TCP_ACK) {
        raise_to(&me->edge, &me->has_edge, edge_of(s, me, peer));
        raise_to(&me->ack, &me->acked, s->ack);
    }
    return me->sent == 1 || me->snd_max != before.snd_max || me->ack != before.ack ||
           me->edge != before.edge;
}

/* Text and FIN that arrive may be acknowledged however often they come; what counts is what is
 * sent again and again, and what is sent in answer to nothing or to other pure ACKs. */
static bool is_owed(struct side *me, const struct segment *s)
{
    if (length_of(s) > 0 || me->owed == 0)
        return false;
    me->owed--;
    return true;
}

/* A sender may go through all that is not acknowledged: each piece is sent again behind the last one.
 * Once it may begin anew: what stood at the end may have been lost, and sent again, before the rest. */
static bool goes_on_resending(struct side *me, const struct segment *s)
{
    uint32_t end = s->seq + length_of(s);
    bool on = me->rounds == 0 || after(end, me->resent);
    if (length_of(s) == 0 || (!on && me->rounds == RESENT_ROUNDS))
        return false;
    if (me->rounds == 0 || !on)
        me->rounds++;
    me->resent = end;
    return true;
}

static void moved_forward(struct pair *pair, hf_time now)
{
    pair->silent_since = now;
    pair->silent_packets = 0;
    pair->side[0].rounds = pair->side[1].rounds = 0;
}

static const char *judge_silence(const struct hf_sim_police *police, struct pair *pair, int from,
                                 const struct segment *s, hf_time now)
{
    struct side *me = &pair->side[from];

    if (now - pair->silent_since >= HF_SEC)
        moved_forward(pair, now);
    if ((s->flags & TCP_RST) || pair->side[1 - from].sent == 0)
        return NULL;
    if (is_owed(me, s) || goes_on_resending(me, s))
        return NULL;
    pair->silent_packets++;
    if (police->silence_packets && pair->silent_packets > police->silence_packets)
        return "packet after packet within a second, and nothing moved forward";
    return NULL;
}

static const char *complain(struct hf_sim_police *police, const struct segment *s,
                            const char *wrong)
{
    char end[2][SIDE_TEXT];
    struct hf_endpoint endpoint = {.addr.family = s->version, .port = s->source_port};

    memcpy(endpoint.addr.bytes, s->source, sizeof s->source);
    hf_endpoint_format(&endpoint, end[0]);
    memcpy(endpoint.addr.bytes, s->destination, sizeof s->destination);
    endpoint.port = s->destination_port;
    hf_endpoint_format(&endpoint, end[1]);
    snprintf(police->complaint, sizeof police->complaint,
             "wire: %s (%s to %s, seq %lu, ack %lu, flags 0x%02x, text %lu, window %u)", wrong,
             end[0], end[1], (unsigned long)s->seq, (unsigned long)s->ack, s->flags,
             (unsigned long)s->text, s->window);
    return police->complaint;
}

const char *hf_sim_police_sent(struct hf_sim_police *police, const void *bytes, uint32_t len,
                               uint32_t mtu, hf_time now)
{
    struct segment s;
    const char *wrong = hf_segment_read(&s, bytes, len);

    if (!wrong && len > mtu)
        wrong = "larger than the link's MTU";
    if (wrong || !s.tcp)
        return wrong ? complain(police, &s, wrong) : NULL;
    int from = sender_of(&s);
    struct pair *pair = find_pair(police, &s, from, now);
    if (!pair)
        return "the police has no memory";
    if (s.flags & TCP_SYN)
        note_syn(pair, from, &s);
    wrong = judge(pair, from, &s);
    if (note_sent(pair, from, &s))
        moved_forward(pair, now);
    else if (!wrong)
        wrong = judge_silence(police, pair, from, &s, now);
    return wrong ? complain(police, &s, wrong) : NULL;
}

/* ---- Arrivals ---- */

/* Does it belong to what this side sent in this incarnation? Of a side that was never seen sending
 * (a peer by hand) everything does. */
static bool is_current(const struct side *me, const struct segment *s)
{
    if (me->sent == 0)
        return true;
    return known(me) && !after(me->iss, s->seq + 1) && !after(s->seq + length_of(s), me->snd_max);
}

/* Must the receiver answer at once, though the segment occupies no sequence space? So it is when
 * it does not stand where the receiver waits for more, or acknowledges what is long known. */
static bool calls_for_answer(const struct side *me, const struct side *receiver,
                             const struct segment *s)
{
    return (s->flags & TCP_RST) || s->seq != receiver->ack || after(me->arrived_ack, s->ack);
}

/* A mark on text that arrives for the first time must be echoed; what else is marked may be. Text that
 * comes again was perhaps not taken at first. */
static void note_mark(struct side *me, const struct segment *s)
{
    bool again = s->text > 0 && me->to_echo && after(me->marked_end, s->seq);
    if (s->flags & TCP_CWR || again)
        me->to_echo = false;
    if (s->ecn != ECN_CE || s->text == 0)
        return;
    me->marked = true;
    if (me->arrived && !after(s->seq + s->text, me->arrived_max))
        return;
    me->to_echo = true;
    me->marked_end = s->seq + s->text;
}

void hf_sim_police_arrived(struct hf_sim_police *police, const void *bytes, uint32_t len,
                           hf_time now)
{
    struct segment s;
    hf_segment_read(&s, bytes, len);
    if (!s.tcp)
        return;
    int from = sender_of(&s);
    struct pair *pair = find_pair(police, &s, from, now);
    if (!pair)
        return;
    struct side *me = &pair->side[from], *peer = &pair->side[1 - from];
    if (me->sent == 0 && (s.flags & TCP_SYN))
        note_syn(pair, from, &s);
    if (length_of(&s) > 0 || calls_for_answer(me, peer, &s))
        peer->credit += CREDIT_SEGMENT;
    if (peer->credit > CREDIT_MAX)
        peer->credit = CREDIT_MAX;
    if (length_of(&s) > 0 && peer->owed < CREDIT_MAX / CREDIT_ACK)
        peer->owed++;
    if (s.flags & TCP_RST) {
        peer->reset = true;
        return;
    }
    if (!is_current(me, &s)) {
        me->strange = me->strange || (me->syn && (s.flags & TCP_SYN));
        return;
    }
    if (s.flags & TCP_SYN) {
        me->arrived_syn = true;
        me->syn_window = s.window;
    }
    if (!me->arrived || after(s.seq + length_of(&s), me->arrived_max) ||
        after(s.ack, me->arrived_ack))
        moved_forward(pair, now);
    note_mark(me, &s);
    raise_to(&me->arrived_max, &me->arrived, s.seq + length_of(&s));
    if (s.flags & TCP_ACK) {
        raise_to(&me->arrived_edge, &me->has_arrived_edge, edge_of(&s, me, peer));
        if (after(s.ack, me->arrived_ack) || me->arrived_ack == 0)
            me->arrived_ack = s.ack;
    }
}
