// How long does one workload take on goroutines? Runs it and prints one JSON line, as the other programs do.
// One more repeat runs first and is not reported; the answer of each is checked.
// To add a workload: its file ../workloads/<name>/go.go and one line in workloads. run.py lays those files over this folder.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Sizes of one workload, as spec.json gives them.
type Sizes map[string]uint64

func (sizes Sizes) get(name string) uint64 {
	value, found := sizes[name]
	if !found {
		fail("size %s is missing; pass --size %s=NUMBER", name, name)
	}
	return value
}

// Signal is what one thread waits for and the last goroutine of a workload raises: a mutex and a condition variable, as in every peer.
type Signal struct {
	mutex   sync.Mutex
	changed sync.Cond
	raised  bool
}

func newSignal() *Signal {
	signal := &Signal{}
	signal.changed.L = &signal.mutex
	return signal
}

func (signal *Signal) raise() {
	signal.mutex.Lock()
	signal.raised = true
	signal.mutex.Unlock()
	signal.changed.Signal()
}

// wait lowers the signal again for the next repeat.
func (signal *Signal) wait() {
	signal.mutex.Lock()
	for !signal.raised {
		signal.changed.Wait()
	}
	signal.raised = false
	signal.mutex.Unlock()
}

// One iteration of each workload; returns its answer.
var workloads = map[string]func(Sizes) uint64{
	"chained_spawn":     chainedSpawn,
	"channel":           channel,
	"fib":               fib,
	"ping_pong":         pingPong,
	"skynet":            skynet,
	"spawn_join_worker": spawnJoinWorker,
	"spawn_batch":       spawnBatch,
	"spawn_many_worker": spawnManyWorker,
	"timer_many":        timerMany,
	"yield_many":        yieldMany,
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "go: "+format+"\n", values...)
	os.Exit(2)
}

func number(option, digits string) uint64 {
	value, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		fail("%s %s; need a whole number", option, digits)
	}
	return value
}

func parse(words []string) (map[string]string, Sizes) {
	text, sizes := map[string]string{}, Sizes{}
	for at := 0; at+1 < len(words); at += 2 {
		if words[at] == "--size" {
			name, digits, _ := strings.Cut(words[at+1], "=")
			sizes[name] = number("--size "+name, digits)
		} else {
			text[words[at]] = words[at+1]
		}
	}
	return text, sizes
}

// peakKiB is the most memory this process has held; see peak_kib in ../shared/bench.rs.
func peakKiB() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	return number("VmHWM", fields[0])
}

func main() {
	text, sizes := parse(os.Args[1:])
	option := func(name string) uint64 { return number(name, text[name]) }
	name := text["--workload"]
	run, found := workloads[name]
	if !found {
		fail("workload %s has no Go version", name)
	}
	repeats, iterations, expected := option("--repeats"), option("--iterations"), option("--expect")
	runtime.GOMAXPROCS(int(option("--workers")))

	ok := true
	times := []int64{}
	for repeat := uint64(0); repeat <= repeats; repeat++ {
		start := time.Now()
		for iteration := uint64(0); iteration < iterations; iteration++ {
			ok = run(sizes) == expected && ok
		}
		if repeat > 0 {
			times = append(times, time.Since(start).Nanoseconds())
		}
	}
	line, err := json.Marshal(map[string]any{
		"peer": "go", "workload": name, "workers": option("--workers"), "operations": option("--operations") * iterations,
		"ns": times, "answer_ok": ok, "peak_kib": peakKiB(),
	})
	if err != nil {
		fail("%v", err)
	}
	fmt.Println(string(line))
	if !ok {
		fmt.Fprintln(os.Stderr, "go: wrong answer")
		os.Exit(1)
	}
}
