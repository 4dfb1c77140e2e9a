#include "coproc/trace.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "trace/recorder.hpp"

namespace coproc::inline v0 {

Trace::Trace(std::string path, TraceOptions options)
    : path_(std::move(path)), recorder_(std::make_unique<trace::Recorder>(options)) {}

Trace::~Trace() {
  try {
    finish();
  } catch (const std::exception&) {
    // There is nobody to tell. Who wants to know calls finish().
  }
}

void Trace::collect() {
  if (recorder_->is_own_process()) recorder_->collect();
}

TraceSummary Trace::finish() {
  if (!recorder_->is_own_process()) return {};
  if (written_) return *written_;
  recorder_->end();
  try {
    written_ = recorder_->write(path_);
  } catch (const std::system_error& error) {
    throw Error("Trace: the file " + path_ + " could not be written: " + error.what() +
                ": nothing is lost; call finish() again when it can be");
  }
  return *written_;
}

}  // namespace coproc::inline v0
