// What does a task cost that starts together with many others? Go has no batches: one by one.
package main

import "sync/atomic"

var (
	batchLeft atomic.Uint64
	batchDone = newSignal()
)

func spawnBatch(sizes Sizes) uint64 {
	tasks := sizes.get("batches") * sizes.get("tasks")
	batchLeft.Store(tasks)
	go func() {
		for task := uint64(0); task < tasks; task++ {
			go func() {
				if batchLeft.Add(^uint64(0)) == 0 {
					batchDone.raise()
				}
			}()
		}
	}()
	batchDone.wait()
	return tasks - batchLeft.Load()
}
