/* The ladder, writing side: rows (ladder.h) as lines of text.
 *
 *      time ms        client |                                           | server
 *        0.000      SYN-SENT |-- SYN seq 0 win 65535 ------------------->| SYN-RECEIVED
 *                            |   ISN 1000, mss 1460, sack                |
 *
 * The time is that of departure, or of arrival where the arrival has a line of its own. A state
 * stands where it changed and beside every SYN, FIN and RST. Sequence numbers count from each
 * side's SYN. Plain ASCII, so that every terminal and every log shows it. */
#include "ladder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TIME_WIDTH 10
#define STATE_WIDTH 13 /* "~SYN-RECEIVED"                                                  */
#define LINE_ROOM 640  /* 160 columns and colours                                          */
#define FOLD_FROM 16   /* plain segments in a row from which on the middle is folded       */
#define FOLD_FIRST 4   /* ... and how many stay before ...                                 */
#define FOLD_LAST 3    /* ... and after it                                                 */

enum colour { PLAIN, OPENING, CLOSING, RESETTING, REPAIR, LOST, CHANGE, NOTE };
static const char *const colours[] = {"",         "\033[32m",   "\033[34m", "\033[31m",
                                      "\033[33m", "\033[1;31m", "\033[1m",  "\033[2m"};

struct line {
    char text[LINE_ROOM];
    size_t len;
};

static void add_text(struct line *line, const char *text, size_t len)
{
    if (len > LINE_ROOM - line->len)
        len = LINE_ROOM - line->len;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void add_spaces(struct line *line, size_t n)
{
    while (n-- > 0)
        add_text(line, " ", 1);
}

/* A cell of a given width, its text to the left or to the right. */
static void add_cell(const struct hf_ladder *ladder, struct line *line, const char *text,
                     size_t width, bool right, enum colour colour)
{
    size_t len = strlen(text);
    if (len > width)
        len = width;
    bool coloured = ladder->config.colour && colour != PLAIN && len > 0;
    if (right)
        add_spaces(line, width - len);
    if (coloured)
        add_text(line, colours[colour], strlen(colours[colour]));
    add_text(line, text, len);
    if (coloured)
        add_text(line, "\033[0m", 4);
    if (!right)
        add_spaces(line, width - len);
}

static void write_line(const struct hf_ladder *ladder, struct line *line)
{
    while (line->len > 0 && line->text[line->len - 1] == ' ')
        line->len--;
    if (line->len == LINE_ROOM)
        line->len--;
    line->text[line->len++] = '\n';
    ladder->config.write(ladder->config.context, line->text, line->len);
}

__attribute__((format(printf, 2, 3))) static void say(const struct hf_ladder *ladder,
                                                      const char *format, ...)
{
    struct line line = {.len = 0};
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line.text, sizeof line.text, format, list);
    va_end(list);
    line.len = len < 0 ? 0 : (size_t)len < LINE_ROOM ? (size_t)len : LINE_ROOM - 1;
    write_line(ladder, &line);
}

static size_t middle_width(const struct hf_ladder *ladder)
{
    return ladder->config.width - (TIME_WIDTH + 1 + STATE_WIDTH + 2 + 2 + STATE_WIDTH);
}

/* One line: time, left state, what is between the life lines, right state. */
static void write_cells(const struct hf_ladder *ladder, const char *time, const char *left,
                        const char *middle, const char *right, enum colour states,
                        enum colour between)
{
    struct line line = {.len = 0};
    add_cell(ladder, &line, time, TIME_WIDTH, true, NOTE);
    add_spaces(&line, 1);
    add_cell(ladder, &line, left, STATE_WIDTH, true, states);
    add_text(&line, " |", 2);
    add_cell(ladder, &line, middle, middle_width(ladder), false, between);
    add_text(&line, "| ", 2);
    add_cell(ladder, &line, right, strlen(right), false, states);
    write_line(ladder, &line);
}

/* Milliseconds with three digits behind the point; seconds where that is too long. */
static const char *time_text(const struct hf_ladder *ladder, hf_time time, char text[32])
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

/* 84680 as "84,680". */
static const char *grouped(uint64_t value, char text[32])
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

