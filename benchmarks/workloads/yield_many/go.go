// What does a turn of the scheduler cost, when goroutines do nothing but give way to each other?
package main

import (
	"runtime"
	"sync/atomic"
)

var (
	yieldersLeft atomic.Uint64
	yieldedByAll atomic.Uint64
	yieldersDone = newSignal()
)

func yieldMany(sizes Sizes) uint64 {
	tasks, yields := sizes.get("tasks"), sizes.get("yields")
	yieldersLeft.Store(tasks)
	yieldedByAll.Store(0)
	for task := uint64(0); task < tasks; task++ {
		go func() {
			yielded := uint64(0)
			for ; yielded < yields; yielded++ {
				runtime.Gosched()
			}
			yieldedByAll.Add(yielded)
			if yieldersLeft.Add(^uint64(0)) == 0 {
				yieldersDone.raise()
			}
		}()
	}
	yieldersDone.wait()
	return yieldedByAll.Load()
}
