// What does a spawn cost when each goroutine makes exactly one successor?
package main

import "sync/atomic"

var (
	chainReached atomic.Uint64
	chainDone    = newSignal()
)

func chain(link, links uint64) {
	if link == links {
		chainReached.Store(link)
		chainDone.raise()
		return
	}
	go chain(link+1, links)
}

func chainedSpawn(sizes Sizes) uint64 {
	chainReached.Store(0)
	go chain(0, sizes.get("links"))
	chainDone.wait()
	return chainReached.Load()
}
