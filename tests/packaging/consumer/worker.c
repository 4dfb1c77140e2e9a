// A worker in C of somebody else (coproc/c.h), and without a host a program that says which coproc it has.
#include <coproc/c.h>
#include <stdio.h>
#include <string.h>

static int greet(coproc_host* host, void* context) {
  coproc_message* message = NULL;
  const char* text = NULL;
  size_t size = 0;
  char line[128];
  coproc_status status = coproc_receive(host, NULL, COPROC_FOREVER, &message);
  if (status == COPROC_OK) status = coproc_message_text(message, &text, &size);
  if (status == COPROC_OK && size < 64) {
    sprintf(line, "%s %.*s", (const char*)context, (int)size, text);
    status = coproc_reply(host, message, COPROC_TEXT, line, strlen(line), NULL);
  }
  coproc_message_free(message);
  return status == COPROC_OK ? 0 : coproc_fail(host, coproc_last_error());
}

int main(void) {
  int code = 1;
  if (!coproc_is_worker()) {
    puts(coproc_run_worker(&greet, NULL, COPROC_NOTHING, &code) == COPROC_NOT_A_WORKER ? "consumed" : "failed");
    return 0;
  }
  if (coproc_run_worker(&greet, "hello,", COPROC_NOTHING, &code) != COPROC_OK) puts(coproc_last_error());
  return code;
}
