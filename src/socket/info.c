/* TCP_INFO: struct tcp_info of Linux, filled from the connection's own block. Windows and counts
 * are in segments there, times in microseconds or milliseconds; what the block does not have is
 * zero. bytes_sent counts what was sent again once more, as Linux does. */
#include "socket/sockets.h"

#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <string.h>

#define RCV_MSS_DEFAULT 536           /* TCP_MSS_DEFAULT */
#define SSTHRESH_INFINITE 0x7fffffff /* TCP_INFINITE_SSTHRESH */

/* The numbers of Linux's states, which stand in many a program. */
static uint8_t state_of(uint8_t state)
{
    static const uint8_t numbers[HF_STATES] = {
        [HF_CLOSED] = 7,      [HF_LISTEN] = 10,    [HF_SYN_SENT] = 2,   [HF_SYN_RECEIVED] = 3,
        [HF_ESTABLISHED] = 1, [HF_FIN_WAIT_1] = 4, [HF_FIN_WAIT_2] = 5, [HF_CLOSE_WAIT] = 8,
        [HF_CLOSING] = 11,    [HF_LAST_ACK] = 9,   [HF_TIME_WAIT] = 6,
    };
    return numbers[state];
}

static uint32_t segments(uint32_t bytes, uint32_t mss)
{
    return mss ? (bytes + mss - 1) / mss : 0;
}

/* Segments that the peer has, as near as counts of bytes tell. The SYN is one, with the text that it
 * may carry. */
static uint32_t delivered(const struct hf_tcp_status *s)
{
    if (s->state < HF_ESTABLISHED)
        return 0;
    if (s->fast_open == HF_FAST_OPEN_TAKEN && !s->retransmits)
        return 1 + s->text_segments_sent - segments(s->snd_nxt - s->snd_una, s->mss);
    return 1 + segments((uint32_t)s->bytes_acked, s->mss) + s->sacked_segments;
}

static void sender(const struct hf_tcp_status *s, struct tcp_info *info)
{
    static const uint8_t ca_state[] = {TCP_CA_Open, TCP_CA_Open, TCP_CA_Recovery, TCP_CA_Loss};
    info->tcpi_ca_state = s->phase < sizeof ca_state ? ca_state[s->phase] : TCP_CA_Open;
    if (info->tcpi_ca_state == TCP_CA_Open && s->ecn & HF_ECN_STATUS_REDUCING)
        info->tcpi_ca_state = TCP_CA_CWR;
    if (info->tcpi_ca_state == TCP_CA_Open && (s->sacked || s->dup_acks))
        info->tcpi_ca_state = TCP_CA_Disorder;
    info->tcpi_snd_mss = s->mss;
    info->tcpi_sacked = s->sacked_segments;
    info->tcpi_lost = segments(s->lost, s->mss);
    info->tcpi_retrans = segments(s->resent, s->mss);
    info->tcpi_delivered = delivered(s);
    info->tcpi_unacked = segments(s->snd_nxt - s->snd_una, s->mss);
    info->tcpi_snd_cwnd = s->mss ? s->cwnd / s->mss : 0;
    info->tcpi_snd_ssthresh =
        s->ssthresh >= SSTHRESH_INFINITE || !s->mss ? SSTHRESH_INFINITE : s->ssthresh / s->mss;
    uint32_t sent = s->snd_nxt - s->snd_una;
    info->tcpi_notsent_bytes = s->send_queued > sent ? s->send_queued - sent : 0;
    info->tcpi_rto = (uint32_t)(s->rto / HF_US);
    info->tcpi_rtt = (uint32_t)(s->srtt / HF_US);
    info->tcpi_rttvar = (uint32_t)(s->rttvar / HF_US);
    info->tcpi_backoff = s->backoff;
    info->tcpi_retransmits = s->backoff;
    info->tcpi_probes = s->probes;
    info->tcpi_reordering = s->reordering > 3 ? s->reordering : 3;
    info->tcpi_reord_seen = s->reordering_seen;
    info->tcpi_total_retrans = s->retransmits;
    info->tcpi_bytes_sent = s->bytes_sent + s->bytes_resent;
    info->tcpi_bytes_retrans = s->bytes_resent;
    info->tcpi_bytes_acked = s->bytes_acked;
    info->tcpi_segs_out = s->segments_sent;
    info->tcpi_data_segs_out = s->text_segments_sent;
    info->tcpi_last_data_sent = (uint32_t)(s->since_text_sent / HF_MS);
    info->tcpi_last_ack_recv = (uint32_t)(s->since_ack_received / HF_MS);
    info->tcpi_snd_wnd = s->snd_wnd;
    info->tcpi_min_rtt = s->min_rtt ? (uint32_t)(s->min_rtt / HF_US) : UINT32_MAX;
    info->tcpi_pacing_rate = s->pacing_rate ? s->pacing_rate : UINT64_MAX;
    info->tcpi_delivery_rate = s->delivery_rate;
    info->tcpi_delivery_rate_app_limited = s->rate_app_limited != 0;
}

