/* handfast perf: how fast TCP is to another host, in iperf3's protocol: both of its ends. */
#include "perf.h"
#include "commands.h"

#include <stdio.h>
#include <string.h>

#define STREAM_MAX 128
#define MSS_MAX 32767

static bool serving, reverse, both, json, one_off;
static const char *host, *congestion;
static uint64_t bytes, streams = 1, port = IPERF_PORT, window, mss;
static hf_time seconds, interval = HF_SEC;

static const struct option options[] = {
    {"server", 's', NULL, OPTION_FLAG, &serving, 0, 0,
     "wait for clients, one test at a time, until interrupted"},
    {"client", 'c', "HOST", OPTION_TEXT, &host, 0, 0, "test the way to HOST"},
    {"port", 'p', "N", OPTION_NUMBER, &port, 1, 65535,
     "port of the server, 1 to 65535 (default 5201)"},
    {"time", 't', "SECONDS", OPTION_SECONDS, &seconds, 100, IPERF_SECONDS_MAX * 1000ULL,
     "client: how long, 0.1 to 86400 (default 10)"},
    {"bytes", 'n', "BYTES", OPTION_SIZE, &bytes, 1, 1ULL << 60,
     "client: how much instead, all streams of a direction\n"
     "together; K, M, G and T multiply by 1024"},
    {"parallel", 'P', "N", OPTION_NUMBER, &streams, 1, STREAM_MAX,
     "client: streams in each direction, 1 to 128 (default 1)"},
    {"reverse", 'R', NULL, OPTION_FLAG, &reverse, 0, 0, "client: the server sends"},
    {"bidir", 0, NULL, OPTION_FLAG, &both, 0, 0, "client: both send"},
    {"interval", 'i', "SECONDS", OPTION_SECONDS, &interval, 0, 60000,
     "between lines, to 60; 0: only what was in all (default 1)"},
    {"window", 'w', "BYTES", OPTION_SIZE, &window, 4096, IPERF_WINDOW_MAX,
     "client: send and receive buffers of both ends"},
    {"mss", 'M', "N", OPTION_NUMBER, &mss, 88, MSS_MAX,
     "client: largest segment of both ends, 88 to 32767"},
    {"congestion", 'C', "NAME", OPTION_TEXT, &congestion, 0, 0,
     "congestion controller of who sends; -s: unless the client\n"
     "asks for another"},
    {"json", 'J', NULL, OPTION_FLAG, &json, 0, 0,
     "one JSON document instead of lines; the names are iperf3's"},
    {"one-off", '1', NULL, OPTION_FLAG, &one_off, 0, 0, "server: one test, then exit"},
};

const struct command perf_command = {
    .name = "perf",
    .synopsis = "(-s | -c HOST) [OPTIONS]",
    .about =
        "Measures what TCP carries to another host and back. Speaks iperf3's protocol: either\n"
        "end may be iperf3. Goodput is what arrived: bytes that were acknowledged, or read.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "Exit status: 0 when the test was finished, or the server interrupted; 1 when it was\n"
        "not; 2 when the command line is wrong; 130 when the client was interrupted.\n",
};

static void settings_for(struct hf_settings *settings)
{
    if (congestion)
        settings->congestion = congestion;
    if (mss)
        settings->mss = (uint16_t)mss;
    if (window) {
        /* Each stream is given its buffers by itself; they must be allowed, and the window's
         * scale, which the SYN tells, must fit. */
        uint32_t room = (uint32_t)window;
        settings->snd_buffer_max =
            room > settings->snd_buffer_max ? room : settings->snd_buffer_max;
        settings->rcv_buffer_max =
            room > settings->rcv_buffer_max ? room : settings->rcv_buffer_max;
    }
}

static const char *controllers(char *text, size_t room)
{
    size_t len = 0;
    text[0] = 0;
    for (int i = 1; i < HF_CONGESTION_COUNT && len < room; i++)
        len += (size_t)snprintf(text + len, room - len, "%s%s", i > 1 ? ", " : "",
                                hf_congestion_name(i));
    return text;
}

static int check(void)
{
    char names[128];
    if (serving == (host != NULL))
        return usage_error(&perf_command, "one of -s and -c HOST is wanted");
    if (serving && (seconds || bytes || streams != 1 || reverse || both || window || mss))
        return usage_error(&perf_command, "what is measured is told by the client; with -s only "
                                          "-p, -i, -C, --json and --one-off");
    if (!serving && one_off)
        return usage_error(&perf_command, "--one-off goes with -s");
    if (seconds && bytes)
        return usage_error(&perf_command, "-t and -n: only one of them");
    if (reverse && both)
        return usage_error(&perf_command, "-R and --bidir: only one of them");
    if (congestion && hf_congestion_named(congestion) < 0)
        return usage_error(&perf_command, "-C %s: no such congestion controller; there are %s",
                           congestion, controllers(names, sizeof names));
    if (interval && interval < 100 * HF_MS)
        return usage_error(&perf_command, "-i: SECONDS is 0, or a number from 0.1 to 60");
    return -1;
}

int perf_main(int argc, char **argv)
{
    int status;
    int count = options_parse(&perf_command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0)
        return usage_error(&perf_command, "%s: no argument is wanted; -c HOST names the server",
                           argv[0]);
    if ((status = check()) >= 0)
        return status;
    struct perf_options perf = {
        .host = host,
        .port = (uint16_t)port,
        .interval = interval,
        .json = json,
        .one_off = one_off,
        .params =
            {
                .seconds = (double)seconds / (double)HF_SEC,
                .bytes = bytes,
                .streams = (uint32_t)streams,
                .block = 131072,
                .window = (uint32_t)window,
                .mss = (uint32_t)mss,
                .reverse = reverse,
                .both = both,
            },
    };
    if (bytes == 0 && seconds == 0)
        perf.params.seconds = 10;
    if (congestion)
        (void)snprintf(perf.params.congestion, sizeof perf.params.congestion, "%s", congestion);
    struct network_config config = {.settings = settings_for};
    return serving ? perf_server(&perf, &config) : perf_client(&perf, &config);
}
