/* The knobs of the lab: what they take, how they refuse, and that no setting of them makes the stack
 * do anything that the simulator finds wrong. And the JSON that the page is made of. */
#include "check.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab_json.h"

static const struct experiment *named(const char *name)
{
    const struct experiment *experiment = experiment_find(name, strlen(name));
    assert_non_null(experiment);
    return experiment;
}

static bool turn(struct knob_values *values, const struct experiment *experiment,
                 const char *name, const char *text, int language, char *error)
{
    return knobs_set(values, experiment->knobs, name, strlen(name), text, strlen(text), language,
                     error);
}

TEST(values_in_range_are_taken, none, "")
{
    static const struct {
        const char *name, *text;
        enum knob knob;
        uint64_t value;
    } rows[] = {
        {"delay", "1", KNOB_DELAY, 1},
        {"delay", "400", KNOB_DELAY, 400},
        {"delay", "007", KNOB_DELAY, 7},
        {"first", "turns", KNOB_FIRST, FIRST_TURNS},
        {"first", "server", KNOB_FIRST, FIRST_SERVER},
        {"lose", "", KNOB_LOSE, 0},
        {"lose", "1", KNOB_LOSE, 1},
        {"lose", "2,4", KNOB_LOSE, 10},
        {"lose", " 2 , 4 ", KNOB_LOSE, 10},
        {"lose", "64", KNOB_LOSE, UINT64_C(1) << 63},
        {"lose", "3,3", KNOB_LOSE, 4},
        {"msl", "0", KNOB_MSL, 0},
    };
    char error[KNOB_ERROR], text[KNOB_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct knob_values values, again;
        const struct experiment *close = named("close");
        knobs_preset(&values, close->knobs);
        again = values;
        assert_true(turn(&values, close, rows[i].name, rows[i].text, HF_ENGLISH, error));
        assert_int_equal(values.value[rows[i].knob], rows[i].value);
        knob_text(rows[i].knob, rows[i].value, text);
        assert_true(turn(&again, close, rows[i].name, text, HF_ENGLISH, error));
        assert_memory_equal(&again, &values, sizeof values);
    }
}

TEST(others_are_refused_by_name_and_change_nothing, none, "")
{
    static const struct {
        const char *experiment, *name, *text, *english, *chinese;
    } rows[] = {
        {"close", "delay", "0", "delay=0: a whole number from 1 to 400 is wanted (ms)",
         "delay=0：应为 1 到 400 的整数（毫秒）"},
        {"close", "delay", "401", "delay=401: ", "delay=401："},
        {"close", "delay", "-1", "delay=-1: ", "delay=-1："},
        {"close", "delay", "", "delay=: ", "delay=："},
        {"close", "delay", "1e1", "delay=1e1: ", "delay=1e1："},
        {"close", "delay", "99999999999999999999", "delay=99999999999999999999: ", "delay=999"},
        {"close", "first", "me", "first=me: one of these is wanted: turns, client, server, both",
         "first=me：应为其中之一：turns, client, server, both"},
        {"half-close", "first", "client", "first: no such knob; this experiment has delay, call",
         "first：没有这个旋钮；这个实验有 delay, call"},
        {"lost-last-ack", "first", "both", "first=both: one of these is wanted: client, server",
         "first=both：应为其中之一：client, server"},
        {"close", "lose", "0", "lose=0: numbers from 1 to 64", "lose=0：应为 1 到 64 的编号"},
        {"close", "lose", "65", "lose=65: ", "lose=65："},
        {"close", "lose", "1,,2", "lose=1,,2: ", "lose=1,,2："},
        {"close", "lose", "1,", "lose=1,: ", "lose=1,："},
        {"close", "lose", "1;2", "lose=1;2: ", "lose=1;2："},
        {"close", "<b>", "1", "<b>: no such knob", "<b>：没有这个旋钮"},
        {"close", "delay", "\xff\n", "delay=\?\?: ", "delay=\?\?："},
    };
    char error[KNOB_ERROR];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int language = HF_ENGLISH; language <= HF_CHINESE; language++) {
            struct knob_values values, before;
            const struct experiment *experiment = named(rows[i].experiment);
            const char *wanted = language == HF_ENGLISH ? rows[i].english : rows[i].chinese;
            knobs_preset(&values, experiment->knobs);
            before = values;
            assert_false(turn(&values, experiment, rows[i].name, rows[i].text, language, error));
            if (strncmp(error, wanted, strlen(wanted)) != 0)
                fail_msg("\"%s\" is not how \"%s\" begins", wanted, error);
            assert_memory_equal(&values, &before, sizeof values);
        }
    }
}

TEST(a_long_value_is_cut_in_the_refusal, none, "")
{
    static char text[5000];
    char error[KNOB_ERROR];
    struct knob_values values;
    memset(text, 'x', sizeof text - 1);
    knobs_preset(&values, named("close")->knobs);
    assert_false(turn(&values, named("close"), "delay", text, HF_ENGLISH, error));
    assert_true(strlen(error) < 120);
    assert_false(turn(&values, named("close"), text, "1", HF_ENGLISH, error));
    assert_true(strlen(error) < 160);
}

TEST(presets_and_breaking_values_are_ones_that_are_taken, none, "")
{
    char error[KNOB_ERROR], text[KNOB_TEXT];
    for (size_t i = 0; i < experiment_count; i++) {
        const struct experiment *experiment = &experiments[i];
        struct knob_values values;
        knobs_preset(&values, experiment->knobs);
        for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++)
            assert_true(turn(&values, experiment, knob_about[p->knob].name,
                             knob_text(p->knob, p->value, text), HF_ENGLISH, error));
        const struct knob_preset *b = &experiment->breaking;
        assert_true(turn(&values, experiment, knob_about[b->knob].name,
                         knob_text(b->knob, b->value, text), HF_ENGLISH, error));
        for (b = experiment->claim; b->knob != KNOB_NONE; b++)
            assert_true(turn(&values, experiment, knob_about[b->knob].name,
                             knob_text(b->knob, b->value, text), HF_ENGLISH, error));
        assert_true(experiment->knobs[EXPERIMENT_KNOBS - 1].knob == KNOB_NONE);
    }
}