static void receiver(const struct hf_tcp_status *s, struct tcp_info *info)
{
    info->tcpi_bytes_received = s->bytes_received;
    info->tcpi_segs_in = s->segments_received;
    info->tcpi_data_segs_in = s->text_segments_received;
    info->tcpi_rcv_ooopack = s->segments_out_of_order;
    info->tcpi_last_data_recv = (uint32_t)(s->since_text_received / HF_MS);
    info->tcpi_advmss = s->advertised_mss;
    info->tcpi_rcv_mss = s->received_mss ? s->received_mss : RCV_MSS_DEFAULT;
    info->tcpi_rcv_ssthresh = info->tcpi_rcv_space = s->rcv_wnd;
}

/* tcp_get_info_chrono_stats: while the writer is what holds it up, it is busy too. */
static void times(const struct hf_socket *socket, const struct hf_tcp_status *s,
                  struct tcp_info *info)
{
    info->tcpi_busy_time = (uint64_t)(s->sending / HF_US);
    info->tcpi_rwnd_limited = (uint64_t)(s->window_limited / HF_US);
    info->tcpi_sndbuf_limited = (uint64_t)(hf_room_limited(socket) / HF_US);
}

static unsigned fast_open_fail(uint8_t result)
{
    return result == HF_FAST_OPEN_NO_COOKIE   ? TFO_COOKIE_UNAVAILABLE
           : result == HF_FAST_OPEN_NOT_TAKEN ? TFO_DATA_NOT_ACKED
           : result == HF_FAST_OPEN_LOST      ? TFO_SYN_RETRANSMITTED
                                              : TFO_STATUS_UNSPEC;
}

uint32_t hf_socket_info(struct hf_socket *socket, void *out, uint32_t len)
{
    struct hf_tcp_status s;
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    hf_sockets_catch_up(socket->sockets);
    hf_socket_status(socket, &s);
    info.tcpi_state = state_of(s.state);
    info.tcpi_options =
        (uint8_t)((s.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (s.sack ? TCPI_OPT_SACK : 0) |
                  (s.window_scale ? TCPI_OPT_WSCALE : 0) |
                  (s.ecn & HF_ECN_STATUS_AGREED ? TCPI_OPT_ECN : 0) |
                  (s.ecn & HF_ECN_STATUS_SEEN ? TCPI_OPT_ECN_SEEN : 0));
    if (s.fast_open == HF_FAST_OPEN_TAKEN)
        info.tcpi_options |= TCPI_OPT_SYN_DATA;
    info.tcpi_fastopen_client_fail = fast_open_fail(s.fast_open) & 3u;
    info.tcpi_snd_wscale = (unsigned)s.snd_wscale & 15u;
    info.tcpi_rcv_wscale = (unsigned)s.rcv_wscale & 15u;
    info.tcpi_pmtu = s.path_mtu;
    sender(&s, &info);
    receiver(&s, &info);
    times(socket, &s, &info);
    uint32_t n = len < sizeof info ? len : (uint32_t)sizeof info;
    memcpy(out, &info, n);
    return n;
}

#define BBR_UNIT 256u /* the gains of struct tcp_bbr_info are in 1/256 */

/* TCP_CC_INFO: struct tcp_bbr_info, or nothing for a controller that has nothing to tell. */
uint32_t hf_socket_cc_info(struct hf_socket *socket, void *out, uint32_t len)
{
    struct hf_tcp_status s;
    hf_socket_status(socket, &s);
    if (s.congestion != HF_CONGESTION_BBR || !s.bbr_state)
        return 0;
    struct tcp_bbr_info info = {
        .bbr_bw_lo = (uint32_t)s.bbr_bw,
        .bbr_bw_hi = (uint32_t)(s.bbr_bw >> 32),
        .bbr_min_rtt = (uint32_t)(s.bbr_min_rtt / HF_US),
        .bbr_pacing_gain = s.bbr_pacing_gain * BBR_UNIT / 100,
        .bbr_cwnd_gain = s.bbr_cwnd_gain * BBR_UNIT / 100,
    };
    uint32_t n = len < sizeof info ? len : (uint32_t)sizeof info;
    memcpy(out, &info, n);
    return n;
}
