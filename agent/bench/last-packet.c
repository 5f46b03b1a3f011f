/*
 * One end of a steady two-way stream of UDP datagrams, which knows when the last one that reached it was sent: with each goes
 * CLOCK_MONOTONIC, which all network namespaces share. Whether a packet passes is decided while it is sent, on a veth in the
 * sender's own system call, so this is the moment of the last packet that was forwarded, to within one interval. Used by containment.ts.
 *
 * Commands, line by line on stdin; times in nanoseconds:
 *   last                    ->  last SENT RECEIVED GAP: when the last datagram that arrived was sent, how many arrived, and the
 *                               longest time since `last` was asked before in which this end sent none
 *   probe ADDRESS PORT      ->  probe SENT: one datagram to there
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  const struct sockaddr_in peer = address_of(words[1], atoi(words[2]));
  const int64_t interval = atoi(words[3]) * 1000LL;
  const struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = peer.sin_port};
  const int stream = socket(AF_INET, SOCK_DGRAM, 0), probe = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(stream, (const struct sockaddr *)&own, sizeof own) != 0) return perror("bind"), 1;
  fcntl(stream, F_SETFL, O_NONBLOCK);
  fcntl(0, F_SETFL, O_NONBLOCK);
  /* So that a busy machine does not look like a quick one. */
  const struct sched_param first = {.sched_priority = 20};
  const int is_first = sched_setscheduler(0, SCHED_FIFO, &first) == 0;
  printf("ready %d\n", is_first);
  fflush(stdout);

  char line[128];
  size_t filled = 0;
  int64_t last = 0, received = 0, gap = 0, due = now(), sent = due;
  for (;;) {
    due += interval;
    const struct timespec until = {due / 1000000000LL, due % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    const int64_t at = now();
    if (at - sent > gap) gap = at - sent;
    sent = at;
    /* What was missed is not made up for: that would be a burst. */
    if (at - due > interval) due = at;
    sendto(stream, &at, sizeof at, 0, (const struct sockaddr *)&peer, sizeof peer);
    int64_t theirs;
    while (recv(stream, &theirs, sizeof theirs, 0) == sizeof theirs) {
      if (theirs > last) last = theirs;
      received++;
    }
    const ssize_t got = read(0, line + filled, sizeof line - 1 - filled);
    if (got == 0) return 0;
    if (got < 0) continue;
    filled += got;
    line[filled] = 0;
    if (strchr(line, '\n') == NULL) continue;
    filled = 0;
    char host[64];
    int port;
    if (sscanf(line, "probe %63s %d", host, &port) == 2) {
      const struct sockaddr_in to = address_of(host, port);
      const int64_t before = now();
      sendto(probe, "probe", 5, 0, (const struct sockaddr *)&to, sizeof to);
      printf("probe %lld\n", (long long)before);
    } else {
      printf("last %lld %lld %lld\n", (long long)last, (long long)received, (long long)gap);
      gap = 0;
    }
    fflush(stdout);
  }
}
