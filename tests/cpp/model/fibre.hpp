// A stack of its own for each thread of a model, and the switch between them. Sanitizers are told.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace rt {

class Fibre {
 public:
  Fibre() = default;
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// The next switch_to() begins `body`, which must not return.
  void prepare(std::function<void()> body);
  /// Goes on there; returns when somebody switches back to `from`.
  static void switch_between(Fibre& from, Fibre& to);
  /// The stack stays as it is for ever: what lives on it is not unwound, but stays reachable for leak checkers.
  void abandon();

 private:
  static void enter();

  static constexpr std::size_t stack_size = 256 * 1024;
  ucontext_t context_{};
  std::unique_ptr<char[]> stack_;
  std::function<void()> body_;
  void* sanitizer_ = nullptr;
};

}  // namespace rt
