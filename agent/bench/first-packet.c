/*
 * The load of latency.ts, over loopback, on a port whose first packets are held or on one where they are not.
 * `latency PORT COUNT PAUSE_US`: datagrams from a fresh port each, one at a time, from before it is sent until it is received;
 * prints {"p50Us":N,"p99Us":N,"lost":N}.
 * `connect PORT MILLISECONDS`: TCP connections, so many at a time that the queue is never empty, each closed when it is open;
 * prints {"perSecond":N,"failed":N}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_A_TIME 64
/* Peers of the device, 127.0.0.1 and on: as many as a device may well have. */
#define PEERS 16

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct sockaddr_in at(uint32_t address, int port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(address)};
}

static int by_size(const void *a, const void *b) {
  const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static int latency(int port, long count, long pause_us) {
  const struct sockaddr_in any = at(INADDR_ANY, port), own = at(INADDR_LOOPBACK, 0);
  const struct timeval patience = {.tv_sec = 1};
  const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
  int64_t *took = calloc((size_t)count, sizeof *took);
  long received = 0;
  if (took == NULL || bind(receiver, (const struct sockaddr *)&any, sizeof any) != 0) return perror("bind"), 1;
  setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (long number = 0; number < count; number++) {
    const struct sockaddr_in to = at(INADDR_LOOPBACK + (uint32_t)(number % PEERS), port);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(sender, (const struct sockaddr *)&own, sizeof own) != 0) return perror("bind"), 1;
    long arrived = -1;
    const int64_t began = now();
    sendto(sender, &number, sizeof number, 0, (const struct sockaddr *)&to, sizeof to);
    // What comes too late for its own turn is no answer to this one.
    while (arrived != number && recv(receiver, &arrived, sizeof arrived, 0) > 0) continue;
    if (arrived == number) took[received++] = now() - began;
    close(sender);
    if (pause_us > 0) usleep((useconds_t)pause_us);
  }
  if (received == 0) return fputs("nothing arrived\n", stderr), 1;
  qsort(took, (size_t)received, sizeof *took, by_size);
  printf("{\"p50Us\":%.1f,\"p99Us\":%.1f,\"lost\":%ld}\n", (double)took[received / 2] / 1e3,
         (double)took[received * 99 / 100] / 1e3, count - received);
  return 0;
}

/* Closing sends a reset: no port waits for two minutes. */
static void drop(int fd) {
  const struct linger hard = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

static int opening(long number, int port) {
  const struct sockaddr_in to = at(INADDR_LOOPBACK + (uint32_t)(number % PEERS), port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) perror("connect"), exit(1);
  return fd;
}

static int connections(int port, long milliseconds) {
  const struct sockaddr_in any = at(INADDR_ANY, port);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (const struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 4096) != 0)
    return perror("listen"), 1;
  struct pollfd polled[AT_A_TIME + 1] = {{.fd = listener, .events = POLLIN}};
  long opened = 0, failed = 0;
  for (int slot = 1; slot <= AT_A_TIME; slot++) polled[slot] = (struct pollfd){opening(slot, port), POLLOUT, 0};
  const int64_t began = now(), end = began + milliseconds * 1000000;
  while (now() < end) {
    if (poll(polled, AT_A_TIME + 1, 100) <= 0) continue;
    if (polled[0].revents != 0)
      for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) drop(fd);
    for (int slot = 1; slot <= AT_A_TIME; slot++) {
      if (polled[slot].revents == 0) continue;
      int error = 0;
      getsockopt(polled[slot].fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
      // The other end may already have reset it: then it was open.
      if (error == 0 || error == ECONNRESET || error == EPIPE) opened++;
      else failed++;
      drop(polled[slot].fd);
      polled[slot].fd = opening(opened + failed, port);
    }
  }
  printf("{\"perSecond\":%.0f,\"failed\":%ld}\n", (double)opened * 1e9 / (double)(now() - began), failed);
  return 0;
}

int main(int count, char **words) {
  if (count == 5 && strcmp(words[1], "latency") == 0) return latency(atoi(words[2]), atol(words[3]), atol(words[4]));
  if (count == 4 && strcmp(words[1], "connect") == 0) return connections(atoi(words[2]), atol(words[3]));
  return 2;
}
