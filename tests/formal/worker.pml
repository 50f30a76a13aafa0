/* One worker of the scheduler, as far as who sleeps, who leaves and who stands still is concerned.
 *
 * Each statement is one step of cpp/rt/core that others can see: one operation on a shared word, or one critical section.
 * Tasks are counted, not named. The worlds (idle.pml, shutdown.pml, dump.pml, trace.pml) include this file; they say what
 * happens outside, how much work there is, and which laws hold. FAULT_x leaves a step out, or swaps two: spin must find it.
 * Read next: README.md (what stands for what), then cpp/rt/core/{IDLE,SHUTDOWN,DUMP}.md. */
#ifndef N
#define N 2
#endif
#define MOST_SEARCHING ((N + 1) / 2) /* policy/search_limit.hpp: half of the workers, rounded up */
#define LIFO_POLLS 3

/* Where it is not the way to sleep that is examined (COARSE), what a worker does between two looks at the world is one step. */
#ifdef COARSE
#define STEP atomic
#else
#define STEP
#endif

/* ---- shared words ---- */
byte inject;                  /* core/inject.hpp: its length */
bit inject_closed;
byte queue[N];                /* core/queue.hpp: what can be stolen */
bit robbed[N];                /* a thief is between its claim and its last step: others get nothing there */
bit slot[N];                  /* a worker's own: LIFO slot, deferred tasks */
byte deferred[N];

byte searching, unparked = N; /* core/idle.hpp: the word */
bit mutex;                    /* the scheduler's; sections that are one step here take it only where another step can fall inside */
byte sleepers[N], asleep;     /* under it */
bit token[N];                 /* env/parker.hpp */

bit closed;                   /* Shared::closed_ */
byte cores_gone;
bit all_gone;

#ifndef REQUESTS
#define REQUESTS 1
#endif
#define NEVER_ASKED 0
#define ASKED 1
#define LED_FOR 2
#define SERVED 3
#define WITHDRAWN 4
mtype = { idle, gathering, leading };
mtype phase = idle;           /* core/rendezvous.hpp; every section there is one step, so its mutex is not shown */
byte request[REQUESTS];       /* NEVER_ASKED .. SERVED */
byte asked;                   /* how many wait to be served */
byte arrived, left;
bit present[N], gone[N];
byte round;
byte leaders, waiting;        /* ghosts */
bit complete, hurried;
mtype = { none, wait, lead };

/* Who may not go on because a law says so. In trace.pml laws are not what is asked. */
#ifndef LAW
#define LAW(claim) assert(claim)
#endif

/* What the world leaves to choice in a poll: guards. A trace has them too, and the log decides. */
#ifndef EVENT
#define EVENT(kind) skip
#endif

/* ---- core/idle.hpp ---- */

/* worker_to_notify(), then the token. `told` is the caller's own. */
inline notify_parked(told) { STEP {
  if
  :: searching == 0 && unparked < N ->
     atomic { mutex == 0 -> mutex = 1 };
     if
     :: atomic { searching == 0 && unparked < N ->
          LAW(asleep > 0);
          searching++; unparked++; asleep--; told = sleepers[asleep]; sleepers[asleep] = 0; mutex = 0 };
        atomic { token[told] = 1; told = 0 }
     :: else -> mutex = 0
     fi
  :: else
  fi
} }

/* Is this worker among the sleepers? */
inline find_sleeper(worker, place) {
  place = 0;
  do
  :: place < asleep && sleepers[place] != worker -> place++
  :: else -> break
  od
}

/* park(): LAW S17, nobody sleeps twice. */
inline join_sleepers() {
  atomic { mutex == 0 ->
    find_sleeper(me, i); LAW(i == asleep); i = 0;
    LAW(unparked > 0 && (!is_searching || searching > 0));
#ifdef FAULT_REFUSED_DOES_NOT_LOOK
    was_last = (is_searching && searching == 1) || unparked == 1;
#else
    was_last = (searching == is_searching); /* nobody searches any more */
#endif
    unparked--; searching = searching - is_searching; is_searching = 0;
    sleepers[asleep] = me; asleep++ }
}

