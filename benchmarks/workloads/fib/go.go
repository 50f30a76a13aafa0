// What does a binary fork and join cost, with a goroutine for each fork and next to no work in it? The channel is the handle.
package main

func fork(n uint64) <-chan uint64 {
	forked := make(chan uint64, 1)
	go func() { forked <- fibOf(n) }()
	return forked
}

func fibOf(n uint64) uint64 {
	if n < 2 {
		return n
	}
	forked := fork(n - 1)
	inline := fibOf(n - 2)
	return inline + <-forked
}

func fib(sizes Sizes) uint64 { return <-fork(sizes.get("n")) }
