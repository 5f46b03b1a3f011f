/*
 * The thin door to the kernel's netfilter netlink: open, receive a batch, send, signal readability, close; and the one
 * sendto of sd_notify. Called by ../native.ts alone. No protocol, no policy, no static state, and no thread but the
 * one that called: every length is the caller's and is checked here, because a wrong one would be a memory error.
 */
#include <errno.h>
#include <node_api.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>
#include <linux/netlink.h>

#define MAX_BATCH 64 /* datagrams in one recvmmsg */
#define MAX_GROUPS 16

typedef struct {
  napi_env env;
  int fd;      /* -1 once closed */
  int holders; /* the JS handle, and the poll handle while libuv knows it */
  int watching;
  uv_poll_t poll;
  napi_ref callback;
  napi_async_cleanup_hook_handle hook;
} netlink_socket;

static napi_value fail(napi_env env, int error, const char *syscall_name) {
  char text[160];
  napi_value message, code, object, value;
  snprintf(text, sizeof text, "%s: %s", syscall_name, strerror(error));
  const char *name = strerrorname_np(error);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, name ? name : "EUNKNOWN", NAPI_AUTO_LENGTH, &code);
  napi_create_error(env, code, message, &object);
  napi_create_int32(env, error, &value);
  napi_set_named_property(env, object, "errno", value);
  napi_create_string_utf8(env, syscall_name, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, "syscall", value);
  napi_throw(env, object);
  return NULL;
}

static napi_value refuse(napi_env env, const char *usage) {
  napi_throw_type_error(env, "ERR_INVALID_ARG", usage);
  return NULL;
}

static void release(netlink_socket *s) {
  if (--s->holders == 0) free(s);
}

static void on_poll_closed(uv_handle_t *handle) {
  netlink_socket *s = handle->data;
  napi_remove_async_cleanup_hook(s->hook);
  release(s);
}

/* Safe twice. The descriptor goes at once (allowed after uv_close), so that what the kernel bound to it is free again. */
static void shut(netlink_socket *s) {
  if (s->fd < 0) return;
  if (s->watching) {
    napi_delete_reference(s->env, s->callback);
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
  }
  close(s->fd);
  s->fd = -1;
}

static void on_env_cleanup(napi_async_cleanup_hook_handle hook, void *arg) {
  (void)hook; /* removed in on_poll_closed: Node waits for it, so no callback outlives the environment */
  shut(arg);
}

static void on_finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  shut(data);
  release(data);
}

static bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given >= count) return true;
  refuse(env, "too few arguments");
  return false;
}

static netlink_socket *socket_of(napi_env env, napi_value value) {
  netlink_socket *s = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_get_value_external(env, value, (void **)&s) == napi_ok)
    return s;
  refuse(env, "not a netlink socket");
  return NULL;
}

static netlink_socket *open_socket_of(napi_env env, napi_value value) {
  netlink_socket *s = socket_of(env, value);
  if (s != NULL && s->fd < 0) fail(env, EBADF, "netlink"), s = NULL;
  return s;
}

static bool is_uint32_array(napi_env env, napi_value value, uint32_t **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, (void **)data, NULL, NULL) == napi_ok &&
         type == napi_uint32_array;
}

static void set_buffer(int fd, int forced, int plain, int32_t bytes) {
  /* The plain option is capped at net.core.{r,w}mem_max. */
  if (bytes > 0 && setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) < 0)
    setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