static const char *end_name(const struct hf_ladder *ladder, const struct hf_observed_end *end,
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

/* ---- What a segment says ---- */

/* A sequence number as its sender counts it: its SYN is 0. */
static uint32_t relative(const struct ladder_talk *talk, int sender, uint32_t seq)
{
    return talk->seen.end[sender].seen ? seq - talk->seen.end[sender].isn : seq;
}

/* The segment in words, at most `room` of them: what fits least is left out first. */
static void segment_text(const struct ladder_talk *talk, const struct row *row, size_t room,
                         char text[128])
{
    const struct hf_trace_record *r = &row->record;
    int sender = row->from;
    char flags[HF_FLAGS_TEXT];
    hf_flags_text(r->u.segment.flags, flags);
    uint32_t seq = relative(talk, sender, r->u.segment.seq);
    uint32_t ack = relative(talk, 1 - sender, r->u.segment.ack);

    for (int brief = 0; brief < 4; brief++) {
        int at = snprintf(text, 128, "%s%s%" PRIu32, flags, brief < 3 ? " seq " : " ", seq);
        if (r->u.segment.text > 0)
            at += snprintf(text + at, 128 - (size_t)at, ":%" PRIu32, seq + r->u.segment.text);
        if ((r->u.segment.flags & HF_ACK) != 0)
            at += snprintf(text + at, 128 - (size_t)at, " ack %" PRIu32, ack);
        if (brief < 2)
            at += snprintf(text + at, 128 - (size_t)at, " win %" PRIu32, r->u.segment.window);
        if (brief < 1 && r->u.segment.text > 0)
            at += snprintf(text + at, 128 - (size_t)at, " len %" PRIu32, r->u.segment.text);
        if ((size_t)at <= room)
            return;
    }
    text[room] = 0;
}

static bool is_lost(const struct hf_ladder *ladder, const struct row *row)
{
    return ladder->config.both_ends && !ladder->config.live && row->part == PART_WHOLE &&
           row->sent && !row->arrived;
}

static bool is_repair(const struct row *row)
{
    uint8_t reason = row->record.u.segment.reason;
    return row->sent ? reason >= HF_SEND_RTO && reason <= HF_SEND_KEEPALIVE : row->again;
}

/* The arrow, broken off where the segment was lost, open where it is still on its way. */
static void arrow_text(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                       const struct row *row, char *arrow)
{
    size_t width = middle_width(ladder);
    bool to_right = row->from == 0;
    bool lost = is_lost(ladder, row);
    const char *head = to_right ? "--" : "<-";
    const char *tail = to_right ? "->" : "--";
    if (lost && to_right)
        tail = "---X lost";
    if (lost && !to_right)
        head = " lost X---";
    bool open_left = row->part == (to_right ? PART_ARRIVAL : PART_DEPARTURE);
    bool open_right = row->part == (to_right ? PART_DEPARTURE : PART_ARRIVAL);
    if (open_left)
        head = "...";
    if (open_right)
        tail = "...";

    char text[128];
    segment_text(talk, row, width - strlen(head) - strlen(tail) - 2, text);
    char *at = arrow;
    at += sprintf(at, "%s %s ", head, text);
    size_t used = (size_t)(at - arrow) + strlen(tail);
    bool short_of_end = lost && to_right;
    while (!short_of_end && used++ < width)
        *at++ = '-';
    sprintf(at, "%s", tail);
}

/* ---- What is said below it ---- */

/* A list of remarks with commas, written within the life lines. */
struct remarks {
    char text[400];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void remark(struct remarks *remarks,
                                                         const char *format, ...)
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

/* How much of a text fits a line: up to a comma, or else up to a space. */
static size_t line_length(const char *text, size_t len, size_t width)
{
    if (len <= width)
        return len;
    size_t space = 0;
    for (size_t i = width; i > 0; i--) {
        if (text[i] != ' ')
            continue;
        if (text[i - 1] == ',')
            return i;
        if (space == 0)
            space = i;
    }
    return space > 0 ? space : width;
}

/* Write text on lines of its own, broken between words; on the side of the end it is about. */
static void write_text(const struct hf_ladder *ladder, const char *time, const char *left,
                       const char *right, const char *text, bool on_right, enum colour colour)
{
    size_t width = middle_width(ladder) - 6;
    size_t len = strlen(text);
    do {
        size_t take = line_length(text, len, width);
        char middle[200];
        size_t before = on_right ? middle_width(ladder) - 3 - take : 3;
        snprintf(middle, sizeof middle, "%*s%.*s", (int)before, "", (int)take, text);
        write_cells(ladder, time, left, middle, right, CHANGE, colour);
        time = left = right = "";
        while (take < len && text[take] == ' ')
            take++;
        text += take;
        len -= take;
    } while (len > 0);
}

static void remark_options(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                           const struct row *row, struct remarks *remarks)
{
    const struct hf_trace_record *r = &row->record;
    bool syn = (r->u.segment.flags & HF_SYN) != 0;
    if (syn)
        remark(remarks, "ISN %" PRIu32, r->u.segment.seq);
    if (!syn && ladder->config.absolute) {
        remark(remarks, "absolute seq %" PRIu32, r->u.segment.seq);
        if ((r->u.segment.flags & HF_ACK) != 0)
            remark(remarks, "ack %" PRIu32, r->u.segment.ack);
    }
    if (r->u.segment.mss != 0)
        remark(remarks, "mss %u", (unsigned)r->u.segment.mss);
    if (r->u.segment.sack_permitted)
        remark(remarks, "sack permitted");
    if (syn && r->u.segment.wscale != 0xff)
        remark(remarks, "scale %u", (unsigned)r->u.segment.wscale);
    if (syn && r->u.segment.has_ts)
        remark(remarks, "ts %" PRIu32 "/%" PRIu32, r->u.segment.tsval, r->u.segment.tsecr);
    if (r->u.segment.sacks > 0) {
        int about = 1 - row->from;
        remark(remarks, "sack %" PRIu32 ":%" PRIu32, relative(talk, about, r->u.segment.sack[0]),
               relative(talk, about, r->u.segment.sack[1]));
        if (r->u.segment.sacks > 1)
            remark(remarks, "%d more", r->u.segment.sacks - 1);
    }
    if ((r->u.segment.flags & HF_URG) != 0)
        remark(remarks, "urgent pointer %u", (unsigned)r->u.segment.urgent);
    if (r->u.segment.segments > 1)
        remark(remarks, "%d segments in one", r->u.segment.segments);
}

static void remark_fate(const struct row *row, struct remarks *remarks)
{
    uint8_t reason = row->record.u.segment.reason;
    const char *why = row->sent && row->part != PART_ARRIVAL ? hf_send_text(reason) : "";
    if (why[0] != 0 && reason != HF_SEND_REPLY && reason != HF_SEND_RESET)
        remark(remarks, "%s", why);
    if (row->again)
        remark(remarks, "sent again, had been acknowledged");
    if (row->doubled)
        remark(remarks, "doubled on the way");
    if (row->drop != HF_DROP_NONE)
        remark(remarks, "dropped: %s", hf_drop_text(row->drop));
}

/* ---- Rows ---- */

static bool is_landmark(const struct row *row)
{
    return row->kind == ROW_SEGMENT &&
           (row->record.u.segment.flags & (HF_SYN | HF_FIN | HF_RST)) != 0;
}

/* The state to write beside a row, or nothing. */
static const char *state_cell(const struct row *row, int e, char *text)
{
    bool away = (row->part == PART_DEPARTURE && e != row->from) ||
                (row->part == PART_ARRIVAL && e == row->from);
    const struct row_end *end = &row->end[e];
    if (away || end->state == HF_STATES || (!is_landmark(row) && !end->changed))
        return "";
    struct hf_observed_end shown = {.state = end->state, .ours = !end->inferred};
    return hf_observed_state(&shown, text);
}

static enum colour arrow_colour(const struct hf_ladder *ladder, const struct row *row)
{
    uint16_t flags = row->record.u.segment.flags;
    if (is_lost(ladder, row))
        return LOST;
    if (is_repair(row))
        return REPAIR;
    if ((flags & HF_RST) != 0)
        return RESETTING;
    if ((flags & HF_SYN) != 0)
        return OPENING;
    if ((flags & HF_FIN) != 0)
        return CLOSING;
    return PLAIN;
}

static void draw_endings(const struct hf_ladder *ladder, const struct row *row)
{
    for (int e = 0; e < 2; e++) {
        if (!row->end[e].ended)
            continue;
        char text[160];
        snprintf(text, sizeof text, "ended: %s", hf_cause_text(row->end[e].cause));
        write_text(ladder, "", "", "", text, e == 1, NOTE);
    }
}

static void draw_segment(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                         const struct row *row)
{
    char time[32], arrow[256], left[HF_OBSERVED_STATE_TEXT], right[HF_OBSERVED_STATE_TEXT];
    arrow_text(ladder, talk, row, arrow);
    const char *l = state_cell(row, 0, left);
    const char *r = state_cell(row, 1, right);
    write_cells(ladder, time_text(ladder, row->record.time, time), l, arrow, r, CHANGE,
                arrow_colour(ladder, row));
    struct remarks remarks = {.len = 0};
    if (row->part != PART_ARRIVAL)
        remark_options(ladder, talk, row, &remarks);
    remark_fate(row, &remarks);
    if (remarks.len > 0)
        write_text(ladder, "", "", "", remarks.text, false, NOTE);
    draw_endings(ladder, row);
}

static void note_text(const struct row *row, char *text, size_t room)
{
    const struct hf_trace_record *r = &row->record;
    if (r->kind == HF_TRACE_DROP)
        snprintf(text, room, "dropped: %s", hf_drop_text(r->u.drop.reason));
    else if (r->u.icmp.kind == HF_ICMP_TOO_BIG)
        snprintf(text, room, "ICMP: packet too big, MTU %" PRIu32, r->u.icmp.mtu);
    else
        snprintf(text, room, "ICMP error, %s", r->u.icmp.kind == HF_ICMP_HARD ? "hard" : "soft");
}

/* Why a state changed when no segment shows it. */
static void change_text(const struct row *row, bool below_call, char *text, size_t room)
{
    const struct row_end *end = &row->end[row->from];
    text[0] = 0;
    if (end->ended)
        snprintf(text, room, "ended: %s", hf_cause_text(end->cause));
    else if (end->by == HF_BY_TIMER)
        snprintf(text, room, "%s timer", hf_timer_text(end->detail));
    else if (!below_call)
        snprintf(text, room, "by %s",
                 end->by == HF_BY_CALL ? hf_call_text(end->detail) : hf_by_text(end->by));
}

void ladder_draw_row(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                     const struct row *row)
{
    if (row->kind == ROW_SEGMENT) {
        draw_segment(ladder, talk, row);
        return;
    }
    char time[32], text[160], state[HF_OBSERVED_STATE_TEXT] = "";
    const char *cell = state;
    time_text(ladder, row->record.time, time);
    if (row->kind == ROW_CALL) {
        snprintf(state, sizeof state, "(%s)", hf_call_text(row->record.u.call.call));
        text[0] = 0;
    } else if (row->kind == ROW_STATE) {
        cell = state_cell(row, row->from, state);
        bool below_call =
            row > talk->rows && row[-1].kind == ROW_CALL && row[-1].from == row->from;
        change_text(row, below_call, text, sizeof text);
    } else {
        note_text(row, text, sizeof text);
    }
    bool on_right = row->from == 1;
    write_text(ladder, time, on_right ? "" : cell, on_right ? cell : "", text, on_right, NOTE);
}

/* ---- Folding ---- */

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
    if (is_lost(ladder, row))
        return false;
    for (int e = 0; e < 2; e++)
        if (row->end[e].changed || row->end[e].ended)
            return false;
    return true;
}

/* The folded segments of one direction in words: how many, how much, up to where. */
static void fold_text(const struct ladder_talk *talk, const struct row *rows, size_t n, int from,
                      struct remarks *remarks)
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
    grouped(segments, count);
    grouped(bytes, amount);
    const char *to = from == 0 ? "->" : "<-";
    if (bytes > 0)
        remark(remarks, "%s segments %s %s bytes up to seq %" PRIu32, count, to, amount, end);
    else
        remark(remarks, "%s ACKs %s up to ack %" PRIu32, count, to, ack);
}

