/* Writing SVG: pieces of a document to a hf_write_fn, text with XML's own signs written out, and
 * how wide text will be, more or less. Internal to src/view. */
#ifndef HF_VIEW_SVG_H
#define HF_VIEW_SVG_H

#include <handfast/view.h>

struct svg {
    hf_write_fn write;
    void *context;
};

/* At most 1000 bytes at a time. */
__attribute__((format(printf, 2, 3))) void svg_put(const struct svg *svg, const char *format,
                                                   ...);

/* Text of others: control characters are left out. */
void svg_escape(const struct svg *svg, const char *text);

/* A text element's content and its end tag, after svg_put of its beginning. */
void svg_text(const struct svg *svg, const char *text);

/* Points that a text takes at a font size: Latin letters half of it, ideographs all of it. */
double svg_width(const char *text, double size);

/* How many bytes of a text fit, up to a space or behind an ideograph. */
size_t svg_fitting(const char *text, double size, double width);

/* The length of a line, without a mathematics library. */
double svg_length(double across, double down);

/* The document's beginning: declaration unless it is part of a page, root element with the class
 * "hf", style rules for light, and for dark where the theme wants them. */
struct svg_head {
    double width, height;
    uint8_t theme;
    uint8_t inline_part;
    const char *label; /* what a screen reader says                                         */
    const char *rules; /* of light, for every theme                                         */
    const char *dark;  /* what differs when dark                                            */
};
void svg_begin(const struct svg *svg, const struct svg_head *head);
void svg_end(const struct svg *svg);

#endif
