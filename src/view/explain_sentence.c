/* How a connection ended and why, in one sentence of English or Chinese. Both stand side by side, so
 * that none is forgotten; their arguments come in the same order. */
#include "explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <handfast/view.h>

struct words {
    char *text;
    size_t len;
    int language;
};

__attribute__((format(printf, 2, 4), format(printf, 3, 4))) static void
say(struct words *words, const char *english, const char *chinese, ...)
{
    va_list list;
    size_t room = HF_EXPLAIN_SENTENCE - words->len;
    va_start(list, chinese);
    int len = vsnprintf(words->text + words->len, room,
                        words->language == HF_CHINESE ? chinese : english, list);
    va_end(list);
    if (len > 0)
        words->len += (size_t)len < room ? (size_t)len : room - 1;
}

static char name(int e)
{
    return e == 0 ? 'A' : 'B';
}

/* " (#5)", or nothing. */
static void say_where(struct words *words, uint64_t packet)
{
    if (packet)
        say(words, " (#%" PRIu64 ")", "（#%" PRIu64 "）", packet);
}

static uint64_t resends(const struct hf_explained_end *end)
{
    return (uint64_t)end->counts[HF_EXPLAIN_RTO] + end->counts[HF_EXPLAIN_FAST] +
           end->counts[HF_EXPLAIN_TLP] + end->counts[HF_EXPLAIN_RESENT];
}

static void say_reset(struct words *words, const struct hf_explained *c)
{
    int by = c->reset_by;
    const struct hf_explained_end *end = &c->end[by];
    say(words, "Reset by %c (#%" PRIu64 ")", "被 %c 复位（#%" PRIu64 "）", name(by),
        c->reset_packet);
    if (end->told && end->cause != HF_CAUSE_NONE) {
        say(words, ": %s", "：%s", hf_cause_words(end->cause, words->language));
    } else {
        say(words, ", most likely because %s", "，原因很可能是%s",
            hf_explain_reset_words(c->reset_cause, words->language));
        if (c->reset_cause == HF_EXPLAIN_RESET_DATA_AFTER_CLOSE && end->fin)
            say(words, ", FIN #%" PRIu64, "，它的 FIN 是 #%" PRIu64, end->fin);
    }
    if (c->reset_ttl != c->usual_ttl)
        say(words,
            "; its TTL is %u where %c's other packets have %u: something between the ends sent "
            "it",
            "；它的 TTL 是 %u，而 %c 的其他分组是 %u：发出它的是两端之间的某个设备", c->reset_ttl,
            name(by), c->usual_ttl);
}

static void say_closed(struct words *words, const struct hf_explained *c)
{
    int first = c->closed_first;
    uint64_t fins[2] = {c->end[first].fin, c->end[1 - first].fin};
    if (c->end[0].counts[HF_EXPLAIN_SIMULTANEOUS_CLOSE] +
        c->end[1].counts[HF_EXPLAIN_SIMULTANEOUS_CLOSE])
        say(words, "Closed by both at once (FIN #%" PRIu64 " and #%" PRIu64 ")",
            "双方同时关闭（FIN 是 #%" PRIu64 " 和 #%" PRIu64 "）", fins[0], fins[1]);
    else
        say(words,
            "Closed in order: %c closed first (FIN #%" PRIu64 "), %c followed (FIN #%" PRIu64 ")",
            "有序关闭：%c 先关闭（FIN #%" PRIu64 "），%c 随后关闭（FIN #%" PRIu64 "）",
            name(first), fins[0], name(1 - first), fins[1]);
    if (c->last_ack)
        say(words, ", the last acknowledgement is #%" PRIu64, "，最后的确认是 #%" PRIu64,
            c->last_ack);
    if (c->reset_packet)
        say(words, "; a reset after it (#%" PRIu64 ") did no harm",
            "；其后的复位（#%" PRIu64 "）没有造成影响", c->reset_packet);
}

static void say_waiting(struct words *words, const struct hf_explained *c)
{
    for (int e = 0; e < 2; e++) {
        const struct hf_explained_end *end = &c->end[e];
        if (end->wait == HF_EXPLAIN_WAIT_ACK && end->unacked > 0) {
            say(words, "; %c waits for the acknowledgement of %" PRIu32 " byte%s",
                "；%c 在等 %" PRIu32 " 字节的确认%.0s", name(e), end->unacked,
                end->unacked == 1 ? "" : "s");
            if (resends(end))
                say(words, ", %" PRIu64 " retransmission%s in all", "，共重传 %" PRIu64 " 次%.0s",
                    resends(end), resends(end) == 1 ? "" : "s");
        } else if (end->wait == HF_EXPLAIN_WAIT_WINDOW) {
            say(words, "; %c waits for %c's application to read (zero window)",
                "；%c 在等 %c 的应用读取数据（零窗口）", name(e), name(1 - e));
        } else if (end->wait == HF_EXPLAIN_WAIT_APPLICATION) {
            say(words, "; everything is acknowledged, %c waits for %c's application",
                "；所有数据都已确认，%c 在等 %c 的应用", name(e), name(1 - e));
        }
    }
}

