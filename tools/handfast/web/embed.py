#!/usr/bin/env python3
"""Make one page of page.html, page.css and the scripts, and a C file of that.

usage: embed.py PAGE.HTML PAGE.CSS SCRIPT.JS... OUT.C

The page has a line @style@ and a line @script@. The file has what web_page.h says: the bytes, and the
script's sum as Content-Security-Policy wants it."""
import base64
import hashlib
import pathlib
import sys


def main():
    page, style, *scripts = (pathlib.Path(p).read_text(encoding="utf-8") for p in sys.argv[1:-1])
    script = "".join(scripts)
    for mark in ("@style@", "@script@"):
        if page.count(mark) != 1:
            sys.exit(f"{sys.argv[1]}: {mark} is wanted once")
    if "</script" in script or "</style" in style:
        sys.exit("an end tag stands in the script or the style")
    whole = page.replace("@style@", style).replace("@script@", script).encode()
    total = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    lines = ['#include "web_page.h"',
             f'const char web_page_script[] = "sha256-{total}";',
             f"const size_t web_page_size = {len(whole)};",
             f"const unsigned char web_page[{len(whole)}] = {{"]
    for at in range(0, len(whole), 20):
        lines.append(",".join(str(byte) for byte in whole[at:at + 20]) + ",")
    lines.append("};")
    pathlib.Path(sys.argv[-1]).write_text("\n".join(lines) + "\n", encoding="ascii")


main()