static void draw_fold(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                      const struct row *rows, size_t n)
{
    const char *time = "...";
    int first = rows[0].from;
    for (int i = 0; i < 2; i++) {
        struct remarks remarks = {.len = 0};
        fold_text(talk, rows, n, i == 0 ? first : 1 - first, &remarks);
        if (remarks.len == 0)
            continue;
        char text[432];
        snprintf(text, sizeof text, "... %s", remarks.text);
        write_text(ladder, time, "", "", text, false, CHANGE);
        time = "";
    }
}

static void draw_rows(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    for (size_t i = 0; i < talk->count;) {
        size_t run = 0;
        while (!ladder->config.whole && i + run < talk->count &&
               is_plain(ladder, &talk->rows[i + run]))
            run++;
        if (run < FOLD_FROM) {
            size_t n = run > 0 ? run : 1;
            for (size_t k = 0; k < n; k++)
                ladder_draw_row(ladder, talk, &talk->rows[i + k]);
            i += n;
            continue;
        }
        size_t last = i + run - FOLD_LAST;
        for (size_t k = i; k < i + FOLD_FIRST; k++)
            ladder_draw_row(ladder, talk, &talk->rows[k]);
        draw_fold(ladder, talk, &talk->rows[i + FOLD_FIRST], last - i - FOLD_FIRST);
        for (size_t k = last; k < i + run; k++)
            ladder_draw_row(ladder, talk, &talk->rows[k]);
        i += run;
    }
}

