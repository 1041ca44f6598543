// What web.sh does with the lab's page in Chromium: a line "ok NAME" or "not ok NAME" with the reason for
// each test. usage: node web.js CHROMIUM URL own|kernel DIRECTORY-FOR-PICTURES
"use strict";
const { chromium } = require("playwright-core");
const assert = require("assert");

const [executablePath, url, transport, pictures] = process.argv.slice(2);
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const desktop = { viewport: { width: 1280, height: 900 }, locale: "en-US", colorScheme: "light" };
const phone = { viewport: { width: 360, height: 740 }, locale: "en-US", isMobile: true, hasTouch: true,
  deviceScaleFactor: 2 };
const experiments = 15;
let browser, shared;

/* A page at a place of the lab, which complains when anything goes wrong in it. */
async function open(options, hash = "") {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.wrong = [];
  page.on("console", m => { if (m.type() === "error" && !/\b400\b/.test(m.text())) page.wrong.push(m.text()); });
  page.on("pageerror", e => page.wrong.push(e.message));
  page.on("request", r => {
    if (!r.url().startsWith(url) && !r.url().startsWith("data:")) page.wrong.push("foreign: " + r.url());
  });
  page.setDefaultTimeout(10000);
  await page.goto(url + hash);
  await settled(page);
  return page;
}

async function settled(page) {
  await page.waitForFunction(() => (document.querySelector("#count").textContent ||
    document.querySelector("#error").textContent) && !document.body.hasAttribute("aria-busy"));
}

async function close(page) {
  assert.deepStrictEqual(page.wrong, []);
  await page.context().close();
}

/* Do something that plays an experiment, and wait until it is shown. */
async function played(page, act) {
  const answer = page.waitForResponse(r => r.url().includes("/run?"));
  await act();
  const status = (await answer).status();
  await settled(page);
  return status;
}

const text = (page, selector) => page.locator(selector).innerText();
const claims = async page => ({ all: await page.locator("#claims li").count(),
  fail: await page.locator("#claims li.fails").count() });
const here = async (page, end) => page.locator(`#diagram${end} rect.hf-here`).getAttribute("data-state");
const count = async page => (await text(page, "#count")).split(" / ").map(Number);
const picture = (page, name) => page.screenshot({ path: `${pictures}/${transport}-${name}.png` });

async function choose(page, name) {
  if (!await page.locator("#chooser").evaluate(e => e.open))
    await page.locator("summary").click();
  await played(page, () => page.locator(`#list a[href="#${name}"]`).click());
}

