/* Names of what the explainer tells: the lists of explain.h as JSON names and as words, in English
 * there and in Chinese here. What a list gains and has no Chinese yet is said in English; a test
 * knows. */
#include <handfast/explain.h>
#include <handfast/view.h>

#include <stdbool.h>

static const char *pick(const char *const *list, int count, int at)
{
    return at >= 0 && at < count ? list[at] : "?";
}

const char *hf_explain_event_name(int kind)
{
    static const char *const names[] = {
#define HF_X(name, json, text) json,
        HF_EXPLAIN_EVENTS(HF_X)
#undef HF_X
    };
    return pick(names, HF_EXPLAIN_COUNT, kind);
}

const char *hf_explain_event_text(int kind)
{
    static const char *const texts[] = {
#define HF_X(name, json, text) text,
        HF_EXPLAIN_EVENTS(HF_X)
#undef HF_X
    };
    return pick(texts, HF_EXPLAIN_COUNT, kind);
}

const char *hf_explain_ending_name(int ending)
{
    static const char *const names[] = {
#define HF_X(name, json, text) json,
        HF_EXPLAIN_ENDINGS(HF_X)
#undef HF_X
    };
    return pick(names, HF_EXPLAIN_ENDING_COUNT, ending);
}

const char *hf_explain_ending_text(int ending)
{
    static const char *const texts[] = {
#define HF_X(name, json, text) text,
        HF_EXPLAIN_ENDINGS(HF_X)
#undef HF_X
    };
    return pick(texts, HF_EXPLAIN_ENDING_COUNT, ending);
}

const char *hf_explain_reset_name(int cause)
{
    static const char *const names[] = {
#define HF_X(name, json, text) json,
        HF_EXPLAIN_RESETS(HF_X)
#undef HF_X
    };
    return pick(names, HF_EXPLAIN_RESET_COUNT, cause);
}

const char *hf_explain_reset_text(int cause)
{
    static const char *const texts[] = {
#define HF_X(name, json, text) text,
        HF_EXPLAIN_RESETS(HF_X)
#undef HF_X
    };
    return pick(texts, HF_EXPLAIN_RESET_COUNT, cause);
}

const char *hf_explain_wait_name(int wait)
{
    static const char *const names[] = {
#define HF_X(name, json) json,
        HF_EXPLAIN_WAITS(HF_X)
#undef HF_X
    };
    return pick(names, HF_EXPLAIN_WAIT_COUNT, wait);
}

/* ---- Chinese ---- */

static const char *const events[HF_EXPLAIN_COUNT] = {
    [HF_EXPLAIN_OPENED] = "三个报文段打开连接",
    [HF_EXPLAIN_SIMULTANEOUS_OPEN] = "同时打开：双方同时发出 SYN",
    [HF_EXPLAIN_PORT_REUSE] = "端口重用：又是同样的两个端口",
    [HF_EXPLAIN_SYN_ON_OPEN] = "已打开的连接上来了新的 SYN",
    [HF_EXPLAIN_RTO] = "超时重传（RTO）",
    [HF_EXPLAIN_FAST] = "快速重传",
    [HF_EXPLAIN_TLP] = "尾部丢失探测（TLP）",
    [HF_EXPLAIN_RESENT] = "重传",
    [HF_EXPLAIN_SPURIOUS] = "那次重传是多余的",
    [HF_EXPLAIN_DUPLICATED] = "同一分组出现两次（网络或捕获所致）",
    [HF_EXPLAIN_REORDERED] = "被后发的报文段赶过（乱序）",
    [HF_EXPLAIN_GAP] = "它之前的一个报文段到此还缺",
    [HF_EXPLAIN_UNCAPTURED] = "确认了捕获中没有的数据",
    [HF_EXPLAIN_DUPLICATE_ACK] = "重复的 ACK",
    [HF_EXPLAIN_ZERO_WINDOW] = "零窗口",
    [HF_EXPLAIN_WINDOW_PROBE] = "零窗口探测",
    [HF_EXPLAIN_WINDOW_UPDATE] = "窗口更新",
    [HF_EXPLAIN_WINDOW_FULL] = "对端的窗口已填满",
    [HF_EXPLAIN_KEEP_ALIVE] = "保活探测",
    [HF_EXPLAIN_KEEP_ALIVE_ACK] = "对保活探测的应答",
    [HF_EXPLAIN_HALF_CLOSE] = "半关闭：另一端的 FIN 之后还有数据",
    [HF_EXPLAIN_SIMULTANEOUS_CLOSE] = "同时关闭：双方同时发出 FIN",
    [HF_EXPLAIN_RESET] = "复位",
    [HF_EXPLAIN_RESET_IGNORED] = "序号不符的复位",
    [HF_EXPLAIN_STALL_ACK] = "停顿：在等确认",
    [HF_EXPLAIN_STALL_WINDOW] = "停顿：在等另一端读取数据（零窗口）",
    [HF_EXPLAIN_STALL_QUIET] = "途中没有数据：在等另一端的应用",
};

