/* The two tables of numbers that a TCP runs on, and the default. Where a value comes from stands
 * behind it; docs/states.md lists where the tables differ. */
#include <handfast/settings.h>

#define COMMON                                                                                    \
    .r1 = 3,                              /* SHLD-10 */                                           \
        .persist_max = 60 * HF_SEC,       /* row C6: probes back off to 60 s */                   \
        .keepalive_idle = 7200 * HF_SEC,  /* MUST-28 */                                           \
        .keepalive_interval = 75 * HF_SEC, /* Linux tcp_keepalive_intvl */                        \
        .keepalive_probes = 9,            /* Linux tcp_keepalive_probes */                        \
        .timestamps = 1, .window_scale = 1, .sack = 1,                                            \
        .ecn = HF_ECN_PASSIVE,            /* Linux tcp_ecn = 2; SHLD-8 */                         \
        .mss_floor = 64,                  /* row C12 */                                           \
        .ttl = 64,                        /* RFC 1700's recommendation */                         \
        .initial_window = 10,             /* RFC 6928 */                                          \
        .dupack_threshold = 3,            /* RFC 5681 3.2 */                                      \
        .sent_records = 32768,            /* bounds what SACK can make us keep */                 \
        .rack = 1, .tlp = 1,              /* RFC 8985 */                                          \
        .prr = 1,                         /* RFC 9937 */                                          \
        .frto = 1,                        /* RFC 5682 */                                          \
        .tlp_ack_delay = 200 * HF_MS,     /* RFC 8985 7.2; Linux tcp_rto_min */                   \
        .backlog_max = 4096,              /* Linux somaxconn */                                   \
        .half_open_max = 65536,                                                                   \
        .cookies = HF_COOKIES_WHEN_FULL,  /* Linux tcp_syncookies = 1 */                          \
        .held_timeout = 30 * HF_SEC,                                                              \
        .fast_open_servers = 256,                                                                 \
        .port_first = 49152, .port_last = 65535, /* RFC 6335 6 */                                 \
        .orphan_timeout = 60 * HF_SEC,    /* Linux tcp_fin_timeout; rows C14, C15 */              \
        .orphans_max = 65536,                                                                     \
        .time_wait_max = 1u << 20,                                                                \
        .reset_on_timeout = 1,            /* D11 */                                               \
        .challenge_count = 10,            /* RFC 5961 7 */                                        \
        .reset_rate = 1000,               /* row C5 */                                            \
        .icmp_rate = 100,                                                                         \
        .zero_window_grace = 60 * HF_SEC, /* RFC 6429: long compared with any pause */            \
        .reassembly_ranges = 1024,        /* row C9: bounds the work of an arrival */             \
        .pmtu_floor = 552,                /* row B14, Linux ip min_pmtu */                        \
        .pmtu_age = 600 * HF_SEC,         /* RFC 1191 6.3, RFC 8201 4 */                          \
        .fragment_memory = 256 * 1024,    /* row C17 */                                           \
        .fragment_per_source = 16,                                                                \
        .fragment_timeout = 30 * HF_SEC,  /* Linux ipfrag_time; RFC 1122 3.3.2 allows 60 */       \
        .neighbours_max = 1024            /* Linux gc_thresh3 */

static const struct hf_settings rfc = {
    COMMON,
    .congestion = "reno",          /* RFC 5681 */
    .window_validation = HF_VALIDATE_RFC7661,
    .rto_initial = 1 * HF_SEC,     /* RFC 6298 2.1 */
    .rto_min = 1 * HF_SEC,         /* RFC 6298 2.4 */
    .slow_start_limit = 1,         /* RFC 5681 3.1: at most SMSS */
    .timestamps_required = 1,      /* RFC 7323 3.2 */
    .probe_text = 1,               /* MUST-36 with 3.8.6.1: an octet of new data */
    .answer_unsent = 1,            /* RFC 9293 3.10.7.4 */
    .fast_open = HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER, /* for those who ask */
    .fast_open_retry = 3600 * HF_SEC, /* RFC 7413 4.1.3.1; Linux, when it is on there */
    .rto_max = 60 * HF_SEC,        /* RFC 6298 2.5 */
    .synack_retries = 5,           /* row C5: few */
    .r2_syn = 180 * HF_SEC,        /* MUST-23 */
    .r2_data = 100 * HF_SEC,       /* SHLD-11 */
    .user_timeout = 300 * HF_SEC,  /* RFC 9293 3.9.1.1 */
    .nagle = HF_NAGLE_RFC,         /* SHLD-7 */
    .sws_override = 200 * HF_MS,   /* RFC 9293 3.8.6.2.1: 0.1 to 1 s */
    .delack = 200 * HF_MS,         /* MUST-40: below 500 ms */
    .snd_buffer = 256 * 1024, .snd_buffer_min = 4096, /* buffers stay as they are */
    .rcv_buffer = 65535, .rcv_buffer_min = 4096,      /* what 16 bits can say */
    .idle_restart = 1,             /* RFC 5681 4.1 */
    .msl = 30 * HF_SEC,            /* 2MSL 60 s */
    .challenge_interval = 5 * HF_SEC, /* RFC 5961 7 */
};

