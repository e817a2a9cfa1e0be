package main

import (
	"runtime"
	"sync"
	"time"
)

// Rows about goroutines: starting, ending, taking turns, waiting. Their twins are in conc/task_rows.cpp.

const (
	spawnBatch     = 100
	yielders       = 4
	skynetChildren = 10
)

func taskRows() map[string]program {
	return map[string]program{
		"spawn":          func(operations int) measurement { return spawnInBatches(operations, spawnBatch) },
		"spawn_wait":     func(operations int) measurement { return spawnInBatches(operations, 1) },
		"yield":          yield,
		"skynet":         skynet,
		"tasks_finished": finishAll,
		"tasks_parked":   parkAll,
	}
}

func endAtOnce(group *sync.WaitGroup) {
	group.Done()
}

func spawnInBatches(operations, batch int) measurement {
	var group sync.WaitGroup
	start := time.Now()
	for started := 0; started < operations; {
		now := batch
		if operations-started < now {
			now = operations - started
		}
		for i := 0; i < now; i++ {
			group.Add(1)
			go endAtOnce(&group)
		}
		group.Wait()
		started += now
	}
	return measurement{time: time.Since(start)}
}

func finishAll(operations int) measurement {
	var group sync.WaitGroup
	start := time.Now()
	for i := 0; i < operations; i++ {
		group.Add(1)
		go endAtOnce(&group)
	}
	group.Wait()
	return measurement{time: time.Since(start)}
}

func park(gate <-chan int, arrived, released *sync.WaitGroup) {
	arrived.Done()
	<-gate
	released.Done()
}

func parkAll(operations int) measurement {
	gate := make(chan int)
	var arrived, released sync.WaitGroup
	residentBefore := residentBytes()
	start := time.Now()
	for i := 0; i < operations; i++ {
		arrived.Add(1)
		released.Add(1)
		go park(gate, &arrived, &released)
	}
	arrived.Wait()
	residentParked := residentBytes()
	close(gate)
	released.Wait()
	elapsed := time.Since(start)
	return measurement{
		time:         elapsed,
		bytesPerTask: float64(residentParked-residentBefore) / float64(operations),
	}
}

func yieldOften(count int, group *sync.WaitGroup) {
	for i := 0; i < count; i++ {
		runtime.Gosched()
	}
	group.Done()
}

func yield(operations int) measurement {
	var group sync.WaitGroup
	start := time.Now()
	group.Add(yielders)
	for i := 0; i < yielders; i++ {
		go yieldOften(share(operations, yielders, i), &group)
	}
	group.Wait()
	return measurement{time: time.Since(start)}
}

func skynetNode(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	results := make(chan int)
	children := skynetChildren
	if leaves < children {
		children = leaves
	}
	for i := 0; i < children; i++ {
		below := share(leaves, children, i)
		go skynetNode(results, first, below)
		first += below
	}
	sum := 0
	for i := 0; i < children; i++ {
		sum += <-results
	}
	parent <- sum
}

func skynet(operations int) measurement {
	result := make(chan int)
	start := time.Now()
	go skynetNode(result, 0, operations)
	sum := <-result
	elapsed := time.Since(start)
	expectEqual(sum, sumBelow(operations))
	return measurement{time: elapsed}
}