/* notify_if_work_pending(): one load after the other, then tell_of_push(). */
inline look_at_all_queues() { STEP {
  i = 0;
  is_pending = (inject > 0);
  do
  :: atomic { i < N && !is_pending -> is_pending = (queue[i] > 0); i++ }
  :: else -> i = 0; break
  od;
  if
  :: is_pending -> is_pending = 0; notify_parked(told)
  :: else
  fi
} }

/* ---- core/worker/wake.hpp ---- */

inline tell_of_push() {
#ifndef FAULT_NO_NOTIFY
  notify_parked(told)
#else
  skip
#endif
}

/* schedule_local(): a task alone in the slot tells nobody. */
inline schedule_local(to_queue, tells) { STEP {
  if
  :: to_queue || !lifo_enabled -> queue[me]++; displaced = 1
  :: else -> atomic { displaced = slot[me]; slot[me] = 1; queue[me] = queue[me] + displaced }
  fi;
  if
  :: displaced && tells -> displaced = 0; tell_of_push()
  :: else -> displaced = 0
  fi
} }

/* poll_driver() and wake_deferred(): one notification after all of them. */
inline wake_deferred() {
  do
  :: deferred[me] > 0 -> deferred[me]--; EVENT(WAKE); schedule_local(0, 0)
  :: deferred[me] == 0 -> break
  od
}
inline poll_driver() { STEP {
  wake_deferred();
  if
  :: !is_searching && slot[me] + queue[me] > 1 -> tell_of_push()
  :: else
  fi
} }

/* ---- core/worker/upkeep.hpp, rendezvous.hpp ---- */

inline look_around() { STEP {
  if
  :: closed -> is_shutdown = 1
  :: else
  fi;
  if
  :: phase == gathering -> is_traced = 1
  :: else
  fi
} }

#define MOVE(r, from, to) if :: request[r] == from -> request[r] = to :: else fi
#define ALL_HERE (arrived + left == N)
#define CLOSE_ROUND LAW(phase == gathering && leaders == 0); phase = leading; leaders++; complete = (arrived == N); asked = 0; MOVE(0, ASKED, LED_FOR); MOVE(REQUESTS - 1, ASKED, LED_FOR)

#ifndef AT_LIMIT /* may a round's time be over? */
#define AT_LIMIT 1
#endif

/* follow(): the sleepers that have not come need a token. */
inline wake_sleepers_for_round() {
  atomic { mutex == 0 ->
    if
    :: phase == gathering ->
       i = 0;
       do
       :: i < asleep ->
#ifndef FAULT_NO_TOKEN_FOR_ROUND
          if :: !present[sleepers[i]] -> token[sleepers[i]] = 1 :: else fi;
#endif
          i++
       :: else -> i = 0; break
       od
    :: else
    fi }
}

/* lead_dump(): what it reads must not move meanwhile; then finish(), and the next round if somebody asked for it. */
inline lead_round() {
  do
  :: READ_TASKS;
     atomic { LAW(leaders == 1); MOVE(0, LED_FOR, SERVED); MOVE(REQUESTS - 1, LED_FOR, SERVED); DUMPED };
     atomic {
       i = 0;
       do :: i < N -> present[i] = 0; i++ :: else -> i = 0; break od;
#ifndef FAULT_ARRIVALS_KEPT
       arrived = 0;
#endif
#ifndef FAULT_SAME_NUMBER
       round++;
#endif
       leaders--; phase = idle; open_round() };
     if
     :: part == lead -> part = none
     :: part == wait -> part = none; wake_sleepers_for_round(); break
     :: part == none -> break
     fi
  od
}

/* open_locked(): if somebody has asked. */
inline open_round() {
  if
  :: asked > 0 && phase == idle ->
     phase = gathering; part = wait;
     if :: ALL_HERE || hurried -> CLOSE_ROUND; part = lead :: else fi;
     hurried = 0
  :: else
  fi
}

inline leave_search() { STEP {
  if
  :: is_searching ->
     is_searching = 0;
     atomic { LAW(searching > 0); was_last = (searching == 1); searching-- };
     if
#ifndef FAULT_LAST_SEARCHER_TELLS_NOBODY
     :: was_last -> was_last = 0; notify_parked(told)
#endif
     :: else -> was_last = 0
     fi
  :: else
  fi
} }