static void say_unfinished(struct words *words, const struct hf_explained *c)
{
    int first = c->closed_first;
    switch (c->ending) {
    case HF_EXPLAIN_END_HALF_CLOSED:
        say(words, "Closed in one direction only: %c sent its FIN (#%" PRIu64 ")",
            "只关闭了一个方向：%c 发出了 FIN（#%" PRIu64 "）", name(first), c->end[first].fin);
        if (c->end[first].fin_acked)
            say(words, ", acknowledged by #%" PRIu64, "，由 #%" PRIu64 " 确认",
                c->end[first].fin_acked);
        say(words, ", %c did not close before #%" PRIu64, "，%c 在 #%" PRIu64 " 之前没有关闭",
            name(1 - first), c->last_packet);
        break;
    case HF_EXPLAIN_END_CLOSING:
        say(words,
            "Both closed (FIN #%" PRIu64 ", #%" PRIu64 "), the last acknowledgement is missing",
            "双方都已关闭（FIN #%" PRIu64 "、#%" PRIu64 "），缺少最后的确认", c->end[first].fin,
            c->end[1 - first].fin);
        break;
    default:
        say(words, "Still open at the last packet (#%" PRIu64 ")",
            "到最后一个分组（#%" PRIu64 "）时仍然打开", c->last_packet);
        break;
    }
    say_waiting(words, c);
}

static void say_no_answer(struct words *words, const struct hf_explained *c)
{
    uint64_t syns = c->end[0].packets;
    if (syns == 1)
        say(words, "Not opened: the SYN of A (#%" PRIu64 ") has no answer",
            "没有打开：A 的 SYN（#%" PRIu64 "）没有得到应答", c->first_packet);
    else
        say(words,
            "Not opened: %" PRIu64 " SYNs of A (#%" PRIu64 " to #%" PRIu64 ") without an answer",
            "没有打开：A 的 %" PRIu64 " 个 SYN（#%" PRIu64 " 到 #%" PRIu64 "）都没有得到应答",
            syns, c->first_packet, c->last_packet);
    say(words, ": nobody is there, or a firewall drops %s",
        "：那里没有主机，或者防火墙丢弃了它%.0s", syns == 1 ? "it" : "them");
}

char *hf_explain_sentence_words(const struct hf_explained *c, int language, char *text)
{
    struct words words = {text, 0, language};
    text[0] = 0;
    switch (c->ending) {
    case HF_EXPLAIN_END_REFUSED:
        say(&words, "Refused: %c answered the SYN", "被拒绝：%c 对 SYN", name(c->reset_by));
        say_where(&words, c->end[1 - c->reset_by].syn);
        say(&words, " with a reset (#%" PRIu64 "): %s", "的应答是复位（#%" PRIu64 "）：%s",
            c->reset_packet, hf_explain_reset_words(c->reset_cause, language));
        break;
    case HF_EXPLAIN_END_RESET:
        say_reset(&words, c);
        break;
    case HF_EXPLAIN_END_CLOSED:
        say_closed(&words, c);
        break;
    case HF_EXPLAIN_END_NO_ANSWER:
        say_no_answer(&words, c);
        break;
    case HF_EXPLAIN_END_HALF_OPEN:
        say(&words, "Half-open: B answered", "半开：B 已应答");
        if (c->end[1].syn)
            say(&words, " (SYN,ACK #%" PRIu64 ")", "（SYN,ACK #%" PRIu64 "）", c->end[1].syn);
        say(&words, ", the third segment of A never came", "，A 的第三个报文段始终没有来");
        break;
    case HF_EXPLAIN_END_NOT_FOLLOWED:
        say(&words, "Only resets were seen (#%" PRIu64 "): what they answer was not captured",
            "只见到复位（#%" PRIu64 "）：它们所应答的分组没有捕获到", c->first_packet);
        break;
    default:
        say_unfinished(&words, c);
        break;
    }
    if (c->put_aside)
        say(&words, "; told early, as there was no more room for it",
            "；因为内存已满，提前作了说明");
    say(&words, ".", "。");
    return text;
}

char *hf_explain_sentence(const struct hf_explained *c, char *text)
{
    return hf_explain_sentence_words(c, HF_ENGLISH, text);
}
