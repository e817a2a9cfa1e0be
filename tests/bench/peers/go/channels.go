package main

import (
	"sync"
	"time"
)

// Rows about channels and select. Their twins are in conc/channel_rows.cpp.

const (
	buffered      = 128
	sidesOfMpmc   = 4
	fanInSenders  = 100
	cacheLineInts = 16 // a cache line and its neighbour, in ints
)

func channelRows() map[string]program {
	return map[string]program{
		"ping_pong":       pingPong,
		"spsc_unbuffered": func(operations int) measurement { return spsc(operations, 0) },
		"spsc_buffered":   func(operations int) measurement { return spsc(operations, buffered) },
		"mpmc":            mpmc,
		"fan_in":          fanIn,
		"select_2":        select2,
		"select_8":        select8,
		"try_send_recv":   trySendRecv,
	}
}

func pingPong(operations int) measurement {
	ping := make(chan int)
	pong := make(chan int)
	go func() {
		for value := range ping {
			pong <- value
		}
		close(pong)
	}()
	sum := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		ping <- i
		sum += <-pong
	}
	elapsed := time.Since(start)
	close(ping)
	<-pong
	expectEqual(sum, sumBelow(operations))
	return measurement{time: elapsed}
}

func sendAndClose(to chan<- int, count int) {
	for i := 0; i < count; i++ {
		to <- i
	}
	close(to)
}

func sendValues(to chan<- int, count int, senders *sync.WaitGroup) {
	for i := 0; i < count; i++ {
		to <- i
	}
	senders.Done()
}

func spsc(operations, capacity int) measurement {
	values := make(chan int, capacity)
	sum := 0
	start := time.Now()
	go sendAndClose(values, operations)
	for value := range values {
		sum += value
	}
	elapsed := time.Since(start)
	expectEqual(sum, sumBelow(operations))
	return measurement{time: elapsed}
}

func mpmc(operations int) measurement {
	values := make(chan int, buffered)
	var senders, receivers sync.WaitGroup
	var sums [sidesOfMpmc][cacheLineInts]int
	expected := 0
	start := time.Now()
	senders.Add(sidesOfMpmc)
	receivers.Add(sidesOfMpmc)
	for i := 0; i < sidesOfMpmc; i++ {
		count := share(operations, sidesOfMpmc, i)
		expected += sumBelow(count)
		go sendValues(values, count, &senders)
		go func(sum *int) {
			for value := range values {
				*sum += value
			}
			receivers.Done()
		}(&sums[i][0])
	}
	senders.Wait()
	close(values)
	receivers.Wait()
	elapsed := time.Since(start)
	sum := 0
	for i := range sums {
		sum += sums[i][0]
	}
	expectEqual(sum, expected)
	return measurement{time: elapsed}
}

func fanIn(operations int) measurement {
	values := make(chan int)
	var senders sync.WaitGroup
	sum, expected := 0, 0
	start := time.Now()
	senders.Add(fanInSenders)
	for i := 0; i < fanInSenders; i++ {
		count := share(operations, fanInSenders, i)
		expected += sumBelow(count)
		go sendValues(values, count, &senders)
	}
	for i := 0; i < operations; i++ {
		sum += <-values
	}
	senders.Wait()
	elapsed := time.Since(start)
	expectEqual(sum, expected)
	return measurement{time: elapsed}
}

// selectOver has one sender on each of the channels, and one receiver that selects over them all.
func selectOver(operations int, channels []chan int, addUp func() int) measurement {
	var senders sync.WaitGroup
	expected := 0
	start := time.Now()
	senders.Add(len(channels))
	for i, channel := range channels {
		count := share(operations, len(channels), i)
		expected += sumBelow(count)
		go sendValues(channel, count, &senders)
	}
	sum := addUp()
	senders.Wait()
	elapsed := time.Since(start)
	expectEqual(sum, expected)
	return measurement{time: elapsed}
}

func makeChannels(count int) []chan int {
	channels := make([]chan int, count)
	for i := range channels {
		channels[i] = make(chan int)
	}
	return channels
}

func select2(operations int) measurement {
	channels := makeChannels(2)
	return selectOver(operations, channels, func() int {
		a, b := channels[0], channels[1]
		sum := 0
		for i := 0; i < operations; i++ {
			select {
			case value := <-a:
				sum += value
			case value := <-b:
				sum += value
			}
		}
		return sum
	})
}

func select8(operations int) measurement {
	channels := makeChannels(8)
	return selectOver(operations, channels, func() int {
		a, b, c, d := channels[0], channels[1], channels[2], channels[3]
		e, f, g, h := channels[4], channels[5], channels[6], channels[7]
		sum := 0
		for i := 0; i < operations; i++ {
			select {
			case value := <-a:
				sum += value
			case value := <-b:
				sum += value
			case value := <-c:
				sum += value
			case value := <-d:
				sum += value
			case value := <-e:
				sum += value
			case value := <-f:
				sum += value
			case value := <-g:
				sum += value
			case value := <-h:
				sum += value
			}
		}
		return sum
	})
}

func trySendRecv(operations int) measurement {
	values := make(chan int, 1)
	sum := 0
	start := time.Now()
	for i := 0; i < operations; i++ {
		select {
		case values <- i:
		default:
		}
		select {
		case value := <-values:
			sum += value
		default:
		}
	}
	elapsed := time.Since(start)
	expectEqual(sum, sumBelow(operations))
	return measurement{time: elapsed}
}
