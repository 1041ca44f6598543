/* ip/path_mtu.c: what "too big" errors teach, for how long, and what they cannot. */
#include "env.h"

static struct hf_ip_error report(const char *local, const char *remote, uint32_t mtu,
                                 uint32_t quoted_len)
{
    struct hf_ip_error error = {
        .kind = HF_ICMP_TOO_BIG, .mtu = mtu, .quoted_len = quoted_len, .link = 1};
    memcpy(error.flow.local, key(local), 16);
    memcpy(error.flow.remote, key(remote), 16);
    return error;
}

static uint16_t mtu_of(struct world *w, const char *remote)
{
    struct hf_path path;
    uint8_t local[16] = {0};
    assert_int_equal(hf_ip_route(&w->env, &w->ip, key(remote), 1, local, false, &path), 0);
    return path.mtu;
}

TEST(reports_are_floored_and_never_raise, none, "B14")
{
    static const struct {
        bool ipv4;
        uint32_t mtu, quoted_len;
        uint16_t expected;
    } rows[] = {
        {true, 1400, 1500, 1400},   {true, 552, 1500, 552},
        {true, 551, 1500, 552}, /* RFC 5927 7: the floor */
        {true, 296, 1500, 552},     {true, 68, 1500, 552},
        {true, 1, 1500, 552},       {true, 1500, 1500, 1500}, /* nothing new */
        {true, 65535, 1500, 1500},  {true, 0, 1500, 1492},    /* RFC 1191 7.1 plateaus */
        {true, 0, 1493, 1492},      {true, 0, 1492, 1006},
        {true, 0, 1006, 552},       {true, 0, 100, 552},
        {true, 0, 0, 552},          {true, 0, 65535, 1500},
        {false, 1400, 1500, 1400},  {false, 1280, 1500, 1280},
        {false, 1279, 1500, 1500}, /* RFC 8201 4: no such path */
        {false, 68, 1500, 1500},    {false, 0, 1500, 1500},
        {false, 65535, 1500, 1500}, {false, 0xffffffff, 1500, 1500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        world_up(&w);
        const char *remote = rows[i].ipv4 ? "192.0.2.1" : "2001:db8::1";
        struct hf_ip_error error = report(rows[i].ipv4 ? "10.1.0.2" : "fd01::2", remote,
                                          rows[i].mtu, rows[i].quoted_len);
        uint16_t mtu = hf_ip_learn_mtu(&w.env, &w.ip, &error);
        if (mtu != rows[i].expected)
            fail_msg("row %zu: %u, expected %u", i, mtu, rows[i].expected);
        assert_int_equal(mtu_of(&w, remote), rows[i].expected);
        world_down(&w);
    }
}

TEST(learnt_falls_only_and_is_forgotten, none, "B14")
{
    struct world w;
    world_up(&w);
    struct hf_ip_error low = report("fd01::2", "2001:db8::1", 1300, 1500);
    struct hf_ip_error high = report("fd01::2", "2001:db8::1", 1400, 1500);
    assert_int_equal(hf_ip_learn_mtu(&w.env, &w.ip, &low), 1300);
    assert_int_equal(hf_ip_learn_mtu(&w.env, &w.ip, &high), 1300);
    assert_int_equal(mtu_of(&w, "2001:db8::1"), 1300);
    assert_int_equal(mtu_of(&w, "2001:db8::2"), 1500);
    w.env.now += w.settings.pmtu_age - 1;
    assert_int_equal(mtu_of(&w, "2001:db8::1"), 1300);
    w.env.now += 1;
    assert_int_equal(mtu_of(&w, "2001:db8::1"), 1500);
    assert_int_equal(hf_ip_learn_mtu(&w.env, &w.ip, &high), 1400);
    world_down(&w);
}

TEST(link_local_destination, none, "B14")
{
    struct world w;
    world_up(&w);
    struct hf_ip_error error = report("fe80::2", "fe80::99", 1290, 1500);
    assert_int_equal(hf_ip_learn_mtu(&w.env, &w.ip, &error), 1290);
    assert_int_equal(mtu_of(&w, "fe80::99"), 1290);
    world_down(&w);
}

TEST(table_is_bounded_and_keeps_the_newest, none, "B14")
{
    struct world w;
    world_up(&w);
    size_t before = w.allocated;
    unsigned known = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        struct hf_ip_error error = report("10.1.0.2", "192.0.2.1", 1000, 1500);
        error.flow.remote[13] = (uint8_t)(i >> 16);
        error.flow.remote[14] = (uint8_t)(i >> 8);
        error.flow.remote[15] = (uint8_t)i;
        w.env.now += HF_US;
        assert_int_equal(hf_ip_learn_mtu(&w.env, &w.ip, &error), 1000);
        uint8_t local[16] = {0};
        struct hf_path path;
        hf_ip_route(&w.env, &w.ip, error.flow.remote, 0, local, false, &path);
        known += path.mtu == 1000;
    }
    assert_int_equal(known, 10000);
    known = 0;
    for (uint32_t i = 10000 - 64; i < 10000; i++) { /* a full set is rare among so few */
        char remote[20];
        snprintf(remote, sizeof remote, "192.0.%u.%u", i >> 8, i & 255);
        known += mtu_of(&w, remote) == 1000;
    }
    assert_true(known >= 54);
    assert_int_equal(w.allocated, before);
    world_down(&w);
}
