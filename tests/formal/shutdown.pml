/* Does a runtime that is closed end every task, and every worker leave? SHUTDOWN.md; laws L6, S15, S16.
 *
 * Meanwhile a thread outside spawns, another one wakes tasks that have gone idle, and (DUMPS) a third one asks for a dump. */
#ifndef N
#define N 2
#endif
#ifndef PUSHES
#define PUSHES 1
#endif
#ifndef BUDGET_SPAWN
#define BUDGET_SPAWN 1
#endif
#ifndef BUDGET_YIELD
#define BUDGET_YIELD 0
#endif
#ifndef BUDGET_IDLE
#define BUDGET_IDLE 1
#endif
#ifndef WAKES_OUTSIDE
#define WAKES_OUTSIDE 1
#endif
#define WITHDRAWS false
#define HOLDS false

byte resting_tasks[N]; /* idle tasks, by the worker whose share of the registry they are in */
byte claimed;          /* by the leader of a dump: a walk passes them */
#define WALK(part) atomic { ENDED(resting_tasks[part]); resting_tasks[part] = 0 }
#define WALK_ALL WALK(0); WALK(1); WALK(N - 1)
#define GOES_IDLE atomic { idles > 0 -> idles--; if :: resting_tasks[0]++ :: resting_tasks[N - 1]++ fi }
#define READ_TASKS atomic { claimed = resting_tasks[0]; resting_tasks[0] = 0 }; atomic { resting_tasks[0] = resting_tasks[0] + claimed; claimed = 0 }
#include "choices.pml"
#include "worker.pml"
#include "requester.pml"

byte pushes = PUSHES, wakes = WAKES_OUTSIDE;

/* push_remote(): refused once inject is closed. Then a new task ends here, and one that was woken is left to the walks. */
proctype spawner() {
  byte told;
  do
  :: atomic { pushes > 0 -> pushes--; alive++ };
     if
     :: closed -> ENDED(1)
     :: else ->
        if
        :: atomic { !inject_closed -> inject++ }; notify_parked(told)
        :: atomic { inject_closed -> ENDED(1) }
        fi
     fi
  :: pushes == 0 -> break
  od
}
proctype waker() {
  byte told, share;
  do
  :: wakes > 0 ->
     if :: share = 0 :: share = N - 1 fi;
     atomic {
       wakes--;
       if
       :: resting_tasks[share] > 0 && !inject_closed -> resting_tasks[share]--; inject++
       :: else -> share = N
       fi };
     if :: share < N -> notify_parked(told) :: else fi;
     share = 0
  :: wakes == 0 -> break
  od
}

/* Shared::close() */
proctype closer() {
  byte i;
#ifndef FAULT_INJECT_STAYS_OPEN
  inject_closed = 1;
#endif
  closed = 1;
#ifndef FAULT_CLOSE_WAKES_NOBODY
  do
  :: atomic { i < N -> token[i] = 1; i++ }
  :: else -> break
  od
#endif
}

active proctype law_l6() {
  timeout ->
  assert(all_gone && cores_gone == N);
  assert(alive == 0);
  assert(inject == 0 && slot[0] == 0 && slot[1] == 0 && queue[0] == 0 && queue[1] == 0 && queue[N - 1] == 0);
#ifdef DUMPS
  assert(request[0] == SERVED);
#endif
end_checked:
  false
}

init {
  atomic {
    spawns = BUDGET_SPAWN; yields = BUDGET_YIELD; idles = BUDGET_IDLE;
    byte k = 0;
    do :: k < N -> run worker(k); k++ :: else -> break od;
    run spawner(); run waker(); run closer();
#ifdef DUMPS
    run requester(0)
#endif
  }
}

#ifdef LIVENESS
ltl ends { <> all_gone }
#endif
