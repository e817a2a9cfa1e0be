// go_echo is Go's echo server, on one P.
//
//	go_echo loop|copy|udp [BYTES]     BYTES: a connection's buffer, 4096 unless told; copy has none
//
// loop reads and writes; copy leaves both to io.Copy, which from a TCPConn to itself moves the bytes by splice(2), through
// a pipe in the kernel, so that they never come to the program.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
)

const (
	usualBytes              = 4096
	mostBytes               = 1 << 20
	usageError              = 2
	datagramBytes           = 65536
	untilDescriptorsAreFree = 10 * time.Millisecond
)

func fail(status int, what string) {
	fmt.Fprintln(os.Stderr, "go_echo: "+what)
	os.Exit(status)
}

func echoByLoop(connection net.Conn, bytes int) {
	defer connection.Close()
	buffer := make([]byte, bytes)
	for {
		size, err := connection.Read(buffer)
		if size > 0 {
			if _, failed := connection.Write(buffer[:size]); failed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func echoByCopy(connection net.Conn, _ int) {
	defer connection.Close()
	io.Copy(connection, connection) // an error ends the connection as its end does
}

func serveStreams(echo func(net.Conn, int), bytes int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(1, err.Error())
	}
	fmt.Printf("listening tcp://%v\n", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			time.Sleep(untilDescriptorsAreFree)
			continue
		}
		go echo(connection, bytes)
	}
}

func serveDatagrams() {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		fail(1, err.Error())
	}
	fmt.Printf("listening udp://%v\n", socket.LocalAddr())
	buffer := make([]byte, datagramBytes)
	for {
		size, sender, err := socket.ReadFromUDPAddrPort(buffer)
		if err == nil {
			socket.WriteToUDPAddrPort(buffer[:size], sender) // what is refused is lost, as UDP allows
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	bytes := usualBytes
	if len(os.Args) == 3 {
		given, err := strconv.Atoi(os.Args[2])
		if err != nil || given < 1 || given > mostBytes {
			fail(usageError, "BYTES is 1 to 1048576")
		}
		bytes = given
	}
	mode := ""
	if len(os.Args) == 2 || len(os.Args) == 3 {
		mode = os.Args[1]
	}
	switch mode {
	case "loop":
		serveStreams(echoByLoop, bytes)
	case "copy":
		serveStreams(echoByCopy, bytes)
	case "udp":
		serveDatagrams()
	default:
		fail(usageError, "usage: go_echo loop|copy|udp [BYTES]")
	}
}
