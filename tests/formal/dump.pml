/* Does every dump return, with one leader at a time, and is nobody left behind at the barrier? DUMP.md; laws S17, S23, S24, L7.
 *
 * REQUESTS threads ask once each while tasks come from outside. A request's time may be over at any moment (AT_LIMIT), and it may
 * be withdrawn (WITHDRAWS); one poll may last until all requests are answered (BUDGET_HOLD). */
#ifndef PUSHES
#define PUSHES 1
#endif
#ifndef BUDGET_HOLD
#define BUDGET_HOLD 0
#endif
#ifndef WITHDRAWS
#define WITHDRAWS false
#endif
#define ANSWERED(r) (request[r] == SERVED || request[r] == WITHDRAWN)
#define BLOCKED (ANSWERED(0) && ANSWERED(REQUESTS - 1))
#include "choices.pml"
#include "worker.pml"
#include "requester.pml"

byte pushes = PUSHES;

proctype publisher() {
  byte told;
  do
  :: atomic { pushes > 0 -> pushes--; alive++; inject++ }; notify_parked(told)
  :: pushes == 0 -> break
  od
}

active proctype law_s17() {
end_ok:
  atomic { !mutex && (unparked + asleep != N || searching > unparked) -> assert(false) }
}

active proctype law_l7() {
  timeout ->
  assert(ANSWERED(0) && ANSWERED(REQUESTS - 1));
  assert(phase == idle && arrived == 0 && leaders == 0 && waiting == 0); /* nobody is left at the barrier */
  assert(asleep == N && alive == 0);                      /* and all goes on as before */
end_checked:
  false
}

init {
  atomic {
    holds = BUDGET_HOLD;
    byte k = 0;
    do :: k < N -> run worker(k); k++ :: else -> break od;
    run publisher();
    k = 0;
    do :: k < REQUESTS -> run requester(k); k++ :: else -> break od
  }
}

#ifdef LIVENESS
ltl returns { <> (ANSWERED(0) && ANSWERED(REQUESTS - 1)) }
#endif
