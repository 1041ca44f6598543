/* Whether a connection gets on while its path is up: see <handfast/sim.h>. It knows a connection by its
 * status alone, as an application does. */
#include <handfast/sim.h>

#include <handfast/tcp.h>

void hf_sim_progress_init(struct hf_sim_progress *progress)
{
    *progress = (struct hf_sim_progress){.waits_since = HF_NEVER, .from = HF_NEVER};
}

static int has_something_to_deliver(const struct hf_tcp_status *status)
{
    switch (status->state) {
    case HF_ESTABLISHED:
    case HF_CLOSE_WAIT:
    case HF_FIN_WAIT_1:
    case HF_CLOSING:
    case HF_LAST_ACK:
        return status->snd_wnd > 0 && (status->send_queued || status->snd_una != status->snd_nxt);
    default:
        return 0;
    }
}

int hf_sim_progress_look(struct hf_sim_progress *progress, const struct hf_tcp_status *status,
                         hf_time up_since, hf_time answer, hf_time now)
{
    uint64_t delivered = status->bytes_acked + status->sacked;
    if (!has_something_to_deliver(status)) {
        progress->waits_since = HF_NEVER;
        return 0;
    }
    if (progress->waits_since == HF_NEVER || delivered != progress->delivered ||
        status->snd_una != progress->snd_una)
        progress->waits_since = now;
    progress->delivered = delivered;
    progress->snd_una = status->snd_una;
    hf_time from = progress->waits_since > up_since ? progress->waits_since : up_since;
    if (from != progress->from) {
        progress->from = from;
        progress->rto = status->rto;
    }
    hf_time rest = progress->rto > answer ? progress->rto : answer;
    return from != HF_NEVER && now - from > progress->rto + rest;
}
