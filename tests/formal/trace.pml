/* Could the scheduler of worker.pml have written this log?
 *
 * The log comes as log.h (traces.py writes it): what each lane recorded, in its order. A worker records an event at the same place
 * as the code does, and only if it is the next of its lane. ONE_ORDER: the log of a simulation, whose lanes are in one order.
 * The answer is yes if and only if spin finds `accepted` violated: some interleaving reads every lane to its end. */
#define N 2
#define LANES 3 /* the last is for those who are no worker */
c_decl {
#include "log.h"
};
/* log.h: `code[lane][i]` is kind + 16 * count + 4096 * other, 0 behind the last; `rank[lane][i]` its place among all. */

#define WAKE 1
#define SPAWN 2
#define PARK 3
#define UNPARK 4
#define POLL_BEGIN 5
#define POLL_END 6
#define STEAL 7
#define STEAL_TRY 8
#define INJECT_POP 9
#define INJECT_PUSH 10
#define DUMP 11
#define WORDS_STEAL + 16 * Pworker->n + 4096 * Pworker->other
#define WORDS_STEAL_TRY + 4096 * Pworker->other
#define WORDS_WAKE + 16 * Pworker->n
#define WORDS_POLL_END + 16 * Pworker->n
#define WORDS_INJECT_POP + 16 * Pworker->n
#define WORDS_SPAWN
#define WORDS_PARK
#define WORDS_UNPARK
#define WORDS_POLL_BEGIN
#define WORDS_DUMP
#define HERE(lane) [lane][now.cursor[lane]]
#define IN_ORDER(lane) (!ONE_ORDER || rank HERE(lane) == now.all)
/* An event of a lane is next; and with ONE_ORDER it is the next of all. */
#define EVENT(kind) \
  atomic { c_expr { code HERE(Pworker->me) == kind WORDS_##kind && IN_ORDER(Pworker->me) } -> cursor[me]++; all++ }
#define EVENT_OUTSIDE(word) atomic { c_expr { code HERE(N) == word && IN_ORDER(N) } -> cursor[N]++; all++ }
#define NEXT_IS(kind) c_expr { (code HERE(Pworker->me) & 15) == kind }
#define NEXT_IS_WITH(kind, count) c_expr { code HERE(Pworker->me) == kind + 16 * count }

/* What the model leaves to choice, the log decides. */
#define LAW(claim) skip
#define SPAWNS NEXT_IS(SPAWN)
#define WAKES NEXT_IS_WITH(WAKE, 0)
#define YIELDS_TO_QUEUE NEXT_IS_WITH(WAKE, 1)
#define HOLDS false
#define DEFERS NEXT_IS_WITH(POLL_END, 1)
#define GOES_IDLE false
#define ENDS NEXT_IS_WITH(POLL_END, 0)
#define ENDED(tasks) skip
#define GLOBAL_TICK NEXT_IS_WITH(INJECT_POP, 1)
#define COARSE
#define WITHDRAWS false

short cursor[LANES], all;
#include "choices.pml"
#include "worker.pml"
#include "requester.pml"

proctype outside() {
  byte told;
  do
  :: EVENT_OUTSIDE(SPAWN);
     inject++;
     EVENT_OUTSIDE(INJECT_PUSH + 16);
     notify_parked(told)
  od
}

/* Shared::close() leaves no record: it may come at any time. */
proctype closer() {
  byte i;
  inject_closed = 1;
  closed = 1;
  do
  :: atomic { i < N -> token[i] = 1; i++ }
  :: else -> break
  od
}

#define DUMP_IS_OVER (DUMPS == 0 || request[0] == SERVED)
#define END_IS_RIGHT (SHUTS_DOWN -> all_gone : inject == 0 && queue[0] == 0 && queue[1] == 0 && slot[0] == 0 && slot[1] == 0)
bit accepted;
active proctype reader() {
  atomic { c_expr { now.all == events_in_all } && DUMP_IS_OVER && END_IS_RIGHT ->
    accepted = 1; assert(!accepted) }
}

init {
  atomic {
    byte k = 0;
    if
    :: STARTS_AT_REST ->
       if /* whoever lay down last is woken first; the log does not say who that was */
       :: sleepers[0] = 0; sleepers[1] = 1
       :: sleepers[0] = 1; sleepers[1] = 0
       fi;
       asleep = N; unparked = 0; k = 0
    :: else
    fi;
    do :: k < N -> run worker(k); k++ :: else -> break od;
    run outside();
    if :: DUMPS > 0 -> run requester(0) :: else fi;
    if :: SHUTS_DOWN -> run closer() :: else fi
  }
}
