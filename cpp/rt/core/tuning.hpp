// Which numbers steer the scheduler, in which unit, and where does each come from?
// Invariant: a number that changes a decision has one name, here; a policy field or a runtime option overrides it, never a
// second literal.
// Read next: rt/observe/batch.hpp (what the tuned interval is made of), rt/time/wheel.hpp (the timer numbers at work).
#pragma once

#include <cstddef>
#include <cstdint>

namespace rt::tuning {

// ---- queues -------------------------------------------------------------------------------------------------------

/// Slots of a worker's local ring; must be a power of two.  [tasks]
/// Source: Tokio 1.48 scheduler/multi_thread/queue.rs (256). Option: Policy.local_capacity.
inline constexpr std::uint32_t ring_capacity = 256;

/// How many of the oldest tasks leave a full ring in one overflow, besides the task that did not fit.  [tasks]
/// Source: Tokio 1.48 queue.rs (half the ring). Option: Policy.overflow.
inline constexpr std::uint32_t overflow_batch = ring_capacity / 2;

/// Most tasks that one visit to the inject queue may bring, the one to run included.  [tasks]
/// Source: Tokio 1.48 worker.rs, next_task (half the ring). Option: Policy.inject_batch.
inline constexpr std::uint32_t max_inject_batch = ring_capacity / 2;

/// A thief whose own ring holds more than this does not steal.  [tasks]
/// Source: Tokio 1.48 queue.rs, steal_into (half the ring).
inline constexpr std::uint32_t max_thief_load = ring_capacity / 2;

// ---- the turn -----------------------------------------------------------------------------------------------------

/// Turns between two rounds of upkeep: timers, metrics, shutdown, dump.  [turns]
/// Source: Tokio 1.48 runtime/builder.rs (61). Option: Policy.event_interval; 0 is refused.
inline constexpr std::uint32_t default_event_interval = 61;

/// Polls from the LIFO slot that may follow a turn's first poll.  [polls]
/// Source: Tokio 1.48 worker.rs (3). Option: Policy.lifo_polls.
inline constexpr std::uint32_t max_lifo_polls = 3;

/// Leaf operations that may succeed in one turn, its LIFO polls included.  [units]
/// Source: Tokio 1.48 task/coop (128). Option: Policy.coop_budget.
inline constexpr std::uint32_t coop_budget = 128;

// ---- how often the inject queue is served first ----------------------------------------------------------------------

/// Goal of the self-tuned interval: inject is looked at first about this often.  [ns]
/// Source: Tokio 1.48 multi_thread/stats.rs (200 us). Option: Policy.global_interval turns the tuning off.
inline constexpr std::uint64_t target_global_interval_ns = 200'000;

/// Smallest tuned interval: at 1 the local queue would never be served first.  [turns]
/// Source: Tokio 1.48 stats.rs (2).
inline constexpr std::uint32_t min_global_interval = 2;

/// Largest tuned interval.  [turns]
/// Source: Tokio 1.48 stats.rs (127).
inline constexpr std::uint32_t max_global_interval = 127;

/// The interval behind the start value of the mean poll time.  [turns]
/// Source: Tokio 1.48 stats.rs (61).
inline constexpr std::uint32_t initial_global_interval = 61;

/// A retuned interval replaces the old one only when it differs by more than this.  [turns]
/// Source: Tokio 1.48 worker.rs, tune_global_queue_interval (2).
inline constexpr std::uint32_t global_interval_jitter = 2;

/// Weight of one poll in the moving mean of poll times; a batch of n polls weighs 1 - (1 - alpha)^n.  [1]
/// Source: Tokio 1.48 stats.rs (0.1).
inline constexpr double poll_time_ewma_alpha = 0.1;

/// Mean poll time before the first poll: 3278 ns and a fraction.  [ns]
/// Source: Tokio 1.48 stats.rs (target / 61).
inline constexpr double initial_mean_poll_ns =
    static_cast<double>(target_global_interval_ns) / static_cast<double>(initial_global_interval);

// ---- searching ------------------------------------------------------------------------------------------------------

/// Workers that may search at once, as a divisor of all workers: one in this many.  [1]
/// Source: Tokio 1.48 idle.rs (refused when 2 * searching >= workers). Option: Policy.max_searching.
inline constexpr std::uint32_t searching_divisor = 2;

// ---- timers ---------------------------------------------------------------------------------------------------------

/// Levels of the timer wheel; level k has slots of 64^k ticks.  [levels]
/// Source: Tokio 1.48 runtime/time/wheel (6).
inline constexpr unsigned wheel_levels = 6;

/// Slots of one level: as many as a word of occupancy bits has.  [slots]
/// Source: Tokio 1.48 runtime/time/wheel (64).
inline constexpr unsigned wheel_slots = 64;

/// Length of a tick; deadlines are rounded up to it.  [ns]
/// Source: Tokio 1.48 runtime/time (1 ms).
inline constexpr std::uint64_t wheel_tick_ns = 1'000'000;

/// Timers woken between two releases of the driver's lock.  [timers]
/// Source: Tokio 1.48 util/wake_list.rs (32).
inline constexpr std::size_t timer_batch = 32;

// ---- threads and the blocking pool -------------------------------------------------------------------------------------

/// Most pool threads besides the workers.  [threads]
/// Source: Tokio 1.48 runtime/builder.rs (512). Option: Runtime(max_blocking_threads=).
inline constexpr std::uint32_t max_blocking_threads = 512;

/// How long a pool thread without a job stays.  [ns]
/// Source: Tokio 1.48 runtime/blocking/pool.rs (10 s). Option: Runtime(thread_keep_alive=).
inline constexpr std::uint64_t thread_keep_alive_ns = 10'000'000'000;

/// Pool threads that may be on their way to jobs at a time: each that arrives sends for the next.  [threads]
/// Source: ours. One would do; with a second one the next is not sent for only when the first has come all the way.
inline constexpr std::size_t pool_threads_coming = 2;

/// How long a paused worker sleeps before it looks again.  [ns]
/// Source: ours. A pause is a few milliseconds long.
inline constexpr std::uint64_t pause_nap_ns = 100'000;

/// Most workers: the idle word counts them in 16 bits.  [workers]
/// Source: the layout of Idle's word (searching in the low half).
inline constexpr std::uint32_t max_workers = 65'535;

/// Bytes of a thread name the system keeps, without the final zero.  [bytes]
/// Source: pthread_setname_np(3) on Linux (16 with the zero).
inline constexpr std::size_t max_thread_name = 15;

// ---- dump -----------------------------------------------------------------------------------------------------------

/// How long the dump's rendezvous waits for workers before it goes on without them.  [ns]
/// Source: Tokio 1.48 worker/taskdump.rs (250 ms). Option: Handle.dump(timeout=).
inline constexpr std::uint64_t dump_limit_ns = 250'000'000;

/// A shutdown that waits for longer than this says once how many tasks live and where they wait.  [ns]
/// Source: API.md 1 (10 s).
inline constexpr std::uint64_t shutdown_warning_ns = 10'000'000'000;

// ---- forks ----------------------------------------------------------------------------------------------------------

/// Branches that a worker's task may have forked and not begun; those beyond it become tasks at once. A power of two.  [branches]
/// Source: eight KiB a worker; a recursion 100 calls deep with ten branches each fits.
inline constexpr std::uint32_t fork_stack_capacity = 1024;

/// Stack that one poll may have used when it looks; beyond it the task gives way. Reached only where transfers between coroutines are
/// no tail calls: some hundred bytes each, and two for a branch.  [bytes]
/// Source: half of the smallest stack that a thread gets (musl, 128 KiB).
inline constexpr std::size_t fork_stack_bytes = 64 * 1024;

/// Forks of a task between two looks at what else waits for its worker, where the policy has no coop_budget.  [forks]
/// Source: the default budget, BEHAVIOUR.md (128).
inline constexpr std::uint32_t forks_between_looks = 128;

// ---- lanes ----------------------------------------------------------------------------------------------------------

/// Polls in one lane before it is offered to others.  [polls]
/// Source: chosen so that a lane's entry cost is spread over many polls; measure with the Python burst benchmark.
inline constexpr std::uint32_t lane_batch_polls = 64;

/// Time in one lane before it is offered to others, however few polls that was.  [ns]
/// Source: the goal of the tuned interval, so that fairness has one scale.
inline constexpr std::uint64_t lane_batch_ns = target_global_interval_ns;

// ---- metrics ----------------------------------------------------------------------------------------------------------

/// Two cache lines: the neighbour line is prefetched together with the one that is written.  [bytes]
/// Source: Tokio 1.48 runtime/metrics/worker.rs (128).
inline constexpr std::size_t metrics_alignment = 128;

/// Events for which a timeline has room in any case, for each worker; what comes after them is counted only.  [events]
/// Source: 2 MiB a worker, 20 ms of the shortest tasks, a second of tasks of 10 us. Option: Runtime(timeline=).
inline constexpr std::size_t timeline_capacity = 65'536;

/// Default linear histogram.  [ns], [buckets]
/// Source: Tokio 1.48 runtime/metrics/histogram.rs (10 x 100 us).
inline constexpr std::uint64_t linear_width_ns = 100'000;
inline constexpr std::uint32_t linear_buckets = 10;

/// Default H2 histogram: relative error 2^-precision between low and high.  [ns], [ns], [bits]
/// Source: Tokio 1.48 runtime/metrics/histogram/h2_histogram.rs (100 ns to 60 s, 2: 119 buckets).
inline constexpr std::uint64_t h2_low_ns = 100;
inline constexpr std::uint64_t h2_high_ns = 60'000'000'000;
inline constexpr std::uint32_t h2_precision = 2;
inline constexpr std::uint32_t max_h2_precision = 10;

/// Most buckets of any histogram: every H2 of precision 10 fits; a worker then holds half a MiB a histogram.  [buckets]
/// Source: 55 * 2^10, the finest H2 over the whole range, rounded up to a power of two.
inline constexpr std::uint32_t max_histogram_buckets = 65'536;

}  // namespace rt::tuning
