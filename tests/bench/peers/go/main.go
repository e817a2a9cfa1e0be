// go_rows is Go's side of conc_bench: the same programs as conc_rows, under the same names.
//
// It runs one row and prints one line of JSON: how many operations took how many nanoseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"
)

const (
	workers       = 2
	maxOperations = 1_000_000_000
	usageError    = 2
)

type measurement struct {
	time         time.Duration
	bytesPerTask float64 // 0 for rows that do not look at memory
}

// A program runs a number of operations and says how long they took, set-up not counted.
type program func(operations int) measurement

func rows() map[string]program {
	all := map[string]program{}
	for _, some := range []map[string]program{channelRows(), taskRows(), syncRows(), mapRows()} {
		for name, run := range some {
			all[name] = run
		}
	}
	return all
}

func names() []string {
	var all []string
	for name := range rows() {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

func fail(status int, format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "go_rows: "+format+"\n", arguments...)
	os.Exit(status)
}

// expectEqual ends the program where it computed something wrong: its time would be worth nothing.
func expectEqual(actual, expected int) {
	if actual != expected {
		fail(1, "the program computed %d instead of %d", actual, expected)
	}
}

// share is the part of whole that falls to worker index of workers: the parts differ by one at most.
func share(whole, workers, index int) int {
	if index < whole%workers {
		return whole/workers + 1
	}
	return whole / workers
}

// sumBelow is 0 + 1 + ... + (count - 1), which is what most programs add up.
func sumBelow(count int) int {
	return count * (count - 1) / 2
}

// residentBytes is the memory of this process that is in RAM now.
func residentBytes() int {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail(1, "%v", err)
	}
	var total, resident int
	if _, err := fmt.Sscan(string(statm), &total, &resident); err != nil {
		fail(1, "/proc/self/statm: %v", err)
	}
	return resident * os.Getpagesize()
}

func main() {
	row := flag.String("row", "", "the row to run: "+strings.Join(names(), ", "))
	list := flag.Bool("list", false, "print the names of all rows")
	operations := flag.Int("operations", 100_000, "operations to time")
	warmUp := flag.Int("warm-up", 0, "operations to run before, unmeasured")
	flag.Parse()
	if flag.NArg() > 0 {
		fail(usageError, "what is '%s'? See go_rows -help", flag.Arg(0))
	}
	if *list {
		fmt.Println(strings.Join(names(), "\n"))
		return
	}
	run, known := rows()[*row]
	if !known {
		fail(usageError, "no row '%s': there are %s", *row, strings.Join(names(), ", "))
	}
	if *operations < 1 || *operations > maxOperations {
		fail(usageError, "-operations is 1 to %d", maxOperations)
	}
	if *warmUp < 0 || *warmUp > maxOperations {
		fail(usageError, "-warm-up is 0 to %d", maxOperations)
	}

	runtime.GOMAXPROCS(workers)
	if *warmUp > 0 {
		run(*warmUp)
	}
	runtime.GC() // as the testing package does: the garbage of the warm-up is not the row's
	measured := run(*operations)
	result := map[string]any{
		"row":         *row,
		"operations":  *operations,
		"nanoseconds": measured.time.Nanoseconds(),
	}
	if measured.bytesPerTask != 0 {
		result["bytes_per_task"] = measured.bytesPerTask
	}
	line, err := json.Marshal(result)
	if err != nil {
		fail(1, "%v", err)
	}
	fmt.Println(string(line))
}