const tests = {
  async load() {
    const page = shared = await open(desktop);
    assert.strictEqual(await page.title(), "Handfast: the lab");
    assert.strictEqual(await page.locator("#list a").count(), experiments);
    assert.match(await text(page, "#title"), /^three segments open a connection$/i);
    assert.deepStrictEqual(await claims(page), { all: 2, fail: 0 });
    assert.ok(await page.locator("#ladder svg").isVisible());
    assert.deepStrictEqual(await count(page), [3, 3]);
  },

  async pick() {
    await choose(shared, "lost-last-ack");
    assert.match(await shared.evaluate(() => location.hash), /^#lost-last-ack/);
    assert.match(await text(shared, "#title"), /TIME-WAIT, first reason/);
    assert.strictEqual(await shared.locator("#scenes button").count(), 2);
    await shared.locator("#scenes button").nth(1).click();
    await shared.locator("#last").click({ force: true }).catch(() => {});
    assert.match(await shared.locator("#ladder").evaluate(e => e.shadowRoot.textContent), /RST/);
    await shared.goBack();
    await settled(shared);
    assert.match(await text(shared, "#title"), /three segments open/i);
  },

  /* The open, forwards and backwards: the row and the states of both ends light up. */
  async step() {
    const ways = [["CLOSED", "LISTEN"], ["SYN-SENT", "SYN-RECEIVED"], ["ESTABLISHED", "SYN-RECEIVED"],
      ["ESTABLISHED", "ESTABLISHED"]];
    const page = shared;
    const expect = async n => {
      assert.deepStrictEqual(await count(page), [n, 3]);
      assert.deepStrictEqual([await here(page, 0), await here(page, 1)], ways[n]);
      assert.ok(await page.locator("#ladder g.now").count() > 0 === n > 0);
      assert.ok(await page.locator("#ladder g.later").count() > 0 === n < 3);
    };
    await page.locator("#first").click();
    await expect(0);
    assert.match(await text(page, "#what"), /Before anything/);
    for (let n = 1; n <= 3; n++) {
      await page.locator("#next").click();
      await expect(n);
    }
    assert.match(await text(page, "#what"), /segment 3, client → server: ACK seq 1 ack 1/);
    assert.ok(await page.locator("#next").isDisabled());
    assert.strictEqual(await page.locator("#diagram0 .number").count(), 2);
    await page.locator("#back").click();
    await expect(2);
    assert.match(await text(page, "#states"), /SYN-SENT → ESTABLISHED/);
    await page.locator("#ladder g[data-step='1.0'] text").first().dispatchEvent("click");
    await expect(1);
    await picture(page, "step");
    await page.locator("#last").click();
    await expect(3);
  },

  /* Every experiment, step by step: the box that is lit is the state that is told. In Chinese: nothing is
   * left in English but what is a term of the protocol, or bytes of the application. */
  async walk() {
    const page = await open({ ...desktop, locale: "zh-CN" });
    assert.deepStrictEqual(await page.evaluate(() => Object.keys(words.en).filter(k => !(k in words.zh))
      .concat(Object.keys(words.zh).filter(k => !(k in words.en)))), []);
    for (let i = 0; i < experiments; i++) {
      const name = await page.locator("#list a").nth(i).getAttribute("href");
      await played(page, () => page.evaluate(to => { location.hash = to + "?seed=" + 7; }, name));
      const trouble = await page.evaluate(() => {
        const wrong = [];
        for (const s of report.scenes) {
          show_scene(s, 0);
          for (let at = 1; at <= s.steps.length; at++) {
            go_to(at, false);
            for (const end of [0, 1]) {
              const lit = document.querySelector("#diagram" + end).shadowRoot.querySelectorAll("rect.hf-here");
              if (lit.length !== 1 || lit[0].dataset.state !== s.steps[at - 1].after[end])
                wrong.push(`${s.name} ${at} end ${end}: ${lit.length} ${lit[0] && lit[0].dataset.state}`);
            }
            if (document.querySelector("#ladder").shadowRoot.querySelectorAll("g.now").length === 0)
              wrong.push(`${s.name} ${at}: no row is lit`);
          }
        }
        return wrong;
      });
      assert.deepStrictEqual(trouble, [], name);
      assert.strictEqual((await claims(page)).fail, 0, name);
      const all = (await page.evaluate(() => {
        const shown = [document.querySelector("main").innerText];
        for (const id of ["ladder", "diagram0", "diagram1"])
          shown.push([...document.querySelector("#" + id).shadowRoot.querySelectorAll("text")].map(t => t.textContent).join("\n"));
        return shown.join("\n");
      })).replace(/旧：[^]*?错了/g, "");
      const english = /\b(the|of|and|is|are|to|from|segment|client|server|holds|fails|lost|step|by)\b/gi;
      assert.deepStrictEqual(all.match(english), null, name);
    }
    await picture(page, "chinese");
    await close(page);
  },

  async knobs() {
    const page = shared;
    await page.goto(url + "#close?first=client");
    await page.reload();
    await settled(page);
    assert.strictEqual(await page.locator("#knob-first").inputValue(), "client");
    assert.strictEqual(await page.locator("#scenes button").count(), 0);
    await played(page, () => page.locator("#knob-delay").fill("50"));
    assert.match(await page.evaluate(() => location.hash), /delay=50/);
    assert.match(await page.locator("#ladder").evaluate(e => e.shadowRoot.textContent), /50\.004/);
    assert.deepStrictEqual(await claims(page), { all: 3, fail: 0 });
    await played(page, () => page.locator("#knob-first").selectOption("server"));
    assert.match(await page.locator("#ladder").evaluate(e => e.shadowRoot.textContent), /TIME-WAIT 60/);
    // Pointing at a segment loses it.
    await page.locator("#first").click();
    for (let i = 0; i < 5; i++)
      await page.locator("#next").click();
    await played(page, () => page.locator("#lose").click());
    assert.strictEqual(await page.locator("#knob-lose").inputValue(), "4");
    assert.match(await text(page, "#what"), /lost on the way/);
    assert.ok((await claims(page)).fail > 0);
    await picture(page, "lost");
    await played(page, () => page.locator("#reset").click());
    assert.strictEqual((await claims(page)).fail, 0);
    await played(page, () => page.locator("#breaking").click());
    assert.ok((await claims(page)).fail > 0);
    assert.match(await text(page, "#claims"), /Fails:/);
  },

  async refused() {
    const page = await open(desktop, "#half-close");
    const before = await page.locator("#ladder").evaluate(e => e.shadowRoot.textContent);
    assert.strictEqual(await played(page, () => page.locator("#knob-delay").fill("9999")), 400);
    assert.match(await text(page, "#error"), /delay=9999: a whole number from 1 to 400 is wanted/);
    assert.strictEqual(await page.locator("#knob-delay").getAttribute("aria-invalid"), "true");
    assert.strictEqual(await page.locator("#ladder").evaluate(e => e.shadowRoot.textContent), before);
    await picture(page, "refused");
    assert.strictEqual(await played(page, () => page.locator("#knob-delay").fill("20")), 200);
    assert.strictEqual(await page.locator("#error").innerText(), "");
    assert.strictEqual(await page.locator("[aria-invalid=true]").count(), 0);
    // An address that asks for what cannot be: told, and nothing of another experiment is shown.
    await played(page, () => page.evaluate(() => { location.hash = "#close?msl=999&%zz"; }));
    assert.match(await text(page, "#error"), /msl=999: a whole number from 0 to 120 is wanted/);
    assert.strictEqual(await page.locator("#claims li").count() + await page.locator("#ladder svg").count(), 0);
    await page.keyboard.press("ArrowRight");
    await page.locator("#play").click();
    await played(page, () => page.locator("#knob-msl").fill("1"));
    assert.deepStrictEqual(await claims(page), { all: 3, fail: 0 });
    await close(page);
  },

  async language() {
    const page = await open(desktop, "#close?first=client");
    await page.locator("#back").click();
    const place = await count(page);
    await played(page, () => page.locator("#zh").click());
    assert.strictEqual(await page.locator("html").getAttribute("lang"), "zh-CN");
    assert.match(await text(page, "#title"), /四个报文段关闭一条连接/);
    assert.match(await text(page, "#claims"), /成立：/);
    assert.match(await page.locator("#ladder").evaluate(e => e.shadowRoot.textContent), /客户端/);
    assert.match(await page.locator("#diagram0").evaluate(e => e.shadowRoot.textContent), /被动打开/);
    assert.deepStrictEqual(await count(page), place);
    await page.reload();
    await settled(page);
    assert.strictEqual(await page.locator("html").getAttribute("lang"), "zh-CN");
    await played(page, () => page.locator("#en").click());
    assert.match(await text(page, "#claims"), /Holds:/);
    await close(page);
  },

  async keyboard() {
    const page = await open(desktop, "#open");
    const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
    const tab_to = async wanted => {
      for (let i = 0; i < 60 && await focus() !== wanted; i++)
        await page.keyboard.press("Tab");
      assert.strictEqual(await focus(), wanted);
    };
    await page.keyboard.press("Home");
    assert.deepStrictEqual(await count(page), [0, 3]);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowLeft");
    assert.deepStrictEqual(await count(page), [1, 3]);
    await page.keyboard.press("End");
    assert.deepStrictEqual(await count(page), [3, 3]);
    await page.keyboard.press(" ");
    await page.waitForFunction(() => document.querySelector("#count").textContent === "1 / 3");
    await page.keyboard.press(" ");
    await played(page, () => page.keyboard.press("]"));
    assert.match(await text(page, "#title"), /third segment can carry data/i);
    await tab_to("SUMMARY");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await played(page, () => page.keyboard.press("Enter"));
    assert.match(await text(page, "#title"), /lost SYNs/i);
    await tab_to("knob-syns");
    await played(page, () => page.keyboard.press("ArrowDown"));
    assert.strictEqual(await page.locator("#knob-syns").inputValue(), "2");
    await tab_to("back");
    assert.strictEqual(await page.locator("#back").evaluate(e => getComputedStyle(e).outlineStyle), "solid");
    await tab_to("ladder");
    await page.keyboard.press("ArrowLeft");
    const [at, all] = await count(page);
    assert.strictEqual(at, all - 1);
    await close(page);
  },

  async phone() {
    const page = await open(phone, "#close");
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.strictEqual(await overflow(), 0);
    await page.locator("#stage").evaluate(e => e.scrollIntoView());
    await page.locator("#back").tap();
    for (const id of ["first", "back", "play", "next", "last"]) {
      const box = await page.locator("#" + id).boundingBox();
      assert.ok(box.height >= 44 && box.width >= 40, `${id}: ${box.width} x ${box.height}`);
      assert.ok(box.y >= 0 && box.y + box.height <= 740, `${id} is out of sight at ${box.y}`);
    }
    assert.ok((await page.locator("#ladder svg").boundingBox()).width <= 360);
    await picture(page, "phone");
    for (const name of ["loss", "syn-flood", "old-duplicate", "isn"]) {
      await page.evaluate(() => scrollTo(0, 0));
      await choose(page, name);
      assert.strictEqual(await overflow(), 0, name);
    }
    await page.evaluate(() => scrollTo(0, 0));
    await played(page, () => page.locator("#zh").tap());
    assert.strictEqual(await overflow(), 0);
    await close(page);
  },

  async dark() {
    const page = await open({ ...desktop, colorScheme: "dark" }, "#simultaneous-close");
    const light = colour => { const [r, g, b] = colour.match(/\d+/g).map(Number); return (r + g + b) / 3; };
    const of = (selector, property) => page.locator(selector).first().evaluate((e, p) => getComputedStyle(e)[p], property);
    assert.ok(light(await of("body", "backgroundColor")) < 60);
    assert.ok(light(await of("body", "color")) > 180);
    assert.ok(light(await of("#ladder .hf-paper", "fill")) < 60);
    assert.ok(light(await of("#diagram0 text.hf-said", "fill")) > 180);
    await page.locator("#back").click();
    await picture(page, "dark");
    await close(page);
  },

  async live() {
    const page = shared;
    await page.locator("#live").scrollIntoViewIfNeeded();
    if (transport === "kernel") {
      assert.match(await text(page, "#carrier"), /kernel's TCP/);
      assert.ok(!await page.locator("#wire").isVisible());
      assert.ok(!await page.locator("#pause").isVisible());
      return;
    }
    assert.match(await text(page, "#carrier"), /10\.77\.0\.2:80, carries this page to 10\.77\.0\.1:\d+/);
    const events = async () => Number(/(\d+) events/.exec(await text(page, "#carrier"))[1]);
    const drawn = await page.locator("#wire").evaluate(e => e.shadowRoot.textContent);
    assert.ok(await page.locator("#wire svg").isVisible());
    assert.match(drawn, /SYN,ACK/);
    assert.match(drawn, /ESTABLISHED/);
    assert.match(await text(page, "#carrier"), /Now: your browser's side ~ESTABLISHED, Handfast ESTABLISHED/);
    const before = await events();
    await page.waitForFunction(n => Number(/(\d+) events/.exec(document.querySelector("#carrier").textContent)[1]) > n, before);
    await page.locator("#live").evaluate(e => e.scrollIntoView({ behavior: "instant" }));
    await picture(page, "live");
    await page.locator("#pause").click();
    assert.strictEqual(await text(page, "#pause"), "Let it run");
  }
};

async function main() {
  browser = await chromium.launch({ executablePath, args });
  const wanted = transport === "own" ? Object.keys(tests) : ["load", "step", "live"];
  for (const name of wanted) {
    const began = Date.now();
    try {
      await tests[name]();
      assert.deepStrictEqual(shared.wrong, []);
      console.log(`ok ${name}\n# ${Date.now() - began} ms`);
    } catch (error) {
      console.log("not ok " + name + "\n" + String(error.stack || error).split("\n").slice(0, 10).join("\n"));
    }
  }
  await browser.close();
}

main().catch(error => { console.log("not ok: " + error.message); process.exit(1); });
