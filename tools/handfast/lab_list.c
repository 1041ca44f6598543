/* The experiments of the lab, in the order in which they are best read. */
#include "lab.h"

#define EITHER (1u << FIRST_CLIENT | 1u << FIRST_SERVER) /* but not in turn, nor at once        */

const struct experiment experiments[] = {
    {"open",
     {"three segments open a connection", "三个报文段打开一条连接"},
     {"Each end chooses a number for its first byte, and must know that the other has it. So "
      "each "
      "sends its number and is answered: two SYNs, two ACKs. The answer of the server and its "
      "own "
      "SYN fit into one segment; that makes three.",
      "每一端都为自己的第一个字节选一个序号，还必须知道对方已经得知。于是各发一个序号，"
      "各得一个回答："
      "两个 SYN，两个 ACK。服务器的回答和它自己的 SYN 可以合成一个报文段，所以是三个。"},
     play_open,
     {{KNOB_DELAY, 10, 0}, {KNOB_LOSE, 0, 0}, {KNOB_LOSS, 0, 0}},
     {KNOB_LOSE, 4, 0},
     {{KNOB_LOSE, 4, 0}, {KNOB_LOSS, 100, 0}}},
    {"piggyback",
     {"the third segment can carry data", "第三个报文段可以带数据"},
     {"When the client gets the SYN,ACK it is ESTABLISHED. It owes an ACK, and if the "
      "application has "
      "something to say by then, the ACK takes it along.",
      "客户端收到 SYN,ACK 时就是 ESTABLISHED 了。它欠对方一个 ACK；如果应用这时已经有话要说，ACK "
      "就把数据捎带过去。"},
     play_piggyback,
     {{KNOB_DELAY, 10, 0}, {KNOB_THINK, 0, 0}, {KNOB_LOSE, 0, 0}, {KNOB_LOSS, 0, 0}},
     {KNOB_THINK, 25, 0},
     {{KNOB_THINK, 25, 0}, {KNOB_THINK, 25, 0}}},
    {"lost-syn",
     {"lost SYNs only cost time", "丢失 SYN 只是耽误时间"},
     {"The network loses the first SYNs. Nothing tells the client so but silence.",
      "网络丢失了最初的几个 SYN。除了沉默，没有什么能告诉客户端。"},
     play_lost_syn,
     {{KNOB_DELAY, 10, 0}, {KNOB_SYNS, 3, 0}, {KNOB_TIMER, 1, 0}, {KNOB_LOSS, 0, 0}},
     {KNOB_TIMER, 3, 0},
     {{KNOB_TIMER, 3, 0}, {KNOB_LOSS, 100, 0}}},
    {"simultaneous-open",
     {"both sides open at once", "双方同时打开"},
     {"There is no server: each side opens to a fixed port of the other at the same moment, and "
      "the "
      "SYNs cross on the way.",
      "没有服务器：双方在同一时刻向对方的固定端口打开连接，两个 SYN 在途中交叉。"},
     play_simultaneous_open,
     {{KNOB_DELAY, 10, 0}, {KNOB_APART, 0, 0}, {KNOB_LOSE, 0, 0}, {KNOB_LOSS, 0, 0}},
     {KNOB_APART, 15, 0},
     {{KNOB_APART, 15, 0}, {KNOB_LOSE, 2, 0}}},
    {"stale-syn",
     {"why two segments are not enough", "为什么两个报文段不够"},
     {"The first SYN of a connection gets lost in a corner of the network; the client sends "
      "another, "
      "talks, closes. A minute later the old SYN arrives. A server that takes a SYN for a "
      "connection "
      "would now have one, with nobody at the other end.",
      "一条连接的第一个 SYN "
      "滞留在网络的某个角落；客户端又发了一个，通信，关闭。一分多钟之后，旧的 "
      "SYN 到了。"
      "如果服务器见到 SYN 就当作有了连接，现在它就有一条，而另一端空无一人。"},
     play_stale_syn,
     {{KNOB_DELAY, 10, 0}, {KNOB_RESETS, 0, 0}, {KNOB_IDLE, 7200, 0}},
     {KNOB_RESETS, 1, 0},
     {{KNOB_RESETS, 1, 0}, {KNOB_IDLE, 60, 0}}},
    {"close",
     {"four segments close a connection", "四个报文段关闭一条连接"},
     {"Each direction ends by itself: whoever has nothing more to say sends FIN, and the other "
      "acknowledges it. The other may go on for as long as it likes before it does the same.",
      "两个方向各自结束：无话可说的一方发 "
      "FIN，另一方确认。另一方在同样这样做之前，可以想说多久就说多久。"},
     play_close,
     {{KNOB_DELAY, 10, 0},
      {KNOB_FIRST, FIRST_TURNS, 0},
      {KNOB_THINK, 5, 0},
      {KNOB_MSL, 30, 0},
      {KNOB_LOSE, 0, 0},
      {KNOB_LOSS, 0, 0}},
     {KNOB_FIRST, FIRST_BOTH, 0},
     {{KNOB_FIRST, FIRST_BOTH, 0}, {KNOB_FIRST, FIRST_BOTH, 0}, {KNOB_MSL, 0, 0}}},
    {"three-segment-close",
     {"when three segments are enough", "什么时候三个报文段就够了"},
     {"If the second side has nothing more to say either, it need not answer twice.",
      "如果后关闭的一方也无话可说，它就不必回答两次。"},
     play_three_segment_close,
     {{KNOB_DELAY, 10, 0},
      {KNOB_FIRST, FIRST_CLIENT, EITHER},
      {KNOB_THINK, 0, 0},
      {KNOB_LOSE, 0, 0},
      {KNOB_LOSS, 0, 0}},
     {KNOB_THINK, 5, 0},
     {{KNOB_THINK, 5, 0}, {KNOB_THINK, 5, 0}}},
    {"half-close",
     {"data flows on after the first FIN", "第一个 FIN 之后数据继续流动"},
     {"The client has asked its question and says so with a FIN. The answer comes afterwards, "
      "over the "
      "half that is still open.",
      "客户端问完了问题，用 FIN 表示自己说完了。答案在此之后才来，走的是仍然打开的那一半。"},
     play_half_close,
     {{KNOB_DELAY, 10, 0},
      {KNOB_CALL, 0, 0},
      {KNOB_THINK, 5, 0},
      {KNOB_BYTES, 4000, 0},
      {KNOB_LOSE, 0, 0},
      {KNOB_LOSS, 0, 0}},
     {KNOB_CALL, 1, 0},
     {{KNOB_CALL, 1, 0}, {KNOB_CALL, 1, 0}}},
    {"simultaneous-close",
     {"both sides close at once", "双方同时关闭"},
     {"Both FINs are on the way at the same time. Each side gets a FIN where it expected an ACK.",
      "两个 FIN 同时在途中。每一方等的是 ACK，来的却是 FIN。"},
     play_simultaneous_close,
     {{KNOB_DELAY, 10, 0}, {KNOB_APART, 0, 0}, {KNOB_LOSE, 0, 0}, {KNOB_LOSS, 0, 0}},
     {KNOB_APART, 15, 0},
     {{KNOB_APART, 15, 0}}},
    {"lost-last-ack",
     {"TIME-WAIT, first reason: the last ACK may be lost",
      "TIME-WAIT 的第一个理由：最后的 ACK 可能丢失"},
     {"Nothing acknowledges the last ACK. If it is lost, the other side sends its FIN again, and "
      "somebody must be there who still knows the connection.",
      "没有什么来确认最后的 ACK。如果它丢了，对方会重发 FIN，而这时必须有人还认得这条连接。"},
     play_lost_last_ack,
     {{KNOB_DELAY, 10, 0},
      {KNOB_FIRST, FIRST_CLIENT, EITHER},
      {KNOB_THINK, 5, 0},
      {KNOB_MSL, 30, 0},
      {KNOB_ACKS, 1, 0}},
     {KNOB_MSL, 0, 0},
     {{KNOB_MSL, 0, 0}, {KNOB_ACKS, 0, 0}}},
    {"old-duplicate",
     {"TIME-WAIT, second reason: old segments", "TIME-WAIT 的第二个理由：旧的报文段"},
     {"A segment of the old connection is still in the network when a new one opens on the same "
      "ports. "
      "To see what 2MSL is for, both ends run with the same ISN each time and without "
      "timestamps.",
      "旧连接的一个报文段还在网络里，同一对端口上又打开了新连接。为了看清 2MSL "
      "的用处，两端每次都用相同的 ISN，"
      "并且不用时间戳。"},
     play_old_duplicate,
     {{KNOB_DELAY, 10, 0}, {KNOB_MSL, 30, 0}, {KNOB_ISN, 0, 0}, {KNOB_TIMESTAMPS, 0, 0}},
     {KNOB_MSL, 0, 0},
     {{KNOB_MSL, 0, 0}, {KNOB_TIMESTAMPS, 1, 0}}},
    {"syn-flood",
     {"a flood of SYNs, and cookies", "SYN 洪水与 cookie"},
     {"An attacker sends SYNs in the names of addresses where nobody is. Each wants a place in "
      "the "
      "server's table of half-open connections until its SYN,ACK has gone unanswered often "
      "enough.",
      "攻击者用无人使用的地址发送 SYN。每一个都要在服务器的半开连接表里占一个位置，直到 SYN,ACK "
      "多次无人应答为止。"},
     play_syn_flood,
     {{KNOB_DELAY, 10, 0},
      {KNOB_FLOOD, 20000, 0},
      {KNOB_COOKIES, 0, 0},
      {KNOB_BACKLOG, SCENE_BACKLOG, 0}},
     {KNOB_COOKIES, 1, 0},
     {{KNOB_COOKIES, 1, 0}, {KNOB_BACKLOG, 4096, 0}, {KNOB_FLOOD, 100, 0}}},
    {"isn",
     {"why initial numbers are random", "初始序号为什么要随机"},
     {"An attacker writes another's address on his packets. The answers go to that other, so he "
      "sees "
      "none; but the third segment of the open must acknowledge the server's ISN. He has to "
      "guess it.",
      "攻击者在报文上写别人的地址。应答都发给了那个人，他一个也看不到；"
      "但打开连接的第三个报文段必须确认服务器的 ISN，"
      "他只能猜。"},
     play_isn,
     {{KNOB_DELAY, 10, 0}, {KNOB_ISN, 1, 0}, {KNOB_GUESSES, 20000, 0}, {KNOB_OFF, 0, 0}},
     {KNOB_ISN, 0, 0},
     {{KNOB_OFF, 1, 0}, {KNOB_ISN, 0, 0}}},
    {"zero-window",
     {"a reader that does not read", "不读数据的接收者"},
     {"The server's application reads nothing, and its buffer fills: the window is zero. Some "
      "seconds later it reads everything, but the segment that says so is lost.",
      "服务器的应用不读数据，缓冲区满了：窗口为零。几秒之后它把数据全部读走，"
      "但告知此事的报文段丢失了。"},
     play_zero_window,
     {{KNOB_DELAY, 10, 0},
      {KNOB_WINDOW, 8192, 0},
      {KNOB_PAUSE, 10, 0},
      {KNOB_READER, 0, 0},
      {KNOB_UPDATE, 0, 0},
      {KNOB_BOX, 0, 0},
      {KNOB_LOSS, 0, 0}},
     {KNOB_READER, 1, 0},
     {{KNOB_BOX, 1, 0}, {KNOB_PAUSE, 0, 0}, {KNOB_READER, 1, 0}}},
    {"loss",
     {"what SACK, RACK and TLP save", "SACK、RACK 和 TLP 节省了什么"},
     {"Of sixty thousand bytes some segments are lost: several out of one flight, and the very "
      "last, behind which nothing comes that could tell of its loss.",
      "六万字节中丢失了一些报文段：几个在同一窗口里，还有最后一个，后面再没有什么能说明它丢了。"},
     play_loss,
     {{KNOB_DELAY, 40, 0},
      {KNOB_SACK, 0, 0},
      {KNOB_HOLES, 8, 0},
      {KNOB_TAIL, 0, 0},
      {KNOB_LOSS, 0, 0}},
     {KNOB_SACK, 1, 0},
     {{KNOB_LOSS, 100, 0}, {KNOB_SACK, 1, 0}, {KNOB_SACK, 1, 0}}},
};

const size_t experiment_count = OPTION_COUNT(experiments);
