// What does one spawn, run and join cost, one at a time? The channel is the handle.
package main

func spawnJoinWorker(sizes Sizes) uint64 {
	tasks := sizes.get("tasks")
	root := make(chan uint64, 1)
	go func() {
		sum := uint64(0)
		for value := uint64(0); value < tasks; value++ {
			result := make(chan uint64, 1)
			go func() { result <- value }()
			sum += <-result
		}
		root <- sum
	}()
	return <-root
}
