/* Writing SVG 1.1 that any browser and renderer reads. */
#include "svg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void svg_put(const struct svg *svg, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (len > 0)
        svg->write(svg->context, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

void svg_escape(const struct svg *svg, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '&')
            svg_put(svg, "&amp;");
        else if (*text == '<')
            svg_put(svg, "&lt;");
        else if (*text == '>')
            svg_put(svg, "&gt;");
        else if (*text == '"')
            svg_put(svg, "&quot;");
        else if ((unsigned char)*text >= ' ')
            svg->write(svg->context, text, 1);
    }
}

void svg_text(const struct svg *svg, const char *text)
{
    svg_escape(svg, text);
    svg_put(svg, "</text>\n");
}

/* The width of a character in parts of the font size, and its bytes in UTF-8. */
static double character_width(const char *at, size_t *bytes)
{
    unsigned char c = (unsigned char)*at;
    *bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < *bytes; i++)
        if (at[i] == 0)
            *bytes = i;
    if (c >= 0xe3)
        return 1;
    if (c >= 'A' && c <= 'Z')
        return 0.7;
    return strchr(" ,.:;il|'()-/", c) != NULL ? 0.34 : 0.56;
}

double svg_width(const char *text, double size)
{
    double width = 0;
    size_t bytes;
    for (; *text != 0; text += bytes)
        width += character_width(text, &bytes) * size;
    return width;
}

size_t svg_fitting(const char *text, double size, double width)
{
    size_t at = 0, last = 0, bytes;
    while (text[at] != 0) {
        width -= character_width(text + at, &bytes) * size;
        if (width < 0)
            return last > 0 ? last : at > 0 ? at : bytes;
        if (text[at] == ' ' || (unsigned char)text[at] >= 0xe3)
            last = at + bytes;
        at += bytes;
    }
    return at;
}

double svg_length(double across, double down)
{
    double square = across * across + down * down;
    double root = square > 1 ? square : 1;
    for (int i = 0; i < 40; i++)
        root = (root + square / root) / 2;
    return root;
}

void svg_begin(const struct svg *svg, const struct svg_head *head)
{
    if (!head->inline_part)
        svg_put(svg, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    svg_put(svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hf\" role=\"img\" width=\"%.0f\" "
            "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<title>",
            head->width, head->height, head->width, head->height);
    svg_escape(svg, head->label);
    svg_put(svg, "</title>\n<style>\n");
    svg->write(svg->context, head->rules, strlen(head->rules));
    if (head->theme == HF_THEME_AUTO)
        svg_put(svg, "@media (prefers-color-scheme:dark){\n");
    if (head->theme != HF_THEME_LIGHT)
        svg->write(svg->context, head->dark, strlen(head->dark));
    if (head->theme == HF_THEME_AUTO)
        svg_put(svg, "}\n");
    svg_put(svg, "</style>\n<rect class=\"hf-paper\" width=\"%.0f\" height=\"%.0f\"/>\n",
            head->width, head->height);
}

void svg_end(const struct svg *svg)
{
    svg_put(svg, "</svg>\n");
}
