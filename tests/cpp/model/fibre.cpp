#include "fibre.hpp"

#include <cstdlib>
#include <utility>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace rt {
namespace {

Fibre* entering = nullptr;  // makecontext passes only ints

std::vector<std::unique_ptr<char[]>>& abandoned_stacks() {
  static std::vector<std::unique_ptr<char[]>> stacks;
  return stacks;
}
std::vector<std::function<void()>>& abandoned_bodies() {
  static std::vector<std::function<void()>> bodies;
  return bodies;
}

}  // namespace

Fibre::~Fibre() {
#if defined(__SANITIZE_THREAD__)
  if (stack_ && sanitizer_ != nullptr) __tsan_destroy_fiber(sanitizer_);
#endif
}

void Fibre::prepare(std::function<void()> body) {
  body_ = std::move(body);
  if (!stack_) {
    stack_ = std::make_unique_for_overwrite<char[]>(stack_size);
#if defined(__SANITIZE_THREAD__)
    sanitizer_ = __tsan_create_fiber(0);
#endif
  }
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = stack_size;
  context_.uc_link = nullptr;
  makecontext(&context_, &Fibre::enter, 0);
}

void Fibre::switch_between(Fibre& from, Fibre& to) {
  entering = &to;
#if defined(__SANITIZE_THREAD__)
  if (from.sanitizer_ == nullptr) from.sanitizer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.sanitizer_, 0);
#endif
  swapcontext(&from.context_, &to.context_);
}

void Fibre::abandon() {
  if (stack_) abandoned_stacks().push_back(std::move(stack_));
  abandoned_bodies().push_back(std::move(body_));
  sanitizer_ = nullptr;
}

void Fibre::enter() {
  entering->body_();
  std::abort();  // a body switches away at its end
}

}  // namespace rt
