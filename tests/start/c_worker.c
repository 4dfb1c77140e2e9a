// The worker program of tests/scenario/c_api_test.cpp and python/tests/test_c_api.py: its first argument says what it does.
#include <coproc/c.h>

#include <float.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Ends the worker with a text that its host sees.
static void expect(coproc_host* host, int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "%s (%s)\n", what, coproc_last_error());
  coproc_send_error(host, what, NULL);
  exit(9);
}
#define EXPECT(condition) expect(host, (condition), "failed: " #condition)

static void send_text(coproc_host* host, const char* text) {
  EXPECT(coproc_send(host, COPROC_TEXT, text, strlen(text), NULL) == COPROC_OK);
}

// Sends each message back: a request's as its reply. The text "fail" is answered by an error.
static int echo(coproc_host* host, void* context) {
  coproc_message* message = NULL;
  coproc_status status;
  (void)context;
  for (;;) {
    const void* data = NULL;
    const char* text = NULL;
    size_t size = 0;
    coproc_kind kind;
    status = coproc_receive(host, NULL, COPROC_FOREVER, &message);
    if (status != COPROC_OK) break;
    kind = coproc_message_kind(message);
    EXPECT(coproc_message_data(message, &data, &size) == COPROC_OK);
    if (kind == COPROC_OTHER) {
      send_text(host, coproc_message_type_name(message));
    } else if (!coproc_message_is_request(message)) {
      EXPECT(coproc_send(host, kind, data, size, NULL) == COPROC_OK);
    } else if (coproc_message_text(message, &text, &size) == COPROC_OK && size == 4 && memcmp(text, "fail", 4) == 0) {
      EXPECT(coproc_reply_error(host, message, "it was asked to fail", NULL) == COPROC_OK);
    } else {
      EXPECT(coproc_message_data(message, &data, &size) == COPROC_OK);
      EXPECT(coproc_reply(host, message, kind, data, size, NULL) == COPROC_OK);
      EXPECT(coproc_reply(host, message, kind, data, size, NULL) == COPROC_NO_REQUEST);
      EXPECT(strstr(coproc_last_error(), "answered") != NULL);
    }
    coproc_message_free(message);
  }
  if (status == COPROC_CLOSE_REQUESTED) EXPECT(coproc_close_requested(host));
  return status == COPROC_CLOSE_REQUESTED ? 0 : status == COPROC_END_OF_MESSAGES ? 5 : 6;
}

// Says what it knows of each message, in text that is always text for the host.
static int describe(coproc_host* host, void* context) {
  const char* const words[] = {"warnings", "errors"};
  coproc_message* message;
  coproc_channel* channel;
  size_t i;
  (void)context;
  for (i = 0; i < 2; ++i) {
    char line[256];
    const coproc_channel* its = NULL;
    coproc_send_options options = COPROC_SEND_OPTIONS_INIT;
    const char* text = NULL;
    size_t size = 0;
    EXPECT(coproc_channel_of_text(words[i], strlen(words[i]), &channel) == COPROC_OK);
    EXPECT(coproc_receive(host, channel, COPROC_FOREVER, &message) == COPROC_OK);
    EXPECT(coproc_message_channel(message, &its) == COPROC_OK);
    EXPECT(coproc_message_text(message, &text, &size) == COPROC_OK);
    sprintf(line, "%.*s on %s (%s), priority %.1f, request %d, %s", (int)size, text, coproc_channel_description(its),
            coproc_channel_description(channel), coproc_message_priority(message), coproc_message_is_request(message),
            coproc_message_type_name(message));
    options.channel = its;
    options.has_priority = 1;
    options.priority = 2.5;
    EXPECT(coproc_send(host, COPROC_TEXT, line, strlen(line), &options) == COPROC_OK);
    coproc_message_free(message);
    coproc_channel_free(channel);
  }
  EXPECT(coproc_channel_of_number(-7, &channel) == COPROC_OK);
  EXPECT(coproc_receive(host, channel, COPROC_FOREVER, &message) == COPROC_OK);
  coproc_message_free(message);
  coproc_channel_free(channel);
  send_text(host, "on -7");
  return 0;
}

