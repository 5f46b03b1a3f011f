/*
 * A client that connects the moment it has a DNS answer: asks a resolver for an address and opens a TCP connection to what
 * came back, many times, and says how often the first packet had to be sent again. Built by tests and by the bench.
 *
 *   resolve-and-connect RESOLVER NAME FROM COUNT WORKERS FAMILY PORT TRANSPORT TIMEOUT_MS
 *
 * NAME may have a %d for FROM, FROM + 1, … . FAMILY 4 or 6; PORT 0 only asks; TRANSPORT udp or tcp, of the question.
 * RESOLVER - means that NAME is the address. Prints one line of JSON. The resolver's own family is that of its address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_COUNT 100000

static const char *resolver, *pattern;
static int from, count, workers, family, port, ask_tcp, timeout_ms;
static double dns_us[MAX_COUNT], connect_us[MAX_COUNT];
static unsigned char outcome[MAX_COUNT]; /* bits: 1 resolved, 2 connected, 4 something was sent again */
static char last_address[INET6_ADDRSTRLEN] = "";

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static socklen_t endpoint(const char *text, int at, struct sockaddr_storage *out) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
  char service[8];
  snprintf(service, sizeof service, "%d", at);
  if (getaddrinfo(text, service, &hints, &found) != 0 || found == NULL) return 0;
  socklen_t length = found->ai_addrlen;
  memcpy(out, found->ai_addr, length);
  freeaddrinfo(found);
  return length;
}

static int wait_for(int fd, short events) {
  struct pollfd p = {.fd = fd, .events = events};
  return poll(&p, 1, timeout_ms) == 1 ? 0 : -1;
}

static int opened(const struct sockaddr_storage *to, socklen_t length, int *sent_again) {
  int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int error = 0;
  socklen_t size = sizeof error;
  if ((connect(fd, (const struct sockaddr *)to, length) < 0 && errno != EINPROGRESS) || wait_for(fd, POLLOUT) < 0 ||
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
    close(fd);
    return -1;
  }
  struct tcp_info info;
  size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) *sent_again = info.tcpi_total_retrans > 0;
  return fd;
}

static int write_question(unsigned char *q, const char *name, unsigned short id) {
  memset(q, 0, 12);
  q[0] = id >> 8, q[1] = id & 255, q[2] = 1, q[5] = 1;
  int at = 12;
  while (*name) {
    const char *dot = strchr(name, '.');
    int length = dot ? (int)(dot - name) : (int)strlen(name);
    q[at++] = length;
    memcpy(q + at, name, length);
    at += length;
    name += length + (dot ? 1 : 0);
  }
  q[at++] = 0, q[at++] = 0, q[at++] = family == 6 ? 28 : 1, q[at++] = 0, q[at++] = 1;
  return at;
}

static int skip_name(const unsigned char *m, int at, int end) {
  while (at < end) {
    if (m[at] >= 0xc0) return at + 2;
    if (m[at] == 0) return at + 1;
    at += m[at] + 1;
  }
  return end;
}

static int read_address(const unsigned char *m, int end, int question_end, unsigned char *address) {
  int size = family == 6 ? 16 : 4;
  for (int left = m[6] << 8 | m[7], at = question_end; left > 0 && at < end; left--) {
    at = skip_name(m, at, end);
    if (at + 10 > end) return -1;
    int type = m[at] << 8 | m[at + 1], length = m[at + 8] << 8 | m[at + 9];
    if (type == (family == 6 ? 28 : 1) && length == size && at + 10 + size <= end) {
      memcpy(address, m + at + 10, size);
      return 0;
    }
    at += 10 + length;
  }
  return -1;
}

