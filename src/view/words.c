/* The words for what records hold, in the languages of views: the core's English (trace.h), and
 * Chinese here. What a list gains and has no Chinese yet is said in English; a test knows. */
#include <handfast/view.h>

#include <stddef.h>

static const char *const causes[HF_CAUSE_COUNT] = {
    [HF_CAUSE_NONE] = "仍然存活",
    [HF_CAUSE_CLOSED] = "双方都已关闭",
    [HF_CAUSE_REFUSED] = "被对端拒绝",
    [HF_CAUSE_RESET] = "被对端复位",
    [HF_CAUSE_ABORTED] = "被本端中止",
    [HF_CAUSE_UNREAD_DATA] = "本端关闭时还有数据未读",
    [HF_CAUSE_DATA_AFTER_CLOSE] = "本端关闭后又来了数据",
    [HF_CAUSE_OPEN_CANCELLED] = "本端在打开完成之前就关闭了",
    [HF_CAUSE_OPEN_TIMEOUT] = "SYN 没有得到应答",
    [HF_CAUSE_RETRANSMIT_TIMEOUT] = "多次重传仍未得到确认",
    [HF_CAUSE_USER_TIMEOUT] = "用户超时",
    [HF_CAUSE_KEEPALIVE_TIMEOUT] = "保活探测没有得到应答",
    [HF_CAUSE_ORPHAN_TIMEOUT] = "应用已放手，而对端未能及时结束",
    [HF_CAUSE_ORPHAN_LIMIT] = "应用已放手，而这样的连接太多",
    [HF_CAUSE_UNREACHABLE] = "ICMP 差错报告说对端不可达",
    [HF_CAUSE_MEMORY] = "内存不足",
    [HF_CAUSE_MEMORY_PRESSURE] = "内存紧张时长期保持零窗口",
    [HF_CAUSE_LISTENER_CLOSED] = "尚未被接受，监听就已关闭",
    [HF_CAUSE_HALF_OPEN_TIMEOUT] = "握手的第三个报文段始终没有来",
    [HF_CAUSE_SYN_REFUSED] = "被本端的应用拒绝",
    [HF_CAUSE_HELD_TIMEOUT] = "应用没有及时决定如何对待 SYN",
    [HF_CAUSE_TIME_WAIT_OVER] = "2MSL 已过",
    [HF_CAUSE_TIME_WAIT_REUSED] = "新连接取代了 TIME-WAIT",
    [HF_CAUSE_TIME_WAIT_RESET] = "在 TIME-WAIT 中被复位",
    [HF_CAUSE_TIME_WAIT_LIMIT] = "被更新的 TIME-WAIT 条目挤出",
    [HF_CAUSE_STACK_DESTROYED] = "协议栈被销毁",
};

static const char *const drops[HF_DROP_COUNT] = {
    [HF_DROP_NONE] = "已接受",
    [HF_DROP_IP_SHORT] = "比 IP 首部所说的短",
    [HF_DROP_IP_VERSION] = "既不是 IPv4 也不是 IPv6",
    [HF_DROP_IP_HEADER] = "IP 首部有误",
    [HF_DROP_IP_CHECKSUM] = "IPv4 首部检验和有误",
    [HF_DROP_IP_OPTIONS] = "IPv4 源路由，或选项格式有误",
    [HF_DROP_IP_EXTENSIONS] = "IPv6 扩展首部太多、有误或不允许",
    [HF_DROP_IP_SOURCE] = "任何主机都不得使用的源地址",
    [HF_DROP_IP_DESTINATION] = "不是发给本机的",
    [HF_DROP_IP_BROADCAST] = "发往广播或多播地址的 TCP",
    [HF_DROP_IP_PROTOCOL] = "本机不懂的协议",
    [HF_DROP_FRAGMENT_BAD] = "分片的偏移或长度不可能",
    [HF_DROP_FRAGMENT_OVERLAP] = "分片重叠",
    [HF_DROP_FRAGMENT_LIMIT] = "等待重组的分片太多",
    [HF_DROP_FRAGMENT_TIMEOUT] = "分片始终没有到齐",
    [HF_DROP_ICMP_SHORT] = "ICMP 报文被截短",
    [HF_DROP_ICMP_CHECKSUM] = "ICMP 检验和有误",
    [HF_DROP_ICMP_TYPE] = "在此无用的 ICMP 报文",
    [HF_DROP_ICMP_QUOTE] = "ICMP 差错所引用的不是我们的报文",
    [HF_DROP_ICMP_SEQUENCE] = "ICMP 差错所引用的序号不在途中",
    [HF_DROP_ICMP_RATE] = "ICMP 应答超过速率上限",
    [HF_DROP_TCP_SHORT] = "比 TCP 首部所说的短",
    [HF_DROP_TCP_CHECKSUM] = "TCP 检验和有误",
    [HF_DROP_TCP_PORT] = "端口为 0",
    [HF_DROP_TCP_FLAGS] = "任何状态都用不上的标志组合",
    [HF_DROP_NO_CONNECTION] = "没有这样的连接，也没有监听",
    [HF_DROP_BACKLOG] = "半开表或接受队列已满",
    [HF_DROP_DEFERRED] = "第三个报文段不带数据，而监听者在等数据",
    [HF_DROP_COOKIE] = "第三个报文段的 SYN cookie 有误或过期",
    [HF_DROP_PAWS] = "时间戳比上一个还旧",
    [HF_DROP_NO_TIMESTAMP] = "缺少协商好的时间戳",
    [HF_DROP_WINDOW] = "在接收窗口之外",
    [HF_DROP_RST_WINDOW] = "RST 不恰好在 RCV.NXT",
    [HF_DROP_RST_OUTSIDE] = "RST 在窗口之外，或不是针对我们的 SYN",
    [HF_DROP_RST_TIME_WAIT] = "TIME-WAIT 中的 RST（RFC 1337）",
    [HF_DROP_SYN_SYNCHRONIZED] = "已同步的连接上来了 SYN",
    [HF_DROP_NO_ACK] = "没有 ACK 标志",
    [HF_DROP_ACK_OLD] = "确认太旧",
    [HF_DROP_ACK_UNSENT] = "确认了从未发送的内容",
    [HF_DROP_ACK_HANDSHAKE] = "与握手不符的确认",
    [HF_DROP_TEXT_AFTER_FIN] = "对端 FIN 之后的数据",
    [HF_DROP_TEXT_DUPLICATE] = "此前已收到过的数据",
    [HF_DROP_TEXT_ON_SYN] = "SYN 带数据，但没有 Fast Open",
    [HF_DROP_FAST_OPEN_COOKIE] = "SYN 带数据，但 Fast Open cookie 不是我们给的",
    [HF_DROP_FAST_OPEN_LIMIT] = "SYN 带数据，但等待中的 Fast Open 连接太多",
    [HF_DROP_REASSEMBLY_LIMIT] = "失序数据太多",
    [HF_DROP_MEMORY] = "没有内存容纳它",
    [HF_DROP_REPLY_QUEUE] = "应答队列已满，应答未发出",
    [HF_DROP_RST_RATE] = "RST 超过速率上限，未发出",
    [HF_DROP_CHALLENGE_RATE] = "质询 ACK 超过该连接的上限，未发出",
    [HF_DROP_FRAME_SHORT] = "比以太网首部还短",
    [HF_DROP_FRAME_VLAN] = "带 VLAN 标签的帧",
    [HF_DROP_FRAME_TYPE] = "本机不懂的帧类型",
    [HF_DROP_FRAME_ADDRESS] = "发往别的站点或一组站点的帧，或源地址不可能的帧",
    [HF_DROP_ARP] = "ARP 报文有误，或任何主机都不得发送",
    [HF_DROP_DISCOVERY] = "邻居发现报文有误，或任何主机都不得发送",
    [HF_DROP_DISCOVERY_HOPS] = "来自本链路之外的邻居发现报文",
    [HF_DROP_DISCOVERY_UNUSED] = "在此无用的路由器报文、重定向或邻居报文",
    [HF_DROP_NO_NEXT_HOP] = "此链路上没有下一跳",
    [HF_DROP_NEIGHBOUR_LIMIT] = "没有应答的邻居太多",
    [HF_DROP_NEIGHBOUR_QUEUE] = "等待邻居地址的分组太多",
    [HF_DROP_NEIGHBOUR_SILENT] = "邻居没有应答",
};