// Asks the host, and tells what it answers.
static int ask(coproc_host* host, void* context) {
  uint64_t id = 0, given_up = 0;
  coproc_message* reply;
  const char* text;
  size_t size;
  (void)context;
  EXPECT(coproc_send_request(host, COPROC_TEXT, "how much?", 9, NULL, &id) == COPROC_OK);
  EXPECT(coproc_send_request(host, COPROC_TEXT, "never mind", 10, NULL, &given_up) == COPROC_OK);
  EXPECT(coproc_discard_reply(host, given_up) == COPROC_OK);
  EXPECT(coproc_receive_reply(host, given_up, 0, &reply) == COPROC_NO_REQUEST);
  EXPECT(coproc_receive_reply(host, id, COPROC_FOREVER, &reply) == COPROC_OK);
  EXPECT(coproc_message_is_reply(reply) && coproc_message_request_id(reply) == id);
  EXPECT(coproc_message_text(reply, &text, &size) == COPROC_OK);
  EXPECT(coproc_send(host, COPROC_BYTES, text, size, NULL) == COPROC_OK);
  coproc_message_free(reply);
  EXPECT(coproc_send_request(host, COPROC_TEXT, "and now?", 8, NULL, &id) == COPROC_OK);
  EXPECT(coproc_receive_reply(host, id, COPROC_FOREVER, &reply) == COPROC_OK);
  EXPECT(coproc_message_kind(reply) == COPROC_ERROR);
  EXPECT(coproc_message_text(reply, &text, &size) == COPROC_WRONG_KIND);
  {
    const void* data;
    EXPECT(coproc_message_data(reply, &data, &size) == COPROC_OK);
    EXPECT(coproc_send(host, COPROC_TEXT, data, size, NULL) == COPROC_OK);
  }
  coproc_message_free(reply);
  // An error of the host that answers nothing: the receive takes it, and goes on.
  EXPECT(coproc_receive(host, NULL, COPROC_FOREVER, &reply) == COPROC_REMOTE_ERROR);
  send_text(host, coproc_last_error());
  EXPECT(coproc_send_end(host, COPROC_FOREVER) == COPROC_OK);
  EXPECT(coproc_send(host, COPROC_TEXT, "more", 4, NULL) == COPROC_LINK_CLOSED);
  return 0;
}

static int argument(coproc_host* host, void* context) {
  const void* data;
  size_t size;
  EXPECT(coproc_start_argument(host, &data, &size) == COPROC_OK);
  EXPECT(coproc_send(host, *(coproc_kind*)context, data, size, NULL) == COPROC_OK);
  return 0;
}

static void* waits_for_ever(void* host) {
  coproc_message* message;
  coproc_status status;
  do {
    status = coproc_receive((coproc_host*)host, NULL, COPROC_FOREVER, &message);
  } while (status == COPROC_CONCURRENT_USE);
  return status == COPROC_INTERRUPTED ? host : NULL;
}

// Waits that end without a message, and what a thread may do meanwhile.
static int waits(coproc_host* host, void* context) {
  coproc_message* message = NULL;
  int fd = -1;
  struct pollfd entry;
  coproc_status status;
  (void)context;
  EXPECT(coproc_receive(host, NULL, 0, &message) == COPROC_TIMED_OUT && message == NULL);
  EXPECT(coproc_receive(host, NULL, 5, &message) == COPROC_TIMED_OUT);
  EXPECT(strstr(coproc_last_error(), "default") != NULL);
  EXPECT(coproc_interrupt(host) == COPROC_OK);
  EXPECT(coproc_receive(host, NULL, COPROC_FOREVER, &message) == COPROC_INTERRUPTED);
  {
    pthread_t thread;
    void* seen = NULL;
    EXPECT(pthread_create(&thread, NULL, &waits_for_ever, host) == 0);
    // With pauses, so that the other thread gets its turn.
    do {
      poll(NULL, 0, 1);
      status = coproc_receive(host, NULL, 0, &message);
    } while (status == COPROC_TIMED_OUT);
    // It waits now, and this thread may only interrupt it.
    EXPECT(status == COPROC_CONCURRENT_USE);
    EXPECT(coproc_interrupt(host) == COPROC_OK);
    EXPECT(pthread_join(thread, &seen) == 0);
    EXPECT(seen == host);
  }
  EXPECT(coproc_native_handle(host, &fd) == COPROC_OK && fd >= 0);
  entry.fd = fd;
  entry.events = POLLIN;
  send_text(host, "polling");
  do {
    EXPECT(poll(&entry, 1, -1) == 1);
    status = coproc_receive(host, NULL, 0, &message);
  } while (status == COPROC_TIMED_OUT);
  EXPECT(status == COPROC_OK);
  coproc_message_free(message);
  EXPECT(coproc_send_close_request(host) == COPROC_OK);
  return 3;
}

