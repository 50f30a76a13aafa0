// What does a spawn cost when a goroutine spawns? The last to run signals.
package main

import "sync/atomic"

var (
	spawnLeft atomic.Uint64
	spawnDone = newSignal()
)

func spawnManyWorker(sizes Sizes) uint64 {
	tasks := sizes.get("tasks")
	spawnLeft.Store(tasks)
	go func() {
		for task := uint64(0); task < tasks; task++ {
			go func() {
				if spawnLeft.Add(^uint64(0)) == 0 {
					spawnDone.raise()
				}
			}()
		}
	}()
	spawnDone.wait()
	return tasks - spawnLeft.Load()
}
