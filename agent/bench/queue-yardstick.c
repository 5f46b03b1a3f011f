/*
 * The yardstick of bench queue.ts: the least that a program can do with nfnetlink_queue (linux/netfilter/nfnetlink_queue.h),
 * and a sender of packets for it. `consume QUEUE WARM_UP`: accepts everything, one recvmmsg and one send a batch, until
 * SIGTERM; prints {"received":N,"cpuUs":N} of what came after the first WARM_UP packets. `send COUNT BURST PAUSE_US`: UDP to 127.0.0.1 port 9.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 16
#define SLOT_BYTES 16384

static volatile sig_atomic_t stopping;
static void stop(int signal) { (void)signal, stopping = 1; }

static size_t attribute(uint8_t *at, uint16_t type, const void *value, size_t bytes) {
  struct nlattr header = {.nla_len = (uint16_t)(4 + bytes), .nla_type = type};
  memcpy(at, &header, 4);
  memset(at + 4, 0, (bytes + 3) & ~3u);
  memcpy(at + 4, value, bytes);
  return 4 + ((bytes + 3) & ~3u);
}

static size_t start(uint8_t *at, uint16_t operation, uint16_t queue, uint16_t flags) {
  struct nlmsghdr header = {.nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | operation, .nlmsg_flags = NLM_F_REQUEST | flags};
  struct nfgenmsg family = {.version = NFNETLINK_V0, .res_id = htons(queue)};
  memcpy(at, &header, sizeof header);
  memcpy(at + sizeof header, &family, sizeof family);
  return sizeof header + sizeof family;
}

static uint32_t id_of(const uint8_t *message, uint32_t length) {
  for (uint32_t at = 20; at + 4 <= length;) {
    struct nlattr header;
    memcpy(&header, message + at, 4);
    if (header.nla_len < 4) return 0;
    if (header.nla_type == NFQA_PACKET_HDR) {
      uint32_t id;
      memcpy(&id, message + at + 4, 4);
      return id;
    }
    at += (header.nla_len + 3) & ~3u;
  }
  return 0;
}

static long cpu_us(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static int consume(uint16_t queue, unsigned long warm_up) {
  static uint8_t buffer[SLOTS * SLOT_BYTES];
  uint8_t out[256];
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), size = 2 * 1024 * 1024, one = 1;
  struct sockaddr_nl self = {.nl_family = AF_NETLINK}, kernel = self;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
  if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof self) < 0) return 1;
  size_t length = start(out, NFQNL_MSG_CONFIG, queue, 0);
  struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
  struct nfqnl_msg_config_params params = {.copy_range = htonl(256), .copy_mode = NFQNL_COPY_PACKET};
  uint32_t most = htonl(8192), fail_open = htonl(NFQA_CFG_F_FAIL_OPEN);
  length += attribute(out + length, NFQA_CFG_CMD, &command, sizeof command);
  length += attribute(out + length, NFQA_CFG_PARAMS, &params, sizeof params);
  length += attribute(out + length, NFQA_CFG_QUEUE_MAXLEN, &most, 4);
  length += attribute(out + length, NFQA_CFG_MASK, &fail_open, 4);
  length += attribute(out + length, NFQA_CFG_FLAGS, &fail_open, 4);
  memcpy(out, &(uint32_t){(uint32_t)length}, 4);
  if (sendto(fd, out, length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return 1;
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  puts("ready");
  fflush(stdout);
  unsigned long received = 0;
  long began = cpu_us();
  struct mmsghdr messages[SLOTS];
  struct iovec vectors[SLOTS];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < SLOTS; i++) {
    vectors[i] = (struct iovec){buffer + i * SLOT_BYTES, SLOT_BYTES};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  while (!stopping) {
    int count = recvmmsg(fd, messages, SLOTS, MSG_WAITFORONE, NULL);
    uint32_t id = 0;
    for (int i = 0; i < count; i++) {
      uint32_t found = id_of(buffer + i * SLOT_BYTES, messages[i].msg_len);
      if (found != 0) id = found, began = received++ == warm_up ? cpu_us() : began;
    }
    if (id == 0) continue;
    struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_ACCEPT), .id = id};
    uint32_t mark = htonl(1);
    length = start(out, NFQNL_MSG_VERDICT_BATCH, queue, 0);
    length += attribute(out + length, NFQA_VERDICT_HDR, &verdict, sizeof verdict);
    length += attribute(out + length, NFQA_MARK, &mark, 4);
    memcpy(out, &(uint32_t){(uint32_t)length}, 4);
    sendto(fd, out, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  }
  printf("{\"received\":%lu,\"cpuUs\":%ld}\n", received - warm_up, cpu_us() - began);
  return 0;
}

static int send_packets(long count, long burst, long pause_us) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char payload[32] = {0};
  for (long sent = 0; sent < count; sent++) {
    sendto(fd, payload, sizeof payload, 0, (struct sockaddr *)&to, sizeof to);
    if (sent % burst == burst - 1) usleep((useconds_t)pause_us);
  }
  return 0;
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "consume") == 0)
    return consume((uint16_t)atoi(words[2]), (unsigned long)atol(words[3]));
  if (count == 5 && strcmp(words[1], "send") == 0) return send_packets(atol(words[2]), atol(words[3]), atol(words[4]));
  return 2;
}