// Every argument that is checked.
static int mistakes(coproc_host* host, void* context) {
  coproc_send_options options = COPROC_SEND_OPTIONS_INIT;
  coproc_channel* channel = NULL;
  coproc_message* message = NULL;
  const void* data = NULL;
  const char* text = NULL;
  size_t size = 0;
  uint64_t id = 0;
  int fd = 0;
  char* name = NULL;
  (void)context;
#define REFUSED(call)                                          \
  EXPECT((call) == COPROC_INVALID_ARGUMENT);                   \
  EXPECT(strstr(coproc_last_error(), "coproc_") != NULL)
  REFUSED(coproc_send(NULL, COPROC_TEXT, "", 0, NULL));
  REFUSED(coproc_send(host, COPROC_TEXT, NULL, 1, NULL));
  REFUSED(coproc_send(host, COPROC_NOTHING, "", 0, NULL));
  REFUSED(coproc_send(host, COPROC_OTHER, "", 0, NULL));
  REFUSED(coproc_send(host, 77, "", 0, NULL));
  options.struct_size = 8;
  REFUSED(coproc_send(host, COPROC_TEXT, "", 0, &options));
  options.struct_size = sizeof options;
  REFUSED(coproc_send_request(host, COPROC_TEXT, "", 0, NULL, NULL));
  REFUSED(coproc_send_request(NULL, COPROC_TEXT, "", 0, NULL, &id));
  REFUSED(coproc_reply(host, NULL, COPROC_TEXT, "", 0, NULL));
  REFUSED(coproc_reply_error(host, NULL, "", NULL));
  REFUSED(coproc_send_error(host, NULL, NULL));
  REFUSED(coproc_send_end(NULL, 0));
  REFUSED(coproc_send_close_request(NULL));
  REFUSED(coproc_receive(host, NULL, 0, NULL));
  REFUSED(coproc_receive(NULL, NULL, 0, &message));
  REFUSED(coproc_receive_reply(host, 1, 0, NULL));
  REFUSED(coproc_receive_reply(NULL, 1, 0, &message));
  REFUSED(coproc_discard_reply(NULL, 1));
  REFUSED(coproc_message_data(NULL, &data, &size));
  REFUSED(coproc_message_text(NULL, &text, &size));
  REFUSED(coproc_message_channel(NULL, NULL));
  REFUSED(coproc_channel_of_text(NULL, 1, &channel));
  REFUSED(coproc_channel_of_text("x", 1, NULL));
  name = calloc(1, 5000);
  REFUSED(coproc_channel_of_text(name, 5000, &channel));
  free(name);
  REFUSED(coproc_channel_of_number(1, NULL));
  REFUSED(coproc_start_argument(host, NULL, &size));
  REFUSED(coproc_start_argument(host, &data, NULL));
  REFUSED(coproc_fail(host, NULL));
  REFUSED(coproc_fail(NULL, ""));
  REFUSED(coproc_interrupt(NULL));
  REFUSED(coproc_native_handle(host, NULL));
  REFUSED(coproc_native_handle(NULL, &fd));
  EXPECT(coproc_close_requested(NULL) == 0);
  EXPECT(coproc_message_kind(NULL) == COPROC_NOTHING);
  EXPECT(coproc_message_request_id(NULL) == 0 && !coproc_message_is_request(NULL) && !coproc_message_is_reply(NULL));
  EXPECT(coproc_message_priority(NULL) < -DBL_MAX);
  EXPECT(strcmp(coproc_message_type_name(NULL), "") == 0);
  coproc_message_free(NULL);
  coproc_channel_free(NULL);
  EXPECT(strcmp(coproc_channel_description(NULL), "default") == 0);
  EXPECT(strcmp(coproc_status_name(COPROC_TIMED_OUT), "COPROC_TIMED_OUT") == 0);
  EXPECT(strcmp(coproc_status_name(999), "unknown status") == 0);
  // A priority that is no number, and a channel where there is none, are refused by who knows of them.
  options.has_priority = 1;
  options.priority = strtod("nan", NULL);
  EXPECT(coproc_send(host, COPROC_TEXT, "", 0, &options) == COPROC_INVALID_ARGUMENT);
  options.has_priority = 0;
  EXPECT(coproc_channel_of_number(1, &channel) == COPROC_OK);
  options.channel = channel;
  REFUSED(coproc_send_error(host, "", &options));
  coproc_channel_free(channel);
  // A program that was compiled with a newer header.
  {
    struct {
      coproc_send_options known;
      char more[64];
    } newer;
    memset(&newer, 0xff, sizeof newer);
    newer.known = options;
    newer.known.channel = NULL;
    newer.known.struct_size = sizeof newer;
    EXPECT(coproc_send(host, COPROC_TEXT, "all refused", 11, &newer.known) == COPROC_OK);
  }
  return 0;
}