/* open(receiveBufferBytes, sendBufferBytes, noEnobufs, groups: Uint32Array) -> socket; 0 bytes leaves the default. */
static napi_value open_socket(napi_env env, napi_callback_info info) {
  napi_value argv[4], handle;
  int32_t receive_bytes, send_bytes, one = 1;
  bool no_enobufs;
  size_t group_count;
  uint32_t *groups;
  if (!arguments(env, info, 4, argv)) return NULL;
  if (napi_get_value_int32(env, argv[0], &receive_bytes) != napi_ok ||
      napi_get_value_int32(env, argv[1], &send_bytes) != napi_ok ||
      napi_get_value_bool(env, argv[2], &no_enobufs) != napi_ok ||
      !is_uint32_array(env, argv[3], &groups, &group_count) || group_count > MAX_GROUPS)
    return refuse(env, "open(number, number, boolean, Uint32Array)");
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
  if (fd < 0) return fail(env, errno, "socket");
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_bytes);
  /* These two only make answers smaller and clearer; a kernel without them still works. */
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  struct sockaddr_nl self = {.nl_family = AF_NETLINK};
  const char *step = "bind";
  int result = bind(fd, (struct sockaddr *)&self, sizeof self);
  if (result == 0 && no_enobufs) {
    step = "setsockopt NETLINK_NO_ENOBUFS";
    result = setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
  }
  for (size_t i = 0; result == 0 && i < group_count; i++) {
    step = "setsockopt NETLINK_ADD_MEMBERSHIP";
    result = setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]);
  }
  if (result < 0) {
    int error = errno;
    close(fd);
    return fail(env, error, step);
  }
  netlink_socket *s = calloc(1, sizeof *s);
  if (s != NULL) *s = (netlink_socket){.env = env, .fd = fd, .holders = 1};
  if (s != NULL && napi_create_external(env, s, on_finalize, NULL, &handle) == napi_ok) return handle;
  free(s);
  close(fd);
  return fail(env, ENOMEM, "open");
}

/*
 * receive(socket, buffer, slotBytes, lengths: Uint32Array) -> datagrams received, 0 when none waits. Datagram i is at
 * i * slotBytes; lengths[i] is its true length: above slotBytes means it was truncated (MSG_TRUNC). A datagram that is
 * not from the kernel gets length 0.
 */
static napi_value receive(napi_env env, napi_callback_info info) {
  napi_value argv[4], value;
  uint8_t *buffer;
  uint32_t *lengths, slot;
  size_t buffer_bytes, slots;
  if (!arguments(env, info, 4, argv)) return NULL;
  netlink_socket *s = open_socket_of(env, argv[0]);
  if (s == NULL) return NULL;
  if (napi_get_buffer_info(env, argv[1], (void **)&buffer, &buffer_bytes) != napi_ok ||
      napi_get_value_uint32(env, argv[2], &slot) != napi_ok || slot == 0 ||
      !is_uint32_array(env, argv[3], &lengths, &slots) || slots == 0 || slots > MAX_BATCH ||
      buffer_bytes / slot < slots)
    return refuse(env, "receive(socket, Buffer, slotBytes, Uint32Array): slots outgrow the buffer");
  struct mmsghdr messages[MAX_BATCH];
  struct iovec vectors[MAX_BATCH];
  struct sockaddr_nl senders[MAX_BATCH];
  memset(messages, 0, slots * sizeof messages[0]);
  for (size_t i = 0; i < slots; i++) {
    vectors[i] = (struct iovec){.iov_base = buffer + i * slot, .iov_len = slot};
    messages[i].msg_hdr = (struct msghdr){
        .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = &senders[i], .msg_namelen = sizeof senders[i]};
  }
  int count;
  do count = recvmmsg(s->fd, messages, slots, MSG_DONTWAIT | MSG_TRUNC, NULL);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN) return fail(env, errno, "recvmmsg");
  for (int i = 0; i < count; i++) lengths[i] = senders[i].nl_pid == 0 ? messages[i].msg_len : 0;
  napi_create_int32(env, count < 0 ? 0 : count, &value);
  return value;
}