/* ---- Playing ---- */

static void turn_at_random(struct knob_values *values, const struct knob_preset *p)
{
    const struct knob_about *about = &knob_about[p->knob];
    uint64_t *value = &values->value[p->knob];
    if (check_random_below(2) == 0)
        return;
    if (about->kind == KNOB_SEGMENTS) {
        *value = check_random() & check_random() & check_random();
    } else if (about->kind == KNOB_NUMBER) {
        *value = about->min + check_random_below(about->max - about->min + 1);
    } else {
        unsigned n = 0;
        while (n < KNOB_CHOICES && about->choice[n].name)
            n++;
        do
            *value = check_random_below(n);
        while (!knob_allows(p, (unsigned)*value));
    }
}

static char *knobs_in_words(const struct experiment *experiment, const struct knob_values *values)
{
    static char words[1000];
    char text[KNOB_TEXT];
    size_t at = 0;
    for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++)
        at +=
            (size_t)snprintf(words + at, sizeof words - at, " -k %s=%s", knob_about[p->knob].name,
                             knob_text(p->knob, values->value[p->knob], text));
    return words;
}

/* The JSON of a report, read by somebody else. */
static void look_at_report(const struct lab *lab, const struct experiment *experiment)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    lab_json_report(file, lab, experiment);
    (void)fclose(file);
    cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);
    if (!json)
        fail_msg("no JSON: %.200s", cJSON_GetErrorPtr());
    const cJSON *part;
    unsigned scenes = 0, claims = 0;
    cJSON_ArrayForEach(part, cJSON_GetObjectItem(json, "parts"))
    {
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(part, "kind"));
        if (strcmp(kind, "claim") == 0)
            claims++;
        if (strcmp(kind, "scene") != 0)
            continue;
        scenes++;
        const cJSON *step;
        const char *ladder = cJSON_GetStringValue(cJSON_GetObjectItem(part, "ladder"));
        assert_non_null(ladder);
        cJSON_ArrayForEach(step, cJSON_GetObjectItem(part, "steps"))
        {
            char wanted[64];
            const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(step, "id"));
            (void)snprintf(wanted, sizeof wanted, "\"%s\"", id);
            if (!strstr(ladder, wanted))
                fail_msg("step %s of %s is not in its picture", id, experiment->name);
        }
    }
    assert_true(scenes > 0 && claims > 0);
    cJSON_Delete(json);
    free(text);
}

TEST(no_setting_of_the_knobs_leads_the_stack_astray, none, "")
{
    for (int round = 0; round < (check_soak() ? 2000 : 150); round++) {
        const struct experiment *experiment = &experiments[check_random_below(experiment_count)];
        struct lab lab = {.seed = check_random(),
                          .language = (int)check_random_below(2),
                          .for_page = true,
                          .picture = (uint16_t)(320 + check_random_below(700))};
        knobs_preset(&lab.knobs, experiment->knobs);
        for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++)
            turn_at_random(&lab.knobs, p);
        if (lab.knobs.value[KNOB_FLOOD] > 2000)
            lab.knobs.value[KNOB_FLOOD] /= 10;
        lab_play(&lab, experiment);
        if (lab.fault)
            fail_msg("handfast lab %s%s --seed %llu", experiment->name,
                     knobs_in_words(experiment, &lab.knobs), (unsigned long long)lab.seed);
        assert_false(lab.no_memory);
        look_at_report(&lab, experiment);
        lab_forget(&lab);
    }
}

TEST(an_experiment_ends_at_its_deadline, none, "")
{
    struct timespec before, after;
    const struct experiment *flood = named("syn-flood");
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    struct lab lab = {.seed = 1, .deadline_ns = 1};
    knobs_preset(&lab.knobs, flood->knobs);
    lab_play(&lab, flood);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(lab.late);
    assert_true(after.tv_sec - before.tv_sec < 2);
    lab_forget(&lab);
}

TEST(the_list_says_everything_in_both_languages, none, "")
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    lab_json_list(file, "zh", 7);
    (void)fclose(file);
    cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);
    assert_non_null(json);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "language")), "zh");
    const cJSON *experiment, *knob;
    size_t count = 0;
    cJSON_ArrayForEach(experiment, cJSON_GetObjectItem(json, "experiments"))
    {
        static const char *const texts[] = {"title", "story"};
        count++;
        for (int i = 0; i < 2; i++) {
            const cJSON *said = cJSON_GetObjectItem(experiment, texts[i]);
            const char *zh = cJSON_GetStringValue(cJSON_GetObjectItem(said, "zh"));
            assert_true(strlen(cJSON_GetStringValue(cJSON_GetObjectItem(said, "en"))) > 5);
            assert_non_null(strpbrk(zh, "\xe4\xe5\xe6\xe7\xe8\xe9")); /* ideographs begin so */
        }
        cJSON_ArrayForEach(knob, cJSON_GetObjectItem(experiment, "knobs"))
        {
            const cJSON *said = cJSON_GetObjectItem(knob, "title");
            assert_true(*cJSON_GetStringValue(cJSON_GetObjectItem(said, "zh")) != 0);
            assert_true(*cJSON_GetStringValue(cJSON_GetObjectItem(said, "en")) != 0);
        }
    }
    assert_int_equal(count, experiment_count);
    cJSON_Delete(json);
    free(text);
}
