/* handfast: the command. Picks the subcommand; each lives in a file of its own. */
#include "commands.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct subcommand subcommands[] = {
    {"demo", demo_main, "one connection from SYN to CLOSED, drawn as a ladder"},
    {"explain", explain_main, "say of each connection of a capture what happened, and why"},
    {"lab", lab_main, "experiments that show why TCP is as it is, each with a claim"},
    {"serve", serve_main, "serve files over HTTP, or echo, discard, chargen"},
    {"get", get_main, "fetch a URL over HTTP"},
    {"nc", nc_main, "connect standard input and output to a connection"},
    {"path", path_main, "join two TUN devices by a path with rate, delay and loss"},
    {"perf", perf_main, "measure what TCP carries, with iperf3 or another of its kind"},
};

static void print_help(void)
{
    (void)printf(
        "Usage: handfast COMMAND [OPTIONS]\n\n"
        "TCP in user space: Handfast talks to a Linux kernel through a TUN device, or to\n"
        "itself in memory, and shows what it does.\n\n"
        "Commands:\n");
    for (size_t i = 0; i < OPTION_COUNT(subcommands); i++)
        (void)printf("  %-8s%s\n", subcommands[i].name, subcommands[i].summary);
    (void)printf(
        "\nOptions:\n"
        "  -h, --help      print this and exit\n"
        "      --version   print the version and exit\n\n"
        "handfast COMMAND --help lists a command's options. Exit status: 0 when it worked,\n"
        "1 when it did not, 2 when the command line is wrong, 130 when interrupted.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("handfast %s\n", hf_version());
        return EXIT_FINE;
    }
    for (size_t i = 0; i < OPTION_COUNT(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].run(argc - 2, argv + 2);
    return usage_error(
        NULL, "%s: no such command; demo, explain, lab, serve, get, nc, path and perf are",
        argv[1]);
}