/* send(socket, buffer, length): one datagram to the kernel, which may hold many netlink messages. */
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  void *buffer;
  size_t buffer_bytes;
  uint32_t length;
  if (!arguments(env, info, 3, argv)) return NULL;
  netlink_socket *s = open_socket_of(env, argv[0]);
  if (s == NULL) return NULL;
  if (napi_get_buffer_info(env, argv[1], &buffer, &buffer_bytes) != napi_ok ||
      napi_get_value_uint32(env, argv[2], &length) != napi_ok || length > buffer_bytes)
    return refuse(env, "send(socket, Buffer, length): length outgrows the buffer");
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do sent = sendto(s->fd, buffer, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? fail(env, errno, "sendto") : NULL;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  netlink_socket *s = handle->data;
  (void)events;
  /* EPOLLERR (an overrun, ENOBUFS) makes libuv stop the handle: start it again, or the reader is deaf for ever. */
  if (status < 0) uv_poll_start(handle, UV_READABLE, on_poll);
  napi_handle_scope scope;
  napi_value callback, receiver, error;
  napi_open_handle_scope(s->env, &scope);
  napi_env env = s->env; /* the callback may close s */
  napi_get_reference_value(env, s->callback, &callback);
  napi_get_global(env, &receiver);
  if (napi_make_callback(env, NULL, receiver, callback, 0, NULL, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/* watch(socket, onReadable, ref): calls back whenever something waits, until close. ref holds the process open. */
static napi_value watch(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  napi_valuetype type;
  bool ref;
  uv_loop_t *loop;
  if (!arguments(env, info, 3, argv)) return NULL;
  netlink_socket *s = open_socket_of(env, argv[0]);
  if (s == NULL) return NULL;
  if (s->watching) return fail(env, EALREADY, "watch");
  if (napi_typeof(env, argv[1], &type) != napi_ok || type != napi_function ||
      napi_get_value_bool(env, argv[2], &ref) != napi_ok)
    return refuse(env, "watch(socket, function, boolean)");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return fail(env, ENOSYS, "napi_get_uv_event_loop");
  int result = uv_poll_init(loop, &s->poll, s->fd);
  if (result < 0) return fail(env, -result, "uv_poll_init");
  s->poll.data = s;
  s->watching = 1;
  s->holders++;
  napi_create_reference(env, argv[1], 1, &s->callback);
  napi_add_async_cleanup_hook(env, on_env_cleanup, s, &s->hook);
  if (!ref) uv_unref((uv_handle_t *)&s->poll);
  uv_poll_start(&s->poll, UV_READABLE, on_poll);
  return NULL;
}

static napi_value close_socket(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  netlink_socket *s = arguments(env, info, 1, argv) ? socket_of(env, argv[0]) : NULL;
  if (s != NULL) shut(s);
  return NULL;
}

/* notify(path, text): one datagram to a unix socket, the whole of sd_notify(3). A leading '@' is the abstract namespace. */
static napi_value notify(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char text[4096];
  size_t path_length, text_length;
  if (!arguments(env, info, 2, argv)) return NULL;
  if (napi_get_value_string_utf8(env, argv[0], address.sun_path, sizeof address.sun_path, &path_length) != napi_ok ||
      napi_get_value_string_utf8(env, argv[1], text, sizeof text, &text_length) != napi_ok || path_length == 0)
    return refuse(env, "notify(string, string)");
  if (path_length >= sizeof address.sun_path - 1) return fail(env, ENAMETOOLONG, "sendto");
  bool is_abstract = address.sun_path[0] == '@'; /* such a name starts with NUL and has no terminator */
  if (is_abstract) address.sun_path[0] = '\0';
  socklen_t length = offsetof(struct sockaddr_un, sun_path) + path_length + (is_abstract ? 0 : 1);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(env, errno, "socket");
  ssize_t sent = sendto(fd, text, text_length, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
  int error = errno;
  close(fd);
  return sent < 0 ? fail(env, error, "sendto") : NULL;
}

/* peerUid(fd) -> who holds the other end of a connected unix socket, as the kernel noted at connect(2): SO_PEERCRED of unix(7). */
static napi_value peer_uid(napi_env env, napi_callback_info info) {
  napi_value argv[1], value;
  int32_t fd;
  if (!arguments(env, info, 1, argv)) return NULL;
  if (napi_get_value_int32(env, argv[0], &fd) != napi_ok) return refuse(env, "peerUid(number)");
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return fail(env, errno, "getsockopt");
  napi_create_uint32(env, peer.uid, &value);
  return value;
}

#define METHOD(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL}

NAPI_MODULE_INIT() {
  napi_property_descriptor properties[] = {
      METHOD("open", open_socket), METHOD("receive", receive),    METHOD("send", send_datagram),
      METHOD("watch", watch),      METHOD("close", close_socket), METHOD("notify", notify),
      METHOD("peerUid", peer_uid),
  };
  napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
  return exports;
}
