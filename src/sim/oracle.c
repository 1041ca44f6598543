/* The stream oracle: the bytes of a stream are a function of its id and their offset. See
 * <handfast/sim.h>. It knows nothing of TCP. */
#include <handfast/sim.h>

#include <string.h>

static uint64_t block_of(uint64_t id, uint64_t number)
{
    uint64_t state = id * 0xd1342543de82ef95u + number * 0x9e3779b97f4a7c15u;
    return hf_sim_random(&state);
}

static void bytes_of(uint64_t id, uint64_t offset, uint8_t *out, size_t len)
{
    uint64_t block = 0;
    for (size_t i = 0; i < len; i++, offset++) {
        if (i == 0 || offset % 8 == 0)
            block = block_of(id, offset / 8);
        out[i] = (uint8_t)(block >> (offset % 8 * 8));
    }
}

static enum hf_sim_oracle_fault fault(struct hf_sim_oracle *oracle, enum hf_sim_oracle_fault what,
                                      uint64_t at)
{
    if (oracle->fault == HF_SIM_ORACLE_FINE) {
        oracle->fault = (uint8_t)what;
        oracle->fault_at = at;
    }
    return (enum hf_sim_oracle_fault)oracle->fault;
}

void hf_sim_oracle_init(struct hf_sim_oracle *oracle, uint64_t id)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->id = id;
}

void hf_sim_oracle_next(const struct hf_sim_oracle *oracle, void *buf, size_t len)
{
    bytes_of(oracle->id, oracle->sent, buf, len);
}

enum hf_sim_oracle_fault hf_sim_oracle_sent(struct hf_sim_oracle *oracle, size_t len)
{
    if (oracle->ended && len > 0)
        return fault(oracle, HF_SIM_ORACLE_AFTER_END, oracle->sent);
    oracle->sent += len;
    return (enum hf_sim_oracle_fault)oracle->fault;
}

void hf_sim_oracle_end(struct hf_sim_oracle *oracle)
{
    oracle->ended = 1;
}

enum hf_sim_oracle_fault hf_sim_oracle_received(struct hf_sim_oracle *oracle, const void *buf,
                                                size_t len)
{
    const uint8_t *got = buf;
    uint8_t want[256];

    if (len > 0 && oracle->eof)
        return fault(oracle, HF_SIM_ORACLE_AFTER_EOF, oracle->received);
    while (len > 0) {
        size_t n = len < sizeof want ? len : sizeof want;
        bytes_of(oracle->id, oracle->received, want, n);
        for (size_t i = 0; i < n; i++) {
            if (oracle->received + i >= oracle->sent)
                return fault(oracle, HF_SIM_ORACLE_FROM_NOWHERE, oracle->received + i);
            if (got[i] != want[i])
                return fault(oracle, HF_SIM_ORACLE_WRONG_BYTE, oracle->received + i);
        }
        oracle->received += n;
        got += n;
        len -= n;
    }
    return (enum hf_sim_oracle_fault)oracle->fault;
}

enum hf_sim_oracle_fault hf_sim_oracle_eof(struct hf_sim_oracle *oracle)
{
    oracle->eof = 1;
    if (!oracle->ended || oracle->received != oracle->sent)
        return fault(oracle, HF_SIM_ORACLE_EARLY_EOF, oracle->received);
    return (enum hf_sim_oracle_fault)oracle->fault;
}

int hf_sim_oracle_complete(const struct hf_sim_oracle *oracle)
{
    return oracle->fault == HF_SIM_ORACLE_FINE && oracle->ended && oracle->eof &&
           oracle->received == oracle->sent;
}

const char *hf_sim_oracle_text(int what)
{
    switch (what) {
    case HF_SIM_ORACLE_FINE: return "no fault";
    case HF_SIM_ORACLE_WRONG_BYTE: return "a byte that does not belong at this offset";
    case HF_SIM_ORACLE_FROM_NOWHERE: return "more bytes received than were sent";
    case HF_SIM_ORACLE_AFTER_EOF: return "bytes after the end of the stream";
    case HF_SIM_ORACLE_EARLY_EOF: return "end of stream before all bytes had arrived";
    case HF_SIM_ORACLE_AFTER_END: return "bytes sent after the sender had ended its stream";
    default: return "not a fault of the oracle";
    }
}
