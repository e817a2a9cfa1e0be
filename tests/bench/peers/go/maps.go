package main

import (
	"sync"
	"time"
)

// Rows about maps that goroutines share: sync.Map, and a map with a Mutex beside it.

const (
	mapUsers = 2
	keys     = 65536
)

func mapRows() map[string]program {
	all := map[string]program{}
	for suffix, loads := range map[string]uint64{"90_10": 90, "50_50": 50, "10_90": 10} {
		loads := loads
		all["map_"+suffix] = func(operations int) measurement {
			return useMap(operations, loads, &syncMap{})
		}
		all["map_mutex_"+suffix] = func(operations int) measurement {
			return useMap(operations, loads, &mutexMap{values: map[uint64]uint64{}})
		}
	}
	return all
}

type sharedMap interface {
	load(key uint64) uint64
	store(key, value uint64)
}

type syncMap struct {
	values sync.Map
}

func (m *syncMap) load(key uint64) uint64 {
	if value, found := m.values.Load(key); found {
		return value.(uint64)
	}
	return 0
}

func (m *syncMap) store(key, value uint64) {
	m.values.Store(key, value)
}

type mutexMap struct {
	lock   sync.Mutex
	values map[uint64]uint64
}

func (m *mutexMap) load(key uint64) uint64 {
	m.lock.Lock()
	value := m.values[key]
	m.lock.Unlock()
	return value
}

func (m *mutexMap) store(key, value uint64) {
	m.lock.Lock()
	m.values[key] = value
	m.lock.Unlock()
}

// useMap loads and stores random keys, half of which are there from the start. loads is in percent.
func useMap(operations int, loads uint64, values sharedMap) measurement {
	for key := uint64(0); key < keys; key += 2 {
		values.store(key, key)
	}
	var group sync.WaitGroup
	var sums [mapUsers][cacheLineInts]uint64
	start := time.Now()
	group.Add(mapUsers)
	for i := 0; i < mapUsers; i++ {
		go func(index, count int) {
			random := uint64(index) + 1
			sum := uint64(0)
			for i := 0; i < count; i++ {
				random ^= random << 13 // xorshift64
				random ^= random >> 7
				random ^= random << 17
				key := random % keys
				if (random>>32)%100 < loads {
					sum += values.load(key)
				} else {
					values.store(key, uint64(i))
				}
			}
			sums[index][0] = sum
			group.Done()
		}(i, share(operations, mapUsers, i))
	}
	group.Wait()
	return measurement{time: time.Since(start)}
}
