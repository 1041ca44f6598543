/* Delivery-rate samples: draft-ietf-ccwg-bbr 4.1. The rate over the flight that the newest delivered
 * text belonged to: what was delivered since it was sent, by the longer of the time that this took to
 * send and to be acknowledged, so that neither bursts nor squeezed ACKs exaggerate. */
#include "tcp/rate.h"

#include <string.h>

void hf_rate_start(struct hf_rate *rate, hf_time now)
{
    memset(rate, 0, sizeof *rate);
    rate->delivered_at = rate->first_sent_at = now;
}

void hf_rate_sent(struct hf_rate *rate, struct hf_rate_mark *mark, uint32_t bytes,
                  uint32_t in_flight_before, hf_time now)
{
    if (!in_flight_before)
        rate->delivered_at = rate->first_sent_at = now;
    mark->delivered_at = rate->delivered_at;
    mark->first_sent_at = rate->first_sent_at;
    mark->delivered = rate->delivered;
    mark->lost = rate->lost;
    mark->tx_in_flight = in_flight_before + bytes;
    mark->app_limited = rate->app_limited != 0;
    mark->set = true;
}

void hf_rate_app_limited(struct hf_rate *rate, uint32_t in_flight)
{
    uint32_t over = rate->delivered + in_flight;
    rate->app_limited = over ? over : 1;
}

static inline void take_delivered(struct hf_rate *rate, struct hf_rate_sample *s,
                                  const struct hf_rate_mark *mark, uint32_t bytes,
                                  hf_time sent_at, bool resent, hf_time now)
{
    rate->delivered += bytes;
    rate->delivered_at = now;
    s->newly_delivered += bytes;
    if (!resent && (!s->rtt || now - sent_at < s->rtt) && now > sent_at)
        s->rtt = now - sent_at;
    if (!mark->set || (s->any && sent_at < rate->newest_sent_at))
        return;
    s->any = true;
    rate->newest_sent_at = sent_at;
    rate->newest_first_sent_at = mark->first_sent_at;
    rate->newest_delivered_at = mark->delivered_at;
    s->prior_delivered = mark->delivered;
    s->tx_in_flight = mark->tx_in_flight;
    s->app_limited = mark->app_limited;
    s->lost = mark->lost; /* the difference is taken when the ACK is through                  */
}

void hf_rate_delivered(struct hf_rate *rate, const struct hf_rate_mark *mark, uint32_t bytes,
                       hf_time sent_at, bool resent, hf_time now)
{
    take_delivered(rate, &rate->sample, mark, bytes, sent_at, resent, now);
}

void hf_rate_lost(struct hf_rate *rate, uint32_t bytes)
{
    rate->lost += bytes;
    rate->sample.newly_lost += bytes;
}

/* The newest delivered text begins the flight that the next samples are about. */
static inline void take_rate(struct hf_rate *rate, struct hf_rate_sample *s, hf_time min_rtt)
{
    hf_time sending = rate->newest_sent_at - rate->newest_first_sent_at;
    hf_time returning = rate->delivered_at - rate->newest_delivered_at;
    rate->first_sent_at = rate->newest_sent_at;
    s->lost = rate->lost - s->lost;
    s->delivered = rate->delivered - s->prior_delivered;
    s->interval = sending > returning ? sending : returning;
    if (s->interval <= 0 || s->interval < min_rtt)
        return;
    s->bytes_per_s = (uint64_t)s->delivered * (uint64_t)HF_SEC / (uint64_t)s->interval;
    if (!s->app_limited || s->bytes_per_s >= rate->bytes_per_s) {
        rate->bytes_per_s = s->bytes_per_s;
        rate->rate_app_limited = s->app_limited;
    }
}

static inline void finish(struct hf_rate *rate, struct hf_rate_sample *s, hf_time min_rtt)
{
    if (rate->app_limited && (int32_t)(rate->delivered - rate->app_limited) > 0)
        rate->app_limited = 0;
    if (s->any)
        take_rate(rate, s, min_rtt);
}

void hf_rate_sample(struct hf_rate *rate, hf_time min_rtt, struct hf_rate_sample *s)
{
    *s = rate->sample;
    memset(&rate->sample, 0, sizeof rate->sample);
    finish(rate, s, min_rtt);
}

void hf_rate_only(struct hf_rate *rate, const struct hf_rate_mark *mark, uint32_t bytes,
                  hf_time sent_at, hf_time now, hf_time min_rtt, struct hf_rate_sample *s)
{
    *s = (struct hf_rate_sample){.newly_delivered = 0};
    take_delivered(rate, s, mark, bytes, sent_at, false, now);
    finish(rate, s, min_rtt);
}
