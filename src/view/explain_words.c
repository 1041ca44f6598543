/* Names of what the explainer tells: the lists of explain.h as JSON names and as words. */
#include <handfast/explain.h>

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
