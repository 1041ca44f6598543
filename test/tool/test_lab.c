/* handfast lab, as a person runs it: every experiment holds in both languages and for any seed,
 * every claim can fail, and the files are what they should be. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "view/xml.h"

#define EXPERIMENTS_MAX 32

static char command[4096];
static char output[1 << 20];

/* The command stands beside the tests: build/tools, build/test. */
static void find_command(void)
{
    ssize_t len = readlink("/proc/self/exe", command, sizeof command - 64);
    assert_true(len > 0);
    command[len] = 0;
    for (int up = 0; up < 2; up++)
        *strrchr(command, '/') = 0;
    strcat(command, "/tools/handfast");
}

static size_t read_all(FILE *file)
{
    size_t len = fread(output, 1, sizeof output - 1, file);
    output[len] = 0;
    return len;
}

/* Run it. Returns the exit status; `output` is what it said, errors too. */
static int run(const char *arguments)
{
    char line[8192];
    find_command();
    (void)snprintf(line, sizeof line, "NO_COLOR=1 COLUMNS=100 '%s' lab %s 2>&1", command,
                   arguments);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    (void)read_all(pipe);
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = read_all(file);
    (void)fclose(file);
    return len;
}

static size_t list(char names[EXPERIMENTS_MAX][32])
{
    size_t count = 0;
    assert_int_equal(run("--list --lang en"), 0);
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"))
        (void)sscanf(line, "%31s", names[count++]);
    assert_int_equal(count, 15);
    return count;
}

static void expect_run(int status, const char *name, const char *options)
{
    char arguments[256];
    (void)snprintf(arguments, sizeof arguments, "%s %s", name, options);
    int got = run(arguments);
    if (got != status)
        fail_msg("handfast lab %s: exit status %d, not %d:\n%s", arguments, got, status, output);
}

TEST(every_experiment_holds_in_english, none, "")
{
    char names[EXPERIMENTS_MAX][32];
    size_t count = list(names);
    for (size_t i = 0; i < count; i++) {
        expect_run(0, names[i], "--lang en");
        assert_non_null(strstr(output, names[i]));
        assert_non_null(strstr(output, "\nholds: "));
        assert_null(strstr(output, "FAILS"));
        for (const char *at = output; *at; at++)
            assert_true((unsigned char)*at < 0x80);
    }
}

TEST(every_experiment_holds_in_chinese, none, "")
{
    static const char *const english[] = {" the ", " of ", " is ", "holds", "client", "server"};
    char names[EXPERIMENTS_MAX][32];
    size_t count = list(names);
    for (size_t i = 0; i < count; i++) {
        expect_run(0, names[i], "--lang zh");
        assert_non_null(strstr(output, "\n成立："));
        assert_null(strstr(output, "不成立："));
        if (strcmp(names[i], "old-duplicate") == 0)
            continue; /* it shows the bytes that were sent, and they are English */
        for (size_t k = 0; k < sizeof english / sizeof *english; k++)
            if (strstr(output, english[k]))
                fail_msg("\"%s\" in the Chinese %s:\n%s", english[k], names[i], output);
    }
}

TEST(every_claim_can_fail, none, "")
{
    char names[EXPERIMENTS_MAX][32];
    size_t count = list(names);
    for (size_t i = 0; i < count; i++) {
        expect_run(1, names[i], "--lang en --break");
        assert_non_null(strstr(output, "\nFAILS: "));
        expect_run(1, names[i], "--lang zh --break");
        assert_non_null(strstr(output, "\n不成立："));
    }
}

/* Whether claim n, from 1, of the last run failed; *count: how many it has. */
static bool claim_failed(unsigned n, const char *holds, const char *fails, unsigned *count)
{
    bool failed = false;
    *count = 0;
    for (const char *line = output, *end; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        bool bad = strncmp(line, fails, strlen(fails)) == 0;
        if (!bad && strncmp(line, holds, strlen(holds)) != 0)
            continue;
        ++*count;
        failed = failed || (*count == n && bad);
    }
    return failed;
}

TEST(each_claim_of_each_experiment_can_be_broken, none, "")
{
    char names[EXPERIMENTS_MAX][32], options[64];
    size_t count = list(names);
    for (size_t i = 0; i < count; i++) {
        unsigned claims, seen;
        expect_run(0, names[i], "--lang en");
        (void)claim_failed(0, "holds: ", "FAILS: ", &claims);
        assert_in_range(claims, 1, 3);
        for (unsigned n = 1; n <= claims; n++) {
            (void)snprintf(options, sizeof options, "--lang en --break --claim %u --seed %u", n,
                           1 + (unsigned)check_random_below(1000));
            expect_run(1, names[i], options);
            if (!claim_failed(n, "holds: ", "FAILS: ", &seen) || seen != claims)
                fail_msg("handfast lab %s %s: claim %u holds:\n%s", names[i], options, n, output);
            (void)snprintf(options, sizeof options, "--lang zh --break --claim %u", n);
            expect_run(1, names[i], options);
            assert_true(claim_failed(n, "成立：", "不成立：", &seen));
        }
        (void)snprintf(options, sizeof options, "--break --claim %u", claims + 1);
        expect_run(2, names[i], options);
    }
}

TEST(knobs_change_what_happens, none, "")
{
    expect_run(0, "close", "--lang en --knob delay=50 --knob msl=10 -k first=server");
    assert_non_null(strstr(output, "The server closes first"));
    assert_null(strstr(output, "The client closes first"));
    assert_non_null(strstr(output, "20.000 s"));
    expect_run(1, "close", "--lang en -k first=client -k lose=4");
    assert_non_null(strstr(output, "FAILS:   Four segments"));
    assert_non_null(strstr(output, "tail loss probe"));
    expect_run(1, "old-duplicate", "--lang en -k timestamps=on");
    expect_run(0, "", "close --list --lang en");
    assert_non_null(strstr(output, "delay=10 "));
    assert_non_null(strstr(output, "turns|client|server|both"));
}

