/* The knobs of the lab, and reading their values. */
#include "lab_knobs.h"

#include <handfast/view.h>
#include <stdio.h>
#include <string.h>

#define SAID(language, english, chinese) ((language) == HF_CHINESE ? (chinese) : (english))

/* clang-format off */
const struct knob_about knob_about[KNOB_COUNT] = {
    [KNOB_DELAY] = {"delay", KNOB_NUMBER, 1, 400, {"one-way delay", "单程时延"}, {"ms", "毫秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_LOSS] = {"loss", KNOB_NUMBER, 0, 100, {"random loss", "随机丢失率"}, {"%", "%"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_LOSE] = {"lose", KNOB_SEGMENTS, 1, 64, {"segments that are lost, by number", "丢失的报文段（编号）"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_FIRST] = {"first", KNOB_CHOICE, 0, 0, {"who closes first", "谁先关闭"}, {"", ""},
        {{"turns", {"each in turn", "双方轮流"}},
         {"client", {"the client", "客户端"}},
         {"server", {"the server", "服务器"}},
         {"both", {"both at once", "双方同时"}}}},
    [KNOB_THINK] = {"think", KNOB_NUMBER, 0, 1000, {"the other side thinks for", "另一方思考的时间"}, {"ms", "毫秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_APART] = {"apart", KNOB_NUMBER, 0, 1000, {"between one side and the other", "两方相隔"}, {"ms", "毫秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_MSL] = {"msl", KNOB_NUMBER, 0, 120, {"MSL; TIME-WAIT lasts twice as long", "MSL（TIME-WAIT 是它的两倍）"}, {"s", "秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_SYNS] = {"syns", KNOB_NUMBER, 0, 5, {"SYNs that are lost", "丢失的 SYN 个数"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_TIMER] = {"timer", KNOB_NUMBER, 1, 10, {"first retransmission timeout", "首次重传超时"}, {"s", "秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_RESETS] = {"resets", KNOB_CHOICE, 0, 0, {"resets", "复位"}, {"", ""},
        {{"arrive", {"arrive", "到达"}},
         {"lost", {"are lost", "丢失"}}}},
    [KNOB_BYTES] = {"bytes", KNOB_NUMBER, 1, 20000, {"the server sends afterwards", "服务器此后发送"}, {"bytes", "字节"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_CALL] = {"call", KNOB_CHOICE, 0, 0, {"the client ends by", "客户端的结束方式"}, {"", ""},
        {{"shutdown", {"closing one direction", "只关闭一个方向"}},
         {"close", {"closing both at once", "两个方向一起关闭"}}}},
    [KNOB_ACKS] = {"acks", KNOB_NUMBER, 0, 4, {"last ACKs that are lost", "丢失的最后 ACK 个数"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_TIMESTAMPS] = {"timestamps", KNOB_CHOICE, 0, 0, {"timestamps (PAWS)", "时间戳（PAWS）"}, {"", ""},
        {{"off", {"off", "关"}},
         {"on", {"on", "开"}}}},
    [KNOB_ISN] = {"isn", KNOB_CHOICE, 0, 0, {"initial sequence numbers", "初始序号"}, {"", ""},
        {{"fixed", {"the same each time", "每次相同"}},
         {"keyed", {"keyed, as RFC 6528 says", "按 RFC 6528 用密钥产生"}}}},
    [KNOB_COOKIES] = {"cookies", KNOB_CHOICE, 0, 0, {"SYN cookies", "SYN cookie"}, {"", ""},
        {{"on", {"when the table is full", "表满时使用"}},
         {"off", {"never", "从不使用"}}}},
    [KNOB_FLOOD] = {"flood", KNOB_NUMBER, 100, 20000, {"forged SYNs in 4 s", "4 秒内伪造的 SYN"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_GUESSES] = {"guesses", KNOB_NUMBER, 1, 20000, {"guesses of the attacker", "攻击者猜测的次数"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_WINDOW] = {"window", KNOB_NUMBER, 2048, 16384, {"the reader's buffer", "接收者的缓冲区"}, {"bytes", "字节"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_PAUSE] = {"pause", KNOB_NUMBER, 0, 60, {"it does not read for", "不读数据的时间"}, {"s", "秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_READER] = {"reader", KNOB_CHOICE, 0, 0, {"after that it", "此后"}, {"", ""},
        {{"reads", {"reads everything", "全部读走"}},
         {"never", {"still does not read", "仍然不读"}}}},
    [KNOB_UPDATE] = {"update", KNOB_CHOICE, 0, 0, {"the window update", "窗口更新"}, {"", ""},
        {{"lost", {"is lost", "丢失"}},
         {"arrives", {"arrives", "到达"}}}},
    [KNOB_SACK] = {"sack", KNOB_CHOICE, 0, 0, {"SACK, RACK and TLP in the first run", "第一次是否使用 SACK、RACK 和 TLP"}, {"", ""},
        {{"on", {"on", "使用"}},
         {"off", {"off", "不用"}}}},
    [KNOB_HOLES] = {"holes", KNOB_NUMBER, 0, 13, {"segments lost out of one flight", "同一窗口中丢失的报文段"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_TAIL] = {"tail", KNOB_CHOICE, 0, 0, {"the very last segment", "最后一个报文段"}, {"", ""},
        {{"lost", {"is lost, too", "也丢失"}},
         {"arrives", {"arrives", "到达"}}}},
    [KNOB_IDLE] = {"idle", KNOB_NUMBER, 1, 14400, {"the naive server's keep-alive asks after", "简单服务器的保活在多久之后询问"}, {"s", "秒"},
        {{NULL, {NULL, NULL}}}},
    [KNOB_BACKLOG] = {"backlog", KNOB_NUMBER, 1, 4096, {"places for half-open connections", "半开连接的位置数"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_OFF] = {"off", KNOB_NUMBER, 0, 1000, {"the first attacker's one guess is wrong by", "第一个攻击者唯一的猜测差了多少"}, {"", ""},
        {{NULL, {NULL, NULL}}}},
    [KNOB_BOX] = {"box", KNOB_CHOICE, 0, 0, {"a box on the way", "途中的设备"}, {"", ""},
        {{"none", {"there is none", "没有"}},
         {"doubles", {"doubles every window", "把每个窗口加倍"}}}},
};
/* clang-format on */

void knobs_preset(struct knob_values *values, const struct knob_preset *presets)
{
    memset(values, 0, sizeof *values);
    for (; presets->knob != KNOB_NONE; presets++)
        values->value[presets->knob] = presets->value;
}

bool knob_allows(const struct knob_preset *preset, unsigned choice)
{
    return preset->choices == 0 || (preset->choices >> choice & 1) != 0;
}

/* ---- Reading a value ---- */

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Digits only, as many as fit. */
static bool read_digits(const char *text, size_t len, uint32_t *number)
{
    uint32_t n = 0;
    if (len == 0 || len > 9)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    *number = n;
    return true;
}

static bool read_number(const struct knob_about *about, const char *text, size_t len,
                        uint64_t *value)
{
    uint32_t number;
    if (!read_digits(text, len, &number) || number < about->min || number > about->max)
        return false;
    *value = number;
    return true;
}

static bool read_choice(const struct knob_about *about, const struct knob_preset *preset,
                        const char *text, size_t len, uint64_t *value)
{
    for (unsigned i = 0; i < KNOB_CHOICES && about->choice[i].name; i++) {
        if (!knob_allows(preset, i) || !is_word(text, len, about->choice[i].name))
            continue;
        *value = i;
        return true;
    }
    return false;
}

/* "2,4"; blanks around the numbers, and nothing at all, are fine. */
static bool read_segments(const char *text, size_t len, uint64_t *value)
{
    uint64_t set = 0;
    size_t at = 0;
    while (at < len) {
        const char *comma = memchr(text + at, ',', len - at);
        size_t end = comma ? (size_t)(comma - text) : len, first = at, last = end;
        uint32_t number;
        while (first < last && text[first] == ' ')
            first++;
        while (first < last && text[last - 1] == ' ')
            last--;
        if (!read_digits(text + first, last - first, &number) || number < 1 ||
            number > KNOB_SEGMENT_MAX || end + 1 == len)
            return false;
        set |= UINT64_C(1) << (number - 1);
        at = end + 1;
    }
    *value = set;
    return true;
}

/* ---- Saying what is wrong ---- */

/* An error line that grows; too much is cut off. */
static void add(char *error, const char *text, size_t len)
{
    size_t used = strlen(error), room = KNOB_ERROR - 1 - used;
    if (len > room)
        len = room;
    memcpy(error + used, text, len);
    error[used + len] = 0;
}

/* A stranger's text: what is not plain ASCII becomes a question mark, and there is not too much. */
static void add_foreign(char *error, const char *text, size_t len)
{
    for (size_t i = 0; i < len && i < 40; i++) {
        char c = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
        add(error, &c, 1);
    }
    if (len > 40)
        add(error, "...", 3);
}

static void add_word(char *error, const char *word)
{
    add(error, word, strlen(word));
}

static void say_names(const struct knob_preset *presets, char *error)
{
    for (const struct knob_preset *p = presets; p->knob != KNOB_NONE; p++) {
        add_word(error, p == presets ? "" : ", ");
        add_word(error, knob_about[p->knob].name);
    }
}

static void say_allowed(const struct knob_about *about, const struct knob_preset *preset,
                        int language, char *error)
{
    char text[200];
    const char *before = "";
    switch (about->kind) {
    case KNOB_NUMBER:
        (void)snprintf(
            text, sizeof text,
            SAID(language, "a whole number from %u to %u is wanted", "应为 %u 到 %u 的整数"),
            about->min, about->max);
        add_word(error, text);
        add_word(error, *about->unit.en ? SAID(language, " (", "（") : "");
        add_word(error, SAID(language, about->unit.en, about->unit.zh));
        add_word(error, *about->unit.en ? SAID(language, ")", "）") : "");
        break;
    case KNOB_CHOICE:
        add_word(error, SAID(language, "one of these is wanted: ", "应为其中之一："));
        for (unsigned i = 0; i < KNOB_CHOICES && about->choice[i].name; i++) {
            if (!knob_allows(preset, i))
                continue;
            add_word(error, before);
            add_word(error, about->choice[i].name);
            before = ", ";
        }
        break;
    default:
        add_word(error, SAID(language, "numbers from 1 to 64 with commas between them are wanted",
                             "应为 1 到 64 的编号，用逗号分隔"));
        break;
    }
}

bool knobs_set(struct knob_values *values, const struct knob_preset *presets, const char *name,
               size_t name_len, const char *text, size_t text_len, int language, char *error)
{
    const struct knob_preset *p = presets;
    while (p->knob != KNOB_NONE && !is_word(name, name_len, knob_about[p->knob].name))
        p++;
    error[0] = 0;
    if (p->knob == KNOB_NONE) {
        add_foreign(error, name, name_len);
        add_word(error, SAID(language, ": no such knob; this experiment has ",
                             "：没有这个旋钮；这个实验有 "));
        say_names(presets, error);
        return false;
    }
    const struct knob_about *about = &knob_about[p->knob];
    uint64_t *value = &values->value[p->knob];
    if (about->kind == KNOB_NUMBER   ? read_number(about, text, text_len, value)
        : about->kind == KNOB_CHOICE ? read_choice(about, p, text, text_len, value)
                                     : read_segments(text, text_len, value))
        return true;
    add_word(error, about->name);
    add_word(error, "=");
    add_foreign(error, text, text_len);
    add_word(error, SAID(language, ": ", "："));
    say_allowed(about, p, language, error);
    return false;
}

char *knob_text(enum knob knob, uint64_t value, char *text)
{
    const struct knob_about *about = &knob_about[knob];
    size_t at = 0;
    text[0] = 0;
    if (about->kind == KNOB_CHOICE)
        (void)snprintf(text, KNOB_TEXT, "%s", about->choice[value].name);
    else if (about->kind == KNOB_NUMBER)
        (void)snprintf(text, KNOB_TEXT, "%llu", (unsigned long long)value);
    for (unsigned i = 0; about->kind == KNOB_SEGMENTS && i < KNOB_SEGMENT_MAX; i++)
        if (value >> i & 1)
            at += (size_t)snprintf(text + at, KNOB_TEXT - at, "%s%u", at ? "," : "", i + 1);
    return text;
}
