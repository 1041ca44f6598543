/* --so_flags: the settings table that a script runs on, and what it changes in it. */
#include <handfast/handfast.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

#define WORD 96
#define FIRST_WINDOW 65536 /* of Linux, however large the buffer (tcp_select_initial_window) */

/* Google's defaults.sh where it differs from Linux's own defaults. */
static void google_defaults(struct hf_settings *s)
{
    s->rcv_buffer_max = 15 * 1024 * 1024; /* tcp_rmem; it decides the window scale */
    s->rcv_space = 540000 / 2;
    s->snd_buffer = 256 * 1024;           /* tcp_wmem */
    s->syn_retries = 5;
    s->synack_retries = 5;
    s->idle_restart = 0; /* tcp_slow_start_after_idle */
    s->fast_open = 0x403;
}

/* Four numbers in hexadecimal, joined by '-': 16 bytes, the lowest of each number first. */
static void fast_open_key(struct pd_flags *flags, const char *value)
{
    for (int i = 0; i < 4; i++) {
        char *end;
        unsigned long number = strtoul(value, &end, 16);
        for (int b = 0; b < 4; b++)
            flags->fast_open_key[0][4 * i + b] = (uint8_t)(number >> 8 * b);
        value = *end == '-' ? end + 1 : end;
    }
    flags->fast_open_key_given = true;
}

/* The n-th of numbers joined by ':' (a sysctl's spaces), or the last one there is. */
static long number_at(const char *value, int n)
{
    char *end;
    long number = strtol(value, &end, 0);
    for (; n > 0 && *end == ':'; n--)
        number = strtol(end + 1, &end, 0);
    return number;
}

/* tcp_rmem, tcp_wmem: least, first and largest. Half of a receive buffer's memory is window. */
static void receive_memory(struct hf_settings *s, const char *value)
{
    long first = number_at(value, 1) / 2;
    s->rcv_buffer_min = (uint32_t)number_at(value, 0);
    s->rcv_buffer = (uint32_t)(first < FIRST_WINDOW ? first : FIRST_WINDOW);
    s->rcv_space = (uint32_t)first;
    s->rcv_buffer_max = (uint32_t)number_at(value, 2);
}

static void send_memory(struct hf_settings *s, const char *value)
{
    s->snd_buffer_min = (uint32_t)number_at(value, 0);
    s->snd_buffer = (uint32_t)number_at(value, 1);
    s->snd_buffer_max = (uint32_t)number_at(value, 2);
}

static uint8_t small(long n)
{
    return (uint8_t)(n < 0 ? 0 : n > 255 ? 255 : n);
}

/* Linux's sysctls, by their names below net.ipv4. */
static void sysctl(struct hf_settings *s, const char *key, const char *value)
{
    long n = number_at(value, 0);
    if (strcmp(key, "tcp_timestamps") == 0)
        s->timestamps = n != 0;
    else if (strcmp(key, "tcp_window_scaling") == 0)
        s->window_scale = n != 0;
    else if (strcmp(key, "tcp_sack") == 0)
        s->sack = n != 0;
    else if (strcmp(key, "tcp_min_tso_segs") == 0)
        s->burst_min = small(n);
    else if (strcmp(key, "tcp_tso_win_divisor") == 0)
        s->burst_divisor = small(n);
    else if (strcmp(key, "tcp_ecn") == 0)
        s->ecn = small(n);
    else if (strcmp(key, "tcp_syn_retries") == 0)
        s->syn_retries = small(n);
    else if (strcmp(key, "tcp_synack_retries") == 0)
        s->synack_retries = small(n);
    else if (strcmp(key, "tcp_slow_start_after_idle") == 0)
        s->idle_restart = n != 0;
    else if (strcmp(key, "tcp_wmem") == 0)
        send_memory(s, value);
    else if (strcmp(key, "tcp_mtu_probing") == 0)
        s->mtu_probing = small(n);
    else if (strcmp(key, "tcp_rmem") == 0)
        receive_memory(s, value);
    else if (strcmp(key, "tcp_reordering") == 0)
        s->dupack_threshold = small(n);
    else if (strcmp(key, "tcp_keepalive_time") == 0)
        s->keepalive_idle = n * HF_SEC;
    else if (strcmp(key, "tcp_keepalive_intvl") == 0)
        s->keepalive_interval = n * HF_SEC;
    else if (strcmp(key, "tcp_keepalive_probes") == 0)
        s->keepalive_probes = small(n);
    else if (strcmp(key, "tcp_fin_timeout") == 0)
        s->orphan_timeout = n * HF_SEC;
    else if (strcmp(key, "tcp_rfc1337") == 0)
        s->time_wait_rst = n == 0;
    else if (strcmp(key, "tcp_syncookies") == 0)
        s->cookies = small(n);
    else if (strcmp(key, "tcp_fastopen") == 0)
        s->fast_open = (uint16_t)n;
    else if (strcmp(key, "tcp_fastopen_blackhole_timeout_sec") == 0)
        s->fast_open_retry = n * HF_SEC;
    else if (strcmp(key, "tcp_congestion_control") == 0 && hf_congestion_named(value) > 0)
        s->congestion = hf_congestion_name(hf_congestion_named(value));
}

