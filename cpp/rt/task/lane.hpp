// A lock that some tasks' polls need, and that is worth keeping over many polls. The core knows no more about it.
//
// The binding's one lane is its interpreter's lock. A worker stays in the lane from poll to poll of that lane's tasks, pauses
// often enough for others, and leaves it before anything that could wait (ARCHITECTURE.md 10).
#pragma once

namespace rt {

class Lane {
 public:
  virtual void enter() = 0;
  virtual void leave() = 0;
  /// Simulation, before each further poll in it: whoever plays the machine may have let go of the lock between two steps.
  virtual void go_on() {}
  /// Lets others in for a moment.
  virtual void pause() = 0;
  /// This thread is in it, so entering it once more would wait for itself.
  [[nodiscard]] virtual bool is_inside() const = 0;
  /// For a person: "the lock of ...". Any thread.
  [[nodiscard]] virtual const char* what() const = 0;

 protected:
  ~Lane() = default;
};

/// In a lane, if the task has one, for the length of a scope; a thread that is inside already stays there.
class InLane {
 public:
  explicit InLane(Lane* lane) : lane_(lane != nullptr && !lane->is_inside() ? lane : nullptr) {
    if (lane_ != nullptr) lane_->enter();
  }
  ~InLane() {
    if (lane_ != nullptr) lane_->leave();
  }
  InLane(const InLane&) = delete;
  InLane& operator=(const InLane&) = delete;

 private:
  Lane* lane_;  // its own: the task may be gone by then
};

}  // namespace rt