inline clear_queues() { STEP {
  do
  :: atomic { i < N -> ENDED(queue[i]); queue[i] = 0; i++ }
  :: else -> i = 0; break
  od;
  atomic { ENDED(inject); inject = 0 }
} }

/* hold(): the last walk and a leader exclude each other. */
inline hold_dumps() {
#ifndef FAULT_NO_HOLD
  atomic { phase != leading -> phase = leading; leaders++; complete = 0 }
#else
  atomic { phase = leading; leaders++; complete = 0 }
#endif
}

proctype worker(byte me) {
  bit is_searching, is_shutdown, is_traced, is_resting, lifo_enabled = 1;
  bit was_last, is_pending, displaced, is_looking;
  byte i, told, other, looks, n, chain, my_round;
  mtype part = none;

  if
  :: STARTS_AT_REST ->
     is_resting = 1; goto wait_for_token
  :: else
  fi;

tick: /* core/worker/tick.hpp */
  if
  :: is_traced -> goto attend
  :: else
  fi;
get_on:
  if
  :: skip
  :: UPKEEP -> poll_driver(); look_around()
  fi;
  if
  :: is_shutdown -> goto leave
  :: else
  fi;

  STEP { /* core/worker/pick.hpp */
  if
  :: GLOBAL_TICK && inject > 0 -> goto pop_one
  :: true
  fi;
own:
  if
  :: slot[me] -> slot[me] = 0; goto turn
  :: else
  fi;
  if
  :: atomic { queue[me] > 0 -> queue[me]-- }; goto turn
  :: else
  fi;
  if
  :: inject == 0 -> goto start_search
  :: else
  fi;
  if /* take_inject_batch(): a fair share; for a moment it is in no queue */
  :: atomic { inject > 0 -> n = (inject / N + 1 < inject -> inject / N + 1 : inject); inject = inject - n };
     EVENT(INJECT_POP);
     if
     :: n > 1 -> queue[me] = queue[me] + n - 1; n = 0;
#ifndef FAULT_BATCH_TELLS_NOBODY
        if :: !is_searching -> tell_of_push() :: else fi
#endif
     :: else -> n = 0
     fi;
     goto turn
  :: else -> goto start_search
  fi;

pop_one:
  if
  :: atomic { inject > 0 -> inject--; n = 1 }; EVENT(INJECT_POP); n = 0; goto turn
  :: else -> if :: is_looking -> is_looking = 0; goto lie_down :: else -> goto own fi
  fi;

start_search: /* core/worker/search.hpp */
  if
  :: !is_searching ->
     if
     :: searching >= MOST_SEARCHING -> goto lie_down
     :: else -> atomic { searching++; is_searching = 1 }
     fi
  :: else
  fi;
  atomic { PICK_START; looks = 0 };
  do
  :: looks < N - 1 ->
     atomic { looks++; other = (other + 1) % N; if :: other == me -> other = (other + 1) % N :: else fi };
     if
     :: atomic { queue[other] > 0 && !robbed[other] ->
          n = queue[other] - queue[other] / 2; queue[other] = queue[other] - n; robbed[other] = 1 };
        robbed[other] = 0;
        queue[me] = queue[me] + n - 1;
        EVENT(STEAL); atomic { n = 0; other = 0; looks = 0 }; goto turn
     :: else -> EVENT(STEAL_TRY)
     fi
  :: else -> atomic { other = 0; looks = 0 }; break
  od;
  if
  :: inject > 0 -> is_looking = 1; goto pop_one
  :: else
  fi };

lie_down: /* core/worker/rest.hpp */
  if
  :: deferred[me] > 0 -> poll_driver(); goto tick
  :: else
  fi;
  join_sleepers();
  if
#ifndef FAULT_NO_SECOND_LOOK
  :: was_last -> was_last = 0; look_at_all_queues()
#endif
  :: else -> was_last = 0
  fi;
  if
#ifndef FAULT_NO_LOOK_AT_ROUND
  :: phase == gathering -> token[me] = 1
#endif
  :: else
  fi;
  is_resting = 1;
rest:
  EVENT(PARK);
wait_for_token:
end_rest:
  atomic { token[me] -> token[me] = 0 };
tick_at_rest:
  if
  :: phase == gathering || is_traced -> goto attend
  :: else
  fi;
get_up:
  look_around();
  EVENT(UNPARK);
  if
  :: is_shutdown -> goto leave
  :: else
  fi;
  atomic { mutex == 0 ->
    find_sleeper(me, i);
    if
    :: i == asleep -> is_searching = 1; is_resting = 0
    :: slot[me] + queue[me] > 0 && i < asleep -> /* a timer's task: off the stack, and awake */
       asleep--; sleepers[i] = sleepers[asleep]; sleepers[asleep] = 0; unparked++; is_resting = 0
    :: else
    fi;
    i = 0 };
  if
  :: is_resting -> goto rest /* for nothing */
  :: else -> goto get_on
  fi;

attend: /* core/worker/rendezvous.hpp */
  is_traced = 1;
  EVENT(DUMP);
  if
  :: is_resting ->
     atomic { mutex == 0 -> find_sleeper(me, i); if :: i < asleep -> token[me] = 0 :: else fi; i = 0 }
  :: else
  fi;
  atomic {
    if
    :: phase != gathering -> part = none
    :: else ->
       LAW(!present[me] && !gone[me]);
       present[me] = 1; arrived++; my_round = round;
       if
       :: ALL_HERE -> CLOSE_ROUND; part = lead
       :: else -> part = wait
       fi
    fi };
  if
  :: part == wait ->
     waiting++;
     if
     :: atomic { round != my_round -> part = none; waiting-- }
     :: atomic { AT_LIMIT && round == my_round && phase == gathering -> CLOSE_ROUND; part = lead; waiting-- }
     fi
  :: else
  fi;
  my_round = 0;
  if
  :: part == lead -> part = none; lead_round()
  :: else
  fi;
  is_traced = 0;
  if
  :: is_resting -> /* has_reason_to_get_up() */
     if
     :: closed || slot[me] + queue[me] > 0 -> goto tick_at_rest
     :: else
     fi;
     atomic { mutex == 0 -> find_sleeper(me, i); is_pending = (i < asleep); i = 0 };
     if
     :: is_pending -> is_pending = 0; goto wait_for_token
     :: else -> goto tick_at_rest
     fi
  :: else -> goto tick
  fi;

turn: /* core/worker/run.hpp */
  is_looking = 0;
  leave_search();
  chain = 0;
poll:
  EVENT(POLL_BEGIN);
  LAW(!(present[me] && phase == leading)); /* nobody polls while it is looked at */
  do
  :: SPAWNS -> EVENT(SPAWN);
     if
     :: closed -> ENDED(1)
     :: else -> schedule_local(0, 1)
     fi
  :: WAKES -> EVENT(WAKE); schedule_local(0, 1)
  :: YIELDS_TO_QUEUE -> n = 1; EVENT(WAKE); n = 0; schedule_local(1, 1)
  :: HOLDS -> BLOCKED
  :: break
  od;
  if
  :: DEFERS -> deferred[me]++; n = 1; EVENT(POLL_END); n = 0
  :: GOES_IDLE -> EVENT(POLL_END)
  :: ENDS -> ENDED(1); EVENT(POLL_END)
  fi;
  if
  :: slot[me] && lifo_enabled ->
     atomic { slot[me] = 0; chain++; lifo_enabled = (chain < LIFO_POLLS) };
     goto poll
  :: else -> atomic { lifo_enabled = 1; chain = 0 }; goto tick
  fi;

leave: /* core/worker/upkeep.hpp, SHUTDOWN.md */
  leave_search();
  atomic {
    LAW(!present[me] || phase == idle);
    gone[me] = 1; left++;
    if :: phase == gathering && ALL_HERE -> CLOSE_ROUND; part = lead :: else fi };
  if
  :: part == lead -> part = none; lead_round()
  :: else
  fi;
  WALK(me);
  wake_deferred();
  atomic { ENDED(slot[me]); slot[me] = 0 };
  atomic { cores_gone++; was_last = (cores_gone == N) };
  if
  :: was_last ->
     clear_queues();
     hold_dumps();
#ifndef FAULT_NO_SECOND_WALK
     WALK_ALL;
#endif
     lead_round();
     clear_queues();
     all_gone = 1
  :: else
  fi;
end_gone:
  skip
}