static const char *const sends[HF_SEND_COUNT] = {
    [HF_SEND_NEW] = "",
    [HF_SEND_ACK] = "",
    [HF_SEND_REPLY] = "应答",
    [HF_SEND_CHALLENGE] = "质询 ACK",
    [HF_SEND_RTO] = "重传：超时",
    [HF_SEND_FAST] = "重传：重复的 ACK",
    [HF_SEND_PARTIAL] = "重传：部分确认",
    [HF_SEND_LOST] = "重传：判定丢失",
    [HF_SEND_TLP] = "尾部丢失探测",
    [HF_SEND_PMTU] = "重传：路径 MTU 变小",
    [HF_SEND_MTU_PROBE] = "路径 MTU 探测",
    [HF_SEND_PROBE] = "零窗口探测",
    [HF_SEND_KEEPALIVE] = "保活探测",
    [HF_SEND_RESET] = "复位",
};

static const char *const timers[HF_TIMER_COUNT] = {
    [HF_TIMER_RTO] = "重传",        [HF_TIMER_PERSIST] = "坚持", [HF_TIMER_DELACK] = "延迟 ACK",
    [HF_TIMER_KEEPALIVE] = "保活",  [HF_TIMER_USER] = "用户",    [HF_TIMER_2MSL] = "2MSL",
    [HF_TIMER_ORPHAN] = "孤儿连接", [HF_TIMER_SWS] = "糊涂窗口", [HF_TIMER_TLP] = "尾部丢失探测",
    [HF_TIMER_REORDER] = "乱序",
};

static const char *const calls[] = {
    [HF_CALL_OPEN] = "打开",  [HF_CALL_LISTEN] = "监听",  [HF_CALL_ACCEPT] = "接受",
    [HF_CALL_SEND] = "发送",  [HF_CALL_RECEIVE] = "接收", [HF_CALL_SHUTDOWN] = "半关闭",
    [HF_CALL_CLOSE] = "关闭", [HF_CALL_ABORT] = "中止",   [HF_CALL_REFUSE] = "拒绝",
};

static const char *said(const char *const *list, int count, int value, int language,
                        const char *english)
{
    if (language != HF_CHINESE || value < 0 || value >= count || !list[value])
        return english;
    return list[value];
}

const char *hf_cause_words(int cause, int language)
{
    return said(causes, HF_CAUSE_COUNT, cause, language, hf_cause_text(cause));
}

const char *hf_drop_words(int drop, int language)
{
    return said(drops, HF_DROP_COUNT, drop, language, hf_drop_text(drop));
}

const char *hf_send_words(int reason, int language)
{
    return said(sends, HF_SEND_COUNT, reason, language, hf_send_text(reason));
}

const char *hf_timer_words(int timer, int language)
{
    return said(timers, HF_TIMER_COUNT, timer, language, hf_timer_text(timer));
}

const char *hf_call_words(int call, int language)
{
    return said(calls, (int)(sizeof calls / sizeof calls[0]), call, language, hf_call_text(call));
}
