/* Options of the command: one table a subcommand, from which both parsing and --help come. */
#ifndef HANDFAST_TOOL_OPTIONS_H
#define HANDFAST_TOOL_OPTIONS_H

#include <handfast/handfast.h>
#include <stdbool.h>

/* Exit status of every subcommand. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

#define ADDRESSES_MAX 8

struct address_list {
    struct hf_addr_prefix item[ADDRESSES_MAX];
    size_t count;
    bool given; /* by the user: the defaults are gone */
};

/* What an option's value is, and where it goes. */
enum option_kind {
    OPTION_FLAG,      /* bool: no value                                                      */
    OPTION_TEXT,      /* const char *                                                        */
    OPTION_NUMBER,    /* uint64_t, min..max                                                  */
    OPTION_SIZE,      /* the same; K, M, G and T multiply by powers of 1024                  */
    OPTION_CHANCE,    /* double, 0..1                                                        */
    OPTION_SECONDS,   /* hf_time; min..max in milliseconds                                   */
    OPTION_ADDRESSES, /* struct address_list                                                 */
    OPTION_HOSTS,     /* struct address_list: without prefix lengths                         */
    OPTION_SETTING,   /* struct settings_text: NAME=VALUE is added to it                     */
    OPTION_LIST       /* struct text_list: repeatable                                        */
};

#define LIST_MAX 16

struct text_list {
    const char *item[LIST_MAX];
    size_t count;
};

/* Settings of a path, as hf_sim_path_parse reads them. */
struct settings_text {
    char text[512];
};

struct option {
    const char *name;  /* without the two hyphens                                             */
    char letter;       /* 0: none                                                             */
    const char *value; /* its name in the help; NULL for a flag                               */
    enum option_kind kind;
    void *to;
    uint64_t min, max;
    const char *help;
};

struct command {
    const char *name;
    const char *synopsis; /* after the name                                                   */
    const char *about;    /* lines, each ended                                                */
    const struct option *options;
    size_t option_count;
    bool on_network;   /* takes the common options too                                     */
    const char *notes; /* lines at the end of the help, each ended; NULL: none             */
};

#define OPTION_COUNT(table) (sizeof(table) / sizeof *(table))

enum link_kind { LINK_TUN, LINK_TAP, LINK_PACKET, LINK_XDP };

/* The common options, and their defaults. */
struct common {
    const char *tun;  /* --tun NAME, or ...                                                   */
    const char *link; /* ... --link KIND:NAME; NULL: not given                                */
    enum link_kind kind;
    const char *device; /* what both come to                                                  */
    struct address_list addrs, host_addrs, gateways;
    uint64_t mtu; /* 0: not given                                                             */
    hf_time msl;  /* 0: not given                                                             */
    const char *pcap, *plot, *record;
    const char *path; /* NULL: not given                                                     */
    const char *offload_name;
    enum hf_offload offload; /* what that means                                               */
    bool trace, stats;
};

extern struct common common;

/* common_given: the name of a common option that was given, the first but --pcap; "pcap" when that
 * alone was; NULL: none. */
const char *common_given(void);

/* common_path: what --path says; a perfect path when it was not given. */
const struct hf_sim_path *common_path(uint64_t *seed);

/* options_parse: read the arguments behind the subcommand's name. Those that are no options are
 * moved to the front of argv.
 * returns  how many those are; or -1: *status says how to exit (help was printed, or an error) */
int options_parse(const struct command *command, int argc, char **argv, int *status);

/* usage_error: "handfast NAME: MESSAGE" in one line. returns EXIT_USAGE */
__attribute__((format(printf, 2, 3))) int usage_error(const struct command *command,
                                                      const char *format, ...);

/* failure: the same, for what is nobody's mistake. returns EXIT_FAILED */
__attribute__((format(printf, 2, 3))) int failure(const struct command *command,
                                                  const char *format, ...);

/* port_parse: 1..65535, all digits. */
bool port_parse(const char *text, uint16_t *port);

#endif
