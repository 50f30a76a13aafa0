/* Is a task ever left to wait while all sleep? IDLE.md; laws S17, S20, L3.
 *
 * PUSHES tasks come from outside, from PUBLISHERS threads; each task may spawn, yield or hold its worker until all queues are
 * empty, as often as the budgets say. */
#ifndef PUBLISHERS
#define PUBLISHERS 1
#endif
#ifndef PUSHES
#define PUSHES 2
#endif
#ifndef BUDGET_SPAWN
#define BUDGET_SPAWN 1
#endif
#ifndef BUDGET_YIELD
#define BUDGET_YIELD 0
#endif
#ifndef BUDGET_HOLD
#define BUDGET_HOLD 0
#endif
#include "choices.pml"
#include "worker.pml"

byte pushes = PUSHES;

proctype publisher() {
  byte told;
  do
  :: atomic { pushes > 0 -> pushes-- };
     atomic { alive++; inject++ }; /* P1 */
     tell_of_push()
  :: pushes == 0 -> break
  od
}

/* S17, at each instant at which nobody holds the mutex. */
active proctype law_s17() {
end_ok:
  atomic { !mutex && (unparked + asleep != N || searching > unparked) -> assert(false) }
}

/* S20 and L3: when nothing moves any more, nothing is left that somebody could take. */
active proctype law_s20() {
  timeout ->
  assert(inject == 0 && queue[0] == 0 && queue[1] == 0 && queue[N - 1] == 0);
end_checked:
  false
}

init {
  atomic {
    spawns = BUDGET_SPAWN; yields = BUDGET_YIELD; holds = BUDGET_HOLD;
    byte k = 0;
    do :: k < N -> run worker(k); k++ :: else -> break od;
    k = 0;
    do :: k < PUBLISHERS -> run publisher(); k++ :: else -> break od
  }
}

#ifdef LIVENESS
ltl ends { <> [] (asleep == N && inject == 0) } /* nobody wakes the others for ever */
#endif