static const char *const endings[HF_EXPLAIN_ENDING_COUNT] = {
    [HF_EXPLAIN_END_OPEN] = "仍然打开",
    [HF_EXPLAIN_END_CLOSED] = "有序关闭",
    [HF_EXPLAIN_END_RESET] = "复位",
    [HF_EXPLAIN_END_REFUSED] = "被拒绝",
    [HF_EXPLAIN_END_NO_ANSWER] = "SYN 没有得到应答",
    [HF_EXPLAIN_END_HALF_OPEN] = "半开：缺第三个报文段",
    [HF_EXPLAIN_END_HALF_CLOSED] = "只关闭了一个方向",
    [HF_EXPLAIN_END_CLOSING] = "双方都已关闭，缺少最后的确认",
    [HF_EXPLAIN_END_NOT_FOLLOWED] = "只有先前连接的余波",
};

static const char *const resets[HF_EXPLAIN_RESET_COUNT] = {
    [HF_EXPLAIN_RESET_NONE] = "",
    [HF_EXPLAIN_RESET_REFUSED] = "那个端口上没有监听者，或者防火墙拒绝了它",
    [HF_EXPLAIN_RESET_CANCELLED] = "连接打开之前它就放弃了：应用关闭了它，或者只是在扫描",
    [HF_EXPLAIN_RESET_STALE] = "它在应答一个不是它要的 SYN,ACK",
    [HF_EXPLAIN_RESET_UNREAD_DATA] = "它的应用关闭时还有数据未读",
    [HF_EXPLAIN_RESET_ABRUPT] = "它的应用关闭时还有数据未读，或者中止了连接（SO_LINGER 为 0）",
    [HF_EXPLAIN_RESET_DATA_AFTER_CLOSE] = "它的应用关闭之后又来了数据",
    [HF_EXPLAIN_RESET_UNKNOWN_CONNECTION] =
        "它已经不认识这条连接：它重新启动过，已放弃这条连接，或者中间的设备忘了它",
    [HF_EXPLAIN_RESET_ABORTED] = "它的应用中止了连接（SO_LINGER 为 0），或者被杀死",
    [HF_EXPLAIN_RESET_KEEP_ALIVE] = "它的保活探测没有得到应答",
    [HF_EXPLAIN_RESET_GAVE_UP] = "它的重传没有得到确认",
    [HF_EXPLAIN_RESET_AFTER_CLOSE] = "连接早已结束，这没有妨碍",
};

static const char *said(const char *const *list, int count, int at, int language,
                        const char *english)
{
    bool chinese = language == HF_CHINESE && at >= 0 && at < count && list[at];
    return chinese ? list[at] : english;
}

const char *hf_explain_event_words(int kind, int language)
{
    return said(events, HF_EXPLAIN_COUNT, kind, language, hf_explain_event_text(kind));
}

const char *hf_explain_ending_words(int ending, int language)
{
    return said(endings, HF_EXPLAIN_ENDING_COUNT, ending, language,
                hf_explain_ending_text(ending));
}

const char *hf_explain_reset_words(int cause, int language)
{
    return said(resets, HF_EXPLAIN_RESET_COUNT, cause, language, hf_explain_reset_text(cause));
}
