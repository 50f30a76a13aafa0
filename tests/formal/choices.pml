/* What a world leaves open in a worker, where it says nothing else. A trace takes these from its log. */
#ifndef STARTS_AT_REST
#define STARTS_AT_REST 0
#endif
#ifndef UPKEEP /* every so many turns: any turn */
#define UPKEEP true
#endif
#ifndef GLOBAL_TICK /* inject first, every so many turns: any turn */
#define GLOBAL_TICK true
#endif
#ifndef PICK_START /* a random victim to begin with */
#if N > 2
#define PICK_START if :: other = 0 :: other = 1 :: other = 2 fi
#else
#define PICK_START other = me
#endif
#endif
byte alive; /* tasks that have not ended */
byte spawns, yields, holds, idles; /* how many of each may still happen */
#ifndef SPAWNS
#define SPAWNS atomic { spawns > 0 -> spawns--; alive++ }
#define WAKES false
#define YIELDS_TO_QUEUE false
#endif
#ifndef HOLDS
#define HOLDS atomic { holds > 0 -> holds-- }
#endif
#ifndef BLOCKED /* until there is nothing left that others could do */
#define BLOCKED atomic { inject == 0 && queue[0] + queue[1] + (N > 2 -> queue[N - 1] : 0) == 0 }
#endif
#ifndef DEFERS
#define DEFERS atomic { yields > 0 -> yields-- }
#endif
#ifndef GOES_IDLE
#define GOES_IDLE atomic { idles > 0 -> idles-- }
#endif
#ifndef ENDS
#define ENDS true
#endif
#ifndef ENDED
#define ENDED(tasks) alive = alive - tasks
#endif
#ifndef WALK
#define WALK(part) skip
#define WALK_ALL skip
#endif
#ifndef READ_TASKS /* what a leader does before it serves */
#define READ_TASKS skip
#endif
#ifndef DUMPED
#define DUMPED
#endif
