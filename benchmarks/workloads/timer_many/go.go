// What do many short sleeps cost, which all begin at once? The longest takes 10 ms in any case.
package main

import (
	"sync/atomic"
	"time"
)

var (
	sleepersLeft atomic.Uint64
	sleepersDone = newSignal()
)

func timerMany(sizes Sizes) uint64 {
	timers := sizes.get("timers")
	sleepersLeft.Store(timers)
	for timer := uint64(0); timer < timers; timer++ {
		go func() {
			time.Sleep(time.Duration(1+timer%10) * time.Millisecond)
			if sleepersLeft.Add(^uint64(0)) == 0 {
				sleepersDone.raise()
			}
		}()
	}
	sleepersDone.wait()
	return timers - sleepersLeft.Load()
}
