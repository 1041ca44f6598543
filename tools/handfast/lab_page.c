/* The report of the lab as one picture, and as a page that needs nothing beside it. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN 24

static void escape(FILE *file, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '&')
            (void)fputs("&amp;", file);
        else if (*text == '<')
            (void)fputs("&lt;", file);
        else if (*text == '>')
            (void)fputs("&gt;", file);
        else if (*text == '"')
            (void)fputs("&quot;", file);
        else
            (void)fputc(*text, file);
    }
}

char *lab_picture(const struct hf_ladder *ladder, const struct hf_diagram *diagram,
                  struct hf_picture_config config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    config.size = sizeof config;
    config.write = hf_write_file;
    config.context = file;
    config.inline_part = 1;
    int err = ladder ? hf_ladder_svg(ladder, &config) : hf_diagram_svg(diagram, &config);
    if (fclose(file) == 0 && err == HF_OK)
        return text;
    free(text);
    return NULL;
}

/* ---- The picture: ladders, one below the other ---- */

/* The value of an attribute of a picture's root. */
static double attribute(const char *svg, const char *name)
{
    const char *at = strstr(svg, name);
    return at ? strtod(at + strlen(name), NULL) : 0;
}

void lab_write_svg(const struct lab *lab, FILE *file)
{
    double width = 1, height = 0;
    for (size_t i = 0; i < lab->count; i++) {
        if (!lab->parts[i].svg)
            continue;
        double wide = attribute(lab->parts[i].svg, " width=\"");
        width = wide > width ? wide : width;
        height += attribute(lab->parts[i].svg, " height=\"") + BETWEEN;
    }
    (void)fprintf(file,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                  "viewBox=\"0 0 %.0f %.0f\">\n",
                  width, height, width, height);
    (void)fputs("<style>.lab-paper{fill:#fff}@media (prefers-color-scheme:dark){.lab-paper{fill:"
                "#14171c}}</style>\n<rect class=\"lab-paper\" width=\"100%\" height=\"100%\"/>\n",
                file);
    height = 0;
    for (size_t i = 0; i < lab->count; i++) {
        const char *svg = lab->parts[i].svg;
        if (!svg)
            continue;
        (void)fprintf(file, "<svg y=\"%.0f\"%s", height, svg + strlen("<svg"));
        height += attribute(svg, " height=\"") + BETWEEN;
    }
    (void)fputs("</svg>\n", file);
}

/* ---- The page ---- */

static const char style[] =
    "body{max-width:62rem;margin:2rem auto;padding:0 1rem;font:16px/1.6 \"Helvetica Neue\",Arial,"
    "\"Liberation Sans\",\"Noto Sans CJK SC\",\"PingFang SC\",\"Microsoft YaHei\",sans-serif;"
    "color:#1d2530;background:#fff}\n"
    "h1{font-size:1.6rem;line-height:1.3;margin-top:2.5rem}h2{font-size:1.15rem}\n"
    "p{max-width:44rem}.picture{overflow-x:auto}"
    "svg{width:100%;min-width:40rem;height:auto;display:block;margin:1rem 0}\n"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem 1.2rem .25rem 0;"
    "text-align:left;font-weight:normal;border-bottom:1px solid #d0d5dd;vertical-align:top}\n"
    "td{font-variant-numeric:tabular-nums}pre{overflow-x:auto;font-size:.85rem;line-height:1.35}"
    "\n"
    ".claim{border-left:4px solid #15803d;padding:.3rem .8rem;margin:.6rem "
    "0;background:#f0faf3}\n"
    ".claim.fails{border-color:#b91c1c;background:#fdf1f1}summary{cursor:pointer}\n"
    "@media (prefers-color-scheme:dark){body{color:#e6e9ee;background:#14171c}"
    "td,th{border-color:#3a4250}.claim{background:#17251c;border-color:#4ade80}"
    ".claim.fails{background:#2b1a1a;border-color:#f87171}a{color:#7aa2ff}}\n";

static void write_element(FILE *file, const char *element, const char *text)
{
    (void)fprintf(file, "<%s>", element);
    escape(file, text);
    (void)fprintf(file, "</%s>\n", element);
}

static void write_scene(const struct lab *lab, FILE *file, const struct part *part)
{
    if (part->svg)
        (void)fprintf(file, "<div class=\"picture\">\n%s</div>\n", part->svg); /* with title */
    else
        write_element(file, "h2", part->name);
    if (part->diagram)
        (void)fprintf(
            file, "<details><summary>%s</summary>\n<div class=\"picture\">\n%s</div></details>\n",
            SAY(lab, "The states of both ends", "两端的状态"), part->diagram);
}

static void write_figure(const struct lab *lab, FILE *file, size_t at)
{
    const struct part *part = &lab->parts[at];
    if (at == 0 || part[-1].kind != PART_FIGURE)
        (void)fputs("<table>\n", file);
    (void)fputs("<tr><th>", file);
    escape(file, part->name);
    (void)fputs("</th><td>", file);
    escape(file, part->text);
    (void)fputs("</td></tr>\n", file);
    if (at + 1 == lab->count || part[1].kind != PART_FIGURE)
        (void)fputs("</table>\n", file);
}

static void write_claim(const struct lab *lab, FILE *file, const struct part *part)
{
    (void)fprintf(file, "<p class=\"claim%s\"><strong>%s</strong> ", part->holds ? "" : " fails",
                  part->holds ? SAY(lab, "This holds:", "成立：")
                              : SAY(lab, "This fails:", "不成立："));
    escape(file, part->text);
    (void)fputs("</p>\n", file);
}

static void write_part(const struct lab *lab, FILE *file, size_t at)
{
    const struct part *part = &lab->parts[at];
    switch (part->kind) {
    case PART_TITLE:
        (void)fprintf(file, "<h1 id=\"%s\">", part->name);
        escape(file, part->text);
        (void)fputs("</h1>\n", file);
        break;
    case PART_TEXT:
        write_element(file, "p", part->text);
        break;
    case PART_SCENE:
        write_scene(lab, file, part);
        break;
    case PART_SHOWN:
        write_element(file, "pre", part->text);
        break;
    case PART_FIGURE:
        write_figure(lab, file, at);
        break;
    default:
        write_claim(lab, file, part);
        break;
    }
}

void lab_write_html(const struct lab *lab, FILE *file)
{
    (void)fprintf(file,
                  "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"/>\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                  "<title>%s</title>\n<style>\n%s</style></head><body>\n",
                  SAY(lab, "en", "zh-CN"), SAY(lab, "Handfast: the lab", "Handfast 实验室"),
                  style);
    for (size_t i = 0; i < lab->count; i++)
        write_part(lab, file, i);
    (void)fputs("</body></html>\n", file);
}