/* ---- Head and foot ---- */

/* The state an end began in: by its first change; of a peer by what it said first. */
static const char *first_state(const struct ladder_talk *talk, int e, char *text)
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

void ladder_draw_head(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    char name[2][HF_ENDPOINT_TEXT], address[2][HF_ENDPOINT_TEXT];
    const char *names[2];
    for (int e = 0; e < 2; e++) {
        names[e] = end_name(ladder, &talk->seen.end[e], name[e]);
        hf_endpoint_format(&talk->seen.end[e].endpoint, address[e]);
    }
    const char *note = "";
    for (int e = 0; e < 2; e++) {
        if (!talk->seen.end[e].ours && !ladder->config.both_ends)
            note = " (~ marks an inferred state)";
        if (names[e] == name[e] && !talk->seen.end[e].ours)
            address[e][0] = 0;
    }
    say(ladder, "connection %" PRIu32 ": %s%s%s to %s%s%s%s", talk->seen.number, names[0],
        address[0][0] != 0 ? " " : "", address[0], names[1], address[1][0] != 0 ? " " : "",
        address[1], note);
    if (talk->titled)
        return;
    if (ladder->unsafe)
        say(ladder, "(unsafe settings: numbers, ports or MSL are not as they should be)");
    write_cells(ladder, "time ms", names[0], "", names[1], CHANGE, PLAIN);
}