static int fails(coproc_host* host, void* context) {
  (void)context;
  EXPECT(coproc_fail(host, "first") == COPROC_OK);
  EXPECT(coproc_fail(host, "the disk is full") == COPROC_OK);
  return 0;
}

static int returns(coproc_host* host, void* context) {
  (void)context;
  send_text(host, "before");
  return 42;
}

// Sends until the link holds no more, which it tells by a close request.
static int floods(coproc_host* host, void* context) {
  const size_t size = 5000;
  char* bytes = calloc(1, size);
  coproc_send_options options = COPROC_SEND_OPTIONS_INIT;
  long count = 0;
  coproc_status status;
  (void)context;
  options.timeout_ms = 20;
  do {
    status = coproc_send(host, COPROC_BYTES, bytes, size, &options);
    if (status == COPROC_OK) ++count;
  } while (status == COPROC_OK);
  EXPECT(status == COPROC_TIMED_OUT);
  EXPECT(coproc_send_close_request(host) == COPROC_OK);
  {
    char line[32];
    sprintf(line, "%ld", count);
    send_text(host, line);
  }
  free(bytes);
  return 0;
}

static int dies(coproc_host* host, void* context) {
  const size_t size = 1 << 20;
  char* bytes = calloc(1, size);
  (void)context;
  send_text(host, "before");
  while (coproc_send(host, COPROC_BYTES, bytes, 3000, NULL) == COPROC_OK) {
  }
  free(bytes);
  return 0;
}

static void* exits(void* host) {
  coproc_message* message;
  coproc_receive((coproc_host*)host, NULL, COPROC_FOREVER, &message);
  return NULL;
}

// A thread that is cancelled in a receive is unwound, and is no failure.
static int cancels(coproc_host* host, void* context) {
  pthread_t thread;
  void* result = NULL;
  (void)context;
  EXPECT(pthread_create(&thread, NULL, &exits, host) == 0);
  EXPECT(pthread_cancel(thread) == 0);
  EXPECT(pthread_join(thread, &result) == 0);
  EXPECT(result == PTHREAD_CANCELED);
  send_text(host, "cancelled");
  return 0;
}

struct way {
  const char* name;
  coproc_target target;
};

int main(int argc, char** argv) {
  static const struct way ways[] = {{"echo", &echo},         {"describe", &describe}, {"ask", &ask},
                                    {"waits", &waits},       {"mistakes", &mistakes}, {"fails", &fails},
                                    {"returns", &returns},   {"floods", &floods},     {"dies", &dies},
                                    {"cancels", &cancels}};
  const char* const what = argc > 1 ? argv[1] : "echo";
  coproc_kind kind = COPROC_NOTHING;
  int code = 1;
  size_t i;
  if (strcmp(what, "version") == 0) {
    puts(coproc_version());
    return 0;
  }
  if (strcmp(what, "alone") == 0) {
    // No host has started it.
    if (coproc_is_worker() || strcmp(coproc_last_error(), "") != 0) return 2;
    if (coproc_run_worker(NULL, NULL, COPROC_NOTHING, &code) != COPROC_INVALID_ARGUMENT) return 3;
    if (coproc_run_worker(&echo, NULL, COPROC_NOTHING, NULL) != COPROC_INVALID_ARGUMENT) return 4;
    if (coproc_run_worker(&echo, NULL, COPROC_OTHER, &code) != COPROC_INVALID_ARGUMENT) return 5;
    if (coproc_run_worker(&echo, NULL, COPROC_NOTHING, &code) != COPROC_NOT_A_WORKER || code != 1) return 6;
    puts(coproc_last_error());
    return 0;
  }
  if (!coproc_is_worker()) return 7;
  if (strcmp(what, "text") == 0) kind = COPROC_TEXT;
  if (strcmp(what, "bytes") == 0) kind = COPROC_BYTES;
  if (strcmp(what, "msgpack") == 0) kind = COPROC_MSGPACK;
  if (kind != COPROC_NOTHING) return coproc_run_worker(&argument, &kind, kind, &code) == COPROC_OK ? code : 8;
  for (i = 0; i < sizeof ways / sizeof ways[0]; ++i) {
    if (strcmp(what, ways[i].name) != 0) continue;
    if (coproc_run_worker(ways[i].target, NULL, COPROC_NOTHING, &code) != COPROC_OK) return 8;
    return code;
  }
  return 2;
}
