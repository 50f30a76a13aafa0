// Which optional parts of the runtime does this build have?
//
// Invariant: this is the only file that reads the build's definitions; everywhere else a feature is an ordinary constant, so
// both branches of an `if constexpr` are compiled in the same way and a build with a feature off cannot rot unseen.
// Read next: CMakeLists.txt (the options UNSTABLE_METRICS, TASKDUMP and TIMELINE), observe/ (what they turn on).
#pragma once

#ifndef RT_UNSTABLE_METRICS
#define RT_UNSTABLE_METRICS 1
#endif

#ifndef RT_TASKDUMP
#define RT_TASKDUMP 1
#endif

#ifndef RT_TIMELINE
#define RT_TIMELINE 1
#endif

namespace rt {

/// Counters and histograms of each worker beyond the stable few.  Option: UNSTABLE_METRICS.
inline constexpr bool unstable_metrics = RT_UNSTABLE_METRICS != 0;

/// Dumps of the live tasks with the place each one waits at.  Option: TASKDUMP.
inline constexpr bool taskdump = RT_TASKDUMP != 0;

/// Per-worker buffers of timed events.  Option: TIMELINE.
inline constexpr bool timeline = RT_TIMELINE != 0;

}  // namespace rt
