// What is a worker's driver to do next? The return value of one step: a worker never waits by itself.
#pragma once

#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {

struct Verdict {
  enum class Kind : std::uint8_t {
    again,       // call tick() again
    probe,       // one victim was looked at, the search goes on
    busy,        // simulation: a poll is inside work() until `until`
    rest,        // sleep until a token comes, or until `until`
    gone,        // shut down, or the core was handed on: this thread is no worker any more
    rendezvous,  // a dump: wait until its round is over, or until `until`
  };
  Kind kind;
  Nanos until = no_deadline;

  static constexpr Verdict again() { return {Kind::again}; }
  static constexpr Verdict probe() { return {Kind::probe}; }
  static constexpr Verdict busy(Nanos until) { return {Kind::busy, until}; }
  static constexpr Verdict rest(Nanos until) { return {Kind::rest, until}; }
  static constexpr Verdict rendezvous(Nanos until) { return {Kind::rendezvous, until}; }
  static constexpr Verdict gone() { return {Kind::gone}; }
};

}  // namespace rt