static void draw_foot(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    for (int e = 0; e < 2; e++) {
        const struct hf_observed_end *end = &talk->seen.end[e];
        char name[HF_ENDPOINT_TEXT], state[HF_OBSERVED_STATE_TEXT];
        char time[32], sent[32], received[32];
        const char *who = end_name(ladder, end, name);
        if (talk->ending[e].kind != HF_TRACE_END) {
            bool lives = end->ours && end->state != HF_CLOSED;
            if (end->ours || end->seen)
                say(ladder, "%s: %s%s", who, lives ? "still " : "",
                    hf_observed_state(end, state));
            continue;
        }
        const struct hf_trace_record *r = &talk->ending[e];
        say(ladder, "%s: ended at %s, %s", who, time_text(ladder, end->ended_at, time),
            hf_cause_text(end->cause));
        say(ladder,
            "    %s bytes sent, %s received; %" PRIu32 " segments out, %" PRIu32 " in, %" PRIu32
            " sent again",
            grouped(r->u.end.bytes_sent, sent), grouped(r->u.end.bytes_received, received),
            r->u.end.segments_sent, r->u.end.segments_received, r->u.end.retransmits);
    }
}

void ladder_draw(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    char left[HF_OBSERVED_STATE_TEXT], right[HF_OBSERVED_STATE_TEXT];
    ladder_draw_head(ladder, talk);
    write_cells(ladder, "", first_state(talk, 0, left), "", first_state(talk, 1, right), CHANGE,
                PLAIN);
    draw_rows(ladder, talk);
    draw_foot(ladder, talk);
    say(ladder, "%s", "");
}
