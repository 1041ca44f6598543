/* What a state diagram keeps of each end, and its drawing. Internal to src/view. */
#ifndef HF_VIEW_DIAGRAM_H
#define HF_VIEW_DIAGRAM_H

#include <handfast/view.h>

#include <stdbool.h>

#define DIAGRAM_STEPS 24

struct diagram_step {
    uint8_t from, to; /* enum hf_state                                                        */
    uint8_t by, detail;
    bool inferred;
};

/* The path of one end. */
struct diagram_path {
    struct diagram_step step[DIAGRAM_STEPS];
    unsigned count;
    uint8_t first; /* the state it began in                                                   */
    uint8_t last;
    bool ended;
    uint8_t cause;
    char name[HF_ENDPOINT_TEXT];
};

/* Write the diagram once for each of two paths; or once, for none. */
void diagram_draw(const struct diagram_path path[2], const struct hf_picture_config *config);
void diagram_draw_blank(const struct hf_picture_config *config);

#endif
