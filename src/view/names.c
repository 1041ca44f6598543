/* Small things that every view shares: words for flags, calls and causes of change, the tee that
 * feeds one stream to several readers, and writing to a FILE. The words for states, drops, causes,
 * reasons and timers are the core's (trace.h). */
#include <handfast/view.h>

#include <stdio.h>
#include <string.h>

void hf_write_file(void *file, const void *bytes, size_t len)
{
    fwrite(bytes, 1, len, (FILE *)file);
}

void hf_tee_record(void *tee, const struct hf_trace_record *record,
                   const struct hf_packet *packet)
{
    const struct hf_tee *t = tee;
    for (unsigned i = 0; i < t->count && i < HF_TEE_MAX; i++)
        t->sink[i](t->context[i], record, packet);
}

char *hf_flags_text(unsigned flags, char *text)
{
    /* The order in which books write them: SYN,ACK and FIN,ACK; the rare ones last. */
    static const struct {
        unsigned flag;
        char name[4];
    } names[] = {{HF_SYN, "SYN"}, {HF_FIN, "FIN"}, {HF_RST, "RST"},
                 {HF_PSH, "PSH"}, {HF_ACK, "ACK"}, {HF_URG, "URG"},
                 {HF_ECE, "ECE"}, {HF_CWR, "CWR"}, {HF_AE, "AE"}};
    char *at = text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags & names[i].flag) == 0)
            continue;
        if (at != text)
            *at++ = ',';
        size_t len = strlen(names[i].name);
        memcpy(at, names[i].name, len);
        at += len;
    }
    *at = 0;
    if (at == text)
        memcpy(text, "none", 5);
    return text;
}

const char *hf_call_text(int call)
{
    switch (call) {
    case HF_CALL_OPEN:
        return "open";
    case HF_CALL_LISTEN:
        return "listen";
    case HF_CALL_ACCEPT:
        return "accept";
    case HF_CALL_SEND:
        return "send";
    case HF_CALL_RECEIVE:
        return "receive";
    case HF_CALL_SHUTDOWN:
        return "shutdown";
    case HF_CALL_CLOSE:
        return "close";
    case HF_CALL_ABORT:
        return "abort";
    case HF_CALL_REFUSE:
        return "refuse";
    default:
        return "call";
    }
}

const char *hf_by_text(int by)
{
    switch (by) {
    case HF_BY_SEGMENT:
        return "segment";
    case HF_BY_CALL:
        return "call";
    case HF_BY_TIMER:
        return "timer";
    case HF_BY_ICMP:
        return "ICMP";
    default:
        return "stack";
    }
}
