/* Records of what was sent: see sent.h. */
#include "tcp/sent.h"

enum { RUN_MAX = 65536 }; /* bytes in one record: what a super-segment may be                   */

/* ---- The tree: a treap by `start`, its heap order drawn from the index ---- */

static uint32_t rank(uint32_t index)
{
    uint32_t x = (index ^ index >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

static void tree_insert(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    struct hf_sent *s = hf_sent_at(env, index);
    uint32_t mine = rank(index), rest;
    uint32_t *slot = &list->root, *low = &s->left, *high = &s->right;
    while (*slot && rank(*slot) >= mine) {
        struct hf_sent *node = hf_sent_at(env, *slot);
        slot = hf_seq_lt(s->start, node->start) ? &node->left : &node->right;
    }
    for (rest = *slot; rest;) { /* what is below falls to either side */
        struct hf_sent *node = hf_sent_at(env, rest);
        if (hf_seq_lt(node->start, s->start)) {
            *low = rest;
            low = &node->right;
            rest = *low;
        } else {
            *high = rest;
            high = &node->left;
            rest = *high;
        }
    }
    *low = *high = 0;
    *slot = index;
}

static void tree_remove(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    const struct hf_sent *s = hf_sent_at(env, index);
    uint32_t *slot = &list->root;
    while (*slot != index) {
        struct hf_sent *node = hf_sent_at(env, *slot);
        slot = hf_seq_lt(s->start, node->start) ? &node->left : &node->right;
    }
    uint32_t low = s->left, high = s->right;
    while (low && high) {
        if (rank(low) >= rank(high)) {
            *slot = low;
            slot = &hf_sent_at(env, low)->right;
            low = *slot;
        } else {
            *slot = high;
            slot = &hf_sent_at(env, high)->left;
            high = *slot;
        }
    }
    *slot = low ? low : high;
}

uint32_t hf_sent_find(struct hf_env *env, struct hf_sent_list *list, hf_seq seq)
{
    if (!list->root)
        for (uint32_t i = list->first; i; i = hf_sent_at(env, i)->next)
            tree_insert(env, list, i);
    uint32_t found = 0;
    for (uint32_t at = list->root; at;) {
        const struct hf_sent *s = hf_sent_at(env, at);
        env->sents_visited++;
        if (hf_seq_le(s->start, seq)) {
            found = at;
            at = s->right;
        } else {
            at = s->left;
        }
    }
    return found && hf_seq_lt(seq, hf_sent_at(env, found)->end) ? found : 0;
}

/* ---- The queues ---- */

static struct hf_sent_queue *queue_of(struct hf_sent_list *list, const struct hf_sent *s)
{
    if (s->flags & HF_SENT_SACKED)
        return 0;
    return (s->flags & (HF_SENT_LOST | HF_SENT_RESENT)) == HF_SENT_LOST ? &list->lost
                                                                        : &list->flight;
}

/* Behind `after`, or first (0). */
static void enqueue(struct hf_env *env, struct hf_sent_queue *q, uint32_t index, uint32_t after)
{
    struct hf_sent *s = hf_sent_at(env, index);
    s->earlier = after;
    s->later = after ? hf_sent_at(env, after)->later : q->first;
    if (after)
        hf_sent_at(env, after)->later = index;
    else
        q->first = index;
    if (s->later)
        hf_sent_at(env, s->later)->earlier = index;
    else
        q->last = index;
}

static void dequeue(struct hf_env *env, struct hf_sent_queue *q, uint32_t index)
{
    if (!q)
        return;
    struct hf_sent *s = hf_sent_at(env, index);
    if (s->earlier)
        hf_sent_at(env, s->earlier)->later = s->later;
    else
        q->first = s->later;
    if (s->later)
        hf_sent_at(env, s->later)->earlier = s->earlier;
    else
        q->last = s->earlier;
    s->earlier = s->later = 0;
}

/* `bytes` of a record with these flags come (or, with a minus, go). */
static void tally(struct hf_sent_list *list, uint8_t flags, uint32_t bytes)
{
    list->sacked += flags & HF_SENT_SACKED ? bytes : 0;
    list->lost_bytes += flags & HF_SENT_LOST ? bytes : 0;
    list->resent += flags & HF_SENT_RESENT ? bytes : 0;
}

/* Other flags, the same queue or another (at its end), and the sums that go with them. */
static void change(struct hf_env *env, struct hf_sent_list *list, uint32_t index, uint8_t flags)
{
    struct hf_sent *s = hf_sent_at(env, index);
    dequeue(env, queue_of(list, s), index);
    tally(list, s->flags, 0u - hf_sent_len(s));
    s->flags = flags;
    tally(list, s->flags, hf_sent_len(s));
    struct hf_sent_queue *q = queue_of(list, s);
    if (q)
        enqueue(env, q, index, q->last);
}

/* ---- Made, cut and joined ---- */

/* From the pool; it is not all zero. What the callers do not write is written here. */
static inline uint32_t take_record(struct hf_env *env)
{
    uint32_t index = hf_pool_take(&env->sents);
    if (!index)
        return 0;
    struct hf_sent *s = hf_sent_at(env, index);
    s->left = s->right = 0;
    s->segments = 0;
    s->rate = (struct hf_rate_mark){.set = false};
    return index;
}

/* A record behind `after` in the sequence (0: the first). */
static uint32_t insert(struct hf_env *env, struct hf_sent_list *list, uint32_t after)
{
    if (list->count >= env->settings->sent_records)
        return 0;
    uint32_t index = take_record(env);
    if (!index)
        return 0;
    struct hf_sent *s = hf_sent_at(env, index);
    s->prev = after;
    s->next = after ? hf_sent_at(env, after)->next : list->first;
    if (after)
        hf_sent_at(env, after)->next = index;
    else
        list->first = index;
    if (s->next)
        hf_sent_at(env, s->next)->prev = index;
    else
        list->last = index;
    list->count++;
    return index;
}

static void erase(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    struct hf_sent *s = hf_sent_at(env, index);
    tally(list, s->flags, 0u - hf_sent_len(s));
    if (s->flags & HF_SENT_SACKED)
        list->sacked_segments -= s->segments;
    dequeue(env, queue_of(list, s), index);
    if (list->root)
        tree_remove(env, list, index);
    if (s->prev)
        hf_sent_at(env, s->prev)->next = s->next;
    else
        list->first = s->next;
    if (s->next)
        hf_sent_at(env, s->next)->prev = s->prev;
    else
        list->last = s->prev;
    list->count--;
    hf_sent_give(env, index, s);
}

static bool may_join(const struct hf_env *env, const struct hf_sent *s, uint16_t segment)
{
    return s->flags == HF_SENT_OPEN && s->sent_at == env->now && s->segment == segment &&
           hf_sent_len(s) < RUN_MAX;
}

/* Full segments only: what is sent next may join. */
static uint8_t whole(uint32_t len, uint16_t segment)
{
    return len >= segment && len % segment == 0 ? HF_SENT_OPEN : 0;
}

struct hf_sent *hf_sent_append_alone(struct hf_env *env, struct hf_sent_list *list, hf_seq start,
                                     hf_seq end, uint16_t segment)
{
    uint32_t index = env->settings->sent_records ? take_record(env) : 0;
    if (!index)
        return 0;
    struct hf_sent *s = hf_sent_at(env, index);
    s->next = s->prev = s->later = s->earlier = 0;
    s->start = s->origin = start;
    s->end = end;
    s->segment = segment;
    s->sent_at = env->now;
    s->flags = whole(end - start, segment);
    list->first = list->last = list->flight.first = list->flight.last = index;
    list->count = 1;
    return s;
}

uint32_t hf_sent_append(struct hf_env *env, struct hf_sent_list *list, hf_seq start, hf_seq end,
                        uint16_t segment)
{
    struct hf_sent *s = hf_sent_or_null(env, list->last);
    uint32_t index = list->last;
    if (!s)
        return hf_sent_append_alone(env, list, start, end, segment) ? list->last : 0;
    if (!may_join(env, s, segment)) {
        index = insert(env, list, list->last);
        if (!index)
            return 0;
        s = hf_sent_at(env, index);
        s->start = s->end = s->origin = start;
        s->segment = segment;
        s->sent_at = env->now;
        enqueue(env, &list->flight, index, list->flight.last);
        if (list->root)
            tree_insert(env, list, index);
    }
    s->end = end;
    s->flags = whole(end - start, segment);
    return index;
}

bool hf_sent_split(struct hf_env *env, struct hf_sent_list *list, uint32_t index, hf_seq at)
{
    HF_ASSERT(!(hf_sent_at(env, index)->flags & HF_SENT_SACKED));
    uint32_t rest = insert(env, list, index);
    if (!rest)
        return false;
    struct hf_sent *s = hf_sent_at(env, index), *r = hf_sent_at(env, rest);
    r->start = at;
    r->end = s->end;
    s->end = at;
    r->sent_at = s->sent_at;
    r->rate = s->rate;
    r->origin = s->origin;
    r->segment = s->segment;
    r->flags = s->flags;
    s->flags &= (uint8_t)~HF_SENT_OPEN;
    enqueue(env, queue_of(list, r), rest, index);
    if (list->root)
        tree_insert(env, list, rest);
    return true;
}

hf_seq hf_sent_cut_below(const struct hf_sent *s, hf_seq seq)
{
    if (hf_seq_ge(seq, s->end))
        return s->end;
    hf_seq cut = seq - (seq - s->origin) % s->segment;
    return hf_seq_le(cut, s->start) ? s->start : cut;
}

hf_seq hf_sent_cut_above(const struct hf_sent *s, hf_seq seq)
{
    if (hf_seq_le(seq, s->start))
        return s->start;
    uint32_t over = (seq - s->origin) % s->segment;
    hf_seq cut = over ? seq + (s->segment - over) : seq;
    return hf_seq_ge(cut, s->end) ? s->end : cut;
}

/* ---- What happens to them ---- */

void hf_sent_acked(struct hf_env *env, struct hf_sent_list *list, hf_seq ack)
{
    struct hf_sent *s = hf_sent_at(env, list->first);
    if (hf_seq_lt(ack, s->end)) {
        tally(list, s->flags, s->start - ack);
        s->start = ack;
        return;
    }
    erase(env, list, list->first);
}

/* Joined with SACKED neighbours; returns the record that it is in now. */
uint32_t hf_sent_sacked(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    struct hf_sent *s = hf_sent_at(env, index);
    s->segments = (hf_sent_len(s) + s->segment - 1u) / s->segment;
    list->sacked_segments += s->segments;
    change(env, list, index, HF_SENT_SACKED | (s->flags & HF_SENT_EVER_RESENT));
    for (int i = 0; i < 2; i++) { /* the one behind, then the one before */
        uint32_t low = i ? hf_sent_at(env, index)->prev : index;
        uint32_t high = low ? hf_sent_at(env, low)->next : 0;
        if (!low || !high || !(hf_sent_at(env, low)->flags & hf_sent_at(env, high)->flags &
                               HF_SENT_SACKED))
            continue;
        struct hf_sent *to = hf_sent_at(env, low), *from = hf_sent_at(env, high);
        hf_seq end = from->end;
        uint32_t bytes = hf_sent_len(from), segments = from->segments;
        to->flags |= from->flags;
        erase(env, list, high);
        to->end = end;
        to->segments += segments;
        list->sacked += bytes;
        list->sacked_segments += segments;
        index = low;
    }
    return index;
}

void hf_sent_lost(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    const struct hf_sent *s = hf_sent_at(env, index);
    change(env, list, index, HF_SENT_LOST | (s->flags & HF_SENT_EVER_RESENT));
}

void hf_sent_resent(struct hf_env *env, struct hf_sent_list *list, uint32_t index)
{
    struct hf_sent *s = hf_sent_at(env, index);
    s->sent_at = env->now;
    change(env, list, index,
           HF_SENT_RESENT | HF_SENT_EVER_RESENT | (s->flags & HF_SENT_LOST));
}

void hf_sent_all_lost(struct hf_env *env, struct hf_sent_list *list, bool reneged, hf_time by)
{
    for (uint32_t i = list->first; i; i = hf_sent_at(env, i)->next) {
        struct hf_sent *s = hf_sent_at(env, i);
        if (s->flags & HF_SENT_SACKED) {
            if (!reneged)
                continue;
            list->sacked_segments -= s->segments;
        } else if (!reneged && i != list->first && s->sent_at > by) {
            continue;
        }
        hf_sent_lost(env, list, i);
    }
}

/* To where its time of transmission belongs among what is in flight: from `after` on. */
static uint32_t back_in_flight(struct hf_env *env, struct hf_sent_list *list, uint32_t index,
                               uint32_t after)
{
    struct hf_sent *s = hf_sent_at(env, index);
    dequeue(env, &list->lost, index);
    tally(list, s->flags, 0u - hf_sent_len(s));
    s->flags &= (uint8_t)~HF_SENT_LOST;
    tally(list, s->flags, hf_sent_len(s));
    if (after && hf_sent_at(env, after)->sent_at > s->sent_at)
        after = 0;
    for (;;) {
        uint32_t next = after ? hf_sent_at(env, after)->later : list->flight.first;
        if (!next || hf_sent_at(env, next)->sent_at > s->sent_at)
            break;
        after = next;
    }
    enqueue(env, &list->flight, index, after);
    return index;
}

void hf_sent_none_lost(struct hf_env *env, struct hf_sent_list *list)
{
    for (uint32_t last = 0; list->lost.first;)
        last = back_in_flight(env, list, list->lost.first, last);
    for (uint32_t i = list->flight.first; list->lost_bytes && i; i = hf_sent_at(env, i)->later) {
        struct hf_sent *s = hf_sent_at(env, i);
        list->lost_bytes -= s->flags & HF_SENT_LOST ? hf_sent_len(s) : 0;
        s->flags &= (uint8_t)~HF_SENT_LOST;
    }
}

void hf_sent_shift(const struct hf_env *env, struct hf_sent_list *list, hf_time by)
{
    for (uint32_t i = list->first; i; i = hf_sent_at(env, i)->next) {
        struct hf_sent *s = hf_sent_at(env, i);
        s->sent_at += by;
        s->rate.delivered_at += by;
        s->rate.first_sent_at += by;
    }
}

void hf_sent_clear(struct hf_env *env, struct hf_sent_list *list)
{
    for (uint32_t i = list->first; i;) {
        uint32_t next = hf_sent_at(env, i)->next;
        hf_sent_give(env, i, hf_sent_at(env, i));
        i = next;
    }
    *list = (struct hf_sent_list){0};
}

/* ---- For tests ---- */

#define MUST(condition, sentence)                                                                 \
    do {                                                                                          \
        if (!(condition))                                                                         \
            return sentence;                                                                      \
    } while (0)

static const char *check_queue(const struct hf_env *env, const struct hf_sent_list *list,
                               const struct hf_sent_queue *q, uint32_t *members)
{
    struct hf_sent_list copy = *list;
    uint32_t before = 0;
    for (uint32_t i = q->first; i; i = hf_sent_at(env, i)->later) {
        const struct hf_sent *s = hf_sent_at(env, i);
        bool lost = q == &list->lost;
        MUST(queue_of(&copy, s) == (lost ? &copy.lost : &copy.flight),
             "a record stands in a queue that is not its own");
        MUST(s->earlier == before, "a queue of sent records is broken");
        MUST(lost || !before || hf_sent_at(env, before)->sent_at <= s->sent_at,
             "records in flight are not in the order of their transmission");
        before = i;
        ++*members;
    }
    MUST(q->last == before, "a queue of sent records has another end");
    return 0;
}

const char *hf_sent_check(const struct hf_env *env, const struct hf_sent_list *list, hf_seq una,
                          hf_seq nxt)
{
    struct hf_sent_list sums = {0};
    hf_seq at = una;
    uint32_t before = 0, members = 0;
    for (uint32_t i = list->first; i; i = hf_sent_at(env, i)->next) {
        const struct hf_sent *s = hf_sent_at(env, i);
        MUST(s->prev == before, "the records of what was sent are not linked both ways");
        MUST(s->start == at, "a gap between the records of what was sent");
        MUST(hf_seq_lt(s->start, s->end), "a record of nothing sent");
        MUST(hf_seq_le(s->end, nxt), "a record beyond SND.NXT");
        MUST(s->segment, "a record without a segment size");
        MUST(!(s->flags & HF_SENT_SACKED) || !(s->flags & (HF_SENT_LOST | HF_SENT_RESENT)),
             "SACKed text counts as lost or resent");
        MUST(!(s->flags & HF_SENT_RESENT) || s->flags & HF_SENT_EVER_RESENT,
             "a retransmission that was never sent again");
        tally(&sums, s->flags, hf_sent_len(s));
        if (s->flags & HF_SENT_SACKED)
            sums.sacked_segments += s->segments;
        else
            members++;
        sums.count++;
        at = s->end;
        before = i;
    }
    MUST(list->last == before, "the last record is another one");
    MUST(sums.count == list->count, "the number of records is off");
    MUST(sums.sacked == list->sacked && sums.lost_bytes == list->lost_bytes &&
             sums.resent == list->resent && sums.sacked_segments == list->sacked_segments,
         "SACKed, lost or resent bytes do not agree with the records");
    uint32_t queued = 0;
    const char *fault = check_queue(env, list, &list->flight, &queued);
    if (!fault)
        fault = check_queue(env, list, &list->lost, &queued);
    if (fault)
        return fault;
    MUST(queued == members, "a record that is not SACKed stands in no queue");
    return 0;
}