#define LINUX                                                                                     \
    COMMON, .rto_initial = 1 * HF_SEC, /* TCP_TIMEOUT_INIT */                                     \
        .congestion = "cubic",         /* RFC 9438; tcp_congestion_control */                     \
        .reduce_from_cwnd = 1,         /* cubictcp_recalc_ssthresh, tcp_reno_ssthresh */          \
        .rto_min = 200 * HF_MS,        /* TCP_RTO_MIN */                                          \
        .rto_min_on_variance = 1,      /* __tcp_set_rto */                                        \
        .bursts = 1,                   /* tcp_write_xmit */                                       \
        .burst_min = 2,                /* tcp_min_tso_segs */                                     \
        .burst_divisor = 3,            /* tcp_tso_win_divisor */                                  \
        .edge_acks = 1,                /* tcp_sequence */                                         \
        .reset_by_ack = 1,             /* tcp_v4_send_reset */                                    \
        .rto_max = 120 * HF_SEC,       /* TCP_RTO_MAX */                                          \
        .synack_retries = 5,           /* tcp_synack_retries */                                   \
        .r2_data = 924600 * HF_MS,     /* tcp_retries2 = 15 */                                    \
        .nagle = HF_NAGLE_MINSHALL,    /* tcp_minshall_check */                                   \
        .delack = 40 * HF_MS,          /* TCP_DELACK_MIN */                                       \
        .quick_acks = 16,              /* TCP_MAX_QUICKACKS */                                    \
        .snd_buffer_min = 4096, .snd_buffer = 87040, /* tcp_init_buffer_space */                  \
        .rcv_buffer_min = 4096, .rcv_buffer = 65536, /* half of tcp_rmem is window */             \
        .idle_restart = 1,                                                                        \
        .msl = 30 * HF_SEC, /* TCP_TIMEWAIT_LEN = 60 s */                                         \
        .challenge_interval = 5 * HF_SEC, .invalid_interval = 500 * HF_MS /* tcp_invalid_ratelimit */

static const struct hf_settings linux_table = {
    LINUX,
    .snd_buffer_max = 4096 * 1024, /* tcp_wmem */
    .rcv_buffer_max = 6144 * 1024, /* tcp_rmem */
    .syn_retries = 6, /* tcp_syn_retries: 127 s, below MUST-23 */
    .ghost_acks = 1,  /* tcp_ack before Linux 6.8 */
    .path_info = HF_PATH_INFO_RTT, /* tcp_metrics; tcp_no_ssthresh_metrics_save = 1 */
    .soft_icmp_ends_open = 1, /* tcp_v4_err; MUST-56 forbids it */
    .fast_open = HF_FAST_OPEN_CLIENT, /* tcp_fastopen = 1; tcp_fastopen_blackhole_timeout_sec = 0 */
    .hystart = HF_HYSTART_LINUX,
    .cubic = HF_CUBIC_LINUX,       /* bictcp_update */
    .reorder_slack = 2 * HF_MS,    /* TCP_TIMEOUT_MIN_US */
    .rtt_every_ack = 1, /* tcp_clean_rtx_queue */
    .unpaced = 10,      /* tcp_update_skb_after_send */
    /* slow_start_limit 0: tcp_slow_start; timestamps_required 0: tcp_validate_incoming;
     * answer_unsent 0: tcp_ack drops in silence. */
};

static const struct hf_settings default_table = {
    LINUX,
    .snd_buffer_max = 65535u << 8, /* 16 MiB: several times what 1 Gbit/s and 20 ms need, so that text */
    .rcv_buffer_max = 65535u << 8, /* may wait behind what is sent again; the budget bounds their sum */
    .snd_ahead = 512 * 1024,       /* what is written is sent while it is in the processor's cache */
    .snd_near = 1024 * 1024,       /* and comes back from the peer before it has left the next one */
    .syn_retries = 7, /* 255 s: MUST-23 asks for 180 */
    .mtu_probing = HF_MTU_PROBING_BLACK_HOLE, /* RFC 4821 */
    .path_info = HF_PATH_INFO_RTT | HF_PATH_INFO_MTU, /* RFC 9040 */
    .slow_start_limit = 2, /* RFC 3465 2.3 */
    .fast_open = HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER,
    .fast_open_retry = 3600 * HF_SEC,
    .abe = 1,                                   /* RFC 8511 */
    .backdate_resent = 1,
    .hystart = HF_HYSTART_PLUS_TRAINS,          /* RFC 9406, and Ha and Rhee 2011 */
    .window_validation = HF_VALIDATE_RFC7661,
    .timestamps_required = 1,
    .probe_text = 1,
    .answer_unsent = 1,
};

const struct hf_settings *hf_settings_rfc(void)
{
    return &rfc;
}

const struct hf_settings *hf_settings_linux(void)
{
    return &linux_table;
}

const struct hf_settings *hf_settings_default(void)
{
    return &default_table;
}
