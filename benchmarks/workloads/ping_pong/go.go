// What do two goroutines pay to talk once in each direction, over channels made for the purpose?
package main

import "sync/atomic"

var (
	pairsLeft     atomic.Uint64
	pairsReceived atomic.Uint64
	pairsDone     = newSignal()
)

func pair() {
	ping, pong := make(chan uint64, 1), make(chan uint64, 1)
	go func() { pong <- <-ping + 1 }()
	ping <- 1
	pairsReceived.Add(<-pong)
	if pairsLeft.Add(^uint64(0)) == 0 {
		pairsDone.raise()
	}
}

func pingPong(sizes Sizes) uint64 {
	pairs := sizes.get("pairs")
	pairsLeft.Store(pairs)
	pairsReceived.Store(0)
	go func() {
		for number := uint64(0); number < pairs; number++ {
			go pair()
		}
	}()
	pairsDone.wait()
	return pairsReceived.Load()
}
