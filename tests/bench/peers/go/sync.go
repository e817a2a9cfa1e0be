package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Rows about Mutex, RWMutex, Once, Context and timers. Their twins are in conc/sync_rows.cpp.

const (
	contenders = 4
	readers    = 2
	long       = time.Hour // a deadline that no run reaches
)

func syncRows() map[string]program {
	return map[string]program{
		"mutex_alone":     func(operations int) measurement { return mutex(operations, 1) },
		"mutex_contended": func(operations int) measurement { return mutex(operations, contenders) },
		"rwmutex_read":    rwmutexRead,
		"once":            once,
		"context_done":    contextDone,
		"context_err":     contextErr,
		"context_timeout": contextTimeout,
		"recv_timeout":    recvTimeout,
		"timer_reset":     timerReset,
		"timers_armed":    timersArmed,
	}
}

func mutex(operations, tasks int) measurement {
	var lock sync.Mutex
	counter := 0
	var group sync.WaitGroup
	start := time.Now()
	group.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func(times int) {
			for i := 0; i < times; i++ {
				lock.Lock()
				counter++
				lock.Unlock()
			}
			group.Done()
		}(share(operations, tasks, i))
	}
	group.Wait()
	elapsed := time.Since(start)
	expectEqual(counter, operations)
	return measurement{time: elapsed}
}

func rwmutexRead(operations int) measurement {
	var lock sync.RWMutex
	guarded := 1
	var group sync.WaitGroup
	var sums [readers][cacheLineInts]int
	start := time.Now()
	group.Add(readers)
	for i := 0; i < readers; i++ {
		go func(times int, sum *int) {
			for i := 0; i < times; i++ {
				lock.RLock()
				*sum += guarded
				lock.RUnlock()
			}
			group.Done()
		}(share(operations, readers, i), &sums[i][0])
	}
	group.Wait()
	elapsed := time.Since(start)
	expectEqual(sums[0][0]+sums[1][0], operations)
	return measurement{time: elapsed}
}

func once(operations int) measurement {
	var once sync.Once
	calls := 0
	countCall := func() { calls++ }
	start := time.Now()
	for i := 0; i < operations; i++ {
		once.Do(countCall)
	}
	elapsed := time.Since(start)
	expectEqual(calls, 1)
	return measurement{time: elapsed}
}

func contextDone(operations int) measurement {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	alive := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		select {
		case <-ctx.Done():
		default:
			alive++
		}
	}
	elapsed := time.Since(start)
	expectEqual(alive, operations)
	return measurement{time: elapsed}
}

func contextErr(operations int) measurement {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	alive := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		if ctx.Err() == nil {
			alive++
		}
	}
	elapsed := time.Since(start)
	expectEqual(alive, operations)
	return measurement{time: elapsed}
}

func contextTimeout(operations int) measurement {
	background := context.Background()
	canceled := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		ctx, cancel := context.WithTimeout(background, long)
		cancel()
		if errors.Is(ctx.Err(), context.Canceled) {
			canceled++
		}
	}
	elapsed := time.Since(start)
	expectEqual(canceled, operations)
	return measurement{time: elapsed}
}

// recvTimeout uses one timer again and again, as a careful program does where time.After would leave garbage.
func recvTimeout(operations int) measurement {
	values := make(chan int)
	sum := 0
	start := time.Now()
	go func() {
		for i := 0; i < operations; i++ {
			values <- i
		}
	}()
	timer := time.NewTimer(long)
	for i := 0; i < operations; i++ {
		timer.Reset(long)
		select {
		case value := <-values:
			sum += value
			timer.Stop()
		case <-timer.C:
		}
	}
	elapsed := time.Since(start)
	expectEqual(sum, sumBelow(operations))
	return measurement{time: elapsed}
}

func timerReset(operations int) measurement {
	timer := time.NewTimer(long)
	armed := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		if timer.Reset(long) {
			armed++
		}
	}
	elapsed := time.Since(start)
	timer.Stop()
	expectEqual(armed, operations)
	return measurement{time: elapsed}
}

// timersArmed makes each timer due a little later than the one before.
func timersArmed(operations int) measurement {
	timers := make([]*time.Timer, 0, operations)
	armed := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		timers = append(timers, time.NewTimer(long+time.Duration(i)*time.Microsecond))
	}
	for _, timer := range timers {
		if timer.Stop() {
			armed++
		}
	}
	elapsed := time.Since(start)
	expectEqual(armed, operations)
	return measurement{time: elapsed}
}
