#include "index_worker.hpp"

#include <exception>
#include <utility>

#include "messages.hpp"
#include "share_index.hpp"
#include "text_file.hpp"

namespace search {

namespace {

/// Puts the file into the index, or tells the host why it is not there.
void index_file(coproc::PriorityMessenger& host, ShareIndex& index, const std::string& path) {
  TextFile file = read_text_file(path);
  switch (file.kind) {
    case TextFile::Kind::text:
      index.add(path, std::move(file.text));
      break;
    case TextFile::Kind::binary:
      host.send_norequest(Warning{Warning::Kind::binary, path, "binary file, skipped"}, Channel::warning);
      break;
    case TextFile::Kind::unreadable:
      host.send_norequest(Warning{Warning::Kind::failed, path, file.error}, Channel::warning);
      break;
  }
}

}  // namespace

void index_worker(coproc::PriorityMessenger& host) {
  ShareIndex index;
  while (true) {
    // Whatever is most urgent of all that has come: a query before the files that were sent earlier. Throws
    // ResourceRequestedClose when the host has asked this worker to close, which ends it.
    const coproc::Message message = host.receive_blocking();
    message.match(
        [&](const IndexFile& file) {
          index_file(host, index, file.path);
          host.reply_to(message, Indexed{});
        },
        [&](const Query& query) { host.reply_to(message, Answer{index.find(query.word)}); },
        [&](const CountQuery& query) { host.reply_to(message, Count{index.count(query.word)}); });
  }
}

}  // namespace search
