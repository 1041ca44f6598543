/* Words for the values of the public headers. The lists themselves are there. */
#include <handfast/stack.h>
#include <handfast/trace.h>

/* clang-format off */

const char *hf_version(void)
{
    return "0.1.0";
}

const char *hf_err_text(int err)
{
    switch (err) {
    case HF_OK:              return "no error";
    case HF_EOF:             return "the peer has closed, and everything it sent was read";
    case HF_ERR_ARGUMENT:    return "argument outside what the call allows";
    case HF_ERR_STALE:       return "the handle names nothing any more";
    case HF_ERR_EXISTS:      return "connection already exists";
    case HF_ERR_CLOSING:     return "connection closing";
    case HF_ERR_STATE:       return "the connection's state has no use for the call";
    case HF_ERR_UNSPECIFIED: return "remote socket unspecified";
    case HF_ERR_MEMORY:      return "insufficient resources";
    case HF_ERR_LIMIT:       return "a configured limit is used up";
    case HF_ERR_ROUTE:       return "no route to that address";
    case HF_ERR_ADDRESS:     return "an address that TCP cannot talk to, or that is not ours";
    case HF_ERR_PORT:        return "the local port is taken, or none is free";
    case HF_ERR_RESET:       return "connection reset by the peer";
    case HF_ERR_REFUSED:     return "connection refused by the peer";
    case HF_ERR_TIMEOUT:     return "connection timed out";
    case HF_ERR_ABORTED:     return "connection aborted by this side";
    case HF_ERR_UNREACHABLE: return "the peer cannot be reached";
    default:                 return err > 0 ? "no error" : "unknown error";
    }
}

const char *hf_state_text(int state)
{
    switch (state) {
    case HF_CLOSED:       return "CLOSED";
    case HF_LISTEN:       return "LISTEN";
    case HF_SYN_SENT:     return "SYN-SENT";
    case HF_SYN_RECEIVED: return "SYN-RECEIVED";
    case HF_ESTABLISHED:  return "ESTABLISHED";
    case HF_FIN_WAIT_1:   return "FIN-WAIT-1";
    case HF_FIN_WAIT_2:   return "FIN-WAIT-2";
    case HF_CLOSE_WAIT:   return "CLOSE-WAIT";
    case HF_CLOSING:      return "CLOSING";
    case HF_LAST_ACK:     return "LAST-ACK";
    case HF_TIME_WAIT:    return "TIME-WAIT";
    default:              return "no such state";
    }
}

const char *hf_cause_text(int cause)
{
    switch (cause) {
#define HF_X(name, text) case HF_CAUSE_##name: return text;
        HF_CAUSES(HF_X)
#undef HF_X
    default: return "no such cause";
    }
}

const char *hf_cause_name(int cause)
{
    switch (cause) {
#define HF_X(name, text) case HF_CAUSE_##name: return #name;
        HF_CAUSES(HF_X)
#undef HF_X
    default: return "?";
    }
}

const char *hf_drop_text(int drop)
{
    switch (drop) {
#define HF_X(name, text) case HF_DROP_##name: return text;
        HF_DROPS(HF_X)
#undef HF_X
    default: return "no such reason";
    }
}

const char *hf_drop_name(int drop)
{
    switch (drop) {
#define HF_X(name, text) case HF_DROP_##name: return #name;
        HF_DROPS(HF_X)
#undef HF_X
    default: return "?";
    }
}

const char *hf_send_text(int reason)
{
    switch (reason) {
#define HF_X(name, text) case HF_SEND_##name: return text;
        HF_SENDS(HF_X)
#undef HF_X
    default: return "no such reason";
    }
}

const char *hf_timer_text(int timer)
{
    switch (timer) {
    case HF_TIMER_RTO:       return "retransmission";
    case HF_TIMER_PERSIST:   return "persist";
    case HF_TIMER_DELACK:    return "delayed ACK";
    case HF_TIMER_KEEPALIVE: return "keep-alive";
    case HF_TIMER_USER:      return "user timeout";
    case HF_TIMER_2MSL:      return "2MSL";
    case HF_TIMER_ORPHAN:    return "orphan";
    case HF_TIMER_SWS:       return "silly-window override";
    case HF_TIMER_TLP:       return "tail loss probe";
    case HF_TIMER_REORDER:   return "reordering";
    default:                 return "no such timer";
    }
}
/* clang-format on */