static int asked(const char *name, unsigned short id, struct sockaddr_storage *answer) {
  unsigned char message[4096 + 2], *m = message + 2;
  struct sockaddr_storage to;
  socklen_t length = endpoint(resolver, 53, &to);
  int ignored = 0, question = write_question(m, name, id), got = -1;
  int fd = ask_tcp ? opened(&to, length, &ignored) : socket(to.ss_family, SOCK_DGRAM, 0);
  if (fd < 0) return -1;
  message[0] = question >> 8, message[1] = question & 255;
  if (ask_tcp ? write(fd, message, question + 2) < 0
              : connect(fd, (struct sockaddr *)&to, length) < 0 || write(fd, m, question) < 0)
    goto out;
  for (int filled = 0; wait_for(fd, POLLIN) == 0;) {
    int n = read(fd, ask_tcp ? message + filled : m, ask_tcp ? sizeof message - filled : sizeof message - 2);
    if (n <= 0) break;
    filled += n;
    int end = ask_tcp ? filled - 2 : n;
    if (ask_tcp && (filled < 2 || end < (message[0] << 8 | message[1]))) continue;
    if (end < question || m[0] != id >> 8 || m[1] != (id & 255)) continue;
    unsigned char *into = family == 6 ? (unsigned char *)&((struct sockaddr_in6 *)answer)->sin6_addr
                                      : (unsigned char *)&((struct sockaddr_in *)answer)->sin_addr;
    memset(answer, 0, sizeof *answer);
    got = read_address(m, end, question, into);
    answer->ss_family = family == 6 ? AF_INET6 : AF_INET;
    if (family == 6) ((struct sockaddr_in6 *)answer)->sin6_port = htons(port);
    else ((struct sockaddr_in *)answer)->sin_port = htons(port);
    break;
  }
out:
  close(fd);
  return got;
}

static void *work(void *which) {
  unsigned seed = (unsigned)(now_us() + (long)which);
  for (int i = (int)(long)which; i < count; i += workers) {
    char name[256];
    struct sockaddr_storage to;
    socklen_t length = family == 6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    snprintf(name, sizeof name, pattern, from + i);
    double began = now_us();
    if (strcmp(resolver, "-") == 0) length = endpoint(name, port, &to);
    else if (asked(name, rand_r(&seed), &to) < 0) continue;
    double has_answer = now_us();
    int sent_again = 0, fd = port == 0 ? -1 : opened(&to, length, &sent_again);
    dns_us[i] = has_answer - began;
    connect_us[i] = now_us() - has_answer;
    outcome[i] = 1 | (fd >= 0 ? 2 : 0) | (sent_again ? 4 : 0);
    if (fd >= 0) close(fd);
    if (i == count - 1)
      getnameinfo((struct sockaddr *)&to, length, last_address, sizeof last_address, NULL, 0, NI_NUMERICHOST);
  }
  return NULL;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void print_percentiles(const char *name, double *values) {
  qsort(values, count, sizeof *values, ascending);
  printf(",\"%s\":{\"p50\":%.0f,\"p99\":%.0f,\"max\":%.0f}", name, values[count / 2], values[count * 99 / 100],
         values[count - 1]);
}

int main(int argc, char **argv) {
  if (argc != 10) return 2;
  resolver = argv[1], pattern = argv[2], from = atoi(argv[3]), count = atoi(argv[4]), workers = atoi(argv[5]);
  family = atoi(argv[6]), port = atoi(argv[7]), ask_tcp = strcmp(argv[8], "tcp") == 0;
  timeout_ms = atoi(argv[9]);
  if (count < 1 || count > MAX_COUNT || workers < 1 || workers > 64) return 2;
  pthread_t threads[64];
  for (long i = 0; i < workers; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < workers; i++) pthread_join(threads[i], NULL);
  int resolved = 0, connected = 0, again = 0;
  for (int i = 0; i < count; i++)
    resolved += outcome[i] & 1, connected += outcome[i] >> 1 & 1, again += outcome[i] >> 2 & 1;
  printf("{\"resolved\":%d,\"connected\":%d,\"sentAgain\":%d,\"address\":\"%s\"", resolved, connected, again, last_address);
  print_percentiles("answerUs", dns_us);
  print_percentiles("connectUs", connect_us);
  printf("}\n");
  return 0;
}
