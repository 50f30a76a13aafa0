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
  /// For a person: "the lock of ...". Any thread.
  [[nodiscard]] virtual const char* what() const = 0;

 protected:
  ~Lane() = default;
};

}  // namespace rt
