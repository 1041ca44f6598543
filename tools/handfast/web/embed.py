#!/usr/bin/env python3
"""Make one page of page.html, page.css and the scripts, and a C header of that.

usage: embed.py PAGE.HTML PAGE.CSS SCRIPT.JS... OUT.H

The page has a line @style@ and a line @script@. The header has the bytes, and the script's sum as
Content-Security-Policy wants it: no other script runs in the page."""
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
    lines = [f'#define WEB_PAGE_SCRIPT "sha256-{total}"',
             f"enum {{ web_page_size = {len(whole)} }};",
             f"static const unsigned char web_page[{len(whole)}] = {{"]
    for at in range(0, len(whole), 20):
        lines.append(",".join(str(byte) for byte in whole[at:at + 20]) + ",")
    lines.append("};")
    pathlib.Path(sys.argv[-1]).write_text("\n".join(lines) + "\n", encoding="ascii")


main()