static void flag(struct pd_flags *flags, const char *key, const char *value)
{
    struct hf_settings *s = &flags->settings;
    long n = number_at(value, 0);
    if (strcmp(key, "rcvbuf") == 0 && n > 0)
        s->rcv_buffer = s->rcv_space = (uint32_t)n;
    else if (strcmp(key, "local") == 0)
        (void)hf_addr_parse(value, &flags->local);
    else if (strcmp(key, "mtu") == 0 && n > 0)
        flags->mtu = (uint32_t)n;
    else if (strcmp(key, "mss") == 0 && n > 0 && n <= UINT16_MAX)
        flags->mss = (uint16_t)n;
    else if (strcmp(key, "timestamps") == 0)
        s->timestamps = n != 0;
    else if (strcmp(key, "wscale") == 0)
        s->window_scale = n != 0;
    else if (strcmp(key, "sack") == 0)
        s->sack = n != 0;
    else if (strcmp(key, "ecn") == 0)
        s->ecn = small(n);
    else if (strcmp(key, "pacing") == 0)
        s->pacing = n != 0;
    else if (strcmp(key, "left") == 0)
        flags->report_left = n != 0;
    else if (strcmp(key, "tcp_notsent_lowat") == 0)
        flags->notsent_low = (uint32_t)n;
    else if (strcmp(key, "tcp_fastopen_key") == 0)
        fast_open_key(flags, value);
    else if (strncmp(key, "tcp_", 4) == 0)
        sysctl(s, key, value);
}

/* The next "key=value" of a list: false at its end. What is longer than a word is not known. */
static bool next_word(const char **text, char key[WORD], char value[WORD])
{
    while (**text == ',')
        (*text)++;
    size_t len = strcspn(*text, ",");
    if (!len)
        return false;
    size_t name = strcspn(*text, "=,");
    size_t skip = name < len ? name + 1 : len;
    key[0] = value[0] = '\0';
    if (name < WORD && len - skip < WORD) {
        memcpy(key, *text, name);
        key[name] = '\0';
        memcpy(value, *text + skip, len - skip);
        value[len - skip] = '\0';
    }
    *text += len;
    return true;
}

void pd_flags_read(const char *text, struct pd_flags *flags)
{
    char key[WORD], value[WORD];
    memset(flags, 0, sizeof *flags);
    flags->mtu = 1500;
    flags->settings = *hf_settings_rfc();
    /* The profile first, wherever it stands: the others change it. */
    for (const char *at = text ? text : ""; next_word(&at, key, value);) {
        if (strcmp(key, "profile") == 0 && strcmp(value, "linux") == 0) {
            flags->settings = *hf_settings_linux();
            google_defaults(&flags->settings);
            fast_open_key(flags, "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4");
            flags->google = true;
        }
    }
    for (const char *at = text ? text : ""; next_word(&at, key, value);)
        flag(flags, key, value);
}
