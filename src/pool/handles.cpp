// The handles by which the templates of the public headers use a pool.
#include <cstring>
#include <string>
#include <utility>

#include "coproc/detail/message_access.hpp"
#include "coproc/detail/worker_count.hpp"
#include "coproc/errors.hpp"
#include "coproc/worker_resource.hpp"
#include "os/processors.hpp"
#include "pool/core.hpp"
#include "pool/protocol.hpp"
#include "pool/task_runner.hpp"

namespace coproc::inline v0::detail {

namespace {

using pool::WorkerSetup;

process::CodeRef name_of(process::Function function) { return pool::name_function(function, "init or exit function"); }

std::string encoded(void (*encode)(Encoder&, const void*), const void* value) {
  if (encode == nullptr) return {};
  Buffer bytes;
  Encoder encoder(bytes, std::size_t{1} << 40);
  encode(encoder, value);
  const auto written = encoder.written();
  return {reinterpret_cast<const char*>(written.data()), written.size()};
}

template <class Target, class... A>
class PoolWorkerOf final : public PoolWorker {
 public:
  PoolWorkerOf(Target target, WorkerOptions options, A... arguments)
      : worker_(std::move(target), std::move(options)), arguments_(std::move(arguments)...) {}
  void start() override {
    std::apply([&](const A&... each) { worker_.start(each...); }, arguments_);
  }
  Worker& worker() noexcept override { return worker_; }
  PriorityMessenger& messenger() override { return worker_.messenger(); }

