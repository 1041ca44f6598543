"use strict";
/* What the page says by itself; what experiments say comes from the server. Terms of the protocol are the
 * same in both languages. */

const words = {
  en: {
    title: "Handfast: the lab", lab: "the lab", skip: "To the ladder", choose: "Experiment:",
    knobs: "Knobs", again: "Play again", reset: "As at first", breaking: "Break the claim",
    scenes: "Scenes", steps: "Steps", first: "To the beginning", back: "One step back", play: "Play",
    stop: "Stop", next: "One step on", last: "To the end", ladder: "Ladder; arrow keys step",
    wire: "Ladder of this page's connection", live: "The connection that brought you this page",
    pause: "Hold it still", go: "Let it run", seed: "seed", numbers: "such as 2,4",
    holds: "Holds:", fails: "Fails:", of: (n, all) => `${n} of ${all}`,
    before: "Before anything happens.", segment: "segment", lost: "lost on the way",
    again_sent: "sent again", calls: "calls", took: (a, b) => `${a} → ${b} ms`,
    left: a => `left at ${a} ms`, came: b => `arrived at ${b} ms`, at: a => `at ${a} ms`,
    ended: "ended:", lose: n => `Lose segment ${n}`, keep: n => `Do not lose segment ${n}`,
    left_so: "left by no arrow of the figure:", nothing: "The server does not answer.",
    bad: "The server answered something unexpected.",
    keys: "Keys: ← → step, Home and End go to the ends, Space plays, [ and ] change the experiment.",
    kernel: "This page came over the kernel's TCP, and nothing can be seen of it from here. Without --listen, handfast lab --web serves it over Handfast's own TCP, and the connection is drawn here.",
    unknown: "Nothing is known of this connection any more.",
    carried: l => `Handfast's own TCP, ${l.local}, carries this page to ${l.remote}: connection ${l.number} since the server began. ` +
      `So far ${l.records} events` + (l.missing ? `, ${l.missing} of them between the first and the last are not kept. ` : ". ") +
      `Each look at it adds some: the request is on the connection that it asks for. Now: ${l.states}.`
  },
  zh: {
    title: "Handfast 实验室", lab: "实验室", skip: "跳到时序图", choose: "实验：",
    knobs: "旋钮", again: "再来一次", reset: "恢复原样", breaking: "打破论断",
    scenes: "场景", steps: "步骤", first: "回到开头", back: "后退一步", play: "播放",
    stop: "停止", next: "前进一步", last: "到结尾", ladder: "时序图；用方向键单步",
    wire: "本页连接的时序图", live: "把本页送来的这条连接",
    pause: "停住", go: "继续", seed: "随机种子", numbers: "例如 2,4",
    holds: "成立：", fails: "不成立：", of: (n, all) => `第 ${n} 步，共 ${all} 步`,
    before: "一切尚未开始。", segment: "报文段", lost: "途中丢失",
    again_sent: "重发", calls: "调用", took: (a, b) => `${a} → ${b} 毫秒`,
    left: a => `${a} 毫秒发出`, came: b => `${b} 毫秒到达`, at: a => `${a} 毫秒`,
    ended: "结束：", lose: n => `丢掉报文段 ${n}`, keep: n => `不丢报文段 ${n}`,
    left_so: "图中没有这条箭头：", nothing: "服务器没有回答。",
    bad: "服务器的回答出乎意料。",
    keys: "按键：← → 单步，Home 和 End 到两端，空格播放，[ 和 ] 换实验。",
    kernel: "本页经由内核的 TCP 送来，从这里看不到它的任何细节。不带 --listen 时，handfast lab --web 用 Handfast 自己的 TCP 提供本页，连接就画在这里。",
    unknown: "关于这条连接已经一无所知。",
    carried: l => `Handfast 自己的 TCP（${l.local}）把本页送到 ${l.remote}：这是服务器启动以来的第 ${l.number} 条连接。` +
      `至今 ${l.records} 个事件` + (l.missing ? `，首尾之间有 ${l.missing} 个没有保留。` : "。") +
      `每看一次就会多几个：请求正是走在它所询问的这条连接上。此刻：${l.states}。`
  }
};
