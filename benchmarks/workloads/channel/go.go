// What does an element cost on its way through a bounded channel from one goroutine to another?
package main

var channelDone = newSignal()

func channel(sizes Sizes) uint64 {
	elements := sizes.get("elements")
	values := make(chan uint64, sizes.get("capacity"))
	sum := uint64(0) // the signal's mutex hands it on
	go func() {
		for element := uint64(0); element < elements; element++ {
			values <- element
		}
	}()
	go func() {
		received := uint64(0)
		for element := uint64(0); element < elements; element++ {
			received += <-values
		}
		sum = received
		channelDone.raise()
	}()
	channelDone.wait()
	return sum
}