TEST(claims_hold_for_any_seed, none, "")
{
    char names[EXPERIMENTS_MAX][32], options[64];
    size_t count = list(names);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(options, sizeof options, "--seed %llu",
                       (unsigned long long)check_random());
        expect_run(0, names[i], options);
    }
}

TEST(the_same_seed_is_the_same_run, none, "")
{
    static char first[sizeof output];
    expect_run(0, "loss", "--lang en --seed 7");
    memcpy(first, output, sizeof first);
    expect_run(0, "loss", "--lang en --seed 7");
    assert_string_equal(first, output);
    expect_run(0, "loss", "--lang en --seed 8");
    assert_string_not_equal(first, output);
}

TEST(pictures_pages_and_captures_are_whole, none, "")
{
    char place[] = "/tmp/handfast-lab-XXXXXX", path[4][64], options[512];
    static const char *const files[] = {"lab.svg", "lab.html", "lab.pcapng"};
    assert_non_null(mkdtemp(place));
    for (int i = 0; i < 3; i++)
        (void)snprintf(path[i], sizeof path[i], "%s/%s", place, files[i]);
    for (int zh = 0; zh < 2; zh++) {
        (void)snprintf(options, sizeof options, "--lang %s --svg %s --html %s --pcap %s",
                       zh ? "zh" : "en", path[0], path[1], path[2]);
        expect_run(0, "all", options);
        (void)read_file(path[0]);
        xml_expect(output);
        assert_non_null(strstr(output, "TIME-WAIT 60.000 s"));
        (void)read_file(path[1]);
        assert_non_null(strstr(output, zh ? "lang=\"zh-CN\"" : "lang=\"en\""));
        assert_non_null(strstr(output, "id=\"old-duplicate\""));
        assert_non_null(strstr(output, zh ? "2MSL 超时" : "timeout = 2MSL"));
        assert_true(read_file(path[2]) > 1000);
        assert_memory_equal(output, "\x0a\x0d\x0d\x0a", 4);
    }
    for (int i = 0; i < 3; i++)
        (void)unlink(path[i]);
    (void)rmdir(place);
}

TEST(bad_command_lines_are_told, none, "")
{
    static const struct {
        const char *arguments, *words;
        int status;
    } rows[] = {{"no-such", "no-such: no such experiment", 2},
                {"open close", "close: one experiment is wanted", 2},
                {"--lang fr open", "--lang fr: en or zh is wanted", 2},
                {"--seed x open", "--seed", 2},
                {"close --knob delay=0", "--knob delay=0: a whole number from 1 to 400", 2},
                {"close -k delay", "--knob delay: NAME=VALUE is wanted", 2},
                {"close -k guesses=1", "--knob guesses: no such knob; this experiment has", 2},
                {"all -k delay=20", "--knob delay=20: one experiment is wanted", 2},
                {"open --claim 1", "--claim 1: only with --break and one experiment", 2},
                {"all --break --claim 1", "--claim 1: only with --break", 2},
                {"open --break --claim 3", "--claim 3: open has 2", 2},
                {"-k delay=20", "--knob delay=20: one experiment is wanted", 2},
                {"open --web", "open: not with --web", 2},
                {"--web --break", "--break: not with --web", 2},
                {"--web --list", "--list: not with --web", 2},
                {"--web -k delay=1", "--knob: not with --web", 2},
                {"--web --svg x", "--svg: not with --web", 2},
                {"--listen 8080", "--listen: only with --web", 2},
                {"open --port 80", "--port: only with --web", 2},
                {"open --tun hf1", "--tun: only with --web", 2},
                {"open --trace", "--trace: only with --web", 2},
                {"--web --port 0", "--port 0: N is a whole number from 1 to 65535", 2},
                {"--web --listen x", "--listen x: [ADDR:]PORT is wanted", 2},
                {"--web --listen 65536", "--listen 65536: [ADDR:]PORT is wanted", 2},
                {"--web --listen :80", "--listen :80: [ADDR:]PORT is wanted", 2},
                {"--web --listen ::1:80", "--listen ::1:80: [ADDR:]PORT is wanted", 2},
                {"--web --listen '[::1]'", "--listen [::1]: [ADDR:]PORT is wanted", 2},
                {"--web --listen localhost:80", "--listen localhost:80: [ADDR:]PORT is", 2},
                {"--web --listen 0 --port 80", "--port 80: not with --listen", 2},
                {"--web --listen 0 --tun hf1", "--tun: not with --listen", 2},
                {"--web --listen 0 --pcap x", "--pcap: not with --listen", 2},
                {"--web --listen 192.0.2.1:0", "cannot listen on 192.0.2.1:0", 1},
                {"open --svg /nowhere/at/all", "cannot write /nowhere/at/all", 1},
                {"open --html /nowhere/at/all", "cannot write /nowhere/at/all", 1},
                {"open --pcap /nowhere/at/all", "cannot write /nowhere/at/all", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_run(rows[i].status, rows[i].arguments, "");
        assert_non_null(strstr(output, rows[i].words));
    }
}

TEST(the_locale_chooses_the_language, none, "")
{
    (void)setenv("LC_ALL", "zh_CN.UTF-8", 1);
    assert_int_equal(run(""), 0);
    assert_non_null(strstr(output, "三个报文段打开一条连接"));
    (void)setenv("LC_ALL", "C", 1);
    assert_int_equal(run(""), 0);
    assert_non_null(strstr(output, "three segments open a connection"));
    (void)unsetenv("LC_ALL");
}
