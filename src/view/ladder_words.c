/* The words of a ladder's rows. Sequence numbers count from each side's SYN. */
#include "ladder_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *words_time(const struct hf_ladder *ladder, hf_time time, char text[32])
{
    int64_t us = (time - ladder->base) / HF_US;
    const char *sign = us < 0 ? "-" : "";
    if (us < 0)
        us = -us;
    if (us < 1000000000)
        snprintf(text, 32, "%s%" PRId64 ".%03d", sign, us / 1000, (int)(us % 1000));
    else
        snprintf(text, 32, "%s%" PRId64 ".%01ds", sign, us / 1000000, (int)(us / 100000 % 10));
    return text;
}

const char *words_grouped(uint64_t value, char text[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}

const char *words_end_name(const struct hf_ladder *ladder, const struct hf_observed_end *end,
                           char text[HF_ENDPOINT_TEXT])
{
    if (!end->ours && !ladder->config.both_ends)
        return ladder->config.peer_name;
    if (!end->ours)
        return hf_endpoint_format(&end->endpoint, text); /* not heard of yet */
    for (size_t i = 0; i < ladder->config.name_count; i++)
        if (ladder->config.names[i].stack == end->stack)
            return ladder->config.names[i].name;
    snprintf(text, HF_ENDPOINT_TEXT, "stack %u", (unsigned)end->stack);
    return text;
}

/* A sequence number as its sender counts it: its SYN is 0. */
static uint32_t relative(const struct ladder_talk *talk, int sender, uint32_t seq)
{
    return talk->seen.end[sender].seen ? seq - talk->seen.end[sender].isn : seq;
}

void words_segment(const struct ladder_talk *talk, const struct row *row, bool absolute,
                   size_t room, char text[SEGMENT_TEXT])
{
    const struct hf_trace_record *r = &row->record;
    int sender = row->from;
    char flags[HF_FLAGS_TEXT];
    hf_flags_text(r->u.segment.flags, flags);
    uint32_t seq = absolute ? r->u.segment.seq : relative(talk, sender, r->u.segment.seq);
    uint32_t ack = absolute ? r->u.segment.ack : relative(talk, 1 - sender, r->u.segment.ack);

    for (int brief = 0; brief < 4; brief++) {
        int at =
            snprintf(text, SEGMENT_TEXT, "%s%s%" PRIu32, flags, brief < 3 ? " seq " : " ", seq);
        if (r->u.segment.text > 0)
            at += snprintf(text + at, SEGMENT_TEXT - (size_t)at, ":%" PRIu32,
                           seq + r->u.segment.text);
        if ((r->u.segment.flags & HF_ACK) != 0)
            at += snprintf(text + at, SEGMENT_TEXT - (size_t)at, " ack %" PRIu32, ack);
        if (brief < 2)
            at += snprintf(text + at, SEGMENT_TEXT - (size_t)at, " win %" PRIu32,
                           r->u.segment.window);
        if (brief < 1 && r->u.segment.text > 0)
            at += snprintf(text + at, SEGMENT_TEXT - (size_t)at, " len %" PRIu32,
                           r->u.segment.text);
        if ((size_t)at <= room)
            return;
    }
    if (room < SEGMENT_TEXT)
        text[room] = 0;
}

bool row_is_lost(const struct hf_ladder *ladder, const struct row *row)
{
    return ladder->config.both_ends && !ladder->config.live && row->part == PART_WHOLE &&
           row->sent && !row->arrived;
}

bool row_is_repair(const struct row *row)
{
    uint8_t reason = row->record.u.segment.reason;
    return row->sent ? reason >= HF_SEND_RTO && reason <= HF_SEND_KEEPALIVE : row->again;
}

void words_remark(struct remarks *remarks, const char *format, ...)
{
    size_t room = sizeof remarks->text - remarks->len;
    if (remarks->len > 0 && room > 2) {
        memcpy(remarks->text + remarks->len, ", ", 3);
        remarks->len += 2;
        room -= 2;
    }
    va_list list;
    va_start(list, format);
    int len = vsnprintf(remarks->text + remarks->len, room, format, list);
    va_end(list);
    if (len > 0)
        remarks->len += (size_t)len < room ? (size_t)len : room - 1;
}

void words_options(const struct ladder_talk *talk, const struct row *row, bool absolute,
                   int language, struct remarks *remarks)
{
    const struct hf_trace_record *r = &row->record;
    bool syn = (r->u.segment.flags & HF_SYN) != 0;
    if (syn)
        words_remark(remarks, "ISN %" PRIu32, r->u.segment.seq);
    if (!syn && absolute) {
        words_remark(remarks, SAID(language, "absolute seq %" PRIu32, "绝对 seq %" PRIu32),
                     r->u.segment.seq);
        if ((r->u.segment.flags & HF_ACK) != 0)
            words_remark(remarks, "ack %" PRIu32, r->u.segment.ack);
    }
    if (r->u.segment.mss != 0)
        words_remark(remarks, "mss %u", (unsigned)r->u.segment.mss);
    if (r->u.segment.sack_permitted)
        words_remark(remarks, "%s", SAID(language, "sack permitted", "允许 sack"));
    if (syn && r->u.segment.wscale != 0xff)
        words_remark(remarks, "scale %u", (unsigned)r->u.segment.wscale);
    if (syn && r->u.segment.has_ts)
        words_remark(remarks, "ts %" PRIu32 "/%" PRIu32, r->u.segment.tsval, r->u.segment.tsecr);
    if (r->u.segment.sacks > 0) {
        int about = 1 - row->from;
        words_remark(remarks, "sack %" PRIu32 ":%" PRIu32,
                     relative(talk, about, r->u.segment.sack[0]),
                     relative(talk, about, r->u.segment.sack[1]));
        if (r->u.segment.sacks > 1)
            words_remark(remarks, SAID(language, "%d more", "另有 %d 块"),
                         r->u.segment.sacks - 1);
    }
    if ((r->u.segment.flags & HF_URG) != 0)
        words_remark(remarks, SAID(language, "urgent pointer %u", "紧急指针 %u"),
                     (unsigned)r->u.segment.urgent);
    if (r->u.segment.segments > 1)
        words_remark(remarks, SAID(language, "%d segments in one", "%d 个报文段合一"),
                     r->u.segment.segments);
}

void words_fate(const struct row *row, int language, struct remarks *remarks)
{
    uint8_t reason = row->record.u.segment.reason;
    const char *why =
        row->sent && row->part != PART_ARRIVAL ? hf_send_words(reason, language) : "";
    if (why[0] != 0 && reason != HF_SEND_REPLY && reason != HF_SEND_RESET)
        words_remark(remarks, "%s", why);
    if (row->again)
        words_remark(
            remarks, "%s",
            SAID(language, "sent again, had been acknowledged", "重发，而此前已得到确认"));
    if (row->doubled)
        words_remark(remarks, "%s", SAID(language, "doubled on the way", "在途中被复制"));
    if (row->strayed)
        words_remark(remarks, "%s",
                     SAID(language, "late: it comes to a later connection",
                          "迟到：它到达时已是后来的连接"));
    if (row->stray)
        words_remark(remarks, "%s", SAID(language, "of an earlier connection", "来自先前的连接"));
    if (row->drop != HF_DROP_NONE)
        words_remark(remarks, SAID(language, "dropped: %s", "丢弃：%s"),
                     hf_drop_words(row->drop, language));
}

bool row_is_landmark(const struct row *row)
{
    return row->kind == ROW_SEGMENT &&
           (row->record.u.segment.flags & (HF_SYN | HF_FIN | HF_RST)) != 0;
}

const char *words_state(const struct row *row, int e, char *text)
{
    bool away = (row->part == PART_DEPARTURE && e != row->from) ||
                (row->part == PART_ARRIVAL && e == row->from);
    const struct row_end *end = &row->end[e];
    if (away || end->state == HF_STATES || (!row_is_landmark(row) && !end->changed))
        return "";
    struct hf_observed_end shown = {.state = end->state, .ours = !end->inferred};
    return hf_observed_state(&shown, text);
}

void words_note(const struct row *row, int language, char *text, size_t room)
{
    const struct hf_trace_record *r = &row->record;
    if (r->kind == HF_TRACE_DROP)
        snprintf(text, room, SAID(language, "dropped: %s", "丢弃：%s"),
                 hf_drop_words(r->u.drop.reason, language));
    else if (r->u.icmp.kind == HF_ICMP_TOO_BIG)
        snprintf(
            text, room,
            SAID(language, "ICMP: packet too big, MTU %" PRIu32, "ICMP：报文太大，MTU %" PRIu32),
            r->u.icmp.mtu);
    else if (r->u.icmp.kind == HF_ICMP_HARD)
        snprintf(text, room, "%s", SAID(language, "ICMP error, hard", "ICMP 差错，硬"));
    else
        snprintf(text, room, "%s", SAID(language, "ICMP error, soft", "ICMP 差错，软"));
}

static const char *by_words(const struct row_end *end, int language)
{
    if (end->by == HF_BY_CALL)
        return hf_call_words(end->detail, language);
    if (language == HF_CHINESE && end->by == HF_BY_SEGMENT)
        return "报文段";
    if (language == HF_CHINESE && end->by == HF_BY_STACK)
        return "协议栈";
    return hf_by_text(end->by);
}

void words_change(const struct row *row, bool below_call, int language, char *text, size_t room)
{
    const struct row_end *end = &row->end[row->from];
    text[0] = 0;
    if (end->ended)
        snprintf(text, room, SAID(language, "ended: %s", "结束：%s"),
                 hf_cause_words(end->cause, language));
    else if (end->by == HF_BY_TIMER && end->detail == HF_TIMER_2MSL)
        snprintf(text, room, "%s", SAID(language, "2MSL timer", "2MSL 定时器"));
    else if (end->by == HF_BY_TIMER)
        snprintf(text, room, SAID(language, "%s timer", "%s定时器"),
                 hf_timer_words(end->detail, language));
    else if (!below_call)
        snprintf(text, room, SAID(language, "by %s", "因%s"), by_words(end, language));
}

/* A segment of which a hundred look alike. */
static bool is_plain(const struct hf_ladder *ladder, const struct row *row)
{
    if (row->kind != ROW_SEGMENT || row->part != PART_WHOLE)
        return false;
    const struct hf_trace_record *r = &row->record;
    unsigned usual = HF_ACK | HF_PSH;
    if ((r->u.segment.flags & ~usual) != 0 || r->u.segment.window == 0)
        return false;
    if (r->u.segment.sacks > 0 || row->drop != HF_DROP_NONE || row->doubled || row->again)
        return false;
    if (row->sent && r->u.segment.reason > HF_SEND_ACK)
        return false;
    if (row_is_lost(ladder, row))
        return false;
    for (int e = 0; e < 2; e++)
        if (row->end[e].changed || row->end[e].ended)
            return false;
    return true;
}

size_t fold_run(const struct hf_ladder *ladder, const struct ladder_talk *talk, size_t at)
{
    size_t run = 0;
    while (!ladder->config.whole && at + run < talk->count &&
           is_plain(ladder, &talk->rows[at + run]))
        run++;
    return run;
}

void words_fold(const struct ladder_talk *talk, const struct row *rows, size_t n, int from,
                int language, struct remarks *remarks)
{
    uint64_t bytes = 0;
    uint32_t segments = 0, ack = 0, end = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].from != from)
            continue;
        segments++;
        bytes += rows[i].record.u.segment.text;
        ack = relative(talk, 1 - from, rows[i].record.u.segment.ack);
        end = relative(talk, from, rows[i].record.u.segment.seq) + rows[i].record.u.segment.text;
    }
    if (segments == 0)
        return;
    char count[32], amount[32];
    words_grouped(segments, count);
    words_grouped(bytes, amount);
    const char *to = from == 0 ? "->" : "<-";
    if (bytes > 0)
        words_remark(remarks,
                     SAID(language, "%s segments %s %s bytes up to seq %" PRIu32,
                          "%s 个报文段 %s %s 字节，直到 seq %" PRIu32),
                     count, to, amount, end);
    else
        words_remark(
            remarks,
            SAID(language, "%s ACKs %s up to ack %" PRIu32, "%s 个 ACK %s 直到 ack %" PRIu32),
            count, to, ack);
}

const char *words_first_state(const struct ladder_talk *talk, int e, char *text)
{
    struct hf_observed_end end = {.ours = talk->seen.end[e].ours, .state = HF_CLOSED};
    if (talk->has_first[e]) {
        end.state = talk->first_state[e];
        return hf_observed_state(&end, text);
    }
    for (size_t i = 0; i < talk->count; i++) {
        const struct row *row = &talk->rows[i];
        if (end.ours && row->end[e].state != HF_STATES) {
            end.state = row->end[e].state;
            return hf_observed_state(&end, text);
        }
        if (row->kind != ROW_SEGMENT || row->from != e)
            continue;
        uint16_t flags = row->record.u.segment.flags;
        if ((flags & HF_SYN) == 0)
            return "";
        if ((flags & HF_ACK) != 0)
            end.state = HF_LISTEN;
        return hf_observed_state(&end, text);
    }
    return "";
}

int words_first(const struct ladder_talk *talk, int e)
{
    char text[HF_OBSERVED_STATE_TEXT];
    const char *name = words_first_state(talk, e, text);
    name += *name == '~';
    for (int state = 0; state < HF_STATES; state++)
        if (strcmp(name, hf_state_text(state)) == 0)
            return state;
    return HF_CLOSED;
}
