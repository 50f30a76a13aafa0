// What does a wide fork and join cost? Each inner goroutine starts ten and adds up what they send; a leaf sends its number.
package main

const skynetWidth = 10

func skynetNode(sum chan<- uint64, first, leaves uint64) {
	if leaves == 1 {
		sum <- first
		return
	}
	share := leaves / skynetWidth
	children := make(chan uint64, skynetWidth)
	for child := uint64(0); child < skynetWidth; child++ {
		go skynetNode(children, first+child*share, share)
	}
	total := uint64(0)
	for child := 0; child < skynetWidth; child++ {
		total += <-children
	}
	sum <- total
}

func skynet(sizes Sizes) uint64 {
	sum := make(chan uint64, 1)
	go skynetNode(sum, 0, sizes.get("leaves"))
	return <-sum
}