 private:
  WorkerResource<Target> worker_;
  std::tuple<A...> arguments_;
};

/// A ring that holds the results of a whole window of tiny tasks, so that workers do not have to wait for the host.
constexpr std::size_t kRingBytes = std::size_t{256} << 10;

/// Throws InvalidArgumentError for what workers on other machines cannot have.
void check_machines(const PoolOptions& options) {
  const auto refuse = [](const char* what) {
    throw InvalidArgumentError(std::string("PoolOptions::machines: ") + what);
  };
  if (options.worker.machine) {
    throw InvalidArgumentError(
        "PoolOptions::worker: WorkerOptions::machine cannot be set for the workers of a pool: give "
        "PoolOptions::machines");
  }
  if (options.machines.empty()) return;
  if (options.workers == 0) refuse("their processors are not counted: give PoolOptions::workers");
  if (options.pin)
    refuse("PoolOptions::pin means processors of this machine: let the launcher's command choose others");
  if (options.recycle.memory != 0) {
    refuse("RecycleOptions::memory is not looked at there: let the launcher's command set a limit");
  }
  if (supervise::Health(options.health).has_limits()) {
    refuse("nobody sees whether a worker there hangs: PoolOptions::health is for workers of this machine");
  }
}

PoolOptions checked(PoolOptions options) {
  check_pool_options(options);
  check_machines(options);
  std::size_t& ring_bytes = options.worker.link.ring_bytes;
  if (ring_bytes == LinkOptions().ring_bytes) ring_bytes = kRingBytes;
  if (options.workers == 0) options.workers = os::usable_processors();
  if (options.worker.name.empty()) options.worker.name = "pool worker";
  if (options.worker.method == StartMethod::executable) {
    throw InvalidArgumentError(
        "a pool's workers run functions of this program: StartMethod::executable cannot do that");
  }
  return options;
}

MakePoolWorker maker_of(const StateCode& state, const PoolOptions& options) {
  WorkerSetup setup;
  setup.make_state = name_of(reinterpret_cast<process::Function>(state.make));
  setup.unmake_state = name_of(reinterpret_cast<process::Function>(state.unmake));
  setup.init_function = name_of(state.init_function);
  setup.exit_function = name_of(state.exit_function);
  setup.init = encoded(state.encode_init, state.init);
  setup.exit = encoded(state.encode_exit, state.exit);
  const std::vector<int> processors = options.pin ? os::list_allowed_processors() : std::vector{-1};
  return [=, code = state.forked, context = state.context](std::size_t number) -> std::unique_ptr<PoolWorker> {
    const int processor = processors[number % processors.size()];
    WorkerOptions worker = options.worker;
    worker.number = number;
    if (!options.machines.empty()) worker.machine = options.machines[number % options.machines.size()];
    if (code.run != nullptr) {
      using pool::ForkedPoolWorker;
      return std::make_unique<PoolWorkerOf<ForkedPoolWorker>>(ForkedPoolWorker{code, context, processor}, worker);
    }
    WorkerSetup own = setup;
    own.processor = processor;
    using Target = void (*)(PriorityMessenger&, const WorkerSetup&);
    return std::make_unique<PoolWorkerOf<Target, WorkerSetup>>(&pool::run_pool_worker, worker, own);
  };
}

}  // namespace

std::size_t usable_processors() { return os::usable_processors(); }

std::size_t checked_worker_count(const char* option, std::size_t count) {
  if (count <= kMostWorkers) return count;
  throw InvalidArgumentError(std::string(option) + ": at most " + std::to_string(kMostWorkers) + " workers, not " +
                             std::to_string(count));
}

void check_pool_options(const PoolOptions& options) {
  (void)checked_worker_count("PoolOptions::workers", options.workers);
  (void)pool::Restarts(options.restart);
  (void)supervise::Health(options.health);
  if (supervise::Recycling(options.recycle).overlaps()) {
    throw InvalidArgumentError(
        "PoolOptions::recycle: `overlap` is for a Supervised. In a pool the other workers go on while one is replaced");
  }
}

Task::~Task() = default;
PoolWorker::~PoolWorker() = default;

namespace {

/// The most memory that the value of a small message may allocate.
constexpr std::size_t kMostOfSmall = std::size_t{1} << 20;

std::size_t size_at(const Task& task, std::size_t at) noexcept {
  std::uint32_t size = 0;
  std::memcpy(&size, task.results.data() + at, sizeof size);
  return size;
}

}  // namespace

std::size_t ResultDecoder::end_of(const Task& task, std::size_t at) noexcept {
  return at + sizeof(std::uint32_t) + size_at(task, at);
}

ResultDecoder::ResultDecoder(const Task& task, std::size_t at)
    : decoder_(task.result ? MessageAccess::payload(*task.result)
                           : task.results.span().subspan(at + sizeof(std::uint32_t), size_at(task, at)),
               task.result ? MessageAccess::max_allocation(*task.result) : kMostOfSmall) {
  if (!task.result) return;
  decoder_.borrow(MessageAccess::loans(*task.result));
  decode<pool::ToHost>(decoder_);
  decode<pool::ResultHead>(decoder_);
}

// ---- PoolHandle ----

PoolHandle::PoolHandle(const StateCode& state, PoolOptions options) {
  options = checked(std::move(options));
  core_ = std::make_shared<PoolCore>(options, maker_of(state, options));
}

PoolHandle::PoolHandle(PoolOptions options, MakePoolWorker make_worker)
    : core_(std::make_shared<PoolCore>(checked(std::move(options)), std::move(make_worker))) {}

PoolHandle& PoolHandle::operator=(PoolHandle&& other) noexcept {
  if (this == &other) return *this;
  const PoolHandle ended(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

PoolHandle::~PoolHandle() {
  if (core_ == nullptr) return;
  try {
    core_->stop(core_->options().worker.stop);
  } catch (...) {
    // The destructor of each worker stops those that are still alive.
  }
}

const std::shared_ptr<PoolCore>& PoolHandle::core() const {
  if (core_ == nullptr) throw InvalidArgumentError("this pool was moved from: use the object it was moved to");
  return core_;
}

const TaskOptions kTasksOfPool;
const TaskOptions& PoolHandle::task_options(const TaskOptions& given) const {
  return &given == &kTasksOfPool ? core()->options().tasks : given;
}
std::size_t PoolHandle::size() const { return core()->size(); }
std::size_t PoolHandle::pending() const { return core()->pending(); }
bool PoolHandle::wait(Timeout timeout) { return core()->wait_for_submitted(timeout); }
void PoolHandle::interrupt() noexcept {
  if (core_ != nullptr) core_->interrupt();
}
int PoolHandle::native_handle() { return core()->native_handle(); }
void PoolHandle::poll() { core()->drive_without_waiting(); }
void PoolHandle::stop() { core()->stop(core()->options().worker.stop); }
void PoolHandle::stop(const StopOptions& options) { core()->stop(options); }
PoolInsights PoolHandle::insights() const { return core()->insights(); }
std::vector<int> PoolHandle::pids() const { return core()->pids(); }
std::shared_ptr<PoolFunction> PoolHandle::new_function(std::string data) {
  return core()->new_function({}, std::move(data));
}

// ---- JobHandle ----

JobHandle::JobHandle() noexcept = default;
JobHandle::JobHandle(const PoolHandle& pool, const TaskCode& code, TaskOptions options, const JobShape& shape)
    : core_(pool.core()), job_(core_->new_job(core_->function_of(code), std::move(options), shape)) {}
JobHandle::JobHandle(const PoolHandle& pool, std::shared_ptr<PoolFunction> function, TaskOptions options,
                     const JobShape& shape)
    : core_(pool.core()), job_(core_->new_job(std::move(function), std::move(options), shape)) {}
JobHandle::JobHandle(JobHandle&&) noexcept = default;
JobHandle& JobHandle::operator=(JobHandle&& other) noexcept {
  if (this == &other) return *this;
  abandon();
  core_ = std::move(other.core_);
  job_ = std::move(other.job_);
  return *this;
}
JobHandle::~JobHandle() { abandon(); }

void JobHandle::abandon() noexcept {
  if (job_ != nullptr) core_->abandon(*job_);
  job_ = nullptr;
}

JobHandle::Wanted JobHandle::wanted() const { return core_->wanted(*job_); }
void JobHandle::add(std::vector<TaskPtr> tasks) { core_->add(job_, tasks); }
void JobHandle::end_input(std::exception_ptr error) { core_->end_input(*job_, std::move(error)); }
JobHandle::News JobHandle::wait(std::deque<TaskPtr>& into, Timeout timeout) {
  return core_->wait(*job_, into, timeout);
}
void JobHandle::tend() { core_->tend(); }
bool JobHandle::is_done() const { return core_->is_done(*job_); }
bool JobHandle::cancel(bool even_if_running) { return core_->cancel(*job_, even_if_running); }
void JobHandle::then(std::function<void()> function) {
  const auto core = core_;  // the function may destroy this handle
  core->then(job_, std::move(function));
}
bool JobHandle::wait_any(std::span<JobHandle* const> jobs, Timeout timeout) {
  if (jobs.empty()) return false;
  std::vector<Job*> all;
  for (const JobHandle* handle : jobs) all.push_back(handle->job_.get());
  return jobs.front()->core_->wait_any(all, timeout);
}

}  // namespace coproc::inline v0::detail
